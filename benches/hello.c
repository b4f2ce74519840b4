// The C hello of the benchmarks: every request is answered with the same short JSON text.
//
//   hello URL        for example: hello http://127.0.0.1:8000
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
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    mg_http_reply(c, 200, "Content-Type: application/json\r\n", "{\"message\":\"Hello, World!\"}");
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
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, argv[1], handler, NULL) == NULL) {
    fprintf(stderr, "cannot listen on %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  while (!stop) mg_mgr_poll(&mgr, 100);
  mg_mgr_free(&mgr);
  return EXIT_SUCCESS;
}
