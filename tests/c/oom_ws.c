// WebSocket functions without memory: all or nothing.
#include "ws.h"

static int s_left = 1 << 30;  // allocations that succeed

void *mg_calloc(size_t count, size_t size) {
  return s_left-- > 0 ? calloc(count, size) : NULL;
}

void mg_free(void *ptr) {
  free(ptr);
}

static char payload[300];

static size_t do_send(struct mg_connection *c) {
  return mg_ws_send(c, payload, sizeof(payload) - 1, WEBSOCKET_OP_BINARY);
}
static size_t do_send_frame(struct mg_connection *c) {
  return mg_ws_send_frame(c, payload, sizeof(payload) - 1, WEBSOCKET_OP_TEXT, false);
}
static size_t do_printf(struct mg_connection *c) {
  return mg_ws_printf(c, WEBSOCKET_OP_TEXT, "%s-%s", payload, payload);
}
static size_t do_wrap(struct mg_connection *c) {
  return mg_ws_wrap(c, 3, WEBSOCKET_OP_TEXT);
}
static size_t do_close(struct mg_connection *c) {
  return mg_ws_close(c, 1000, "a reason that needs more than what is left");
}

// A program's own connection, whose buffer is nearly full and cannot grow.
static void test_sending(void) {
  static const struct {
    const char *name;
    size_t (*fn)(struct mg_connection *);
    char last;
  } rows[] = {{"send", do_send, 'p'},
              {"send_frame", do_send_frame, 'p'},
              {"printf", do_printf, 'p'},
              {"wrap", do_wrap, 'o'},
              {"close", do_close, 't'}};
  size_t i, room, client;
  for (client = 0; client < 2; client++) {
    for (i = 0; i < COUNT(rows); i++) {
      // With so much room: none, a part of the header, the header alone, nearly all.
      for (room = 0; room < sizeof(payload) * 2 + 16; room++) {
        struct mg_connection c;
        size_t returned;
        memset(&c, 0, sizeof(c));
        c.is_client = client & 1;
        s_left = 1;
        c.send.size = 5 + room;
        c.send.buf = (unsigned char *) calloc(1, c.send.size);
        memcpy(c.send.buf, "abboo", 5);
        c.send.len = 5;
        s_left = 0;
        returned = rows[i].fn(&c);
        if (returned == 0) {
          CHECK_ROW(c.send.len == 5 && memcmp(c.send.buf, "abboo", 5) == 0, rows[i].name);
        } else {
          CHECK_ROW(c.send.len > 5 && c.send.len <= c.send.size, rows[i].name);
          CHECK_ROW(memcmp(c.send.buf, "ab", 2) == 0, rows[i].name);
          CHECK_ROW(client || c.send.buf[c.send.len - 1] == (unsigned char) rows[i].last, rows[i].name);
        }
        CHECK_ROW(!c.is_closing, rows[i].name);
        CHECK_ROW(room > 0 || returned == 0, rows[i].name);
        CHECK_ROW(room < sizeof(payload) * 2 + 15 || returned > 0, rows[i].name);
        s_left = 1 << 30;
        mg_iobuf_free(&c.send);
      }
    }
  }
}

// Every allocation of a conversation fails once. Nothing is lost, nothing hangs, nothing is half sent.

static struct ws_log server, client;

static void server_fn(struct mg_connection *c, int ev, void *ev_data) {
  ws_log_event(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    mg_ws_upgrade(c, (struct mg_http_message *) ev_data, "X: %s\r\n", payload);
    CHECK(c->is_websocket || (c->is_closing && server.errors > 0));
  }
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    size_t before = c->send.len, n = mg_ws_send(c, wm->data.buf, wm->data.len, WEBSOCKET_OP_TEXT);
    CHECK(c->send.len == before + n);
    if (n == 0) c->is_closing = 1;
  }
}

static void client_fn(struct mg_connection *c, int ev, void *ev_data) {
  ws_log_event(&client, ev, ev_data);
  if (ev == MG_EV_WS_OPEN && mg_ws_printf(c, WEBSOCKET_OP_TEXT, "%s", payload) == 0) c->is_closing = 1;
  if (ev == MG_EV_WS_MSG) c->is_closing = 1;
}

static void test_conversation(void) {
  int n, finished = 0;
  for (n = 0; n < 60 && !finished; n++) {
    struct mg_mgr mgr;
    struct mg_connection *l, *c;
    uint64_t until;
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    s_left = 1 << 30;
    mg_mgr_init(&mgr);
    l = mg_http_listen(&mgr, "http://127.0.0.1:0", server_fn, NULL);
    CHECK(l != NULL);
    s_left = n;
    c = mg_ws_connect(&mgr, url_of("ws", l), client_fn, NULL, "Y: %s\r\n", payload);
    until = mg_millis() + PATIENCE_MS;
    while (c != NULL && client.closes == 0 && mg_millis() < until) {
      // Only one allocation fails.
      if (s_left < 0) s_left = 1 << 30;
      mg_mgr_poll(&mgr, 5);
    }
    finished = s_left >= 0 && s_left < 1 << 29;
    CHECK(c == NULL || client.closes == 1);
    CHECK(!finished || client.msgs == 1);
    s_left = 1 << 30;
    mg_mgr_free(&mgr);
  }
  CHECK(finished && n > 3);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  memset(payload, 'p', sizeof(payload) - 1);
  test_sending();
  test_conversation();
  return FAILURES;
}
