// What an HTTP server understands in every form that the RFCs allow: many headers, lists in several
// lines, upgrades, cookies and parameters. Each row names its rule.
#include "exchange.h"
#include "mongoose.h"

static char headers31[40 * 31];  // header lines, as many as there are slots and one more

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev != MG_EV_HTTP_MSG) return;
  if (mg_match(hm->uri, mg_str("/ws"), NULL)) {
    mg_ws_upgrade(c, hm, NULL);
    c->is_draining = 1;
  } else if (mg_match(hm->uri, mg_str("/creds"), NULL)) {
    char user[20], pass[20];
    mg_http_creds(hm, user, sizeof(user), pass, sizeof(pass));
    mg_http_reply(c, 200, "", "%s:%s", user, pass);
  } else if (mg_match(hm->uri, mg_str("/header"), NULL)) {
    struct mg_str *v = mg_http_get_header(hm, "X-Last");
    mg_http_reply(c, 200, "", "%.*s", v == NULL ? 4 : (int) v->len, v == NULL ? "none" : v->buf);
  } else if (mg_match(hm->uri, mg_str("/count"), NULL)) {
    struct mg_http_header h;
    size_t at = 0;
    int n = 0, named = 0;
    while ((at = mg_http_next_header(hm, at, &h)) > 0) n++, named += h.name.len > 0;
    CHECK(h.name.buf == NULL && named == n && mg_http_next_header(hm, 0, NULL) > 0);
    mg_http_reply(c, 200, "", "%d", n);
  } else if (mg_match(hm->uri, mg_str("/close"), NULL)) {
    c->is_draining = 1;
    mg_http_reply(c, 200, "", "bye");
  } else if (mg_match(hm->uri, mg_str("/304"), NULL)) {
    mg_http_reply(c, 304, "", "%.*s", (int) hm->query.len, hm->query.buf);
  } else {
    struct mg_http_serve_opts opts;
    memset(&opts, 0, sizeof(opts));
    opts.root_dir = "www";
    mg_http_serve_dir(c, hm, &opts);
  }
}

#define WS_KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS "GET /ws HTTP/1.1\r\nHost: x\r\n" WS_KEY
#define MANY "%s"  // replaced by headers31

