// An HTTPS server or client, for peers that are other TLS implementations.
//
//   tls_peer server URL CERT KEY [CA]     echoes bodies; prints "ready", then errors and handshakes
//   tls_peer client URL CA NAME [CERT KEY]    POSTs to it; prints the status and the body, or the error
//   tls_peer raw URL                      reads until the end; prints the count of bytes, or the error
#include <stdlib.h>
#include "mongoose.h"

static struct mg_tls_opts opts;
static const char *url;
static int done;
static bool raw;
static size_t got;

static void say(const char *what, const char *detail) {
  printf("%s %s\n", what, detail);
  fflush(stdout);
}

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) mg_tls_init(c, &opts);
  if (ev == MG_EV_TLS_HS) say("handshake", "");
  if (ev == MG_EV_ERROR) say("error", (char *) ev_data);
  if (ev == MG_EV_CLOSE && c->is_accepted) say("close", "");
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "%.*s", (int) hm->body.len, hm->body.buf);
    if (mg_match(hm->uri, mg_str("/last"), NULL)) c->is_draining = 1;
  }
}

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) {
    mg_tls_init(c, &opts);
    if (!raw) mg_printf(c, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  }
  if (ev == MG_EV_ERROR) say("error", (char *) ev_data);
  if (ev == MG_EV_READ && raw) got += c->recv.len, c->recv.len = 0;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    printf("status %d %lu\n", mg_http_status(hm), (unsigned long) hm->body.len);
    c->is_draining = 1;
  }
  if (ev == MG_EV_CLOSE) {
    if (raw) printf("got %lu\n", (unsigned long) got);
    done = 1;
  }
}

static struct mg_str contents(const char *path) {
  struct mg_str data = mg_file_read(&mg_fs_posix, path);
  if (data.len == 0) exit(2);
  return data;
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  bool is_server = argc > 4 && strcmp(argv[1], "server") == 0;
  if (argc < 3) return 2;
  url = argv[2];
  raw = strcmp(argv[1], "raw") == 0;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (is_server) {
    opts.cert = contents(argv[3]);
    opts.key = contents(argv[4]);
    if (argc > 5) opts.ca = contents(argv[5]);
    if (mg_http_listen(&mgr, url, serve, NULL) == NULL) return 1;
    printf("ready\n");
    fflush(stdout);
  } else if (raw) {
    mg_connect(&mgr, url, ask, NULL);
  } else {
    if (argc < 5) return 2;
    opts.ca = contents(argv[3]);
    opts.name = mg_str(argv[4]);
    if (argc > 6) opts.cert = contents(argv[5]), opts.key = contents(argv[6]);
    mg_http_connect(&mgr, url, ask, NULL);
  }
  while (!done) mg_mgr_poll(&mgr, 1000);
  mg_mgr_free(&mgr);
  return 0;
}
