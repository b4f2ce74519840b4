// A client and a server in one manager, and a small site: what requests come to, within few polls.
// Programs of the original rely on each row here, on the numbers of polls, and on the order of events.
#include "files.h"
#include "kernel.h"
#include <stdlib.h>
#include "mongoose.h"
#include "patience.h"

#define PEM_SIZE 37587

static struct mg_mgr mgr;
static char url[64];
static int draining, hexdumping;

// An access log, as programs write it: the status is at a fixed place right after the reply.
static char logged[4];

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  static struct mg_http_serve_opts site = {"./data", "#.shtml", "C: D\r\n", NULL, NULL, NULL};
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  struct mg_str caps[3];
  if (ev != MG_EV_HTTP_MSG) return;
  if (mg_match(hm->uri, mg_str("/foo/*"), caps)) {
    mg_http_reply(c, 200, "", "uri: %.*s", (int) caps[0].len, caps[0].buf);
  } else if (mg_match(hm->uri, mg_str("/ws"), NULL)) {
    mg_ws_upgrade(c, hm, NULL);
  } else if (mg_match(hm->uri, mg_str("/body"), NULL)) {
    mg_http_reply(c, 200, "", "%.*s", (int) hm->body.len, hm->body.buf);
  } else if (mg_match(hm->uri, mg_str("/noreason"), NULL)) {
    mg_printf(c, "%s", "HTTP/1.0 200\r\nContent-Length: 2\r\n\r\nok");
    c->is_resp = 0;
  } else if (mg_match(hm->uri, mg_str("/bad"), NULL)) {
    struct mg_http_serve_opts opts = {"/BAAADDD!", NULL, NULL, NULL, NULL, NULL};
    mg_http_serve_dir(c, hm, &opts);
  } else if (mg_match(hm->uri, mg_str("/creds"), NULL)) {
    char user[100], pass[100];
    mg_http_creds(hm, user, sizeof(user), pass, sizeof(pass));
    mg_http_reply(c, 200, "", "[%s]:[%s]", user, pass);
  } else if (mg_match(hm->uri, mg_str("/upload"), NULL)) {
    mg_http_upload(c, hm, &mg_fs_posix, ".", 99999);
    c->is_hexdumping = hexdumping != 0;
  } else if (mg_match(hm->uri, mg_str("/servefile"), NULL)) {
    struct mg_http_serve_opts opts = {NULL, NULL, NULL, "foo=a/b,txt=c/d", NULL, NULL};
    mg_http_serve_file(c, hm, "data/a.txt", &opts);
  } else if (mg_match(hm->uri, mg_str("/anytype"), NULL)) {
    struct mg_http_serve_opts opts = {NULL, NULL, NULL, "*=a/b,txt=c/d", NULL, NULL};
    mg_http_serve_file(c, hm, "data/a.txt", &opts);
  } else if (mg_match(hm->uri, mg_str("/dirtest/"), NULL)) {
    struct mg_http_serve_opts opts = {".", NULL, "A: B\r\nE: F\r\n", NULL, NULL, NULL};
    mg_http_serve_dir(c, hm, &opts);
  } else {
    mg_http_serve_dir(c, hm, &site);
  }
  if (c->send.len > 12) mg_snprintf(logged, sizeof(logged), "%.3s", (char *) c->send.buf + 9);
  if (draining) c->is_draining = 1;
}

// Lists of roots, pages for missing files, files in memory.
static struct mg_http_serve_opts list;
static void serve_list(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &list);
}

// What a client keeps of its exchange; on the stack of whoever makes it.
struct exchange {
  int messages, closes;
  struct mg_str reply;
};

static void client(struct mg_connection *c, int ev, void *ev_data) {
  struct exchange *e = (struct exchange *) c->fn_data;
  if (ev == MG_EV_HTTP_MSG && ++e->messages == 1) {
    e->reply = mg_strdup(((struct mg_http_message *) ev_data)->message);
    c->is_closing = 1;
  }
  if (ev == MG_EV_CLOSE) e->closes++;
}

static char *reply;  // the whole message, NUL-terminated
static struct mg_http_message hm;
static int polls;

