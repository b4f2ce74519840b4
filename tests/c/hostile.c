// Hostile packets for the handlers of multicast DNS, DNS, SNTP and Modbus connections: mutations of
// good ones, always the same for the same number. FUZZ_EXECUTIONS says how many for each handler.
#include "mdns.h"
#include "nameserver.h"

static struct mg_mgr s_mgr;
static int s_executions = 3000;
static int s_events;  // what got through

// xorshift64*: any generator will do that is the same everywhere.
static uint64_t s_state;

static size_t below(size_t n) {
  s_state ^= s_state >> 12;
  s_state ^= s_state << 25;
  s_state ^= s_state >> 27;
  return (size_t) ((s_state * 0x2545f4914f6cdd1dULL) >> 33) % (n > 0 ? n : 1);
}

// The library takes its ids from here.
bool mg_random(void *buf, size_t len) {
  static uint64_t counter;
  while (len-- > 0) ((uint8_t *) buf)[len] = (uint8_t) (++counter * 0x9e3779b97f4a7c15ULL >> 56);
  return true;
}

struct seed {
  const char *bytes;
  size_t len;
};

#define SEED(bytes) {bytes, sizeof(bytes) - 1}
#define MAX 600

// Changes a packet in a few places; returns its new length.
static size_t mutate(uint8_t *p, size_t len, const struct seed *seeds, size_t count) {
  static const uint8_t special[] = {0, 1, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff};
  size_t changes = below(5);
  while (changes-- > 0) {
    size_t at = below(len + 1), n = 1 + below(8), from, k;
    const struct seed *other = &seeds[below(count)];
    switch (below(7)) {
      case 0: len = at; break;
      case 1: if (at < len) p[at] ^= (uint8_t) (1 << below(8)); break;
      case 2: if (at < len) p[at] = (uint8_t) below(256); break;
      case 3: if (at < len) p[at] = special[below(COUNT(special))]; break;
      case 4:  // less
        if (at + n > len) break;
        memmove(p + at, p + at + n, len - at - n);
        len -= n;
        break;
      case 5:  // some of it twice, many times over
        for (k = 1 + below(60); k > 0 && at + n <= len && len + n <= MAX; k--) {
          memmove(p + at + n, p + at, len - at);
          len += n;
        }
        break;
      default:  // the end of another one
        from = below(other->len);
        for (k = from; k < other->len && at < MAX; k++) p[at++] = (uint8_t) other->bytes[k];
        len = at;
    }
  }
  return len;
}

static size_t next_packet(uint8_t *p, const struct seed *seeds, size_t count) {
  const struct seed *seed = &seeds[below(count)];
  memcpy(p, seed->bytes, seed->len);
  return mutate(p, seed->len, seeds, count);
}

// Reads every byte, for checkers to see.
static void read_text(struct mg_str s) {
  volatile char sum = 0;
  size_t i;
  for (i = 0; i < s.len; i++) sum = (char) (sum + s.buf[i]);
}

static struct mg_dnssd_record s_record = {{(char *) "_http._tcp", 10}, {(char *) "\5a=b c", 6}, 8080};

static void mdns_handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_MDNS_REQ) {
    struct mg_mdns_req *req = (struct mg_mdns_req *) ev_data;
    read_text(req->reqname);
    CHECK(req->reqname.len > 0 && req->reqname.len <= 247 && req->rr->nlen > 0);
    req->r = &s_record;
    req->is_resp = true;
    if (req->rr->nlen % 2 == 0) req->respname = req->reqname;
    s_events++;
  } else if (ev == MG_EV_MDNS_RESP) {
    struct mg_mdns_resp *resp = (struct mg_mdns_resp *) ev_data;
    read_text(resp->name);
    read_text(resp->sd.srvcproto);
    read_text(resp->sd.txt);
    CHECK(resp->name.len <= 253 && resp->sd.srvcproto.len <= 253 && !resp->addr.is_ip6);
    CHECK(resp->rr->atype != MG_DNS_RTYPE_A || resp->rr->alen == 4);
    s_events++;
  }
}

