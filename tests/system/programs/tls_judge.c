// Judges certificates: for each line of standard input a handshake in one manager, and a line that
// says how the side that judges ended it: "ok", or the text of its MG_EV_ERROR.
//
//   ROLE CHAIN KEY CA NAME CRL   ROLE of who shows CHAIN: server or client; NAME and CRL "-": none
//
// The other side of a client's certificate is ANY.crt and ANY.key in the current directory.
#include <stdlib.h>
#include <string.h>

#include "mongoose.h"

struct judge {
  struct mg_tls_config config;
  char text[100];
  bool done;
};

static struct judge server, client;

static void note(struct mg_connection *c, struct judge *j, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT || ev == MG_EV_CONNECT) {
    const char *wrong = mg_tls_start(c, &j->config);
    if (wrong != NULL) mg_error(c, "%s", wrong);
  }
  if (ev == MG_EV_TLS_HS) mg_snprintf(j->text, sizeof(j->text), "ok");
  if (ev == MG_EV_ERROR) mg_snprintf(j->text, sizeof(j->text), "%s", (char *) ev_data);
  if (ev == MG_EV_TLS_HS || ev == MG_EV_CLOSE) j->done = true;
}

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (!c->is_listening) note(c, &server, ev, ev_data);
}

static void connect_to(struct mg_connection *c, int ev, void *ev_data) {
  note(c, &client, ev, ev_data);
}

// Files are read once: many lines name the same.
static struct mg_str file(const char *name) {
  static struct {
    char name[64];
    struct mg_str data;
  } files[3000];
  static size_t count;
  size_t i;
  for (i = 0; i < count; i++) {
    if (strcmp(files[i].name, name) == 0) return files[i].data;
  }
  if (count == sizeof(files) / sizeof(files[0])) exit(2);
  mg_snprintf(files[count].name, sizeof(files[count].name), "%s", name);
  files[count].data = mg_file_read(&mg_fs_posix, name);
  if (files[count].data.len == 0) exit(3);
  return files[count++].data;
}

int main(void) {
  char role[16], chain[64], key[64], ca[64], name[300], crl[64], url[40];
  struct mg_mgr mgr;
  struct mg_connection *l;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  if (l == NULL) return 1;
  mg_snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(l->loc.port));
  while (scanf("%15s %63s %63s %63s %299s %63s", role, chain, key, ca, name, crl) == 6) {
    bool shows = strcmp(role, "server") == 0;
    struct judge *shown = shows ? &server : &client, *judge = shows ? &client : &server;
    struct mg_connection *c;
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    server.config.opts.cert = file("ANY.crt");
    server.config.opts.key = file("ANY.key");
    shown->config.opts.cert = file(chain);
    shown->config.opts.key = file(key);
    judge->config.opts.ca = file(ca);
    if (strcmp(crl, "-") != 0) judge->config.crl = file(crl);
    if (strcmp(name, "-") != 0) client.config.opts.name = mg_str(name);
    mg_connect(&mgr, url, connect_to, NULL);
    while (!client.done || !server.done) mg_mgr_poll(&mgr, 1000);
    printf("%s\n", judge->text[0] == '\0' ? shown->text : judge->text);
    for (c = mgr.conns; c != NULL; c = c->next) c->is_closing = !c->is_listening;
    mg_mgr_poll(&mgr, 0);
  }
  mg_mgr_free(&mgr);
  return 0;
}
