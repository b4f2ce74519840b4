// Looks names up and prints what comes of each: "NAME ADDRESS" or "NAME: ERROR".
//
//   lookup [--dns4 URL] [--dns6 URL] [--use-dns6] [--timeout MS] [--mdns] NAME...
#include "mongoose.h"

static int s_open;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  const char *name = (const char *) c->fn_data;
  if (ev == MG_EV_RESOLVE) {
    char addr[50];
    mg_snprintf(addr, sizeof(addr), "%M", mg_print_ip, &c->rem);
    printf("%s %s\n", name, addr);
    c->is_closing = 1;
  } else if (ev == MG_EV_ERROR) {
    printf("%s: %s\n", name, (char *) ev_data);
  } else if (ev == MG_EV_CLOSE) {
    s_open--;
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  bool ok = true;
  int i;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  for (i = 1; i < argc; i++) {
    char url[300];
    if (strcmp(argv[i], "--use-dns6") == 0) {
      mgr.use_dns6 = true;
    } else if (strcmp(argv[i], "--mdns") == 0) {
      ok = mg_mdns_listen(&mgr, NULL, NULL) != NULL && ok;
    } else if (strcmp(argv[i], "--dns4") == 0 && i + 1 < argc) {
      mgr.dns4.url = argv[++i];
    } else if (strcmp(argv[i], "--dns6") == 0 && i + 1 < argc) {
      mgr.dns6.url = argv[++i];
    } else if (strcmp(argv[i], "--timeout") == 0 && i + 1 < argc) {
      mgr.dnstimeout = atoi(argv[++i]);
    } else {
      mg_snprintf(url, sizeof(url), "udp://%s:9", argv[i]);
      s_open++;
      ok = mg_connect(&mgr, url, handler, argv[i]) != NULL && ok;
    }
  }
  while (s_open > 0) mg_mgr_poll(&mgr, 1000);
  mg_mgr_free(&mgr);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
