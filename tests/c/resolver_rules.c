// Names: whose servers are asked, which records count, names of this machine, and attempts that
// overlap.
#include "clock.h"
#include "nameserver.h"

static struct mg_mgr s_mgr;
static struct mg_connection *s_web;
static struct server s_dns;

static void begin(bool own4, bool own6) {
  stop_clock();
  mg_mgr_init(&s_mgr);
  s_web = mg_listen(&s_mgr, "tcp://127.0.0.1:0", NULL, NULL);
  s_dns = server_open(false);
  if (own4) s_mgr.dns4.url = s_dns.url;
  if (own6) s_mgr.dns6.url = s_dns.url;
  s_mgr.dnstimeout = PATIENCE_MS;
}

static void end(void) {
  mg_mgr_free(&s_mgr);
  CHECK(s_mgr.conns == NULL && s_mgr.active_dns_requests == NULL);
  start_clock();
  close(s_dns.fd);
}

static struct mg_connection *open_name(const char *name, struct record *r) {
  char url[300];
  snprintf(url, sizeof(url), "tcp://%s:%d", name, mg_ntohs(s_web->loc.port));
  memset(r, 0, sizeof(*r));
  return mg_connect(&s_mgr, url, recorder, r);
}

static int type_asked(void) {
  take(&s_dns);
  return s_dns.query[s_dns.len - 3];
}

static int count_connections(void) {
  struct mg_connection *c;
  int n = 0;
  for (c = s_mgr.conns; c != NULL; c = c->next) n++;
  return n;
}

#define AGAIN(c, r)                      \
  do {                                   \
    (c)->is_closing = 1;                 \
    POLL_UNTIL(&s_mgr, (r).closes == 1); \
  } while (0)

// A program that has named a server has no other one asked, whatever that says.
static void test_nobody_else_is_asked(void) {
  static const int codes[] = {0x8183, 0x8180, 0x8182, 0x8185, 0x8583};
  struct record r;
  struct mg_connection *c;
  size_t i;
  int which;
  for (which = 0; which < 2; which++) {
    begin(which == 0, which == 1);
    for (i = 0; i < COUNT(codes); i++) {
      open_name("secret.corp.example", &r);
      CHECK(type_asked() == 1);
      ANSWER(&s_dns, codes[i], 0, "");
      if ((codes[i] & 15) == 0) {
        // The name may have an IPv6 address.
        POLL_UNTIL(&s_mgr, is_asked(&s_dns));
        CHECK(type_asked() == 28);
        ANSWER(&s_dns, codes[i], 0, "");
      }
      POLL_UNTIL(&s_mgr, r.closes == 1);
      CHECK_EVENTS(r, "OPEN ERROR CLOSE");
      CHECK(strcmp(r.error, "secret.corp.example DNS lookup failed") == 0);
      CHECK(count_connections() == 2 && !is_asked(&s_dns));  // the web server, our name server
    }
    CHECK((which == 0 ? s_mgr.dns6.c : s_mgr.dns4.c) == NULL);
    // The address that it does have
    c = open_name("six.example", &r);
    take(&s_dns);
    ANSWER(&s_dns, 0x8180, 0, "");
    POLL_UNTIL(&s_mgr, is_asked(&s_dns));
    take(&s_dns);
    ANSWER(&s_dns, 0x8180, 1, HERE6);
    POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
    CHECK(c->rem.is_ip6 && count_connections() <= 3);
    POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL || r.closes == 1);
    // IPv6 only
    s_mgr.use_dns6 = true;
    open_name("six.example", &r);
    CHECK(type_asked() == 28);
    ANSWER(&s_dns, NEGATIVE, 0, "");
    POLL_UNTIL(&s_mgr, r.closes == 1);
    CHECK(strcmp(r.error, "six.example DNS lookup failed") == 0 && !is_asked(&s_dns));
    end();
  }
}

