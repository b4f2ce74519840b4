// An MQTT client that connects again by itself, sends again what was not acknowledged, and keeps alive:
// against a scripted server, by the program's clock.
#include "clock.h"
#include "mqtt.h"

static struct mg_mgr s_mgr;

// The server: says what it got, and answers what it is told to.
static struct mg_connection *s_server;  // the connection of now
static char s_seen[4000];               // packets in hexadecimal, with | between
static int s_logins;
static const char *s_connack = "20 02 00 00";
static bool s_acks;  // PUBLISH, SUBSCRIBE and UNSUBSCRIBE are answered

static void reply(const char *packets) {
  char bytes[500];
  mg_send(s_server, bytes, unhex(packets, bytes));
}

static void answer(struct mg_mqtt_message *mm) {
  char text[60];
  int high = mm->id >> 8, low = mm->id & 255;
  const char *format = mm->cmd == MQTT_CMD_SUBSCRIBE     ? "90 03 %02x %02x 00"
                       : mm->cmd == MQTT_CMD_UNSUBSCRIBE ? "b0 02 %02x %02x"
                       : mm->qos == 1                    ? "40 02 %02x %02x"
                                                         : "50 02 %02x %02x";
  if (mm->cmd == MQTT_CMD_PUBREL) format = "70 02 %02x %02x";
  snprintf(text, sizeof(text), format, high, low);
  reply(text);
}

static void server(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_message mm;
  if (ev == MG_EV_CLOSE && s_server == c) s_server = NULL;
  if (ev != MG_EV_READ) return;
  s_server = c;
  while (mg_mqtt_parse((uint8_t *) c->recv.buf, c->recv.len, 4, &mm) == MQTT_OK) {
    if (mm.cmd == MQTT_CMD_CONNECT) {
      s_logins++;
      if (s_connack != NULL) reply(s_connack);
    } else {
      size_t used = strlen(s_seen);
      snprintf(s_seen + used, sizeof(s_seen) - used, "%s%s", used > 0 ? " | " : "", hex(mm.dgram.buf, mm.dgram.len));
      if (s_acks && mm.cmd != MQTT_CMD_PINGREQ && (mm.cmd != MQTT_CMD_PUBLISH || mm.qos > 0)) answer(&mm);
    }
    mg_iobuf_del(&c->recv, 0, mm.dgram.len);
  }
  (void) ev_data;
}

// The client: its events in one line.
static char s_log[2000];
static int s_opens, s_downs, s_closes, s_code;
static uint64_t s_wait;
static char s_error[64];
static struct mg_connection *s_client;
static bool s_closes_when_down, s_stops_when_refused;

static void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_OPEN) {
    s_client = c;
    mg_conn_set(c, MG_SET_MQTT_RECONNECT, 1000);
    mg_conn_set(c, MG_SET_MQTT_RECONNECT_MAX, 4000);
  } else if (ev == MG_EV_MQTT_OPEN) {
    s_code = *(int *) ev_data;
    if (s_code == 0) s_opens++;
    if (s_code != 0 && s_stops_when_refused) c->is_closing = 1;
    snprintf(s_log + strlen(s_log), 50, "open:%d ", s_code);
  } else if (ev == MG_EV_MQTT_DISCONNECTED) {
    CHECK(c == s_client && c->is_resolving && c->is_client && c->send.len == 0 && c->recv.len == 0);
    s_downs++;
    s_wait = *(uint64_t *) ev_data;
    if (s_closes_when_down) c->is_closing = 1;
    snprintf(s_log + strlen(s_log), 50, "down ");
  } else if (ev == MG_EV_MQTT_RECONNECTED) {
    snprintf(s_log + strlen(s_log), 50, "again:%d ", *(int *) ev_data);
  } else if (ev == MG_EV_MQTT_MSG) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    snprintf(s_log + strlen(s_log), 50, "msg:%.*s ", (int) mm->data.len, mm->data.buf);
  } else if (ev == MG_EV_ERROR) {
    snprintf(s_error, sizeof(s_error), "%s", (char *) ev_data);
  } else if (ev == MG_EV_CLOSE) {
    s_closes++;
    s_client = NULL;
  }
}

