// MQTT without memory: a packet is queued as a whole or not at all, and the connection fails.
#include "mqtt.h"

static int s_left = 1 << 30;  // allocations that succeed
static int s_errors;
static char s_text[300];
static struct mg_mgr s_mgr;

void *mg_calloc(size_t count, size_t size) {
  return s_left-- > 0 ? calloc(count, size) : NULL;
}

void mg_free(void *ptr) {
  free(ptr);
}

static void on_error(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev != MG_EV_ERROR) return;
  s_errors++;
  CHECK_TEXT((char *) ev_data, "OOM");
}

static struct mg_mqtt_opts opts(void) {
  static struct mg_mqtt_prop prop;
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  prop.id = MQTT_PROP_CONTENT_TYPE, prop.val = mg_str(s_text);
  o.topic = mg_str(s_text), o.message = mg_str(s_text), o.qos = 1, o.version = 5;
  o.props = o.will_props = &prop, o.num_props = o.num_will_props = 1;
  return o;
}

static void do_login(struct mg_connection *c) {
  struct mg_mqtt_opts o = opts();
  mg_mqtt_login(c, &o);
}
static void do_publish(struct mg_connection *c) {
  struct mg_mqtt_opts o = opts();
  uint16_t before = s_mgr.mqtt_id, id = mg_mqtt_pub(c, &o);
  CHECK((id == 0) == (bool) c->is_closing && s_mgr.mqtt_id == before + (id != 0));
}
static void do_subscribe(struct mg_connection *c) {
  struct mg_mqtt_opts o = opts();
  mg_mqtt_sub(c, &o);
}
static void do_unsubscribe(struct mg_connection *c) {
  struct mg_mqtt_opts o = opts();
  mg_mqtt_unsub(c, &o);
}
static void do_disconnect(struct mg_connection *c) {
  struct mg_mqtt_opts o = opts();
  mg_mqtt_disconnect(c, &o);
}

// A program's own connection, whose buffer is nearly full and cannot grow.
static void test_sending(void) {
  static const struct {
    const char *name;
    void (*fn)(struct mg_connection *);
  } rows[] = {{"login", do_login},
              {"publish", do_publish},
              {"subscribe", do_subscribe},
              {"unsubscribe", do_unsubscribe},
              {"disconnect", do_disconnect},
              {"ping", mg_mqtt_ping}};
  size_t i, room;
  for (i = 0; i < COUNT(rows); i++) {
    bool fitted = false;
    for (room = 0; room < 1300 && !fitted; room++) {
      struct mg_connection c;
      memset(&c, 0, sizeof(c));
      c.mgr = &s_mgr, c.fn = on_error, c.is_mqtt5 = 1;
      c.send.size = 2 + room, c.send.len = 2;
      c.send.buf = (unsigned char *) calloc(1, c.send.size);
      s_left = 0, s_errors = 0;
      rows[i].fn(&c);
      fitted = s_errors == 0;
      CHECK_ROW(fitted == !c.is_closing, rows[i].name);
      // What fits takes all the room: no less would have done.
      CHECK_ROW(c.send.len == (fitted ? c.send.size : 2), rows[i].name);
      s_left = 1 << 30;
      mg_iobuf_free(&c.send);
    }
    CHECK_ROW(fitted && room > 1, rows[i].name);
  }
}

static void on_events(struct mg_connection *c, int ev, void *ev_data) {
  if (!c->is_listening) mqtt_log_event((struct mqtt_log *) c->fn_data, c, ev, ev_data);
}

// The answer to a message cannot be queued: the connection fails, and the message is not delivered.
static void test_answer(void) {
  struct mg_mgr mgr;
  struct mqtt_log log;
  struct mg_connection *listener;
  int fd;
  memset(&log, 0, sizeof(log));
  mg_mgr_init(&mgr);
  listener = mg_mqtt_listen(&mgr, "mqtt://127.0.0.1:0", on_events, &log);
  fd = dial(listener);
  put(fd, "\xc0\x00", 2);
  POLL_UNTIL(&mgr, log.cmds == 1);
  put(fd, "\x32\x05\x00\x01x\x00\x07", 7);
  s_left = 0;
  POLL_UNTIL(&mgr, log.closes == 1);
  s_left = 1 << 30;
  CHECK_TEXT(log.text, "cmd:12:0:0 error close");
  CHECK_TEXT(log.error, "OOM");
  close(fd);
  mg_mgr_free(&mgr);
}

// Connecting and listening, with fewer and fewer allocations that succeed.
static void test_connecting(void) {
  int n, made = 0;
  for (n = 0; n < 10; n++) {
    struct mg_mgr mgr;
    struct mqtt_log log;
    struct mg_connection *c;
    memset(&log, 0, sizeof(log));
    mg_mgr_init(&mgr);
    s_left = n;
    c = mg_mqtt_connect(&mgr, "mqtt://127.0.0.1:1", NULL, on_events, &log);
    s_left = 1 << 30;
    CHECK(c == NULL || c->send.len > 0 || log.errors == 1);
    made += c != NULL && c->send.len > 0;
    mg_mgr_free(&mgr);
  }
  CHECK(made > 0 && made < n);
}

int main(void) {
  mg_log_level = MG_LL_NONE;
  memset(s_text, 't', sizeof(s_text) - 1);
  test_sending();
  test_answer();
  test_connecting();
  return FAILURES;
}
