// Base64url, JSON Web Tokens, CRC-16, times, comparison, %zu: what followed release 7.22.
#include "check.h"
#include "mongoose.h"

static const char CLAIMS[] = "{\"sub\":\"admin\",\"iat\":123}";
static const uint8_t PRIVATE[] = {0x05, 0x5d, 0xa3, 0xc5, 0x00, 0x49, 0xcc, 0x46, 0xee, 0x38, 0xae,
                                  0x35, 0x8d, 0x94, 0x64, 0x44, 0x8d, 0x5f, 0xf2, 0x8f, 0x1f, 0xca,
                                  0x89, 0xd2, 0xed, 0x20, 0x38, 0xc3, 0x2c, 0x03, 0x36, 0x16};
static const uint8_t PUBLIC[] = {
    0xa8, 0xde, 0x81, 0x22, 0x1b, 0xe0, 0x6e, 0x4e, 0xde, 0x72, 0x65, 0x1c, 0x9f, 0xc0, 0xda, 0xf4,
    0x0b, 0xe4, 0x8f, 0xfb, 0x83, 0x34, 0x44, 0x6d, 0xa9, 0x62, 0x46, 0xf6, 0xbf, 0xe8, 0xaf, 0x6e,
    0x97, 0xe2, 0xef, 0x63, 0x47, 0x92, 0x65, 0xe2, 0x17, 0xf9, 0x1b, 0x1d, 0x7b, 0x60, 0x99, 0x2a,
    0xe7, 0xfc, 0xf7, 0x93, 0xaa, 0x20, 0x3c, 0x33, 0xe9, 0xa0, 0x06, 0x16, 0x23, 0x0d, 0x7f, 0xb3};

static void test_base64url(void) {
  char buf[64];
  CHECK(mg_base64url_encode((const unsigned char *) "???", 3, buf, sizeof(buf)) == 4 && !strcmp(buf, "Pz8_"));
  CHECK(mg_base64url_encode((const unsigned char *) "ab", 2, buf, 4) == 3 && !strcmp(buf, "YWI"));
  CHECK(mg_base64url_encode((const unsigned char *) "ab", 2, buf, 3) == 0 && buf[0] == '\0');
  CHECK(mg_base64url_encode(NULL, 0, buf, 1) == 0 && mg_base64url_encode(NULL, 0, NULL, 0) == 0);
  CHECK(mg_base64url_decode("Pz8_", 4, buf, sizeof(buf)) == 3 && !strcmp(buf, "???"));
  CHECK(mg_base64url_decode("QUJD", 4, buf, 4) == 3 && mg_base64url_decode("QUJD", 4, buf, 3) == 0);
  CHECK(buf[0] == '\0' && mg_base64url_decode(NULL, 0, buf, 4) == 0 && mg_base64url_decode("Pz8/", 4, buf, 9) == 0);
  strcpy(buf, "QUJDRA");
  CHECK(mg_base64url_decode(buf, 6, buf, sizeof(buf)) == 4 && !strcmp(buf, "ABCD"));
}

static struct mg_jwt_opts options(const char *claims, const char *secret) {
  struct mg_jwt_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.claims = mg_str(claims), opts.secret = mg_str(secret);
  opts.private_key = PRIVATE, opts.public_key = PUBLIC;
  return opts;
}

static void test_hs256(void) {
  static const char plain[] =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiIsImlhdCI6MTIzfQ."
      "yIu-KZYG6OOksQBLsFfPtWunz2H7e6RnG0xrCE4BN1o";
  struct mg_jwt_opts opts = options(CLAIMS, "secret"), other = options(CLAIMS, "bad-secret");
  char buf[512], out[64];
  size_t i, n = mg_jwt_sign_hs256(&opts, buf, sizeof(buf));
  CHECK(n == 115 && !strcmp(buf, plain));
  CHECK(mg_jwt_sign_hs256(&opts, buf, 116) == 115 && mg_jwt_sign_hs256(&opts, buf, 115) == 0 && buf[0] == '\0');
  CHECK(mg_jwt_verify_hs256(mg_str(plain), &opts, out, 26) == 25 && !strcmp(out, CLAIMS));
  CHECK(mg_jwt_verify_hs256(mg_str(plain), &opts, out, 25) == 0 && out[0] == '\0');
  CHECK(mg_jwt_verify_hs256(mg_str(plain), &other, out, sizeof(out)) == 0);
  CHECK(mg_jwt_verify_es256(mg_str(plain), &opts, out, sizeof(out)) == 0);
  for (i = 0; i < 115; i++) {  // any character
    strcpy(buf, plain);
    buf[i] = buf[i] == 'A' ? 'B' : 'A';
    CHECK(mg_jwt_verify_hs256(mg_str(buf), &opts, out, sizeof(out)) == 0 && out[0] == '\0');
  }
  CHECK(mg_jwt_verify_hs256(mg_str(plain), NULL, out, sizeof(out)) == 0 && mg_jwt_sign_hs256(NULL, buf, 9) == 0);
  opts.kid = mg_str("hmac-key-1"), opts.header = mg_str("\"cty\":\"JWT\"");
  CHECK(mg_jwt_sign_hs256(&opts, buf, sizeof(buf)) == 157);
  CHECK(mg_jwt_verify_hs256(mg_str(buf), &opts, out, sizeof(out)) == 25);
  opts = options("{}", "");
  CHECK(mg_jwt_sign_hs256(&opts, buf, sizeof(buf)) == 0);
  CHECK(mg_jwt_verify_hs256(mg_str("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30."
                                   "LwimMJA3puF3ioGeS-tfczR3370GXBZMIL-bdpu4hOU"),
                            &opts, out, sizeof(out)) == 0);
}