static void fuzz_mdns(const char *host) {
  static const struct seed seeds[] = {
      SEED("\0\0\0\0\0\1\0\0\0\0\0\0\4Host\5local\0\0\1\0\1"),
      SEED("\0\0\0\0\0\2\0\0\0\0\0\0\4Host\5local\0\0\1\0\1\xc0\x0c\0\1\x80\1"),
      SEED("\0\0\0\0\0\1\0\0\0\0\0\0\5_http\4_tcp\5local\0\0\x0c\0\1"),
      SEED("\0\0\0\0\0\2\0\0\0\0\0\0\4Host\5_http\4_tcp\5local\0\0\x21\0\1\xc0\x0c\0\x10\0\1"),
      SEED("\0\0\0\0\0\1\0\0\0\0\0\0\x09_services\7_dns-sd\4_udp\5local\0\0\x0c\0\1"),
      SEED("\0\0\x84\0\0\0\0\2\0\0\0\0\1a\5local\0\0\1\x80\1\0\0\0\x78\0\4\1\2\3\4\xc0\x0c\0\x1c\0\1\0\0\0\x78\0\x10"
           "0123456789abcdef"),
      SEED("\0\0\x84\0\0\1\0\1\0\0\0\0\1a\5local\0\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x78\0\4\1\2\3\4"),
      SEED("\0\0\x84\0\0\0\0\1\0\0\0\3\5_http\4_tcp\5local\0\0\x0c\0\1\0\0\0\x78\0\x0b\x08Mongoose\xc0\x0c"),
  };
  struct group g;
  int i;
  mg_mgr_init(&s_mgr);
  g = group_open(&s_mgr, mdns_handler, host);
  for (i = 0; i < s_executions; i++) {
    uint8_t packet[MAX], out[MAX];
    size_t len = next_packet(packet, seeds, COUNT(seeds)), n;
    struct mg_addr from = below(4) == 0 ? g.c->loc : g.asker;
    deliver(g.c, packet, len, &from);
    CHECK(g.c->recv.len == 0 && !g.c->is_closing);
    while ((n = sent(g.fd, out, sizeof(out))) > 0 || (n = sent(g.asker_fd, out, sizeof(out))) > 0) {
      struct mg_dns_message dm;
      CHECK(n <= 282 && out[2] == 0x84 && out[3] == 0 && mg_dns_parse(out, n, &dm));
    }
  }
  mg_mgr_free(&s_mgr);
  group_close(&g);
}

static const struct seed s_dns[] = {
    SEED("\0\1\x81\x80\0\1\0\1\0\0\0\0\7example\3com\0\0\1\0\1" HERE),
    SEED("\0\1\x81\x80\0\1\0\3\0\0\0\0\7example\3com\0\0\1\0\1" ALIAS HERE6 HERE),
    SEED("\0\1\x81\x83\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"),
    SEED("\0\1\x83\x80\0\1\0\1\0\0\0\0\7example\3com\0\0\1\0\1\xc0\x0c\0\1"),
    SEED("\0\1\x81\x83\0\0\0\0\0\0\0\0"),
    SEED("\0\1\x81\x80\0\1\0\1\0\0\0\0\7example\3com\0\0\x1c\0\1" HERE6),
    SEED("\0\1\1\0\0\1\0\0\0\0\0\1\7example\3com\0\0\1\0\1\0\0\x29\4\xd0\0\0\0\0\0\0"),
};

static void names_handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_RESOLVE) {
    s_events++;
    CHECK(c->rem.port == mg_htons(80));
  } else if (ev == MG_EV_ERROR) {
    s_events++;
    CHECK(strlen((char *) ev_data) <= 63);
  }
}

