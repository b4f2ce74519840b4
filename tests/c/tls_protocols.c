// WebSocket and MQTT over TLS: they see plain text.
#include "mqtt_broker.h"
#include "tls.h"

static struct mg_mgr mgr;
static struct mg_tls_opts own, other;
static char data[200000];
static size_t got;
static int acks, opens, done;

static void ws_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) mg_tls_init(c, &own);
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, WEBSOCKET_OP_BINARY);
  }
}

static void ws_asker(struct mg_connection *c, int ev, void *ev_data) {
  CHECK(ev != MG_EV_ERROR);
  if (ev == MG_EV_CONNECT && c->is_tls) mg_tls_init(c, &other);
  if (ev == MG_EV_WS_OPEN) mg_ws_send(c, data, sizeof(data), WEBSOCKET_OP_BINARY);
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    got = wm->data.len;
    CHECK(got == sizeof(data) && memcmp(wm->data.buf, data, got) == 0);
    mg_ws_send(c, "\x03\xe8", 2, WEBSOCKET_OP_CLOSE);
  }
  if (ev == MG_EV_CLOSE) done = 1;
}

static void test_websocket(void) {
  struct mg_connection *l;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "wss://127.0.0.1:0", ws_server, NULL);
  mg_ws_connect(&mgr, url_of("wss", l), ws_asker, NULL, NULL);
  POLL_UNTIL(&mgr, done);
  CHECK(got == sizeof(data));
  mg_mgr_free(&mgr);
}

#define MQTT_BYTES 21098

static void tls_broker(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT && c->is_tls) mg_tls_init(c, &own);
  broker(c, ev, ev_data);
}

static void mqtt_asker(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.topic = mg_str("a/b");
  opts.qos = 1;
  CHECK(ev != MG_EV_ERROR);
  if (ev == MG_EV_CONNECT && c->is_tls) mg_tls_init(c, &other);
  if (ev == MG_EV_MQTT_OPEN) {
    opens++;
    CHECK(*(int *) ev_data == 0);
    mg_mqtt_sub(c, &opts);
    opts.message = mg_str_n(data, MQTT_BYTES);
    mg_mqtt_pub(c, &opts);
  }
  if (ev == MG_EV_MQTT_CMD && ((struct mg_mqtt_message *) ev_data)->cmd == MQTT_CMD_PUBACK) acks++;
  if (ev == MG_EV_MQTT_MSG) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    got = mm->data.len;
    CHECK(got == MQTT_BYTES && memcmp(mm->data.buf, data, got) == 0);
  }
}

static void test_mqtt(void) {
  struct mg_connection *l;
  got = 0;
  mg_mgr_init(&mgr);
  l = mg_mqtt_listen(&mgr, "mqtts://127.0.0.1:0", tls_broker, NULL);
  mg_mqtt_connect(&mgr, url_of("mqtts", l), NULL, mqtt_asker, NULL);
  POLL_UNTIL(&mgr, acks == 1 && got > 0);
  CHECK(opens == 1 && got == MQTT_BYTES);
  mg_mgr_free(&mgr);
}

int main(void) {
  size_t i;
  mg_log_set(MG_LL_NONE);
  make_certs();
  own = identity("server");
  other = identity(NULL);
  other.ca = file("ca.crt");
  other.name = mg_str("localhost");
  for (i = 0; i < sizeof(data); i++) data[i] = (char) (i * 7 + i / 251);
  test_websocket();
  test_mqtt();
  return FAILURES;
}
