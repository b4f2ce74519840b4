// What the two sides agree on: protocols, resumption, certificates by name, revocation; and how a
// listener is given another certificate.
#include "tls.h"

static struct mg_mgr mgr;
static struct mg_tls_config of_server, of_client;
static struct mg_tls_info at_server, at_client;
static char texts[2][400];  // What outlives the connections: protocol, name, subject and names.
static char error[64];
static int closes;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) CHECK(mg_tls_start(c, &of_server) == NULL);
  if (ev == MG_EV_READ) mg_send(c, "pong", 4), c->is_draining = 1;
  if (ev == MG_EV_TLS_HS) {
    CHECK(mg_tls_get_info(c, &at_server));
    mg_snprintf(texts[0], sizeof(texts[0]), "%.*s|%.*s|%.*s|%.*s", (int) at_server.alpn.len,
                at_server.alpn.buf, (int) at_server.name.len, at_server.name.buf,
                (int) at_server.peer_subject.len, at_server.peer_subject.buf,
                (int) at_server.peer_names.len, at_server.peer_names.buf);
  }
  (void) ev_data;
}

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) {
    struct mg_tls_info info;
    CHECK(!mg_tls_get_info(c, &info) && info.version.len == 0);
    CHECK(mg_tls_start(c, &of_client) == NULL);
    CHECK(!mg_tls_get_info(c, &info));
    mg_send(c, "ping", 4);
  }
  if (ev == MG_EV_READ || ev == MG_EV_CLOSE) {
    if (mg_tls_get_info(c, &at_client)) {
      mg_snprintf(texts[1], sizeof(texts[1]), "%.*s|%.*s|%.*s", (int) at_client.alpn.len, at_client.alpn.buf,
                  (int) at_client.peer_subject.len, at_client.peer_subject.buf,
                  (int) at_client.peer_names.len, at_client.peer_names.buf);
    }
  }
  if (ev == MG_EV_ERROR) mg_snprintf(error, sizeof(error), "%s", (char *) ev_data);
  if (ev == MG_EV_CLOSE) closes++;
}

// One connection to a listener, to its end. True when it resumed an earlier session.
static bool connect_once(struct mg_connection *l, const char *url) {
  int before = closes;
  memset(&at_client, 0, sizeof(at_client));
  memset(&at_server, 0, sizeof(at_server));
  error[0] = texts[0][0] = texts[1][0] = '\0';
  mg_connect(&mgr, url == NULL ? url_of("tls", l) : url, ask, NULL);
  POLL_UNTIL(&mgr, closes > before);
  return at_client.resumed;
}

static struct mg_connection *begin(void) {
  memset(&of_server, 0, sizeof(of_server));
  memset(&of_client, 0, sizeof(of_client));
  of_server.opts = identity("server");
  of_client.opts.ca = file("ca.crt");
  of_client.opts.name = mg_str("localhost");
  mg_mgr_init(&mgr);
  return mg_listen(&mgr, "tls://127.0.0.1:0", serve, NULL);
}

static void test_protocols(void) {
  static const struct {
    const char *server, *client, *agreed, *error;
  } rows[] = {
      {"", "", "", ""},
      {"", "h2", "", ""},
      {"mqtt", "", "", ""},
      {"h2,http/1.1", "http/1.1", "http/1.1", ""},
      {"a, b", "b,a", "a", ""},  // The server's order.
      {"h2", "mqtt", "", "tls hs: alert: no application protocol"},
  };
  struct mg_connection *l = begin();
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    of_server.alpn = mg_str(rows[i].server);
    of_client.alpn = mg_str(rows[i].client);
    connect_once(l, NULL);
    CHECK_ROW(strcmp(error, rows[i].error) == 0, error);
    CHECK_ROW(mg_strcmp(mg_str(rows[i].agreed), mg_str_n(texts[1], strcspn(texts[1], "|"))) == 0, texts[1]);
  }
  mg_mgr_free(&mgr);
}

// HTTP says so by itself, on both sides.
static char http_alpn[2][20];
static void http_side(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) mg_tls_init(c, &of_server.opts);
  if (ev == MG_EV_CONNECT) mg_tls_init(c, &of_client.opts), mg_printf(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  if (ev == MG_EV_TLS_HS) {
    struct mg_tls_info info;
    CHECK(mg_tls_get_info(c, &info));
    CHECK(info.version.len == 7 && info.cipher.len > 10 && info.group.len > 4 && !info.resumed);
    mg_snprintf(http_alpn[c->is_client], sizeof(http_alpn[0]), "%.*s", (int) info.alpn.len, info.alpn.buf);
  }
  if (ev == MG_EV_HTTP_MSG && !c->is_client) mg_http_reply(c, 200, "", "ok");
  if (ev == MG_EV_HTTP_MSG && c->is_client) closes++, c->is_closing = 1;
  (void) ev_data;
}

