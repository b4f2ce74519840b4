// The file server of the benchmarks.
//
//   files URL DIRECTORY      for example: files http://127.0.0.1:8000 /srv/www
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
    struct mg_http_serve_opts opts = {0};
    opts.root_dir = (const char *) c->fn_data;
    mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  if (argc != 3) {
    fprintf(stderr, "usage: %s URL DIRECTORY\n", argv[0]);
    return EXIT_FAILURE;
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  mg_log_level = MG_LL_ERROR;
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, argv[1], handler, argv[2]) == NULL) {
    fprintf(stderr, "cannot listen on %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  while (!stop) mg_mgr_poll(&mgr, 100);
  mg_mgr_free(&mgr);
  return EXIT_SUCCESS;
}