// Writes a request before the client is connected. Returns the status of the reply; 0 without one.
static int fetch(const char *fmt, ...) {
  struct exchange e = {0, 0, {NULL, 0}};
  struct mg_connection *c = mg_http_connect(&mgr, url, client, &e);
  va_list ap;
  va_start(ap, fmt);
  mg_vprintf(c, fmt, &ap);
  va_end(ap);
  for (polls = 0; polls < 100 && e.messages + e.closes == 0; polls++) mg_mgr_poll(&mgr, 1);
  if (e.closes == 0) {
    c->is_closing = 1;
    mg_mgr_poll(&mgr, 1);
  }
  CHECK_ROW(e.closes == 1 && e.messages <= 1, fmt);
  free(reply);
  reply = (char *) calloc(1, e.reply.len + 1);
  memcpy(reply, e.reply.buf == NULL ? "" : e.reply.buf, e.reply.len);
  mg_free(e.reply.buf);
  memset(&hm, 0, sizeof(hm));
  if (e.messages == 0) return 0;
  // A copy of the reply, as a C string, says the same again.
  CHECK_ROW(mg_http_parse(reply, strlen(reply), &hm) > 0, fmt);
  return mg_http_status(&hm);
}

static int has(const char *name, const char *value) {
  struct mg_str *h = mg_http_get_header(&hm, name);
  return value == NULL ? h == NULL : h != NULL && mg_strcmp(*h, mg_str(value)) == 0;
}

static int body_is(const char *text) {
  return strcmp(hm.body.buf, text) == 0;
}

static const char *file_content(const char *path) {
  static struct mg_str content;
  mg_free(content.buf);
  content = mg_file_read(&mg_fs_posix, path);
  return content.buf;
}

struct row {
  const char *request;
  int status;
  const char *body;  // NULL: any
};

static void run(const struct row *rows, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    int status = fetch("%s", rows[i].request);
    CHECK_ROW(status == rows[i].status, rows[i].request);
    if (status > 0 && rows[i].body != NULL) CHECK_ROW(body_is(rows[i].body), rows[i].request);
    if (status > 0) CHECK_ROW(polls <= 20, rows[i].request);
  }
}
#define RUN(rows) run(rows, COUNT(rows))

static void test_files(void) {
  static const struct row rows[] = {
      {"GET /a.txt HTTP/1.0\n\n", 200, "hello\n"},
      {"GET /a.txt HTTP/1.0\nA:\tB\n\n", 200, "hello\n"},
      {"GET /%61.txt HTTP/1.0\n\n", 200, "hello\n"},
      {"GET /\xd0\xba\xd0\xb8\xd1\x97\xd0\xb2.txt HTTP/1.0\n\n", 200, "\xd1\x94\n"},
      {"GET /empty.js HTTP/1.0\n\n", 200, ""},
      {"GET /nope HTTP/1.0\n\n", 404, "Not found\n"},
      {"GET /bad HTTP/1.0\n\n", 404, "Not found\n"},
      {"GET /noreason HTTP/1.0\n\n", 200, "ok"},
      {"POST /body HTTP/1.1\r\nContent-Length: 4\r\n\r\nkuku", 200, "kuku"},
      {"GET /dredir HTTP/1.0\n\n", 301, ""},
      {"GET /dredir/ HTTP/1.0\n\n", 200, "hi\n"},
      {"GET /ws HTTP/1.0\r\n\n", 426, NULL},
      // Ways out of the root
      {"GET /../fuzz.c HTTP/1.0\n\n", 400, NULL},
      {"GET /.%2e/fuzz.c HTTP/1.0\n\n", 400, NULL},
      {"GET /.%2e%2ffuzz.c HTTP/1.0\n\n", 400, NULL},
      {"GET /..%2f%20fuzz.c HTTP/1.0\n\n", 400, NULL},
      {"GET /..%2ffuzz.c%20 HTTP/1.0\n\n", 400, NULL},
      {"GET /..ddot HTTP/1.0\n\n", 400, NULL},
      {"GET /..ddot/ HTTP/1.0\n\n", 400, NULL},
      // These get no further event
      {"GET /a.txt HTTP/1.0\nA B\n\n", 0, NULL},
      {"GET /a.txt HTTP/1.0\n:\nContent-Length: 1\n\n", 0, NULL},
      {"GET /a.txt HTTP/1.0\nContent-Length: -123\n\n", 0, NULL},
      {"POST /a.txt HTTP/1.0\nContent-Length: -123\n\n", 0, NULL},
      {"GET /a.txt HTTP/1.0\nContent-Length: 19000000000000000000\n\n", 0, NULL},
      {"POST /a.txt HTTP/1.0\nContent-Length: 19000000000000000000\n\n", 0, NULL},
      {"POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n?\r\n", 0, NULL},
      {"POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n\r\n\r\n", 0, NULL},
  };
  RUN(rows);
  CHECK(fetch("GET /a.txt HTTP/1.0\nA:\tB\n\n") == 200 && has("C", "D") && has("A", NULL));
  CHECK(strcmp(logged, "200") == 0);
  CHECK(fetch("GET /nope HTTP/1.0\n\n") == 404 && has("C", "D") && strcmp(logged, "404") == 0);
  CHECK(fetch("GET /dredir HTTP/1.0\n\n") == 301 && has("Location", "/dredir/") && strcmp(logged, "301") == 0);
  CHECK(fetch("GET /empty.js HTTP/1.0\n\n") == 200 && has("Content-Type", "text/javascript; charset=utf-8"));
  CHECK(fetch("GET /servefile HTTP/1.0\n\n") == 200 && has("Content-Type", "c/d") && body_is("hello\n"));
  CHECK(fetch("GET /anytype HTTP/1.0\n\n") == 200 && has("Content-Type", "a/b") && body_is("hello\n"));
  CHECK(fetch("GET /ca.pem HTTP/1.0\n\n") == 200 && hm.body.len == PEM_SIZE && polls <= 20);
  CHECK(strlen(hm.body.buf) == PEM_SIZE && strcmp(hm.body.buf, file_content("data/ca.pem")) == 0);
  CHECK(strcmp(logged, "200") == 0);
}

