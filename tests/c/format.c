// mg_snprintf and its family: against the host's, cut texts, argument lists, outputs.
#include "check.h"
#include "mongoose.h"
#include <stdlib.h>

// Formats by ours and by the host: same text, same length, also when nothing is written.
static void same(const char *wanted, const char *fmt, ...) {
  char ours[128], host[128];
  size_t n;
  va_list ap;
  va_start(ap, fmt);
  CHECK_ROW((size_t) vsnprintf(host, sizeof(host), fmt, ap) == strlen(wanted), fmt);
  va_end(ap);
  CHECK_ROW(strcmp(host, wanted) == 0, fmt);
  memset(ours, '#', sizeof(ours));
  va_start(ap, fmt);
  n = mg_vsnprintf(ours, sizeof(ours), fmt, &ap);
  va_end(ap);
  CHECK_ROW(n == strlen(wanted) && strcmp(ours, wanted) == 0 && ours[n + 1] == '#', fmt);
  va_start(ap, fmt);
  CHECK_ROW(mg_vsnprintf(ours, 0, fmt, &ap) == n, fmt);
  va_end(ap);
  CHECK_ROW(strcmp(ours, wanted) == 0, fmt);
}

static void like_the_host(void) {
  same("0", "%d", 0);
  same("1", "%d", 1);
  same("-1", "%d", -1);
  same("7", "%d", 7);
  same("123", "%d", 123);
  same("-2147483648", "%d", (int) 0x80000000);
  same("4294967295", "%u", -1);
  same("ffffffff", "%x", -1);
  same("", "%.*s", 0, "ab");
  same("a", "%.*s", 1, "ab");
  same("ab", "%.*s", -1, "ab");
  same("a", "%.*s", 3, "a\0b");
  same("a", "%.1s", "ab");
  same("a", "%.99s", "a");
  same("          a", "%11s", "a");
  same(" a", "%2s", "a");
  same("a", "%s", "a\0b");
  same("1099511627775", "%lld", 0xffffffffffLL);
  same("-1", "%lld", -1LL);
  same("18446744073709551615", "%llu", -1LL);
  same("18446744073709551615", "%lu", -1L);
  same("-9223372036854775808", "%ld", -9223372036854775807L - 1);
  same("ffffffffff", "%llx", 0xffffffffffLL);
  same("0x7", "%p", (void *) 7);
  same("6204d754", "%lx", 0x6204d754L);
  same("ab", "ab");
  same("1x", "%dx", 1);
  same("ax", "%sx", "a");
  same(" x", "%cx", 32);
  same("f", "%x", 15);
  same(" f", "%2x", 15);
  same("0f", "%02x", 15);
  same("1:2", "%hx:%hhx", 1, 2);
  same("%", "%%");
  same("0xf", "%#x", 15);
  same("   0xf", "%#6x", 15);
  same("0x000f", "%#06x", 15);
  same("0xf   ", "%#-6x", 15);
  same("a !", "%-2s!", "a");
  same("a b", "%s %s", "a", "b");
  same("ab123c", "ab%dc", 123);
  same("a ", "%s ", "a");
  same(" a b", "%2s %s", "a", "b");
  same("1.500000", "%lf", 1.5);
  same("0.123456", "%g", 0.123456333);
  same("1e+06", "%g", 1000000.0);
  same("-2.34567e-57", "%g", -2.34567e-57);
  same("0.123456333", "%.*g", 10, 0.123456333);
  same("1000000.000000", "%f", 1000000.0);
  same("0.1400", "%.*f", 4, 0.14);
  same("789.0123", "%.4f", 789.01234);
  same("  3.14|", "%6.2f|", 3.14159);
}

static void cut_texts(void) {
  char buf[10];
  memset(buf, '#', sizeof(buf));
  CHECK(mg_snprintf(buf, 3, "%s", "0123456789") == 10 && memcmp(buf, "01\0#", 4) == 0);
  CHECK(mg_snprintf(buf, 1, "%s", "abc") == 3 && memcmp(buf, "\0001", 2) == 0);
  CHECK(mg_snprintf(buf, 2, "%s", "abc") == 3 && memcmp(buf, "a\0\0#", 4) == 0);
  CHECK(mg_snprintf(NULL, 0, "%d", 12345) == 5);
  CHECK(mg_snprintf(buf, 0, "%d", 12345) == 5 && buf[0] == 'a');
  CHECK(mg_snprintf(buf, 5, "abcd") == 4 && memcmp(buf, "abcd\0#", 6) == 0);
  CHECK(mg_snprintf(buf, 4, "abcd") == 4 && memcmp(buf, "abc\0\0#", 6) == 0);
  CHECK(mg_snprintf(buf, 9, "") == 0 && memcmp(buf, "\0bc", 3) == 0);
  CHECK(mg_snprintf(buf, 6, "%m", MG_ESC("abcdefgh")) == 10 && strcmp(buf, "\"abcd") == 0);
  CHECK(mg_snprintf(buf, sizeof(buf), "%c%c", 0, 'x') == 2 && memcmp(buf, "\0x", 3) == 0);
  CHECK(mg_snprintf(NULL, 10, "%d", 5) == 1);
  CHECK(mg_snprintf(buf, sizeof(buf), NULL) == 0 && buf[0] == '\0');
}

