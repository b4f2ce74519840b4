// DNS servers: over TCP, over IPv6, at any address, refusing, named in the wrong way; and what
// follows when the first address of a name does not answer.
#include "clock.h"
#include "nameserver.h"

static struct mg_mgr s_mgr;
static struct mg_connection *s_web;

static void begin(const char *dns4, const char *dns6) {
  mg_mgr_init(&s_mgr);
  s_web = mg_listen(&s_mgr, "tcp://127.0.0.1:0", NULL, NULL);
  s_mgr.dns4.url = dns4;
  s_mgr.dns6.url = dns6;
  s_mgr.dnstimeout = PATIENCE_MS;
}

static struct mg_connection *open_name(const char *name, struct record *r) {
  char url[300];
  snprintf(url, sizeof(url), "tcp://%s:%d", name, mg_ntohs(s_web->loc.port));
  memset(r, 0, sizeof(*r));
  return mg_connect(&s_mgr, url, recorder, r);
}

// A server that listens on the same port for streams, too; one is found that is free for both.
static struct server server_with_stream(int *listener) {
  int tries;
  for (tries = 0; tries < 100; tries++) {
    struct server s = server_open(false);
    struct sockaddr_in at;
    socklen_t len = sizeof(at);
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(getsockname(s.fd, (struct sockaddr *) &at, &len) == 0);
    if (bind(*listener, (struct sockaddr *) &at, len) == 0 && listen(*listener, 8) == 0) return s;
    close(*listener);
    close(s.fd);
  }
  CHECK(!"a free port");
  return server_open(false);
}

static int take_stream(int listener) {
  uint64_t until = machine_millis() + PATIENCE_MS;
  int fd;
  nonblocking(listener);
  while ((fd = accept(listener, NULL, NULL)) < 0 && machine_millis() < until) mg_mgr_poll(&s_mgr, 1);
  CHECK(fd >= 0);
  return fd;
}

// Reads a query with its length; returns the length.
static size_t take_framed(int fd, uint8_t *query) {
  size_t len;
  read_all(&s_mgr, fd, query, 2);
  len = (size_t) query[0] << 8 | query[1];
  CHECK(len > 12 && len < 300);
  read_all(&s_mgr, fd, query, len);
  return len;
}

static size_t framed(uint8_t *out, const uint8_t *query, size_t len, int flags, int count,
                     const char *records, size_t records_len) {
  size_t n = reply(out + 2, query, len, flags, count, records, records_len);
  out[0] = (uint8_t) (n >> 8), out[1] = (uint8_t) n;
  return n + 2;
}

#define CONNECTED(r) POLL_UNTIL(&s_mgr, strstr((r).text, "CONNECT") != NULL)

// Waits until the connection is up, then ends it.
#define CONNECTED_AND_CLOSED(c, r)        \
  do {                                    \
    CONNECTED(r);                         \
    (c)->is_closing = 1;                  \
    POLL_UNTIL(&s_mgr, (r).closes == 1);  \
  } while (0)

static void test_stream_server(void) {
  int listener, fd;
  struct server s = server_with_stream(&listener);
  struct record a, b;
  struct mg_connection *c, *d;
  uint8_t query[600], out[1200];
  size_t len, n, i;
  begin(s.stream_url, s.stream_url);
  c = open_name("example.com", &a);
  CHECK(s_mgr.dns4.c != NULL && !s_mgr.dns4.c->is_udp);
  fd = take_stream(listener);
  len = take_framed(fd, query);
  CHECK(len == 29);
  // Byte by byte
  n = framed(out, query, len, POSITIVE, 1, HERE, sizeof(HERE) - 1);
  for (i = 0; i < n; i++) {
    CHECK(!strstr(a.text, "CONNECT"));
    put(fd, (char *) out + i, 1);
    mg_mgr_poll(&s_mgr, 1);
  }
  CONNECTED_AND_CLOSED(c, a);
  // Two at once, after an empty one and an unknown one
  c = open_name("example.com", &a);
  len = take_framed(fd, query);
  n = 0;
  out[n++] = 0, out[n++] = 0;
  out[n++] = 0, out[n++] = 3, out[n++] = 1, out[n++] = 2, out[n++] = 3;
  n += framed(out + n, query, len, POSITIVE, 1, HERE, sizeof(HERE) - 1);
  d = open_name("example.com", &b);
  len = take_framed(fd, query);
  n += framed(out + n, query, len, POSITIVE, 1, HERE, sizeof(HERE) - 1);
  put(fd, (char *) out, n);
  CONNECTED_AND_CLOSED(c, a);
  CONNECTED_AND_CLOSED(d, b);
  // The server ends the connection while a query is on its way: it comes again, once.
  c = open_name("example.com", &a);
  take_framed(fd, query);
  close(fd);
  fd = take_stream(listener);
  len = take_framed(fd, query);
  n = framed(out, query, len, POSITIVE, 1, HERE, sizeof(HERE) - 1);
  put(fd, (char *) out, n);
  CONNECTED_AND_CLOSED(c, a);
  open_name("example.com", &a);
  take_framed(fd, query);
  close(fd);
  fd = take_stream(listener);
  take_framed(fd, query);
  close(fd);
  POLL_UNTIL(&s_mgr, a.closes == 1);
  CHECK(strcmp(a.error, "DNS error") == 0);
  CHECK_EVENTS(a, "OPEN ERROR CLOSE");
  CHECK(s_mgr.dns4.c == NULL);
  // It does not come again when all is freed.
  open_name("example.com", &a);
  fd = take_stream(listener);
  take_framed(fd, query);
  mg_mgr_free(&s_mgr);
  CHECK_EVENTS(a, "OPEN ERROR CLOSE");
  close(fd);
  close(listener);
  close(s.fd);
}