static void test_conditions(void) {
  char etag[100];
  size_t size = 0;
  time_t mtime = 0;
  CHECK(mg_fs_posix.st("./data/a.txt", &size, &mtime) != 0);
  CHECK(mg_http_etag(etag, sizeof(etag), size, mtime) == etag);
  CHECK(fetch("GET /a.txt HTTP/1.0\nIf-None-Match: %s\n\n", etag) == 304 && has("C", "D") && strcmp(logged, "304") == 0);

  CHECK(fetch("GET /gzip.txt HTTP/1.0\n\n") == 200 && hm.body.len == 3 && has("Content-Encoding", NULL));
  CHECK(fetch("GET /gzip.txt HTTP/1.0\nAccept-Encoding: foo,gzip\n\n") == 200);
  CHECK(hm.body.len == 23 && has("Content-Encoding", "gzip"));
  CHECK(fetch("GET /dredirgz/ HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n") == 200);
  CHECK(has("Content-Type", "text/html; charset=utf-8") && has("Content-Encoding", "gzip"));
  CHECK(fetch("HEAD /hello.txt HTTP/1.0\nAccept-Encoding: gzip\n\n") == 200 && has("Content-Encoding", "gzip"));
  CHECK(fetch("HEAD /a.txt HTTP/1.0\n\n") == 200 && hm.body.len == 6);

  CHECK(fetch("GET /range.txt HTTP/1.0\n\n") == 200 && hm.body.len == 312);
  CHECK(fetch("GET /range.txt HTTP/1.0\nRange: bytes=5-10\n\n") == 206 && body_is(" of co"));
  CHECK(has("Content-Range", "bytes 5-10/312") && mg_strcmp(hm.proto, mg_str("Partial Content")) == 0);
  CHECK(fetch("GET /range.txt HTTP/1.0\nRange: bytes=300-\n\n") == 206 && body_is("is disease.\n"));
  CHECK(fetch("GET /range.txt HTTP/1.0\nRange: bytes=999-\n\n") == 416 && body_is(""));
  CHECK(has("Content-Range", "bytes */312"));
  CHECK(fetch("GET /range.txt HTTP/1.0\nRange: bytes=0-312\n\n") == 416);
}

static void test_pages(void) {
  static const char page[] =
      "this is index\nthis is nested\n\nthis is f1\n\n\n\n"
      "recurse\n\nrecurse\n\nrecurse\n\nrecurse\n\nrecurse\n\n";
  CHECK(fetch("GET /ssi HTTP/1.1\n\n") == 301);
  CHECK(fetch("GET /ssi/ HTTP/1.1\n\n") == 200 && body_is(page));
  CHECK(has("Content-Type", "text/html; charset=utf-8") && !has("Content-Length", NULL));

  CHECK(fetch("GET /dirtest/ HTTP/1.0\n\n") == 200 && has("A", "B") && has("E", "F") && has("C", NULL));
  CHECK(strstr(reply, ">Index of /dirtest/<") != NULL && strstr(reply, ">fuzz.c<") != NULL);
  CHECK(strstr(reply, ">a&lt;b&amp;c&gt;.txt<") != NULL);
}

