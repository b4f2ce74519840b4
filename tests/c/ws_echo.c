// Clients and servers of one manager, counted in polls of a millisecond.
#include "ws.h"

static struct mg_mgr mgr;
static char big[67297];

// --- A conversation: protocols, messages, pings, close

struct talk {
  int opened, boo, foobar, closes, errors, msgs;
  char first[16];
};

static void talk_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/ws"), NULL)) {
      mg_ws_upgrade(c, hm, NULL);
    } else {
      mg_http_reply(c, 404, "", "");
    }
  } else if (ev == MG_EV_WS_OPEN) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    CHECK(mg_strcmp(hm->uri, mg_str("/ws")) == 0);
    CHECK(c->is_websocket && !c->is_resp);
    mg_ws_send(c, "opened", 6, WEBSOCKET_OP_BINARY);
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, WEBSOCKET_OP_BINARY);
  }
}

static void talk_client(struct mg_connection *c, int ev, void *ev_data) {
  struct talk *t = (struct talk *) c->fn_data;
  if (ev == MG_EV_WS_OPEN) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_str *protocol = mg_http_get_header(hm, "Sec-WebSocket-Protocol");
    CHECK(mg_http_status(hm) == 101);
    CHECK(protocol != NULL && mg_strcmp(*protocol, mg_str("meh")) == 0);
    t->opened++;
    mg_ws_send(c, "", 0, WEBSOCKET_OP_CONTINUE);
    CHECK(mg_ws_printf(c, WEBSOCKET_OP_BINARY, "%.3s", "boo!!!!") == 3);
    CHECK(mg_ws_printf(c, WEBSOCKET_OP_BINARY, "foobar") == 6);
    mg_ws_send(c, "", 0, WEBSOCKET_OP_PING);
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    if (t->msgs++ == 0) snprintf(t->first, sizeof(t->first), "%.*s", (int) wm->data.len, wm->data.buf);
    CHECK(wm->flags == 0x82);
    if (mg_match(wm->data, mg_str("*boo*"), NULL)) t->boo++;
    if (mg_match(wm->data, mg_str("*foobar*"), NULL)) {
      t->foobar++;
      mg_ws_send(c, "", 0, WEBSOCKET_OP_CLOSE);
    }
  } else if (ev == MG_EV_CLOSE) {
    t->closes++;
  } else if (ev == MG_EV_ERROR) {
    t->errors++;
  }
}

static void test_conversation(void) {
  struct talk t;
  struct mg_connection *l;
  char url[80];
  memset(&t, 0, sizeof(t));
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "ws://LOCALHOST:0/ws", talk_server, NULL);
  CHECK(l != NULL);
  snprintf(url, sizeof(url), "%s/ws", url_of("ws", l));
  CHECK(mg_ws_connect(&mgr, url, talk_client, &t, "%s", "Sec-WebSocket-Protocol: meh\r\n") != NULL);
  POLLS_SUFFICE(&mgr, 30, t.closes == 1);
  CHECK(t.opened == 1 && t.boo == 1 && t.foobar == 1 && t.msgs == 3 && t.errors == 0);
  CHECK(strcmp(t.first, "opened") == 0);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static void test_request_that_is_no_upgrade(void) {
  static const char expected[] =
      "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 20         \r\n\r\nWS upgrade expected\n";
  struct mg_connection *l;
  int fd;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", talk_server, NULL);
  fd = dial(l);
  put(fd, BYTES("GET /ws HTTP/1.0\r\n\n"));
  CHECK_TAKES(&mgr, fd, expected, sizeof(expected) - 1);
  CHECK_END(&mgr, fd);
  close(fd);
  mg_mgr_free(&mgr);
}

// --- One large message

struct large {
  size_t len;
  int msgs, wrong, first;
};

static void large_client(struct mg_connection *c, int ev, void *ev_data) {
  struct large *g = (struct large *) c->fn_data;
  if (ev == MG_EV_WS_OPEN) {
    CHECK(mg_ws_printf(c, WEBSOCKET_OP_TEXT, "%s", big) == sizeof(big) - 1);
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    if (g->msgs++ == 0) {
      g->first = wm->data.len == 6 && memcmp(wm->data.buf, "opened", 6) == 0;
    } else {
      g->len = wm->data.len;
      g->wrong += memcmp(wm->data.buf, big, wm->data.len) != 0;
    }
  }
}

static void test_large_message(void) {
  struct large g;
  struct mg_connection *l;
  char url[80];
  int polls = 0;
  memset(&g, 0, sizeof(g));
  memset(big, 'A', sizeof(big) - 1);
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", talk_server, NULL);
  snprintf(url, sizeof(url), "%s/ws", url_of("ws", l));
  CHECK(mg_ws_connect(&mgr, url, large_client, &g, NULL) != NULL);
  while (g.msgs < 2 && polls++ < 1000) mg_mgr_poll(&mgr, 1);
  CHECK(g.first && g.msgs == 2 && g.len == sizeof(big) - 1 && g.wrong == 0);
  mg_mgr_free(&mgr);
}

// --- Fragments by clearing FIN in the send buffer, one in each poll