// RFC 6761, section 6.3
static void test_this_machine(void) {
  static const char *const rows[] = {"localhost",     "LOCALHOST.",     "app.localhost", "a.b.c.LocalHost",
                                     "app.localhost.", "db-1.localhost", "x.local.localhost"};
  static const char *const others[] = {"localhost.example", "xlocalhost", "local.host", "localhost.localdomain"};
  struct record r;
  struct mg_connection *c;
  size_t i;
  begin(true, true);
  for (i = 0; i < COUNT(rows); i++) {
    c = open_name(rows[i], &r);
    CHECK_ROW(strncmp(r.text, "OPEN RESOLVE", 12) == 0, rows[i]);  // inside mg_connect
    CHECK_ROW(!c->rem.is_ip6 && c->rem.addr.ip4 == htonl(0x7f000001), rows[i]);
    POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
    AGAIN(c, r);
    CHECK_ROW(!is_asked(&s_dns), rows[i]);
  }
  for (i = 0; i < COUNT(others); i++) {
    c = open_name(others[i], &r);
    CHECK_ROW(is_asked(&s_dns), others[i]);
    take(&s_dns);
    AGAIN(c, r);
  }
  open_name(".localhost", &r);
  CHECK(strcmp(r.error, ".localhost DNS lookup failed") == 0);
  s_mgr.use_dns6 = true;
  c = open_name("app.localhost", &r);
  CHECK(c->rem.is_ip6 && c->rem.addr.ip[15] == 1 && !is_asked(&s_dns));
  end();
}

#define OWNED(name, address) name "\0\0\1\0\1\0\0\0\x3c\0\4" address
#define CNAME(name, target) name "\0\0\5\0\1\0\0\0\x3c\0\4" target "\0"  // of two letters
#define ROW(count, records, found) {count, records, sizeof(records) - 1, found}

// Records of other names say nothing about ours.
static void test_owners(void) {
  static const struct {
    int count;
    const char *records;
    size_t len;
    bool found;
  } rows[] = {
      ROW(1, OWNED("\2ab", "\x7f\0\0\1"), false),
      ROW(2, OWNED("\2ab", "\1\1\1\1") HERE, true),
      ROW(1, OWNED("\7EXAMPLE\3Com", "\x7f\0\0\1"), true),
      ROW(1, OWNED("\3com", "\x7f\0\0\1"), false),
      ROW(1, OWNED("\1x\7example\3com", "\x7f\0\0\1"), false),
      ROW(2, CNAME("\7example\3com", "\2ab") OWNED("\2ab", "\x7f\0\0\1"), true),
      ROW(2, CNAME("\7example\3com", "\2ab") OWNED("\2cd", "\x7f\0\0\1"), false),
      ROW(3, OWNED("\2cd", "\x7f\0\0\1") CNAME("\2ab", "\2cd") CNAME("\7example\3com", "\2ab"), true),
      ROW(2, CNAME("\2ab", "\2cd") OWNED("\2cd", "\x7f\0\0\1"), false),
  };
  size_t i;
  begin(true, true);
  for (i = 0; i < COUNT(rows); i++) {
    struct record r;
    uint8_t out[600];
    char row[20];
    struct mg_connection *c;
    c = open_name("example.com", &r);
    snprintf(row, sizeof(row), "row %d", (int) i);
    take(&s_dns);
    say(&s_dns, out, reply(out, s_dns.query, s_dns.len, POSITIVE, rows[i].count, rows[i].records, rows[i].len));
    if (rows[i].found) {
      POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
      CHECK_ROW(c->rem.addr.ip4 == htonl(0x7f000001), row);
      AGAIN(c, r);
    } else {
      POLL_UNTIL(&s_mgr, is_asked(&s_dns));
      CHECK_ROW(type_asked() == 28, row);
      ANSWER(&s_dns, POSITIVE, 0, "");
      POLL_UNTIL(&s_mgr, r.closes == 1);
      CHECK_ROW(strcmp(r.error, "example.com DNS lookup failed") == 0, row);
    }
  }
  end();
}

#define SILENT1 ADDRESS("\x7f", "\0", "\0", "\x4d")
#define SILENT2 ADDRESS("\x7f", "\0", "\0", "\x4e")
#define REFUSED ADDRESS("\x7f", "\0", "\0", "\x63")

