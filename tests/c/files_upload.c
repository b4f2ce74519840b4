// mg_http_upload and mg_http_start_upload.
#include "exchange.h"

static long result;
static size_t max_size = 1000;
static char outcome[300];
static int silent, keep, outcomes;
static struct mg_fs *upload_fs = &mg_fs_posix;

static void done(struct mg_connection *c, const char *err) {
  outcomes++;
  mg_snprintf(outcome, sizeof(outcome), "%s", err == NULL ? "ok" : err);
  mg_http_reply(c, err == NULL ? 200 : 400, "", "%s", outcome);
  if (!keep) c->is_draining = 1;
}

// POST /piece?file=... is one piece, POST /stream/NAME is streamed to NAME.
static void serve(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_HTTP_HDRS && mg_match(hm->uri, mg_str("/stream/#"), NULL)) {
    struct mg_str name = mg_str_n(hm->uri.buf + 8, hm->uri.len - 8);
    mg_http_start_upload(c, hm, name, mg_str("up"), upload_fs, silent ? NULL : done);
  } else if (ev == MG_EV_HTTP_MSG && mg_match(hm->uri, mg_str("/piece"), NULL)) {
    result = mg_http_upload(c, hm, upload_fs, "up", max_size);
  } else if (ev == MG_EV_HTTP_MSG && c->pfn != NULL && !c->is_draining) {
    mg_http_reply(c, 404, "", "");
  }
}

static bool has(const char *path, const char *text) {
  struct mg_str s = mg_file_read(&mg_fs_posix, path);
  bool same = s.buf != NULL && mg_strcmp(s, mg_str(text)) == 0;
  mg_free(s.buf);
  return same;
}

static bool exists(const char *path) {
  return mg_fs_posix.st(path, NULL, NULL) != 0;
}

static void piece(const char *query, const char *text) {
  char head[9000];
  mg_snprintf(head, sizeof(head), "POST /piece%s HTTP/1.1\r\nConnection: close\r\nContent-Length: %lu\r\n\r\n%s", query,
              (unsigned long) strlen(text), text);
  exchange_bytes(head, strlen(head));
}

static void test_pieces(void) {
  static const struct {
    const char *query, *text;
    int status;
    const char *reply;
    long result;
  } rows[] = {
      {"?file=a.txt", "", 200, "0", 0},
      {"", "x", 400, "file required", -1},
      {"?file=", "x", 400, "file required", -1},
      {"?file=%zz", "x", 400, "file required", -1},
      {"?file=../a.txt", "x", 400, "../a.txt: invalid file", -2},
      {"?file=%2e%2e%2fa.txt", "x", 400, "../a.txt: invalid file", -2},
      {"?file=sub/../../a.txt", "x", 400, "sub/../../a.txt: invalid file", -2},
      {"?file=sub%5c..%5ca.txt", "x", 400, "sub\\..\\a.txt: invalid file", -2},
      {"?file=~/a.txt", "x", 400, "~/a.txt: invalid file", -2},
      {"?file=a.txt&offset=-1", "x", 400, "offset required", -3},
      {"?file=a.txt&offset=1000", "x", 400, "up/a.txt: over max size of 1000", -4},
      {"?file=a.txt&offset=9223372036854775807", "x", 400, "up/a.txt: over max size of 1000", -4},
      {"?file=a.txt&offset=5", "x", 400, "up/a.txt: offset mismatch", -5},
      {"?file=none/a.txt", "x", 400, "open(up/none/a.txt)", -6},
      {"?file=sub", "x", 400, "open(up/sub)", -6},
      {"?file=a.txt", "hello", 200, "5", 5},
      {"?file=a.txt&offset=5", "\nworld", 200, "11", 11},
      {"?file=a.txt&offset=5", "again", 400, "up/a.txt: offset mismatch", -5},
      {"?file=sub/b.txt&offset=0x0", "b", 200, "1", 1},
      {"?file=/slash.txt", "s", 200, "1", 1},
      {"?file=a%20b.txt", "blank", 200, "5", 5},
  };
  char long_name[9000];
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    piece(rows[i].query, rows[i].text);
    CHECK_ROW(status(reply) == rows[i].status, rows[i].query);
    CHECK_ROW(strcmp(body(reply), rows[i].reply) == 0, rows[i].query);
    CHECK_ROW(result == rows[i].result, rows[i].query);
  }
  CHECK(has("up/a.txt", "hello\nworld") && has("up/sub/b.txt", "b") && has("up/slash.txt", "s"));
  CHECK(has("up/a b.txt", "blank") && !exists("a.txt"));
  piece("?file=a.txt", "new");
  CHECK(has("up/a.txt", "new"));
  // A NUL does not make another name.
  piece("?file=a.txt%00.png", "x");
  CHECK(result == -2 && has("up/a.txt", "new"));
  piece("?file=n%00/../../a.txt", "x");
  CHECK(result == -2 && !exists("a.txt") && !exists("up/n"));
  // What a peer names is never a page.
  piece("?file=..%3Cscript%3E", "x");
  CHECK(result == -2 && strstr(reply, "\r\nContent-Type: text/plain\r\n") != NULL);
  memset(long_name, 'x', 4200);
  mg_snprintf(long_name, 10, "?file=xx");
  long_name[8] = 'x', long_name[4200] = '\0';
  piece(long_name, "x");
  CHECK(result < 0 && status(reply) == 400);
  long_name[4096] = '\0';
  piece(long_name, "x");
  CHECK(result < 0 && status(reply) == 400);
  max_size = (size_t) -1;
  piece("?file=a.txt&offset=9223372036854775807", "x");
  CHECK(result == -4);
  max_size = 1000;
}

