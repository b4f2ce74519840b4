// Multicast DNS: which queries become events, the bytes of answers, responses, names in .local.
#include "mdns.h"

static struct mg_mgr s_mgr;

// What the handler saw, and what it is to do.
static struct {
  char text[600];  // the events
  struct mg_dnssd_record *record;
  struct mg_addr *addr;
  struct mg_str respname;
  int respond;  // 1: yes, 0: no, -1: as it is
} s;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  size_t used = strlen(s.text);
  char *at = s.text + used;
  size_t room = sizeof(s.text) - used;
  (void) c;
  if (ev == MG_EV_MDNS_REQ) {
    struct mg_mdns_req *req = (struct mg_mdns_req *) ev_data;
    snprintf(at, room, "[%.*s %d %d%s%s%s]", (int) req->reqname.len, req->reqname.buf, req->rr->atype,
             req->rr->aclass, req->is_resp ? " resp" : "", req->is_listing ? " listing" : "",
             req->is_unicast ? " unicast" : "");
    CHECK(req->r == NULL && req->addr == NULL && req->respname.len == 0 && req->rr->alen == 0);
    req->r = s.record;
    req->addr = s.addr;
    req->respname = s.respname;
    if (s.respond >= 0) req->is_resp = s.respond > 0;
  } else if (ev == MG_EV_MDNS_RESP) {
    struct mg_mdns_resp *resp = (struct mg_mdns_resp *) ev_data;
    char addr[40];
    mg_snprintf(addr, sizeof(addr), "%M", mg_print_ip, &resp->addr);
    snprintf(at, room, "(%.*s %s %04x)", (int) resp->name.len, resp->name.buf, addr, resp->rr->aclass);
    CHECK(resp->rr->atype == 1 && resp->rr->alen == 4 && !resp->addr.is_ip6);
  } else if (ev == MG_EV_READ) {
    CHECK(c->recv.len == 0);
    snprintf(at, room, "R");
  }
}

static void reset_handler(void) {
  memset(&s, 0, sizeof(s));
  s.respond = -1;
}

#define QUERY(name, type, class) "\0\0\0\0\0\1\0\0\0\0\0\0" name "\0\0" type class
#define LOCAL "\5local"

static void test_listener(void) {
  struct mg_connection *a, *b;
  mg_mgr_init(&s_mgr);
  CHECK(s_mgr.mdns == NULL);
  a = mg_mdns_listen(&s_mgr, NULL, NULL);
  CHECK(a != NULL && s_mgr.mdns == a && a->is_udp && a->is_listening);
  CHECK(a->loc.port == mg_htons(5353) && a->loc.addr.ip4 == htonl(0xe00000fb) && !a->loc.is_ip6);
  b = mg_mdns_listen(&s_mgr, NULL, NULL);
  CHECK(b != NULL && s_mgr.mdns == b);
  a->is_closing = 1;
  mg_mgr_poll(&s_mgr, 0);
  CHECK(s_mgr.mdns == b);
  b->is_closing = 1;
  mg_mgr_poll(&s_mgr, 0);
  CHECK(s_mgr.mdns == NULL && s_mgr.conns == NULL);
  CHECK(mg_mdns_listen(&s_mgr, NULL, NULL) != NULL && s_mgr.mdns != NULL);
  mg_mgr_free(&s_mgr);
  CHECK(s_mgr.mdns == NULL);
  CHECK(mg_mdns_listen(NULL, NULL, NULL) == NULL);
}

