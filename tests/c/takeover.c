// Programs that take a message out of recv themselves, from its first MG_EV_READ on: whatever the
// message announces, and whatever limits there are, nothing is refused. What a program leaves to the
// library is.
#include "loop.h"
#include "ws.h"

enum { EV_BEGIN = MG_EV_USER, EV_DATA, HOLD = 1, SWAP = 2 };

static struct mg_mgr s_mgr;
static struct {
  int style;
  bool begun;
  size_t head, taken;
  int begins, data, errors, closes;
  char error[64];
} s_log;
static struct mg_connection *s_conn;

// The program's own protocol, which it has put in place of the library's.
static void own_protocol(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == EV_BEGIN) s_log.begins++;
  if (ev == EV_DATA) s_log.data++, s_log.taken += *(size_t *) ev_data;
  (void) c;
}

static void take_out(struct mg_connection *c) {
  size_t n = c->recv.len;
  if (n == 0) return;
  if (!s_log.begun) {
    s_log.begun = true;
    n -= s_log.head;
    if (s_log.style & SWAP) c->pfn = own_protocol;
    mg_call(c, EV_BEGIN, NULL);
  }
  c->recv.len = 0;
  if (s_log.style & SWAP) mg_call(c, EV_DATA, &n);
  else s_log.taken += n;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) s_conn = c;
  if (ev == MG_EV_ERROR) s_log.errors++, snprintf(s_log.error, sizeof(s_log.error), "%s", (char *) ev_data);
  if (ev == MG_EV_CLOSE) s_log.closes++, s_conn = NULL;
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (s_log.style < 0 || s_log.head == 0) return;
  if (ev == MG_EV_READ) {
    if (s_log.style & HOLD) c->is_full = 1;
    else take_out(c);
  }
  if (ev == MG_EV_POLL && c->is_full) {
    take_out(c);
    c->is_full = 0;
  }
}

// Sends what the message announces, or the first part of it.
static void send_body(int fd, size_t len) {
  static const char zeros[65536];
  size_t sent = 0;
  nonblocking(fd);
  while (sent < len && s_log.closes == 0) {
    size_t want = len - sent < sizeof(zeros) ? len - sent : sizeof(zeros);
    ssize_t n = send(fd, zeros, want, MSG_NOSIGNAL);
    if (n > 0) sent += (size_t) n;
    mg_mgr_poll(&s_mgr, 0);
  }
  POLL_UNTIL(&s_mgr, s_log.taken >= len || s_log.closes > 0);
}

static void set_limits(bool limits) {
  mg_mgr_init(&s_mgr);
  memset(&s_log, 0, sizeof(s_log));
  if (!limits) return;
  CHECK(mg_mgr_set(&s_mgr, MG_SET_RECV_LIMIT, 100000));
  CHECK(mg_mgr_set(&s_mgr, MG_SET_HTTP_MAX_BODY, 1000));
  CHECK(mg_mgr_set(&s_mgr, MG_SET_HTTP_ERROR_REPLIES, 1));
  CHECK(mg_mgr_set(&s_mgr, MG_SET_HTTP_CONTINUE, 1));
  CHECK(mg_mgr_set(&s_mgr, MG_SET_WS_MESSAGE_LIMIT, 1000));
}

// Begins a message and takes `len` bytes after its head.
static void exchange(int fd, const char *head, size_t head_len, int style, size_t len) {
  s_log.head = head_len, s_log.style = style;
  put(fd, head, head_len);
  send_body(fd, len);
  CHECK(s_log.taken == len && s_log.errors == 0 && s_log.closes == 0);
  if (style & SWAP) CHECK(s_log.begins == 1 && s_log.data > 0);
  close(fd);
  POLL_UNTIL(&s_mgr, s_log.closes == 1);
  mg_mgr_free(&s_mgr);
}

static const char *const s_heads[] = {
    "POST /firmware HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n",
    "POST /firmware HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n",
    "POST /firmware HTTP/1.1\r\nContent-Length: 1000000000000\r\n\r\n",
};

