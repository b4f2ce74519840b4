// Server-side includes, and listings of directories.
#include "exchange.h"

static struct mg_http_serve_opts opts;
static const char *ssi_root, *ssi_path;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev != MG_EV_HTTP_MSG) return;
  if (ssi_path != NULL) {
    mg_http_serve_ssi(c, ssi_root, ssi_path);
  } else {
    mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
  }
}

#define PAGE(len, text) \
  "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: " len "\r\n\r\n" text

static void test_includes(void) {
  put("www/f.txt", "FF");
  put("www/hello.txt", "hello\n");
  put("www/page.shtml",
      "A<!--#include file=\"f.txt\" -->B<!--#include virtual=\"/hello.txt\"-->C<!--#include file=\"none\"-->D<!--#foo-->"
      "E<!-- c -->F<b>G<!--#include file=\"../hello.txt\"-->H");
  CHECK(strcmp(get("/page.shtml"), PAGE("40         ", "AFFBhello\nCD<!--#foo-->E<!-- c -->F<b>GH")) == 0);
  put("www/rec.shtml", "(<!--#include file=\"rec.shtml\"-->)");
  CHECK(strcmp(body(get("/rec.shtml")), "(((((())))))") == 0);
  put("www/p.shtml", "p<!--#include file=\"sub/q.shtml\"-->p");
  put("www/sub/q.shtml", "[<!--#include file=\"q.txt\"-->]");
  put("www/sub/q.txt", "Q");
  CHECK(strcmp(body(get("/p.shtml")), "p[Q]p") == 0);
  put("www/open.shtml", "z<!--#include file=\"f.txt\"");
  CHECK(strcmp(body(get("/open.shtml")), "z<!--#include file=\"f.txt\"") == 0);
  put("www/empty.shtml", "");
  CHECK(strcmp(get("/empty.shtml"), PAGE("0          ", "")) == 0);
  CHECK(status(get("/none.shtml")) == 404);
  // A NUL is a byte like any other.
  put_bytes("www/nul.shtml", "a\0b<!--#include file=\"f.txt\"-->\0", 32);
  get("/nul.shtml");
  CHECK(reply_len == strlen(PAGE("6          ", "")) + 6 && memcmp(body(reply), "a\0bFF\0", 6) == 0);
  // The directory's own page, and the request for the head only.
  put("www/site/index.shtml", "site <!--#include file=\"../f.txt\"--><!--#include virtual=\"/f.txt\"-->");
  CHECK(status(get("/site")) == 301);
  CHECK(strcmp(body(get("/site/")), "site FF") == 0);
  CHECK(strcmp(exchange("HEAD /site/ HTTP/1.1"), PAGE("7          ", "")) == 0);
  // Without the pattern nothing is expanded.
  opts.ssi_pattern = NULL;
  CHECK(strcmp(body(get("/rec.shtml")), "(<!--#include file=\"rec.shtml\"-->)") == 0);
  opts.ssi_pattern = "#.shtml";
  opts.extra_headers = "C: D\r\n";
  CHECK(strstr(get("/rec.shtml"), "\r\nC: D\r\n") != NULL);
  opts.extra_headers = NULL;
}

// Paths of `virtual` go through the list of roots.
static void test_mapped_roots(void) {
  put("www2/v.shtml", "<!--#include virtual=\"/f.txt\"-->|<!--#include virtual=\"/two/w.txt\"-->");
  put("www2/w.txt", "W");
  opts.root_dir = "./www,/two=./www2";
  CHECK(strcmp(body(get("/two/v.shtml")), "FF|W") == 0);
  opts.root_dir = "./www";
}

// The function by itself, which knows neither request nor options.
static void test_serve_ssi(void) {
  ssi_root = "./www", ssi_path = "./www/page.shtml";
  CHECK(strcmp(get("/"), PAGE("40         ", "AFFBhello\nCD<!--#foo-->E<!-- c -->F<b>GH")) == 0);
  ssi_path = "./www/none";
  CHECK(status(get("/")) == 404);
  ssi_root = NULL, ssi_path = "./www/page.shtml";
  CHECK(strcmp(body(get("/")), "AFFBCD<!--#foo-->E<!-- c -->F<b>GH") == 0);
  put("here.shtml", "<!--#include file=\"there.txt\"-->");
  put("there.txt", "there");
  ssi_path = "here.shtml";
  CHECK(strcmp(body(get("/")), "there") == 0);
  ssi_path = NULL;
}