// Queries, and the event of each; an empty text for none.
static void test_queries(void) {
#define ROW(host, events, packet) {host, events, packet, sizeof(packet) - 1}
  static const struct {
    const char *host, *events, *packet;
    size_t len;
  } rows[] = {
      ROW("Host", "[Host 1 1 resp]", QUERY("\4Host" LOCAL, "\1", "\0\1")),
      ROW("Host", "[hOST 1 1 resp]", QUERY("\4hOST\5LoCaL", "\1", "\0\1")),
      ROW("Host", "[Host 1 1 resp unicast]", QUERY("\4Host" LOCAL, "\1", "\x80\1")),
      ROW("Host", "[Host 1 255 resp]", QUERY("\4Host" LOCAL, "\1", "\0\xff")),
      ROW("Host", "", QUERY("\4Host" LOCAL, "\1", "\0\3")),
      ROW("Host", "", QUERY("\5Other" LOCAL, "\1", "\0\1")),
      ROW("Host", "", QUERY("\4Host", "\1", "\0\1")),
      ROW("Host", "", QUERY("\1x\4Host" LOCAL, "\1", "\0\1")),
      ROW("Host", "", QUERY("\5local", "\1", "\0\1")),
      ROW("Host", "", QUERY("\6xlocal", "\1", "\0\1")),
      ROW("Host", "", QUERY("\4Host\5local\3com", "\1", "\0\1")),
      ROW(NULL, "[Other 1 1]", QUERY("\5Other" LOCAL, "\1", "\0\1")),
      ROW(NULL, "[a.b 1 1]", QUERY("\1a\1b" LOCAL, "\1", "\0\1")),
      ROW("Host", "[_http._tcp 12 1]", QUERY("\5_http\4_tcp" LOCAL, "\x0c", "\0\1")),
      ROW(NULL, "[_http._tcp 12 1]", QUERY("\5_http\4_tcp" LOCAL, "\x0c", "\0\1")),
      ROW("Host", "[_services._dns-sd._udp 12 1 listing]", QUERY("\x09_services\7_dns-sd\4_udp" LOCAL, "\x0c", "\0\1")),
      ROW("Host", "[_http._tcp 33 1]", QUERY("\4HOST\5_http\4_tcp" LOCAL, "\x21", "\0\1")),
      ROW("Host", "[_http._tcp 16 1]", QUERY("\4Host\5_http\4_tcp" LOCAL, "\x10", "\0\1")),
      ROW("Host", "", QUERY("\5Hosts\5_http\4_tcp" LOCAL, "\x10", "\0\1")),
      ROW("Host", "", QUERY("\4Host" LOCAL, "\x21", "\0\1")),
      ROW("Host", "", QUERY("\3Hos\5_http\4_tcp" LOCAL, "\x21", "\0\1")),
      ROW(NULL, "[Host._http._tcp 33 1]", QUERY("\4Host\5_http\4_tcp" LOCAL, "\x21", "\0\1")),
      ROW("Host", "", QUERY("\4Host" LOCAL, "\x1c", "\0\1")),
      ROW("Host", "", QUERY("\4Host" LOCAL, "\xff", "\0\1")),
      // Other operations, and nothing at all
      ROW("Host", "", "\0\0\x28\0\0\1\0\0\0\0\0\0\4Host\5local\0\0\1\0\1"),
      ROW("Host", "", "\0\0\0\0\0\1\0\0\0\0\0\0"),
      ROW("Host", "", "\0\0\0\0\0\1\0\0\0\0\0"),
      ROW("Host", "", "\0\0\0\0\0\0\0\0\0\0\0\0\4Host\5local\0\0\1\0\1"),
      // Other flags do not matter.
      ROW("Host", "[Host 1 1 resp]", "\0\0\7\xff\0\1\0\0\0\0\0\0\4Host\5local\0\0\1\0\1"),
      // All questions count, compressed ones too, as far as they are well-formed.
      ROW("Host", "[Host 1 1 resp][_a._tcp 12 1]",
          "\0\0\0\0\0\3\0\0\0\0\0\0\4Host\5local\0\0\1\0\1\2_a\4_tcp\xc0\x11\0\x0c\0\1\4Host"),
      ROW("Host", "", "\0\0\0\0\0\1\0\0\0\0\0\0\4Host\5local\0\0\1\0"),
      ROW("Host", "", "\0\0\0\0\0\1\0\0\0\0\0\0\x44Host\5local\0\0\1\0\1"),
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct group g;
    char row[100], want[100];
    mg_mgr_init(&s_mgr);
    g = group_open(&s_mgr, handler, rows[i].host);
    reset_handler();
    deliver(g.c, rows[i].packet, rows[i].len, &g.asker);
    snprintf(want, sizeof(want), "%sR", rows[i].events);
    snprintf(row, sizeof(row), "row %d: %.60s", (int) i, s.text);
    CHECK_ROW(strcmp(s.text, want) == 0, row);
    mg_mgr_free(&s_mgr);
    group_close(&g);
  }
}

