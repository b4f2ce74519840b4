// A WebSocket server under test, whose peers are plain sockets.
#ifndef WS_SERVER_H
#define WS_SERVER_H

#include "ws.h"

static struct mg_mgr mgr;
static struct mg_connection *listener, *conn;
static struct ws_log server;
static void (*habit)(struct mg_connection *, int, void *);  // what the test's handler does besides

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) conn = c;
  if (ev == MG_EV_HTTP_MSG && !habit) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  ws_log_event(&server, ev, ev_data);
  if (habit) habit(c, ev, ev_data);
}

static void upgrade(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
}

static void begin(void (*with)(struct mg_connection *, int, void *)) {
  memset(&server, 0, sizeof(server));
  habit = with;
  conn = NULL;
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  CHECK(listener != NULL);
}

// A peer whose request was accepted.
static int peer(void) {
  int fd = dial(listener), on = 1;
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  put(fd, BYTES(UPGRADE));
  CHECK_TAKES(&mgr, fd, ACCEPTED "\r\n", sizeof(ACCEPTED) + 1);
  CHECK(server.opens > 0);
  return fd;
}

static void end(int fd) {
  close(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  mg_mgr_free(&mgr);
}

#endif