static void test_http(void) {
  struct mg_connection *l;
  int before = closes;
  begin();
  l = mg_http_listen(&mgr, "https://127.0.0.1:0", http_side, NULL);
  mg_http_connect(&mgr, url_of("https", l), http_side, NULL);
  POLL_UNTIL(&mgr, closes > before);
  CHECK(strcmp(http_alpn[0], "http/1.1") == 0 && strcmp(http_alpn[1], "http/1.1") == 0);
  mg_mgr_free(&mgr);
}

static void test_resumption(void) {
  struct mg_connection *l = begin();
  int i, resumed = 0;
  for (i = 0; i < 20; i++) resumed += connect_once(l, NULL);
  CHECK(resumed == 19);
  CHECK(at_server.resumed);
  // A client that believes others, or another name, or shows something, begins anew.
  of_client.opts.name = mg_str("127.0.0.1");
  CHECK(!connect_once(l, NULL) && connect_once(l, NULL));
  of_client.opts.cert = file("client.crt");
  of_client.opts.key = file("client.key");
  CHECK(!connect_once(l, NULL) && connect_once(l, NULL));
  // So does a server that wants to know more. What the ticket says of the client is believed.
  of_server.opts.ca = file("ca.crt");
  CHECK(!connect_once(l, NULL) && strcmp(texts[0], "||CN=client|DNS:localhost") == 0);
  CHECK(connect_once(l, NULL) && strcmp(texts[0], "||CN=client|DNS:localhost") == 0);
  // A ticket of who demanded less is no certificate.
  of_client.opts.cert = of_client.opts.key = mg_str("");
  of_server.opts.ca = mg_str("");
  connect_once(l, NULL);
  CHECK(connect_once(l, NULL));
  of_server.opts.ca = file("ca.crt");
  CHECK(!connect_once(l, NULL) && error[0] != '\0');
  // Where it is not wanted there is none: on the server, on the client.
  of_server.opts.ca = mg_str("");
  CHECK(mg_mgr_set(&mgr, MG_SET_TLS_TICKETS, 0));
  CHECK(!connect_once(l, NULL) && !connect_once(l, NULL));
  CHECK(mg_mgr_set(&mgr, MG_SET_TLS_TICKETS, 1));
  CHECK(mg_conn_set(l, MG_SET_TLS_TICKETS, 0));
  of_client.opts.name = mg_str("localhost");
  of_server.alpn = mg_str("x");
  CHECK(!connect_once(l, NULL) && !connect_once(l, NULL));
  mg_mgr_free(&mgr);
}

static void test_names(void) {
  static const struct {
    const char *name, *subject;
  } rows[] = {
      {"localhost", "CN=server"},
      {"a.example.com", "CN=wild"},
      {"A.EXAMPLE.COM", "CN=wild"},
      {"else.where", "CN=localhost"},
      {"a.b.example.com", "CN=server"},
      {"*", "CN=server"},
  };
  struct mg_tls_pair pairs[2];
  struct mg_connection *l = begin();
  size_t i;
  pairs[0].cert = file("wild.crt"), pairs[0].key = file("wild.key");
  pairs[1].cert = file("other_san.crt"), pairs[1].key = file("other_san.key");
  of_server.pairs = pairs;
  of_server.num_pairs = COUNT(pairs);
  for (i = 0; i < COUNT(rows); i++) {
    const char *subject;
    of_client.opts.name = mg_str(rows[i].name);
    of_client.opts.skip_verification = true;
    connect_once(l, NULL);
    subject = strchr(texts[1], '|');
    CHECK_ROW(subject != NULL && strncmp(subject + 1, rows[i].subject, strlen(rows[i].subject)) == 0, texts[1]);
  }
  CHECK(strcmp(texts[1], "|CN=server|DNS:localhost\nIP:127.0.0.1\nIP:::1") == 0);
  mg_mgr_free(&mgr);
}

static void test_revocation(void) {
  static const struct {
    const char *cert, *crl, *error;
  } rows[] = {
      {"server", "none.crl", ""},
      {"client", "client.crl", "tls hs: certificate revoked"},
      {"server", "client.crl", ""},
      {"server", "other.crl", "tls hs: no revocation list for the certificate"},
      {"server", "old.crl", "tls hs: revocation list expired"},
      {"server", "forged.crl", "tls hs: bad certificate: invalid crl signature for public key"},
  };
  struct mg_connection *l = begin();
  struct mg_tls_config config;
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    of_server.opts = identity(rows[i].cert);
    of_client.crl = file(rows[i].crl);
    connect_once(l, NULL);
    CHECK_ROW(strcmp(error, rows[i].error) == 0, error);
  }
  memset(&config, 0, sizeof(config));
  config.opts.ca = file("ca.crt");
  config.crl = mg_str("none.crl");
  CHECK(strcmp(mg_tls_start(l, &config), "crl: no list in it") == 0);
  mg_mgr_free(&mgr);
}

