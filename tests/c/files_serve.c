// mg_http_serve_dir and mg_http_serve_file: what is sent, byte by byte.
#include "exchange.h"

static struct mg_http_serve_opts opts;
static const char *file;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev != MG_EV_HTTP_MSG) return;
  if (file != NULL) {
    mg_http_serve_file(c, (struct mg_http_message *) ev_data, file, &opts);
  } else {
    mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
  }
}

#define HEAD(status, type, size, len) \
  "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nEtag: \"1700000000." size "\"\r\nContent-Length: " len "\r\n"
#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define JS "text/javascript; charset=utf-8"
#define OK(type, len) HEAD("200 OK", type, len, len)
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 10         \r\n\r\nNot found\n"
#define INVALID "HTTP/1.1 400 Bad Request\r\nContent-Length: 12         \r\n\r\nInvalid path"
#define MOVED(to) "HTTP/1.1 301 Moved\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"
#define PART(range, len) HEAD("206 Partial Content", TEXT, "10", len) "Content-Range: bytes " range "/10\r\n\r\n"
#define NO_PART HEAD("416 Requested Range Not Satisfiable", TEXT, "10", "0") "Content-Range: bytes */10\r\n\r\n"
#define ALL OK(TEXT, "10") "\r\n0123456789"
#define SAME "HTTP/1.1 304 Not Modified\r\nEtag: \"1700000000.10\"\r\n\r\n"

struct row {
  const char *request, *expected;
};

static void run(const struct row *rows, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    const char *got = (exchange(rows[i].request), without_additions(reply));
    CHECK_ROW(strcmp(got, rows[i].expected) == 0, rows[i].request);
    if (strcmp(got, rows[i].expected) != 0) fprintf(stderr, "got:\n%s\n", got);
  }
}
#define RUN(rows) run(rows, COUNT(rows))

static void test_files(void) {
  static const struct row rows[] = {
      {"GET /a.txt HTTP/1.1", ALL},
      {"POST /a.txt HTTP/1.1", ALL},
      {"WOHOO /a.txt HTTP/1.1", ALL},
      {"GET /a.txt?q=1 HTTP/1.1", ALL},
      {"GET /%61.txt HTTP/1.1", ALL},
      {"GET //a.txt HTTP/1.1", ALL},
      {"GET /./a.txt HTTP/1.1", ALL},
      {"GET http://h/a.txt HTTP/1.1", ALL},
      {"HEAD /a.txt HTTP/1.1", OK(TEXT, "10") "\r\n"},
      {"head /a.txt HTTP/1.1", OK(TEXT, "10") "\r\n"},
      {"GET /empty.js HTTP/1.1", OK(JS, "0") "\r\n"},
      {"GET /UP.HTML HTTP/1.1", OK(HTML, "2") "\r\nup"},
      {"GET /d.unknown HTTP/1.1", OK(TEXT, "1") "\r\n?"},
      {"GET /\xd0\xba\xd0\xb8\xd1\x97\xd0\xb2.txt HTTP/1.1", OK(TEXT, "2") "\r\nkv"},
      {"GET /sp%20ace.txt HTTP/1.1", OK(TEXT, "5") "\r\nspace"},
      {"GET /sub/x.txt/ HTTP/1.1", OK(TEXT, "1") "\r\nx"},
      {"GET /nope HTTP/1.1", NOT_FOUND},
      {"GET /nope/ HTTP/1.1", NOT_FOUND},
      {"GET /~root HTTP/1.1", NOT_FOUND},
      {"GET /a..b HTTP/1.1", NOT_FOUND},
      {"GET /fifo HTTP/1.1", NOT_FOUND},
      {"GET /secret.txt HTTP/1.1", NOT_FOUND},
      {"HEAD /nope HTTP/1.1", "HTTP/1.1 404 Not Found\r\nContent-Length: 10         \r\n\r\n"},
      {"DELETE /nope HTTP/1.1", NOT_FOUND},
      {"DELETE /a.txt HTTP/1.1",
       "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST\r\nContent-Length: 19         \r\n\r\n"
       "Method not allowed\n"},
      {"GET /link.txt HTTP/1.1", OK(TEXT, "7") "\r\noutside"},
  };
  RUN(rows);
}