static void test_credentials(void) {
  static const struct row rows[] = {
      {"GET /creds HTTP/1.0\n\n", 200, "[]:[]"},
      {"GET /creds?access_token=x HTTP/1.0\n\n", 200, "[]:[x]"},
      {"GET /creds HTTP/1.0\nAuthorization: Bearer x\n\n", 200, "[]:[x]"},
      {"GET /creds HTTP/1.0\nAuthorization: Basic Zm9vOmJhcg==\n\n", 200, "[foo]:[bar]"},
      {"GET /creds HTTP/1.0\nCookie: blah; access_token=hello\n\n", 200, "[]:[hello]"},
  };
  RUN(rows);
}

static void test_uploads(void) {
  CHECK(fetch("POST /upload HTTP/1.0\nContent-Length: 1\n\nx") == 400);
  hexdumping = 1;
  CHECK(fetch("POST /upload?file=uploaded.txt HTTP/1.0\nContent-Length: 5\n\nhello") == 200);
  CHECK(fetch("POST /upload?file=uploaded.txt&offset=5 HTTP/1.0\nContent-Length: 6\n\n\nworld") == 200);
  hexdumping = 0;
  CHECK(strcmp(file_content("uploaded.txt"), "hello\nworld") == 0);
  CHECK(fetch("POST /upload?file=../uploaded.txt HTTP/1.0\nContent-Length: 5\n\nhello") == 400);
  CHECK(mg_fs_posix.st("../uploaded.txt", NULL, NULL) == 0);
  CHECK(mg_fs_posix.rm("uploaded.txt"));
}

// Several requests in one write.
static int answers;
static char texts[200];
static void collect(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *m = (struct mg_http_message *) ev_data;
    size_t n = strlen(texts);
    answers++;
    mg_snprintf(texts + n, sizeof(texts) - n, "%d %.*s|", mg_http_status(m), (int) m->body.len, m->body.buf);
  }
  if (ev == MG_EV_CLOSE) *(int *) c->fn_data = 1;
}

static void together(const char *requests, int wanted, const char *expected) {
  int i, gone = 0;
  struct mg_connection *c = mg_http_connect(&mgr, url, collect, &gone);
  answers = 0;
  texts[0] = '\0';
  mg_printf(c, "%s", requests);
  POLLS_SUFFICE(&mgr, 30, answers == wanted);
  for (i = 0; i < 10; i++) mg_mgr_poll(&mgr, 1);
  CHECK_ROW(strcmp(texts, expected) == 0, requests);
  if (!gone) {
    c->is_closing = 1;
    mg_mgr_poll(&mgr, 1);
  }
  CHECK_ROW(gone == 1, requests);
}

static void test_several(void) {
  together("GET /foo/bar HTTP/1.1\n\nGET /foo/foobar HTTP/1.1\n\n", 2, "200 uri: bar|200 uri: foobar|");
  together("GET /a.txt HTTP/1.1\n\nGET /a.txt HTTP/1.1\n\n", 2, "200 hello\n|200 hello\n|");
  together("GET /foo/bar HTTP/1.1\nConnection: close\n\nGET /foo/foobar HTTP/1.1\n\n", 1, "200 uri: bar|");
  together("HEAD /a.txt HTTP/1.1\n\nGET /a.txt HTTP/1.1\n\n", 2, "200 |200 hello\n|");
}

static void listen_at(const char *at, mg_event_handler_t handler) {
  struct mg_connection *l;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, at, handler, NULL);
  CHECK_ROW(l != NULL, at);
  if (l == NULL) exit(1);
  mg_snprintf(url, sizeof(url), "%.*s:%u", (int) (strrchr(at, ':') - at), at, mg_ntohs(l->loc.port));
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static void test_roots(void) {
  static const char *listeners[] = {"http://LOCALHOST:0", "http://localhost:0", "http://127.0.0.1:0", "http://[::1]:0"};
  static const struct row two[] = {
      {"GET /a.txt HTTP/1.0\n\n", 200, "hello\n"},
      {"GET /foo/version.h HTTP/1.0\n\n", 200, "#define VERSION 1\n"},
      {"GET /foo HTTP/1.0\n\n", 301, ""},
      {"GET /foo/ HTTP/1.0\n\n", 200, NULL},
  };
  static const struct row missing[] = {{"GET /b/xx.txt HTTP/1.0\n\n", 404, "Not found\n"}};
  static const struct row none[] = {{"GET /xx.txt HTTP/1.0\n\n", 404, "Not found\n"}};
  size_t i;
  for (i = 0; i < COUNT(listeners); i++) {
    // Some containers have no IPv6.
    if (strchr(listeners[i], '[') != NULL && access("/proc/net/if_inet6", R_OK) != 0) continue;
    listen_at(listeners[i], serve_list);
    memset(&list, 0, sizeof(list));
    list.root_dir = "./data,/foo=./dirtest";
    RUN(two);
    list.root_dir = "/a=./data";
    list.page404 = "./data/404.html";
    CHECK(fetch("GET /a/a.txt HTTP/1.0\n\n") == 200 && body_is("hello\n"));
    CHECK(fetch("GET /a/xx.txt HTTP/1.0\n\n") == 200 && body_is("boo\n"));
    CHECK(has("Content-Type", "text/html; charset=utf-8"));
    list.root_dir = "/b=./data";
    list.page404 = "./data/none.html";
    RUN(missing);
    list.page404 = NULL;
    RUN(none);
    end();
  }
}

