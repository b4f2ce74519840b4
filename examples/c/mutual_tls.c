// Mutual TLS: mutual_tls CERTIFICATE KEY CLIENT_CA [URL]. Only clients with a certificate of that
// authority get an answer; it says who they are.
#include <mongoose.h>

static struct mg_tls_opts opts;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) {
    mg_tls_init(c, &opts);
  } else if (ev == MG_EV_HTTP_MSG) {
    struct mg_tls_info info;
    mg_tls_get_info(c, &info);
    mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "Hello %.*s\n", (int) info.peer_subject.len,
                  info.peer_subject.buf);
  } else if (ev == MG_EV_ERROR) {
    fprintf(stderr, "%s\n", (char *) ev_data);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  if (argc < 4) return fprintf(stderr, "usage: mutual_tls CERTIFICATE KEY CLIENT_CA [URL]\n"), 2;
  opts.cert = mg_file_read(&mg_fs_posix, argv[1]);
  opts.key = mg_file_read(&mg_fs_posix, argv[2]);
  opts.ca = mg_file_read(&mg_fs_posix, argv[3]);  // with this, clients need a certificate
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, argc > 4 ? argv[4] : "https://127.0.0.1:8443", handler, NULL);
  if (listener == NULL) return 1;
  printf("https://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