static void word_server(struct mg_connection *c, int ev, void *ev_data) {
  static const char word[] = "lebowski";
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_OPEN) mg_ws_send(c, "x", 1, WEBSOCKET_OP_PONG);
  if (ev == MG_EV_POLL && c->is_websocket) {
    size_t ofs, *at = (size_t *) c->data;
    mg_ws_send(c, ":->", 3, WEBSOCKET_OP_PING);
    if (*at < 8) {
      int op = *at == 0 ? WEBSOCKET_OP_TEXT : WEBSOCKET_OP_CONTINUE;
      if (*at == 7) op |= 128;
      ofs = c->send.len;
      mg_ws_send(c, &word[*at], 1, op);
      c->send.buf[ofs] = (unsigned char) op;
      ++*at;
    } else {
      mg_ws_send(c, "", 0, WEBSOCKET_OP_CLOSE);
    }
  }
}

static void word_client(struct mg_connection *c, int ev, void *ev_data) {
  struct talk *t = (struct talk *) c->fn_data;
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    CHECK(wm->flags == WEBSOCKET_OP_TEXT);
    CHECK(mg_strcmp(wm->data, mg_str("lebowski")) == 0);
    t->msgs++;
  }
  if (ev == MG_EV_CLOSE) t->closes++;
  if (ev == MG_EV_ERROR) t->errors++;
}

static void test_fragments_by_hand(void) {
  struct talk t;
  struct mg_connection *l;
  memset(&t, 0, sizeof(t));
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", word_server, NULL);
  mg_ws_connect(&mgr, url_of("ws", l), word_client, &t, "%s", "Sec-WebSocket-Protocol: echo\r\n");
  POLLS_SUFFICE(&mgr, 25, t.closes == 1);
  CHECK(t.msgs == 1 && t.errors == 0);
  mg_mgr_free(&mgr);
}

// --- The ways to send

static int seen;

static void ways_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_MSG) {
    static const size_t lengths[] = {9, 10, 3, 8192};
    static const char *const texts[] = {"hi there!", "hi there2!", "boo", big};
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    CHECK(seen < 4);
    if (seen < 4) {
      CHECK_ROW(wm->data.len == lengths[seen] && memcmp(wm->data.buf, texts[seen], lengths[seen]) == 0,
                texts[seen]);
    }
    seen++;
  }
}

static void ways_client(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_WS_OPEN) {
    size_t before;
    CHECK(mg_ws_send(c, "hi there!", 9, WEBSOCKET_OP_TEXT) == 9 + 6);
    CHECK(mg_ws_printf(c, WEBSOCKET_OP_TEXT, "%s", "hi there2!") == 10);
    before = c->send.len;
    mg_printf(c, "boo");
    CHECK(mg_ws_wrap(c, 3, WEBSOCKET_OP_TEXT) == before + 9);
    CHECK(mg_ws_send(c, big, 8192, WEBSOCKET_OP_TEXT) == 8192 + 8);
  }
}

static void test_ways_to_send(void) {
  struct mg_connection *l;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", ways_server, NULL);
  mg_ws_connect(&mgr, url_of("ws", l), ways_client, NULL, NULL);
  POLL_UNTIL(&mgr, seen == 4);
  mg_mgr_free(&mgr);
}

// --- A server that does everything on one listener, and a timer that broadcasts

static int greeted, ticks;

static void all_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WS_OPEN) c->data[0] = 'W';
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/websocket"), NULL)) {
      mg_ws_upgrade(c, hm, "X-Extra: %s\r\n", "100%");
    } else {
      mg_http_reply(c, 200, "", "{%m:%d}\n", MG_ESC("result"), 123);
    }
  }
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, WEBSOCKET_OP_TEXT);
  }
}

static void broadcast_tick(void *arg) {
  struct mg_connection *c;
  for (c = ((struct mg_mgr *) arg)->conns; c != NULL; c = c->next) {
    if (c->data[0] == 'W') mg_ws_printf(c, WEBSOCKET_OP_TEXT, "{%m:%d}", MG_ESC("tick"), 7);
  }
}

static void all_client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WS_OPEN) {
    struct mg_str *extra = mg_http_get_header((struct mg_http_message *) ev_data, "X-Extra");
    CHECK(extra != NULL && mg_strcmp(*extra, mg_str("100%")) == 0);
    mg_ws_send(c, "hello", 5, WEBSOCKET_OP_TEXT);
  }
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    if (mg_strcmp(wm->data, mg_str("hello")) == 0) greeted++;
    if (mg_strcmp(wm->data, mg_str("{\"tick\":7}")) == 0) ticks++;
  }
}

static void test_one_listener_for_all(void) {
  static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 15         \r\n\r\n{\"result\":123}\n";
  struct mg_connection *l;
  char url[80];
  int fd;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", all_server, NULL);
  mg_timer_add(&mgr, 5, MG_TIMER_REPEAT, broadcast_tick, &mgr);
  snprintf(url, sizeof(url), "%s/websocket", url_of("ws", l));
  mg_ws_connect(&mgr, url, all_client, NULL, NULL);
  mg_ws_connect(&mgr, url, all_client, NULL, NULL);
  fd = dial(l);
  put(fd, BYTES("GET /rest HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_TAKES(&mgr, fd, reply, sizeof(reply) - 1);
  POLL_UNTIL(&mgr, greeted == 2 && ticks >= 4);
  close(fd);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_conversation();
  test_request_that_is_no_upgrade();
  test_large_message();
  test_fragments_by_hand();
  test_ways_to_send();
  test_one_listener_for_all();
  return FAILURES;
}
