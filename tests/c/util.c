// Memory, random text, byte order, time.
#include "check.h"
#include "mongoose.h"

static void test_bzero(void) {
  unsigned char buf[8];
  memset(buf, 0xaa, sizeof(buf));
  mg_bzero(buf + 1, 6);
  CHECK(memcmp(buf, "\xaa\0\0\0\0\0\0\xaa", 8) == 0);
  mg_bzero(NULL, 5);
  mg_bzero(buf, 0);
  CHECK(buf[0] == 0xaa);
}

static void test_calloc(void) {
  unsigned char *p = (unsigned char *) mg_calloc(3, 5);
  CHECK(p != NULL && p[0] == 0 && p[14] == 0);
  mg_free(p);
  mg_free(NULL);
  free(mg_calloc(1, 1));
}

static void test_random(void) {
  static unsigned char a[65536], b[65536];
  CHECK(mg_random(a, sizeof(a)) && mg_random(b, sizeof(b)));
  CHECK(memcmp(a, b, sizeof(a)) != 0);
  CHECK(mg_random(NULL, 0));
  // Each of 256 values is expected 256 times; 100 to 500 is more than 9 deviations away.
  unsigned counts[256] = {0};
  for (size_t i = 0; i < sizeof(a); i++) counts[a[i]]++;
  for (int i = 0; i < 256; i++) CHECK(counts[i] > 100 && counts[i] < 500);
}

static void test_random_str(void) {
  char buf[100];
  memset(buf, '#', sizeof(buf));
  CHECK(mg_random_str(buf, 0) == buf && buf[0] == '#');
  CHECK(mg_random_str(buf, 1) == buf && buf[0] == '\0' && buf[1] == '#');
  CHECK(mg_random_str(buf, 100) == buf && buf[99] == '\0' && strlen(buf) == 99);
  for (size_t i = 0; i < 99; i++) CHECK(isalnum((unsigned char) buf[i]));
  CHECK(mg_random_str(NULL, 0) == NULL);

  // Each of 62 characters is expected 1,613 times, with a deviation of 40.
  static char text[100001];
  unsigned counts[128] = {0};
  mg_random_str(text, sizeof(text));
  for (size_t i = 0; i < sizeof(text) - 1; i++) counts[text[i] & 127]++;
  for (int c = 0; c < 128; c++) {
    CHECK(isalnum(c) ? counts[c] > 1300 && counts[c] < 1930 : counts[c] == 0);
  }
}

static void test_byte_order(void) {
  uint8_t be[8] = {0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xef}, out[8];
  uint16_t v16;
  uint32_t v32;
  uint64_t v64;
  memcpy(&v16, be, 2);
  memcpy(&v32, be, 4);
  memcpy(&v64, be, 8);
  CHECK(mg_ntohs(v16) == 0x1234 && mg_htons(0x1234) == v16);
  CHECK(mg_ntohl(v32) == 0x12345678 && mg_htonl(0x12345678) == v32);
  CHECK(mg_ntohll(v64) == 0x1234567890abcdefULL && mg_htonll(0x1234567890abcdefULL) == v64);
  CHECK(mg_ntohs(0) == 0 && mg_ntohl(0xffffffffU) == 0xffffffffU);
  CHECK(MG_LOAD_BE16(be) == 0x1234 && MG_LOAD_BE24(be) == 0x123456);
  CHECK(MG_LOAD_BE32(be + 1) == 0x34567890U && MG_LOAD_BE64(be) == 0x1234567890abcdefULL);
  memset(out, 0xaa, sizeof(out));
  MG_STORE_BE24(out + 1, 0xef2345);
  CHECK(memcmp(out, "\xaa\xef\x23\x45\xaa", 5) == 0);
  MG_STORE_BE16(out, 0x1234);
  CHECK(memcmp(out, "\x12\x34\x23", 3) == 0);
  MG_STORE_BE64(out, 0x5678abcd12349ef0ULL);
  CHECK(memcmp(out, "\x56\x78\xab\xcd\x12\x34\x9e\xf0", 8) == 0);
}

static void test_time(void) {
  uint64_t before = mg_millis();
  CHECK(mg_boot_timestamp_ms == 0);
  uint64_t now = mg_now();
  CHECK(before <= now && now <= mg_millis());
  mg_boot_timestamp_ms = (uint64_t) time(NULL) * 1000 - mg_millis();
  CHECK(mg_now() / 1000 - (uint64_t) time(NULL) + 60 <= 120);
  mg_boot_timestamp_ms = 0;
  before = mg_millis();
  mg_delayms(20);
  CHECK(mg_millis() - before >= 19);
  mg_delayms(0);
}

int main(void) {
  test_bzero();
  test_calloc();
  test_random();
  test_random_str();
  test_byte_order();
  test_time();
  return FAILURES;
}
