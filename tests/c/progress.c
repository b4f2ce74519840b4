// How long a peer may take for what is collected from it: handshakes, WebSocket messages, MQTT packets.
// And mg_mgr_harden, which turns all such limits on. By the program's clock.
#include "loop.h"

static uint64_t now = 1000;

uint64_t mg_millis(void) {
  return now;
}

// The clock does not advance, so patience is counted in polls.
#define UNTIL(condition)                                                  \
  do {                                                                    \
    int turns_ = 0;                                                       \
    while (!(condition) && turns_++ < 20000) mg_mgr_poll(&mgr, 1);        \
    CHECK(condition);                                                     \
  } while (0)

static struct mg_mgr mgr;
static struct mg_connection *conn;  // that is under test, until it closes
static char error[64];
static int messages;
static size_t read_bytes;
static bool is_full;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_OPEN) conn = c, error[0] = '\0', messages = 0, read_bytes = 0;
  if (ev == MG_EV_CONNECT && c->is_tls) {
    struct mg_tls_opts opts;
    memset(&opts, 0, sizeof(opts));
    mg_tls_init(c, &opts);
  }
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  if (ev == MG_EV_WS_MSG || ev == MG_EV_MQTT_MSG) messages++;
  if (ev == MG_EV_READ) read_bytes += (size_t) *(long *) ev_data, c->is_full = is_full;
  if (ev == MG_EV_ERROR) snprintf(error, sizeof(error), "%s", (char *) ev_data);
  if (ev == MG_EV_CLOSE) conn = NULL;
}

// A peer sends bytes, and the library reads them.
static void say(int fd, const char *bytes, size_t len) {
  size_t before = read_bytes;
  put(fd, bytes, len);
  UNTIL(conn == NULL || is_full || read_bytes >= before + len);
  if (conn != NULL) poll_times(&mgr, 2);
}

// Lets time go by, some at a time, while `more` comes with each step.
static void pass(int fd, int ms, int step, const char *more, size_t len) {
  for (; ms > 0 && conn != NULL; ms -= step) {
    now += (uint64_t) step;
    poll_times(&mgr, 2);
    if (len > 0 && conn != NULL) say(fd, more, len);
  }
}

#define UPGRADE                                                                                      \
  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                     \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define MASK "\0\0\0\0"
#define MQTT_CONNECT "\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03" "abc"
#define BYTES(literal) (literal), sizeof(literal) - 1

static struct mg_connection *listen_for(const char *protocol) {
  mg_mgr_init(&mgr);
  is_full = false;
  if (strcmp(protocol, "mqtt") == 0) return mg_mqtt_listen(&mgr, "mqtt://127.0.0.1:0", handler, NULL);
  return mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
}

static int open_peer(struct mg_connection *l, const char *protocol) {
  int fd = dial(l);
  conn = NULL;
  UNTIL(conn != NULL);
  if (strcmp(protocol, "ws") == 0) {
    say(fd, BYTES(UPGRADE));
    CHECK(conn->is_websocket);
  } else {
    say(fd, BYTES(MQTT_CONNECT));
  }
  return fd;
}

