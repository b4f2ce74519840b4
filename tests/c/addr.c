// mg_aton and mg_check_ip_acl: the documented results.
#include "check.h"
#include "mongoose.h"

// The bytes of an IPv6 address from its eight groups in full, or of an IPv4 address.
static void expected(const char *text, uint8_t *bytes) {
  unsigned v[8];
  if (sscanf(text, "%x:%x:%x:%x:%x:%x:%x:%x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]) == 8) {
    for (int i = 0; i < 8; i++) bytes[2 * i] = (uint8_t) (v[i] >> 8), bytes[2 * i + 1] = (uint8_t) v[i];
  } else {
    sscanf(text, "%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3]);
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t) v[i];
  }
}

static void test_accepted(void) {
  static const struct {
    const char *text, *address;
    uint8_t scope;
  } rows[] = {
      {"", "0.0.0.0", 0},
      {"localhost", "127.0.0.1", 0},
      {"LOCALHOST", "127.0.0.1", 0},
      {"LocalHost", "127.0.0.1", 0},
      {"127.0.0.1", "127.0.0.1", 0},
      {"0.0.0.0", "0.0.0.0", 0},
      {"255.255.255.255", "255.255.255.255", 0},
      {"001.002.003.004", "1.2.3.4", 0},
      {"0000000001.2.3.4", "1.2.3.4", 0},
      {"01.002.3.4", "1.2.3.4", 0},
      {"::", "0:0:0:0:0:0:0:0", 0},
      {"[::]", "0:0:0:0:0:0:0:0", 0},
      {"::1", "0:0:0:0:0:0:0:1", 0},
      {"[::1]", "0:0:0:0:0:0:0:1", 0},
      {"1::", "1:0:0:0:0:0:0:0", 0},
      {"1::1", "1:0:0:0:0:0:0:1", 0},
      {"1:2::3", "1:2:0:0:0:0:0:3", 0},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0},
      {"1:02:003:0004:5:6:7:8", "1:2:3:4:5:6:7:8", 0},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 0},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", 0},
      {"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8", 0},
      {"1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7:8", 0},
      {"1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0},
      {"::1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0},
      {"ffff::1", "ffff:0:0:0:0:0:0:1", 0},
      {"FFFF::1", "ffff:0:0:0:0:0:0:1", 0},
      {"FfFf:0:0:0:0:0:0:1", "ffff:0:0:0:0:0:0:1", 0},
      {"2001:4860:4860::8888", "2001:4860:4860:0:0:0:0:8888", 0},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8:0:0:0:0:0:1", 0},
      {"::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304", 0},
      {"::fFff:1.2.3.4", "0:0:0:0:0:ffff:102:304", 0},
      {"[::ffff:1.2.3.4]", "0:0:0:0:0:ffff:102:304", 0},
      {"::ffff:102:304", "0:0:0:0:0:ffff:102:304", 0},
      {"::ffff:255.255.255.255", "0:0:0:0:0:ffff:ffff:ffff", 0},
      {"::FFFF:0.0.0.0", "0:0:0:0:0:ffff:0:0", 0},
      {"64:ff9b::1.2.3.4", "64:ff9b:0:0:0:0:102:304", 0},
      {"[64:ff9b::192.0.2.33]", "64:ff9b:0:0:0:0:c000:221", 0},
      {"::1.2.3.4", "0:0:0:0:0:0:102:304", 0},
      {"0:0:0:0:0:ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304", 0},
      {"::ffff:0:1.2.3.4", "0:0:0:0:ffff:0:102:304", 0},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304", 0},
      {"fe80::1.2.3.4%3", "fe80:0:0:0:0:0:102:304", 3},
      // The loopback interface has index 1 in each network namespace.
      {"fe80::1%lo", "fe80:0:0:0:0:0:0:1", 1},
      {"[fe80::1%lo]", "fe80:0:0:0:0:0:0:1", 1},
      {"[fe80::1%25lo]", "fe80:0:0:0:0:0:0:1", 1},
      {"1:2:3:4:5:6:7:8%7", "1:2:3:4:5:6:7:8", 7},
      {"::1%0", "0:0:0:0:0:0:0:1", 0},
      {"::1%1", "0:0:0:0:0:0:0:1", 1},
      {"::1%17", "0:0:0:0:0:0:0:1", 17},
      {"::1%255", "0:0:0:0:0:0:0:1", 255},
      {"abcd::aabb:ccdd%17", "abcd:0:0:0:0:0:aabb:ccdd", 17},
      {"[fe80::1%3]", "fe80:0:0:0:0:0:0:1", 3},
      {"fe80::1%01", "fe80:0:0:0:0:0:0:1", 1},
      {"fe80::1%2", "fe80:0:0:0:0:0:0:1", 2},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    bool ip6 = strchr(rows[i].address, ':') != NULL;
    uint8_t want[16] = {0};
    struct mg_addr a;
    expected(rows[i].address, want);
    memset(&a, 0xaa, sizeof(a));
    a.is_ip6 = !ip6;
    CHECK_ROW(mg_aton(mg_str(rows[i].text), &a), rows[i].text);
    CHECK_ROW(memcmp(a.addr.ip, want, ip6 ? 16 : 4) == 0, rows[i].text);
    CHECK_ROW(a.is_ip6 == ip6, rows[i].text);
    CHECK_ROW(a.scope_id == rows[i].scope, rows[i].text);
    CHECK_ROW(a.port == 0xaaaa, rows[i].text);
  }
  struct mg_addr a;
  memset(&a, 0xa5, sizeof(a));
  CHECK(mg_aton(mg_str("127.0.0.1"), &a) && a.addr.ip4 == mg_htonl(0x7f000001));
  CHECK(mg_aton(mg_str_n("1.2.3.4xyz", 7), &a) && a.addr.ip[3] == 4);
  CHECK(mg_aton(mg_str_n(NULL, 0), &a) && a.addr.ip4 == 0);
}

static void test_refused(void) {
  static const char *rows[] = {
      "0", "1", "1.2", "1.2.3", "dead", "localhost.", "localhos", "[localhost]", "example.com", "0.0.0.",
      "1.2.3.4.", ".1.2.3", "1..2.3", "1.2..3", "...", "1...", "0.0.0.256", "256.1.1.1", "0.0.0.-1",
      "1.2.3.4.5", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4/8", "1.2.3.4:80", "+1.2.3.4", "1.2.3.0x4", "[1.2.3.4]",
      "[1]", "[]", "[::1]x", "[::1]:80", ":", ":1", "1:", "1:2", "abc:", ":::", "::::", "1:::2",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:8::", "12345::", "::12345",
      "fffff::1", "1:00002::3", "g::1", "::g", "0x1", "x", "::1 ", " ::1", "::1/64", "fe80::1%nosuch0", "fe80::1%",
      "fe80::1%%1", "fe80::1%2a", "fe80::1%256", "fe80::1%1000", "fe80::1%-1", "%", "1:2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:1.2.3.4", "::1.2.3.4:5", "64:ff9b::1.2.3.4.5", "64:ff9b::1.2.3.", "::ffff:1.2.3", "::ffff:1.2.3.256",
      "::ffff:1.2.3.4 ", "1.2.3.4%1", "::ffff:0x1.2.3.4", "::ffff:localhost",
      // What a laxer reader takes
      "[::1", "::1]", "1:2:3:4:5:6:7:", "1::2::3", "::1::", "::ffff:", "%5", "1%5", "1:2%5", "::1%99999999999"};
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_addr a, before;
    memset(&before, 0xaa, sizeof(before));
    before.is_ip6 = true;
    a = before;
    CHECK_ROW(!mg_aton(mg_str(rows[i]), &a), rows[i]);
    CHECK_ROW(memcmp(&a, &before, sizeof(a)) == 0, rows[i]);
  }
  struct mg_addr a;
  CHECK(!mg_aton(mg_str_n("1.2.3.4", 8), &a));
  CHECK(!mg_aton(mg_str_n("", 1), &a));
  CHECK(!mg_aton(mg_str("::1"), NULL));
}