static struct mg_mqtt_opts options(void) {
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.client_id = mg_str("abc");
  return o;
}

static void forget(void) {
  s_seen[0] = s_log[0] = s_error[0] = '\0';
}

static void start(const char *connack, const struct mg_mqtt_opts *o, struct mg_connection *listener) {
  forget();
  s_logins = s_opens = s_downs = s_closes = 0;
  s_acks = false;
  s_connack = connack;
  CHECK(mg_mqtt_connect(&s_mgr, url_of("mqtt", listener), o, client, NULL) == s_client);
  POLL_UNTIL(&s_mgr, s_opens == 1 && s_server != NULL);
  CHECK_TEXT(s_log, "open:0 ");
  forget();
}

static void stop(void) {
  if (s_client != NULL) s_client->is_closing = 1;
  POLL_UNTIL(&s_mgr, s_closes == 1 && s_server == NULL);
}

// The server ends the connection; the client's time to connect again comes.
static void lose(void) {
  int before = s_downs;
  s_server->is_closing = 1;
  POLL_UNTIL(&s_mgr, s_downs == before + 1 && s_server == NULL);
}

static void come_back(void) {
  int before = s_opens;
  skipped += s_wait;
  POLL_UNTIL(&s_mgr, s_opens == before + 1);
}

static uint16_t publish(const char *topic, const char *text, int qos) {
  struct mg_mqtt_opts o;
  uint16_t id;
  memset(&o, 0, sizeof(o));
  o.topic = mg_str(topic), o.message = mg_str(text), o.qos = (uint8_t) qos;
  errno = -1;
  id = mg_mqtt_pub(s_client, &o);
  CHECK((id != 0) == (errno == 0 && qos > 0));
  return id;
}

static void subscribe(const char *filter, bool ends) {
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.topic = mg_str(filter), o.qos = 1;
  if (ends) {
    mg_mqtt_unsub(s_client, &o);
  } else {
    mg_mqtt_sub(s_client, &o);
  }
  CHECK(errno == 0);
}

static void expect(const char *packets) {
  POLL_UNTIL(&s_mgr, strlen(s_seen) >= strlen(packets));
  CHECK_TEXT(s_seen, packets);
  s_seen[0] = '\0';
}

// Packet ids go on through the program, so each scene starts from the same one.
#define FIRST_ID(id) (s_mgr.mqtt_id = (uint16_t) ((id) - 1))

// What was not acknowledged goes out again: QoS 1 and the first half of QoS 2 as PUBLISH with DUP, the second
// half as PUBREL, in the order of the messages. A session that is new has no second half.
static void test_repeats(struct mg_connection *l, bool present) {
  struct mg_mqtt_opts o = options();
  FIRST_ID(0x10);
  start("20 02 00 00", &o, l);
  CHECK(publish("t", "0", 0) == 0);
  CHECK(publish("t", "1", 1) == 0x10 && publish("t", "2", 2) == 0x11 && publish("t", "3", 2) == 0x12);
  CHECK(mg_mqtt_queued(s_client) == 3);
  subscribe("a/#", false);
  expect("30 04 00 01 74 30 | 32 06 00 01 74 00 10 31 | 34 06 00 01 74 00 11 32 | 34 06 00 01 74 00 12 33 | "
         "82 08 00 13 00 03 61 2f 23 01");
  reply("50 02 00 11 90 03 00 13 01");  // PUBREC of the second, SUBACK
  expect("62 02 00 11");
  lose();
  CHECK(s_wait >= 500 && s_wait <= 1000 && s_closes == 0 && mg_mqtt_queued(s_client) == 3);
  CHECK_TEXT(s_log, "down ");
  s_connack = present ? "20 02 01 00" : "20 02 00 00";
  s_acks = true;
  come_back();
  if (present) {
    expect("62 02 00 11 | 3a 06 00 01 74 00 10 31 | 3c 06 00 01 74 00 12 33 | 62 02 00 12");
  } else {
    expect("82 08 00 14 00 03 61 2f 23 01 | 3a 06 00 01 74 00 10 31 | 3c 06 00 01 74 00 12 33 | 62 02 00 12");
  }
  CHECK_TEXT(s_log, present ? "down open:0 again:1 " : "down open:0 again:0 ");
  POLL_UNTIL(&s_mgr, mg_mqtt_queued(s_client) == 0);
  // A subscription that was ended is not made again.
  subscribe("a/#", true);
  POLL_UNTIL(&s_mgr, strncmp(s_seen, "a2 ", 3) == 0);
  poll_times(&s_mgr, 3);
  lose();
  s_connack = "20 02 00 00";
  s_seen[0] = '\0';
  come_back();
  publish("t", "x", 0);
  expect("30 04 00 01 74 78");
  stop();
}