// RFC 8305, section 5: attempts overlap; the first one that succeeds counts.
static void test_race(void) {
  struct record r;
  struct mg_connection *c;
  int waiting[2][4], full[2], i, k, before;
  begin(true, true);
  for (i = 0; i < 2; i++) full[i] = full_listener(s_web, 77 + i, waiting[i]);
  before = count_descriptors();
  // The second address is tried after 250 ms, not before.
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 2, SILENT1 HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  CHECK(c->is_connecting && c->rem.addr.ip4 == htonl(0x7f00004d));
  stopped_at += 250;
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(c->rem.addr.ip4 == htonl(0x7f000001) && !c->is_connecting && c->loc.port != 0);
  CHECK(mg_send(c, "hi", 2));
  POLL_UNTIL(&s_mgr, r.written == 2);
  AGAIN(c, r);
  // One that is refused makes way at once, also beside one that is silent.
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 5, SILENT1 REFUSED NOWHERE REFUSED HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  stopped_at += 250;
  POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
  CHECK(c->rem.addr.ip4 == htonl(0x7f000001));
  AGAIN(c, r);
  // Closed in the middle: all sockets are.
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 3, SILENT1 SILENT2 HERE);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  stopped_at += 250;
  POLL_UNTIL(&s_mgr, c->rem.addr.ip4 == htonl(0x7f00004e));
  AGAIN(c, r);
  poll_times(&s_mgr, 3);
  // The name server's socket is new, and what the web server accepted may still be open.
  for (c = s_mgr.conns; c != NULL; c = c->next) c->is_closing = c->is_accepted ? 1 : c->is_closing;
  mg_mgr_poll(&s_mgr, 0);
  CHECK(count_descriptors() == before + 1);
  // An earlier attempt succeeds: the kernel repeats its SYN after a second.
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 2, SILENT1 SILENT2);
  POLL_UNTIL(&s_mgr, strstr(r.text, "RESOLVE") != NULL);
  stopped_at += 250;
  POLL_UNTIL(&s_mgr, c->rem.addr.ip4 == htonl(0x7f00004e));
  nonblocking(full[0]);
  POLL_UNTIL(&s_mgr, ((k = accept(full[0], NULL, NULL)) >= 0 && close(k) != 0) || strstr(r.text, "CONNECT") != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
  CHECK(c->rem.addr.ip4 == htonl(0x7f00004d) && !c->is_connecting);
  for (i = 0; i < 2; i++) {
    for (k = 0; k < 4; k++) close(waiting[i][k]);
    close(full[i]);
  }
  end();
}

// All IPv4 addresses fail: the IPv6 ones are asked for, and the program does not notice.
static void test_other_family(void) {
  struct record r;
  struct mg_connection *c, *six;
  char url[64];
  begin(true, true);
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 2, REFUSED NOWHERE);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns));
  CHECK(type_asked() == 28 && s_dns.len == 29);
  CHECK(c->is_resolving && !c->is_connecting && s_mgr.active_dns_requests != NULL);
  CHECK_EVENTS(r, "OPEN RESOLVE");
  ANSWER(&s_dns, POSITIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strcmp(r.error, "socket error") == 0);
  open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 1, NOWHERE);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns));
  take(&s_dns);
  ANSWER(&s_dns, NEGATIVE, 0, "");
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK_EVENTS(r, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strncmp(r.error, "connect: ", 9) == 0);
  // Nobody answers: the error is that of the address.
  open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 1, REFUSED);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns));
  take(&s_dns);
  stopped_at += PATIENCE_MS + 1;
  POLL_UNTIL(&s_mgr, r.closes == 1);
  CHECK(strcmp(r.error, "socket error") == 0);
  while (is_asked(&s_dns)) take(&s_dns);
  // Closed while the second lookup is open
  c = open_name("example.com", &r);
  take(&s_dns);
  ANSWER(&s_dns, POSITIVE, 1, REFUSED);
  POLL_UNTIL(&s_mgr, is_asked(&s_dns));
  take(&s_dns);
  AGAIN(c, r);
  ANSWER(&s_dns, POSITIVE, 1, HERE6);
  poll_times(&s_mgr, 3);
  if (has_ipv6()) {
    snprintf(url, sizeof(url), "tcp://[::1]:%d", mg_ntohs(s_web->loc.port));
    six = mg_listen(&s_mgr, url, NULL, NULL);
    if (six != NULL) {
      c = open_name("example.com", &r);
      take(&s_dns);
      ANSWER(&s_dns, POSITIVE, 1, REFUSED);
      POLL_UNTIL(&s_mgr, is_asked(&s_dns));
      take(&s_dns);
      ANSWER(&s_dns, POSITIVE, 1, HERE6);
      POLL_UNTIL(&s_mgr, strstr(r.text, "CONNECT") != NULL);
      CHECK_EVENTS(r, "OPEN RESOLVE CONNECT");
      CHECK(c->rem.is_ip6 && c->rem.port == s_web->loc.port && !c->is_resolving);
    }
  }
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_nobody_else_is_asked();
  test_this_machine();
  test_owners();
  test_race();
  test_other_family();
  return FAILURES;
}
