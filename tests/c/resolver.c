// Names: answers, failures and deadlines, with a DNS server of our own on loopback.
#include "mongoose.h"

static int failures;
#define CHECK(x)                                                \
  do {                                                          \
    if (!(x)) printf("line %d: %s\n", __LINE__, #x), failures++; \
  } while (0)

// What the server does with a query.
enum { SILENT, ADDRESS, NOTHING, STRANGER, WRONG_QUESTION, TRUNCATED, SECOND_ADDRESS };
static int mode, queries;

static size_t answer(uint8_t *out, const struct mg_str *query) {
  static const uint8_t dead[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 99};
  static const uint8_t good[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1};
  size_t n = query->len;
  memcpy(out, query->buf, n);
  out[2] = 0x81, out[3] = 0x80;
  if (mode == NOTHING) out[3] = 0x83;
  if (mode == TRUNCATED) out[2] |= 2;
  if (mode == WRONG_QUESTION) out[13] = 'x';
  if (mode == SECOND_ADDRESS) {
    memcpy(out + n, dead, sizeof(dead));
    memcpy(out + n + sizeof(dead), good, sizeof(good));
    out[7] = 2;
    return n + sizeof(dead) + sizeof(good);
  }
  if (mode == ADDRESS || mode == WRONG_QUESTION || mode == STRANGER) {
    memcpy(out + n, good, sizeof(good));
    out[7] = 1;
    return n + sizeof(good);
  }
  return n;
}

static void dns(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    uint8_t out[600];
    struct mg_str q = mg_str_n((char *) c->recv.buf, c->recv.len);
    size_t n;
    queries++;
    n = answer(out, &q);
    if (mode == STRANGER) {  // the right answer, from another socket
      int fd = socket(AF_INET, SOCK_DGRAM, 0);
      struct sockaddr_in to;
      memset(&to, 0, sizeof(to));
      to.sin_family = AF_INET;
      to.sin_port = c->rem.port;
      to.sin_addr.s_addr = c->rem.addr.ip4;
      sendto(fd, out, n, 0, (struct sockaddr *) &to, sizeof(to));
      close(fd);
    } else if (mode != SILENT) {
      mg_send(c, out, n);
    }
    c->recv.len = 0;
  }
}

static void dns_tcp(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ && c->recv.len > 2) {
    uint8_t out[600];
    struct mg_str q = mg_str_n((char *) c->recv.buf + 2, c->recv.len - 2);
    size_t n;
    int before = mode;
    mode = ADDRESS;
    n = answer(out + 2, &q);
    mode = before;
    out[0] = (uint8_t) (n >> 8), out[1] = (uint8_t) n;
    mg_send(c, out, n + 2);
    c->recv.len = 0;
  }
}

struct result {
  char error[64];
  int errors, resolved, connected, closed;
  struct mg_addr rem;
};

static void client(struct mg_connection *c, int ev, void *ev_data) {
  struct result *r = (struct result *) c->fn_data;
  if (ev == MG_EV_ERROR) mg_snprintf(r->error, sizeof(r->error), "%s", (char *) ev_data), r->errors++;
  if (ev == MG_EV_RESOLVE) {
    r->resolved++;
    r->rem = c->rem;
    CHECK(!c->is_resolving);
  }
  if (ev == MG_EV_CONNECT) r->connected++, c->is_draining = 1;
  if (ev == MG_EV_CLOSE) r->closed++;
}

static struct result run(struct mg_mgr *mgr, const char *url, int polls) {
  struct result r;
  int i;
  memset(&r, 0, sizeof(r));
  queries = 0;
  CHECK(mg_connect(mgr, url, client, &r) != NULL);
  for (i = 0; i < polls && r.closed == 0; i++) mg_mgr_poll(mgr, 1);
  CHECK(r.closed == 1);
  CHECK(mgr->active_dns_requests == NULL);
  return r;
}

