// IPv6, and IPv4 peers of an IPv6 listener.
#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *accepted;

static void remember(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_ACCEPT) accepted = c;
}

static void check_pair(const char *listen_url, const char *connect_host, const char *addr_at_server,
                       const char *addr_at_client) {
  struct mg_connection *l, *c;
  char url[80], text[INET6_ADDRSTRLEN];
  mg_mgr_init(&mgr);
  accepted = NULL;
  l = mg_listen(&mgr, listen_url, remember, NULL);
  CHECK_ROW(l != NULL, listen_url);
  if (l == NULL) return;
  snprintf(url, sizeof(url), "tcp://%s:%d", connect_host, mg_ntohs(l->loc.port));
  c = mg_connect(&mgr, url, NULL, NULL);
  mg_send(c, "six", 3);
  POLL_UNTIL(&mgr, accepted != NULL && accepted->recv.len == 3);
  inet_ntop(accepted->rem.is_ip6 ? AF_INET6 : AF_INET, accepted->rem.addr.ip, text, sizeof(text));
  CHECK_ROW(strcmp(text, addr_at_server) == 0, url);
  inet_ntop(accepted->loc.is_ip6 ? AF_INET6 : AF_INET, accepted->loc.addr.ip, text, sizeof(text));
  CHECK_ROW(strcmp(text, addr_at_server) == 0, url);
  inet_ntop(c->rem.is_ip6 ? AF_INET6 : AF_INET, c->rem.addr.ip, text, sizeof(text));
  CHECK_ROW(strcmp(text, addr_at_client) == 0, url);
  inet_ntop(c->loc.is_ip6 ? AF_INET6 : AF_INET, c->loc.addr.ip, text, sizeof(text));
  CHECK_ROW(strcmp(text, addr_at_client) == 0, url);
  CHECK_ROW(accepted->rem.port == c->loc.port && accepted->loc.port == c->rem.port, url);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  if (!has_ipv6()) return 0;
  check_pair("tcp://[::1]:0", "[::1]", "::1", "::1");
  check_pair("tcp://[::]:0", "[::1]", "::1", "::1");
  check_pair("tcp://[::]:0", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1");
  check_pair("tcp://0.0.0.0:0", "127.0.0.1", "127.0.0.1", "127.0.0.1");
  check_pair("tcp://127.0.0.1:0", "localhost", "127.0.0.1", "127.0.0.1");
  check_pair("tcp://LocalHost:0", "LOCALHOST", "127.0.0.1", "127.0.0.1");
  return FAILURES;
}
