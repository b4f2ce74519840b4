// Whom TLS clients and servers believe: chains, dates, names, purposes.
#include "tls.h"

// A server shows `cert`, the client trusts `ca` and asks for `name`.
static bool believes(const char *cert, const char *ca, const char *name) {
  struct mg_tls_opts opts;
  char path[40];
  memset(&opts, 0, sizeof(opts));
  if (ca != NULL) mg_snprintf(path, sizeof(path), "%s.crt", ca), opts.ca = file(path);
  if (name != NULL) opts.name = mg_str(name);
  return meet(identity(cert), opts);
}

static void test_chains(void) {
  static const struct {
    const char *cert, *ca;
    bool good;
    const char *error;
  } rows[] = {
      {"server", "ca", true, ""},
      {"v1", "ca", true, ""},
      {"san_only_ip", "ca", true, ""},
      {"other_san", "ca", false, "tls hs: name mismatch"},
      {"own", "own", true, ""},
      {"own_leaf", "own_leaf", true, ""},
      {"own_v1", "own_v1", true, ""},
      {"by_v1", "root_v1", true, ""},
      {"chain", "ca", true, ""},
      {"chain_v1", "ca", true, ""},
      {"below", "ca", false, "tls hs: unknown CA"},
      {"below_v1", "ca", false, "tls hs: unknown CA"},
      {"below", "middle", true, ""},
      {"below_v1", "middle", true, ""},
      {"chain", "middle", true, ""},
      {"server", "server", true, ""},
      {"stranger", "ca", false, "tls hs: unknown CA"},
      {"server", "other", false, "tls hs: unknown CA"},
      {"own", "ca", false, "tls hs: unknown CA"},
      {"own_v1", "ca", false, "tls hs: unknown CA"},
      {"own_v1", "own", false, "tls hs: unknown CA"},  // The same name and key, another certificate.
      {"expired", "ca", false, "tls hs: certificate expired"},
      {"future", "ca", false, "tls hs: certificate not yet valid"},
      {"client_only", "ca", false, "tls hs: certificate is for another purpose"},
      {"server_only", "ca", true, ""},
      {"ca_leaf", "ca", true, ""},
      {"chain_no_ca", "ca", false, NULL},
      {"chain_no_ca_v1", "ca", false, "tls hs: unknown CA"},
      {"rsa", "rsa", true, ""},
      {"p384", "p384", true, ""},
      {"p521", "p521", true, ""},
      {"ed25519", "ed25519", true, ""},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char row[60];
    mg_snprintf(row, sizeof(row), "%s by %s", rows[i].cert, rows[i].ca);
    CHECK_ROW(believes(rows[i].cert, rows[i].ca, "localhost") == rows[i].good, row);
    if (rows[i].error != NULL) CHECK_ROW(strcmp(client.seen.error, rows[i].error) == 0, client.seen.error);
    // The server is told.
    if (!rows[i].good) CHECK_ROW(strncmp(server.seen.error, "tls hs: alert: ", 15) == 0, row);
  }
}

static void test_names(void) {
  static char long_name[261];
  static const struct {
    const char *cert, *name;
    bool good;
  } rows[] = {
      {"server", "localhost", true},
      {"server", "LOCALHOST", true},
      {"server", "127.0.0.1", true},
      {"server", "::1", true},
      {"server", "[::1]", true},
      {"server", "127.0.0.2", false},
      {"server", "wrong.host", false},
      {"server", "server", false},
      {"server", "bad name", false},
      {"server", long_name, false},
      {"wild", "a.example.com", true},
      {"wild", "a.b.example.com", false},
      {"wild", "example.com", false},
      {"v1", "127.0.0.1", false},
      {"v1", "elsewhere", false},
      {"no_cn", "localhost", false},
  };
  size_t i;
  memset(long_name, 'a', sizeof(long_name) - 1);
  for (i = 0; i < COUNT(rows); i++) {
    const char *ca = strcmp(rows[i].cert, "no_cn") == 0 ? "no_cn" : "ca";
    CHECK_ROW(believes(rows[i].cert, ca, rows[i].name) == rows[i].good, rows[i].name);
    if (!rows[i].good) CHECK_ROW(strcmp(client.seen.error, "tls hs: name mismatch") == 0, client.seen.error);
    // Without authorities only the name counts.
    CHECK_ROW(believes(rows[i].cert, NULL, rows[i].name) == rows[i].good, rows[i].name);
    if (!rows[i].good) CHECK_ROW(strcmp(client.seen.error, "failed to verify hostname") == 0, client.seen.error);
  }
  // A client that names authorities but no host means that of its URL: 127.0.0.1.
  CHECK(believes("server", "ca", NULL));
  CHECK(believes("server", "ca", ""));
  CHECK(!believes("wild", "ca", NULL));
  CHECK(strcmp(client.seen.error, "tls hs: name mismatch") == 0);
  CHECK(!believes("wild", "ca", ""));
  // Any name will do where the program says so, or when the URL is not one of TLS.
  CHECK(believes("wild", "ca", "*"));
  CHECK(!believes("stranger", "ca", "*"));
  scheme = "tcp";
  CHECK(believes("wild", "ca", NULL));
  scheme = "tls";
}

