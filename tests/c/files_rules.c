// Conditions, ranges and what a reply says about a file (RFC 9110, sections 8, 13 and 14), row by row.
#include "exchange.h"

#define TAG "\"1700000000.10\""
#define THEN "Tue, 14 Nov 2023 22:13:20 GMT"
#define BEFORE "Tue, 14 Nov 2023 22:13:19 GMT"
#define AFTER "Tue, 14 Nov 2023 22:13:21 GMT"

static const char *extra;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_serve_opts opts;
  if (ev != MG_EV_HTTP_MSG) return;
  memset(&opts, 0, sizeof(opts));
  opts.root_dir = "www";
  opts.extra_headers = extra;
  mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
}

static const struct {
  const char *head;  // after "GET /k.txt HTTP/1.1\r\n", or a whole one
  int status;
  const char *has, *body;
} rows[] = {
    // 8.8: what a client compares by; 14.3.
    {"A: b", 200, "Last-Modified: " THEN, "0123456789"},
    {"A: b", 200, "Accept-Ranges: bytes", "0123456789"},
    {"A: b", 200, "Date: ", "0123456789"},
    {"HEAD /k.txt HTTP/1.1", 200, "Last-Modified: " THEN, ""},
    // 13.1.1: If-Match, strongly.
    {"If-Match: " TAG, 200, NULL, "0123456789"},
    {"If-Match: \"x\", " TAG, 200, NULL, "0123456789"},
    {"If-Match: *", 200, NULL, "0123456789"},
    {"If-Match: \"x\"", 412, "Date: ", NULL},
    {"If-Match: W/" TAG, 412, NULL, NULL},
    {"POST /k.txt HTTP/1.1\r\nIf-Match: \"x\"", 412, NULL, NULL},
    // 13.1.2: If-None-Match, weakly.
    {"If-None-Match: " TAG, 304, "Etag: " TAG, ""},
    {"If-None-Match: W/" TAG, 304, NULL, ""},
    {"If-None-Match: *", 304, NULL, ""},
    {"If-None-Match: \"x\"", 200, NULL, "0123456789"},
    {"HEAD /k.txt HTTP/1.1\r\nIf-None-Match: *", 304, NULL, ""},
    {"POST /k.txt HTTP/1.1\r\nIf-None-Match: *", 412, NULL, NULL},
    // 13.1.3: If-Modified-Since, in each form of a date (5.6.7).
    {"If-Modified-Since: " THEN, 304, "Last-Modified: " THEN, ""},
    {"If-Modified-Since: " AFTER, 304, NULL, ""},
    {"If-Modified-Since: " BEFORE, 200, NULL, "0123456789"},
    {"If-Modified-Since: Tuesday, 14-Nov-23 22:13:20 GMT", 304, NULL, ""},
    {"If-Modified-Since: Tue Nov 14 22:13:20 2023", 304, NULL, ""},
    {"If-Modified-Since: today", 200, NULL, "0123456789"},
    {"If-Modified-Since: " THEN "\r\nIf-Modified-Since: " THEN, 200, NULL, "0123456789"},
    {"POST /k.txt HTTP/1.1\r\nIf-Modified-Since: " THEN, 200, NULL, "0123456789"},
    // 13.1.4: If-Unmodified-Since.
    {"If-Unmodified-Since: " THEN, 200, NULL, "0123456789"},
    {"If-Unmodified-Since: " BEFORE, 412, NULL, NULL},
    {"If-Unmodified-Since: then", 200, NULL, "0123456789"},
    // 13.2.2: the order.
    {"If-Match: " TAG "\r\nIf-Unmodified-Since: " BEFORE, 200, NULL, "0123456789"},
    {"If-None-Match: \"x\"\r\nIf-Modified-Since: " AFTER, 200, NULL, "0123456789"},
    {"If-None-Match: " TAG "\r\nIf-Modified-Since: " BEFORE, 304, NULL, ""},
    {"If-Match: \"x\"\r\nIf-None-Match: " TAG, 412, NULL, NULL},
    {"If-None-Match: " TAG "\r\nRange: bytes=0-1", 304, NULL, ""},
    {"If-Match: \"x\"\r\nRange: bytes=0-1", 412, NULL, NULL},
    // 13.1.5: If-Range.
    {"Range: bytes=0-1\r\nIf-Range: " TAG, 206, NULL, "01"},
    {"Range: bytes=0-1\r\nIf-Range: " THEN, 206, NULL, "01"},
    {"Range: bytes=0-1\r\nIf-Range: W/" TAG, 200, NULL, "0123456789"},
    {"Range: bytes=0-1\r\nIf-Range: " AFTER, 200, NULL, "0123456789"},
    {"Range: bytes=0-1\r\nIf-Range: " BEFORE, 200, NULL, "0123456789"},
    {"Range: bytes=0-1\r\nIf-Range: " TAG "\r\nIf-Range: \"x\"", 200, NULL, "0123456789"},
    // 14.1.1, 14.2: ranges.
    {"Range: bytes=2-4", 206, "Content-Range: bytes 2-4/10", "234"},
    {"Range: BYTES=-3", 206, "Content-Range: bytes 7-9/10", "789"},
    {"Range: bytes=8-99", 206, "Content-Range: bytes 8-9/10", "89"},
    {"Range: bytes=5-4", 200, NULL, "0123456789"},
    {"Range: bytes=10-", 416, "Content-Range: bytes */10", ""},
    {"Range: bytes=0-10", 416, "Content-Range: bytes */10", ""},  // programs rely on it
    {"Range: lines=0-1", 200, NULL, "0123456789"},
    {"HEAD /k.txt HTTP/1.1\r\nRange: bytes=0-1", 200, "Content-Length: 10", ""},
    {"POST /k.txt HTTP/1.1\r\nRange: bytes=0-1", 200, NULL, "0123456789"},
    {"Range: bytes=0-3,2-5", 206, "Content-Range: bytes 0-5/10", "012345"},
    {"Range: bytes=0-1,20-30", 206, "Content-Range: bytes 0-1/10", "01"},
    {"Range: bytes=20-,30-", 416, NULL, ""},
    {"Range: bytes=0-1,5-4", 200, NULL, "0123456789"},
    // Types, and files that are in a coding.
    {"GET /a.svgz HTTP/1.1", 200, "Content-Type: image/svg+xml\r\n", "svgz"},
    {"GET /a.svgz HTTP/1.1", 200, "Content-Encoding: gzip\r\n", "svgz"},
    {"GET /a.MD HTTP/1.1", 200, "Content-Type: text/markdown; charset=utf-8\r\n", "md"},
    {"GET /a.jxl HTTP/1.1", 200, "Content-Type: image/jxl\r\n", "jxl"},
    {"GET /a.wasm HTTP/1.1", 200, "Content-Type: application/wasm\r\n", "wasm"},
    {"GET /a.webmanifest HTTP/1.1", 200, "Content-Type: application/manifest+json\r\n", "{}"},
};