// What is published without a connection waits; beyond the limit it is refused, and nothing is lost.
static void test_waits(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  int i;
  FIRST_ID(0x20);
  start("20 02 00 00", &o, l);
  lose();
  CHECK(mg_conn_set(s_client, MG_SET_MQTT_QUEUE, 4 * (160 + 8)));
  CHECK(publish("t", "1", 1) == 0x20 && publish("t", "2", 2) == 0x21);
  CHECK(publish("t", "3", 0) == 0 && errno == 0);
  CHECK(publish("t", "4", 1) == 0x22 && mg_mqtt_queued(s_client) == 4);
  for (i = 0; i < 3; i++) CHECK(publish("t", "5", i) == 0 && errno == ENOBUFS);
  memset(&o, 0, sizeof(o));
  o.topic = mg_str("a");
  mg_mqtt_sub(s_client, &o);
  CHECK(errno == ENOBUFS && mg_mqtt_queued(s_client) == 4);
  come_back();
  expect("32 06 00 01 74 00 20 31 | 34 06 00 01 74 00 21 32 | 30 04 00 01 74 33 | 32 06 00 01 74 00 22 34");
  CHECK(mg_mqtt_queued(s_client) == 3);
  reply("40 02 00 22");
  POLL_UNTIL(&s_mgr, mg_mqtt_queued(s_client) == 2);
  // What a peer acknowledges that nobody has sent does nothing; PUBACK is no answer to QoS 2.
  reply("40 02 00 21 70 02 00 21 40 02 77 77 90 03 00 20 00 20 02 00 00");
  poll_times(&s_mgr, 5);
  CHECK(mg_mqtt_queued(s_client) == 2 && s_seen[0] == '\0');
  stop();
}

// The limits of an MQTT 5 server.
static void test_limits(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  struct mg_mqtt_prop alias;
  o.version = 5;
  FIRST_ID(0x30);
  // Receive maximum 2, maximum QoS 1, no retained messages, packets of up to 30 bytes, no aliases.
  start("20 0f 00 00 0c 21 00 02 24 01 25 00 27 00 00 00 1e", &o, l);
  CHECK(publish("t", "1", 1) == 0x30 && publish("t", "2", 1) == 0x31 && publish("t", "3", 1) == 0x32);
  expect("32 07 00 01 74 00 30 00 31 | 32 07 00 01 74 00 31 00 32");
  poll_times(&s_mgr, 3);
  CHECK(s_seen[0] == '\0' && mg_mqtt_queued(s_client) == 3);
  reply("40 04 00 31 00 00");
  expect("32 07 00 01 74 00 32 00 33");
  // Refused by the server: told, and not sent again.
  reply("40 04 00 30 87 00");
  POLL_UNTIL(&s_mgr, mg_mqtt_queued(s_client) == 1);
  CHECK_TEXT(s_error, "MQTT message refused: 0x87");
  CHECK(!s_client->is_closing);
  CHECK(publish("t", "more than thirty bytes in all.", 0) == 0 && errno == EMSGSIZE);
  CHECK(publish("t", "2", 2) == 0 && errno == EOPNOTSUPP);
  memset(&o, 0, sizeof(o));
  o.topic = mg_str("t"), o.retain = true;
  CHECK(mg_mqtt_pub(s_client, &o) == 0 && errno == EOPNOTSUPP);
  // Aliases are resolved: they end with a network connection.
  memset(&o, 0, sizeof(o));
  alias.id = MQTT_PROP_TOPIC_ALIAS, alias.iv = 7;
  o.message = mg_str("!"), o.qos = 1, o.props = &alias, o.num_props = 1;
  CHECK(mg_mqtt_pub(s_client, &o) == 0 && errno == EINVAL);
  o.topic = mg_str("u");
  CHECK(mg_mqtt_pub(s_client, &o) == 0x33);
  expect("32 07 00 01 75 00 33 00 21");
  reply("40 02 00 33");
  POLL_UNTIL(&s_mgr, mg_mqtt_queued(s_client) == 1);
  o.topic = mg_str("");
  CHECK(mg_mqtt_pub(s_client, &o) == 0x34);
  expect("32 07 00 01 75 00 34 00 21");
  // Without a connection nobody knows: what turns out to be impossible is told then.
  lose();
  CHECK(publish("t", "2", 2) != 0);
  forget();
  come_back();
  POLL_UNTIL(&s_mgr, s_error[0] != '\0');
  CHECK_TEXT(s_error, "MQTT message not supported by the server");
  CHECK(mg_mqtt_queued(s_client) == 2 && !s_client->is_closing);
  stop();
}