// A listener has its socket, so it learns addresses and connects to none.
static void fuzz_dns(bool stream) {
  struct server s = server_open(false);
  struct mg_connection *asker;
  char url[64];
  int plain = plain_listener(url, sizeof(url)), i;
  mg_mgr_init(&s_mgr);
  s_mgr.dns4.url = stream ? url : s.url;
  s_mgr.dns6.url = s.url;
  s_mgr.dnstimeout = 1000000;
  asker = mg_listen(&s_mgr, "tcp://127.0.0.1:0", names_handler, NULL);
  for (i = 0; i < s_executions; i++) {
    uint8_t packet[MAX + 2];
    size_t len = next_packet(packet + 2, s_dns, COUNT(s_dns));
    struct mg_addr from;
    mg_resolve(asker, "http://example.com");
    if (!stream) take(&s);
    // Most know the id of the query; over TCP that is what the send buffer ends in.
    if (len > 2 && below(8) > 0) {
      struct mg_iobuf *queued = &s_mgr.dns4.c->send;
      memcpy(packet + 2, stream ? queued->buf + queued->len - 29 : s.query, 2);
    }
    from = s_mgr.dns4.c->rem;
    if (stream) {
      packet[0] = (uint8_t) (len >> 8), packet[1] = (uint8_t) len;
      if (below(8) == 0) packet[below(2)] ^= (uint8_t) (1 << below(8));
      deliver(s_mgr.dns4.c, packet, len + 2, &from);
      s_mgr.dns4.c->send.len = 0;
    } else {
      deliver(s_mgr.dns4.c, packet + 2, len, &from);
      CHECK(s_mgr.dns4.c->recv.len == 0);
    }
    mg_resolve_cancel(asker);
    CHECK(s_mgr.active_dns_requests == NULL && !asker->is_closing && !asker->is_resolving);
    while (is_asked(&s)) take(&s);
    // A truncated answer opens a connection that nobody takes.
    if (i % 100 == 0) mg_mgr_poll(&s_mgr, 0);
  }
  mg_mgr_free(&s_mgr);
  close(s.fd);
  close(plain);
}

static void sntp_handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_SNTP_TIME) {
    s_events++;
    CHECK(*(int64_t *) ev_data > 0);
  }
}

static void sntp(void) {
  static const struct seed seeds[] = {
      SEED("\x24\1\0\xeb\0\0\0\x1e\0\0\7\xb6GPS\0\1\2\3\4\5\6\7\x08" "01234567\xe8\xfe\x6f\x80\0\0\0\0\xe8\xfe\x6f\x80\x80\0\0\0"),
      SEED("\x1c\2\0\xeb\0\0\0\x1e\0\0\7\xb6GPS\0\1\2\3\4\5\6\7\x08" "01234567\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
  };
  struct server s = server_open(false);
  struct mg_connection *c = NULL;
  int i;
  mg_mgr_init(&s_mgr);
  for (i = 0; i < s_executions; i++) {
    uint8_t packet[MAX];
    size_t len = next_packet(packet, seeds, COUNT(seeds));
    struct mg_addr from;
    if (c == NULL) c = mg_sntp_connect(&s_mgr, s.url, sntp_handler, NULL);
    if (is_asked(&s)) take(&s);
    if (len >= 32 && below(4) > 0) memcpy(packet + 24, s.query + 40, 8);
    from = c->rem;
    deliver(c, packet, len, &from);
    if (c->is_closing) {
      mg_close_conn(c);
      c = NULL;
    }
  }
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

static void modbus_handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_MODBUS_REQ) {
    struct mg_modbus_req *r = (struct mg_modbus_req *) ev_data;
    bool is_bits = r->func == 1 || r->func == 2 || r->func == 5 || r->func == 15;
    unsigned sum = 0;
    int i;
    s_events++;
    CHECK(r->len > 0 && r->len <= (is_bits ? 2000 : 125) && r->addr + r->len <= 65536);
    for (i = 0; i < r->len; i++) {
      if (is_bits) sum += r->u.bits[i], r->u.bits[i] = true;
      if (!is_bits) sum += r->u.regs[i], r->u.regs[i] = 0xffff;
    }
    r->error = (uint8_t) (sum % 16 == 0 ? sum : 0);
  }
}