static char s_txt[] = "\5a=b c";
static struct mg_dnssd_record s_http = {{(char *) "_http._tcp", 10}, {s_txt, 6}, 8080};
static struct mg_addr s_addr;

#define IS(packet, len, want) ((len) == sizeof(want) - 1 && memcmp(packet, want, sizeof(want) - 1) == 0)

#define A_RECORD "\0\1\0\1\0\0\0\x78\0\4\1\2\3\4"
#define A_ANSWER(id) id "\x84\0\0\0\0\1\0\0\0\0\x08Mongoose\5local\0" A_RECORD
#define PTR_ANSWER                                                                                \
  "\0\0\x84\0\0\0\0\1\0\0\0\3\5_http\4_tcp\5local\0\0\x0c\0\1\0\0\0\x78\0\x0b\x08Mongoose\xc0\x0c" \
  "\xc0\x28\0\x21\0\1\0\0\0\x78\0\x11\0\0\0\0\x1f\x90\x08Mongoose\xc0\x17"                        \
  "\xc0\x28\0\x10\0\1\0\0\0\x78\0\6\5a=b c"                                                      \
  "\xc0\x45" A_RECORD
#define INSTANCE "\x08Mongoose\5_http\4_tcp\5local\0"
#define SRV_ANSWER                                                                                   \
  "\0\0\x84\0\0\0\0\1\0\0\0\1" INSTANCE "\0\x21\0\1\0\0\0\x78\0\x11\0\0\0\0\x1f\x90\x08Mongoose\xc0\x20" \
  "\xc0\x37" A_RECORD
#define TXT_ANSWER "\0\0\x84\0\0\0\0\1\0\0\0\0" INSTANCE "\0\x10\0\1\0\0\0\x78\0\6\5a=b c"