static void test_acl(void) {
  static const struct {
    const char *acl;
    int result;
  } rows[] = {
      {NULL, 1},
      {"", 1},
      {"-0.0.0.0/0", 0},
      {"-0.0.0.0/0,+1.0.0.0/8", 1},
      {"-0.0.0.0/0,+1.2.3.4", 1},
      {"-0.0.0.0/0,+1.0.0.0/16", 0},
      {"+1.2.3.4", 1},
      {"+1.2.3.4/32", 1},
      {"-1.2.3.4", 0},
      {"+1.2.3.0/24", 1},
      {"+1.2.3.4/24", 0},
      {"+1.2.3.4/31", 1},
      {"+1.2.3.5/31", 0},
      {"+1.2.0.0/16,-1.2.3.0/24", 0},
      {"-1.2.3.0/24,+1.2.0.0/16", 1},
      {"+0.0.0.0/0", 1},
      {"+0.0.0.0/1", 1},
      {"+1.2.3.4/0", 0},
      {"+1.2.3.4,-5.6.7.8", 1},
      {"+01.02.03.04", 1},
      {"+1.2.3.0/024", 1},
      {"+1.2.3.4,", 1},
      {"+0.0.0.0/0,-1.2.3.4/32", 0},
      {"-128.0.0.0/1", 0},
      {"+5.6.7.8", 0},
      {"+10.0.0.0/8,+192.168.0.0/16", 0},
      {"+0.0.0.0", 0},
      {"-0.0.0.0", 0},
      {"invalid", -1},
      {"*", -1},
      {",", -1},
      {"+1.2.3.4,,-1.2.3.4", -1},
      {"+1.2.3.4,,", -1},
      {",+1.2.3.4", -1},
      {" +1.2.3.4", -1},
      {"+1.2.3.4, -1.2.3.4", -1},
      {"+0.0.0.0/0,bad", -1},
      {"bad,+0.0.0.0/0", -1},
      {"+hi", -2},
      {"+//", -2},
      {"+", -2},
      {"-", -2},
      {"+*", -2},
      {"+any", -2},
      {"+1", -2},
      {"+1.2", -2},
      {"+1.2.3", -2},
      {"+1.2.3.256", -2},
      {"+256.2.3.4", -2},
      {"+-1.2.3.4", -2},
      {"+1.2.3.-4", -2},
      {"+1.2.3.4/33", -2},
      {"+1.2.3.4/-1", -2},
      {"+::1", 0},
      {"+::ffff:1.2.3.4", 1},
      {"+::ffff:1.2.3.0/120", 1},
      {"+::ffff:1.2.3.4/129", -2},
      {"+::/0", 0},
      {"+0x1.2.3.4", -2},
      {"+0.0.0.0/0,-bad", -2},
      // Nothing may follow a network, or be cut from a number; blanks may surround it.
      {"+1.2.3.4x", -2},
      {"+1.0.0.0/8x", -2},
      {"+1.2.3.4.5", -2},
      {"+1.2.3.4-5.6.7.8", -2},
      {"+1.2.3.4/", -2},
      {"++1.2.3.4", -2},
      {"+1.0.0.0/+8", -2},
      {"+4294967297.2.3.4", -2},
      {"+1.2.3.4/4294967328", -2},
      {"+1. 2.3.4", -2},
      {"+1.2.3.4 /8", -2},
      {"+ 1.2.3.4 ", 1},
      {"+1.0.0.0/8 ,", 1},
  };
  struct mg_addr remote = {{{1, 2, 3, 4}}, 0, 0, false};
  for (size_t i = 0; i < COUNT(rows); i++) {
    const char *name = rows[i].acl ? rows[i].acl : "NULL";
    // In memory of its own size, so that a checker sees a read past its end.
    size_t len = rows[i].acl ? strlen(rows[i].acl) : 0;
    char *copy = (char *) malloc(len > 0 ? len : 1);
    memcpy(copy, name, len);
    CHECK_ROW(mg_check_ip_acl(mg_str_n(rows[i].acl ? copy : NULL, len), &remote) == rows[i].result, name);
    free(copy);
    // The same peer as a listener for both families sees it
    struct mg_addr ip6;
    CHECK(mg_aton(mg_str("::ffff:1.2.3.4"), &ip6));
    CHECK_ROW(mg_check_ip_acl(mg_str(rows[i].acl), &ip6) == rows[i].result, name);
    CHECK_ROW(mg_check_ip_acl(mg_str(rows[i].acl), NULL) == -1, name);
  }
  CHECK(mg_check_ip_acl(mg_str_n("+1.2.3.4/3299", 11), &remote) == 1);
}

