// The printers for %M and %m: text and length of each.
#include "check.h"
#include "mongoose.h"

static void is(const char *wanted, const char *fmt, ...) {
  char buf[128], *heap;
  struct mg_iobuf io = {NULL, 0, 0, 16};
  va_list ap;
  size_t n;
  va_start(ap, fmt);
  n = mg_vsnprintf(buf, sizeof(buf), fmt, &ap);
  va_end(ap);
  CHECK_ROW(n == strlen(wanted) && strcmp(buf, wanted) == 0, wanted);
  va_start(ap, fmt);
  heap = mg_vmprintf(fmt, &ap);
  va_end(ap);
  CHECK_ROW(heap != NULL && strcmp(heap, wanted) == 0, wanted);
  mg_free(heap);
  va_start(ap, fmt);
  CHECK_ROW(mg_vxprintf(mg_pfn_iobuf, &io, fmt, &ap) == n, wanted);
  va_end(ap);
  CHECK_ROW(n == 0 || strcmp((char *) io.buf, wanted) == 0, wanted);
  mg_iobuf_free(&io);
}

static void json(void) {
  is("\"\"", "%m", mg_print_esc, 0, "");
  is("\"\"", "%m", mg_print_esc, 0, NULL);
  is("\"\"", "%m", mg_print_esc, 5, NULL);
  is("\"abc\"", "%m", mg_print_esc, 0, "abc");
  is("\"hello\"", "%m", MG_ESC("hello"));
  is("\"a'b\"", "%m", MG_ESC("a'b"));
  is("\"a/b\"", "%m", MG_ESC("a/b"));
  is("\"a\\b\\n\\f\\r\\t\\\"\"", "%m", MG_ESC("a\b\n\f\r\t\""));
  is("\"\\\\\"", "%m", MG_ESC("\\"));
  is("\"\\u0001\\u001f\x7f\xff\"", "%m", MG_ESC("\x01\x1f\x7f\xff"));
  is("\"abc\"", "%m", mg_print_esc, 3, "abcdef");
  is("\"abc\"", "%m", mg_print_esc, 10, "abc");
  is("\"abc\"", "%m", mg_print_esc, -1, "abc");
  is("\"ab\"", "%m", mg_print_esc, 5, "ab\0cd");
  is("\"hi, \\\"\"", "\"hi, %M\"", MG_ESC("\""));
  is("\"abc\"|", "%20m|", MG_ESC("abc"));
  is("{\"a\":\"b\",\"c\":7}", "{%m:%m,%m:%d}", MG_ESC("a"), MG_ESC("b"), MG_ESC("c"), 7);
}

static void html(void) {
  is("&lt;a href=&quot;x&quot;&gt;&amp;'y'&lt;/a&gt;", "%M", mg_print_html_esc, 20,
     "<a href=\"x\">&'y'</a>");
  is("", "%M", mg_print_html_esc, 0, "abc");
  is("", "%M", mg_print_html_esc, -5, "abc");
  is("", "%M", mg_print_html_esc, 5, NULL);
}

static void bytes(void) {
  static const unsigned char b[] = {0x30, 0x0a, 0xfe, 0x67}, c[] = {0, 0x20, 1, 0xfe, 0xff};
  is("\"002001200220616263\"", "%m", mg_print_hex, 9, "\0 \1 \2 abc");
  is("\"002001200220616263\"", "%m", mg_print_hex, sizeof("\0 \1 \2 abc") - 1, "\0 \1 \2 abc");
  is("\"\"", "%m", mg_print_hex, 0, "abc");
  is("\"\"", "%m", mg_print_hex, -3, "abc");
  is("\"\"", "%m", mg_print_hex, 3, NULL);
  is("[\"MA==\",\"MAo=\",\"MAr+\",\"MAr+Zw==\"]", "[%m,%m,%m,%m]", mg_print_base64, 1, b,
     mg_print_base64, 2, b, mg_print_base64, 3, b, mg_print_base64, 4, b);
  is("\"\"", "%m", mg_print_base64, 0, NULL);
  is("\"\"", "%m", mg_print_base64, -1, "abc");
  is("\"ACAB/v8=\"", "%m", mg_print_base64, 5, c);
}

static void addresses(void) {
  static const unsigned char mac[] = {0, 1, 0x0a, 0xff, 0xbc, 0x10, 0x11, 0x12};
  static const unsigned char any6[16] = {0};
  struct mg_addr a = {{{2, 0, 0, 1}}, 0, 0, false};
  a.port = mg_htons(3);
  is("2.0.0.1 7", "%M %d", mg_print_ip, &a, 7);
  is("2.0.0.1:3 7", "%M %d", mg_print_ip_port, &a, 7);
  is("2.0.0.1 7", "%M %d", mg_print_ip4, &a.addr, 7);
  a.is_ip6 = true;
  a.addr.ip[0] = 1, a.addr.ip[1] = 100, a.addr.ip[2] = 33, a.addr.ip[3] = 0;
  is("[164:2100:0:0:0:0:0:0] 7", "%M %d", mg_print_ip, &a, 7);
  is("[164:2100:0:0:0:0:0:0]:3 7", "%M %d", mg_print_ip_port, &a, 7);
  is("[164:2100:0:0:0:0:0:0]", "%M", mg_print_ip6, &a.addr);
  memset(&a, 0, sizeof(a));
  a.addr.ip[15] = 1, a.is_ip6 = true, a.scope_id = 3, a.port = mg_htons(443);
  is("[0:0:0:0:0:0:0:1]", "%M", mg_print_ip, &a);
  is("[0:0:0:0:0:0:0:1]:443", "%M", mg_print_ip_port, &a);
  memset(&a, 0, sizeof(a));
  memset(a.addr.ip, 255, 4);
  a.port = 0xffff;
  is("255.255.255.255:65535", "%M", mg_print_ip_port, &a);
  is("[0:0:0:0:0:0:0:0]", "%M", mg_print_ip6, any6);
  CHECK(mg_aton(mg_str("127.0.0.1"), &a));
  a.port = 0;
  is("\"127.0.0.1\"", "%m", mg_print_ip, &a);
  is("127.0.0.1:0", "%M", mg_print_ip_port, &a);
  CHECK(mg_aton(mg_str("2001:db8::ff00:42:8329"), &a));
  is("[2001:db8:0:0:0:ff00:42:8329]", "%M", mg_print_ip, &a);
  is("00:01:0a:ff:bc:10", "%M", mg_print_mac, mac);
  is("00:01:0a:ff:bc:10:11:12", "%M", mg_print_ieee64, mac);
  is("5", "%M%M%M%M%M%M%d", mg_print_ip, NULL, mg_print_ip_port, NULL, mg_print_ip4, NULL,
     mg_print_ip6, NULL, mg_print_mac, NULL, mg_print_ieee64, NULL, 5);
}

// A program's own output gets each byte by itself, in order.
static void count(char ch, void *arg) {
  size_t *seen = (size_t *) arg;
  CHECK(ch == "\"a\\nb\"61YQ==1.2.3.4"[*seen]);
  ++*seen;
}

static void by_character(void) {
  size_t seen = 0;
  unsigned char ip[] = {1, 2, 3, 4};
  CHECK(mg_xprintf(count, &seen, "%m%M%M%M", MG_ESC("a\nb"), mg_print_hex, 1, "a", mg_print_base64, 1, "a",
                   mg_print_ip4, ip) == 19);
  CHECK(seen == 19);
}

int main(void) {
  json();
  html();
  bytes();
  addresses();
  by_character();
  return FAILURES;
}
