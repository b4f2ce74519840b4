// mg_dns_parse, mg_dns_parse_rr and mg_sntp_parse on packets.
#include "check.h"
#include "mongoose.h"

// cesanta.com A 148.251.54.236
static const uint8_t s_answer[45] =
    "\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x07" "cesanta\x03" "com\x00\x00\x01\x00\x01"
    "\xc0\x0c\x00\x01\x00\x01\x00\x00\x02\x57\x00\x04\x94\xfb\x36\xec";

// Parses a copy of its own size, so that a checker sees a read past its end.
static bool parse(const uint8_t *packet, size_t len, struct mg_dns_message *dm) {
  uint8_t *copy = (uint8_t *) malloc(len > 0 ? len : 1);
  memcpy(copy, packet, len);
  memset(dm, 0xaa, sizeof(*dm));
  bool ok = mg_dns_parse(copy, len, dm);
  free(copy);
  return ok;
}

static size_t parse_rr(size_t ofs, size_t len, bool is_question, struct mg_dns_rr *rr) {
  uint8_t *copy = (uint8_t *) malloc(len > 0 ? len : 1);
  memcpy(copy, s_answer, len);
  memset(rr, 0xaa, sizeof(*rr));
  size_t n = mg_dns_parse_rr(copy, len, ofs, is_question, rr);
  free(copy);
  return n;
}

static bool is(const struct mg_dns_rr *rr, int nlen, int type, int class, int alen) {
  return rr->nlen == nlen && rr->atype == type && rr->aclass == class && rr->alen == alen;
}

static void test_records(void) {
  struct mg_dns_rr rr;
  CHECK(parse_rr(12, 45, true, &rr) == 17 && is(&rr, 13, MG_DNS_RTYPE_A, 1, 0));
  CHECK(parse_rr(29, 45, false, &rr) == 16 && is(&rr, 2, MG_DNS_RTYPE_A, 1, 4));
  CHECK(parse_rr(12, 45, false, &rr) == 24 && is(&rr, 13, 1, 1, 1));
  CHECK(parse_rr(45, 45, true, &rr) == 0 && is(&rr, 0, 0, 0, 0));
  CHECK(parse_rr((size_t) -1, 45, true, &rr) == 0 && is(&rr, 0, 0, 0, 0));
  CHECK(parse_rr(0, 11, true, &rr) == 0 && is(&rr, 0, 0, 0, 0));
  for (size_t len = 0; len < 29; len++) CHECK(parse_rr(12, len, true, &rr) == 0);
  for (size_t len = 0; len < 45; len++) CHECK(parse_rr(29, len, false, &rr) == 0);
  CHECK(mg_dns_parse_rr(s_answer, 45, 12, true, NULL) == 17);
  CHECK(mg_dns_parse_rr(NULL, 0, 0, true, &rr) == 0);
}

static void test_answer(void) {
  struct mg_dns_message dm;
  CHECK(parse(s_answer, 45, &dm));
  CHECK(dm.txnid == 1 && dm.resolved && strcmp(dm.name, "cesanta.com") == 0);
  CHECK(!dm.addr.is_ip6 && dm.addr.port == 0 && memcmp(dm.addr.addr.ip, "\x94\xfb\x36\xec", 4) == 0);
  for (size_t len = 0; len < 45; len++) {
    CHECK(!parse(s_answer, len, &dm) && !dm.resolved);
    CHECK(strcmp(dm.name, len < 29 ? "" : "cesanta.com") == 0);
  }
  CHECK(!mg_dns_parse(NULL, 0, &dm) && dm.txnid == 0);
  CHECK(mg_dns_parse(s_answer, 45, NULL));
}