static void test_directories(void) {
  static const struct row rows[] = {
      {"GET / HTTP/1.1", OK(HTML, "4") "\r\nroot"},
      {"GET /idx HTTP/1.1", MOVED("/idx/")},
      {"GET /idx?q=1 HTTP/1.1", MOVED("/idx/?q=1")},
      {"GET //idx HTTP/1.1", MOVED("/idx/")},
      {"GET /////idx HTTP/1.1", MOVED("/idx/")},
      {"GET http://h//idx HTTP/1.1", MOVED("/idx/")},
      {"GET /idx/ HTTP/1.1", OK(HTML, "5") "\r\nindex"},
      {"GET /gzidx/ HTTP/1.1\r\nAccept-Encoding: gzip", OK(HTML, "3") "Content-Encoding: gzip\r\n\r\ngz!"},
      {"GET /gzidx/ HTTP/1.1", NOT_FOUND},
  };
  RUN(rows);
}

static void test_encodings(void) {
  static const struct row rows[] = {
      {"GET /e.js HTTP/1.1", OK(JS, "2") "\r\njs"},
      {"GET /e.js HTTP/1.1\r\nAccept-Encoding: foo,gzip", OK(JS, "3") "Content-Encoding: gzip\r\n\r\ngz!"},
      {"GET /e.js HTTP/1.1\r\nAccept-Encoding: gzip;q=0", OK(JS, "2") "\r\njs"},
      {"GET /e.js HTTP/1.1\r\nAccept-Encoding: br", OK(JS, "2") "\r\njs"},
      {"HEAD /only.css HTTP/1.1\r\nAccept-Encoding: gzip",
       OK("text/css; charset=utf-8", "3") "Content-Encoding: gzip\r\n\r\n"},
      {"GET /only.css HTTP/1.1", NOT_FOUND},
      {"GET /e.js HTTP/1.1\r\nAccept-Encoding: gzip\r\nRange: bytes=1-",
       HEAD("206 Partial Content", JS, "3", "2") "Content-Encoding: gzip\r\nContent-Range: bytes 1-2/3\r\n\r\nz!"},
  };
  RUN(rows);
}

static void test_ranges(void) {
  static const struct row rows[] = {
#define RANGE(value) "GET /a.txt HTTP/1.1\r\nRange: " value
      {RANGE("bytes=0-0"), PART("0-0", "1") "0"},
      {RANGE("bytes=2-5"), PART("2-5", "4") "2345"},
      {RANGE("bytes=5-"), PART("5-9", "5") "56789"},
      {RANGE("bytes=0-9"), PART("0-9", "10") "0123456789"},
      {RANGE("bytes= 2 - 4 "), PART("2-4", "3") "234"},
      {RANGE("bytes=-3"), PART("7-9", "3") "789"},
      {RANGE("bytes=-99"), PART("0-9", "10") "0123456789"},
      {RANGE("bytes=0-10"), NO_PART},
      {RANGE("bytes=10-"), NO_PART},
      {RANGE("bytes=5-2"), ALL},
      {RANGE("bytes=-0"), NO_PART},
      {RANGE("bytes=99999999999999999999-"), NO_PART},
      {RANGE("bytes=3"), ALL},
      {RANGE("bytes=x-y"), ALL},
      {RANGE("bytes="), ALL},
      {RANGE("bytes"), ALL},
      {RANGE("items=0-1"), ALL},
      {RANGE("bytes=2-5\r\nIf-Range: \"1700000000.10\""), PART("2-5", "4") "2345"},
      {RANGE("bytes=2-5\r\nIf-Range: \"1.10\""), ALL},
      {"HEAD /a.txt HTTP/1.1\r\nRange: bytes=2-5", OK(TEXT, "10") "\r\n"},
      {"GET /empty.js HTTP/1.1\r\nRange: bytes=0-",
       HEAD("416 Requested Range Not Satisfiable", JS, "0", "0") "Content-Range: bytes */0\r\n\r\n"},
  };
  RUN(rows);
}

