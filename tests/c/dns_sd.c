// Services by multicast DNS (RFC 6763): what a response of several records becomes.
#include "mdns.h"

static char s_text[400];

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MDNS_RESP) {
    struct mg_mdns_resp *r = (struct mg_mdns_resp *) ev_data;
    size_t used = strlen(s_text);
    mg_snprintf(s_text + used, sizeof(s_text) - used, "(%d %.*s %M:%d %.*s %d %d)", (int) r->rr->atype,
                (int) r->name.len, r->name.buf, mg_print_ip, &r->addr, (int) mg_ntohs(r->addr.port),
                (int) r->sd.srvcproto.len, r->sd.srvcproto.buf, (int) r->sd.port,
                r->sd.txt.buf == NULL ? -1 : (int) r->sd.txt.len);
  }
  (void) c;
}

static size_t put_name(uint8_t *at, const char *name) {
  size_t used = 0;
  while (*name != '\0') {
    size_t n = strcspn(name, ".");
    at[used] = (uint8_t) n;
    memcpy(at + used + 1, name, n);
    used += n + 1;
    name += name[n] == '.' ? n + 1 : n;
  }
  at[used] = 0;
  return used + 1;
}

enum { A = 1, PTR = 12, TXT = 16, AAAA = 28, SRV = 33, NSEC = 47 };

struct dns_record {
  int type;
  const char *owner, *target;  // of SRV and PTR; the text of TXT, as the packet has it
  int port;                    // of SRV; the length of TXT
};

static size_t put_record(uint8_t *at, const struct dns_record *r) {
  uint8_t data[300];
  size_t used = put_name(at, r->owner), len = 0;
  if (r->type == A) {
    memcpy(data, "\1\2\3\4", 4), len = 4;
  } else if (r->type == AAAA) {
    memset(data, 7, 16), len = 16;
  } else if (r->type == PTR) {
    len = put_name(data, r->target);
  } else if (r->type == SRV) {
    memset(data, 0, 4), data[4] = (uint8_t) (r->port >> 8), data[5] = (uint8_t) r->port;
    len = 6 + put_name(data + 6, r->target);
  } else if (r->type == TXT) {
    len = (size_t) r->port, memcpy(data, r->target, len);
  } else {
    data[0] = 0, len = 1;
  }
  memcpy(at + used, "\0\0\x80\1\0\0\0\x78", 8);
  at[used + 1] = (uint8_t) r->type;
  at[used + 8] = (uint8_t) (len >> 8), at[used + 9] = (uint8_t) len;
  memcpy(at + used + 10, data, len);
  return used + 10 + len;
}

#define INSTANCE "Mongoose._http._tcp.local"
#define PTR_HERE {PTR, "_http._tcp.local", INSTANCE, 0}
#define SRV_HERE {SRV, INSTANCE, "Mongoose.local", 8080}
#define TXT_HERE {TXT, INSTANCE, "\5a=b c", 6}
#define A_HERE {A, "Mongoose.local", NULL, 0}
#define NSEC_HERE {NSEC, "Mongoose.local", NULL, 0}
#define SEVEN(x) x, x, x, x, x, x, x

