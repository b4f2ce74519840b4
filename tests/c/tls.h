// What the programs about TLS share: certificates, and two sides that meet in one manager.
#ifndef TLS_H
#define TLS_H

#include "loop.h"

// Makes the files of tls_certs.sh in the current directory.
static inline void make_certs(void) {
  char command[1000];
  const char *slash = strrchr(__FILE__, '/');
  mg_snprintf(command, sizeof(command), "sh '%.*s/tls_certs.sh'", (int) (slash - __FILE__), __FILE__);
  CHECK(system(command) == 0);
}

// The contents of a file, for as long as the program runs.
static inline struct mg_str file(const char *name) {
  static struct {
    char name[40];
    struct mg_str data;
  } files[100];
  size_t i;
  for (i = 0; i < COUNT(files) && files[i].name[0] != '\0'; i++) {
    if (strcmp(files[i].name, name) == 0) return files[i].data;
  }
  if (i == COUNT(files)) exit(2);
  files[i].data = mg_file_read(&mg_fs_posix, name);
  CHECK_ROW(files[i].data.len > 0, name);
  mg_snprintf(files[i].name, sizeof(files[i].name), "%s", name);
  return files[i].data;
}

// A certificate and its key; NULL: none.
static inline struct mg_tls_opts identity(const char *name) {
  struct mg_tls_opts opts;
  char path[40];
  memset(&opts, 0, sizeof(opts));
  if (name == NULL) return opts;
  mg_snprintf(path, sizeof(path), "%s.crt", name);
  opts.cert = file(path);
  mg_snprintf(path, sizeof(path), "%s.key", name);
  opts.key = file(path);
  return opts;
}

// One side of a connection: what it wants and what it saw.
struct side {
  struct mg_tls_opts opts;
  struct record seen;
  size_t got;
  struct mg_connection *c;
  int hs_flags_wrong;
};

static inline void note(struct mg_connection *c, struct side *side, int ev, void *ev_data) {
  record_event(&side->seen, ev, ev_data);
  if (ev == MG_EV_TLS_HS && (c->is_tls_hs || !c->is_tls || c->tls == NULL || ev_data != NULL)) {
    side->hs_flags_wrong++;
  }
  if (ev == MG_EV_CLOSE) side->c = NULL;
}

// Answers each byte with itself.
static inline void echo_tls(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_ACCEPT) side->c = c, mg_tls_init(c, &side->opts);
  if (ev == MG_EV_READ) mg_send(c, c->recv.buf, c->recv.len), c->recv.len = 0;
}

static inline void ask_tls(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_CONNECT) mg_tls_init(c, &side->opts), mg_send(c, "ping", 4);
  if (ev == MG_EV_READ) side->got = c->recv.len;
}

static struct side server, client;
static const char *scheme = "tls";  // Of the URL that the client connects to.

// Both sides meet, until the client has its answer or is closed. True when it was answered.
static inline bool meet(struct mg_tls_opts of_server, struct mg_tls_opts of_client) {
  struct mg_mgr mgr;
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  server.opts = of_server;
  client.opts = of_client;
  mg_mgr_init(&mgr);
  mg_log_set(MG_LL_NONE);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
  client.c = mg_connect(&mgr, url_of(scheme, l), ask_tls, &client);
  POLL_UNTIL(&mgr, client.got == 4 || (client.c == NULL && server.seen.closes == 1));
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  CHECK(server.hs_flags_wrong == 0 && client.hs_flags_wrong == 0);
  return client.got == 4;
}

#endif
