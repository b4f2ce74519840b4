// MQTT clients and a broker in one manager: logins, messages of each QoS, properties, endings.
#include "mqtt.h"
#include "mqtt_broker.h"

static struct mg_mgr s_mgr;
static char s_url[64];

// What a client saw.
struct client {
  struct mqtt_log log;
  struct mg_connection *c;
  char cmds[200];              // command numbers
  char data[30000];            // of the newest message
  size_t data_len;
  struct mg_mqtt_prop props[8];
  size_t num_props;
  size_t queued_at_open;
  int events;
};

static void client(struct mg_connection *c, int ev, void *ev_data) {
  struct client *me = (struct client *) c->fn_data;
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  me->events++;
  mqtt_log_event(&me->log, c, ev, ev_data);
  if (ev == MG_EV_OPEN) {
    me->c = c;
    me->queued_at_open = c->send.len;
    CHECK(strncmp((char *) ev_data, "mqtt", 4) == 0);
  }
  if (ev == MG_EV_MQTT_CMD) {
    size_t used = strlen(me->cmds);
    snprintf(me->cmds + used, sizeof(me->cmds) - used, "%d ", mm->cmd);
  }
  if (ev == MG_EV_MQTT_MSG) {
    size_t ofs = 0;
    me->data_len = mm->data.len < sizeof(me->data) ? mm->data.len : sizeof(me->data);
    memcpy(me->data, mm->data.buf, me->data_len);
    // Members that a property does not have are not looked at later: leave garbage in the rest.
    memset(me->props, 0xa5, sizeof(me->props));
    me->num_props = 0;
    while (me->num_props < COUNT(me->props) && (ofs = mg_mqtt_next_prop(mm, &me->props[me->num_props], ofs)) > 0) {
      struct mg_mqtt_prop *p = &me->props[me->num_props++];
      // Views are over with the event.
      p->key = mg_strdup(p->key), p->val = mg_strdup(p->val);
    }
  }
  if (ev == MG_EV_CLOSE) me->c = NULL;
}

static void forget_props(struct client *me) {
  size_t i;
  for (i = 0; i < me->num_props; i++) {
    mg_free((void *) me->props[i].key.buf);
    mg_free((void *) me->props[i].val.buf);
  }
  me->num_props = 0;
}

static void start(struct client *me, const struct mg_mqtt_opts *opts) {
  memset(me, 0, sizeof(*me));
  mg_mqtt_connect(&s_mgr, s_url, opts, client, me);
  POLL_UNTIL(&s_mgr, me->log.cmds == 1);
  CHECK_TEXT(me->log.text, "open:0 cmd:2:0:0");
  me->cmds[0] = me->log.text[0] = '\0';
}

static void subscribe(struct client *me, const char *filter, uint8_t qos) {
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.topic = mg_str(filter), o.qos = qos;
  mg_mqtt_sub(me->c, &o);
  POLL_UNTIL(&s_mgr, strcmp(me->cmds, "9 ") == 0);
  me->cmds[0] = me->log.text[0] = '\0';
}

static void stop(struct client *me) {
  if (me->c != NULL) me->c->is_closing = 1;
  POLL_UNTIL(&s_mgr, me->c == NULL);
}

static void test_connect(void) {
  static struct client me;
  struct mg_connection *c;
  CHECK(mg_mqtt_connect(&s_mgr, NULL, NULL, client, &me) == NULL);
  CHECK(mg_mqtt_connect(&s_mgr, "", NULL, client, &me) == NULL);
  CHECK(me.events == 0);
  c = mg_mqtt_connect(&s_mgr, s_url, NULL, client, &me);
  CHECK(c == me.c && me.queued_at_open == 0 && c->send.len == 33 && c->is_client && c->pfn_data == NULL);
  CHECK(c->pfn != NULL && !c->is_mqtt5);
  mg_mqtt_ping(c);
  CHECK_TEXT(hex(c->send.buf + c->send.len - 2, 2), "c0 00");
  POLL_UNTIL(&s_mgr, me.log.cmds == 2);
  CHECK_TEXT(me.log.text, "open:0 cmd:2:0:0 cmd:13:0:0");
  CHECK(!c->is_connecting);
  stop(&me);
}

