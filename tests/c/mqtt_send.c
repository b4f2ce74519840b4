// What the MQTT functions queue, byte by byte, and what they refuse.
#include "mqtt.h"

static struct mg_mgr s_mgr;
static char s_error[64];
static int s_errors;

static void on_error(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev != MG_EV_ERROR) return;
  s_errors++;
  snprintf(s_error, sizeof(s_error), "%s", (char *) ev_data);
}

// A connection of the program's own: only its send buffer is looked at.
static struct mg_connection own(bool is_mqtt5) {
  struct mg_connection c;
  memset(&c, 0, sizeof(c));
  c.mgr = &s_mgr;
  c.fn = on_error;
  c.is_mqtt5 = is_mqtt5;
  s_errors = 0;
  s_error[0] = '\0';
  return c;
}

#define CHECK_SENT(c, expected)                          \
  do {                                                   \
    CHECK_TEXT(hex((c).send.buf, (c).send.len), expected); \
    (c).send.len = 0;                                    \
  } while (0)

// Options whose fields hold garbage, but for what a call uses. Valgrind knows that nobody has set
// them, so it sees when one is looked at.
static struct mg_mqtt_opts garbage(void) {
  struct mg_mqtt_opts o, *fresh = (struct mg_mqtt_opts *) malloc(sizeof(*fresh));
  if (!under_valgrind()) memset(fresh, 0xa5, sizeof(*fresh));
  o = *fresh;
  free(fresh);
  return o;
}

static struct mg_mqtt_opts login_opts(uint8_t version) {
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.client_id = mg_str("dev7");
  o.version = version;
  if (version != 5) o.props = o.will_props = (struct mg_mqtt_prop *) 16, o.num_props = o.num_will_props = 1000;
  return o;
}

static struct mg_mqtt_prop number(uint8_t id, uint32_t value) {
  struct mg_mqtt_prop p;
  memset(&p, 0xa5, sizeof(p));
  p.id = id;
  p.iv = value;
  return p;
}

static struct mg_mqtt_prop text(uint8_t id, const char *value) {
  struct mg_mqtt_prop p;
  memset(&p, 0xa5, sizeof(p));
  p.id = id;
  p.val = mg_str(value);
  return p;
}

static struct mg_mqtt_prop pair(const char *key, const char *value) {
  struct mg_mqtt_prop p = text(MQTT_PROP_USER_PROPERTY, value);
  p.key = mg_str(key);
  return p;
}

static void test_login(void) {
  struct mg_connection c = own(false);
  struct mg_mqtt_opts o = login_opts(0);
  struct mg_mqtt_prop props[2], will_props[1];
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 10 00 04 4d 51 54 54 04 00 00 00 00 04 64 65 76 37");
  CHECK(!c.is_mqtt5);

  o = login_opts(5);
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 11 00 04 4d 51 54 54 05 00 00 00 00 00 04 64 65 76 37");
  CHECK(c.is_mqtt5);

  o = login_opts(3);
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 10 00 04 4d 51 54 54 03 00 00 00 00 04 64 65 76 37");
  CHECK(!c.is_mqtt5);

  o = login_opts(4);
  o.user = mg_str("bob"), o.pass = mg_str("pw"), o.clean = true, o.keepalive = 0x1234;
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 19 00 04 4d 51 54 54 04 c2 12 34 00 04 64 65 76 37 00 03 62 6f 62 00 02 70 77");

  o = login_opts(4);
  o.topic = mg_str("w/t"), o.message = mg_str("bye"), o.qos = 1, o.retain = true;
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 1a 00 04 4d 51 54 54 04 2c 00 00 00 04 64 65 76 37 00 03 77 2f 74 00 03 62 79 65");

  // Without a topic there is no will, and its message is nothing to look at.
  o = login_opts(4);
  o.message = mg_str_n((char *) 16, 100000), o.qos = 2, o.retain = true;
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c, "10 10 00 04 4d 51 54 54 04 30 00 00 00 04 64 65 76 37");

  o = login_opts(5);
  props[0] = number(MQTT_PROP_SESSION_EXPIRY_INTERVAL, 300), props[1] = pair("k", "vv");
  will_props[0] = number(MQTT_PROP_WILL_DELAY_INTERVAL, 5);
  o.props = props, o.num_props = 2, o.will_props = will_props, o.num_will_props = 1;
  o.topic = mg_str("w"), o.message = mg_str("m");
  mg_mqtt_login(&c, &o);
  CHECK_SENT(c,
             "10 2a 00 04 4d 51 54 54 05 04 00 00 0d 11 00 00 01 2c 26 00 01 6b 00 02 76 76 00 04 64 65 76 37 05 "
             "18 00 00 00 05 00 01 77 00 01 6d");
  CHECK(s_errors == 0);
  mg_iobuf_free(&c.send);
}

