// The C WebSocket server of the benchmarks: text comes back to its sender, binary goes to everyone.
//
//   ws_echo URL      for example: ws_echo http://127.0.0.1:8000
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "mongoose.h"

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void) number;
  stop = 1;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    int op = wm->flags & 15;
    if (op == WEBSOCKET_OP_TEXT) {
      mg_ws_send(c, wm->data.buf, wm->data.len, op);
    } else {
      mg_ws_broadcast(c->mgr, wm->data.buf, wm->data.len, op, NULL, NULL);
    }
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URL\n", argv[0]);
    return EXIT_FAILURE;
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  mg_log_set(MG_LL_ERROR);
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, argv[1], handler, NULL) == NULL) {
    fprintf(stderr, "cannot listen on %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  while (!stop) mg_mgr_poll(&mgr, 100);
  mg_mgr_free(&mgr);
  return EXIT_SUCCESS;
}