static void test_http(void) {
  size_t i;
  int limits;
  for (i = 0; i < COUNT(s_heads); i++) {
    for (limits = 0; limits < 2; limits++) {
      struct mg_connection *l;
      set_limits(limits == 1);
      l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", handler, NULL);
      exchange(dial(l), s_heads[i], strlen(s_heads[i]), SWAP | (i == 1 ? HOLD : 0), 10000000);
    }
  }
}

static void test_websocket(void) {
  static const char *const heads[] = {"\x82\xff\0\0\0\0\x40\0\0\0\1\2\3\4", "\x82\xff\0\0\x40\0\0\0\0\0\1\2\3\4"};
  int i;
  for (i = 0; i < 4; i++) {
    struct mg_connection *l;
    int fd;
    set_limits(i & 1);
    l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", handler, NULL);
    fd = dial(l);
    put(fd, BYTES(UPGRADE));
    CHECK_TAKES(&s_mgr, fd, ACCEPTED "\r\n", sizeof(ACCEPTED) + 1);
    exchange(fd, heads[i / 2], 14, SWAP | (i == 2 ? HOLD : 0), 4000000);
  }
}

static void test_mqtt(void) {
  int i;
  for (i = 0; i < 2; i++) {
    set_limits(i == 1);
    exchange(dial(mg_mqtt_listen(&s_mgr, "mqtt://127.0.0.1:0", handler, NULL)), "\x30\xff\xff\xff\x7f", 5, SWAP, 4000000);
  }
}

// A program that takes nothing: refused, once, as soon as the program has seen the bytes.
static void test_left_to_the_library(void) {
  size_t i;
  for (i = 0; i < 5; i++) {
    const char *head = s_heads[i % COUNT(s_heads)];
    struct mg_connection *l;
    int fd;
    set_limits(i > 2);
    s_log.style = -1;
    l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", handler, NULL);
    fd = dial(l);
    put(fd, head, strlen(head));
    POLL_UNTIL(&s_mgr, s_log.errors > 0);
    CHECK_ROW(strcmp(s_log.error, i > 2 ? "HTTP body too large" : "MG_MAX_RECV_SIZE") == 0, s_log.error);
    if (i > 2) CHECK_TAKES(&s_mgr, fd, "HTTP/1.1 413", 12);
    CHECK(s_log.errors == 1);
    close(fd);
    POLL_UNTIL(&s_mgr, s_log.closes == 1);
    mg_mgr_free(&s_mgr);
  }
}

// is_full puts the question off: the bytes may still be taken, or left.
static void test_full(void) {
  int left;
  for (left = 0; left < 2; left++) {
    struct mg_connection *l;
    int fd;
    set_limits(true);
    s_log.style = -1;
    l = mg_http_listen(&s_mgr, "http://127.0.0.1:0", handler, NULL);
    fd = dial(l);
    POLL_UNTIL(&s_mgr, s_conn != NULL);
    s_conn->is_full = 1;
    put(fd, s_heads[0], strlen(s_heads[0]));
    mg_iobuf_add(&s_conn->recv, 0, s_heads[0], strlen(s_heads[0]));
    mg_call(s_conn, MG_EV_READ, NULL);
    poll_times(&s_mgr, 3);
    CHECK(s_log.errors == 0 && s_conn->recv.len > 0);
    if (!left) s_conn->recv.len = 0, s_conn->pfn = NULL;
    s_conn->is_full = 0;
    if (left) {
      POLL_UNTIL(&s_mgr, s_log.errors == 1);
    } else {
      POLL_UNTIL(&s_mgr, s_conn->recv.len == strlen(s_heads[0]));
      CHECK(s_log.errors == 0);
    }
    close(fd);
    POLL_UNTIL(&s_mgr, s_log.closes == 1);
    mg_mgr_free(&s_mgr);
  }
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_http();
  test_websocket();
  test_mqtt();
  test_left_to_the_library();
  test_full();
  return FAILURES;
}