static void test_answers(void) {
#define ANSWER_ROW(query, answer) {query, sizeof(query) - 1, answer, sizeof(answer) - 1}
  static const struct {
    const char *query;
    size_t query_len;
    const char *answer;
    size_t len;
  } rows[] = {
      ANSWER_ROW(QUERY("\x08mongoose\5LOCAL", "\1", "\0\1"), A_ANSWER("\0\0")),
      ANSWER_ROW(QUERY("\5_http\4_tcp" LOCAL, "\x0c", "\0\1"), PTR_ANSWER),
      ANSWER_ROW(QUERY("\x08mongoose\5_http\4_tcp" LOCAL, "\x21", "\0\1"), SRV_ANSWER),
      ANSWER_ROW(QUERY("\x08Mongoose\5_http\4_tcp" LOCAL, "\x10", "\0\1"), TXT_ANSWER),
  };
  struct group g;
  uint8_t out[600];
  struct mg_addr legacy;
  size_t i, n;
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, handler, "Mongoose");
  mg_aton(mg_str("1.2.3.4"), &s_addr);
  for (i = 0; i < COUNT(rows); i++) {
    char row[20];
    snprintf(row, sizeof(row), "row %d", (int) i);
    reset_handler();
    s.record = &s_http, s.addr = &s_addr, s.respond = 1;
    deliver(g.c, rows[i].query, rows[i].query_len, &g.asker);
    n = sent(g.fd, out, sizeof(out));
    CHECK_ROW(n == rows[i].len && memcmp(out, rows[i].answer, n) == 0, row);
    CHECK_ROW(g.c->rem.port == g.c->loc.port && sent(g.fd, out, sizeof(out)) == 0, row);
    CHECK_ROW(sent(g.asker_fd, out, sizeof(out)) == 0, row);
  }
  // To the asker alone, with its id
  deliver(g.c, "\x12\x34\0\0\0\1\0\0\0\0\0\0\x08Mongoose\5local\0\0\1\x80\1", 12 + 16 + 4, &g.asker);
  n = sent(g.asker_fd, out, sizeof(out));
  CHECK(IS(out, n, A_ANSWER("\x12\x34")) && sent(g.fd, out, sizeof(out)) == 0);
  CHECK(memcmp(&g.c->rem, &g.asker, sizeof(g.asker)) == 0);
  // An asker that is no responder itself gets its question back.
  {
    struct sockaddr_in at = loopback(0);
    int fd = udp_at(&at);
    legacy = g.asker;
    legacy.addr.ip4 = at.sin_addr.s_addr, legacy.port = at.sin_port;
    deliver(g.c, "\x12\x34\1\0\0\1\0\0\0\0\0\0\x08mongoose\5local\0\0\1\0\1", 12 + 16 + 4, &legacy);
    n = sent(fd, out, sizeof(out));
    CHECK(IS(out, n, "\x12\x34\x84\0\0\1\0\1\0\0\0\0\x08mongoose\5local\0\0\1\0\1\x08Mongoose\5local\0" A_RECORD));
    CHECK(sent(g.fd, out, sizeof(out)) == 0);
    close(fd);
  }
  // Another name; no address given: this machine's towards the asker
  reset_handler();
  s.respname = mg_str("other");
  deliver(g.c, QUERY("\x08Mongoose" LOCAL, "\1", "\0\1"), 12 + 16 + 4, &g.asker);
  n = sent(g.fd, out, sizeof(out));
  CHECK(n == 39 && memcmp(out + 12, "\5other\5local\0", 13) == 0);
  CHECK(out[35] == 127);
  // No text is one empty string.
  s.record = &s_http, s.respond = 1;
  s_http.txt.len = 0;
  deliver(g.c, QUERY("\x08Mongoose\5_http\4_tcp" LOCAL, "\x10", "\0\1"), 12 + 27 + 4, &g.asker);
  s_http.txt.len = 6;
  n = sent(g.fd, out, sizeof(out));
  CHECK(n == 12 + 24 + 11 && memcmp(out + n - 3, "\0\1\0", 3) == 0);
  // Two questions, two answers
  reset_handler();
  s.record = &s_http, s.respond = 1;
  deliver(g.c, "\0\0\0\0\0\2\0\0\0\0\0\0\x08Mongoose\5local\0\0\1\0\1\xc0\x0c\0\1\0\1", 12 + 20 + 6, &g.asker);
  CHECK(sent(g.fd, out, sizeof(out)) == 42 && sent(g.fd, out, sizeof(out)) == 42 && sent(g.fd, out, sizeof(out)) == 0);
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

