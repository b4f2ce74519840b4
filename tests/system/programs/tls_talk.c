// A TLS server or client that says what the two sides have agreed on.
//
//   tls_talk server URL CA ALPN CERT KEY [CERT KEY]...    answers what it reads by HTTP and closes
//   tls_talk client URL CA ALPN NAME COUNT [CERT KEY]     asks COUNT times, one after the other
//
// CA and ALPN may be "-". The environment variable OCSP names what a server hands on about its certificate.
// The server prints "ready"; both print a line for each handshake: version,
// protocol, name, subject of the peer, "new" or "resumed", with bars between. The client also prints
// "error" and the text when there is none.
#include <stdlib.h>
#include <string.h>

#include "mongoose.h"

static struct mg_tls_config config;
static int done, count = 1;

static void say(struct mg_connection *c) {
  struct mg_tls_info i;
  if (!mg_tls_get_info(c, &i)) exit(3);
  printf("%.*s|%.*s|%.*s|%.*s|%s\n", (int) i.version.len, i.version.buf, (int) i.alpn.len, i.alpn.buf,
         (int) i.name.len, i.name.buf, (int) i.peer_subject.len, i.peer_subject.buf,
         i.resumed ? "resumed" : "new");
  fflush(stdout);
}

static void begin(struct mg_connection *c) {
  const char *wrong = mg_tls_start(c, &config);
  if (wrong != NULL) fprintf(stderr, "%s\n", wrong), exit(4);
}

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) begin(c);
  if (ev == MG_EV_TLS_HS) say(c);
  if (ev == MG_EV_READ) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
    c->is_draining = 1;
  }
  (void) ev_data;
}

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) {
    begin(c);
    mg_printf(c, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  }
  if (ev == MG_EV_ERROR) printf("error %s\n", (char *) ev_data);
  if (ev == MG_EV_TLS_HS) say(c);
  if (ev == MG_EV_READ) c->recv.len = 0;
  if (ev == MG_EV_CLOSE) done++;
}

static struct mg_str contents(const char *path) {
  struct mg_str data = mg_file_read(&mg_fs_posix, path);
  if (data.len == 0) exit(2);
  return data;
}

int main(int argc, char *argv[]) {
  struct mg_tls_pair pairs[4];
  struct mg_mgr mgr;
  bool is_server = argc > 6 && strcmp(argv[1], "server") == 0;
  int at, started = 0;
  if (argc < 7) return 2;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (strcmp(argv[3], "-") != 0) config.opts.ca = contents(argv[3]);
  if (strcmp(argv[4], "-") != 0) config.alpn = mg_str(argv[4]);
  if (argc > 7 || is_server) {
    at = is_server ? 5 : 7;
    config.opts.cert = contents(argv[at]);
    config.opts.key = contents(argv[at + 1]);
    for (at += 2; at + 1 < argc && config.num_pairs < 4; at += 2) {
      pairs[config.num_pairs].cert = contents(argv[at]);
      pairs[config.num_pairs++].key = contents(argv[at + 1]);
    }
    config.pairs = pairs;
  }
  if (is_server) {
    if (getenv("OCSP") != NULL) config.ocsp = contents(getenv("OCSP"));
    if (mg_listen(&mgr, argv[2], serve, NULL) == NULL) return 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) mg_mgr_poll(&mgr, 1000);
  }
  config.opts.name = mg_str(argv[5]);
  count = atoi(argv[6]);
  while (done < count) {
    if (started == done) mg_connect(&mgr, argv[2], ask, NULL), started++;
    mg_mgr_poll(&mgr, 1000);
  }
  mg_mgr_free(&mgr);
  return 0;
}
