// Variables, header parameters, multipart, credentials, entity tags: the C side of the helpers.
#include "check.h"
#include "mongoose.h"

static struct mg_str str(const char *s) {
  struct mg_str r = {(char *) s, strlen(s)};
  return r;
}

static int is(struct mg_str s, const char *text) {
  return s.buf != NULL && s.len == strlen(text) && memcmp(s.buf, text, s.len) == 0;
}

static int is_null(struct mg_str s) { return s.buf == NULL && s.len == 0; }

static const struct mg_str none = {NULL, 0};

static void variables(void) {
  struct mg_str s = str("a=x+y%2Bz&b=&c=%zz");
  char dst[8];
  CHECK(mg_http_var(s, str("A")).buf == s.buf + 2);
  CHECK(is(mg_http_var(s, str("b")), "") && is_null(mg_http_var(s, str("x"))));
  CHECK(is_null(mg_http_var(none, str("a"))) && is_null(mg_http_var(s, none)));

  CHECK(mg_http_get_var(&s, "a", dst, sizeof(dst)) == 5 && strcmp(dst, "x y+z") == 0);
  CHECK(mg_http_get_var(&s, "a", dst, 6) == 5 && mg_http_get_var(&s, "a", dst, 5) == -3);
  CHECK(mg_http_get_var(&s, "b", dst, 1) == 0 && dst[0] == '\0');
  CHECK(mg_http_get_var(&s, "c", dst, sizeof(dst)) == -3);
  dst[0] = 'x';
  CHECK(mg_http_get_var(&s, "no", dst, sizeof(dst)) == -4 && dst[0] == '\0');
  dst[0] = 'x';
  CHECK(mg_http_get_var(&s, NULL, dst, sizeof(dst)) == -1 && dst[0] == '\0');
  CHECK(mg_http_get_var(&none, "a", dst, sizeof(dst)) == -1);
  CHECK(mg_http_get_var(NULL, "a", dst, sizeof(dst)) == -1);
  CHECK(mg_http_get_var(&s, "a", NULL, 10) == -2 && mg_http_get_var(&s, "a", dst, 0) == -2);

  s = str("form-data; filename=\"b c\"; name=a");
  CHECK(mg_http_get_header_var(s, str("filename")).buf == s.buf + 21);
  CHECK(is(mg_http_get_header_var(s, str("filename")), "b c"));
  CHECK(is(mg_http_get_header_var(s, str("name")), "a"));
  CHECK(is_null(mg_http_get_header_var(s, none)) && is_null(mg_http_get_header_var(none, str("a"))));
}

static void multipart(void) {
  struct mg_str body = str("--x\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n1\r\n--x\r\n\r\n22\r\n--x--\r\n");
  struct mg_http_part part;
  size_t ofs = mg_http_next_multipart(body, 0, &part);
  CHECK(ofs > 0 && body.buf[ofs] == '-');
  CHECK(is(part.name, "a") && is(part.filename, "f") && is(part.body, "1"));
  CHECK(mg_http_next_multipart(body, 0, NULL) == ofs);
  ofs = mg_http_next_multipart(body, ofs, &part);
  CHECK(ofs > 0 && is_null(part.name) && is_null(part.filename) && is(part.body, "22"));
  CHECK(mg_http_next_multipart(body, ofs, &part) == 0 && is_null(part.body));
  CHECK(mg_http_next_multipart(str(""), 0, NULL) == 0);
  CHECK(mg_http_next_multipart(none, 5, &part) == 0);
  CHECK(mg_http_next_multipart(body, (size_t) -1, &part) == 0);
}

static void credentials(void) {
  struct mg_http_message hm;
  char user[8], pass[8] = "#";
  const char *s = "GET /?access_token=q HTTP/1.1\r\nAuthorization: Basic Zm9vOmJhcg==\r\n\r\n";
  CHECK(mg_http_parse(s, strlen(s), &hm) > 0);
  mg_http_creds(&hm, user, sizeof(user), pass, sizeof(pass));
  CHECK(strcmp(user, "foo") == 0 && strcmp(pass, "bar") == 0);
  mg_http_creds(&hm, user, 3, pass, 1);
  CHECK(strcmp(user, "fo") == 0 && strcmp(pass, "") == 0);
  pass[0] = '#';
  mg_http_creds(&hm, NULL, 0, pass, 0);
  CHECK(pass[0] == '#');
  mg_http_creds(NULL, user, sizeof(user), pass, sizeof(pass));
  CHECK(user[0] == '\0' && pass[0] == '\0');
  s = "GET /?access_token=q HTTP/1.1\r\nCookie: a=b\r\n\r\n";
  CHECK(mg_http_parse(s, strlen(s), &hm) > 0);
  mg_http_creds(&hm, user, sizeof(user), pass, sizeof(pass));
  CHECK(pass[0] == '\0');
  s = "GET /?access_token=q HTTP/1.1\r\n\r\n";
  CHECK(mg_http_parse(s, strlen(s), &hm) > 0);
  mg_http_creds(&hm, user, sizeof(user), pass, sizeof(pass));
  CHECK(strcmp(pass, "q") == 0);
}

static void basic(void) {
  static const struct {
    const char *user, *pass, *line;
  } rows[] = {
      {"foo", "bar", "Authorization: Basic Zm9vOmJhcg==\r\n"},
      {"foo", NULL, "Authorization: Basic Zm9vOg==\r\n"},
      {NULL, "p", "Authorization: Basic OnA=\r\n"},
      {NULL, NULL, "Authorization: Basic \r\n"},
  };
  struct mg_connection c;  // the program's own, not in a manager
  size_t i;
  memset(&c, 0, sizeof(c));
  for (i = 0; i < COUNT(rows); i++) {
    mg_http_bauth(&c, rows[i].user, rows[i].pass);
    CHECK_ROW(c.send.len == strlen(rows[i].line) && memcmp(c.send.buf, rows[i].line, c.send.len) == 0, rows[i].line);
    c.send.len = 0;
  }
  mg_iobuf_free(&c.send);
  mg_http_bauth(NULL, "a", "b");
}

static void etag(void) {
  char buf[16] = "#";
  CHECK(mg_http_etag(buf, sizeof(buf), 5, 100) == buf && strcmp(buf, "\"100.5\"") == 0);
  CHECK(mg_http_etag(buf, 8, 5, 100) == buf && strcmp(buf, "\"100.5\"") == 0);
  CHECK(mg_http_etag(buf, 7, 5, 100) == buf && strcmp(buf, "\"100.5") == 0);
  CHECK(mg_http_etag(buf, 1, 5, 100) == buf && buf[0] == '\0');
  buf[0] = '#';
  CHECK(mg_http_etag(buf, 0, 5, 100) == buf && buf[0] == '#');
  CHECK(mg_http_etag(NULL, 5, 5, 100) == NULL);
}

int main(void) {
  variables();
  multipart();
  credentials();
  basic();
  etag();
  return FAILURES;
}