#define POST(name, headers, body) "POST /stream/" name " HTTP/1.1\r\n" headers "\r\n\r\n" body

static void test_streams(void) {
  static const struct {
    const char *request, *path, *content;
  } rows[] = {
      {POST("s.txt", "Content-Length: 8", "foo\nbar\n"), "up/s.txt", "foo\nbar\n"},
      {POST("s.txt", "Content-Length: 3", "new"), "up/s.txt", "new"},
      {POST("s.txt", "Content-Length: 0", ""), "up/s.txt", ""},
      {POST("e.txt", "A: b", ""), "up/e.txt", ""},
      {POST("c.txt", "Transfer-Encoding: chunked", "3\r\nabc\r\n004;x=y\r\ndefg\r\n0\r\nT: u\r\n\r\n"), "up/c.txt", "abcdefg"},
      {POST("c.txt", "Transfer-Encoding: chunked", "0\r\n\r\n"), "up/c.txt", ""},
      {POST("p.txt", "Content-Length: 3", "abcGET / HTTP/1.1\r\n\r\n"), "up/p.txt", "abc"},
      {POST("sub/x.txt", "Content-Length: 1", "x"), "up/sub/x.txt", "x"},
      {"GET / HTTP/1.1\r\n\r\n" POST("late.txt", "Content-Length: 4", "late"), "up/late.txt", "late"},
      {"GET / HTTP/1.1\r\n\r\n" POST("late.txt", "Transfer-Encoding: chunked", "2\r\nla\r\n2\r\nte\r\n0\r\n\r\n"), "up/late.txt", "late"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    outcomes = 0;
    exchange_bytes(rows[i].request, strlen(rows[i].request));
    CHECK_ROW(outcomes == 1 && strcmp(outcome, "ok") == 0, rows[i].request);
    CHECK_ROW(has(rows[i].path, rows[i].content), rows[i].request);
    CHECK_ROW(strstr(reply, "HTTP/1.1 200 OK\r\nContent-Length: 2          \r\n\r\nok") != NULL, rows[i].request);
  }
  // The rest of the answer when nobody answers.
  silent = 1;
  exchange_bytes(rows[0].request, strlen(rows[0].request));
  CHECK(strcmp(reply, "HTTP/1.1 200 OK\r\nContent-Length: 3          \r\n\r\nok\n") == 0);
  silent = 0;
}

static void test_bad_names(void) {
  static const char *names[] = {"..%2fx", "../evil.txt", "/../evil.txt", "sub/../../evil.txt", "a\\..\\x", "~/x", "..x"};
  size_t i;
  char request[300];
  for (i = 0; i < COUNT(names); i++) {
    if (strchr(names[i], '%') != NULL) continue;
    mg_snprintf(request, sizeof(request), "POST /stream/%s HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", names[i]);
    exchange_bytes(request, strlen(request));
    CHECK_ROW(strcmp(outcome, "bad name") == 0 && status(reply) == 400, names[i]);
  }
  exchange_bytes(POST("none/x", "Content-Length: 1", "x"), strlen(POST("none/x", "Content-Length: 1", "x")));
  CHECK(strcmp(outcome, "open failed") == 0);
  exchange_bytes(POST("sub", "Content-Length: 1", "x"), strlen(POST("sub", "Content-Length: 1", "x")));
  CHECK(strcmp(outcome, "open failed") == 0 && mg_fs_posix.st("up/sub", NULL, NULL) == 7);
  CHECK(!exists("evil.txt"));
  silent = 1;
  exchange_bytes(POST("../x", "Content-Length: 1", "x"), strlen(POST("../x", "Content-Length: 1", "x")));
  CHECK(strncmp(reply, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 9          \r\n\r\nbad name\n", 75) == 0);
  silent = 0;
}

static void send_slowly(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_str *s = (struct mg_str *) c->fn_data;
  if (ev == MG_EV_POLL && c->send.len == 0 && !c->is_connecting && !c->is_resolving) {
    size_t n = s->len < 300 ? s->len : 300;
    if (n == 0 && closed < 0) c->is_draining = 1;
    mg_send(c, s->buf, n);
    s->buf += n, s->len -= n;
  }
  if (ev == MG_EV_CLOSE) closed = 1;
  (void) ev_data;
}

// Sends bit by bit; cut: closes after the last one.
static void slowly(const char *bytes, size_t len, int cut) {
  struct mg_str s = mg_str_n(bytes, len);
  uint64_t end = mg_millis() + 60000;
  outcomes = 0;
  closed = cut ? -1 : 0;
  mg_connect(&mgr, server_url, send_slowly, &s);
  while ((closed != 1 || outcomes == 0) && mg_millis() < end) mg_mgr_poll(&mgr, 1);
  CHECK(closed == 1 && outcomes == 1);
}

// A body in many pieces, with a length and in chunks; one that is cut off leaves whole blocks.
static void test_pieces_on_the_wire(void) {
  static char request[60000], content[10001];
  size_t i, n, size;
  for (i = 0; i < 10000; i++) content[i] = (char) ('a' + i * 7 % 26);
  n = mg_snprintf(request, sizeof(request), POST("big.txt", "Content-Length: 10000", "%s"), content);
  slowly(request, n, 0);
  CHECK(strcmp(outcome, "ok") == 0 && has("up/big.txt", content));

  n = mg_snprintf(request, sizeof(request), POST("big.txt", "Transfer-Encoding: chunked", ""));
  for (i = 0; i < 10000; i += size) {
    size = i % 37 + 1;
    if (size > 10000 - i) size = 10000 - i;
    n += mg_snprintf(request + n, sizeof(request) - n, "%lx\r\n%.*s\r\n", (unsigned long) size, (int) size, content + i);
  }
  n += mg_snprintf(request + n, sizeof(request) - n, "0\r\n\r\n");
  slowly(request, n, 0);
  CHECK(strcmp(outcome, "ok") == 0 && has("up/big.txt", content));

  n = mg_snprintf(request, sizeof(request), POST("cut.txt", "Content-Length: 10000", "%.*s"), 2000, content);
  slowly(request, n, 1);
  content[1536] = '\0';
  CHECK(strcmp(outcome, "connection closed") == 0 && has("up/cut.txt", content));

  n = mg_snprintf(request, sizeof(request), POST("bad.txt", "Transfer-Encoding: chunked", "3\r\nabc\r\nzz\r\n"));
  slowly(request, n, 0);
  CHECK(strcmp(outcome, "Invalid chunk") == 0);
}

static size_t fail_wr(void *fd, const void *buf, size_t len) {
  (void) fd, (void) buf;
  return len - 1;
}

static void test_write_errors(void) {
  struct mg_fs fs = mg_fs_posix;
  fs.wr = fail_wr;
  upload_fs = &fs;
  exchange_bytes(POST("x", "Content-Length: 1", "x"), strlen(POST("x", "Content-Length: 1", "x")));
  CHECK(strcmp(outcome, "write error") == 0 && status(reply) == 400);
  piece("?file=y", "y");
  CHECK(result == -7 && status(reply) == 500 && strcmp(body(reply), "up/y: write error") == 0);
  upload_fs = &mg_fs_posix;
}

static size_t taken;
static size_t count_wr(void *fd, const void *buf, size_t len) {
  taken += len;
  (void) fd, (void) buf;
  return len;
}

#define LONG (64 * 1024 * 1024)
static size_t sent;
static void send_long(struct mg_connection *c, int ev, void *ev_data) {
  static char block[65536];
  if (ev == MG_EV_POLL && c->send.len == 0 && sent < LONG && !c->is_connecting && !c->is_resolving) {
    sent += sizeof(block);
    mg_send(c, block, sizeof(block));
  }
  if (ev == MG_EV_CLOSE) closed = 1;
  (void) ev_data;
}

// However long the body, little of it is held.
static void test_long_body(void) {
  struct mg_fs fs = mg_fs_posix;
  struct mg_connection *c = mg_connect(&mgr, server_url, send_long, NULL);
  size_t before = memory(), most = 0;
  uint64_t end = mg_millis() + 60000;
  fs.wr = count_wr;
  upload_fs = &fs;
  outcomes = closed = 0;
  mg_printf(c, POST("long", "Content-Length: %lu", ""), (unsigned long) LONG);
  while (!closed && mg_millis() < end) {
    mg_mgr_poll(&mgr, 1);
    if (memory() > most) most = memory();
  }
  CHECK(closed && outcomes == 1 && strcmp(outcome, "ok") == 0 && taken == LONG);
  CHECK(most < before + 16 * 1024 * 1024);
  upload_fs = &mg_fs_posix;
}

int main(void) {
  put_dir("up");
  put_dir("up/sub");
  start_server(serve);
  test_pieces();
  test_streams();
  test_bad_names();
  test_pieces_on_the_wire();
  test_write_errors();
  test_long_body();
  // The manager goes while an upload is under way.
  outcomes = 0;
  mg_send(mg_connect(&mgr, server_url, client, NULL), POST("m", "Content-Length: 9", "abc"), 49);
  while (!exists("up/m")) mg_mgr_poll(&mgr, 1);
  stop_server();
  CHECK(outcomes == 1 && strcmp(outcome, "connection closed") == 0);
  return FAILURES;
}
