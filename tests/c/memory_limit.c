// MG_SET_MEMORY_LIMIT: many slow or silent peers hold at most the limit, whatever they speak, and an
// honest one is served. The clock is the program's.
#include "loop.h"

static uint64_t now = 1000;

uint64_t mg_millis(void) {
  return now;
}

// The clock advances by a millisecond with each poll.
#define UNTIL(condition)                                                                  \
  do {                                                                                    \
    int turns_ = 0;                                                                       \
    while (!(condition) && turns_++ < 20000) now++, mg_mgr_poll(&mgr, 1), look();         \
    CHECK(condition);                                                                     \
  } while (0)

enum { PEERS = 90, LIMIT = 1 << 20, REPLY = 300000 };

static struct mg_mgr mgr;
static int opened, closed, refused, answered;
static int64_t most;
static char reply[REPLY];
static char error[64];
static bool keep_all, free_all;

static int64_t held(void) {
  return mg_mgr_get(&mgr, MG_GET_MEMORY);
}

static void look(void) {
  int64_t n = held();
  if (n > most) most = n;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_OPEN) opened++;
  if (ev == MG_EV_CLOSE) closed++;
  if (ev == MG_EV_ERROR) snprintf(error, sizeof(error), "%s", (char *) ev_data);
  if (ev == MG_EV_ERROR && strcmp((char *) ev_data, "memory limit") == 0) {
    refused++;
    if (keep_all) c->is_closing = 0, c->recv.len = 0;
    if (free_all) mg_mgr_free(&mgr);
  }
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/ws"), NULL)) {
      mg_ws_upgrade(c, hm, NULL);
    } else if (mg_match(hm->uri, mg_str("/long"), NULL)) {
      mg_http_reply(c, 200, "", "%.*s", (int) sizeof(reply), reply);
    } else {
      mg_http_reply(c, 200, "", "short");
    }
  }
  if (ev == MG_EV_MQTT_CMD) answered++;
}

static struct mg_connection *start(const char *protocol) {
  char url[40];
  struct mg_connection *l;
  opened = closed = refused = answered = 0;
  most = 0;
  keep_all = free_all = false;
  mg_mgr_init(&mgr);
  CHECK(mg_mgr_set(&mgr, MG_SET_MEMORY_LIMIT, LIMIT));
  snprintf(url, sizeof(url), "%s://127.0.0.1:0", protocol);
  l = strcmp(protocol, "mqtt") == 0  ? mg_mqtt_listen(&mgr, url, handler, NULL)
      : strcmp(protocol, "tcp") == 0 ? mg_listen(&mgr, url, handler, NULL)
                                     : mg_http_listen(&mgr, url, handler, NULL);
  CHECK(l != NULL);
  return l;
}

#define UPGRADE                                                                                \
  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define MQTT_CONNECT "\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03" "abc"
#define BYTES(literal) (literal), sizeof(literal) - 1

// What an honest client sends, and how the answer begins.
static void serve(struct mg_connection *l, const char *request, size_t len, const char *answer) {
  char got[100];
  int before = answered, fd = dial(l);
  put(fd, request, len);
  nonblocking(fd);
  if (answer == NULL) {
    UNTIL(answered > before);
  } else {
    UNTIL(recv(fd, got, sizeof(got), MSG_PEEK) >= (ssize_t) strlen(answer));
    CHECK(recv(fd, got, sizeof(got), 0) > 0 && memcmp(got, answer, strlen(answer)) == 0);
  }
  close(fd);
}