static void test_acl_other_remotes(void) {
  static const struct {
    const char *acl, *remote;
    int result;
  } rows[] = {
      {"+10.0.0.0/8,+192.168.0.0/16", "192.168.1.2", 1}, {"+10.0.0.0/8,+192.168.0.0/16", "10.255.1.2", 1},
      {"+10.0.0.0/8,+192.168.0.0/16", "172.16.0.1", 0},  {"+128.0.0.0/1", "200.1.1.1", 1},
      {"+128.0.0.0/1", "100.1.1.1", 0},                  {"-255.255.255.255,+255.0.0.0/8", "255.255.255.255", 1},
      {"+0.0.0.0/0", "::1", 0},                          {"", "::ffff:1.2.3.4", 1},
      {"-0.0.0.0/0,+127.0.0.0/8", "::ffff:127.0.0.1", 1}, {"", "::1", 1},
      {"+fd00::/8", "fd00::7", 1},                       {"+fd00::/8", "fe80::7", 0},
      {"+fe80::%lo/10", "fe80::7%1", 1},                 {"+fe80::%lo/10", "fe80::7%2", 0},
      {"+fe80::%nosuch0/10", "fe80::7", -2},             {"+::1,-127.0.0.1", "::1", 1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_addr remote;
    memset(&remote, 0, sizeof(remote));
    CHECK(mg_aton(mg_str(rows[i].remote), &remote));
    CHECK_ROW(mg_check_ip_acl(mg_str(rows[i].acl), &remote) == rows[i].result, rows[i].remote);
  }
}

int main(void) {
  test_accepted();
  test_refused();
  test_acl();
  test_acl_other_remotes();
  return FAILURES;
}
