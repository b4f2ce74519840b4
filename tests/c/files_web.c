// File serving for browsers: CORS, security headers, compressed variants, lifetimes, what is hidden.
#include "exchange.h"

static struct mg_http_serve_opts opts;
static struct mg_http_web_opts web;
static const char *file;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev != MG_EV_HTTP_MSG) return;
  if (mg_match(hm->uri, mg_str("/api"), NULL)) {
    char headers[500];
    if (mg_http_web_preflight(c, hm, &web)) return;
    CHECK(mg_http_web_headers(c, hm, &web, headers, sizeof(headers)) == strlen(headers));
    mg_http_reply(c, 200, headers, "api");
  } else if (file != NULL) {
    mg_http_serve_file_web(c, hm, file, &opts, &web);
  } else {
    mg_http_serve_dir_web(c, hm, &opts, &web);
  }
}

static const char *without_options(const char *head) {
  struct mg_http_web_opts saved = web;
  memset(&web, 0, sizeof(web));
  exchange(head);
  web = saved;
  return reply;
}

static int has(const char *line) {
  char text[200];
  mg_snprintf(text, sizeof(text), "\r\n%s\r\n", line);
  return strstr(reply, text) != NULL;
}

#define GET_FROM(target, origin) "GET " target " HTTP/1.1\r\nOrigin: " origin
#define PREFLIGHT(origin, more)                                \
  "OPTIONS /a.txt HTTP/1.1\r\nOrigin: " origin                 \
  "\r\nAccess-Control-Request-Method: PUT" more

static void test_no_options(void) {
  without_options("GET /a.txt HTTP/1.1\r\nOrigin: https://a");
  CHECK(strcmp(without_additions(reply),
               "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nEtag: \"1700000000.1\"\r\n"
               "Content-Length: 1\r\n\r\na") == 0);
}

static void test_cors(void) {
  static const char *targets[] = {GET_FROM("/a.txt", "https://a"), GET_FROM("/none", "https://a"),
                                  GET_FROM("/sub", "https://a"),   GET_FROM("/../x", "https://a"),
                                  GET_FROM("/sub/", "https://a"),  GET_FROM("/api", "https://a")};
  size_t i;
  web.cors_origins = "https://b, https://a";
  for (i = 0; i < COUNT(targets); i++) {
    exchange(targets[i]);
    CHECK_ROW(has("Access-Control-Allow-Origin: https://a") && has("Vary: Origin"), targets[i]);
  }
  CHECK(strstr(reply, "Credentials") == NULL);
  exchange(GET_FROM("/a.txt", "https://evil"));
  CHECK(status(reply) == 200 && strstr(reply, "Access-Control") == NULL && has("Vary: Origin"));
  get("/a.txt");
  CHECK(strstr(reply, "Access-Control") == NULL && has("Vary: Origin"));
  exchange("GET /a.txt HTTP/1.1\r\nOrigin: https://a\r\nIf-None-Match: *");
  CHECK(status(reply) == 304 && has("Access-Control-Allow-Origin: https://a"));

  web.flags = MG_WEB_CREDENTIALS;
  exchange(GET_FROM("/a.txt", "https://b"));
  CHECK(has("Access-Control-Allow-Origin: https://b") && has("Access-Control-Allow-Credentials: true"));
  web.cors_origins = "*";
  exchange(GET_FROM("/a.txt", "https://b"));
  CHECK(strstr(reply, "Access-Control") == NULL);
  web.flags = 0;
  exchange(GET_FROM("/a.txt", "https://b"));
  CHECK(has("Access-Control-Allow-Origin: *") && strstr(reply, "Vary") == NULL);
}

static void test_preflight(void) {
  web.cors_origins = "https://a";
  exchange(PREFLIGHT("https://a", "\r\nAccess-Control-Request-Headers: x-a,x-b"));
  CHECK(strcmp(reply,
               "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: https://a\r\nVary: Origin\r\n"
               "Vary: Access-Control-Request-Headers\r\nAccess-Control-Allow-Methods: GET, HEAD, POST\r\n"
               "Access-Control-Allow-Headers: x-a,x-b\r\n\r\n") == 0);
  web.cors_methods = "PUT, DELETE", web.cors_headers = "Authorization", web.cors_max_age = 600;
  exchange(PREFLIGHT("https://a", "\r\nAccess-Control-Request-Headers: x-a"));
  CHECK(has("Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE"));
  CHECK(has("Access-Control-Allow-Headers: Authorization") && has("Access-Control-Max-Age: 600"));
  web.cors_headers = NULL;
  exchange(PREFLIGHT("https://a", "\r\nAccess-Control-Request-Headers: no good list:"));
  CHECK(status(reply) == 204 && strstr(reply, "Allow-Headers") == NULL);
  exchange(PREFLIGHT("https://evil", ""));
  CHECK(status(reply) == 204 && strstr(reply, "Access-Control-Allow") == NULL);
  exchange("OPTIONS /api HTTP/1.1\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET");
  CHECK(status(reply) == 204 && has("Access-Control-Allow-Origin: https://a"));
  exchange("OPTIONS /api HTTP/1.1\r\nOrigin: https://a");
  CHECK(status(reply) == 200 && strcmp(body(reply), "api") == 0);
  file = "www/a.txt";
  exchange(PREFLIGHT("https://a", ""));
  CHECK(status(reply) == 204);
  file = NULL;
  memset(&web, 0, sizeof(web));
  exchange(PREFLIGHT("https://a", ""));
  CHECK(status(reply) == 200 && strstr(reply, "Access-Control") == NULL);
}

