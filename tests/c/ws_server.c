// A WebSocket server and peers that are plain sockets: handshakes, frames, and what handlers do.
#include "ws_server.h"

// --- The handshake

static void with_headers(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    mg_ws_upgrade(c, (struct mg_http_message *) ev_data, "%s", "X: 1\r\nsec-websocket-protocol: mine\r\n");
  }
}

#define UP "Upgrade: websocket\r\nConnection: Upgrade\r\n"

static void test_handshakes(void) {
  static const struct {
    const char *name, *request, *response;
    bool closes;
  } rows[] = {
      {"plain", UPGRADE, ACCEPTED "\r\n", false},
      {"the version is not asked for",
       "GET /x HTTP/1.1\r\nUPGRADE: WebSocket\r\nCONNECTION: upgrade\r\n"
       "SEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
       ACCEPTED "\r\n", false},
      {"a protocol", UPGRADE_WITH("Sec-WebSocket-Protocol: mqtt\r\n"),
       ACCEPTED "Sec-WebSocket-Protocol: mqtt\r\n\r\n", false},
      {"the first of a list", UPGRADE_WITH("Sec-WebSocket-Protocol:  chat , superchat\r\n"),
       ACCEPTED "Sec-WebSocket-Protocol: chat\r\n\r\n", false},
      {"compression is off", UPGRADE_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
       ACCEPTED "\r\n", false},
      {"close", UPGRADE_WITH(""), ACCEPTED "\r\n", false},
      {"no key", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
       "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 20         \r\n\r\nWS upgrade expected\n", true},
      {"another version",
       "GET / HTTP/1.1\r\nHost: a\r\n" UP "Sec-WebSocket-Version: 8\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
       "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n"
       "Content-Length: 20         \r\n\r\nWS upgrade expected\n",
       true},
      {"a key that is none", "GET / HTTP/1.1\r\nHost: a\r\n" UP "Sec-WebSocket-Key: short\r\n\r\n",
       "HTTP/1.1 400 Bad Request\r\nContent-Length: 0          \r\n\r\n", true},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char took[500];
    size_t len = strlen(rows[i].response);
    int fd;
    begin(NULL);
    fd = dial(listener);
    put(fd, rows[i].request, strlen(rows[i].request));
    CHECK_ROW(take(&mgr, fd, took, len) == len && memcmp(took, rows[i].response, len) == 0, rows[i].name);
    CHECK_ROW(server.opens == !rows[i].closes, rows[i].name);
    if (rows[i].closes) CHECK_END(&mgr, fd);
    end(fd);
  }
}

static void test_headers_of_the_program(void) {
  static const char expected[] = ACCEPTED "X: 1\r\nsec-websocket-protocol: mine\r\n\r\n";
  int fd;
  begin(with_headers);
  fd = dial(listener);
  put(fd, BYTES(UPGRADE_WITH("Sec-WebSocket-Protocol: chat\r\n")));
  CHECK_TAKES(&mgr, fd, expected, sizeof(expected) - 1);
  end(fd);
}