// The samples of RFC 7515, A.1 and A.3, which have expired.
static void test_rfc7515(void) {
  static const char hs256[] =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  static const char key[] =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
  static const char es256[] =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
      "Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  static const char xy[] =
      "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEUx_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
  char secret[65], out[128];
  struct mg_jwt_opts opts = options("{}", "");
  CHECK(mg_base64url_decode(key, strlen(key), secret, sizeof(secret)) == 64);
  opts.secret = mg_str_n(secret, 64);
  CHECK(mg_jwt_verify_hs256(mg_str(hs256), &opts, out, sizeof(out)) == 0);
  CHECK(mg_jwt_read_hs256(mg_str(hs256), &opts, out, sizeof(out)) == 70);
  // x and y have 32 bytes each.
  CHECK(mg_base64url_decode(xy, 43, secret, 33) == 32 && mg_base64url_decode(xy + 43, 43, out, 33) == 32);
  memcpy(secret + 32, out, 32);
  opts.public_key = (const uint8_t *) secret;
  CHECK(mg_jwt_verify_es256(mg_str(es256), &opts, out, sizeof(out)) == 0);
  CHECK(mg_jwt_read_es256(mg_str(es256), &opts, out, sizeof(out)) == 70);
}

static void test_es256(void) {
  static const uint8_t zeros[64] = {0};
  struct mg_jwt_opts opts = options(CLAIMS, "");
  uint8_t key[64];
  char buf[512], out[64];
  size_t n = mg_jwt_sign_es256(&opts, buf, sizeof(buf));
  CHECK(mg_uecc_compute_public_key(PRIVATE, key, mg_uecc_secp256r1()) == 1 && !memcmp(key, PUBLIC, 64));
  CHECK(mg_uecc_compute_public_key(zeros, key, mg_uecc_secp256r1()) == 0);
  CHECK(n > 100 && n < 512 && mg_jwt_verify_es256(mg_str(buf), &opts, out, sizeof(out)) == 25);
  CHECK(mg_jwt_verify_hs256(mg_str(buf), &opts, out, sizeof(out)) == 0);
  buf[n - 1] = buf[n - 1] == 'A' ? 'B' : 'A';
  CHECK(mg_jwt_verify_es256(mg_str(buf), &opts, out, sizeof(out)) == 0);
  opts.public_key = zeros;
  CHECK(mg_jwt_verify_es256(mg_str(buf), &opts, out, sizeof(out)) == 0);
  opts.private_key = zeros;
  CHECK(mg_jwt_sign_es256(&opts, buf, sizeof(buf)) == 0);
  opts.private_key = opts.public_key = NULL;
  CHECK(mg_jwt_sign_es256(&opts, buf, sizeof(buf)) == 0 && mg_jwt_verify_es256(mg_str("a.b.c"), &opts, out, 9) == 0);
  CHECK(mg_uecc_parse_private_key(mg_str("garbage"), key, 64) == 0);
  CHECK(mg_uecc_parse_private_key(mg_str("-----BEGIN EC PRIVATE KEY-----\n"
                                         "MDECAQEEIAVdo8UAScxG7jiuNY2UZESNX/KPH8qJ0u0gOMMsAzYWoAoGCCqGSM49\n"
                                         "AwEH\n-----END EC PRIVATE KEY-----\n"),
                                  key, 32) == 32);
  CHECK(memcmp(key, PRIVATE, 32) == 0);
}