// The clean start counts for the first login of MQTT 5 only.
static void test_clean_start(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  o.version = 5, o.clean = true;
  start("20 03 00 00 00", &o, l);
  lose();
  skipped += s_wait;
  mg_mgr_poll(&s_mgr, 0);
  CHECK(s_client->send.len == 18 && s_client->send.buf[9] == 0 && s_client->is_mqtt5);
  POLL_UNTIL(&s_mgr, s_opens == 2);
  stop();
}

// Another client with the same id ends this one; a refused login is tried again unless the program stops it.
static void test_endings(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  o.version = 5;
  start("20 03 00 00 00", &o, l);
  reply("e0 02 8e 00");
  POLL_UNTIL(&s_mgr, s_closes == 1);
  CHECK_TEXT(s_error, "MQTT session taken over");
  o.version = 4;
  start("20 02 00 00", &o, l);
  lose();
  s_connack = "20 02 00 03";
  skipped += s_wait;
  POLL_UNTIL(&s_mgr, s_downs == 2 && s_server == NULL);
  CHECK(s_code == 3 && s_wait >= 1000 && s_wait <= 2000);
  s_stops_when_refused = true;
  skipped += s_wait;
  POLL_UNTIL(&s_mgr, s_closes == 1 && s_server == NULL);
  s_stops_when_refused = false;
  // While it waits, the program may end it, in each way.
  start("20 02 00 00", &o, l);
  lose();
  mg_mqtt_disconnect(s_client, NULL);
  POLL_UNTIL(&s_mgr, s_closes == 1);
  start("20 02 00 00", &o, l);
  lose();
  mg_close_conn(s_client);
  CHECK(s_closes == 1);
  start("20 02 00 00", &o, l);
  s_closes_when_down = true;
  lose();
  POLL_UNTIL(&s_mgr, s_closes == 1);
  s_closes_when_down = false;
  start("20 02 00 00", &o, l);
  s_client->is_draining = 1;
  POLL_UNTIL(&s_mgr, s_closes == 1 && s_server == NULL);
  CHECK(s_downs == 0);
  start("20 02 00 00", &o, l);
  mg_conn_set(s_client, MG_SET_MQTT_RECONNECT, 0);
  s_server->is_closing = 1;
  POLL_UNTIL(&s_mgr, s_closes == 1 && s_server == NULL);
  CHECK(s_downs == 0);
}

