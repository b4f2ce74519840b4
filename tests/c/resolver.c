// Names: queries, which answers count, what follows from them, failures and deadlines.
#include "clock.h"
#include "nameserver.h"

static struct mg_mgr s_mgr;
static struct server s_dns4, s_dns6;
static struct mg_connection *s_web;

static void begin(void) {
  mg_mgr_init(&s_mgr);
  s_web = mg_listen(&s_mgr, "tcp://127.0.0.1:0", NULL, NULL);
  s_dns4 = server_open(false);
  s_dns6 = server_open(false);
  s_mgr.dns4.url = s_dns4.url;
  s_mgr.dns6.url = s_dns6.url;
  s_mgr.dnstimeout = PATIENCE_MS;
}

static void end(void) {
  mg_mgr_free(&s_mgr);
  CHECK(s_mgr.conns == NULL && s_mgr.dns4.c == NULL && s_mgr.dns6.c == NULL);
  CHECK(s_mgr.active_dns_requests == NULL);
  close(s_dns4.fd);
  close(s_dns6.fd);
}

// A URL with this name and the port of the web server.
static const char *at_web(const char *name) {
  static char url[600];
  snprintf(url, sizeof(url), "tcp://%s:%d", name, mg_ntohs(s_web->loc.port));
  return url;
}

static struct mg_connection *open_name(const char *name, struct record *r) {
  memset(r, 0, sizeof(*r));
  return mg_connect(&s_mgr, at_web(name), recorder, r);
}

static void test_queries(void) {
  static const uint8_t a[] = "\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1";
  static const uint8_t aaaa[] = "\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\x1c\0\1";
  struct record r;
  struct mg_connection *c, *next;
  begin();
  c = open_name("example.com", &r);
  // The listener is the first connection.
  CHECK(c != NULL && c->id == 2 && c->is_resolving && c->is_client);
  CHECK(s_mgr.dns4.c != NULL && s_mgr.dns4.c->id == 3 && s_mgr.dns4.c->fn == NULL);
  CHECK(s_mgr.dns4.c->is_udp && s_mgr.dns4.c->is_client && s_mgr.dns6.c == NULL);
  CHECK(s_mgr.active_dns_requests != NULL && s_mgr.active_mdns_requests == NULL);
  CHECK(is_asked(&s_dns4));  // without a poll
  take(&s_dns4);
  CHECK(s_dns4.len == 29 && memcmp(s_dns4.query + 2, a, 27) == 0);
  // One trailing dot is the same name.
  next = open_name("example.com.", &r);
  CHECK(next != NULL && next->id == 4);
  take(&s_dns4);
  CHECK(s_dns4.len == 29 && memcmp(s_dns4.query + 2, a, 27) == 0);
  s_mgr.use_dns6 = true;
  next = open_name("example.com", &r);
  CHECK(next->id == 5 && s_mgr.dns6.c != NULL && s_mgr.dns6.c->id == 6);
  take(&s_dns6);
  CHECK(s_dns6.len == 29 && memcmp(s_dns6.query + 2, aaaa, 27) == 0 && !is_asked(&s_dns4));
  end();
}

static void test_ids(void) {
  enum { LOOKUPS = 100 };
  uint16_t ids[LOOKUPS];
  struct record r;
  int i, k, steps = 0;
  begin();
  for (i = 0; i < LOOKUPS; i++) {
    open_name("example.com", &r);
    take(&s_dns4);
    ids[i] = (uint16_t) (s_dns4.query[0] << 8 | s_dns4.query[1]);
    for (k = 0; k < i; k++) CHECK(ids[k] != ids[i]);
    if (i > 0 && (uint16_t) (ids[i] - ids[i - 1]) <= 256) steps++;
  }
  CHECK(steps < LOOKUPS / 4);  // nobody can tell the next one
  end();
}

static void test_address(void) {
  struct record r;
  struct mg_connection *c;
  begin();
  c = open_name("example.com", &r);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(!c->is_resolving && c->rem.addr.ip4 == htonl(0x7f000001) && c->rem.port == s_web->loc.port);
  CHECK(s_mgr.active_dns_requests == NULL && s_mgr.dns4.c != NULL);
  // UDP
  memset(&r, 0, sizeof(r));
  c = mg_connect(&s_mgr, "udp://example.com:1234", recorder, &r);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(c->rem.addr.ip4 == htonl(0x7f000001) && c->rem.port == mg_htons(1234) && !c->rem.is_ip6);
  end();
}

#define PACKET(flags, count, records) {flags, count, records, sizeof(records) - 1}