// Ports and queries in URLs; addresses that refuse.
static void test_urls(void) {
  static struct client me;
  struct mg_connection *c;
  char url[100];
  snprintf(url, sizeof(url), "%s?tx=b/tx&rx=b/rx", s_url);
  c = mg_mqtt_connect(&s_mgr, url, NULL, client, &me);
  CHECK(mg_ntohs(c->rem.port) == atoi(strrchr(s_url, ':') + 1));
  POLL_UNTIL(&s_mgr, me.log.opens == 1);
  stop(&me);
  memset(&me, 0, sizeof(me));
  c = mg_mqtt_connect(&s_mgr, "mqtt://127.0.0.1", NULL, client, &me);
  CHECK(c != NULL && mg_ntohs(c->rem.port) == 1883);
  stop(&me);
  memset(&me, 0, sizeof(me));
  c = mg_mqtt_connect(&s_mgr, "mqtt://127.0.0.1:1", NULL, client, &me);
  CHECK(c != NULL && c->send.len > 0);
  POLL_UNTIL(&s_mgr, me.log.closes == 1);
  CHECK_TEXT(me.log.text, "error close");
}

// A broker's code other than 0 closes, after the events.
static void test_refused_login(void) {
  static struct client me;
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  o.version = 3;
  memset(&me, 0, sizeof(me));
  mg_mqtt_connect(&s_mgr, s_url, &o, client, &me);
  POLL_UNTIL(&s_mgr, me.log.closes == 1);
  CHECK_TEXT(me.log.text, "close");
}

static void on_plain(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_READ && c->recv.len > 10) {
    c->recv.len = 0;
    mg_send(c, "\x20\x02\x00\x04\xc0\x00", 6);
  }
  (void) ev_data;
}

static void test_return_code(void) {
  static struct client me;
  struct mg_connection *l = mg_listen(&s_mgr, "tcp://127.0.0.1:0", on_plain, NULL);
  memset(&me, 0, sizeof(me));
  mg_mqtt_connect(&s_mgr, url_of("mqtt", l), NULL, client, &me);
  POLL_UNTIL(&s_mgr, me.log.closes == 1);
  CHECK_TEXT(me.log.text, "open:4 cmd:2:0:0 close");
  l->is_closing = 1;
  poll_times(&s_mgr, 2);
}

// QoS 2 both ways: the library's part and the program's, as a client that has subscribed to its own
// messages sees it, and one that speaks MQTT 5.
static void test_qos2(void) {
  static struct client a, b;
  struct mg_mqtt_opts o;
  uint16_t id;
  memset(&o, 0, sizeof(o));
  start(&a, NULL);
  o.version = 5, o.clean = true;
  start(&b, &o);
  CHECK(b.c->is_mqtt5 && !a.c->is_mqtt5);
  subscribe(&a, "q/#", 2);
  subscribe(&b, "q/+", 2);
  memset(&o, 0, sizeof(o));
  o.topic = mg_str("q/2"), o.message = mg_str("hi2"), o.qos = 2;
  id = mg_mqtt_pub(a.c, &o);
  CHECK(id > 0);
  POLL_UNTIL(&s_mgr, strlen(a.cmds) >= 8 && strlen(b.cmds) >= 4);
  CHECK_TEXT(a.cmds, "5 3 7 6 ");
  CHECK_TEXT(b.cmds, "3 6 ");
  CHECK(a.log.msgs == 1 && b.log.msgs == 1 && b.data_len == 3 && memcmp(b.data, "hi2", 3) == 0);
  stop(&a);
  stop(&b);
}

