// Firmware updates over HTTPS: who is trusted, and that nothing goes out in clear text.
#include "tls.h"

static struct mg_mgr mgr;
static struct mg_connection *secure, *plain;  // the vendor's listeners
static const char *firmware_scheme, *firmware_host;
static int plain_requests, begins, ends, outcomes;
static size_t written;
static char outcome[200];

bool mg_ota_begin(size_t size) {
  begins++;
  written = 0;
  return size == 10;
}
bool mg_ota_write(const void *buf, size_t len) {
  written += buf == NULL ? 0 : len;
  return true;
}
bool mg_ota_end(void) {
  ends++;
  return written == 10;
}

static void done(const char *err) {
  outcomes++;
  snprintf(outcome, sizeof(outcome), "%s", err == NULL ? "done" : err);
}

static void vendor(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_ACCEPT && c->fn_data != NULL) mg_tls_init(c, (struct mg_tls_opts *) c->fn_data);
  if (ev != MG_EV_HTTP_MSG) return;
  if (!c->is_tls) plain_requests++;
  if (mg_match(hm->uri, mg_str("/meta"), NULL)) {
    bool tls = strcmp(firmware_scheme, "https") == 0;
    mg_http_reply(c, 200, "", "{\"version\":\"2.0\",\"url\":\"%s://%s:%d/bin\",\"size\":10}", firmware_scheme,
                  firmware_host, (int) mg_ntohs((tls ? secure : plain)->loc.port));
  } else {
    mg_http_reply(c, 200, "", "0123456789");
  }
}

// Checks for an update by a URL of one of the listeners.
static void check(const char *url_scheme, const char *host, struct mg_connection *at, const char *expected) {
  char url[100];
  plain_requests = begins = ends = outcomes = 0;
  mg_snprintf(url, sizeof(url), "%s://%s:%d/meta", url_scheme, host, (int) mg_ntohs(at->loc.port));
  mg_ota_url_check(&mgr, url, done);
  POLL_UNTIL(&mgr, outcomes > 0);
  CHECK_ROW(strncmp(outcome, expected, strlen(expected)) == 0, outcome);
  POLL_UNTIL(&mgr, mgr.conns == plain && plain->next == secure && secure->next == NULL);
  CHECK(outcomes == 1);
  CHECK(begins == ends && begins == (strcmp(expected, "done") == 0));
}

int main(void) {
  static struct mg_tls_opts of_server;
  struct mg_str none = {NULL, 0};
  mg_log_set(MG_LL_NONE);
  make_certs();
  of_server = identity("server");
  server.opts = client.opts = of_server;
  mg_mgr_init(&mgr);
  secure = mg_http_listen(&mgr, "https://127.0.0.1:0", vendor, &of_server);
  plain = mg_http_listen(&mgr, "http://127.0.0.1:0", vendor, NULL);
  CHECK(secure != NULL && plain != NULL && strcmp(scheme, "tls") == 0);

  firmware_scheme = "https", firmware_host = "127.0.0.1";
  check("https", "127.0.0.1", secure, "MG_OTA_TLS_CA is not configured");
  check("http", "127.0.0.1", plain, "MG_OTA_TLS_CA is not configured");

  mg_ota_set_ca(file("ca.crt"));
  check("https", "127.0.0.1", secure, "done");
  CHECK(plain_requests == 0);
  check("HTTPS", "127.0.0.1", secure, "done");
  CHECK(plain_requests == 0);
  check("https", "localhost", secure, "done");
  check("http", "127.0.0.1", plain, "done");
  CHECK(plain_requests == 1);
  firmware_host = "localhost";
  check("https", "127.0.0.1", secure, "done");

  // A host that the certificate does not name.
  of_server = identity("other_san");
  check("https", "127.0.0.1", secure, "tls hs: ");
  of_server = identity("server");

  // What came over TLS is not undone by a firmware that anybody may replace.
  firmware_scheme = "http", firmware_host = "127.0.0.1";
  check("https", "127.0.0.1", secure, "Insecure firmware URL");
  CHECK(plain_requests == 0);
  check("http", "127.0.0.1", plain, "done");

  // A server without TLS gets no request, and its answer is no handshake.
  firmware_scheme = "https";
  check("https", "127.0.0.1", plain, "connection closed");
  CHECK(plain_requests == 0);

  mg_ota_set_ca(file("other.crt"));
  check("https", "127.0.0.1", secure, "tls hs: ");
  mg_ota_set_ca(mg_str("garbage"));
  check("https", "127.0.0.1", secure, "tls hs: ");
  mg_ota_set_ca(none);
  check("https", "127.0.0.1", secure, "MG_OTA_TLS_CA is not configured");

  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  return FAILURES;
}
