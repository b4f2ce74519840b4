// URLs and percent coding: where results point, and odd arguments.
#include "check.h"
#include "mongoose.h"

static int is(struct mg_str s, const char *text) {
  return s.len == strlen(text) && memcmp(s.buf, text, s.len) == 0;
}

static void urls(void) {
  const char *s = "https://u:p@[::1]:8443/a?b";
  CHECK(mg_url_host(s).buf == s + 12 && is(mg_url_host(s), "[::1]"));
  CHECK(is(mg_url_user(s), "u") && is(mg_url_pass(s), "p"));
  CHECK(mg_url_port(s) == 8443 && mg_url_is_ssl(s));
  CHECK(mg_url_uri(s) == s + 22);
  CHECK(strcmp(mg_url_uri("http://a"), "/") == 0);
  CHECK(is(mg_url_user("http://a"), "") && is(mg_url_pass("http://a"), ""));
  CHECK(is(mg_url_host(NULL), "") && is(mg_url_user(NULL), "") && is(mg_url_pass(NULL), ""));
  CHECK(mg_url_port(NULL) == 0 && !mg_url_is_ssl(NULL) && strcmp(mg_url_uri(NULL), "/") == 0);
}

static void decoding(void) {
  char buf[16] = "a%20b%2Bc+d";
  CHECK(mg_url_decode(buf, 11, buf, sizeof(buf), 1) == 7);  // in place
  CHECK(strcmp(buf, "a b+c d") == 0);
  CHECK(mg_url_decode("abc", 3, buf, 3, 0) == -1 && strcmp(buf, "ab") == 0);
  CHECK(mg_url_decode("%zz", 3, buf, sizeof(buf), 0) == -1);
  CHECK(mg_url_decode("%41", 2, buf, sizeof(buf), 0) == -1);  // the second digit is not ours to read
  CHECK(mg_url_decode("a", 1, buf, 0, 0) == -1);
  CHECK(mg_url_decode("a", 1, NULL, 0, 0) == -1);
  CHECK(mg_url_decode(NULL, 0, buf, 1, 1) == 0 && buf[0] == '\0');
}

static void encoding(void) {
  char buf[32];
  memset(buf, '#', sizeof(buf));
  CHECK(mg_url_encode("a@%>", 4, buf, sizeof(buf)) == 10 && strcmp(buf, "a%40%25%3e") == 0);
  CHECK(buf[sizeof(buf) - 1] == '\0');
  CHECK(mg_url_encode("ab", 2, buf, 6) == 2 && mg_url_encode("ab", 2, buf, 5) == 0 && buf[0] == '\0');
  CHECK(mg_url_encode("a", 1, buf, 0) == 0 && mg_url_encode("a", 1, NULL, 0) == 0);
  CHECK(mg_url_encode(NULL, 0, buf, sizeof(buf)) == 0 && buf[0] == '\0');
}

int main(void) {
  urls();
  decoding();
  encoding();
  return FAILURES;
}
