// HTTPS: tls CERTIFICATE KEY [URL]. SIGHUP reads both files again, as after a renewal.
#include <mongoose.h>
#include <signal.h>

static volatile sig_atomic_t reload;

static void on_hup(int number) {
  (void) number;
  reload = 1;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_tls_info info;
    mg_tls_get_info(c, &info);
    mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "Hello over %.*s\n", (int) info.version.len,
                  info.version.buf);
  } else if (ev == MG_EV_ERROR) {
    fprintf(stderr, "%s\n", (char *) ev_data);
  }
}

// Returns what is wrong, or NULL. The listener keeps the certificate that it has when something is.
static const char *use(struct mg_connection *listener, const char *cert, const char *key) {
  struct mg_tls_config config = {.opts = {.cert = mg_file_read(&mg_fs_posix, cert),
                                          .key = mg_file_read(&mg_fs_posix, key)}};
  const char *wrong = "no such file";
  if (config.opts.cert.buf != NULL && config.opts.key.buf != NULL) wrong = mg_tls_start(listener, &config);
  mg_free((void *) config.opts.cert.buf);
  mg_free((void *) config.opts.key.buf);
  return wrong;
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  const char *wrong;
  if (argc < 3) return fprintf(stderr, "usage: tls CERTIFICATE KEY [URL]\n"), 2;
  signal(SIGHUP, on_hup);
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_TLS_INHERIT, 1);  // connections begin with the listener's certificate
  listener = mg_http_listen(&mgr, argc > 3 ? argv[3] : "https://127.0.0.1:8443", handler, NULL);
  if (listener == NULL) return 1;
  wrong = use(listener, argv[1], argv[2]);
  if (wrong != NULL) return fprintf(stderr, "%s: %s\n", argv[1], wrong), 1;
  printf("https://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) {
    mg_mgr_poll(&mgr, 1000);
    if (!reload) continue;
    reload = 0;
    wrong = use(listener, argv[1], argv[2]);
    printf("%s\n", wrong == NULL ? "reloaded" : wrong);
    fflush(stdout);
  }
}
