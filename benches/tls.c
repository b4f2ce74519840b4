// An HTTPS server for handshakes, and for new certificates while clients come.
//
//   tls URL accept|listener CERT KEY [CERT KEY]
//
// accept: options are given at MG_EV_ACCEPT, as programs for the original do. listener: once. Each
// connection has one reply. With a second pair, each line of standard input changes the listener's
// certificate, and offers it one that does not belong to its key; it answers "changed", at the end
// the count of handshakes and of errors.
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "mongoose.h"

static struct mg_tls_config configs[2];
static bool at_accept;
static unsigned long handshakes, errors;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT && at_accept) mg_tls_init(c, &configs[0].opts);
  if (ev == MG_EV_TLS_HS) handshakes++;
  if (ev == MG_EV_ERROR) errors++;
  if (ev == MG_EV_HTTP_MSG) {
    mg_http_reply(c, 200, "Connection: close\r\n", "ok\n");
    c->is_draining = 1;
  }
  (void) ev_data;
}

static void change(struct mg_connection *l) {
  static int turn;
  char line[16];
  struct mg_tls_config wrong;
  if (read(0, line, sizeof(line)) <= 0) {
    printf("%lu %lu\n", handshakes, errors);
    exit(0);
  }
  turn = !turn;
  wrong = configs[turn];
  wrong.opts.key = configs[!turn].opts.key;
  printf("%s\n", mg_tls_start(l, &configs[turn]) == NULL && mg_tls_start(l, &wrong) != NULL ? "changed" : "no");
  fflush(stdout);
}

int main(int argc, char *argv[]) {
  struct pollfd input = {0, POLLIN, 0};
  struct mg_mgr mgr;
  struct mg_connection *l;
  int i;
  if (argc < 5) return 2;
  at_accept = strcmp(argv[2], "accept") == 0;
  for (i = 0; i < 2 && 4 + 2 * i < argc; i++) {
    configs[i].opts.cert = mg_file_read(&mg_fs_posix, argv[3 + 2 * i]);
    configs[i].opts.key = mg_file_read(&mg_fs_posix, argv[4 + 2 * i]);
  }
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (!at_accept) mg_mgr_set(&mgr, MG_SET_TLS_INHERIT, 1);
  l = mg_http_listen(&mgr, argv[1], serve, NULL);
  if (l == NULL || (!at_accept && mg_tls_start(l, &configs[0]) != NULL)) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    mg_mgr_poll(&mgr, argc > 5 ? 10 : 1000);
    if (argc > 5 && poll(&input, 1, 0) > 0) change(l);
  }
}