int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *l, *web, *tcp;
  struct result r;
  char url[64], dns_url[64], name_url[64], tcp_url[64];
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  do {  // the same port for UDP and TCP
    l = mg_listen(&mgr, "udp://127.0.0.1:0", dns, NULL);
    mg_snprintf(tcp_url, sizeof(tcp_url), "tcp://127.0.0.1:%d", mg_ntohs(l->loc.port));
    tcp = mg_listen(&mgr, tcp_url, dns_tcp, NULL);
    if (tcp == NULL) mg_close_conn(l);
  } while (tcp == NULL);
  web = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
  mg_snprintf(dns_url, sizeof(dns_url), "udp://127.0.0.1:%d", mg_ntohs(l->loc.port));
  mg_snprintf(name_url, sizeof(name_url), "tcp://Example.com.:%d", mg_ntohs(web->loc.port));
  mgr.dns4.url = mgr.dns6.url = dns_url;
  mgr.dnstimeout = 500;

  mode = ADDRESS;
  r = run(&mgr, name_url, 500);
  CHECK(r.resolved == 1 && r.connected == 1 && r.errors == 0 && queries == 1);
  CHECK(r.rem.addr.ip4 == mg_htonl(0x7f000001) && r.rem.port == web->loc.port);
  CHECK(mgr.dns4.c != NULL && mgr.dns4.c->is_udp && mgr.dns4.c->fn == NULL);

  mode = SECOND_ADDRESS;  // nobody listens on the first
  r = run(&mgr, name_url, 500);
  CHECK(r.resolved == 1 && r.connected == 1 && r.errors == 0);

  mode = TRUNCATED;
  r = run(&mgr, name_url, 500);
  CHECK(r.resolved == 1 && r.connected == 1 && r.errors == 0 && queries == 1);

  mode = NOTHING;
  r = run(&mgr, "http://no.such.name", 500);
  CHECK(strcmp(r.error, "no.such.name DNS lookup failed") == 0 && r.errors == 1 && queries == 2);

  mgr.dnstimeout = 20;
  mode = SILENT;
  r = run(&mgr, "http://google.com", 60);
  CHECK(strcmp(r.error, "DNS timeout") == 0 && r.errors == 1 && (queries == 1 || queries == 2));
  mode = STRANGER;
  r = run(&mgr, name_url, 60);
  CHECK(strcmp(r.error, "DNS timeout") == 0 && r.resolved == 0);
  mode = WRONG_QUESTION;
  r = run(&mgr, name_url, 60);
  CHECK(strcmp(r.error, "DNS timeout") == 0 && r.resolved == 0);

  r = run(&mgr, "http://a..b", 10);
  CHECK(strcmp(r.error, "a..b DNS lookup failed") == 0 && queries == 0);
  r = run(&mgr, "http://x.LOCAL", 10);
  CHECK(strcmp(r.error, "no mDNS listener, see mg_mdns_listen()") == 0);

  {  // cancelled: no event, and the late answer is ignored
    struct mg_connection *c;
    int i;
    mode = ADDRESS;
    memset(&r, 0, sizeof(r));
    c = mg_connect(&mgr, name_url, client, &r);
    CHECK(c->is_resolving && mgr.active_dns_requests != NULL);
    mg_resolve_cancel(c);
    CHECK(!c->is_resolving && mgr.active_dns_requests == NULL);
    for (i = 0; i < 20; i++) mg_mgr_poll(&mgr, 1);
    CHECK(r.resolved == 0 && r.errors == 0 && r.closed == 0);
    c->is_closing = 1;
    mg_mgr_poll(&mgr, 0);
    CHECK(r.closed == 1);
  }
  {  // a listener looks a name up and goes on listening
    struct result lr;
    int i;
    memset(&lr, 0, sizeof(lr));
    web->fn = client, web->fn_data = &lr;
    mg_resolve(web, "example.com");
    CHECK(!web->is_resolving);
    for (i = 0; i < 100 && lr.resolved == 0; i++) mg_mgr_poll(&mgr, 1);
    CHECK(lr.resolved == 1 && lr.rem.addr.ip4 == mg_htonl(0x7f000001));
    web->fn = NULL, web->fn_data = NULL;
    mode = NOTHING;
    mg_resolve(web, "example.com");
    for (i = 0; i < 30; i++) mg_mgr_poll(&mgr, 1);
    CHECK(!web->is_closing);
    mg_snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(web->loc.port));
    r = run(&mgr, url, 100);
    CHECK(r.connected == 1);
  }
  {  // freed while a lookup is open
    mode = SILENT;
    memset(&r, 0, sizeof(r));
    mg_connect(&mgr, name_url, client, &r);
    mg_mgr_free(&mgr);
    CHECK(r.errors == 0 && r.closed == 1);  // newer than the DNS connection, so closed first
    CHECK(mgr.conns == NULL && mgr.dns4.c == NULL && mgr.dns6.c == NULL);
  }
  mg_mgr_init(&mgr);
  mgr.dns4.url = "udp://127.0.0.1:9";
  memset(&r, 0, sizeof(r));
  mg_connect(&mgr, "http://google.com", client, &r);
  mg_mgr_free(&mgr);
  CHECK(strcmp(r.error, "DNS error") == 0 && r.errors == 1 && r.closed == 1);
  mg_mgr_init(&mgr);
  mgr.dns4.url = "";
  r = run(&mgr, "http://google.com", 50);
  CHECK(strcmp(r.error, "resolver") == 0);
  mgr.dns4.url = NULL;
  CHECK(!mg_dnsc_init(&mgr, &mgr.dns4));
  r = run(&mgr, "http://google.com", 50);
  CHECK(strcmp(r.error, "resolver") == 0);
  mgr.dns4.url = "tcp://0.0.0.0:0";
  r = run(&mgr, "http://google.com", 50);
  CHECK(strcmp(r.error, "DNS error") == 0);
  mg_mgr_free(&mgr);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