static void test_no_answers(void) {
  static char big[300];
  static struct mg_dnssd_record rows[] = {
      {{(char *) "_tcp", 4}, {NULL, 0}, 1},     {{(char *) "a.tcp", 5}, {NULL, 0}, 1},
      {{NULL, 0}, {NULL, 0}, 1},                {{NULL, 10}, {NULL, 0}, 1},
      {{(char *) "_http._tcp", 10}, {big, 250}, 1}, {{big, 70}, {NULL, 0}, 1},
      {{(char *) "_http..tcp", 10}, {NULL, 0}, 1},
  };
  static const struct {
    const char *packet;
    size_t len;
  } queries[] = {
      {QUERY("\5_http\4_tcp" LOCAL, "\x0c", "\0\1"), 12 + 18 + 4},
      {QUERY("\x08Mongoose\5_http\4_tcp" LOCAL, "\x21", "\0\1"), 12 + 27 + 4},
      {QUERY("\x08Mongoose\5_http\4_tcp" LOCAL, "\x10", "\0\1"), 12 + 27 + 4},
      {QUERY("\x08Mongoose" LOCAL, "\1", "\0\1"), 12 + 16 + 4},
  };
  struct group g;
  uint8_t out[600];
  size_t i, k;
  memset(big, 'b', sizeof(big));
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, handler, "Mongoose");
  for (k = 0; k < COUNT(queries); k++) {
    for (i = 0; i < COUNT(rows) + 4; i++) {
      char row[30];
      snprintf(row, sizeof(row), "query %d, row %d", (int) k, (int) i);
      reset_handler();
      s.respond = 1, s.record = &s_http;
      if (i < COUNT(rows)) s.record = &rows[i];
      if (i == COUNT(rows)) s.record = NULL;
      if (k == 3 && i <= COUNT(rows)) continue;  // the record does not matter
      if (k == 1 && i == 4) continue;            // nor does the text
      if (i == COUNT(rows) + 1) s.respond = 0;
      if (i == COUNT(rows) + 2) s.respname = mg_str_n(big, 64);
      if (i == COUNT(rows) + 3) s.respname = mg_str("a.b");
      deliver(g.c, queries[k].packet, queries[k].len, &g.asker);
      CHECK_ROW(s.text[0] == '[' && sent(g.fd, out, sizeof(out)) == 0, row);
      CHECK_ROW(!g.c->is_closing, row);
    }
  }
  // A list of all services
  reset_handler();
  s.respond = 1, s.record = &s_http;
  deliver(g.c, QUERY("\x09_services\7_dns-sd\4_udp" LOCAL, "\x0c", "\0\1"), 12 + 30 + 4, &g.asker);
  CHECK(sent(g.fd, out, sizeof(out)) == 0);
  // The longest name that is answered for
  s.respname = mg_str_n(big, 63);
  deliver(g.c, queries[3].packet, queries[3].len, &g.asker);
  CHECK(sent(g.fd, out, sizeof(out)) == 12 + 64 + 7 + 14);
  // No way to send, or nobody to send to: no answer, and the listener stays.
  g.c->loc.addr.ip4 = 0xffffffff;
  deliver(g.c, queries[3].packet, queries[3].len, &g.asker);
  CHECK(!g.c->is_closing);
  mg_mgr_poll(&s_mgr, 0);
  CHECK(s_mgr.mdns == g.c);
  mg_mgr_free(&s_mgr);
  group_close(&g);
  // Without a name of its own it has none to answer with.
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, handler, NULL);
  reset_handler();
  s.respond = 1, s.addr = &s_addr, s.record = &s_http;
  for (k = 0; k < COUNT(queries); k++) deliver(g.c, queries[k].packet, queries[k].len, &g.asker);
  CHECK(sent(g.fd, out, sizeof(out)) == 0);
  s.respname = mg_str("Mongoose");
  for (k = 0; k < COUNT(queries); k++) deliver(g.c, queries[k].packet, queries[k].len, &g.asker);
  for (k = 0; k < COUNT(queries); k++) CHECK(sent(g.fd, out, sizeof(out)) > 0);
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

#define RESPONSE(count, records) "\0\0\x84\0\0\0\0" count "\0\0\0\0" records
#define ONE(name, class, ip) name "\5local\0\0\1" class "\0\0\0\x78\0\4" ip

