// No byte from outside of the root, whatever the path; and nothing that an index shows is code.
#include "exchange.h"

static struct mg_http_serve_opts opts;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
}

#define SECRET "top secret"

static const char *nasty[] = {
#include "nasty_paths.inc"
};

static void test_traversal(void) {
  static const char *roots[] = {"./www", "www", "./www/", "./www,/foo=./www/sub", "/foo=./www/sub,./www"};
  size_t i, j;
  CHECK(COUNT(nasty) >= 50);
  for (i = 0; i < COUNT(roots); i++) {
    opts.root_dir = roots[i];
    for (j = 0; j < COUNT(nasty); j++) {
      get(nasty[j]);
      CHECK_ROW(strstr(reply, SECRET) == NULL && strstr(reply, "root:") == NULL, nasty[j]);
      CHECK_ROW(strstr(reply, "secret.txt<") == NULL, nasty[j]);
      if (strchr(nasty[j], '%') != NULL || strstr(nasty[j], "..") != NULL) {
        CHECK_ROW(status(reply) == 400 || status(reply) == 404, nasty[j]);
      }
    }
  }
  opts.root_dir = "./www";
}

// A NUL must not shorten a path, and a broken escape must not drop the rest of it.
static void test_broken_escapes(void) {
  static const char *targets[] = {"/a.txt%00", "/a.txt%00.png", "/%00", "/%zz", "/a.txt%", "/a.txt%2", "/%g1a.txt"};
  size_t i;
  for (i = 0; i < COUNT(targets); i++) {
    get(targets[i]);
    CHECK_ROW(status(reply) == 400 && strcmp(body(reply), "Invalid path") == 0, targets[i]);
  }
}

// A redirect leads to the same server, however many slashes or backslashes there are.
static void test_redirects_stay_here(void) {
  static const struct {
    const char *target, *location;
  } rows[] = {
      {"/sub", "Location: /sub/\r\n"},
      {"//sub", "Location: /sub/\r\n"},
      {"///sub", "Location: /sub/\r\n"},
      {"/\\evil", "Location: /%5Cevil/\r\n"},
      {"//\\evil", "Location: /%5Cevil/\r\n"},
      {"//%5cevil", "Location: /%5cevil/\r\n"},
      {"http://evil//sub", "Location: /sub/\r\n"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    get(rows[i].target);
    CHECK_ROW(status(reply) == 301 && strstr(reply, rows[i].location) != NULL, rows[i].target);
  }
}

// Includes stay below their directory and below the root.
static void test_includes_stay_inside(void) {
  static const char *tags[] = {
      "<!--#include file=\"../secret.txt\" -->",
      "<!--#include file=\"../../secret.txt\" -->",
      "<!--#include file=\"sub/../../secret.txt\" -->",
      "<!--#include file=\"..\\secret.txt\" -->",
      "<!--#include file=\"/etc/passwd\" -->",
      "<!--#include file=\"~/secret.txt\" -->",
      "<!--#include virtual=\"/../secret.txt\" -->",
      "<!--#include virtual=\"../secret.txt\" -->",
      "<!--#include virtual=\"/%2e%2e/secret.txt\" -->",
      "<!--#include virtual=\"x/secret.txt\" -->",
      "<!--#include virtual=\"/etc/passwd\" -->",
      "<!--#include virtual=\"\" -->",
      "<!--#include file=\"\" -->",
      "<!--#include file=\"sub\" -->",
  };
  size_t i;
  put("wwwx/secret.txt", SECRET);
  opts.ssi_pattern = "#.shtml";
  for (i = 0; i < COUNT(tags); i++) {
    char page[300];
    mg_snprintf(page, sizeof(page), "[%s]", tags[i]);
    put("www/page.shtml", page);
    get("/page.shtml");
    CHECK_ROW(status(reply) == 200 && strcmp(body(reply), "[]") == 0, tags[i]);
  }
  opts.ssi_pattern = NULL;
}

// The name of a file in a listing, and the path of the request, are text and nothing else.
static void test_listings_hold_no_code(void) {
  static const char *names[] = {
      "<script>alert(1)<", "\"onmouseover=alert(1) x=\"", "'onmouseover='", "<img src=x onerror=alert(1)>",
      "javascript:alert(1)", "&lt;b&gt;", "a<b&c>.txt"};
  char path[200];
  size_t i;
  for (i = 0; i < COUNT(names); i++) {
    mg_snprintf(path, sizeof(path), "www/names/%s", names[i]);
    put(path, "x");
  }
  get("/names/");
  CHECK(status(reply) == 200);
  CHECK(strstr(reply, ">a&lt;b&amp;c&gt;.txt<") != NULL);
  CHECK(strstr(reply, "<script") == NULL);
  CHECK(strstr(reply, "<img") == NULL);
  CHECK(strstr(reply, "href=\"javascript:") == NULL);
  CHECK(strstr(reply, "\"onmouseover") == NULL && strstr(reply, "'onmouseover") == NULL);
  CHECK(strstr(reply, "&lt;script&gt;") != NULL);

  CHECK(mkdir("www/names/%3Cb%3E", 0755) == 0 && mkdir("www/names/<b>", 0755) == 0);
  get("/names/%3Cscript%3E/");
  CHECK(status(reply) == 404);
  get("/names/%3Cb%3E/");
  CHECK(status(reply) == 200 && strstr(reply, ">Index of /names/&lt;b&gt;/<") != NULL);
  CHECK(strstr(reply, "<b>") == NULL);
  get("/names/%253Cb%253E/");
  CHECK(strstr(reply, ">Index of /names/%3Cb%3E/<") != NULL);
}

int main(void) {
  put_dir("www");
  put_dir("www/sub");
  put_dir("www/names");
  put_dir("www/\\evil");
  put_dir("wwwx");
  put("secret.txt", SECRET);
  put("www/a.txt", "0123456789");
  put("www/sub/x.txt", "x");
  opts.root_dir = "./www";
  start_server(serve);
  test_traversal();
  test_broken_escapes();
  test_redirects_stay_here();
  test_includes_stay_inside();
  test_listings_hold_no_code();
  stop_server();
  return FAILURES;
}