static void test_etags(void) {
  static const struct row rows[] = {
#define NONE_MATCH(value) "GET /a.txt HTTP/1.1\r\nIf-None-Match: " value
      {NONE_MATCH("\"1700000000.10\""), SAME},
      {NONE_MATCH("W/\"1700000000.10\""), SAME},
      {NONE_MATCH("\"x\", \"1700000000.10\""), SAME},
      {NONE_MATCH("*"), SAME},
      {NONE_MATCH("\"6553f100.10\""), ALL},
      {NONE_MATCH("x"), ALL},
      {"HEAD /a.txt HTTP/1.1\r\nIf-None-Match: *", SAME},
      {"GET /nope HTTP/1.1\r\nIf-None-Match: *", NOT_FOUND},
  };
  RUN(rows);
}

static void test_options(void) {
  static const struct row headers[] = {
      {"GET /a.txt HTTP/1.1", OK(TEXT, "10") "A: B\r\nC: D\r\n\r\n0123456789"},
      {"GET /nope HTTP/1.1", "HTTP/1.1 404 Not Found\r\nA: B\r\nC: D\r\nContent-Length: 10         \r\n\r\nNot found\n"},
      {"GET /a.txt HTTP/1.1\r\nIf-None-Match: *",
       "HTTP/1.1 304 Not Modified\r\nEtag: \"1700000000.10\"\r\nA: B\r\nC: D\r\n\r\n"},
      {"GET /idx HTTP/1.1", MOVED("/idx/")},
      {"GET /../a HTTP/1.1", INVALID},
  };
  static const struct row types[] = {
      {"GET /a.txt HTTP/1.1", OK("c/d", "10") "\r\n0123456789"},
      {"GET /e.js HTTP/1.1", OK(JS, "2") "\r\njs"},
  };
  static const struct row star[] = {{"GET /a.txt HTTP/1.1", OK("a/b", "10") "\r\n0123456789"}};
  static const struct row page404[] = {
      {"GET /nope.txt HTTP/1.1", OK(HTML, "4") "\r\nboo\n"},
      {"GET /nope.txt HTTP/1.1\r\nRange: bytes=1-2", OK(HTML, "4") "\r\nboo\n"},
      {"GET /../a HTTP/1.1", INVALID},
  };
  static const struct row missing[] = {{"GET /nope.txt HTTP/1.1", NOT_FOUND}};
  opts.extra_headers = "A: B\r\nC: D\r\n";
  RUN(headers);
  opts.extra_headers = NULL;
  opts.mime_types = "foo=a/b,txt=c/d";
  RUN(types);
  opts.mime_types = "*=a/b,txt=c/d";
  RUN(star);
  opts.mime_types = NULL;
  opts.page404 = "./www/404.html";
  RUN(page404);
  opts.page404 = "./www/none.html";
  RUN(missing);
  opts.page404 = "./www/idx";
  RUN(missing);
  opts.page404 = NULL;
}