static const struct {
  const char *rule, *request;
  int status;
  const char *has, *has_not;
} rows[] = {
    // More headers than slots.
    {"9110 5.1: a header beyond the slots is found", "GET /header HTTP/1.1\r\n" MANY "X-Last: v\r\n\r\n", 200, "\r\n\r\nv", NULL},
    {"9110 5.1: and none that is not there", "GET /header HTTP/1.1\r\n" MANY "\r\n", 200, "none", NULL},
    {"9110 5.1: all are counted", "GET /count HTTP/1.1\r\n" MANY MANY "A:\r\n\r\n", 200, "\r\n\r\n63", NULL},
    {"9110 11.4: credentials beyond", "GET /creds HTTP/1.1\r\n" MANY "Authorization: Basic Zm9vOmJhcg==\r\n\r\n", 200, "foo:bar", NULL},
    {"6265 5.4: a cookie beyond", "GET /creds HTTP/1.1\r\n" MANY "Cookie: access_token=t\r\n\r\n", 200, ":t", NULL},
    {"9110 14.2: a range beyond", "GET /k.txt HTTP/1.1\r\n" MANY "Range: bytes=1-2\r\n\r\n", 206, "\r\n\r\n12", NULL},
    {"9110 13.1.2: a condition beyond", "GET /k.txt HTTP/1.1\r\n" MANY "If-None-Match: *\r\n\r\n", 304, NULL, NULL},
    {"9110 12.5.3: an encoding beyond", "GET /z.txt HTTP/1.1\r\n" MANY "Accept-Encoding: gzip\r\n\r\n", 200, "Content-Encoding: gzip", NULL},
    {"6455 4.2.1: an upgrade beyond", "GET /ws HTTP/1.1\r\n" MANY WS_KEY "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", 101, NULL, NULL},
    {"9112 9.6: Connection beyond", "GET /k.txt HTTP/1.1\r\n" MANY "Connection: close\r\n\r\nGET /k.txt HTTP/1.1\r\n\r\n", 200, "0123456789", "0123456789HTTP"},
    // Lists in several lines.
    {"9110 5.3: Connection", WS "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n\r\n", 101, NULL, NULL},
    {"9110 5.3: Upgrade", WS "Upgrade: h2c\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n", 101, NULL, NULL},
    {"9110 7.8: Upgrade in one line", WS "Upgrade: h2c, websocket\r\nConnection: te, upgrade\r\n\r\n", 101, NULL, NULL},
    {"6455 11.3.4: sub-protocols", WS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: b, c\r\n\r\n", 101, "Sec-WebSocket-Protocol: b\r\n", NULL},
    {"9110 13.1.2: If-None-Match", "GET /k.txt HTTP/1.1\r\nIf-None-Match: \"x\"\r\nIf-None-Match: \"1700000000.10\"\r\n\r\n", 304, NULL, NULL},
    {"9110 13.1.1: If-Match", "GET /k.txt HTTP/1.1\r\nIf-Match: \"x\"\r\nIf-Match: \"1700000000.10\"\r\n\r\n", 200, "0123456789", NULL},
    {"9110 12.5.3: Accept-Encoding", "GET /z.txt HTTP/1.1\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n", 200, "Content-Encoding: gzip", NULL},
    {"9113 8.2.3: Cookie", "GET /creds HTTP/1.1\r\nCookie: a=b\r\nCookie: access_token=t\r\n\r\n", 200, ":t", NULL},
    {"9112 9.6: close in a second line", "GET /304 HTTP/1.1\r\nConnection: te\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n", 304, NULL, "HTTP/1.1 200"},
    {"9110 5.3: a range is no list", "GET /k.txt HTTP/1.1\r\nRange: bytes=1-2\r\nRange: bytes=3-4\r\n\r\n", 200, "0123456789", NULL},
    {"6455 11.3.1: nor is a key", WS WS_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400, NULL, NULL},
    {"9112 3.2: one host", "GET /k.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0, NULL, "0123456789"},
    {"9112 6.3: one length", "GET /k.txt HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 0, NULL, NULL},
    {"9112 6.1: one coding", "GET /k.txt HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, NULL, NULL},
    // Upgrades.
    {"6455 4.2.1 (1): GET", "POST /ws HTTP/1.1\r\n" WS_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 405, "Allow: GET", NULL},
    {"6455 4.2.1 (1): HTTP/1.1", "GET /ws HTTP/1.0\r\n" WS_KEY "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 426, NULL, NULL},
    {"6455 4.2.1 (3): Upgrade", WS "Connection: Upgrade\r\n\r\n", 426, "Upgrade: websocket", NULL},
    {"6455 4.2.1 (3): to websocket", WS "Upgrade: websockets\r\nConnection: Upgrade\r\n\r\n", 426, NULL, NULL},
    {"6455 4.2.1 (4): Connection", WS "Upgrade: websocket\r\n\r\n", 426, NULL, NULL},
    {"6455 4.2.1 (4): has the token", WS "Upgrade: websocket\r\nConnection: keep-alive\r\n\r\n", 426, NULL, NULL},
    {"6455 4.2.1 (5): a key", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 426, NULL, NULL},
    {"6455 4.2.1 (6): the version", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426, "Sec-WebSocket-Version: 13", NULL},
    // Blank lines and targets.
    {"9112 2.2: blank lines before a request", "\r\n\r\n\nGET /k.txt HTTP/1.1\r\n\r\n", 200, "0123456789", NULL},
    {"9112 3.2.2: absolute-form", "GET http://o:9/k.txt HTTP/1.1\r\nHost: o:9\r\n\r\n", 200, "0123456789", NULL},
    {"9112 3.2.2: of any case, without a path", "GET HTTP://o?x HTTP/1.1\r\nHost: o\r\n\r\n", 200, "Index of /", NULL},
    // Replies.
    {"9110 8.6: no false length in a 304", "GET /304 HTTP/1.1\r\n\r\n", 304, NULL, "Content-Length"},
    {"9110 8.6: one that the program knows", "GET /304?four HTTP/1.1\r\n\r\n", 304, "Content-Length: 4 ", "four"},
    {"9110 15.3.7: the redirect of a directory keeps its query", "GET /sub?x=1&y=/2 HTTP/1.1\r\n\r\n", 301, "Location: /sub/?x=1&y=/2\r\n", NULL},
    {"the same in absolute-form", "GET http://h/sub? HTTP/1.1\r\nHost: h\r\n\r\n", 301, "Location: /sub/?\r\n", NULL},
};

// Sends a request, which the client ends, and takes what comes.
static const char *answer(const char *format) {
  static char request[8000];
  struct mg_connection *c;
  uint64_t end = mg_millis() + 60000;
  mg_snprintf(request, sizeof(request), format, headers31, headers31);
  c = mg_connect(&mgr, server_url, client, NULL);
  closed = 0;
  mg_printf(c, "%s", request);
  while (!closed && c->recv.len == 0 && mg_millis() < end) mg_mgr_poll(&mgr, 5);
  for (int i = 0; i < 5 && !closed; i++) mg_mgr_poll(&mgr, 1);
  if (!closed) c->is_closing = 1;
  while (!closed && mg_millis() < end) mg_mgr_poll(&mgr, 5);
  return reply;
}

static void test_rows(void) {
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    const char *r = answer(rows[i].request);
    if (status(r) != rows[i].status || (rows[i].has != NULL && strstr(r, rows[i].has) == NULL) ||
        (rows[i].has_not != NULL && strstr(r, rows[i].has_not) != NULL)) {
      failures++;
      fprintf(stderr, "RFC %s: expected %d\n%s\n", rows[i].rule, rows[i].status, r);
    }
  }
}

static void test_settings(void) {
  mg_mgr_free(&mgr);
  mg_mgr_init(&mgr);
  CHECK(!mg_mgr_set(&mgr, MG_SET_HTTP_MAX_HEADERS, 0) && !mg_mgr_set(&mgr, MG_SET_HTTP_MAX_HEADERS, 1025));
  CHECK(mg_mgr_set(&mgr, MG_SET_HTTP_MAX_HEADERS, 32) && mg_mgr_set(&mgr, MG_SET_HTTP_ERROR_REPLIES, 1));
  CHECK(mg_mgr_set(&mgr, MG_SET_HTTP_DATE, 1) && mg_mgr_set(&mgr, MG_SET_HTTP_CLOSE_HEADER, 1));
  struct mg_connection *c = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  mg_snprintf(server_url, sizeof(server_url), "tcp://127.0.0.1:%u", mg_ntohs(c->loc.port));
  // RFC 6585, section 5.
  CHECK(status(answer("GET /header HTTP/1.1\r\n%sA: b\r\n\r\n")) == 200);
  CHECK(status(answer("GET /header HTTP/1.1\r\n%sA: b\r\nC: d\r\n\r\n")) == 431);
  // RFC 9110, section 6.6.1.
  CHECK(strstr(answer("GET /header HTTP/1.1\r\n\r\n"), "\r\nDate: ") != NULL && strstr(reply, " GMT\r\n") != NULL);
  CHECK(strstr(answer("GET /k.txt HTTP/1.1\r\n\r\n"), "\r\nDate: ") != NULL);
  CHECK(strstr(answer("GET /none HTTP/1.1\r\n\r\n"), "\r\nDate: ") != NULL);
  CHECK(status(answer("nonsense\r\n\r\n")) == 400 && strstr(reply, "\r\nDate: ") != NULL);
  CHECK(status(answer("GET /ws HTTP/1.1\r\n\r\n")) == 426 && strstr(reply, "\r\nDate: ") != NULL);
  CHECK(strstr(reply, "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n") == reply);
  // RFC 9112, section 9.6.
  CHECK(strstr(answer("GET /none HTTP/1.1\r\n\r\n"), "Connection: close") == NULL);
  CHECK(strstr(answer("GET /header HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\nConnection: close\r\n") != NULL);
  CHECK(strstr(answer("GET /k.txt HTTP/1.1\r\nConnection: close\r\n\r\n"), "\r\nConnection: close\r\n") != NULL);
  CHECK(strstr(answer("GET /close HTTP/1.1\r\n\r\n"), "\r\nConnection: close\r\n") != NULL);
}

// Without settings no header is added to what programs know.
static void test_no_settings(void) {
  CHECK(strcmp(answer("GET /close HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Length: 3          \r\n\r\nbye") == 0);
}

static struct mg_str none(void) {
  struct mg_str s = {NULL, 0};
  return s;
}

static void test_parameters(void) {
  static const struct {
    const char *header, *name, *var, *param;  // mg_http_get_header_var, mg_http_header_param
  } table[] = {
      {"x=a\"b; token=T", "token", "T", "T"},                                   // RFC 6265, section 4.1.1
      {"x=\"ab; token=T", "token", "T", "T"},
      {"x=a\"b; y=c\"d;token=T", "token", "T", "T"},
      {"form-data; filename=\"x; name=evil\"; name=\"a\"", "name", "a", "a"},   // RFC 9110, section 5.6.4
      {"form-data; filename=\"x\\\"; name=evil\"; name=a", "name", "a", "a"},
      {"a; Boundary=B", "boundary", NULL, "B"},                                 // RFC 9110, section 5.6.6
      {"a; boundary = \"b c\"", "boundary", NULL, "b c"},
      {"a; filename=\"a\\\"b\"", "filename", "a\\", "a\"b"},
      {"a=1", "b", NULL, NULL},
  };
  size_t i;
  for (i = 0; i < COUNT(table); i++) {
    struct mg_str s = mg_str(table[i].header), n = mg_str(table[i].name);
    struct mg_str var = mg_http_get_header_var(s, n), param = mg_http_header_param(s, n);
    struct mg_str wanted = table[i].var == NULL ? none() : mg_str(table[i].var);
    struct mg_str wanted_param = table[i].param == NULL ? none() : mg_str(table[i].param);
    CHECK_ROW(mg_strcmp(var, wanted) == 0, table[i].header);
    CHECK_ROW(mg_strcmp(param, wanted_param) == 0, table[i].header);
  }
}

static void test_multipart(void) {
  static const struct {
    const char *body, *name, *filename;
  } table[] = {
      {"--B\r\nContent-Disposition: form-data; Name=\"f\"; FileName=\"x\"\r\n\r\nD\r\n--B--\r\n", "f", "x"},
      {"--B \t\r\nContent-Disposition: form-data; name=f\r\n\r\nD\r\n--B-- \r\n", "f", NULL},  // RFC 2046, 5.1.1
      {"preamble\r\n--B\r\nContent-Disposition: form-data; name=f\r\n\r\nD\r\n--B--", "f", NULL},
      {"\r\n--B\r\nContent-Disposition: form-data; name=f\r\n\r\nD\r\n--B--", "f", NULL},
      {"--B\r\nContent-Disposition: form-data;\r\n name=f;\r\n\tfilename=x\r\n\r\nD\r\n--B--", "f", "x"},  // RFC 5322, 2.2.3
      {"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\\\"b\"\r\n\r\nD\r\n--B--", "f", "a\"b"},
      {"--B\r\nContent-Disposition: form-data; name=f; filename*=UTF-8''a%20b\r\n\r\nD\r\n--B--", "f", "a b"},  // RFC 8187
  };
  size_t i;
  for (i = 0; i < COUNT(table); i++) {
    struct mg_http_part part;
    struct mg_str wanted = table[i].filename == NULL ? none() : mg_str(table[i].filename);
    size_t ofs = mg_http_next_multipart(mg_str(table[i].body), 0, &part);
    CHECK_ROW(ofs > 0 && mg_strcmp(part.name, mg_str(table[i].name)) == 0, table[i].body);
    CHECK_ROW(mg_strcmp(part.filename, wanted) == 0 && mg_strcmp(part.body, mg_str("D")) == 0, table[i].body);
    CHECK_ROW(mg_http_next_multipart(mg_str(table[i].body), ofs, &part) == 0, table[i].body);
  }
}

static void test_urls(void) {
  static const struct {
    const char *url, *uri;
    int port, tls;
  } table[] = {
      {"ws://127.0.0.1:8000?token=abc", "/?token=abc", 8000, 0},  // RFC 3986, section 3.3
      {"http://h?x=/y", "/?x=/y", 80, 0},
      {"HTTPS://u:p@h/a", "/a", 443, 1},                          // RFC 3986, section 3.1
      {"Wss://h", "/", 443, 1},
      {"MQTTS://h", "/", 8883, 1},
      {"http://h/a?b#c", "/a?b", 80, 0},                          // RFC 9110, section 4.2.5
      {"http://h#/a", "/", 80, 0},
      {"http://h/#", "/", 80, 0},
  };
  size_t i;
  for (i = 0; i < COUNT(table); i++) {
    CHECK_ROW(strcmp(mg_url_uri(table[i].url), table[i].uri) == 0, table[i].url);
    CHECK_ROW(mg_url_port(table[i].url) == table[i].port, table[i].url);
    CHECK_ROW(mg_url_is_ssl(table[i].url) == (table[i].tls != 0), table[i].url);
  }
  // What a URL does not hold itself is kept for a while.
  CHECK(strcmp(mg_url_uri("http://a?1"), mg_url_uri("http://a?2")) != 0);
  for (i = 0; i < 1000; i++) CHECK(strcmp(mg_url_uri("http://a?3"), "/?3") == 0);
}

int main(void) {
  int i;
  for (i = 0; i < 31; i++) mg_snprintf(headers31 + strlen(headers31), 40, "X-H%d: v\r\n", i);
  put_dir("www");
  put_dir("www/sub");
  put("www/k.txt", "0123456789");
  put("www/z.txt", "plain");
  put("www/z.txt.gz", "packed");
  start_server(handler);
  test_rows();
  test_no_settings();
  test_settings();
  stop_server();
  test_parameters();
  test_multipart();
  test_urls();
  return FAILURES;
}