static void test_responses(void) {
#define RESP_ROW(events, packet) {events, packet, sizeof(packet) - 1}
  static const struct {
    const char *events, *packet;
    size_t len;
  } rows[] = {
      RESP_ROW("(Server.local 1.2.3.4 0001)", RESPONSE("\1", ONE("\6Server", "\0\1", "\1\2\3\4"))),
      RESP_ROW("(Server.local 1.2.3.4 8001)", RESPONSE("\1", ONE("\6Server", "\x80\1", "\1\2\3\4"))),
      RESP_ROW("", RESPONSE("\1", ONE("\6Server", "\0\3", "\1\2\3\4"))),
      RESP_ROW("", RESPONSE("\0", ONE("\6Server", "\0\1", "\1\2\3\4"))),
      RESP_ROW("", RESPONSE("\1", "\6Server\5local\0\0\1\0\1\0\0\0\x78\0\5\1\2\3\4\5")),
      RESP_ROW("", RESPONSE("\1", "\6Server\5local\0\0\1\0\1\0\0\0\x78\0\4\1\2\3")),
      RESP_ROW("(b.local 5.6.7.8 0001)",
               RESPONSE("\2", "\1a\5local\0\0\x1c\0\1\0\0\0\x78\0\x10" "0123456789abcdef" ONE("\1b", "\0\1", "\5\6\7\x08"))),
      RESP_ROW("(a.local 1.2.3.4 0001)(b.local 5.6.7.8 8001)",
               RESPONSE("\2", ONE("\1a", "\0\1", "\1\2\3\4") ONE("\1b", "\x80\1", "\5\6\7\x08"))),
      RESP_ROW("(a.local 1.2.3.4 0001)", RESPONSE("\2", ONE("\1a", "\0\1", "\1\2\3\4") "\1b\5local")),
      // The question comes along.
      RESP_ROW("(a.local 1.2.3.4 0001)",
               "\0\0\x84\0\0\1\0\1\0\0\0\0\1a\5local\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\1\2\3\4"),
      // Another operation
      RESP_ROW("", "\0\0\xac\0\0\0\0\1\0\0\0\0" ONE("\1a", "\0\1", "\1\2\3\4")),
  };
  struct group g;
  uint8_t big[513];
  struct mg_addr other;
  size_t i;
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, handler, NULL);
  for (i = 0; i < COUNT(rows); i++) {
    char want[200], row[300];
    reset_handler();
    deliver(g.c, rows[i].packet, rows[i].len, &g.asker);
    snprintf(want, sizeof(want), "%sR", rows[i].events);
    snprintf(row, sizeof(row), "row %d: %.60s", (int) i, s.text);
    CHECK_ROW(strcmp(s.text, want) == 0, row);
  }
  // Who has another port is no responder.
  other = g.asker;
  other.port = mg_htons(5354);
  reset_handler();
  deliver(g.c, rows[0].packet, rows[0].len, &other);
  CHECK(strcmp(s.text, "R") == 0);
  // 512 bytes are looked at, more are not.
  memset(big, 0, sizeof(big));
  memcpy(big, rows[0].packet, rows[0].len);
  for (i = 512; i <= 513; i++) {
    reset_handler();
    deliver(g.c, big, i, &g.asker);
    CHECK(strcmp(s.text, i == 512 ? "(Server.local 1.2.3.4 0001)R" : "R") == 0);
  }
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

static void test_asking(void) {
  static const struct {
    unsigned type;
    const char *bytes;
  } rows[] = {{MG_DNS_RTYPE_A, "\0\1"}, {MG_DNS_RTYPE_PTR, "\0\x0c"}, {MG_DNS_RTYPE_AAAA, "\0\x1c"},
              {MG_DNS_RTYPE_SRV, "\0\x21"}, {MG_DNS_RTYPE_TXT, "\0\x10"}};
  char long_name[70];
  struct group g;
  uint8_t out[600];
  size_t i;
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, NULL, NULL);
  for (i = 0; i < COUNT(rows); i++) {
    CHECK(mg_mdns_query(g.c, "Server.local", rows[i].type));
    CHECK(sent(g.fd, out, sizeof(out)) == 30);
    CHECK(memcmp(out, "\0\0\0\0\0\1\0\0\0\0\0\0\6Server\5local\0", 26) == 0);
    CHECK(memcmp(out + 26, rows[i].bytes, 2) == 0 && memcmp(out + 28, "\0\1", 2) == 0);
  }
  memset(long_name, 'a', sizeof(long_name));
  long_name[64] = '\0';
  CHECK(!mg_mdns_query(g.c, "", 1) && !mg_mdns_query(g.c, NULL, 1) && !mg_mdns_query(g.c, "a..b", 1));
  CHECK(!mg_mdns_query(g.c, long_name, 1) && !mg_mdns_query(g.c, "a", 65536 + 1) && !mg_mdns_query(NULL, "a", 1));
  CHECK(sent(g.fd, out, sizeof(out)) == 0);
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

