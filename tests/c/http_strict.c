// Strict HTTP servers: what they refuse, that the default takes it, and the single exceptions.
#include "http_peer.h"

#define H "Host: h\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
  const char *request;
  int lax, strict;  // statuses
  int exception;    // with this setting the strict server is lax
} rows[] = {
    {"GET / HTTP/1.1\r\n" H "\r\n", 200, 200, 0},
    {"GET / HTTP/1.0\r\n\r\n", 200, 200, 0},
    {"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 200, 200, 0},
    {"GET /?a=b&c=%C3%A4 HTTP/1.1\r\n" H "A: \xc3\xa4\t\xff\r\n\r\n", 200, 200, 0},
    {"GET http://h/ HTTP/1.1\r\n" H "\r\n", 200, 200, 0},
    {"FOO / HTTP/1.1\r\n" H "\r\n", 200, 200, 0},
    {CHUNKED "1;a=\"b;\"\r\nx\r\n0\r\nT: v\r\n\r\n", 200, 200, 0},
    {"GET / HTTP/1.1\r\n\r\n", 200, 400, MG_SET_HTTP_ALLOW_NO_HOST},
    {"GET / HTTP/1.1\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"GET / HTTP/1.1\r\nHost: h\n\r\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"GET / HTTP/1.1\r\n" H "\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"\nGET / HTTP/1.1\r\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_RAW_TARGET},
    {"GET /?\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_RAW_TARGET},
    {"GET /\x7f HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET  / HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"GET /  HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"G@T / HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"GET / HTTP/2.0\r\n" H "\r\n", 200, 505, 0},
    {"GET /#a HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"GET x HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\n" H "A(: b\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\n" H "\xc3\xa4: b\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", 400, 400, 0},
    {"GET / HTTP/1.1\r\n" H " A: b\r\n\r\n", 400, 400, 0},
    {"GET / HTTP/1.1\r\n" H "A: b\r\rC: d\r\n\r\n", 400, 400, 0},
    {CHUNKED "2;\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;=a\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "00000000000000002\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2\nxx\r\n0\r\n\r\n", 400, 400, 0},
    // Lines and the first line.
    {"GET / HTTP/1.1\r\n" H "A: b\n\r\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"\r\n\nGET / HTTP/1.1\r\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_LF},
    {"\rGET / HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET\t/ HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET / HTTP/1.1 \r\n" H "\r\n", 400, 400, 0},
    {" GET / HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET / \r\n" H "\r\n", 400, 400, 0},
    {"G\xc3T / HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET / HTTP/1.2\r\n" H "\r\n", 200, 200, 0},  // A higher minor version is one that 1.1 understands.
    {"GET / http/1.1\r\n" H "\r\n", 200, 505, 0},
    {"GET / HTTP/1.10\r\n" H "\r\n", 400, 400, 0},
    // Targets of each form.
    {"GET /\x01 HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET /?\x7f HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET http://h/\x7f HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    {"GET http://h/\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 200, 400, MG_SET_HTTP_ALLOW_RAW_TARGET},
    {"GET http://h\xc3\xa4/ HTTP/1.1\r\n" H "\r\n", 200, 400, 0},
    {"OPTIONS *\xc3 HTTP/1.1\r\n" H "\r\n", 400, 400, 0},
    // Hosts.
    {"GET / HTTP/1.1\r\nHost: h\xc3\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\nHost: h\x7f\r\n\r\n", 200, 400, 0},
    {"GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", 200, 400, 0},
    // Chunk extensions.
    {CHUNKED "2;a\r\nxx\r\n0;b\r\n\r\n", 200, 200, 0},
    {CHUNKED "2 ; a\r\nxx\r\n0\r\n\r\n", 200, 200, 0},
    {CHUNKED "2;a=\"\xc3\"\r\nxx\r\n0\r\n\r\n", 200, 200, 0},
    {CHUNKED "2\r\nxx\r\n0;\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;;a\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;a;\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;a=\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;a=\xc3\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;a=\"x\r\nxx\r\n0\r\n\r\n", 200, 400, 0},
    {CHUNKED "2;a\x7f\r\nxx\r\n0\r\n\r\n", 400, 400, 0},
    // Chunk sizes.
    {CHUNKED "0000000000000002\r\nxx\r\n0000000000000000\r\n\r\n", 200, 200, 0},
    {CHUNKED "2\r\nxx\r\n00000000000000000\r\n\r\n", 200, 400, 0},
    {CHUNKED "2 \r\nxx\r\n0\r\n\r\n", 400, 400, 0},
    {CHUNKED "+2\r\nxx\r\n0\r\n\r\n", 400, 400, 0},
    {CHUNKED "0x2\r\nxx\r\n0\r\n\r\n", 400, 400, 0},
    // LF in a body.
    {CHUNKED "2;a\nxx\r\n0\r\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\n0\r\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\r\n\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\r\nT: v\n\r\n", 400, 400, 0},
    // Trailers.
    {CHUNKED "2\r\nxx\r\n0\r\nT: \xc3\r\n\r\n", 200, 200, 0},
    {CHUNKED "2\r\nxx\r\n0\r\nT : v\r\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\r\n T: v\r\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\r\nT\xc3: v\r\n\r\n", 400, 400, 0},
    {CHUNKED "2\r\nxx\r\n0\r\nT: \x7f\r\n\r\n", 400, 400, 0},
};

static int ask(const char *request) {
  int status = 0, fd = dial(l);
  char line[20] = "";
  nonblocking(fd);
  say(fd, request);
  UNTIL(recv(fd, line, sizeof(line) - 1, MSG_PEEK) >= 12);
  sscanf(line, "HTTP/1.1 %d", &status);
  close(fd);
  UNTIL(accepted == NULL);
  return status;
}

int main(void) {
  size_t i;
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < COUNT(rows); i++) {
    begin(at_once);
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    CHECK_ROW(ask(rows[i].request) == rows[i].lax, rows[i].request);
    set(MG_SET_HTTP_STRICT, 1);
    CHECK_ROW(ask(rows[i].request) == rows[i].strict, rows[i].request);
    if (rows[i].exception != 0) {
      set(rows[i].exception, 1);
      CHECK_ROW(ask(rows[i].request) == rows[i].lax, rows[i].request);
    }
    end();
  }
  // Methods that nobody knows, where asked.
  begin(at_once);
  set(MG_SET_HTTP_ERROR_REPLIES, 1);
  set(MG_SET_HTTP_KNOWN_METHODS, 1);
  CHECK(ask("FOO / HTTP/1.1\r\n" H "\r\n") == 501 && ask("get / HTTP/1.1\r\n" H "\r\n") == 501);
  CHECK(ask("PROPFIND / HTTP/1.1\r\n" H "\r\n") == 200 && ask("PATCH / HTTP/1.1\r\n" H "\r\n") == 200);
  end();
  // As many header lines as are allowed.
  for (i = 0; i < 3; i++) {
    static const int limits[] = {1, 5, 1024};
    static char request[20000];
    int n, extra;
    begin(at_once);
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    set(MG_SET_HTTP_STRICT, 1);
    set(MG_SET_HTTP_MAX_HEADERS, limits[i]);
    for (extra = 0; extra < 2; extra++) {
      strcpy(request, "GET / HTTP/1.1\r\n" H);
      for (n = 1; n < limits[i] + extra; n++) strcat(request, "A: b\r\n");
      strcat(request, "\r\n");
      CHECK(ask(request) == (extra == 0 ? 200 : 431));
    }
    end();
  }
  return FAILURES;
}
