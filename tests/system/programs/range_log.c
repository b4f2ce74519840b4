// A file server that prints what it is asked for, and the status of its answer:
//
//   /video.webm [bytes=100-] 206
#include "mongoose.h"

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_http_serve_opts opts = {0};
    struct mg_str *range = mg_http_get_header(hm, "Range");
    struct mg_str none = {NULL, 0};
    opts.root_dir = (const char *) c->fn_data;
    mg_http_serve_dir(c, hm, &opts);
    if (range == NULL) range = &none;
    printf("%.*s [%.*s] %.3s\n", (int) hm->uri.len, hm->uri.buf, (int) range->len, range->buf,
           (char *) c->send.buf + 9);
    fflush(stdout);
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  if (argc != 3) return EXIT_FAILURE;
  mg_log_set(MG_LL_ERROR);
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, argv[1], handler, argv[2]) == NULL) return EXIT_FAILURE;
  for (;;) mg_mgr_poll(&mgr, 1000);
}