// A truncated answer is asked for again, over TCP, of the server that gave it.
static void test_truncated(void) {
  int listener4, listener6, fd4, fd6;
  struct server s4 = server_with_stream(&listener4), s6 = server_with_stream(&listener6);
  struct record r;
  uint8_t query[600], out[1200];
  size_t len;
  begin(s4.url, s6.url);
  open_name("example.com", &r);
  take(&s4);
  ANSWER(&s4, CUT, 3, "\xc0\x0c\0\1\0\1\0");  // the end is missing
  fd4 = take_stream(listener4);
  len = take_framed(fd4, query);
  CHECK(len == 29 && query[26] == 1);
  put(fd4, (char *) out, framed(out, query, len, NEGATIVE, 0, "", 0));
  POLL_UNTIL(&s_mgr, is_asked(&s6));
  take(&s6);
  ANSWER(&s6, CUT, 0, "");
  fd6 = take_stream(listener6);
  len = take_framed(fd6, query);
  CHECK(len == 29 && query[26] == 28);
  put(fd6, (char *) out, framed(out, query, len, POSITIVE, 1, HERE, sizeof(HERE) - 1));
  CONNECTED(r);
  // The connection is reused; "truncated" over TCP means nothing.
  open_name("example.com", &r);
  take(&s4);
  ANSWER(&s4, CUT, 0, "");
  len = take_framed(fd4, query);
  put(fd4, (char *) out, framed(out, query, len, CUT, 0, "", 0));
  POLL_UNTIL(&s_mgr, is_asked(&s6));
  take(&s6);
  ANSWER(&s6, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(strcmp(r.error, "example.com DNS lookup failed") == 0);
  // Nobody listens there.
  close(listener4);
  close(fd4);
  poll_times(&s_mgr, 2);
  open_name("example.com", &r);
  take(&s4);
  ANSWER(&s4, CUT, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(strcmp(r.error, "DNS error") == 0 && s_mgr.dns4.c != NULL);
  mg_mgr_free(&s_mgr);
  CHECK(s_mgr.conns == NULL);
  close(fd6);
  close(listener6);
  close(s4.fd);
  close(s6.fd);
}

static void test_servers_of_all_kinds(void) {
  struct server s6 = server_open(true), s4 = server_open(false);
  struct record r;
  char any[64], any6[64];
  snprintf(any, sizeof(any), "udp://0.0.0.0%s", strrchr(s4.url, ':'));
  snprintf(any6, sizeof(any6), "udp://[::]%s", strrchr(s6.url, ':'));
  begin(s6.url, any6);
  open_name("example.com", &r);
  take(&s6);
  ANSWER(&s6, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, is_asked(&s6));
  take(&s6);
  ANSWER(&s6, POSITIVE, 1, HERE);
  CONNECTED(r);
  CHECK(s_mgr.dns4.c->rem.is_ip6);
  mg_mgr_free(&s_mgr);
  begin(any, "");
  open_name("example.com", &r);
  take(&s4);
  ANSWER(&s4, POSITIVE, 1, HERE);
  CONNECTED(r);
  mg_mgr_free(&s_mgr);
  // The same server for both
  begin(s4.url, s4.url);
  open_name("example.com", &r);
  take(&s4);
  ANSWER(&s4, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, is_asked(&s4));
  take(&s4);
  ANSWER(&s4, POSITIVE, 1, HERE);
  CONNECTED(r);
  mg_mgr_free(&s_mgr);
  close(s6.fd);
  close(s4.fd);
}

// Programs print these texts.
static void test_servers_that_are_none(void) {
  static const struct {
    const char *url, *error;
    bool at_once;
  } rows[] = {
      {"", "resolver", true},
      {NULL, "resolver", true},
      {"udp://server.of.names:53", "resolver", true},
      {"udp://server.local:53", "resolver", true},
      {"nonsense", "resolver", true},
      {"tcp://0.0.0.0:0", "DNS error", false},
      {"udp://255.255.255.255:53", "DNS error", false},  // the system refuses to send
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct record r;
    const char *row = rows[i].url == NULL ? "NULL" : rows[i].url;
    begin(rows[i].url, "udp://127.0.0.1:9");
    CHECK_ROW(mg_dnsc_init(&s_mgr, &s_mgr.dns4) == !rows[i].at_once, row);
    CHECK_ROW((s_mgr.dns4.c == NULL) == rows[i].at_once, row);
    CHECK_ROW(open_name("google.com", &r) != NULL, row);
    CHECK_ROW((strcmp(r.text, "OPEN ERROR") == 0) == rows[i].at_once, row);
    POLL_UNTIL(&s_mgr, r.closes == 1);
    CHECK_EVENTS(r, "OPEN ERROR CLOSE");
    CHECK_ROW(strcmp(r.error, rows[i].error) == 0, r.error);
    CHECK_ROW(s_mgr.dns4.c == NULL, row);
    mg_mgr_free(&s_mgr);
    CHECK_ROW(s_mgr.conns == NULL, row);
  }
  CHECK(!mg_dnsc_init(NULL, NULL));
  begin("udp://127.0.0.1:9", "");
  CHECK(!mg_dnsc_init(&s_mgr, NULL));
  CHECK(mg_dnsc_init(&s_mgr, &s_mgr.dns4) && mg_dnsc_init(&s_mgr, &s_mgr.dns4) && s_mgr.dns4.c->id == 2);
  mg_mgr_free(&s_mgr);
}

// A server that was away for a moment: the refused datagram is no error of the next one.
static void test_port_unreachable(void) {
  struct server s = server_open(false);
  struct sockaddr_in at;
  socklen_t len = sizeof(at);
  struct record a, b;
  CHECK(getsockname(s.fd, (struct sockaddr *) &at, &len) == 0);
  begin(s.url, "");
  close(s.fd);
  open_name("example.com", &a);
  s.fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(bind(s.fd, (struct sockaddr *) &at, len) == 0);
  open_name("example.com", &b);
  take(&s);
  ANSWER(&s, POSITIVE, 1, HERE);
  CONNECTED(b);
  CHECK_EVENTS(a, "OPEN");
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

// The first address fails: the next one is tried, and the program does not notice.
static void test_further_addresses(void) {
  struct server s = server_open(false);
  struct record r;
  struct mg_connection *c;
  begin(s.url, "");
  c = open_name("example.com", &r);
  take(&s);
  ANSWER(&s, POSITIVE, 5, NOWHERE ADDRESS("\x7f", "\0", "\0", "\x63") NOWHERE HERE6 HERE);
  CONNECTED(r);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(!c->is_connecting && !c->rem.is_ip6 && c->rem.addr.ip4 == htonl(0x7f000001) && c->rem.port == s_web->loc.port);
  c->is_closing = 1;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  // None works.
  open_name("example.com", &r);
  take(&s);
  ANSWER(&s, POSITIVE, 2, ADDRESS("\x7f", "\0", "\0", "\x63") NOWHERE);
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strcmp(r.error, "socket error") == 0);
  open_name("example.com", &r);
  take(&s);
  ANSWER(&s, POSITIVE, 2, NOWHERE NOWHERE);
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strncmp(r.error, "connect: ", 9) == 0);
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

// The first addresses are silent: after a while the next one is tried.
static void test_silent_addresses(void) {
  struct server s = server_open(false);
  struct record r;
  struct mg_connection *c;
  int waiting[2][4], full[2], i, k;
  begin(s.url, "");
  stop_clock();
  for (i = 0; i < 2; i++) full[i] = full_listener(s_web, 77 + i, waiting[i]);
  c = open_name("example.com", &r);
  take(&s);
  ANSWER(&s, POSITIVE, 3, ADDRESS("\x7f", "\0", "\0", "\x4d") ADDRESS("\x7f", "\0", "\0", "\x4e") HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  poll_times(&s_mgr, 5);
  CHECK(c->is_connecting && c->rem.addr.ip4 == htonl(0x7f00004d));
  stopped_at += 250;
  POLL_UNTIL(&s_mgr, c->rem.addr.ip4 == htonl(0x7f00004e));
  poll_times(&s_mgr, 5);
  CHECK(c->is_connecting);
  stopped_at += 250;
  CONNECTED(r);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(c->rem.addr.ip4 == htonl(0x7f000001) && c->rem.port == s_web->loc.port);
  // The last one has all the time that there is.
  c->is_closing = 1;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  c = open_name("example.com", &r);
  take(&s);
  ANSWER(&s, POSITIVE, 2, ADDRESS("\x7f", "\0", "\0", "\x4d") ADDRESS("\x7f", "\0", "\0", "\x4e"));
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  for (i = 0; i < 5; i++) {
    stopped_at += 250;
    poll_times(&s_mgr, 2);
  }
  CHECK(c->is_connecting && c->rem.addr.ip4 == htonl(0x7f00004e));
  CHECK_EVENTS(r, "OPEN RESOLVE");
  mg_mgr_free(&s_mgr);
  for (i = 0; i < 2; i++) {
    for (k = 0; k < 4; k++) close(waiting[i][k]);
    close(full[i]);
  }
  close(s.fd);
  start_clock();
}

static void first_error(struct mg_connection *c, int ev, void *ev_data) {
  char *text = (char *) c->fn_data;
  if (ev != MG_EV_ERROR) return;
  CHECK(text[0] == '\0');
  snprintf(text, 64, "%s", (char *) ev_data);
}

// Few polls of a millisecond suffice to see a failure.
static void test_failures_come_soon(void) {
  struct server s = server_open(false);
  const struct {
    const char *url, *error;
  } rows[] = {{s.url, "DNS timeout"}, {"", "resolver"}, {"tcp://0.0.0.0:0", "DNS error"}};
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char text[64] = "";
    int polls;
    begin(rows[i].url, "udp://[2001:4860:4860::8888]:53");
    s_mgr.dnstimeout = i == 0 ? 10 : 10000;  // A busy machine is no silent server.
    CHECK(mg_listen(&s_mgr, i == 0 ? "udp://127.0.0.1:0" : rows[i].url, NULL, NULL) != NULL);
    CHECK(mg_http_connect(&s_mgr, "http://google.com", first_error, text) != NULL);
    for (polls = 0; polls < 50 && text[0] == '\0'; polls++) mg_mgr_poll(&s_mgr, 1);
    CHECK_ROW(strcmp(text, rows[i].error) == 0, text);
    mg_mgr_free(&s_mgr);
    CHECK_ROW(s_mgr.conns == NULL && strcmp(text, rows[i].error) == 0, text);
  }
  close(s.fd);
}

// Answers come from us too: a server of DNS made with the library.
static void responder(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_dns_rr rr;
  uint8_t out[512];
  size_t n;
  (void) ev_data;
  if (ev != MG_EV_READ) return;
  n = mg_dns_parse_rr(c->recv.buf, c->recv.len, 12, true, &rr);
  CHECK(n == 17 && rr.atype == 1);
  memset(out, 0, sizeof(out));
  memcpy(out, c->recv.buf, 2);
  out[2] = 0x84, out[5] = 1, out[7] = 1;
  memcpy(out + 12, c->recv.buf + 12, n);
  memcpy(out + 12 + n, "\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\1\2\3\4", 16);
  CHECK(mg_send(c, out, 12 + n + 16));
  mg_iobuf_del(&c->recv, 0, c->recv.len);
}

static void test_a_server_of_our_own(void) {
  struct record r;
  struct mg_connection *server, *c;
  char url[64];
  begin(NULL, NULL);
  server = mg_listen(&s_mgr, "udp://127.0.0.1:0", responder, NULL);
  snprintf(url, sizeof(url), "%s", url_of("udp", server));
  s_mgr.dns4.url = s_mgr.dns6.url = url;
  memset(&r, 0, sizeof(r));
  c = mg_connect(&s_mgr, "udp://captive.com:80", recorder, &r);
  CONNECTED(r);
  CHECK(c->rem.addr.ip4 == htonl(0x01020304));
  mg_mgr_free(&s_mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_stream_server();
  test_truncated();
  test_servers_of_all_kinds();
  test_servers_that_are_none();
  test_port_unreachable();
  test_further_addresses();
  test_silent_addresses();
  test_failures_come_soon();
  test_a_server_of_our_own();
  return FAILURES;
}