// Answers with an address, one way or another.
static void test_answers_that_count(void) {
  static const struct {
    int flags, count;
    const char *records;
    size_t len;
  } rows[] = {
      PACKET(POSITIVE, 2, ALIAS HERE),
      PACKET(POSITIVE, 4, ALIAS ALIAS ALIAS HERE),
      PACKET(NEGATIVE, 1, HERE),
      PACKET(CUT, 1, HERE),
      PACKET(POSITIVE, 2, HERE),  // the second is missing
      PACKET(POSITIVE, 2, HERE6 HERE),
      PACKET(POSITIVE, 2, HERE HERE6),
      PACKET(POSITIVE, 1, HERE "and more"),
  };
  size_t i;
  begin();
  for (i = 0; i < COUNT(rows); i++) {
    struct record r;
    uint8_t out[600];
    char row[20];
    struct mg_connection *c = open_name("Example.COM", &r);
    snprintf(row, sizeof(row), "row %d", (int) i);
    take(&s_dns4);
    // Servers may write the name in another case.
    memcpy(s_dns4.query + 13, "eXAMPLE", 7);
    say(&s_dns4, out, reply(out, s_dns4.query, s_dns4.len, rows[i].flags, rows[i].count, rows[i].records, rows[i].len));
    POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
    CHECK_ROW(c->rem.is_ip6 == (i == 5), row);
    c->is_closing = 1;
    POLL_UNTIL(&s_mgr, r.closes == 1);
  }
  CHECK(!is_asked(&s_dns4) && !is_asked(&s_dns6));
  end();
}

// What is no answer to the query is ignored, whoever sends it, and the lookup continues to wait.
static void test_answers_from_strangers_and_others(void) {
  static const struct {
    size_t at;
    uint8_t value;
  } changes[] = {
      {0, 0},      // another id (see below)
      {2, 0x01},   // a query
      {2, 0xa9},   // another operation
      {5, 2},      // two questions
      {13, 'x'},   // another name
      {12, 6},     // shorter labels
      {20, 'x'},   // no length of a label
      {26, 28},    // another type
      {28, 3},     // another class
      {40, 5},     // data beyond the end
  };
  struct record r;
  struct mg_connection *c;
  struct server stranger = server_open(false);
  uint8_t out[600];
  size_t i, len;
  begin();
  c = open_name("example.com", &r);
  take(&s_dns4);
  len = reply(out, s_dns4.query, s_dns4.len, POSITIVE, 1, HERE, sizeof(HERE) - 1);
  CHECK(len == 45);
  stranger.peer = s_dns4.peer;
  say(&stranger, out, len);
  for (i = 0; i < COUNT(changes); i++) {
    uint8_t copy[600];
    memcpy(copy, out, len);
    if (i == 0) copy[0] ^= 1;
    if (i > 0) copy[changes[i].at] = changes[i].value;
    say(&s_dns4, copy, len);
  }
  for (i = 0; i < 45; i++) say(&s_dns4, out, i);
  poll_times(&s_mgr, 20);
  CHECK_EVENTS(r, "OPEN");
  CHECK(c->is_resolving && s_mgr.active_dns_requests != NULL && !is_asked(&s_dns4) && !is_asked(&s_dns6));
  say(&s_dns4, out, len);
  say(&s_dns4, out, len);  // once more, when nobody waits
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  poll_times(&s_mgr, 5);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  close(stranger.fd);
  end();
}