static void test_changed_answers(void) {
  static const struct {
    size_t at;
    uint8_t value;
    bool valid, resolved;
    const char *name;
  } rows[] = {
      {30, 29, true, true, ""},               // a pointer to itself
      {30, 40, true, true, ""},               // a pointer forwards
      {29, 0xff, true, true, ""},             // a pointer out of the packet
      {5, 2, false, false, ""},               // two questions
      {5, 0, true, false, "cesanta.com"},     // none: the question is read as a record
      {2, 0x01, true, false, "cesanta.com"},  // a query
      {3, 0x83, true, true, "cesanta.com"},   // no such name
      {34, 255, true, false, "cesanta.com"},  // another class
      {33, 0x80, true, false, "cesanta.com"},
      {32, 5, true, false, "cesanta.com"},    // another type
      {7, 11, true, true, "cesanta.com"},     // more answers than there are
      {12, 0x87, false, false, ""},           // no length of a label
      {40, 5, false, false, "cesanta.com"},   // data past the end
      {40, 3, true, false, "cesanta.com"},    // an address of three bytes
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    uint8_t packet[45];
    struct mg_dns_message dm;
    char row[20];
    snprintf(row, sizeof(row), "byte %d = %d", (int) rows[i].at, rows[i].value);
    memcpy(packet, s_answer, sizeof(packet));
    packet[rows[i].at] = rows[i].value;
    CHECK_ROW(parse(packet, sizeof(packet), &dm) == rows[i].valid, row);
    CHECK_ROW(dm.resolved == rows[i].resolved, row);
    CHECK_ROW(strcmp(dm.name, rows[i].name) == 0, row);
    CHECK_ROW(dm.txnid == (rows[i].at == 5 && rows[i].value == 2 ? 0 : 1), row);
  }
  uint8_t padded[513] = {0};
  struct mg_dns_message dm;
  memcpy(padded, s_answer, sizeof(s_answer));
  CHECK(parse(padded, 512, &dm) && dm.resolved);
  CHECK(!parse(padded, 513, &dm));
}