static void test_numbers(void) {
  char buf[100];
  CHECK(mg_crc16(0, NULL, 0) == 0 && mg_crc16(0, "123456789", 9) == 0x906e);
  CHECK(mg_memeq("abc", "abc", 3) && !mg_memeq("abc", "abd", 3) && mg_memeq(NULL, NULL, 0));
  CHECK(mg_timegm(1970, 1, 1, 0, 0, 0) == 0 && mg_timegm(1969, 12, 31, 23, 59, 59) == 0);
  CHECK(mg_timegm(2023, 1, 1, 0, 0, 0) == 1672531200 && mg_timegm(2025, 12, 31, 23, 59, 59) == 1767225599);
  CHECK(mg_timegm(2024, 2, 29, 12, 0, 0) == 1709208000 && mg_timegm(2100, 3, 1, 0, 0, 0) == 4107542400);
  CHECK(mg_timegm(2016, 12, 31, 23, 59, 60) == 1483228800 && mg_timegm(2023, 2, 29, 0, 0, 0) == 1677628800);
  CHECK(mg_timegm(9999, 12, 31, 23, 59, 59) == 253402300799u);
  CHECK(mg_timegm(2023, 0, 1, 0, 0, 0) == 0 && mg_timegm(2023, 13, 1, 0, 0, 0) == 0 && mg_timegm(2023, 1, 0, 0, 0, 0) == 0);
  CHECK(mg_timegm(~0u, 12, ~0u, ~0u, ~0u, ~0u) > 0);
  mg_snprintf(buf, sizeof(buf), "%zu:%s", (size_t) -1, "x");
  CHECK(strcmp(buf, "18446744073709551615:x") == 0);
  mg_snprintf(buf, sizeof(buf), "%zd %8zu|%-8zu|%zx %lzu %d", (ssize_t) -3, (size_t) 123, (size_t) 123,
              (size_t) 0xabcdef123456, (size_t) 1 << 40, 77);
  CHECK(strcmp(buf, "-3      123|123     |abcdef123456 1099511627776 77") == 0);
  mg_snprintf(buf, sizeof(buf), "%zi %zzu 100%z%");
  CHECK(strcmp(buf, "%i %zu 100%") == 0);
  mg_snprintf(buf, sizeof(buf), "a%z");
  CHECK(strcmp(buf, "a%z") == 0);
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_OPEN && c->is_client) CHECK(mg_dscp(c, 40) && c->dscp == 40);
  if (ev == MG_EV_OPEN && c->is_listening) CHECK(mg_dscp(c, MG_DSCP_EF) && !mg_dscp(c, 64) && c->dscp == 46);
  if (ev == MG_EV_ACCEPT) {
    CHECK(c->dscp == 46);
    *(int *) c->fn_data |= 1;
  }
  if (ev == MG_EV_CONNECT) {
    int tos = 0;
    socklen_t len = sizeof(tos);
    CHECK(getsockopt((int) (size_t) c->fd, IPPROTO_IP, IP_TOS, &tos, &len) == 0 && tos == 160);
    *(int *) c->fn_data |= 2;
  }
  (void) ev_data;
}

static void test_dscp(void) {
  struct mg_mgr mgr;
  struct mg_connection *l;
  char url[50];
  int seen = 0, i;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", handler, &seen);
  mg_snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(l->loc.port));
  mg_connect(&mgr, url, handler, &seen);
  for (i = 0; i < 2000 && seen != 3; i++) mg_mgr_poll(&mgr, 10);
  CHECK(seen == 3 && MG_DSCP_AF(4, 3) == 38 && MG_DSCP_CS(7) == 56);
  mg_mgr_free(&mgr);
}

static void web(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) mg_http_reply(c, 200, "", "inherited\n");
  (void) ev_data;
}

static void got(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) *(int *) c->fn_data = mg_http_status((struct mg_http_message *) ev_data);
}

// A socket that somebody else has bound, as systemd does.
static void test_inherited(void) {
  struct sockaddr_in sin;
  socklen_t len = sizeof(sin);
  struct mg_mgr mgr;
  struct mg_connection *c;
  char url[50];
  int status = 0, i, fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&sin, 0, sizeof(sin));
  sin.sin_family = AF_INET, sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0);
  mg_mgr_init(&mgr);
  mg_snprintf(url, sizeof(url), "fd://%d", fd);
  CHECK(mg_http_listen(&mgr, url, web, NULL) == NULL);  // does not listen
  CHECK(mg_http_listen(&mgr, "fd://99999", web, NULL) == NULL && mg_http_listen(&mgr, "fd://x", web, NULL) == NULL);
  CHECK(listen(fd, 10) == 0 && getsockname(fd, (struct sockaddr *) &sin, &len) == 0);
  CHECK(mg_http_listen(&mgr, url, web, NULL) != NULL);
  mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(sin.sin_port));
  c = mg_http_connect(&mgr, url, got, &status);
  mg_printf(c, "GET / HTTP/1.0\r\n\r\n");
  for (i = 0; i < 2000 && status == 0; i++) mg_mgr_poll(&mgr, 10);
  CHECK(status == 200);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_base64url();
  test_hs256();
  test_rfc7515();
  test_es256();
  test_numbers();
  test_dscp();
  test_inherited();
  return FAILURES;
}