// Nobody listens: waits double up to the limit, and there is no close.
static void test_back_off(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  const uint64_t longest[] = {1000, 2000, 4000, 4000};
  char url[60];
  int i;
  snprintf(url, sizeof(url), "%s", url_of("mqtt", l));
  l->is_closing = 1;
  poll_times(&s_mgr, 2);
  s_downs = s_closes = 0;
  CHECK(mg_mqtt_connect(&s_mgr, url, &o, client, NULL) != NULL);
  for (i = 0; i < 4; i++) {
    POLL_UNTIL(&s_mgr, s_downs == i + 1);
    CHECK(s_wait >= longest[i] / 2 && s_wait <= longest[i] && s_closes == 0);
    // Not before the time.
    stop_clock();
    poll_times(&s_mgr, 3);
    CHECK(s_downs == i + 1 && s_client->is_resolving);
    start_clock();
    skipped += s_wait;
  }
  POLL_UNTIL(&s_mgr, s_downs == 5);
}

// PINGREQ after three quarters of the keep-alive, the server's if that has one; without an answer the
// connection is lost.
static void test_keep_alive(struct mg_connection *l, bool servers) {
  struct mg_mqtt_opts o = options();
  uint64_t interval = servers ? 20000 : 100000;
  o.version = 5, o.keepalive = 100;
  stop_clock();
  start(servers ? "20 06 00 00 03 13 00 14" : "20 03 00 00 00", &o, l);
  mg_conn_set(s_client, MG_SET_MQTT_PONG_TIMEOUT, 5000);
  stopped_at += interval / 4 * 3 - 1;
  poll_times(&s_mgr, 5);
  CHECK(s_seen[0] == '\0');
  stopped_at += 1;
  expect("c0 00");
  reply("d0 00");
  poll_times(&s_mgr, 5);
  // What the program sends takes the place of PINGREQ, but what is heard counts, too.
  stopped_at += interval / 2;
  publish("t", "", 0);
  expect("30 04 00 01 74 00");
  stopped_at += interval / 4;
  expect("c0 00");
  stopped_at += 4999;
  poll_times(&s_mgr, 5);
  CHECK(s_downs == 0);
  stopped_at += 1;
  POLL_UNTIL(&s_mgr, s_downs == 1 && s_server == NULL);
  CHECK_TEXT(s_error, "MQTT pong timeout");
  start_clock();
  stop();
}

// A server that never answers the login does not hold a client for ever.
static void test_silent_server(struct mg_connection *l) {
  struct mg_mqtt_opts o = options();
  start("20 02 00 00", &o, l);
  lose();
  s_connack = NULL;
  skipped += s_wait;
  POLL_UNTIL(&s_mgr, s_logins == 2);
  poll_times(&s_mgr, 3);
  skipped += 31000;
  POLL_UNTIL(&s_mgr, s_downs == 2);
  CHECK_TEXT(s_error, "MQTT login timeout");
  stop();
}

// A message with QoS 2 that was delivered and not released is not delivered again by the same session, and
// is by a new one.
static void test_incoming(struct mg_connection *l, bool present) {
  struct mg_mqtt_opts o = options();
  start("20 02 00 00", &o, l);
  reply("34 06 00 01 74 00 09 61");
  expect("50 02 00 09");
  lose();
  s_connack = present ? "20 02 01 00 3c 06 00 01 74 00 09 61" : "20 02 00 00 3c 06 00 01 74 00 09 61";
  s_log[0] = '\0';
  come_back();
  expect("50 02 00 09");
  CHECK_TEXT(s_log, present ? "open:0 again:1 " : "open:0 again:0 msg:a ");
  stop();
}

int main(void) {
  struct mg_connection *l;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&s_mgr);
  l = mg_listen(&s_mgr, "tcp://127.0.0.1:0", server, NULL);
  CHECK(l != NULL);
  test_repeats(l, true);
  test_repeats(l, false);
  test_waits(l);
  test_limits(l);
  test_clean_start(l);
  test_endings(l);
  test_keep_alive(l, false);
  test_keep_alive(l, true);
  test_silent_server(l);
  test_incoming(l, true);
  test_incoming(l, false);
  test_back_off(l);
  // A client that waits is freed with its manager.
  mg_mgr_free(&s_mgr);
  CHECK(s_closes == 1);
  return FAILURES;
}
