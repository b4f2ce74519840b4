// The forms in which TLS takes certificates and keys, and what it says of those that it does not.
#include "tls.h"

static struct mg_str joined(struct mg_str a, struct mg_str b) {
  static char text[5][20000];
  static int turn;
  char *to = text[turn = (turn + 1) % 5];
  memcpy(to, a.buf, a.len);
  memcpy(to + a.len, b.buf, b.len);
  return mg_str_n(to, a.len + b.len);
}

static struct mg_str with_crlf(struct mg_str a) {
  static char text[20000];
  size_t i, n = 0;
  for (i = 0; i < a.len; i++) {
    if (a.buf[i] == '\n') text[n++] = '\r';
    text[n++] = a.buf[i];
  }
  return mg_str_n(text, n);
}

static void accepts(const char *what, struct mg_str cert, struct mg_str key, const char *ca) {
  struct mg_tls_opts of_server = identity(NULL), of_client = identity(NULL);
  of_server.cert = cert;
  of_server.key = key;
  of_client.ca = file(ca);
  of_client.name = mg_str("localhost");
  CHECK_ROW(meet(of_server, of_client), what);
  CHECK_ROW(server.seen.error[0] == '\0', server.seen.error);
  // The same as a client's certificate.
  of_server.ca = file(ca);
  of_client.cert = cert;
  of_client.key = key;
  CHECK_ROW(meet(of_server, of_client), what);
}

static void test_what_is_accepted(void) {
  struct mg_str cert = file("server.crt"), key = file("server.key"), both = joined(cert, key);
  accepts("PEM", cert, key, "ca.crt");
  accepts("DER", file("server.der"), key, "ca.crt");
  accepts("text before it", file("server.text"), key, "ca.crt");
  accepts("CRLF", with_crlf(cert), key, "ca.crt");
  accepts("CRLF", cert, with_crlf(key), "ca.crt");
  accepts("no newline", mg_str_n(cert.buf, cert.len - 1), mg_str_n(key.buf, key.len - 1), "ca.crt");
  accepts("NUL", mg_str_n(cert.buf, cert.len + 1), mg_str_n(key.buf, key.len + 1), "ca.crt");
  accepts("both in one", both, both, "ca.crt");
  both = joined(key, cert);
  accepts("both in one, the key first", both, both, "ca.crt");
  accepts("EC PARAMETERS", cert, joined(file("server.params"), file("server.sec1")), "ca.crt");
  accepts("SEC1", cert, file("server.sec1"), "ca.crt");
  accepts("SEC1 as DER", cert, file("server.sec1.der"), "ca.crt");
  accepts("PKCS#8 as DER", cert, file("server.pkcs8.der"), "ca.crt");
  accepts("PKCS#1", file("rsa.crt"), file("rsa.pkcs1"), "rsa.crt");
  accepts("PKCS#1 as DER", file("rsa.crt"), file("rsa.pkcs1.der"), "rsa.crt");
  accepts("RSA as PKCS#8", file("rsa.crt"), file("rsa.key"), "rsa.crt");
  accepts("P-384", file("p384.crt"), file("p384.key"), "p384.crt");
  accepts("P-521", file("p521.crt"), file("p521.key"), "p521.crt");
  accepts("Ed25519", file("ed25519.crt"), file("ed25519.key"), "ed25519.crt");
  accepts("version 1", file("v1.crt"), file("v1.key"), "ca.crt");
  accepts("broken block after it",
          joined(cert, mg_str("\n-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----\n")), key,
          "ca.crt");
}

struct outcome {
  char error[64];
  int in_call;
};

static void refused(struct mg_connection *c, int ev, void *ev_data) {
  struct outcome *outcome = (struct outcome *) c->fn_data;
  if (ev == MG_EV_ERROR) {
    mg_snprintf(outcome->error, sizeof(outcome->error), "%s", (char *) ev_data);
    outcome->in_call = 1;
  }
}