// The string need not be terminated: not a byte past the limit is read (the sanitizer watches).
static void exact_strings(void) {
  char buf[10], *text = (char *) malloc(3);
  memcpy(text, "abc", 3);
  CHECK(mg_snprintf(buf, sizeof(buf), "%.*s", (size_t) 3, text) == 3 && strcmp(buf, "abc") == 0);
  CHECK(mg_snprintf(buf, sizeof(buf), "%.3s", text) == 3 && strcmp(buf, "abc") == 0);
  CHECK(mg_snprintf(buf, sizeof(buf), "%m", mg_print_esc, (size_t) 3, text) == 5);
  CHECK(strcmp(buf, "\"abc\"") == 0);
  free(text);
}

static void many_arguments(void) {
  char buf[100];
  size_t n = mg_snprintf(buf, sizeof(buf), "%d%d%d%d%d%d%d%d%d%d%g%g%g%g%g%g%g%g%g%g", 1, 2, 3, 4, 5,
                         6, 7, 8, 9, 10, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0);
  CHECK(n == 22 && strcmp(buf, "1234567891012345678910") == 0);
  n = mg_snprintf(buf, sizeof(buf), "%d %g %s %lld %g %c %lu %x %g %p", 1, 1.5, "x", -1LL, 2.5, 'c',
                  7UL, 255, 3.5, (void *) 16);
  CHECK(n == strlen(buf) && strcmp(buf, "1 1.5 x -1 2.5 c 7 ff 3.5 0x10") == 0);
}

// Prints the sum of two ints.
static size_t sum(mg_pfn_t out, void *arg, va_list *ap) {
  int a = va_arg(*ap, int), b = va_arg(*ap, int);
  return mg_xprintf(out, arg, "%d", a + b);
}

// Counts down from an int.
static size_t down(mg_pfn_t out, void *arg, va_list *ap) {
  int n = va_arg(*ap, int);
  size_t count = 0;
  while (--n >= 0) count += mg_xprintf(out, arg, "%d", n);
  return count;
}

// Claims more than it prints.
static size_t liar(mg_pfn_t out, void *arg, va_list *ap) {
  (void) ap;
  out('a', arg);
  return 100;
}

static void is(char *text, const char *wanted) {
  CHECK_ROW(text != NULL && strcmp(text, wanted) == 0, wanted);
  mg_free(text);
}

static void custom_printers(void) {
  struct mg_iobuf io = {NULL, 0, 0, 16};
  char buf[10];
  is(mg_mprintf("[%s,%M,%s]", "null", sum, 2, 3, "hi"), "[null,5,hi]");
  is(mg_mprintf("[%M,%d]", down, 10, 7), "[9876543210,7]");
  is(mg_mprintf("%20m|%g", sum, 2, 3, 0.5), "\"5\"|0.5");
  CHECK(mg_snprintf(buf, sizeof(buf), "%M|%d", liar, 5) == 102 && strcmp(buf, "a|5") == 0);
  CHECK(mg_snprintf(buf, sizeof(buf), "a%Mb", (mg_pm_t) NULL) == 2 && strcmp(buf, "ab") == 0);
  CHECK(mg_xprintf(mg_pfn_iobuf, &io, "[%M", down, 10) == 11);
  CHECK(mg_xprintf(mg_pfn_iobuf, &io, ",%d", 7) == 2);
  CHECK(mg_xprintf(mg_pfn_iobuf, &io, "]") == 1);
  CHECK(io.buf != NULL && strcmp((char *) io.buf, "[9876543210,7]") == 0 && io.len == 14);
  mg_iobuf_free(&io);
}

static void heap(void) {
  char *text = mg_mprintf("%s", "");
  int i;
  CHECK(text != NULL && text[0] == '\0');
  mg_free(text);
  is(mg_mprintf("%3d", 123), "123");
  // Around the sizes at which the memory grows.
  for (i = 254; i < 1030; i++) {
    text = mg_mprintf("%M%.*s", down, 3, i, "x");
    CHECK(text != NULL && strcmp(text, "210x") == 0);
    mg_free(text);
  }
  text = mg_mprintf("%1000s%1000s%m", "a", "b", MG_ESC("c"));
  CHECK(text != NULL && strlen(text) == 2003 && strcmp(text + 1999, "b\"c\"") == 0);
  mg_free(text);
  mg_free(NULL);
}

// The callee advances the caller's list.
static void advance(const char *fmt, ...) {
  char buf[20];
  va_list ap;
  va_start(ap, fmt);
  CHECK(mg_vsnprintf(buf, sizeof(buf), "%d", &ap) == 1 && strcmp(buf, "1") == 0);
  CHECK(va_arg(ap, int) == 2);
  CHECK(mg_vsnprintf(buf, sizeof(buf), "%s %g", &ap) == 7 && strcmp(buf, "abc 1.5") == 0);
  CHECK(va_arg(ap, double) == 2.5);
  CHECK(mg_vxprintf(NULL, NULL, "%lld", &ap) == 1);
  is(mg_vmprintf("%c", &ap), "z");
  va_end(ap);
}