static void modbus(void) {
  static const struct seed seeds[] = {
      SEED("\0\1\0\0\0\6\1\1\0\x13\7\xd0"),
      SEED("\0\1\0\0\0\6\1\3\0\x13\0\x7d\0\2\0\0\0\6\x11\6\0\0\0\1"),
      SEED("\0\1\0\0\0\6\1\5\0\xac\xff\0"),
      SEED("\0\1\0\0\0\x09\1\x0f\0\x13\0\x0a\2\xcd\1"),
      SEED("\0\1\0\0\0\x0b\1\x10\0\1\0\2\4\0\x0a\1\2"),
      SEED("\0\1\0\0\0\2\1\x2b"),
  };
  struct mg_connection *c;
  struct mg_addr from;
  int i, fd;
  mg_mgr_init(&s_mgr);
  fd = dial(mg_modbus_listen(&s_mgr, "tcp://127.0.0.1:0", modbus_handler, NULL));
  POLL_UNTIL(&s_mgr, s_mgr.conns != NULL && s_mgr.conns->is_accepted);
  c = s_mgr.conns;
  from = c->rem;
  for (i = 0; i < s_executions; i++) {
    uint8_t packet[MAX];
    size_t len = next_packet(packet, seeds, COUNT(seeds)), at = 0;
    deliver(c, packet, len, &from);
    CHECK(c->recv.len <= len);
    // What is answered are frames.
    while (at < c->send.len) {
      const uint8_t *frame = c->send.buf + at;
      size_t rest = c->send.len - at, size;
      CHECK(rest >= 9);
      if (rest < 9) break;
      size = 6 + ((size_t) frame[4] << 8 | frame[5]);
      CHECK(frame[2] == 0 && frame[3] == 0 && size <= rest && size >= 9 && size <= 260);
      at += size;
    }
    c->send.len = 0;
    c->is_closing = 0;
  }
  mg_mgr_free(&s_mgr);
  close(fd);
}

// The functions that programs call on packets, on memory of exactly the packet's size.
static void parsers(void) {
  int i;
  for (i = 0; i < s_executions; i++) {
    uint8_t packet[MAX];
    size_t len = next_packet(packet, s_dns, COUNT(s_dns)), n;
    uint8_t *copy = (uint8_t *) malloc(len > 0 ? len : 1);
    size_t ofs = below(len + 2);
    struct mg_dns_message dm;
    struct mg_dns_rr rr;
    memcpy(copy, packet, len);
    if (mg_dns_parse(copy, len, &dm)) s_events++;
    CHECK(strlen(dm.name) <= 253);
    n = mg_dns_parse_rr(copy, len, ofs, below(2) == 0, &rr);
    CHECK(n == 0 || (ofs + n <= len && rr.nlen > 0 && (size_t) rr.nlen + rr.alen < n));
    mg_sntp_parse(copy, len);
    free(copy);
  }
}

static void mdns_with_a_name(void) {
  fuzz_mdns("Host");
}

static void mdns_without_a_name(void) {
  fuzz_mdns(NULL);
}

static void dns_by_datagrams(void) {
  fuzz_dns(false);
}

static void dns_by_stream(void) {
  fuzz_dns(true);
}

int main(void) {
  static void (*const targets[])(void) = {parsers,       mdns_with_a_name, mdns_without_a_name, dns_by_datagrams,
                                          dns_by_stream, sntp,             modbus};
  const char *executions = getenv("FUZZ_EXECUTIONS");
  size_t i;
  if (executions != NULL) s_executions = atoi(executions);
  CHECK(s_executions > 0);
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < COUNT(targets); i++) {
    s_state = 0x9e3779b97f4a7c15ULL;
    s_events = 0;
    targets[i]();
    // Mutations that never get through would test nothing.
    CHECK(s_events > s_executions / 100);
    if (executions != NULL) printf("target %d: %d executions, %d events\n", (int) i, s_executions, s_events);
  }
  return FAILURES;
}