// An empty client id is replaced by 19 letters and digits, other ones each time.
static void test_random_id(void) {
  struct mg_connection c = own(false);
  char ids[2][20];
  int i, k;
  for (i = 0; i < 2; i++) {
    mg_mqtt_login(&c, NULL);
    CHECK(c.send.len == 33 && strncmp(hex(c.send.buf, 14), "10 1f 00 04 4d 51 54 54 04 00 00 00 00 13", 42) == 0);
    memcpy(ids[i], c.send.buf + 14, 19);
    for (k = 0; k < 19; k++) {
      char ch = ids[i][k];
      CHECK((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z'));
    }
    c.send.len = 0;
  }
  CHECK(memcmp(ids[0], ids[1], 19) != 0);
  mg_iobuf_free(&c.send);
}

static void test_publish(void) {
  struct mg_connection c = own(false), c5 = own(true);
  struct mg_mqtt_prop props[4];
  struct mg_mqtt_opts o = garbage();
  s_mgr.mqtt_id = 0;
  o.topic = mg_str("t/1"), o.message = mg_str("hey"), o.qos = 0, o.retain = false;
  if (under_valgrind()) mg_mqtt_pub(&c, &o);
  else CHECK(mg_mqtt_pub(&c, &o) == 0xa5a5);
  CHECK_SENT(c, "30 08 00 03 74 2f 31 68 65 79");
  o.retain = true, o.retransmit_id = 0;
  CHECK(mg_mqtt_pub(&c, &o) == 0);
  CHECK_SENT(c, "31 08 00 03 74 2f 31 68 65 79");
  o.retain = false, o.qos = 1;
  CHECK(mg_mqtt_pub(&c, &o) == 1);
  CHECK_SENT(c, "32 0a 00 03 74 2f 31 00 01 68 65 79");
  o.qos = 2;
  CHECK(mg_mqtt_pub(&c, &o) == 2 && s_mgr.mqtt_id == 2);
  CHECK_SENT(c, "34 0a 00 03 74 2f 31 00 02 68 65 79");
  o.qos = 1, o.retransmit_id = 9;
  CHECK(mg_mqtt_pub(&c, &o) == 9 && s_mgr.mqtt_id == 2);
  CHECK_SENT(c, "3a 0a 00 03 74 2f 31 00 09 68 65 79");
  // Bits above the lowest two do not count; 3 means nothing.
  o.qos = 4, o.retransmit_id = 0;
  CHECK(mg_mqtt_pub(&c, &o) == 0);
  CHECK_SENT(c, "30 08 00 03 74 2f 31 68 65 79");
  o.qos = 3;
  CHECK(mg_mqtt_pub(&c, &o) == 3);
  CHECK_SENT(c, "34 0a 00 03 74 2f 31 00 03 68 65 79");

  o.qos = 0, o.num_props = 0;
  CHECK(mg_mqtt_pub(&c5, &o) == 0);
  CHECK_SENT(c5, "30 09 00 03 74 2f 31 00 68 65 79");
  props[0] = number(MQTT_PROP_TOPIC_ALIAS, 0x1234), props[1] = text(MQTT_PROP_CORRELATION_DATA, "\1\2");
  props[2] = number(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, 300);
  props[3] = number(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 0x101);
  o.topic = mg_str("a"), o.message = mg_str(""), o.props = props, o.num_props = 4;
  mg_mqtt_pub(&c5, &o);
  CHECK_SENT(c5, "30 11 00 01 61 0d 23 12 34 09 00 02 01 02 0b ac 02 01 01");
  // An id that means nothing is left out, of the length too; a number that is too large is the largest.
  props[1] = number(0x7f, 3), props[2] = number(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, 0xffffffff);
  o.num_props = 3;
  mg_mqtt_pub(&c5, &o);
  CHECK_SENT(c5, "30 0c 00 01 61 08 23 12 34 0b ff ff ff 7f");

  s_mgr.mqtt_id = 65534, o.qos = 1, o.num_props = 0;
  CHECK(mg_mqtt_pub(&c5, &o) == 65535);
  CHECK(mg_mqtt_pub(&c5, &o) == 1);
  CHECK(s_errors == 0);
  mg_iobuf_free(&c.send);
  mg_iobuf_free(&c5.send);
}

static void test_subscribe(void) {
  struct mg_connection c = own(false), c5 = own(true);
  struct mg_mqtt_prop prop = number(MQTT_PROP_SUBSCRIPTION_IDENTIFIER, 7);
  struct mg_mqtt_opts o = garbage();
  o.topic = mg_str("t/#"), o.qos = 1;
  s_mgr.mqtt_id = 3;
  mg_mqtt_sub(&c, &o);
  CHECK_SENT(c, "82 08 00 04 00 03 74 2f 23 01");
  CHECK(s_mgr.mqtt_id == 4);
  o.qos = 0xfc;
  mg_mqtt_sub(&c, &o);
  CHECK_SENT(c, "82 08 00 05 00 03 74 2f 23 00");
  mg_mqtt_unsub(&c, &o);
  CHECK_SENT(c, "a2 07 00 06 00 03 74 2f 23");
  o.props = &prop, o.num_props = 1;
  mg_mqtt_sub(&c5, &o);
  CHECK_SENT(c5, "82 0b 00 07 02 0b 07 00 03 74 2f 23 00");
  o.props = NULL, o.num_props = 0;
  mg_mqtt_unsub(&c5, &o);
  CHECK_SENT(c5, "a2 08 00 08 00 00 03 74 2f 23");
  // NULL with a number: none.
  o.num_props = 3;
  mg_mqtt_unsub(&c5, &o);
  CHECK_SENT(c5, "a2 08 00 09 00 00 03 74 2f 23");
  mg_iobuf_free(&c.send);
  mg_iobuf_free(&c5.send);
}

static void test_short_packets(void) {
  static const struct {
    uint8_t cmd, flags;
    uint32_t len;
    const char *sent;
  } rows[] = {
      {MQTT_CMD_CONNACK, 0, 2, "20 02"},
      {MQTT_CMD_PUBREL, 2, 0, "62 00"},
      {MQTT_CMD_PUBLISH, 0xff, 127, "ff 7f"},
      {0x1f, 0, 128, "f0 80 01"},
      {1, 0, 16383, "10 ff 7f"},
      {1, 0, 16384, "10 80 80 01"},
      {1, 0, 2097151, "10 ff ff 7f"},
      {1, 0, 2097152, "10 80 80 80 01"},
      {1, 0, 268435454, "10 fe ff ff 7f"},
  };
  struct mg_connection c = own(false), c5 = own(true);
  struct mg_mqtt_opts o;
  struct mg_mqtt_prop prop = text(MQTT_PROP_REASON_STRING, "x");
  size_t i;
  for (i = 0; i < 4; i++) {
    mg_mqtt_send_header(&c, rows[i].cmd, rows[i].flags, rows[i].len);
    CHECK_SENT(c, rows[i].sent);
  }
  // The header alone is queued, so memory for what follows is not asked for.
  for (; i < COUNT(rows); i++) {
    mg_mqtt_send_header(&c, rows[i].cmd, rows[i].flags, rows[i].len);
    CHECK_SENT(c, rows[i].sent);
    CHECK(c.send.size < 1000);
  }
  CHECK(s_errors == 0 && !c.is_closing);
  mg_mqtt_ping(&c);
  mg_mqtt_pong(&c);
  mg_mqtt_disconnect(&c, NULL);
  CHECK_SENT(c, "c0 00 d0 00 e0 00");
  memset(&o, 0, sizeof(o));
  mg_mqtt_disconnect(&c5, &o);
  mg_mqtt_disconnect(&c5, NULL);
  o.props = &prop, o.num_props = 1;
  mg_mqtt_disconnect(&c5, &o);
  CHECK_SENT(c5, "e0 02 00 00 e0 02 00 00 e0 06 00 04 1f 00 01 78");
  mg_iobuf_free(&c.send);
  mg_iobuf_free(&c5.send);
}

static void refused(struct mg_connection *c, const char *why) {
  CHECK(c->is_closing && s_errors == 1 && c->send.len == 2);
  CHECK_TEXT(s_error, why);
  c->is_closing = 0;
  s_errors = 0;
}

// What does not fit queues nothing, and takes no packet id.
static void test_refusals(void) {
  struct mg_connection c = own(true);
  struct mg_mqtt_opts o, zero;
  struct mg_mqtt_prop prop;
  char *huge = (char *) calloc(1, 268435456);
  struct mg_str longer = mg_str_n(huge, 65536);
  memset(&zero, 0, sizeof(zero));
  s_mgr.mqtt_id = 7;
  mg_mqtt_ping(&c);

  o = zero, o.topic = longer, o.qos = 1;
  CHECK(mg_mqtt_pub(&c, &o) == 0);
  refused(&c, "MQTT string too long");
  mg_mqtt_sub(&c, &o);
  refused(&c, "MQTT string too long");
  mg_mqtt_unsub(&c, &o);
  refused(&c, "MQTT string too long");
  o.retransmit_id = 5;
  CHECK(mg_mqtt_pub(&c, &o) == 0);
  refused(&c, "MQTT string too long");
  o = zero, prop = text(MQTT_PROP_REASON_STRING, ""), prop.val = longer, o.props = &prop, o.num_props = 1;
  mg_mqtt_disconnect(&c, &o);
  refused(&c, "MQTT string too long");
  o = zero, o.client_id = longer;
  mg_mqtt_login(&c, &o);
  refused(&c, "MQTT string too long");
  o = zero, o.user = longer;
  mg_mqtt_login(&c, &o);
  refused(&c, "MQTT string too long");
  o = zero, o.pass = longer;
  mg_mqtt_login(&c, &o);
  refused(&c, "MQTT string too long");
  o = zero, o.topic = mg_str("t"), o.message = longer;
  mg_mqtt_login(&c, &o);
  refused(&c, "MQTT string too long");
  o = zero, o.topic = mg_str("t"), o.message = mg_str_n(huge, 268435456 - 3);
  CHECK(mg_mqtt_pub(&c, &o) == 0);
  refused(&c, "MQTT packet too long");
  mg_mqtt_send_header(&c, MQTT_CMD_PUBLISH, 0, 268435456);
  refused(&c, "MQTT packet too long");
  CHECK(s_mgr.mqtt_id == 7);
  CHECK_SENT(c, "c0 00");
  free(huge);
  mg_iobuf_free(&c.send);
}

static void test_null(void) {
  struct mg_connection c = own(true);
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.qos = 1;
  mg_mqtt_login(NULL, &o);
  CHECK(mg_mqtt_pub(NULL, &o) == 0);
  mg_mqtt_sub(NULL, &o);
  mg_mqtt_unsub(NULL, &o);
  mg_mqtt_disconnect(NULL, &o);
  mg_mqtt_ping(NULL);
  mg_mqtt_pong(NULL);
  mg_mqtt_send_header(NULL, MQTT_CMD_PINGREQ, 0, 0);
  CHECK(mg_mqtt_pub(&c, NULL) == 0);
  mg_mqtt_sub(&c, NULL);
  mg_mqtt_unsub(&c, NULL);
  CHECK(c.send.len == 0 && s_errors == 0);
  // No manager: ids start anew.
  c.mgr = NULL;
  CHECK(mg_mqtt_pub(&c, &o) == 1);
  CHECK(mg_mqtt_connect(NULL, "mqtt://127.0.0.1:1", NULL, NULL, NULL) == NULL);
  CHECK(mg_mqtt_listen(NULL, "mqtt://127.0.0.1:0", NULL, NULL) == NULL);
  mg_iobuf_free(&c.send);
}

int main(void) {
  mg_log_level = MG_LL_NONE;
  test_login();
  test_random_id();
  test_publish();
  test_subscribe();
  test_short_packets();
  test_refusals();
  test_null();
  return FAILURES;
}
