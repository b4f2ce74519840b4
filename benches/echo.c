// Our echo server.
//
//   echo tcp|udp PORT
#include "mongoose.h"

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

int main(int argc, char *argv[]) {
  struct mg_mgr mgr;
  char url[64];
  if (argc != 3) return fprintf(stderr, "usage: %s tcp|udp PORT\n", argv[0]), EXIT_FAILURE;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  mg_snprintf(url, sizeof(url), "%s://127.0.0.1:%s", argv[1], argv[2]);
  if (mg_listen(&mgr, url, handler, NULL) == NULL) return EXIT_FAILURE;
  for (;;) mg_mgr_poll(&mgr, 1000);
}