static void test_security(void) {
  web.flags = MG_WEB_SECURITY;
  web.content_policy = "default-src 'self'";
  get("/a.txt");
  CHECK(has("X-Content-Type-Options: nosniff") && has("X-Frame-Options: SAMEORIGIN"));
  CHECK(has("Referrer-Policy: strict-origin-when-cross-origin"));
  CHECK(has("Content-Security-Policy: default-src 'self'") && strstr(reply, "Strict-Transport") == NULL);
  get("/none");
  CHECK(status(reply) == 404 && has("X-Content-Type-Options: nosniff"));
  // A listing has its own style, and its policy allows for it.
  get("/sub/");
  CHECK(strstr(reply, "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'") != NULL);
  CHECK(strstr(reply, "'self'") == NULL);
  // Browsers may not guess, so they are told.
  get("/film.webm");
  CHECK(has("Content-Type: video/webm"));
  without_options("GET /film.webm HTTP/1.1");
  CHECK(has("Content-Type: video/webm"));
  memset(&web, 0, sizeof(web));
}

static void test_compressed(void) {
  static const struct {
    const char *accept, *body;
  } rows[] = {{"br, gzip", "br"},       {"gzip, br", "br"},         {"gzip", "gz"},          {"br;q=0.5, gzip", "gz"},
              {"br;q=0, gzip", "gz"},   {"identity", "plain"},      {"br;q=0,gzip;q=0", "plain"}, {"*", "br"},
              {"identity;q=1, br;q=0.5", "plain"}};
  size_t i;
  web.flags = MG_WEB_PRECOMPRESSED;
  for (i = 0; i < COUNT(rows); i++) {
    char head[200];
    mg_snprintf(head, sizeof(head), "GET /c.css HTTP/1.1\r\nAccept-Encoding: %s", rows[i].accept);
    exchange(head);
    CHECK_ROW(strcmp(body(reply), rows[i].body) == 0 && has("Vary: Accept-Encoding"), rows[i].accept);
    CHECK_ROW(has("Content-Type: text/css; charset=utf-8"), rows[i].accept);
    CHECK_ROW((strstr(reply, "Content-Encoding: ") != NULL) == (strcmp(rows[i].body, "plain") != 0), rows[i].accept);
  }
  exchange("GET /g.css HTTP/1.1\r\nAccept-Encoding: br, gzip");
  CHECK(has("Content-Encoding: gzip") && strcmp(body(reply), "only gz") == 0);
  exchange("GET /bridx/ HTTP/1.1\r\nAccept-Encoding: br");
  CHECK(has("Content-Encoding: br") && has("Content-Type: text/html; charset=utf-8"));
  web.cors_origins = "https://a";
  get("/c.css");
  CHECK(has("Vary: Accept-Encoding, Origin") && strcmp(body(reply), "plain") == 0);
  memset(&web, 0, sizeof(web));
  without_options("GET /c.css HTTP/1.1\r\nAccept-Encoding: br, gzip");
  CHECK(has("Content-Encoding: gzip") && strstr(reply, "Vary") == NULL);
}

static void test_lifetimes(void) {
  web.lifetimes = "#.html=0,/a#=31536000,/sub/#=60";
  CHECK(status(get("/a.txt")) == 200 && has("Cache-Control: public, max-age=31536000, immutable"));
  exchange("GET /a.txt HTTP/1.1\r\nIf-None-Match: *");
  CHECK(status(reply) == 304 && has("Cache-Control: public, max-age=31536000, immutable"));
  CHECK(status(get("/a.html")) == 200 && has("Cache-Control: no-cache"));
  CHECK(status(get("/sub/x.txt")) == 200 && has("Cache-Control: public, max-age=60"));
  CHECK(status(get("/c.css")) == 200 && strstr(reply, "Cache-Control") == NULL);
  // Mistakes are not to be remembered.
  CHECK(status(get("/anything")) == 404 && strstr(reply, "Cache-Control") == NULL);
  opts.page404 = "www/a.html";
  CHECK(status(get("/anything")) == 200 && strstr(reply, "Cache-Control") == NULL);
  opts.page404 = NULL;
  memset(&web, 0, sizeof(web));
}