static void test_roots(void) {
  static const struct {
    const char *roots, *target;
    int status;
    const char *body;
  } rows[] = {
      {"./www,/foo=./www2", "/a.txt", 200, "0123456789"},
      {"./www,/foo=./www2", "/foo/b.txt", 200, "b"},
      {"./www,/foo=./www2", "/foo", 301, ""},
      {"./www,/foo=./www2", "/foob.txt", 404, "Not found\n"},
      {"./www,/m=./www2,/m/deep=./www3", "/m/deep/c.txt", 200, "c"},
      {"/ord=./www2,./www", "/ord/b.txt", 404, "Not found\n"},
      {"/a=./www", "/a/a.txt", 200, "0123456789"},
      {"/a=./www", "/etc/hostname", 404, "Not found\n"},
      {"", "/etc/hostname", 404, "Not found\n"},
      {NULL, "/etc/hostname", 404, "Not found\n"},
      {NULL, "/", 404, "Not found\n"},
      {"/BAAADDD!", "/", 404, "Not found\n"},
      {"/BAAADDD!", "/a.txt", 404, "Not found\n"},
      {"www", "/a.txt", 200, "0123456789"},
      {"./www/", "/a.txt", 200, "0123456789"},
      {"../cwd/www", "/a.txt", 200, "0123456789"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    opts.root_dir = rows[i].roots;
    get(rows[i].target);
    CHECK_ROW(status(reply) == rows[i].status, rows[i].target);
    CHECK_ROW(strcmp(body(reply), rows[i].body) == 0, rows[i].target);
  }
  opts.root_dir = "./www";
}

static void test_one_file(void) {
  static const struct row rows[] = {
      {"GET /anything HTTP/1.1", ALL},
      {"PUT /anything HTTP/1.1", ALL},
      {"GET /../x HTTP/1.1\r\nRange: bytes=1-2", PART("1-2", "2") "12"},
      {"HEAD / HTTP/1.1", OK(TEXT, "10") "\r\n"},
  };
  static const struct row missing[] = {{"GET /a.txt HTTP/1.1", NOT_FOUND}};
  file = "www/a.txt";
  RUN(rows);
  file = "www/nope";
  RUN(missing);
  file = "www";
  RUN(missing);
  file = "";
  RUN(missing);
  file = NULL;
}

// A path as long as can be, and one that is too long.
static void test_lengths(void) {
  static char target[9000];
  memset(target, 'x', sizeof(target));
  target[0] = '/';
  target[4096] = '\0';
  CHECK(status(get(target)) == 404);
  target[4096] = 'x';
  target[8000] = '\0';
  CHECK(status(get(target)) == 404);
  memset(target, '/', 4000);
  strcpy(target + 4000, "a.txt");
  CHECK(status(get(target)) == 200);
  memset(target, 'r', 4095);
  target[4095] = '\0';
  opts.root_dir = target;
  CHECK(status(get("/a.txt")) == 400 && strcmp(body(reply), "Exceeded path size") == 0);
  opts.root_dir = "./www";
}

int main(void) {
  put_dir("www");
  put_dir("www2");
  put_dir("www3");
  put_dir("www/sub");
  put_dir("www/idx");
  put_dir("www/gzidx");
  put("www/a.txt", "0123456789");
  put("www/index.html", "root");
  put("www/404.html", "boo\n");
  put("www/empty.js", "");
  put("www/UP.HTML", "up");
  put("www/d.unknown", "?");
  put("www/\xd0\xba\xd0\xb8\xd1\x97\xd0\xb2.txt", "kv");
  put("www/sp ace.txt", "space");
  put("www/sub/x.txt", "x");
  put("www/idx/index.html", "index");
  put("www/gzidx/index.html.gz", "gz!");
  put("www/e.js", "js");
  put("www/e.js.gz", "gz!");
  put("www/only.css.gz", "gz!");
  put("www2/b.txt", "b");
  put("www3/c.txt", "c");
  put("outside.txt", "outside");
  put("www/secret.txt", "secret");
  CHECK(symlink("../outside.txt", "www/link.txt") == 0);
  CHECK(mkfifo("www/fifo", 0644) == 0);
  // Permissions do not stop the superuser.
  CHECK(geteuid() == 0 ? unlink("www/secret.txt") == 0 : chmod("www/secret.txt", 0) == 0);
  opts.root_dir = "./www";
  start_server(serve);
  test_files();
  test_directories();
  test_encodings();
  test_ranges();
  test_etags();
  test_options();
  test_roots();
  test_one_file();
  test_lengths();
  stop_server();
  return FAILURES;
}