// Each QoS and both versions, empty and long messages, a client that receives its own messages.
static void test_messages(void) {
  static struct client me;
  static char big[21098];
  struct mg_str messages[] = {mg_str(""), mg_str("D"), mg_str("hi0"), {big, sizeof(big)}};
  int version, qos;
  size_t i;
  mg_random(big, sizeof(big));
  for (version = 4; version <= 5; version++) {
    struct mg_mqtt_opts login;
    memset(&login, 0, sizeof(login));
    login.version = (uint8_t) version, login.clean = true, login.keepalive = 20, login.qos = 1;
    login.topic = mg_str("will/topic/0123"), login.message = mg_str("bye");
    start(&me, &login);
    CHECK(me.c->is_mqtt5 == (version == 5));
    subscribe(&me, "m/+/x", 2);
    for (qos = 0; qos <= 2; qos++) {
      for (i = 0; i < COUNT(messages); i++) {
        struct mg_mqtt_opts o;  // uninitialised but for what is used
        uint16_t id;
        memset(&o, 0xa5, sizeof(o));
        o.topic = mg_str("m/1/x"), o.message = messages[i], o.qos = (uint8_t) qos, o.retain = false;
        o.retransmit_id = 0, o.props = NULL, o.num_props = 0;
        me.cmds[0] = '\0';
        me.log.msgs = 0;
        id = mg_mqtt_pub(me.c, &o);
        CHECK((id == 0) == (qos == 0));
        POLL_UNTIL(&s_mgr, me.log.msgs == 1 && strlen(me.cmds) == (qos == 0 ? 2u : qos == 1 ? 4u : 8u));
        CHECK(me.data_len == messages[i].len && memcmp(me.data, messages[i].buf, me.data_len) == 0);
        CHECK(me.num_props == 0);
      }
    }
    stop(&me);
  }
}

static void test_properties(void) {
  static struct client me;
  struct mg_mqtt_opts o;
  struct mg_mqtt_prop props[5];
  memset(&o, 0, sizeof(o));
  o.version = 5;
  start(&me, &o);
  subscribe(&me, "p", 2);
  memset(props, 0xa5, sizeof(props));
  props[0].id = MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, props[0].iv = 10;
  props[1].id = MQTT_PROP_USER_PROPERTY, props[1].key = mg_str("test_key_1"), props[1].val = mg_str("test_value_1");
  props[2].id = MQTT_PROP_USER_PROPERTY, props[2].key = mg_str("test_key_2"), props[2].val = mg_str("test_value_2");
  props[3].id = MQTT_PROP_CONTENT_TYPE, props[3].val = mg_str("test_content_val_2");
  props[4].id = MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, props[4].iv = 1;
  o.topic = mg_str("p"), o.message = mg_str("hi"), o.qos = 1, o.props = props, o.num_props = 5;
  CHECK(mg_mqtt_pub(me.c, &o) > 0);
  POLL_UNTIL(&s_mgr, me.log.msgs == 1);
  CHECK(me.num_props == 5 && me.props[0].iv == 10 && me.props[4].iv == 1);
  CHECK(mg_strcmp(me.props[1].key, props[1].key) == 0 && mg_strcmp(me.props[1].val, props[1].val) == 0);
  CHECK(mg_strcmp(me.props[2].key, props[2].key) == 0 && mg_strcmp(me.props[3].val, props[3].val) == 0);
  forget_props(&me);

  // UNSUBSCRIBE, with what other calls have left in the options.
  me.cmds[0] = '\0';
  o.num_props = 0, o.props = NULL;
  mg_mqtt_unsub(me.c, &o);
  POLL_UNTIL(&s_mgr, strstr(me.cmds, "11 ") != NULL);
  me.log.msgs = 0, me.cmds[0] = '\0';
  mg_mqtt_pub(me.c, &o);
  POLL_UNTIL(&s_mgr, strcmp(me.cmds, "4 ") == 0);
  CHECK(me.log.msgs == 0);
  mg_mqtt_disconnect(me.c, NULL);
  POLL_UNTIL(&s_mgr, me.log.closes == 1);
}