static void test_who_does_not_ask(void) {
  static const char *const certs[] = {"server", "v1", "no_cn", "own", "expired", "future", "client_only"};
  struct mg_tls_opts opts;
  size_t i;
  for (i = 0; i < COUNT(certs); i++) CHECK_ROW(believes(certs[i], NULL, NULL), certs[i]);
  memset(&opts, 0, sizeof(opts));
  opts.ca = mg_str("");
  opts.name = mg_str("localhost");
  CHECK(meet(identity("stranger"), opts));
  opts.ca = mg_str("*");
  CHECK(meet(identity("stranger"), opts));
  opts.name = mg_str("*");
  CHECK(meet(identity("no_cn"), opts));
  // To skip the check is to skip all of it.
  opts.ca = file("ca.crt");
  opts.name = mg_str("elsewhere");
  CHECK(!meet(identity("stranger"), opts));
  opts.skip_verification = true;
  CHECK(meet(identity("stranger"), opts));
  CHECK(meet(identity("expired"), opts));
}

// Text in `ca` that is no certificate adds no trust, and does no harm.
static void test_texts_of_authorities(void) {
  static char text[20000];
  const char *ca = file("ca.crt").buf, *other = file("other.crt").buf;
  const char *broken = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
  struct mg_tls_opts opts;
  int i;
  memset(&opts, 0, sizeof(opts));
  for (i = 0; i < 9; i++) {
    bool good = i < 6;
    size_t len = 0;
    if (i == 0) len = mg_snprintf(text, sizeof(text), "%s%s", other, ca);
    if (i == 1) len = mg_snprintf(text, sizeof(text), "%s# A comment.\n%s", other, ca);
    if (i == 2) len = mg_snprintf(text, sizeof(text), "%s%s", broken, ca);
    if (i == 3) len = mg_snprintf(text, sizeof(text), "%s%s%s", ca, broken, other);
    if (i == 4) len = mg_snprintf(text, sizeof(text), "%s", file("ca.trusted").buf);
    if (i == 5) memcpy(text, file("ca.der").buf, len = file("ca.der").len);
    if (i == 6) len = mg_snprintf(text, sizeof(text), "/etc/ssl/cert.pem");
    if (i == 7) len = mg_snprintf(text, sizeof(text), "%s", file("ca.key").buf);
    if (i == 8) len = mg_snprintf(text, sizeof(text), "%s", broken);
    opts.ca = mg_str_n(text, len);
    mg_snprintf(client.seen.error, sizeof(client.seen.error), "");
    CHECK_ROW(meet(identity("server"), opts) == good, text);
    if (!good) CHECK_ROW(strcmp(client.seen.error, "tls hs: unknown CA") == 0, client.seen.error);
  }
}

// A server that has authorities demands a certificate of its clients.
static void test_clients(void) {
  static const struct {
    const char *cert;
    bool good;
    const char *error;
  } rows[] = {
      {"client", true, ""},
      {"v1", true, ""},
      {"client_only", true, ""},
      {"chain", true, ""},
      {NULL, false, "tls hs: no client certificate"},
      {"stranger", false, "tls hs: unknown CA"},
      {"expired", false, "tls hs: certificate expired"},
      {"server_only", false, "tls hs: certificate is for another purpose"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_tls_opts of_server = identity("server"), of_client = identity(rows[i].cert);
    const char *name = rows[i].cert == NULL ? "none" : rows[i].cert;
    of_server.ca = file("ca.crt");
    of_server.name = mg_str("ignored");
    of_server.skip_verification = i % 2;  // Never relaxes it.
    of_client.ca = file("ca.crt");
    of_client.name = mg_str("localhost");
    CHECK_ROW(meet(of_server, of_client) == rows[i].good, name);
    CHECK_ROW(strcmp(server.seen.error, rows[i].error) == 0, server.seen.error);
    CHECK_ROW((strstr(server.seen.text, "TLS_HS") != NULL) == rows[i].good, name);
    of_server.ca = mg_str("*");
    CHECK_ROW(meet(of_server, of_client), name);
  }
}

int main(void) {
  make_certs();
  test_chains();
  test_names();
  test_who_does_not_ask();
  test_texts_of_authorities();
  test_clients();
  return FAILURES;
}
