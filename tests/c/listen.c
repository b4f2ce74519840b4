// What mg_listen makes of a URL, and the connection's fields right after it.
#include "loop.h"

static struct mg_mgr mgr;
static int opened;

static void count_open(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  opened += ev == MG_EV_OPEN;
}

static void test_urls(void) {
  static const struct {
    const char *url;
    const char *addr;  // NULL: refused
    int udp, tls;
  } rows[] = {
      {"tcp://127.0.0.1:0", "127.0.0.1", 0, 0},
      {"tcp://127.0.0.1", "127.0.0.1", 0, 0},
      {"127.0.0.1:0", "127.0.0.1", 0, 0},
      {"tcp://127.0.0.1:0/foo", "127.0.0.1", 0, 0},
      {"foo://127.0.0.1:0", "127.0.0.1", 0, 0},
      {"tcp://localhost:0", "127.0.0.1", 0, 0},
      {"tcp://LOCALHOST:0", "127.0.0.1", 0, 0},
      {"tcp://LocalHost:0", "127.0.0.1", 0, 0},
      {"tcp://:0", "0.0.0.0", 0, 0},
      {":0", "0.0.0.0", 0, 0},
      {"", "0.0.0.0", 0, 0},
      {"http://[::1]:0", "::1", 0, 0},
      {"tcp://[::]:0", "::", 0, 0},
      {"udp://0.0.0.0:0", "0.0.0.0", 1, 0},
      {"udp://127.0.0.1:0/", "127.0.0.1", 1, 0},
      {"udp://[::1]:0", "::1", 1, 0},
      {"UDP://127.0.0.1:0", "127.0.0.1", 1, 0},
      {"https://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"wss://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"mqtts://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"ssl://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"tls://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"tcps://127.0.0.1:0", "127.0.0.1", 0, 1},
      {"http://127.0.0.1:0", "127.0.0.1", 0, 0},
      {"0", NULL, 0, 0},
      {"http://*:0", NULL, 0, 0},
      {"invalid:31:14", NULL, 0, 0},
      {"tcp://foo.bar:80", NULL, 0, 0},
      {"tcp://1.2.3.4.5:80", NULL, 0, 0},
      {"tcp://8.8.8.8:0", NULL, 0, 0},
      {"tcp://127.0.0.1:65536", NULL, 0, 0},
      {"http://0.0.0.0:99999", NULL, 0, 0},
  };
  size_t i;
  bool ipv6 = has_ipv6();
  int before = count_descriptors();
  mg_mgr_init(&mgr);
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_connection *c;
    if (!ipv6 && strchr(rows[i].url, '[') != NULL) {
      mgr.nextid++;
      continue;
    }
    opened = 0;
    c = mg_listen(&mgr, rows[i].url, count_open, &opened);
    CHECK_ROW((c != NULL) == (rows[i].addr != NULL), rows[i].url);
    CHECK_ROW(opened == (c != NULL), rows[i].url);
    CHECK_ROW(mgr.nextid == i + 1, rows[i].url);
    if (c == NULL) continue;
    {
      char text[INET6_ADDRSTRLEN];
      inet_ntop(c->loc.is_ip6 ? AF_INET6 : AF_INET, c->loc.addr.ip, text, sizeof(text));
      CHECK_ROW(strcmp(text, rows[i].addr) == 0, rows[i].url);
    }
    CHECK_ROW(c->loc.port != 0 && c->rem.port == 0 && c->rem.addr.ip4 == 0, rows[i].url);
    CHECK_ROW(mgr.conns == c && c->id == i + 1 && c->mgr == &mgr, rows[i].url);
    CHECK_ROW(c->is_listening && c->is_udp == rows[i].udp && c->is_tls == rows[i].tls, rows[i].url);
    CHECK_ROW(!c->is_client && !c->is_accepted && !c->is_resolving && !c->is_connecting, rows[i].url);
    CHECK_ROW(!c->is_closing && !c->is_draining && !c->is_full && !c->is_resp, rows[i].url);
    CHECK_ROW(!c->is_readable && !c->is_writable && !c->is_hexdumping && !c->is_websocket, rows[i].url);
    CHECK_ROW(c->fn == count_open && c->fn_data == &opened, rows[i].url);
    CHECK_ROW(c->pfn == NULL && c->pfn_data == NULL && c->tls == NULL, rows[i].url);
    CHECK_ROW(c->recv.align == MG_IO_SIZE && c->send.align == MG_IO_SIZE, rows[i].url);
    CHECK_ROW(c->rtls.align == MG_IO_SIZE && c->prof.align == 0, rows[i].url);
    CHECK_ROW(fcntl((int) (size_t) c->fd, F_GETFD) == FD_CLOEXEC, rows[i].url);
    CHECK_ROW((fcntl((int) (size_t) c->fd, F_GETFL) & O_NONBLOCK) != 0, rows[i].url);
  }
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  CHECK(count_descriptors() == before);
}

static void test_a_port_that_is_taken(void) {
  struct mg_connection *l;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
  CHECK(mg_listen(&mgr, url_of("tcp", l), NULL, NULL) == NULL);
  CHECK(mgr.conns == l && l->next == NULL);
  mg_mgr_free(&mgr);
}

static void test_a_manager_after_a_refusal(void) {
  mg_mgr_init(&mgr);
  CHECK(mg_http_listen(&mgr, "invalid:31:14", NULL, NULL) == NULL);
  CHECK(mgr.conns == NULL);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static void test_init(void) {
  memset(&mgr, 0xa5, sizeof(mgr));
  mg_mgr_init(&mgr);
  CHECK(mgr.conns == NULL && mgr.timers == NULL && mgr.mdns == NULL && mgr.userdata == NULL);
  CHECK(mgr.active_dns_requests == NULL && mgr.active_mdns_requests == NULL);
  CHECK(strcmp(mgr.dns4.url, "udp://8.8.8.8:53") == 0 && mgr.dns4.c == NULL);
  CHECK(strcmp(mgr.dns6.url, "udp://[2001:4860:4860::8888]:53") == 0 && mgr.dns6.c == NULL);
  CHECK(mgr.dnstimeout == 3000 && !mgr.use_dns6 && mgr.nextid == 0 && mgr.mqtt_id == 0);
  CHECK(mgr.extraconnsize == 0 && mgr.pipe.fd == -1);
  CHECK(mgr.epoll_fd >= 0 && fcntl(mgr.epoll_fd, F_GETFD) == FD_CLOEXEC);
  mg_mgr_free(&mgr);
  CHECK(mgr.epoll_fd == -1);
}

// A manager that only waits.
static void test_no_connections(void) {
  uint64_t start = mg_millis();
  mg_mgr_init(&mgr);
  mg_mgr_poll(&mgr, 30);
  CHECK(mg_millis() - start >= 29);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_init();
  test_urls();
  test_a_port_that_is_taken();
  test_a_manager_after_a_refusal();
  test_no_connections();
  return FAILURES;
}