// What is sent again keeps its id and is marked.
static void test_again(void) {
  static struct client me;
  struct mg_mqtt_opts o;
  memset(&o, 0, sizeof(o));
  start(&me, NULL);
  subscribe(&me, "again", 1);
  o.topic = mg_str("again"), o.qos = 2;
  o.retransmit_id = mg_mqtt_pub(me.c, &o);
  CHECK(mg_mqtt_pub(me.c, &o) == o.retransmit_id);
  POLL_UNTIL(&s_mgr, strlen(me.cmds) >= 10);
  // Answered twice, delivered once.
  CHECK(me.log.msgs == 1 && strncmp(me.cmds, "5 3 5 ", 6) == 0);
  stop(&me);
}

// MQTT over WebSocket: the program's own engine.
static void ws_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    struct mg_mqtt_message mm;
    size_t ofs = 0, before = c->send.len;
    while (mg_mqtt_parse((uint8_t *) wm->data.buf + ofs, wm->data.len - ofs, 4, &mm) == MQTT_OK) {
      if (mm.cmd == MQTT_CMD_CONNECT) {
        mg_mqtt_send_header(c, MQTT_CMD_CONNACK, 0, 2);
        mg_send(c, "\0\0", 2);
      }
      if (mm.cmd == MQTT_CMD_PUBLISH) mg_mqtt_pong(c);
      ofs += mm.dgram.len;
    }
    CHECK(ofs == wm->data.len);
    mg_ws_wrap(c, c->send.len - before, WEBSOCKET_OP_BINARY);
  }
}

static void ws_client(struct mg_connection *c, int ev, void *ev_data) {
  struct client *me = (struct client *) c->fn_data;
  size_t before = c->send.len;
  if (ev == MG_EV_WS_OPEN) {
    mg_mqtt_login(c, NULL);
    mg_ws_wrap(c, c->send.len - before, WEBSOCKET_OP_BINARY);
  }
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    struct mg_mqtt_message mm;
    CHECK(mg_mqtt_parse((uint8_t *) wm->data.buf, wm->data.len, 4, &mm) == MQTT_OK);
    if (mm.cmd == MQTT_CMD_CONNACK) mg_call(c, MG_EV_MQTT_OPEN, &mm.ack);
    if (mm.cmd == MQTT_CMD_PINGRESP) me->log.cmds++;
  }
  if (ev == MG_EV_MQTT_OPEN) {
    struct mg_mqtt_opts o;
    memset(&o, 0, sizeof(o));
    CHECK(*(int *) ev_data == 0);
    me->log.opens++;
    o.topic = mg_str("t"), o.message = mg_str("hello");
    mg_mqtt_pub(c, &o);
    mg_ws_wrap(c, c->send.len - before, WEBSOCKET_OP_BINARY);
  }
}

static void test_websocket(void) {
  static struct client me;
  struct mg_connection *l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", ws_server, NULL);
  mg_ws_connect(&s_mgr, url_of("ws", l), ws_client, &me, "Sec-Websocket-Protocol: mqtt\r\n");
  POLL_UNTIL(&s_mgr, me.log.cmds == 1);
  CHECK(me.log.opens == 1);
}

// Programs define these; the library only declares them.
void mg_mqtt_init(struct mg_mgr *mgr) {
  struct mg_connection *l = mg_mqtt_listen(mgr, "mqtt://127.0.0.1:0", broker, NULL);
  CHECK(l != NULL);
  snprintf(s_url, sizeof(s_url), "%s", url_of("mqtt", l));
}

void mg_mqtt_poll(struct mg_mgr *mgr) {
  mg_mgr_poll(mgr, 10);
}

int main(void) {
  static struct client last;
  mg_log_level = MG_LL_NONE;
  mg_mgr_init(&s_mgr);
  mg_mqtt_init(&s_mgr);
  mg_mqtt_poll(&s_mgr);
  test_connect();
  test_urls();
  test_refused_login();
  test_return_code();
  test_qos2();
  test_messages();
  test_properties();
  test_again();
  test_websocket();
  start(&last, NULL);
  mg_mgr_free(&s_mgr);
  CHECK(last.log.closes == 1 && s_mgr.conns == NULL && s_subs == NULL);
  return FAILURES;
}