static void test_files_in_memory(void) {
  static const struct mg_mem_file files[] = {
      {"/Makefile", (const unsigned char *) "all:\n", 5, 0},
      {"/data/ssi.h", (const unsigned char *) "ssi\n", 4, 0},
      {"/fuzz.c", (const unsigned char *) "fuzz\n", 5, 0},
      {NULL, NULL, 0, 0},
  };
  static const struct row rows[] = {
      {"GET /Makefile HTTP/1.0\n\n", 200, "all:\n"},
      {"GET /data/ssi.h HTTP/1.0\n\n", 200, "ssi\n"},
      {"GET / HTTP/1.0\n\n", 200, NULL},
      {"GET /data HTTP/1.0\n\n", 301, ""},
      {"GET /data/ HTTP/1.0\n\n", 200, NULL},
  };
  listen_at("http://127.0.0.1:0", serve_list);
  memset(&list, 0, sizeof(list));
  list.root_dir = "/";
  list.fs = &mg_fs_packed;
  mg_mem_files = files;
  RUN(rows);
  end();
}

static void put_gzip(const char *path) {
  // "hi\n", compressed
  static const unsigned char bytes[23] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0xcb, 0xc8, 0xe4, 2, 0, 0x7a, 0x7a, 0x6f, 0xed, 3, 0, 0, 0};
  put_bytes(path, bytes, sizeof(bytes));
}

static void make_site(void) {
  static char pem[PEM_SIZE];
  char range[313];
  size_t i;
  put_dir("data"), put_dir("data/dredir"), put_dir("data/dredirgz"), put_dir("data/..ddot"), put_dir("data/ssi");
  put_dir("dirtest");
  put("data/a.txt", "hello\n");
  put("data/index.html", "index\n");
  put("data/gzip.txt", "hi\n");
  put_gzip("data/gzip.txt.gz"), put_gzip("data/hello.txt.gz"), put_gzip("data/dredirgz/index.html.gz");
  put("data/dredir/index.html", "hi\n");
  put("data/..ddot/index.html", "no\n");
  put("data/empty.js", "");
  put("data/404.html", "boo\n");
  put("data/\xd0\xba\xd0\xb8\xd1\x97\xd0\xb2.txt", "\xd1\x94\n");
  for (i = 0; i < sizeof(pem); i++) pem[i] = (char) (i % 65 == 64 ? '\n' : 'A' + i % 26);
  put_bytes("data/ca.pem", pem, sizeof(pem));
  memset(range, '.', sizeof(range));
  memcpy(range + 5, " of co", 6);
  memcpy(range + 300, "is disease.\n", 13);
  put("data/range.txt", range);
  put("data/ssi/index.shtml",
      "this is index\n<!--#include file=\"nested.shtml\" -->\n<!--#include virtual=\"/ssi/recurse.shtml\" -->");
  put("data/ssi/nested.shtml",
      "this is nested\n<!--#include virtual=\"/ssi/none\" -->\n<!--#include   virtual=\"/ssi/f1.txt\" -->\n");
  put("data/ssi/f1.txt", "this is f1\n\n");
  put("data/ssi/recurse.shtml", "recurse\n\n<!--#include file=\"recurse.shtml\" -->");
  put("fuzz.txt", "fuzz\n");
  put("version.txt", "#define VERSION 1\n");
  put("dirtest/a<b&c>.txt", "");
  CHECK(symlink("../fuzz.txt", "dirtest/fuzz.c") == 0 && symlink("../version.txt", "dirtest/version.h") == 0);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  make_site();
  for (draining = 0; draining < 2; draining++) {
    listen_at("http://127.0.0.1:0", serve);
    test_files();
    test_conditions();
    test_pages();
    test_credentials();
    test_uploads();
    if (!draining) test_several();
    end();
  }
  test_roots();
  test_files_in_memory();
  file_content("data/empty.js");
  free(reply);
  return FAILURES;
}
