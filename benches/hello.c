// The C hello of the benchmarks: every request is answered with the same short JSON text.
//
//   hello URL [BYTES]     for example: hello http://127.0.0.1:8000; with BYTES, a text of that length
//
// POLL_INTERVAL in the environment is MG_SET_POLL_INTERVAL.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static char *text;
static int length;

static void large(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "%.*s", length, text);
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  const char *interval = getenv("POLL_INTERVAL");
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s URL [BYTES]\n", argv[0]);
    return EXIT_FAILURE;
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  mg_mgr_init(&mgr);
  if (interval != NULL) mg_mgr_set(&mgr, MG_SET_POLL_INTERVAL, atoi(interval));
  if (argc == 3) {
    length = atoi(argv[2]);
    text = (char *) malloc((size_t) length + 1);
    if (length <= 0 || text == NULL) return EXIT_FAILURE;
    memset(text, 'x', (size_t) length);
    text[length] = 0;
  }
  if (mg_http_listen(&mgr, argv[1], text == NULL ? handler : large, NULL) == NULL) {
    fprintf(stderr, "cannot listen on %s\n", argv[1]);
    return EXIT_FAILURE;
  }
  while (!stop) mg_mgr_poll(&mgr, 100);
  mg_mgr_free(&mgr);
  free(text);
  return EXIT_SUCCESS;
}