// Addresses count as answers only. Each service has one event, whatever the order of the records is.
static const struct {
  const char *event, *addresses;
  struct dns_record records[9];
} s_rows[] = {
    {"", "(1 Mongoose.local 1.2.3.4:0  0 -1)", {A_HERE}},
    {"(12 Mongoose.local 1.2.3.4:8080 _http._tcp 8080 6)", "(1 Mongoose.local 1.2.3.4:0  0 -1)",
     {PTR_HERE, SRV_HERE, TXT_HERE, A_HERE}},
    {"(12 Mongoose.local 1.2.3.4:8080 _http._tcp 8080 6)", "(1 Mongoose.local 1.2.3.4:0  0 -1)",
     {PTR_HERE, TXT_HERE, A_HERE, SRV_HERE}},
    {"(12 Other.local 1.2.3.4:80 _http._tcp 80 -1)", "(1 other.local 1.2.3.4:0  0 -1)",
     {PTR_HERE, {SRV, INSTANCE, "Other.local", 80}, {A, "other.local", NULL, 0}}},
    {"(12 Mongoose 0.0.0.0:0 _http._tcp 0 -1)", "", {PTR_HERE}},
    {"(12 Mongoose 0.0.0.0:0 _http._tcp 0 -1)", "(1 Mongoose.local 1.2.3.4:0  0 -1)", {PTR_HERE, A_HERE}},
    {"(12 Mongoose 0.0.0.0:0 _http._tcp 0 -1)", "",
     {PTR_HERE, {SRV, "Else._http._tcp.local", "Mongoose.local", 1}}},
    {"(12 Mongoose.local 1.2.3.4:8080 _http._tcp 8080 -1)(12 x 0.0.0.0:1 _http._tcp 1 -1)",
     "(1 Mongoose.local 1.2.3.4:0  0 -1)",
     {PTR_HERE,
      {PTR, "_http._tcp.local", "Else._http._tcp.local", 0},
      SRV_HERE,
      {SRV, "Else._http._tcp.local", "x", 1},
      A_HERE}},
    {"(33 Mongoose 1.2.3.4:8080 _http._tcp 8080 -1)", "(1 Mongoose.local 1.2.3.4:0  0 -1)", {SRV_HERE, A_HERE}},
    {"(16 Mongoose 0.0.0.0:0 _http._tcp 0 6)", "", {TXT_HERE}},
    {"(16 Mongoose 0.0.0.0:8080 _http._tcp 8080 6)", "", {TXT_HERE, SRV_HERE}},
    {"(16 Mongoose 0.0.0.0:0 _http._tcp 0 0)", "", {{TXT, INSTANCE, "", 0}}},
    {"(16 Mongoose 0.0.0.0:0 _http._tcp 0 1)", "", {{TXT, INSTANCE, "", 1}}},
    {"(12 _http 0.0.0.0:0 _services._dns-sd._udp 0 -1)", "",
     {{PTR, "_services._dns-sd._udp.local", "_http._tcp.local", 0}}},
    {"(12 Mongoose.local 0.0.0.0:8080 _http._tcp 8080 -1)", "", {PTR_HERE, SEVEN(NSEC_HERE), SRV_HERE}},
    {"", "(1 Mongoose.local 1.2.3.4:0  0 -1)", {{AAAA, "Mongoose.local", NULL, 0}, A_HERE}},
    {"", "(1 Mongoose.local 1.2.3.4:0  0 -1)", {NSEC_HERE, A_HERE}},
    {"", "", {{SRV, "local", "Mongoose.local", 1}}},
    {"", "", {{TXT, "x.local", "\1a", 2}}},
    {"", "", {{PTR, "4.3.2.1.in-addr.arpa", "host.local", 0}}},
};

int main(void) {
  struct mg_mgr mgr;
  struct group g;
  size_t i, k;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  g = group_open(&mgr, handler, NULL);
  for (i = 0; i < COUNT(s_rows); i++) {
    // All records as answers, and all but the first as additional ones.
    int additional;
    for (additional = 0; additional < 2; additional++) {
      uint8_t packet[2000] = {0, 0, 0x84, 0};
      char expected[400];
      bool with = !additional || s_rows[i].records[0].type == A;
      // A service is what an answer names.
      if (additional && s_rows[i].records[1].type == PTR) continue;
      size_t len = 12, cut, records = 0;
      for (k = 0; k < COUNT(s_rows[i].records) && s_rows[i].records[k].type != 0; k++, records++)
        len += put_record(packet + len, &s_rows[i].records[k]);
      packet[additional ? 11 : 7] = (uint8_t) records;
      if (additional) packet[7] = 1, packet[11]--;
      mg_snprintf(expected, sizeof(expected), "%s%s", with ? s_rows[i].addresses : "", s_rows[i].event);
      s_text[0] = '\0';
      deliver(g.c, packet, len, &g.asker);
      CHECK_ROW(strcmp(s_text, expected) == 0, s_text);
      // A packet that ends too early has no event, or that of fewer records; under the checkers nothing else.
      for (cut = 0; cut < len; cut++) deliver(g.c, packet, cut, &g.asker);
    }
  }
  mg_mgr_free(&mgr);
  group_close(&g);
  return FAILURES;
}