// An output that formats itself, into a text of its own.
struct outer {
  char text[100];
  size_t len;
};

static void reentrant(char ch, void *arg) {
  struct outer *outer = (struct outer *) arg;
  outer->len += mg_snprintf(outer->text + outer->len, sizeof(outer->text) - outer->len, "%02x,",
                            (unsigned char) ch);
}

static void outputs(void) {
  struct outer outer = {"", 0};
  struct mg_iobuf io = {NULL, 0, 0, 0};
  unsigned char fixed[6];
  CHECK(mg_xprintf(reentrant, &outer, "%s%d%M", "a\xff", 5, down, 2) == 5);
  CHECK(strcmp(outer.text, "61,ff,35,31,30,") == 0);
  CHECK(mg_xprintf(NULL, NULL, "%d%s", 5, "abc") == 4);

  CHECK(mg_xprintf(mg_pfn_iobuf, &io, "hello") == 5 && io.len == 5 && io.size == 6);
  mg_iobuf_free(&io);
  io.align = 16;
  mg_xprintf(mg_pfn_iobuf, &io, "hello");
  CHECK(io.len == 5 && io.size == 16);
  mg_xprintf(mg_pfn_iobuf, &io, "%d", 1234567890);
  CHECK(io.len == 15 && io.size == 16 && io.buf[15] == 0);
  mg_xprintf(mg_pfn_iobuf, &io, "%c", 'x');
  CHECK(io.len == 16 && io.size == 32 && strcmp((char *) io.buf, "hello1234567890x") == 0);
  mg_pfn_iobuf('y', &io);
  CHECK(io.len == 17 && memcmp(io.buf + 15, "xy", 3) == 0);
  mg_iobuf_free(&io);

  // Must not overflow anything, whatever the text is.
  mg_xprintf(mg_pfn_iobuf, &io, "%.*g", 88, -1e-88);
  CHECK(io.len > 88 && io.size % 16 == 0);
  mg_iobuf_free(&io);

  io.buf = fixed;
  io.size = sizeof(fixed);
  CHECK(mg_xprintf(mg_pfn_iobuf_noresize, &io, "%s", "abcd") == 4 && io.len == 4);
  CHECK(memcmp(fixed, "abcd", 5) == 0);
  CHECK(mg_xprintf(mg_pfn_iobuf_noresize, &io, "%s", "efgh") == 4 && io.len == 6);
  CHECK(memcmp(fixed, "abcde", 6) == 0);
  mg_pfn_iobuf_noresize('z', &io);
  CHECK(io.len == 6 && memcmp(fixed, "abcde", 6) == 0);
  io.len = 0;
  mg_pfn_iobuf_noresize('1', &io);
  CHECK(io.len == 1 && memcmp(fixed, "1", 2) == 0);
  mg_xprintf(mg_pfn_iobuf_noresize, &io, "%s", "23456789");
  CHECK(io.len == 6 && memcmp(fixed, "12345", 6) == 0);
  mg_xprintf(mg_pfn_iobuf, NULL, "nowhere");
}

// Ten digits or more are rounded as C does it, and seventeen read back.
static void doubles_like_the_host(void) {
  static const double rows[] = {0.10204910504969822, 121138202.9447383, 0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308,
                                9007199254740993.0, 0.5,  2.5,  1e22,    1e23, 123456789012345678.0};
  uint64_t state = 88172645463325252ull;
  size_t i;
  for (i = 0; i < COUNT(rows) + 3000; i++) {
    char ours[800], host[800];
    double d;
    int digits;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    digits = 10 + (int) (state % 16);
    if (i < COUNT(rows)) {
      d = rows[i];
    } else if (i % 2 == 0) {
      memcpy(&d, &state, sizeof(d));
      if (d != d || d - d != 0) continue;  // not finite
    } else {
      d = (double) (state >> 11) / (double) ((uint64_t) 1 << (state & 63));
    }
    mg_snprintf(ours, sizeof(ours), "%.17g", d);
    CHECK_ROW(strtod(ours, NULL) == d, ours);
    // Which notation is a matter of its own.
    mg_snprintf(ours, sizeof(ours), "%.*g", digits, d);
    snprintf(host, sizeof(host), "%.*g", digits, d);
    CHECK_ROW(strtod(ours, NULL) == strtod(host, NULL), ours);
    mg_snprintf(ours, sizeof(ours), "%.*f", digits, d);
    snprintf(host, sizeof(host), "%.*f", digits, d);
    CHECK_ROW(strcmp(ours, host) == 0, ours);
    mg_snprintf(ours, sizeof(ours), "%.16f", d);
    snprintf(host, sizeof(host), "%.16f", d);
    CHECK_ROW(strcmp(ours, host) == 0, ours);
  }
}

int main(void) {
  like_the_host();
  doubles_like_the_host();
  cut_texts();
  exact_strings();
  many_arguments();
  custom_printers();
  heap();
  advance("", 1, 2, "abc", 1.5, 2.5, 7LL, 'z');
  outputs();
  return FAILURES;
}