static void test_links(void) {
  static const struct {
    const char *target;
    int status, beneath;
  } rows[] = {{"/out.txt", 200, 404},     {"/absolute", 200, 404}, {"/in.txt", 200, 200},     {"/updir/outside.txt", 200, 404},
              {"/updir/", 200, 404},      {"/subdir/x.txt", 200, 200}, {"/subdir", 301, 301},  {"/updir", 301, 404},
              {"/out", 404, 404},         {"/a.txt", 200, 200},    {"/", 200, 200},           {"/sub/", 200, 200},
              {"/inc.shtml", 200, 200}};
  size_t i;
  opts.ssi_pattern = "#.shtml";
  for (i = 0; i < COUNT(rows); i++) {
    web.flags = 0;
    CHECK_ROW(status(get(rows[i].target)) == rows[i].status, rows[i].target);
    web.flags = MG_WEB_BENEATH;
    CHECK_ROW(status(get(rows[i].target)) == rows[i].beneath, rows[i].target);
    CHECK_ROW(strstr(reply, "outside") == NULL && strstr(reply, "root:") == NULL, rows[i].target);
  }
  exchange("GET /out HTTP/1.1\r\nAccept-Encoding: gzip");
  CHECK(status(reply) == 404);
  CHECK(strcmp(body(get("/inc.shtml")), "[a]") == 0);
  // Nor does a listing tell what is out there.
  get("/");
  CHECK(strstr(reply, ">in.txt<") != NULL && strstr(reply, ">subdir/<") != NULL);
  CHECK(strstr(reply, ">out.txt<") == NULL && strstr(reply, ">updir/<") == NULL);
  opts.ssi_pattern = NULL;
  web.flags = 0;
}

static void test_hidden(void) {
  CHECK(status(get("/.hidden")) == 200 && status(get("/.git/config")) == 200);
  CHECK(strstr(get("/"), ".git") != NULL);
  web.flags = MG_WEB_NO_DOT_FILES;
  CHECK(status(get("/.hidden")) == 404 && status(get("/.git/config")) == 404 && status(get("/.git/")) == 404);
  CHECK(status(get("/%2egit/config")) == 404 && status(get("/./.hidden")) == 404);
  CHECK(status(get("/.well-known/x")) == 200 && status(get("/./a.txt")) == 200);
  get("/");
  CHECK(status(reply) == 200 && strstr(reply, ".git") == NULL && strstr(reply, ".well-known") != NULL);
  web.flags = MG_WEB_NO_LISTING;
  CHECK(status(get("/sub/")) == 404 && status(get("/")) == 404 && status(get("/sub")) == 301);
  CHECK(status(get("/sub/x.txt")) == 200);
  web.flags = 0;
}

int main(void) {
  put_dir("www");
  put_dir("www/sub");
  put_dir("www/bridx");
  put_dir("www/.git");
  put_dir("www/.well-known");
  put("outside.txt", "outside");
  put("outside.gz", "outside");
  put("www/a.txt", "a");
  put("www/a.html", "html");
  put("www/film.webm", "film");
  put("www/c.css", "plain");
  put("www/c.css.gz", "gz");
  put("www/c.css.br", "br");
  put("www/g.css.gz", "only gz");
  put("www/bridx/index.html.br", "br");
  put("www/sub/x.txt", "x");
  put("www/.hidden", "h");
  put("www/.git/config", "c");
  put("www/.well-known/x", "w");
  put("www/inc.shtml", "[<!--#include file=\"out.txt\"--><!--#include file=\"in.txt\"--><!--#include virtual=\"/updir/outside.txt\"-->]");
  CHECK(symlink("../outside.txt", "www/out.txt") == 0 && symlink("a.txt", "www/in.txt") == 0);
  CHECK(symlink("/etc/passwd", "www/absolute") == 0 && symlink("..", "www/updir") == 0);
  CHECK(symlink("sub", "www/subdir") == 0 && symlink("../outside.gz", "www/out.gz") == 0);
  opts.root_dir = "www";
  start_server(serve);
  test_no_options();
  test_cors();
  test_preflight();
  test_security();
  test_compressed();
  test_lifetimes();
  test_links();
  test_hidden();
  stop_server();
  return FAILURES;
}