static void test_rows(void) {
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char head[1000];
    const char *r, *b;
    bool whole = strstr(rows[i].head, " HTTP/1.1") != NULL;
    mg_snprintf(head, sizeof(head), "%s%s", whole ? "" : "GET /k.txt HTTP/1.1\r\n", rows[i].head);
    r = exchange(head);
    b = body(r);
    if (status(r) != rows[i].status || (rows[i].has != NULL && strstr(r, rows[i].has) == NULL) ||
        (rows[i].body != NULL && strcmp(b, rows[i].body) != 0) ||
        (rows[i].status == 304 && strstr(r, "Content-Length") != NULL)) {
      failures++;
      fprintf(stderr, "[%s] expected %d\n%s\n", rows[i].head, rows[i].status, r);
    }
  }
}

// Takes a multipart/byteranges reply apart, by the boundary that it names.
static int count_parts(const char *r) {
  char delimiter[80] = "--", end[90];
  const char *at = strstr(r, "multipart/byteranges; boundary=");
  const char *first = body(r);
  size_t n = at == NULL ? 0 : strcspn(at + 31, "\r");
  int count = 0;
  if (n == 0 || n > 70) return -1;
  memcpy(delimiter + 2, at + 31, n);
  CHECK(strncmp(first, delimiter, n + 2) == 0);
  for (at = first; (at = strstr(at, delimiter)) != NULL; at++) count++;
  mg_snprintf(end, sizeof(end), "\r\n%s--\r\n", delimiter);
  CHECK(strlen(first) >= strlen(end) && strcmp(first + strlen(first) - strlen(end), end) == 0);
  at = strstr(r, "Content-Length: ");
  CHECK(at != NULL && (size_t) atol(at + 16) == strlen(first));
  return count - 1;
}