// What the authority says is handed on only if it is about the certificate.
static void test_ocsp(void) {
  static const struct {
    const char *file, *text, *error;
  } rows[] = {
      {"server.ocsp", NULL, NULL},
      {"client.ocsp", NULL, "ocsp: it is about another certificate"},
      {"server.der", NULL, "ocsp: the response is damaged"},
      {NULL, "server.ocsp", "ocsp: no response in it"},
      {NULL, "0\3\n\1\6", "ocsp: the authority's answer is an error"},
  };
  struct mg_connection *l = begin();
  struct mg_tls_config config;
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    const char *wrong;
    memset(&config, 0, sizeof(config));
    config.opts = identity("server");
    config.ocsp = rows[i].file != NULL ? file(rows[i].file) : mg_str(rows[i].text);
    wrong = mg_tls_start(l, &config);
    CHECK_ROW(rows[i].error == NULL ? wrong == NULL : wrong != NULL && strcmp(wrong, rows[i].error) == 0,
              wrong == NULL ? "it is taken" : wrong);
  }
  mg_mgr_free(&mgr);
}

// A listener that gets another certificate, or a wrong one. What has begun continues.
static struct record listener_saw;
static void inheriting(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) record_event(&listener_saw, ev, ev_data);
  if (ev == MG_EV_READ && !c->is_listening) mg_send(c, "pong", 4), c->is_draining = 1;
}

static void test_rotation(void) {
  static const char *const names[] = {"server", "other_san", "v1"};
  struct mg_tls_opts wrong;
  struct mg_connection *l;
  int i;
  begin();
  memset(&listener_saw, 0, sizeof(listener_saw));
  of_client.opts.skip_verification = true;
  mg_mgr_set(&mgr, MG_SET_TLS_INHERIT, 1);
  l = mg_listen(&mgr, "tls://127.0.0.1:0", inheriting, NULL);
  wrong = identity("server");
  wrong.key = file("rsa.key");
  for (i = 0; i < 60; i++) {
    struct mg_tls_config config;
    const char *subject = i % 3 == 0 ? "|CN=server|" : "|CN=localhost|";
    memset(&config, 0, sizeof(config));
    config.opts = identity(names[i % 3]);
    CHECK(mg_tls_start(l, &config) == NULL);
    connect_once(l, NULL);
    CHECK_ROW(strstr(texts[1], subject) != NULL && error[0] == '\0', texts[1]);
    config.opts = wrong;
    CHECK(strcmp(mg_tls_start(l, &config), "key: it does not belong to the certificate") == 0);
    connect_once(l, NULL);
    CHECK_ROW(strstr(texts[1], subject) != NULL && error[0] == '\0', error);
  }
  CHECK_EVENTS(listener_saw, "OPEN");
  mg_tls_init(l, &wrong);
  CHECK_EVENTS(listener_saw, "OPEN ERROR");
  CHECK(strcmp(listener_saw.error, "key: it does not belong to the certificate") == 0);
  CHECK(!l->is_closing && l->is_tls && l->tls != NULL);
  connect_once(l, NULL);
  CHECK_ROW(error[0] == '\0', error);
  CHECK(mg_tls_start(NULL, NULL) != NULL && !mg_tls_get_info(NULL, NULL));
  mg_mgr_free(&mgr);
}

// The keys go to a file if the program says so, not if only the environment does.
static void test_key_log(void) {
  struct mg_connection *l = begin();
  struct mg_str log;
  setenv("SSLKEYLOGFILE", "keys.log", 1);
  connect_once(l, NULL);
  CHECK(access("keys.log", F_OK) != 0);
  mg_mgr_set(&mgr, MG_SET_TLS_KEY_LOG, 1);
  connect_once(l, NULL);
  log = mg_file_read(&mg_fs_posix, "keys.log");
  CHECK(log.len > 0 && strstr(log.buf, "CLIENT_TRAFFIC_SECRET_0 ") != NULL);
  mg_free(log.buf);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  make_certs();
  test_protocols();
  test_http();
  test_resumption();
  test_names();
  test_revocation();
  test_ocsp();
  test_rotation();
  test_key_log();
  return FAILURES;
}