// A page that includes itself often stays bounded.
static void test_growth(void) {
  char page[4000] = "";
  size_t i, n = 0;
  for (i = 0; i < 100; i++) n += mg_snprintf(page + n, sizeof(page) - n, "<!--#include file=\"b\"-->");
  put("www/bomb.shtml", page);
  put("www/b", page);
  CHECK(status(get("/bomb.shtml")) == 500);
}

// Rows come in order, whatever the file system says.
static void test_listing(void) {
  const char *a, *b, *z;
  char head[200];
  put_dir("www/list");
  put_dir("www/list/zdir");
  put("www/list/b.txt", "bb");
  put("www/list/a.txt", "a");
  put("www/list/.hidden", "h");
  get("/list/");
  CHECK(strncmp(reply, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ", 73) == 0);
  CHECK(strspn(reply + 73, "0123456789 ") == 8);
  CHECK((size_t) atoi(reply + 73) == strlen(body(reply)));
  CHECK(strstr(reply, ">Index of /list/<") != NULL);
  CHECK(strstr(reply, "<a href=\"..\">..</a>") != NULL);
  CHECK(strstr(reply, "<a href=\".hidden\">.hidden</a>") != NULL);
  a = strstr(reply, ">a.txt<"), b = strstr(reply, ">b.txt<"), z = strstr(reply, "<a href=\"zdir/\">zdir/</a>");
  CHECK(a != NULL && b != NULL && z != NULL && a < b && b < z);
  CHECK(strstr(reply, "2023-11-14 22:13") != NULL);
  CHECK(strstr(reply, "<script") == NULL && strstr(reply, "http://") == NULL && strstr(reply, "https://") == NULL);
  mg_snprintf(head, sizeof(head), "%.*s", (int) (body(reply) - reply), reply);
  CHECK(strcmp(exchange("HEAD /list/ HTTP/1.1"), head) == 0);
  opts.extra_headers = "A: B\r\nE: F\r\n";
  CHECK(strstr(get("/list/"), "utf-8\r\nA: B\r\nE: F\r\nContent-Length: ") != NULL);
  opts.extra_headers = NULL;
  CHECK(status(exchange("DELETE /list/ HTTP/1.1")) == 405);
  CHECK(status(get("/list")) == 301);
}

// A long page comes in chunks, to those who can read them.
static void test_long_listing(void) {
  char path[100], name[30];
  const char *at;
  size_t i, total, size;
  put_dir("www/long");
  for (i = 0; i < 3000; i++) {
    mg_snprintf(path, sizeof(path), "www/long/file-%04d", (int) i);
    put(path, "");
  }
  get("/long/");
  CHECK(strncmp(reply, "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n", 87) == 0);
  for (at = body(reply), total = 0; (size = strtoul(at, NULL, 16)) > 0; at = strchr(at, '\n') + 1 + size + 2) total += size;
  CHECK(strcmp(at, "0\r\n\r\n") == 0 && total > 3000 * 60);
  CHECK(strstr(reply, "<p>3000 files, 0 folders</p>") != NULL);
  exchange("GET /long/ HTTP/1.0");
  CHECK((size_t) atoi(reply + 73) == strlen(body(reply)) && strlen(body(reply)) == total);
  for (i = 0, at = reply; i < 3000 && at != NULL; i++) {
    mg_snprintf(name, sizeof(name), ">file-%04d<", (int) i);
    at = strstr(at, name);
  }
  CHECK(at != NULL);
  CHECK(strcmp(body(exchange("HEAD /long/ HTTP/1.1")), "") == 0);
}

int main(void) {
  put_dir("www");
  put_dir("www/sub");
  put_dir("www/site");
  put_dir("www2");
  opts.root_dir = "./www";
  opts.ssi_pattern = "#.shtml";
  start_server(serve);
  test_includes();
  test_mapped_roots();
  test_serve_ssi();
  test_growth();
  test_listing();
  test_long_listing();
  stop_server();
  return FAILURES;
}