// A client that wants the connection closed is upgraded, and it is closed.
static void test_request_that_closes(void) {
  int fd;
  begin(NULL);
  fd = dial(listener);
  put(fd, BYTES("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
  CHECK_TAKES(&mgr, fd, ACCEPTED "\r\n", sizeof(ACCEPTED) + 1);
  CHECK_END(&mgr, fd);
  CHECK(server.opens == 1 && server.errors == 0);
  end(fd);
}

// Frames in the same segment as the request.
static void test_frames_after_the_request(void) {
  int fd;
  begin(NULL);
  fd = dial(listener);
  put(fd, BYTES(UPGRADE "\x81\x82\0\0\0\0ab\x89\x80\0\0\0\0\x82\x83\0\0"));
  POLL_UNTIL(&mgr, server.ctls == 1);
  CHECK_LOG(server, "[81 ab][89 ]");
  put(fd, BYTES("\0\0xyz"));
  POLL_UNTIL(&mgr, server.msgs == 2);
  CHECK_LOG(server, "[81 ab][89 ][82 xyz]");
  end(fd);
}

// The answer to an upgrade request may come later: frames that came meanwhile are not lost.
static void wait_with_it(struct mg_connection *c, int ev, void *ev_data) {
  static char copy[500];
  static size_t len;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    len = hm->message.len;
    memcpy(copy, hm->message.buf, len);
  } else if (ev == MG_EV_USER) {
    struct mg_http_message hm;
    CHECK(mg_http_parse(copy, len, &hm) == (int) len);
    mg_ws_upgrade(c, &hm, NULL);
  }
}

static void test_upgrade_later(void) {
  int fd;
  begin(wait_with_it);
  fd = dial(listener);
  put(fd, BYTES(UPGRADE "\x81\x81\0\0\0\0a"));
  POLL_UNTIL(&mgr, conn != NULL && conn->is_resp);
  poll_times(&mgr, 3);
  CHECK(server.opens == 0 && server.msgs == 0);
  mg_call(conn, MG_EV_USER, NULL);
  POLL_UNTIL(&mgr, server.msgs == 1);
  CHECK_LOG(server, "[81 a]");
  end(fd);
}

// --- Frames

static void test_frames_one_by_one(void) {
  int fd;
  begin(NULL);
  fd = peer();
  put_frame(fd, 0x01, "abc", 3);
  POLL_UNTIL(&mgr, conn->recv.len == 4);
  CHECK(conn->pfn_data == (void *) 4);
  put_frame(fd, 0x00, "def", 3);
  POLL_UNTIL(&mgr, conn->recv.len == 7);
  put_frame(fd, 0x89, "P", 1);
  POLL_UNTIL(&mgr, server.ctls == 2);
  CHECK(conn->recv.len == 7);
  put_frame(fd, 0x80, "ghi", 3);
  POLL_UNTIL(&mgr, server.msgs == 1);
  CHECK(conn->recv.len == 0 && conn->pfn_data == NULL);
  CHECK_LOG(server, "[00 def][89 P][80 ghi][01 abcdefghi]");
  CHECK_TAKES(&mgr, fd, "\x8a\x01P", 3);
  end(fd);
}

static void test_frames_at_once(void) {
  int fd;
  begin(NULL);
  fd = peer();
  put(fd, BYTES("\x02\x83\0\0\0\0abc\x00\x83\0\0\0\0def\x89\x81\0\0\0\0P\x80\x80\0\0\0\0"
                "\x81\x80\0\0\0\0\x80\x80\0\0\0\0\x8a\x81\0\0\0\0x"));
  POLL_UNTIL(&mgr, server.ctls == 5);
  CHECK_LOG(server, "[00 def][89 P][80 ][02 abcdef][81 ][80 ][8a x]");
  end(fd);
}

static void test_frames_byte_by_byte(void) {
  static const char frames[] = "\x01\x83\1\2\3\4\x60\x60\x60\x80\xfe\0\x03\0\0\0\0def\x89\x80\0\0\0\0";
  size_t i;
  int fd;
  begin(NULL);
  fd = peer();
  for (i = 0; i < sizeof(frames) - 1; i++) {
    size_t before = conn->recv.len + (size_t) server.msgs + (size_t) server.ctls;
    put(fd, frames + i, 1);
    POLL_UNTIL(&mgr, conn->recv.len + (size_t) server.msgs + (size_t) server.ctls != before);
  }
  CHECK_LOG(server, "[80 def][01 abcdef][89 ]");
  end(fd);
}

// Handlers may do anything with `recv` and with the message.

static void empty(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) c->recv.len = 0;
}
static void delete(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) mg_iobuf_del(&c->recv, 0, c->recv.len);
}
static void scribble(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    wm->data.buf += wm->data.len;
    wm->data.len = 0;
    wm->flags = 0xff;
  }
}
static void other_memory(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) mg_iobuf_free(&c->recv);
}