static void test_messages(void) {
  static const struct {
    const char *name, *protocol, *first;
    size_t first_len;
    const char *more;  // with each step of 100 ms
    size_t more_len;
    int alive, dead;  // milliseconds; 0: not at all
    const char *error;
  } rows[] = {
      {"half a header", "ws", BYTES("\x82"), "", 0, 4900, 1000, "WS message timeout"},
      {"half a frame", "ws", BYTES("\x82\xff\0\0\0\0\0\x01\0\0" MASK "ab"), "", 0, 4900, 1000, "WS message timeout"},
      {"slow", "ws", BYTES("\x82\xff\0\0\0\0\0\x01\0\0" MASK), "ab", 2, 6000, 2000, "WS message timeout"},
      {"fast enough", "ws", BYTES("\x82\xff\0\0\0\0\0\x01\0\0" MASK), "0123456789a", 11, 20000, 0, ""},
      {"a fragment", "ws", BYTES("\x01\x82" MASK "ab"), "", 0, 4900, 1000, "WS message timeout"},
      {"empty fragments", "ws", BYTES("\x01\x82" MASK "ab"), BYTES("\0\x80" MASK), 4900, 1000, "WS message timeout"},
      {"fragments and pings", "ws", BYTES("\x01\x82" MASK "ab"), BYTES("\x89\x80" MASK), 4900, 1000,
       "WS message timeout"},
      {"fragments, fast enough", "ws", BYTES("\x01\x82" MASK "ab"), BYTES("\0\x8b" MASK "0123456789a"), 20000, 0, ""},
      {"half a ping after others", "ws", BYTES("\x89"), BYTES("\x80" MASK "\x89"), 20000, 0, ""},
      {"half a message after others", "ws", BYTES("\x82"), BYTES("\x81" MASK "a\x82"), 20000, 0, ""},
      {"between messages", "ws", BYTES("\x82\x81" MASK "a"), "", 0, 100000, 0, ""},
      {"half a packet", "mqtt", BYTES("\x30\x7f\0\x01t"), "", 0, 4900, 1000, "MQTT packet timeout"},
      {"half a length", "mqtt", BYTES("\x30\xff"), "", 0, 4900, 1000, "MQTT packet timeout"},
      {"slow", "mqtt", BYTES("\x30\xff\x7f\0\x01t"), "ab", 2, 6000, 2000, "MQTT packet timeout"},
      {"fast enough", "mqtt", BYTES("\x30\xff\x7f\0\x01t"), "0123456789a", 11, 20000, 0, ""},
      {"half a packet after others", "mqtt", BYTES("\xc0"), BYTES("\0\xc0"), 20000, 0, ""},
      {"between packets", "mqtt", BYTES("\xc0\0"), "", 0, 100000, 0, ""},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_connection *l = listen_for(rows[i].protocol);
    int fd;
    CHECK(mg_conn_set(l, MG_SET_MESSAGE_RATE, 100));
    fd = open_peer(l, rows[i].protocol);
    say(fd, rows[i].first, rows[i].first_len);
    pass(fd, rows[i].alive, 100, rows[i].more, rows[i].more_len);
    CHECK_ROW(conn != NULL && error[0] == '\0', rows[i].name);
    if (rows[i].dead > 0) pass(fd, rows[i].dead, 100, rows[i].more, rows[i].more_len);
    CHECK_ROW((conn == NULL) == (rows[i].dead > 0), rows[i].name);
    CHECK_ROW(strcmp(error, rows[i].error) == 0, error);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// A program that does not want to read now is no fault of its peer.
static void test_a_slow_program(void) {
  static const char *const protocols[] = {"ws", "mqtt"};
  size_t i;
  for (i = 0; i < COUNT(protocols); i++) {
    struct mg_connection *l = listen_for(protocols[i]);
    int fd;
    CHECK(mg_conn_set(l, MG_SET_MESSAGE_RATE, 100));
    fd = open_peer(l, protocols[i]);
    is_full = true;
    say(fd, i == 0 ? "\x82\x83" MASK "a" : "\x30\x05\0\x01t", i == 0 ? 7 : 5);
    UNTIL(conn->is_full);
    pass(fd, 100000, 1000, "", 0);
    CHECK_ROW(conn != NULL && error[0] == '\0', protocols[i]);
    is_full = false;
    conn->is_full = 0;
    pass(fd, 4000, 100, "", 0);
    CHECK_ROW(conn != NULL && messages == 0, protocols[i]);
    say(fd, "bc", 2);
    CHECK_ROW(conn != NULL && messages == 1, protocols[i]);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// A broker waits for CONNECT; a strict one also for what a client has promised to send.
static void test_broker(void) {
  struct mg_connection *l = listen_for("mqtt");
  int fd, strict;
  CHECK(mg_conn_set(l, MG_SET_HANDSHAKE_TIMEOUT, 3000));
  fd = dial(l);
  conn = NULL;
  UNTIL(conn != NULL);
  pass(fd, 2900, 100, "", 0);
  CHECK(conn != NULL);
  pass(fd, 500, 100, "", 0);
  CHECK(conn == NULL && strcmp(error, "MQTT login timeout") == 0);
  close(fd);
  for (strict = 0; strict < 2; strict++) {
    CHECK(mg_conn_set(l, MG_SET_MQTT_STRICT, strict));
    fd = open_peer(l, "mqtt");  // with a keep-alive of 60 seconds
    pass(fd, 89000, 1000, "", 0);
    CHECK(conn != NULL);
    say(fd, BYTES("\xc0\0"));
    pass(fd, 89000, 1000, "", 0);
    CHECK(conn != NULL);
    pass(fd, 2000, 1000, "", 0);
    CHECK((conn == NULL) == strict && strcmp(error, strict ? "MQTT keep-alive timeout" : "") == 0);
    close(fd);
    if (!strict) UNTIL(conn == NULL);
  }
  mg_mgr_free(&mgr);
}

// Clients of servers that accept and say nothing.
static void test_clients(void) {
  static const struct {
    const char *scheme, *error;
  } rows[] = {
      {"ws", "WS handshake timeout"},
      {"mqtt", "MQTT login timeout"},
      {"tls", "TLS handshake timeout"},
      {"wss", "TLS handshake timeout"},
      {"mqtts", "TLS handshake timeout"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char url[64], target[100];
    int peer, fd = plain_listener(url, sizeof(url));
    mg_mgr_init(&mgr);
    is_full = false;
    CHECK(mg_mgr_set(&mgr, MG_SET_HANDSHAKE_TIMEOUT, 3000));
    snprintf(target, sizeof(target), "%s%s", rows[i].scheme, url + 3);
    conn = NULL;
    if (rows[i].scheme[0] == 'w') {
      mg_ws_connect(&mgr, target, handler, NULL, NULL);
    } else if (rows[i].scheme[0] == 'm') {
      mg_mqtt_connect(&mgr, target, NULL, handler, NULL);
    } else {
      mg_connect(&mgr, target, handler, NULL);
    }
    UNTIL(conn != NULL && !conn->is_connecting);
    peer = accept(fd, NULL, NULL);
    poll_times(&mgr, 3);
    pass(peer, 2900, 100, "", 0);
    CHECK_ROW(conn != NULL, rows[i].scheme);
    pass(peer, 500, 100, "", 0);
    CHECK_ROW(conn == NULL && strcmp(error, rows[i].error) == 0, error);
    close(peer);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// A server of TLS whose client says nothing, or sends a byte now and then.
static void test_tls_server(void) {
  static const char *const bytes[] = {"", "\x16\x03\x01\x01"};  // a record comes byte by byte
  struct mg_tls_opts opts;
  size_t i, n;
  CHECK(system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=a "
               "-keyout key.pem -out crt.pem 2>/dev/null") == 0);
  for (i = 0; i < COUNT(bytes); i++) {
    struct mg_connection *l;
    int fd;
    mg_mgr_init(&mgr);
    is_full = false;
    CHECK(mg_mgr_harden(&mgr));
    memset(&opts, 0, sizeof(opts));
    opts.cert = small_file("crt.pem"), opts.key = small_file("key.pem");
    l = mg_http_listen(&mgr, "https://127.0.0.1:0", handler, NULL);
    mg_tls_init(l, &opts);
    fd = dial(l);
    conn = NULL;
    UNTIL(conn != NULL && conn->is_tls_hs);
    for (n = 0; n < 4; n++) {
      if (bytes[i][0] != '\0') put(fd, bytes[i] + n, 1);
      poll_times(&mgr, 3);
      now += 4900;
      poll_times(&mgr, 1);
    }
    CHECK(conn != NULL);
    now += 1000;
    UNTIL(conn == NULL);
    CHECK_ROW(strcmp(error, "TLS handshake timeout") == 0, error);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// All recommended limits by one call.
static void test_harden(void) {
  struct mg_connection *l, own;
  int fd;
  mg_mgr_init(&mgr);
  CHECK(mg_mgr_harden(&mgr));
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  conn = NULL;
  fd = dial(l);
  UNTIL(conn != NULL);
  now += 61000;
  UNTIL(conn == NULL);
  close(fd);
  // One setting may be changed afterwards.
  CHECK(mg_conn_set(l, MG_SET_HTTP_STRICT, 0));
  fd = dial(l);
  UNTIL(conn != NULL);
  say(fd, BYTES("GET / HTTP/1.1\r\n\r\n"));
  CHECK(error[0] == '\0');
  close(fd);
  UNTIL(conn == NULL);
  // A single listener.
  mg_mgr_free(&mgr);
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  CHECK(mg_conn_harden(l));
  fd = dial(l);
  UNTIL(conn != NULL);
  say(fd, BYTES("GET / HTTP/1.1\r\n\r\n"));
  CHECK(error[0] != '\0');
  close(fd);
  mg_mgr_free(&mgr);
  memset(&mgr, 0, sizeof(mgr));
  memset(&own, 0, sizeof(own));
  CHECK(!mg_mgr_harden(NULL) && !mg_mgr_harden(&mgr) && !mg_conn_harden(NULL) && !mg_conn_harden(&own));
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_messages();
  test_a_slow_program();
  test_broker();
  test_clients();
  test_tls_server();
  test_harden();
  return FAILURES;
}