static char s_order[200];

static void order(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_POLL) return;
  if (ev == MG_EV_ERROR && c->fn_data == NULL) return;
  strcat(s_order, c == c->mgr->mdns ? "L:" : "");
  strcat(s_order, ev == MG_EV_MDNS_RESP ? "RESP" : event_name(ev));
  strcat(s_order, " ");
}

static void test_names_of_this_link(void) {
  static const char answer[] = RESPONSE("\2", ONE("\1x", "\0\1", "\1\2\3\4") ONE("\6sERVER", "\x80\1", "\x7f\0\0\1"));
  struct group g;
  struct record a, b, other;
  struct mg_connection *c, *d;
  uint8_t out[600];
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, order, NULL);
  memset(&b, 0, sizeof(b));
  memset(&other, 0, sizeof(other));
  s_order[0] = '\0';
  c = mg_connect(&s_mgr, "udp://Server.local:1234", order, NULL);
  CHECK(c->is_resolving && s_mgr.active_mdns_requests != NULL && s_mgr.active_dns_requests == NULL);
  CHECK(sent(g.fd, out, sizeof(out)) == 30 && s_mgr.dns4.c == NULL);
  CHECK(memcmp(out, "\0\0\0\0\0\1\0\0\0\0\0\0\6Server\5local\0\0\1\0\1", 30) == 0);
  d = mg_connect(&s_mgr, "udp://server.LOCAL.:1235", recorder, &b);
  CHECK(sent(g.fd, out, sizeof(out)) == 30);
  mg_connect(&s_mgr, "udp://other.local:1", recorder, &other);
  CHECK(sent(g.fd, out, sizeof(out)) == 29);
  s_order[0] = '\0';
  deliver(g.c, answer, sizeof(answer) - 1, &g.asker);
  CHECK(strcmp(s_order, "L:RESP RESOLVE CONNECT L:RESP L:READ ") == 0);
  CHECK(!c->is_resolving && c->rem.addr.ip4 == htonl(0x7f000001) && c->rem.port == mg_htons(1234));
  CHECK_EVENTS(b, "OPEN RESOLVE CONNECT");
  CHECK(d->rem.port == mg_htons(1235));
  CHECK_EVENTS(other, "OPEN");
  // The other one waits in vain.
  POLL_UNTIL(&s_mgr, other.closes == 1);
  CHECK(strcmp(other.error, "mDNS timeout") == 0 && s_mgr.active_mdns_requests == NULL);
  // No way to send
  g.c->loc.addr.ip4 = 0xffffffff;
  memset(&a, 0, sizeof(a));
  mg_connect(&s_mgr, "udp://server.local:1", recorder, &a);
  CHECK_EVENTS(a, "OPEN ERROR");
  CHECK(strcmp(a.error, "mDNS send") == 0);
  POLL_UNTIL(&s_mgr, a.closes == 1);
  CHECK(s_mgr.mdns == g.c);
  // The listener closes.
  send_to_test(&g);
  memset(&a, 0, sizeof(a));
  mg_connect(&s_mgr, "udp://server.local:1", recorder, &a);
  g.c->is_closing = 1;
  POLL_UNTIL(&s_mgr, a.closes == 1);
  CHECK(strcmp(a.error, "mDNS listener error") == 0 && s_mgr.mdns == NULL);
  CHECK(s_mgr.active_mdns_requests == NULL);
  memset(&a, 0, sizeof(a));
  mg_connect(&s_mgr, "udp://server.local:1", recorder, &a);
  CHECK(strcmp(a.error, "no mDNS listener, see mg_mdns_listen()") == 0);
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

static int s_how, s_calls;

static void quitter(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MDNS_REQ) ((struct mg_mdns_req *) ev_data)->is_resp = true;
  if (ev != MG_EV_MDNS_REQ && ev != MG_EV_MDNS_RESP) return;
  s_calls++;
  if (s_how == 0) mg_close_conn(c);
  if (s_how == 1) c->is_closing = 1;
  if (s_how == 2) mg_mgr_free(c->mgr);
}

