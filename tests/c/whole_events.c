// Out-structures are set whole, whatever the stack held before: fields, unused slots, padding.
#include "mdns.h"

static struct mg_mgr s_mgr;
static int s_seen[40];
static char s_dirt;

// Leaves the stack full of 0xa5.
static void poison(void) {
  volatile char dirt[60000];
  size_t i;
  for (i = 0; i < sizeof(dirt); i++) dirt[i] = (char) 0xa5;
  s_dirt = dirt[i / 2];
}

// All of `got` is `want`, which a test has zeroed and then filled field by field.
#define CHECK_WHOLE(got, want) CHECK(memcmp((got), (want), sizeof(*(want))) == 0)
// The struct's own fields are the expectation; what lies between and after them is zeros.
#define WHOLE(type, got) type want_, *got_ = (got); memset(&want_, 0, sizeof(want_))
#define SAME(field) memcpy(&want_.field, &got_->field, sizeof(want_.field))
#define END_WHOLE() CHECK_WHOLE(got_, &want_)

static void check_http(struct mg_http_message *hm, size_t headers) {
  size_t i;
  WHOLE(struct mg_http_message, hm);
  SAME(method), SAME(uri), SAME(query), SAME(proto), SAME(body), SAME(head), SAME(message);
  for (i = 0; i < headers; i++) SAME(headers[i]);
  END_WHOLE();
}

static void check_addr(struct mg_addr *addr) {
  WHOLE(struct mg_addr, addr);
  SAME(addr), SAME(port), SAME(scope_id), SAME(is_ip6);
  END_WHOLE();
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev >= 0 && ev < (int) COUNT(s_seen)) s_seen[ev]++;
  if (ev == MG_EV_HTTP_HDRS || ev == MG_EV_HTTP_MSG) check_http((struct mg_http_message *) ev_data, 5);
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) {
    WHOLE(struct mg_ws_message, (struct mg_ws_message *) ev_data);
    SAME(data), SAME(flags);
    END_WHOLE();
  }
  if (ev == MG_EV_MQTT_MSG || ev == MG_EV_MQTT_CMD) {
    WHOLE(struct mg_mqtt_message, (struct mg_mqtt_message *) ev_data);
    SAME(topic), SAME(data), SAME(dgram), SAME(id), SAME(cmd), SAME(qos), SAME(ack), SAME(props_start), SAME(props_size);
    END_WHOLE();
  }
  if (ev == MG_EV_MODBUS_REQ) {
    WHOLE(struct mg_modbus_req, (struct mg_modbus_req *) ev_data);
    SAME(func), SAME(error), SAME(addr), SAME(u), SAME(len);
    END_WHOLE();
  }
  if (ev == MG_EV_MDNS_REQ) {
    WHOLE(struct mg_mdns_req, (struct mg_mdns_req *) ev_data);
    SAME(rr), SAME(r), SAME(reqname), SAME(respname), SAME(addr), SAME(is_listing), SAME(is_resp), SAME(is_unicast);
    END_WHOLE();
  }
  if (ev == MG_EV_MDNS_RESP) {
    WHOLE(struct mg_mdns_resp, (struct mg_mdns_resp *) ev_data);
    SAME(rr), SAME(name), SAME(addr), SAME(sd);
    END_WHOLE();
    check_addr(&((struct mg_mdns_resp *) ev_data)->addr);
  }
  check_addr(&c->loc);
  check_addr(&c->rem);
  poison();
}

// What comes over a connection, until `ev` was seen `times`.
static void run(int fd, const char *bytes, size_t len, int ev, int times) {
  put(fd, bytes, len);
  POLL_UNTIL(&s_mgr, s_seen[ev] >= times);
}

static void test_streams(void) {
  static const char request[] =
      "GET /x?y HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  int fd;
  fd = dial(mg_http_listen(&s_mgr, "http://127.0.0.1:0", handler, NULL));
  run(fd, request, sizeof(request) - 1, MG_EV_WS_OPEN, 1);
  run(fd, "\x81\x81\0\0\0\0a\x89\x80\0\0\0\0", 13, MG_EV_WS_CTL, 1);
  CHECK(s_seen[MG_EV_WS_MSG] == 1);
  close(fd);
  fd = dial(mg_mqtt_listen(&s_mgr, "mqtt://127.0.0.1:0", handler, NULL));
  run(fd, "\x30\x04\0\1tx\xc0\0", 8, MG_EV_MQTT_CMD, 2);
  CHECK(s_seen[MG_EV_MQTT_MSG] == 1);
  close(fd);
  fd = dial(mg_modbus_listen(&s_mgr, "tcp://127.0.0.1:0", handler, NULL));
  run(fd, "\0\1\0\0\0\6\1\3\0\0\0\1\0\1\0\0\0\6\1\1\0\0\0\1", 24, MG_EV_MODBUS_REQ, 2);
  close(fd);
}

static void test_mdns(void) {
  static const char query[] = "\0\0\0\0\0\1\0\0\0\0\0\0\4host\5local\0\0\1\0\1";
  static const char answer[] = "\0\0\x84\0\0\0\0\1\0\0\0\0\4host\5local\0\0\1\0\1\0\0\0\x78\0\4\1\2\3\4";
  struct group g = group_open(&s_mgr, handler, NULL);
  if (g.c == NULL) return;
  poison();
  deliver(g.c, query, sizeof(query) - 1, &g.asker);
  poison();
  deliver(g.c, answer, sizeof(answer) - 1, &g.asker);
  CHECK(s_seen[MG_EV_MDNS_REQ] == 1 && s_seen[MG_EV_MDNS_RESP] == 1);
  group_close(&g);
}

static void test_functions(void) {
  static const char request[] = "GET / HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
  static const char answer[] = "\1\2\x84\0\0\0\0\1\0\0\0\0\4host\5local\0\0\1\0\1\0\0\0\x78\0\4\1\2\3\4";
  struct mg_http_message hm;
  struct mg_dns_message dm;
  memset(&hm, 0xa5, sizeof(hm));
  CHECK(mg_http_parse(request, sizeof(request) - 1, &hm) > 0);
  check_http(&hm, 2);
  memset(&dm, 0xa5, sizeof(dm));
  poison();
  CHECK(mg_dns_parse((const uint8_t *) answer, sizeof(answer) - 1, &dm));
  {
    WHOLE(struct mg_dns_message, &dm);
    SAME(txnid), SAME(resolved), SAME(addr), SAME(name);
    END_WHOLE();
  }
  check_addr(&dm.addr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&s_mgr);
  poison();
  test_functions();
  test_streams();
  test_mdns();
  mg_mgr_free(&s_mgr);
  return FAILURES;
}
