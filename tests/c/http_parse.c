// Heads, status and header lookup: what C sees of the parser. The grammar has its tests in Rust.
#include <stdlib.h>

#include "check.h"
#include "mongoose.h"

static int parse(const char *s, struct mg_http_message *hm) { return mg_http_parse(s, strlen(s), hm); }

static int is(struct mg_str s, const char *text) {
  return s.buf != NULL && s.len == strlen(text) && memcmp(s.buf, text, s.len) == 0;
}

static void request(void) {
  const char *s = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nCookie:\r\nhost: other\r\nContent-Length: 5\r\n\r\nbody5next";
  size_t head = strlen(s) - strlen("body5next");
  struct mg_http_message hm;
  struct mg_str *value;
  memset(&hm, 0xff, sizeof(hm));
  CHECK(parse(s, &hm) == (int) head);
  CHECK(hm.method.buf == s && is(hm.method, "POST"));
  CHECK(is(hm.uri, "/a") && is(hm.query, "b=c") && is(hm.proto, "HTTP/1.1"));
  CHECK(hm.head.buf == s && hm.head.len == head);
  CHECK(hm.body.buf == s + head && hm.body.len == 5);
  CHECK(hm.message.buf == s && hm.message.len == head + 5);
  CHECK(is(hm.headers[3].name, "Content-Length") && is(hm.headers[3].value, "5"));
  CHECK(hm.headers[4].name.buf == NULL && hm.headers[4].name.len == 0);
  CHECK(hm.headers[MG_MAX_HTTP_HEADERS - 1].value.buf == NULL);
  CHECK(mg_http_status(&hm) == 0);

  value = mg_http_get_header(&hm, "HOST");
  CHECK(value == &hm.headers[0].value && is(*value, "h"));
  value = mg_http_get_header(&hm, "cookie");
  CHECK(value == &hm.headers[1].value && value->len == 0);
  CHECK(mg_http_get_header(&hm, "Hos") == NULL);
  CHECK(mg_http_get_header(&hm, "") == NULL);
  CHECK(mg_http_get_header(&hm, NULL) == NULL);
  CHECK(mg_http_get_header(NULL, "Host") == NULL);
}

static void response(void) {
  struct mg_http_message hm;
  CHECK(parse("HTTP/1.1 404 Not Here\r\n\r\n", &hm) == 25);
  CHECK(mg_http_status(&hm) == 404 && is(hm.proto, "Not Here"));
  CHECK(hm.query.buf == NULL && hm.body.len == (size_t) -1 && hm.message.len == (size_t) -1);
  CHECK(parse("HTTP/1.1 12ab\n\n", &hm) == 15 && mg_http_status(&hm) == 12);
  CHECK(parse("HTTP/1.1 99999999999999999999\n\n", &hm) == 31 && mg_http_status(&hm) > 0);
  CHECK(mg_http_status(NULL) == 0);
}

// All slots taken, one header more.
static void many(void) {
  char buf[64 * (MG_MAX_HTTP_HEADERS + 2)] = "GET / HTTP/1.1\r\n";
  struct mg_http_message hm;
  int i;
  for (i = 0; i <= MG_MAX_HTTP_HEADERS; i++) strcat(buf, i == MG_MAX_HTTP_HEADERS ? "Content-Length: 7\r\n" : "A: b\r\n");
  strcat(buf, "\r\n");
  CHECK(parse(buf, &hm) == (int) strlen(buf));
  CHECK(is(hm.headers[MG_MAX_HTTP_HEADERS - 1].value, "b") && hm.body.len == 7);
  CHECK(is(*mg_http_get_header(&hm, "content-length"), "7"));
  CHECK(mg_http_get_header(&hm, "no such") == NULL);
}

static void incomplete_and_bad(void) {
  struct mg_http_message hm, zero;
  const char *s = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
  size_t i, n = strlen(s);
  memset(&zero, 0, sizeof(zero));
  for (i = 0; i < n; i++) {
    char *part = (char *) malloc(i + 1);  // so that a checker sees a read beyond the end
    memcpy(part, s, i);
    memset(&hm, 0xff, sizeof(hm));
    CHECK(mg_http_parse(part, i, &hm) == 0);
    CHECK(memcmp(&hm, &zero, sizeof(hm)) == 0);
    CHECK(mg_http_get_request_len((unsigned char *) part, i) == 0);
    free(part);
  }
  memset(&hm, 0xff, sizeof(hm));
  CHECK(mg_http_parse(NULL, 0, &hm) == 0 && memcmp(&hm, &zero, sizeof(hm)) == 0);
  CHECK(mg_http_parse(s, n, NULL) == -1);
  CHECK(parse("GET / HTTP/1.1\r\nA : b\r\n\r\n", &hm) == -1);
  CHECK(parse("\x16\x03\x01", &hm) == -1);
  CHECK(mg_http_get_request_len((unsigned char *) s, n) == (int) n);
  CHECK(mg_http_get_request_len((unsigned char *) "a\x01", 2) == -1);
  CHECK(mg_http_get_request_len(NULL, 0) == 0);
}

int main(void) {
  request();
  response();
  many();
  incomplete_and_bad();
  return FAILURES;
}