// 15.3.7.2: several parts, in the order in which they were asked for.
static void test_parts(void) {
  const char *r = exchange("GET /k.txt HTTP/1.1\r\nRange: bytes=5-6, 0-1,-1");
  const char *a = strstr(r, "Content-Range: bytes 5-6/10\r\n\r\n56\r\n");
  const char *b = strstr(r, "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n");
  const char *c = strstr(r, "Content-Range: bytes 9-9/10\r\n\r\n9\r\n");
  CHECK(status(r) == 206 && count_parts(r) == 3 && a != NULL && b > a && c > b);
}

// 14.2: sixteen are sent, more are not, and those that lie close together become one.
static void test_many_parts(void) {
  char head[1000];
  int n, i;
  for (n = 16; n <= 17; n++) {
    strcpy(head, "GET /big.bin HTTP/1.1\r\nRange: bytes=");
    for (i = 0; i < n; i++) mg_snprintf(head + strlen(head), 40, "%s%d-%d", i > 0 ? "," : "", i * 2000, i * 2000 + 999);
    exchange(head);
    if (n == 16) CHECK(status(reply) == 206 && count_parts(reply) == 16);
    if (n == 17) CHECK(status(reply) == 200 && reply_len > 40000);
  }
  strcpy(head, "GET /big.bin HTTP/1.1\r\nRange: bytes=");
  for (i = 0; i < 50; i++) mg_snprintf(head + strlen(head), 40, "%s%d-%d", i > 0 ? "," : "", i * 10, i * 10);
  exchange(head);
  CHECK(status(reply) == 206 && strstr(reply, "Content-Range: bytes 0-490/40000\r\n") != NULL);
}

// Programs' own header lines come first.
static void test_own_lines(void) {
  extra = "date: never\r\nLast-Modified: once\r\nAccept-Ranges: none\r\n";
  get("/k.txt");
  CHECK(strstr(reply, "date: never\r\n") != NULL && strstr(reply, "Date: ") == NULL);
  CHECK(strstr(reply, "Last-Modified: once\r\n") != NULL && strstr(reply, THEN) == NULL);
  CHECK(strstr(reply, "Accept-Ranges: none\r\n") != NULL && strstr(reply, "bytes\r\n") == NULL);
  extra = NULL;
}

int main(void) {
  static char big[40000];
  memset(big, 'x', sizeof(big));
  put_dir("www");
  put("www/k.txt", "0123456789");
  put("www/a.svgz", "svgz");
  put("www/a.MD", "md");
  put("www/a.jxl", "jxl");
  put("www/a.wasm", "wasm");
  put("www/a.webmanifest", "{}");
  put_bytes("www/big.bin", big, sizeof(big));
  start_server(handler);
  test_rows();
  test_parts();
  test_many_parts();
  test_own_lines();
  stop_server();
  return FAILURES;
}