static void test_handlers_that_empty_recv(void) {
  void (*const habits[])(struct mg_connection *, int, void *) = {empty, delete, scribble};
  size_t i;
  for (i = 0; i < COUNT(habits); i++) {
    int fd;
    begin(habits[i]);
    fd = peer();
    put(fd, BYTES("\x81\x81\0\0\0\0a\x81\x82\0\0\0\0bb\x8a\x80\0\0\0\0\x82\x83\0\0\0\0c"));
    POLL_UNTIL(&mgr, server.ctls == 1);
    put(fd, BYTES("cc\x88\x82\0\0\0\0\x03\xe8"));
    POLL_UNTIL(&mgr, server.closes == 1);
    CHECK_LOG(server, "[81 a][81 bb][8a ][82 ccc][88 \x03\xe8]");
    CHECK_TAKES(&mgr, fd, "\x88\x02\x03\xe8", 4);
    CHECK_END(&mgr, fd);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// What followed the message was freed with its memory; the connection works on.
static void test_handlers_that_free_recv(void) {
  int fd;
  begin(other_memory);
  fd = peer();
  put_frame(fd, 0x81, "a", 1);
  POLL_UNTIL(&mgr, server.msgs == 1);
  put_frame(fd, 0x81, "b", 1);
  POLL_UNTIL(&mgr, server.msgs == 2);
  CHECK_LOG(server, "[81 a][81 b]");
  end(fd);
}

// A program that empties `recv` at READ drops the message that is half there.
static void drop_at_read(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_READ) c->recv.len = 0;
}

static void test_handlers_that_empty_recv_at_read(void) {
  int fd;
  begin(drop_at_read);
  fd = peer();
  put_frame(fd, 0x01, "abc", 3);
  POLL_UNTIL(&mgr, conn->pfn_data != NULL);
  put_frame(fd, 0x81, "a", 1);
  POLL_UNTIL(&mgr, server.msgs == 1);
  CHECK_LOG(server, "[81 a]");
  end(fd);
}

// A handler that fires READ by hand does not start the frame again.
static void fire_again(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) {
    long n = 1;
    mg_call(c, MG_EV_READ, &n);
  }
}

static void test_handlers_that_fire_read(void) {
  int fd;
  begin(fire_again);
  fd = peer();
  put(fd, BYTES("\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"));
  POLL_UNTIL(&mgr, server.msgs == 2);
  CHECK_LOG(server, "[81 a][81 b]");
  end(fd);
}

static void close_at_once(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) c->is_closing = 1;
}
static void close_for_good(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) mg_close_conn(c);
}
static void other_protocol(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) {
    c->pfn = NULL;
    c->pfn_data = c;
  }
}

static void test_handlers_that_end_it(void) {
  void (*const habits[])(struct mg_connection *, int, void *) = {close_at_once, close_for_good};
  size_t i;
  int fd;
  for (i = 0; i < COUNT(habits); i++) {
    begin(habits[i]);
    fd = peer();
    put(fd, BYTES("\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"));
    POLL_UNTIL(&mgr, server.closes == 1);
    CHECK_LOG(server, "[81 a]");
    close(fd);
    mg_mgr_free(&mgr);
  }
  begin(other_protocol);
  fd = peer();
  put(fd, BYTES("\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"));
  POLL_UNTIL(&mgr, server.msgs == 1);
  CHECK(conn->pfn_data == conn);
  CHECK(conn->recv.len == 7);
  CHECK_LOG(server, "[81 a]");
  end(fd);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_handshakes();
  test_headers_of_the_program();
  test_request_that_closes();
  test_frames_after_the_request();
  test_upgrade_later();
  test_frames_one_by_one();
  test_frames_at_once();
  test_frames_byte_by_byte();
  test_handlers_that_empty_recv();
  test_handlers_that_free_recv();
  test_handlers_that_empty_recv_at_read();
  test_handlers_that_fire_read();
  test_handlers_that_end_it();
  return FAILURES;
}