static void test_more_packets(void) {
  struct mg_dns_message dm;
  static const uint8_t query[] = "\0\0\0\0\0\1\0\0\0\0\0\0\3abc\5local\0\0\1\0\1";
  CHECK(parse(query, sizeof(query) - 1, &dm) && !dm.resolved && strcmp(dm.name, "abc.local") == 0);

  // Two CNAMEs, then the address of the second.
  static const uint8_t chain[] =
      "\0\2\x81\x80\0\1\0\4\0\0\0\0\3www\5yahoo\3com\0\0\1\0\1"
      "\xc0\x0c\0\5\0\1\0\0\1\0\0\6\3fp1\xc0\x10"
      "\xc0\x2b\0\5\0\1\0\0\1\0\0\6\3fp2\xc0\x10"
      "\xc0\x3d\0\1\0\1\0\0\0\x3c\0\4\x57\xf8\x64\xd8"
      "\xc0\x3d\0\1\0\1\0\0\0\x3c\0\4\1\2\3\4";
  CHECK(parse(chain, sizeof(chain) - 1, &dm) && dm.resolved && strcmp(dm.name, "fp2.yahoo.com") == 0);
  CHECK(memcmp(dm.addr.addr.ip, "\x57\xf8\x64\xd8", 4) == 0);

  static const uint8_t aaaa[] =
      "\0\2\x81\x80\0\1\0\1\0\0\0\0\1a\0\0\x1c\0\1\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10"
      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
  CHECK(parse(aaaa, sizeof(aaaa) - 1, &dm) && dm.resolved && dm.addr.is_ip6);
  CHECK(memcmp(dm.addr.addr.ip, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16) == 0);

  // The eleventh answer is not looked at.
  uint8_t many[12 + 11 * 15] = "\0\2\x81\x80\0\0\0\x0b";
  for (int i = 0; i < 11; i++) memcpy(many + 12 + i * 15, "\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 15);
  for (int answer = 9; answer <= 10; answer++) {
    for (int i = 0; i < 11; i++) many[12 + i * 15 + 2] = i == answer ? 1 : 5;
    CHECK(parse(many, sizeof(many), &dm) && dm.resolved == (answer == 9));
  }
}

// Compression: backwards only, and not for ever.
static void test_compression_loops(void) {
  static const struct {
    const char *names;  // after a header, the question's name at 12
    size_t len;
    bool valid;
    const char *name;
  } rows[] = {
      {"\xc0\x0c", 2, true, ""},                      // to itself
      {"\xc0\x0e\xc0\x0c", 4, true, ""},              // to each other
      {"\1a\xc0\x0c", 4, true, "a"},                  // to its own front
      {"\1a\xc0\x0f", 4, true, "a"},                  // into itself
      {"\1a\xc0\x10\1b\xc0\x0c", 8, true, "a"},      // forwards, and back again
      {"\1a\xff\xff", 4, true, "a"},                  // nowhere
      {"\1a\xc0\x00", 4, true, "a"},                  // the header, which begins with an empty name
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    uint8_t packet[60] = "\0\2\x81\x80\0\1\0\0\0\0\0\0";
    struct mg_dns_message dm;
    memcpy(packet + 12, rows[i].names, rows[i].len);
    packet[0] = 0;
    CHECK_ROW(parse(packet, 40, &dm) == rows[i].valid, rows[i].name);
    CHECK_ROW(strcmp(dm.name, rows[i].name) == 0, dm.name);
  }
  // Five pointers in a row are followed, six are not.
  for (int pointers = 5; pointers <= 6; pointers++) {
    uint8_t packet[200] = "\0\2\x81\x80\0\0\0\x01\0\0\0\0\xc0\x3f\0\5\0\1\0\0\0\0\0\x40";
    struct mg_dns_rr rr;
    size_t at = 64;
    memcpy(packet + at, "\1x\0", 3);
    for (int i = 0; i < pointers; i++) {
      size_t next = i == 0 ? at + 3 : at + 4;
      memcpy(packet + next, "\1y\xc0", 3);
      packet[next + 3] = (uint8_t) at;
      at = next;
    }
    CHECK((mg_dns_parse_rr(packet, sizeof(packet), at, true, &rr) > 0) == (pointers == 5));
  }
}

// Names end at 253 characters, however they are put together.
static void test_over_long_names(void) {
  struct mg_dns_message dm;
  // The longest name: 253 characters, 255 bytes in the packet.
  for (int extra = 0; extra <= 1; extra++) {
    uint8_t packet[300] = "\0\2\x81\x80\0\1\0\0\0\0\0\0";
    size_t at = 12;
    for (int i = 0; i < 126; i++) packet[at++] = 1, packet[at++] = 'a';
    packet[at++] = (uint8_t) (1 + extra);
    for (int i = 0; i <= extra; i++) packet[at++] = 'b';
    packet[at++] = 0;
    packet[at + 1] = packet[at + 3] = 1;
    CHECK(parse(packet, at + 4, &dm) == (extra == 0));
    CHECK(strlen(dm.name) == (extra == 0 ? 253 : 0));
  }
  // By pointers: 200 bytes, and 200 before them.
  uint8_t packet[500] = "\0\2\x81\x80\0\0\0\2\0\0\0\0";
  size_t at = 12;
  for (int part = 0; part < 2; part++) {
    for (int i = 0; i < 100; i++) packet[at++] = 1, packet[at++] = 'a';
    if (part == 0) packet[at++] = 0;
    if (part == 1) packet[at++] = 0xc0, packet[at++] = 12;
    memcpy(packet + at, "\0\5\0\1\0\0\0\0\0\0", 10);
    at += 10;
  }
  CHECK(!parse(packet, at, &dm) && strlen(dm.name) == 199);
}

static void test_sntp(void) {
  unsigned char packet[49] = {0x24, 1};
  uint64_t now = mg_millis();
  MG_STORE_BE32(packet + 24, (uint32_t) (now / 1000 + 2208988800UL));
  MG_STORE_BE32(packet + 28, (uint32_t) ((double) (now % 1000) / 1000.0 * 4294967295.0));
  MG_STORE_BE32(packet + 32, (uint32_t) (1700000000UL + 2208988800UL));
  MG_STORE_BE32(packet + 40, (uint32_t) (1700000000UL + 2208988800UL));
  packet[44] = 0x80;
  for (int i = 0; i < 5; i++) {
    static const unsigned char first[] = {0x24, 0x1c, 0x25, 0xe4, 0x24};
    packet[0] = first[i];
    packet[1] = i == 4 ? 16 : 1;
    mg_boot_timestamp_ms = 0;
    int64_t t = mg_sntp_parse(packet, 48), passed = (int64_t) (mg_millis() - now);
    CHECK(t >= 1700000000250 && t <= 1700000000250 + passed / 2 + 1);
    CHECK((int64_t) mg_now() >= t && (int64_t) mg_now() <= t + 60000);
  }
  mg_boot_timestamp_ms = 5;
  for (int i = 0; i < 5; i++) {
    static const unsigned char first[] = {0x23, 0x2c, 0x14, 0x24, 0x55};
    packet[0] = first[i];
    packet[1] = i == 3 ? 0 : 1;
    CHECK(mg_sntp_parse(packet, 48) == -1);
  }
  packet[0] = 0x24;
  packet[1] = 1;
  CHECK(mg_sntp_parse(packet, 47) == -1);
  CHECK(mg_sntp_parse(NULL, 0) == -1);
  CHECK(mg_boot_timestamp_ms == 5);
}

int main(void) {
  test_records();
  test_answer();
  test_changed_answers();
  test_more_packets();
  test_compression_loops();
  test_over_long_names();
  test_sntp();
  return FAILURES;
}