static void test_slow_peers(void) {
  static const struct {
    const char *name, *protocol, *first;
    size_t first_len;
    int filler;  // bytes after it
  } rows[] = {
      {"silent", "http", BYTES(""), 0},
      {"head", "http", BYTES("GET / HTTP/1.1\r\nA: "), 15000},
      {"body", "http", BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"), 20000},
      {"chunks", "http", BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n"), 20000},
      {"reader", "http", BYTES("GET /long HTTP/1.1\r\nHost: h\r\n\r\n"), 0},
      {"handshake", "https", BYTES("\x16\x03\x01\x02\x00"), 0},
      {"message", "http", BYTES(UPGRADE "\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\0"), 20000},
      {"fragments", "http", BYTES(UPGRADE "\x02\xfe\x40\0\0\0\0\0"), 16384},
      {"packet", "mqtt", BYTES(MQTT_CONNECT "\x30\xff\xff\x03\0\x01t"), 20000},
      {"bytes", "tcp", BYTES("x"), 20000},
  };
  static char filler[20000];
  static int fds[PEERS];
  size_t i;
  int k, idle;
  memset(filler, 'a', sizeof(filler));
  memset(reply, 'a', sizeof(reply));
  for (i = 0; i < COUNT(rows); i++) {
    // One answer may go beyond the limit: what a program sends is not refused.
    int64_t bound = strcmp(rows[i].name, "reader") == 0 ? LIMIT + REPLY + 65536 : LIMIT;
    struct mg_connection *l = start(rows[i].protocol);
    if (strcmp(rows[i].protocol, "https") == 0) {
      struct mg_tls_opts opts;
      CHECK(mg_conn_set(l, MG_SET_TLS_INHERIT, 1));
      memset(&opts, 0, sizeof(opts));
      opts.cert = small_file("crt.pem"), opts.key = small_file("key.pem");
      mg_tls_init(l, &opts);
    }
    for (k = 0; k < PEERS; k++) {
      fds[k] = dial(l);
      put(fds[k], rows[i].first, rows[i].first_len);
      put(fds[k], filler, (size_t) rows[i].filler);
      now += 5;
      mg_mgr_poll(&mgr, 0);
      look();
    }
    UNTIL(opened >= PEERS);
    // More peers than there is memory for, and time in which nothing more comes.
    for (idle = 0; idle < 30; idle++) {
      now += 100;
      mg_mgr_poll(&mgr, 0);
      look();
    }
    CHECK_ROW(most <= bound, rows[i].name);
    // What has come of a handshake is none of the buffers' any more: they are empty, and are released.
    CHECK_ROW((refused > 0) == (rows[i].filler > 0 || bound > LIMIT), error);
    CHECK_ROW(closed < PEERS, rows[i].name);
    if (strcmp(rows[i].protocol, "http") == 0) {
      serve(l, BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "HTTP/1.1 200 OK\r\n");
    } else if (strcmp(rows[i].protocol, "mqtt") == 0) {
      serve(l, BYTES(MQTT_CONNECT), NULL);
    }
    CHECK_ROW(most <= bound, rows[i].name);
    for (k = 0; k < PEERS; k++) close(fds[k]);
    mg_mgr_free(&mgr);
  }
}

// One peer alone may want more than there is.
static void test_one_peer(void) {
  static char bytes[20000];
  struct mg_connection *l = start("http");
  int fd = dial(l);
  put(fd, BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n"));
  nonblocking(fd);
  UNTIL((send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT), refused > 0));
  UNTIL(closed == 1);
  CHECK(most <= LIMIT && held() == 0);
  close(fd);
  mg_mgr_free(&mgr);
}

// A handler may keep its connection, or free everything.
static void test_handlers(void) {
  static char bytes[20000];
  int turn, k, fds[100];
  for (turn = 0; turn < 2; turn++) {
    struct mg_connection *l = start("tcp");
    keep_all = turn == 0;
    free_all = turn == 1;
    CHECK(mg_mgr_set(&mgr, MG_SET_MEMORY_LIMIT, 300000));
    for (k = 0; k < (int) COUNT(fds); k++) {
      fds[k] = dial(l);
      put(fds[k], bytes, sizeof(bytes));
    }
    for (k = 0; k < 200 && (turn == 0 || refused == 0); k++) {
      now += 100;
      mg_mgr_poll(&mgr, 0);
    }
    CHECK(refused > 0);
    if (turn == 0) CHECK(closed == 0 && opened == (int) COUNT(fds) && held() <= 300000);
    for (k = 0; k < (int) COUNT(fds); k++) close(fds[k]);
    if (turn == 0) mg_mgr_free(&mgr);
  }
}

static void test_counts(void) {
  struct mg_connection *l = start("tcp");
  int fd = dial(l);
  CHECK(held() == 0 && mg_mgr_get(&mgr, MG_GET_ACCEPTED) == 0);
  CHECK(mg_mgr_get(&mgr, MG_SET_MEMORY_LIMIT) == LIMIT && mg_mgr_get(&mgr, MG_SET_NODELAY) == 1);
  CHECK(mg_mgr_get(&mgr, MG_SET_LOG) == -1 && mg_mgr_get(&mgr, MG_SET_HTTP_INDEX) == -1);
  CHECK(mg_mgr_get(&mgr, 0) == -1 && mg_mgr_get(&mgr, -99) == -1 && mg_mgr_get(NULL, MG_GET_MEMORY) == -1);
  put(fd, "x", 1);
  UNTIL(held() > 0);
  CHECK(held() == (int64_t) mgr.conns->recv.size && mg_mgr_get(&mgr, MG_GET_ACCEPTED) == 1);
  mg_iobuf_resize(&mgr.conns->send, 100000);  // by the program itself
  CHECK(held() == (int64_t) (mgr.conns->recv.size + mgr.conns->send.size));
  close(fd);
  UNTIL(closed == 1);
  CHECK(held() == 0 && mg_mgr_get(&mgr, MG_GET_ACCEPTED) == 0);
  CHECK(mg_mgr_harden(&mgr));
  CHECK(mg_mgr_get(&mgr, MG_SET_MEMORY_LIMIT) == (int64_t) (mg_available_memory() / 4));
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  CHECK(system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=a "
               "-keyout key.pem -out crt.pem 2>/dev/null") == 0);
  test_counts();
  test_slow_peers();
  test_one_peer();
  test_handlers();
  return FAILURES;
}