static void test_handlers_that_close(void) {
  static const char query[] = "\0\0\0\0\0\2\0\0\0\0\0\0\4Host\5local\0\0\1\0\1\xc0\x0c\0\1\0\1";
  static const char response[] = RESPONSE("\2", ONE("\1x", "\0\1", "\1\2\3\4") ONE("\1y", "\0\1", "\1\2\3\4"));
  for (s_how = 0; s_how < 3; s_how++) {
    int which;
    for (which = 0; which < 2; which++) {
      struct group g;
      struct record r;
      mg_mgr_init(&s_mgr);
      g = group_open(&s_mgr, quitter, "Host");
      memset(&r, 0, sizeof(r));
      mg_connect(&s_mgr, "udp://server.local:1", recorder, &r);
      s_calls = 0;
      if (which == 0) deliver(g.c, query, sizeof(query) - 1, &g.asker);
      if (which == 1) deliver(g.c, response, sizeof(response) - 1, &g.asker);
      CHECK(s_calls == (s_how == 1 ? 2 : 1));
      if (s_how < 2) mg_mgr_poll(&s_mgr, 0);
      CHECK(s_mgr.mdns == NULL);
      CHECK(strcmp(r.error, "mDNS listener error") == 0 || s_how == 2);
      mg_mgr_free(&s_mgr);
      group_close(&g);
    }
  }
}

// A packet can have names of any length and any number of anything: all that leaves no trace on the
// stack of the one who reads it. (Run this one under the checkers.)
static void taker(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_MDNS_REQ) {
    struct mg_mdns_req *req = (struct mg_mdns_req *) ev_data;
    s_calls++;
    CHECK(req->reqname.len > 0 && req->reqname.len <= 253 - 6);
    req->respname = req->reqname;
    req->r = &s_http;
    req->is_resp = true;
  } else if (ev == MG_EV_MDNS_RESP) {
    s_calls++;
    CHECK(((struct mg_mdns_resp *) ev_data)->name.len <= 253);
  }
}

static size_t put_labels(uint8_t *at, size_t label, size_t bytes) {
  size_t used = 0;
  while (used + label + 1 <= bytes) {
    at[used] = (uint8_t) label;
    memset(at + used + 1, 'n', label);
    used += label + 1;
  }
  return used;
}

static void test_stack_overflow_by_one_packet(void) {
  static const uint8_t kinds[] = {1, 12, 16, 33};
  struct group g;
  uint8_t packet[512];
  size_t kind, label, bytes;
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, taker, NULL);
  s_calls = 0;
  for (label = 1; label <= 63; label++) {
    for (bytes = 200; bytes < 490; bytes += 23) {
      for (kind = 0; kind < COUNT(kinds); kind++) {
        size_t at = 12;
        memset(packet, 0, sizeof(packet));
        packet[4] = packet[5] = packet[6] = packet[7] = 0xff;  // 65535 questions and answers
        at += put_labels(packet + at, label, bytes);
        memcpy(packet + at, "\5local\0\0\1\0\1", 11);
        packet[at + 8] = kinds[kind];
        deliver(g.c, packet, sizeof(packet), &g.asker);
        // The rest of the packet is a great many of questions with pointers to that name.
        for (at += 11; at + 6 <= sizeof(packet); at += 6) memcpy(packet + at, "\xc0\x0c\0\1\0\1", 6);
        deliver(g.c, packet, sizeof(packet), &g.asker);
        packet[2] = 0x84;
        deliver(g.c, packet, sizeof(packet), &g.asker);
        while (sent(g.fd, packet, sizeof(packet)) > 0) {}
      }
    }
  }
  CHECK(s_calls > 500);
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_listener();
  test_queries();
  test_answers();
  test_no_answers();
  test_responses();
  test_asking();
  test_names_of_this_link();
  test_handlers_that_close();
  test_stack_overflow_by_one_packet();
  return FAILURES;
}