#define NO_CERT "cert: no certificate in it"
#define OTHER "key: it does not belong to the certificate"
#define UNUSABLE "key: unreadable, or not RSA 2048+, P-256/384/521, Ed25519"
#define DAMAGED "key: damaged, or encrypted (decrypt: openssl pkey -in KEY)"

static void test_what_is_refused(void) {
  struct mg_str cert = file("server.crt"), key = file("server.key"), garbage = mg_str("-----\n");
  const struct {
    struct mg_str cert, key;
    const char *error;
  } rows[] = {
      {garbage, key, NO_CERT},
      {mg_str("/etc/server.crt"), key, "cert: a file name; the contents of the file are wanted"},
      {cert, mg_str("server.key"), "key: a file name; the contents of the file are wanted"},
      {key, key, "cert: a key, no certificate"},
      {mg_str_n(cert.buf, 300), key, NO_CERT},
      {mg_str_n(file("server.der").buf, 100), key, NO_CERT},
      {cert, garbage, "key: no private key in it"},
      {cert, cert, "key: no private key in it"},
      {cert, mg_str_n(key.buf, 100), DAMAGED},
      {cert, mg_str_n(file("server.sec1.der").buf, 50), UNUSABLE},
      {cert, file("v1.key"), OTHER},
      {cert, file("rsa.key"), OTHER},
      {cert, file("server.encrypted"), "key: it is encrypted; decrypt it: openssl pkey -in KEY"},
      {cert, file("server.encrypted_sec1"), DAMAGED},
      {file("weak.crt"), file("weak.key"), UNUSABLE},
      {joined(file("middle.crt"), file("below.crt")), file("below.key"), "cert: that of the key must come first"},
      {mg_str(""), key, "cert: it is missing, there is only a key"},
      {cert, mg_str(""), "Certificate provided without a private key"},
      {cert, mg_str_n(NULL, 0), "Certificate provided without a private key"},
  };
  struct mg_mgr mgr;
  size_t i;
  int is_client;
  mg_mgr_init(&mgr);
  for (i = 0; i < COUNT(rows); i++) {
    for (is_client = 0; is_client < 2; is_client++) {
      struct mg_connection *l = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
      struct outcome outcome;
      struct mg_connection *c = mg_connect(&mgr, url_of("tcp", l), refused, &outcome);
      struct mg_tls_opts opts;
      memset(&outcome, 0, sizeof(outcome));
      memset(&opts, 0, sizeof(opts));
      opts.cert = rows[i].cert;
      opts.key = rows[i].key;
      c->is_client = (unsigned) is_client & 1;
      mg_tls_init(c, &opts);
      CHECK_ROW(strcmp(outcome.error, rows[i].error) == 0, outcome.error);
      CHECK_ROW(outcome.in_call && c->is_closing && c->tls == NULL && !c->is_tls_hs, rows[i].error);
      mg_mgr_poll(&mgr, 1);
    }
  }
  mg_mgr_free(&mgr);
}

// The options may be overwritten as soon as the call has returned.
static void overwriting(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) {
    struct mg_str cert = mg_strdup(file("server.crt")), key = mg_strdup(file("server.key"));
    struct mg_tls_opts opts;
    memset(&opts, 0, sizeof(opts));
    opts.cert = cert;
    opts.key = key;
    mg_tls_init(c, &opts);
    memset(cert.buf, 'x', cert.len);
    memset(key.buf, 'x', key.len);
    mg_free(cert.buf);
    mg_free(key.buf);
    memset(&opts, 0xff, sizeof(opts));
  }
  if (ev == MG_EV_READ) mg_send(c, c->recv.buf, c->recv.len), c->recv.len = 0;
  note(c, side, ev, ev_data);
}

static void test_options_are_copied(void) {
  struct mg_mgr mgr;
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", overwriting, &server);
  client.opts = identity(NULL);
  client.c = mg_connect(&mgr, url_of("tcp", l), ask_tls, &client);
  POLL_UNTIL(&mgr, client.got == 4 || client.c == NULL);
  CHECK(client.got == 4);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  make_certs();
  test_what_is_accepted();
  test_what_is_refused();
  test_options_are_copied();
  return FAILURES;
}