static void test_no_such_name(void) {
  struct record r;
  begin();
  // The question may be missing.
  open_name("no.such.name", &r);
  take(&s_dns4);
  say(&s_dns4, (s_dns4.query[2] = 0x81, s_dns4.query[3] = 0x83, s_dns4.query[5] = 0, s_dns4.query), 12);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns6));
  take(&s_dns6);
  CHECK(s_dns6.query[s_dns6.len - 3] == 28);
  ANSWER(&s_dns6, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN ERROR CLOSE");
  CHECK(strcmp(r.error, "no.such.name DNS lookup failed") == 0);
  CHECK(!is_asked(&s_dns4) && !is_asked(&s_dns6));  // two queries, not endless ones
  // Only an IPv6 address
  open_name("six", &r);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, ALIAS);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns6));
  take(&s_dns6);
  ANSWER(&s_dns6, POSITIVE, 1, HERE6);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  // Nobody to ask for it
  POLL_UNTIL(&s_mgr, r.closes == 1);
  s_mgr.dns6.c->is_closing = 1;
  mg_mgr_poll(&s_mgr, 0);
  CHECK(s_mgr.dns6.c == NULL);
  s_mgr.dns6.url = "";
  open_name("no.such.name", &r);
  take(&s_dns4);
  ANSWER(&s_dns4, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(strcmp(r.error, "no.such.name DNS lookup failed") == 0);
  // IPv6 only
  s_mgr.dns6.url = s_dns6.url;
  s_mgr.use_dns6 = true;
  open_name("no.such.name", &r);
  take(&s_dns6);
  ANSWER(&s_dns6, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(strcmp(r.error, "no.such.name DNS lookup failed") == 0 && !is_asked(&s_dns4) && !is_asked(&s_dns6));
  end();
}

static void test_deadlines(void) {
  struct record r;
  uint8_t id[2];
  begin();
  s_mgr.dnstimeout = 800;
  stop_clock();
  open_name("google.com", &r);
  take(&s_dns4);
  memcpy(id, s_dns4.query, 2);
  stopped_at += 399;
  poll_times(&s_mgr, 3);
  CHECK(!is_asked(&s_dns4));
  stopped_at += 2;
  POLL_UNTIL(&s_mgr, is_asked(&s_dns4));
  take(&s_dns4);  // one repeat, with the same id
  CHECK(memcmp(id, s_dns4.query, 2) == 0);
  stopped_at += 398;
  poll_times(&s_mgr, 3);
  CHECK_EVENTS(r, "OPEN");
  stopped_at += 2;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN ERROR CLOSE");
  CHECK(strcmp(r.error, "DNS timeout") == 0 && !is_asked(&s_dns4));
  ANSWER(&s_dns4, POSITIVE, 1, HERE);  // too late
  poll_times(&s_mgr, 5);
  // The answer to the repeated query counts.
  open_name("google.com", &r);
  take(&s_dns4);
  stopped_at += 401;
  POLL_UNTIL(&s_mgr, is_asked(&s_dns4));
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  start_clock();
  end();
}

static void test_names_that_are_not_asked_for(void) {
  static const char *const rows[] = {"a..b",   ".",  ".a", "..", ".local", ".LOCAL",
                                     "1234567890123456789012345678901234567890123456789012345678901234"};
  char name[301], want[400];
  struct record r;
  size_t i;
  begin();
  for (i = 0; i < COUNT(rows); i++) {
    open_name(rows[i], &r);
    CHECK_EVENTS(r, "OPEN ERROR");  // inside mg_connect
    snprintf(want, sizeof(want), "%s DNS lookup failed", rows[i]);
    want[63] = '\0';
    CHECK_ROW(strcmp(r.error, want) == 0, rows[i]);
    POLL_UNTIL(&s_mgr, r.closes == 1);
  }
  // 253 bytes are allowed.
  for (i = 0; i < sizeof(name); i++) name[i] = i % 2 == 0 ? 'a' : '.';
  name[254] = '\0', name[253] = 'b';
  open_name(name, &r);
  CHECK_EVENTS(r, "OPEN ERROR");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  name[253] = '\0';
  open_name(name, &r);
  CHECK_EVENTS(r, "OPEN");
  CHECK(is_asked(&s_dns4));
  take(&s_dns4);
  CHECK(s_dns4.len == 12 + 255 + 4);
  // Text of an error, cut
  ANSWER(&s_dns4, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, is_asked(&s_dns6));
  take(&s_dns6);
  ANSWER(&s_dns6, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  name[63] = '\0';
  CHECK(strcmp(r.error, name) == 0);
  CHECK(!is_asked(&s_dns4));
  // Names for multicast
  open_name("x.LOCAL", &r);
  CHECK_EVENTS(r, "OPEN ERROR");
  CHECK(strcmp(r.error, "no mDNS listener, see mg_mdns_listen()") == 0);
  POLL_UNTIL(&s_mgr, r.closes == 1);
  open_name("a.b.local.", &r);
  CHECK(strcmp(r.error, "no mDNS listener, see mg_mdns_listen()") == 0);
  POLL_UNTIL(&s_mgr, r.closes == 1);
  open_name("local", &r);
  take(&s_dns4);
  open_name("xlocal", &r);
  take(&s_dns4);
  open_name("x.local.com", &r);
  take(&s_dns4);
  end();
}

static void test_lookups_of_the_same_name(void) {
  struct record a, b;
  struct mg_connection *first, *second;
  struct server other;
  begin();
  first = open_name("example.com", &a);
  take(&s_dns4);
  other = s_dns4;
  second = open_name("example.com", &b);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, strstr(b.text, "CONNECT") != NULL);
  CHECK(!second->is_resolving && first->is_resolving);
  CHECK_EVENTS(a, "OPEN");
  ANSWER(&other, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, strstr(a.text, "CONNECT") != NULL);
  end();
}

static void test_cancel(void) {
  struct record r;
  struct mg_connection *c;
  begin();
  c = open_name("example.com", &r);
  mg_resolve_cancel(c);
  CHECK(!c->is_resolving && s_mgr.active_dns_requests == NULL);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  poll_times(&s_mgr, 10);
  CHECK_EVENTS(r, "OPEN");
  mg_resolve_cancel(c);
  mg_resolve_cancel(NULL);
  c->is_closing = 1;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  // Closing cancels, too.
  c = open_name("example.com", &r);
  c->is_closing = 1;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(s_mgr.active_dns_requests == NULL);
  CHECK_EVENTS(r, "OPEN CLOSE");
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  poll_times(&s_mgr, 5);
  end();
}

// A listener looks names up and continues to listen.
static void test_listener(void) {
  struct record r, visitor;
  int fd;
  begin();
  fd = (int) (size_t) s_web->fd;
  memset(&r, 0, sizeof(r));
  s_web->fn = recorder, s_web->fn_data = &r;
  mg_resolve(s_web, "example.com");
  CHECK(!s_web->is_resolving);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  POLL_UNTIL(&s_mgr, r.text[0] != '\0');
  CHECK_EVENTS(r, "RESOLVE");
  CHECK(s_web->rem.addr.ip4 == htonl(0x7f000001) && s_web->fd == (void *) (size_t) fd && !s_web->is_closing);
  mg_resolve(s_web, "tcp://example.com:80");
  mg_resolve_cancel(s_web);
  take(&s_dns4);
  ANSWER(&s_dns4, POSITIVE, 1, HERE);
  poll_times(&s_mgr, 10);
  CHECK_EVENTS(r, "RESOLVE");
  mg_resolve(s_web, "a..b");
  CHECK_EVENTS(r, "RESOLVE ERROR");
  CHECK(!s_web->is_closing);
  mg_resolve(s_web, "tcp://1.2.3.4:80");
  CHECK_EVENTS(r, "RESOLVE ERROR RESOLVE");
  memset(&visitor, 0, sizeof(visitor));
  mg_connect(&s_mgr, url_of("tcp", s_web), recorder, &visitor);
  POLL_UNTIL(&s_mgr, strstr(visitor.text, "CONNECT") != NULL);
  end();
}

static int s_again;

// Closes its connection in a way that fn_data tells, at the first RESOLVE or ERROR.
static void quitter(struct mg_connection *c, int ev, void *ev_data) {
  int *how = (int *) c->fn_data;
  (void) ev_data;
  if (ev != MG_EV_RESOLVE && ev != MG_EV_ERROR) return;
  if (*how == 0) mg_close_conn(c);
  if (*how == 1) c->is_closing = 1;
  if (*how == 2) mg_mgr_free(c->mgr);
  if (*how == 3 && s_again++ == 0) mg_connect(c->mgr, "http://again", quitter, how);
}

static void test_handlers_that_close(void) {
  int how, fails;
  for (how = 0; how < 4; how++) {
    for (fails = 0; fails < 2; fails++) {
      begin();
      s_again = 0;
      CHECK(mg_connect(&s_mgr, at_web("example.com"), quitter, &how) != NULL);
      CHECK(mg_connect(&s_mgr, at_web("example.com"), quitter, &how) != NULL);
      take(&s_dns4);
      if (fails == 0) ANSWER(&s_dns4, POSITIVE, 2, HERE HERE);
      if (fails == 1) s_mgr.dns4.c->is_closing = 1;
      take(&s_dns4);
      if (fails == 0) ANSWER(&s_dns4, POSITIVE, 2, HERE HERE);
      poll_times(&s_mgr, how == 2 ? 1 : 10);
      end();
    }
  }
}

static void test_freed_while_lookups_are_open(void) {
  struct record a, b;
  begin();
  open_name("example.com", &a);
  open_name("example.com", &b);
  mg_mgr_free(&s_mgr);
  // The second is newer than the DNS connection, so it is closed before.
  CHECK_EVENTS(a, "OPEN ERROR CLOSE");
  CHECK_EVENTS(b, "OPEN CLOSE");
  CHECK(strcmp(a.error, "DNS error") == 0);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  begin();
  end();
  test_queries();
  test_ids();
  test_address();
  test_answers_that_count();
  test_answers_from_strangers_and_others();
  test_no_such_name();
  test_deadlines();
  test_names_that_are_not_asked_for();
  test_lookups_of_the_same_name();
  test_cancel();
  test_listener();
  test_handlers_that_close();
  test_freed_while_lookups_are_open();
  return FAILURES;
}
