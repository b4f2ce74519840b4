// What goes beyond the original: limits, pings, closing, fragments, broadcast, compression.
#include "ws.h"
#include "clock.h"

static struct mg_mgr mgr;
static struct ws_log server, client;
static struct mg_connection *listener, *accepted, *connected;

static void server_fn(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  ws_log_event(&server, ev, ev_data);
}

static void client_fn(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_OPEN) connected = c;
  ws_log_event(&client, ev, ev_data);
}

static void begin(void) {
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", server_fn, NULL);
}

static void connect_client(void) {
  mg_ws_connect(&mgr, url_of("ws", listener), client_fn, NULL, NULL);
  POLL_UNTIL(&mgr, client.opens == 1);
}

// A peer that is a plain socket.
static int peer(const char *request) {
  char took[1000];
  size_t len = 0;
  int fd = dial(listener);
  put(fd, request, strlen(request));
  POLL_UNTIL(&mgr, server.opens == 1);
  // The server sends it in the poll in which it made it.
  while (len < 4 || memcmp(took + len - 4, "\r\n\r\n", 4) != 0) {
    ssize_t n = recv(fd, took + len, sizeof(took) - len, 0);
    CHECK(n > 0);
    if (n <= 0) break;
    len += (size_t) n;
  }
  return fd;
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// --- Settings

static void test_values_of_settings(void) {
  static const struct {
    int setting;
    int64_t value;
    bool good;
  } rows[] = {
      {MG_SET_WS_MESSAGE_LIMIT, 0, true},   {MG_SET_WS_MESSAGE_LIMIT, -1, false},
      {MG_SET_WS_PING, 1000, true},         {MG_SET_WS_PING, -1, false},
      {MG_SET_WS_PONG_TIMEOUT, 1, true},    {MG_SET_WS_PONG_TIMEOUT, (int64_t) 1 << 33, false},
      {MG_SET_WS_CLOSE_TIMEOUT, 1, true},   {MG_SET_WS_DEFLATE, 0, true},
      {MG_SET_WS_DEFLATE, 9, true},         {MG_SET_WS_DEFLATE, 15, true},
      {MG_SET_WS_DEFLATE, 8, false},        {MG_SET_WS_DEFLATE, 16, false},
      {MG_SET_WS_DEFLATE_CONTEXT, 1, true}, {MG_SET_WS_DEFLATE_CONTEXT, 2, false},
  };
  size_t i;
  begin();
  for (i = 0; i < COUNT(rows); i++) {
    CHECK(mg_mgr_set(&mgr, rows[i].setting, rows[i].value) == rows[i].good);
    CHECK(mg_conn_set(listener, rows[i].setting, rows[i].value) == rows[i].good);
  }
  end();
}

static void test_message_limit(void) {
  int64_t n;
  for (n = 99; n <= 101; n++) {
    static char payload[101];
    begin();
    CHECK(mg_conn_set(listener, MG_SET_WS_MESSAGE_LIMIT, 100));
    connect_client();
    // In two fragments, with a ping between them that does not count.
    mg_ws_send_frame(connected, payload, 50, WEBSOCKET_OP_BINARY, false);
    mg_ws_send(connected, payload, 101, WEBSOCKET_OP_PING);
    mg_ws_send_frame(connected, payload, (size_t) n - 50, WEBSOCKET_OP_CONTINUE, true);
    POLL_UNTIL(&mgr, server.msgs + server.errors == 1);
    CHECK(server.msgs == (n <= 100));
    if (n > 100) POLL_UNTIL(&mgr, client.closes == 1 && strstr(client.text, "[88 \x03\xf1]") != NULL);
    end();
  }
}

// --- Pings

static void test_ping_of_a_peer_that_answers(void) {
  begin();
  CHECK(mg_conn_set(listener, MG_SET_WS_PING, 5));
  CHECK(mg_conn_set(listener, MG_SET_WS_PONG_TIMEOUT, PATIENCE_MS));
  connect_client();
  POLL_UNTIL(&mgr, server.ctls >= 3 && client.ctls >= 3);
  CHECK(strncmp(server.text, "[8a ][8a ][8a ]", 15) == 0);
  CHECK(strncmp(client.text, "[89 ][89 ][89 ]", 15) == 0);
  CHECK(server.errors == 0);
  end();
}

static void test_ping_of_a_disconnected_peer(void) {
  int fd, events;
  for (events = 0; events < 2; events++) {
    begin();
    CHECK(mg_conn_set(listener, MG_SET_WS_PING, 5));
    CHECK(mg_conn_set(listener, MG_SET_WS_PONG_TIMEOUT, 20));
    // Without MG_EV_POLL, too.
    CHECK(mg_conn_set(listener, MG_SET_POLL_EVENTS, events));
    stop_clock();
    fd = peer(UPGRADE);
    stopped_at += 5;
    CHECK_TAKES(&mgr, fd, "\x89\x00", 2);
    stopped_at += 19;
    poll_times(&mgr, 3);
    CHECK(server.closes == 0);
    stopped_at += 1;
    POLL_UNTIL(&mgr, server.closes == 1);
    start_clock();
    CHECK_LOG(server, "!WS pong timeout");
    close(fd);
    end();
  }
}

// A program that was busy for longer than the timeout does not blame the peer, whose answer waits.
static void test_ping_by_a_program_that_is_busy(void) {
  int fd, i;
  begin();
  CHECK(mg_conn_set(listener, MG_SET_WS_PING, 5));
  CHECK(mg_conn_set(listener, MG_SET_WS_PONG_TIMEOUT, 5));
  stop_clock();
  fd = peer(UPGRADE);
  for (i = 0; i < 3; i++) {
    char ping[2];
    ssize_t n = -1;
    stopped_at += 5;
    POLL_UNTIL(&mgr, n == 2 || (n = recv(fd, ping, sizeof(ping), MSG_DONTWAIT)) == 2);
    CHECK(n == 2 && memcmp(ping, "\x89\x00", 2) == 0);
    put(fd, "\x8a\x80\0\0\0\0", 6);
    stopped_at += 10;
    POLL_UNTIL(&mgr, server.ctls == i + 1);
  }
  start_clock();
  CHECK_LOG(server, "[8a ][8a ][8a ]");
  close(fd);
  end();
}

// The time is set on a connection that is open; its poll sleeps no longer than that.
static void test_ping_that_is_turned_on_later(void) {
  uint64_t start;
  int fd;
  begin();
  fd = peer(UPGRADE);
  poll_times(&mgr, 5);
  CHECK(mg_conn_set(accepted, MG_SET_WS_PING, 30));
  start = mg_millis();
  while (server.closes == 0 && mg_millis() < start + PATIENCE_MS) mg_mgr_poll(&mgr, 10 * PATIENCE_MS);
  CHECK(server.closes == 1 && mg_millis() < start + PATIENCE_MS);
  close(fd);
  end();
}

// --- Closing

static void test_close(void) {
  static const struct {
    int code;
    const char *reason;
    const char *seen;  // by the peer; NULL: refused
  } rows[] = {
      {1000, NULL, "[88 \x03\xe8]"}, {1001, "later", "[88 \x03\xe9later]"}, {4999, "", "[88 \x13\x87]"},
      {0, "ignored", "[88 ]"},        {1005, NULL, NULL},                    {1006, NULL, NULL},
      {999, NULL, NULL},              {-1, NULL, NULL},                      {66536, NULL, NULL},
      {1000, "\xff", NULL},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    begin();
    connect_client();
    CHECK(mg_ws_close(accepted, rows[i].code, rows[i].reason) == (rows[i].seen != NULL));
    if (rows[i].seen != NULL) {
      CHECK(!mg_ws_close(accepted, 1000, NULL));
      POLL_UNTIL(&mgr, client.closes == 1 && server.closes == 1);
      CHECK_LOG(client, rows[i].seen);
      CHECK_LOG(server, rows[i].seen);
    } else {
      CHECK(accepted->send.len == 0);
    }
    end();
  }
  CHECK(!mg_ws_close(NULL, 1000, NULL));
}

static void test_close_code(void) {
  static char payload[] = "\x0f\xa0reason";
  struct mg_ws_message wm;
  struct mg_str reason;
  wm.data = mg_str_n(payload, 8);
  wm.flags = 0x88;
  CHECK(mg_ws_close_code(&wm, &reason) == 4000 && mg_strcmp(reason, mg_str("reason")) == 0);
  CHECK(mg_ws_close_code(&wm, NULL) == 4000);
  wm.data.len = 2;
  CHECK(mg_ws_close_code(&wm, &reason) == 4000 && reason.len == 0);
  wm.data.len = 0;
  CHECK(mg_ws_close_code(&wm, &reason) == 1005 && reason.len == 0);
  wm.flags = 0x89;
  CHECK(mg_ws_close_code(&wm, &reason) == 0);
  CHECK(mg_ws_close_code(NULL, NULL) == 0);
}

// The peer does not answer the close frame.
static void test_close_timeout(void) {
  int fd;
  begin();
  CHECK(mg_conn_set(listener, MG_SET_WS_CLOSE_TIMEOUT, 10));
  stop_clock();
  fd = peer(UPGRADE);
  CHECK(mg_ws_close(accepted, 1000, NULL));
  CHECK_TAKES(&mgr, fd, "\x88\x02\x03\xe8", 4);
  stopped_at += 9;
  poll_times(&mgr, 3);
  CHECK(server.closes == 0);
  stopped_at += 1;
  CHECK_END(&mgr, fd);
  start_clock();
  CHECK(server.closes == 1 && server.errors == 0);
  close(fd);
  end();
}

// --- Fragments

static void test_fragments(void) {
  begin();
  connect_client();
  CHECK(mg_ws_send_frame(connected, "a", 1, WEBSOCKET_OP_TEXT, false) == 7);
  mg_ws_send_frame(connected, "", 0, WEBSOCKET_OP_CONTINUE, false);
  mg_ws_send_frame(connected, "bc", 2, WEBSOCKET_OP_CONTINUE, true);
  mg_ws_send_frame(connected, "d", 1, WEBSOCKET_OP_BINARY, true);
  POLL_UNTIL(&mgr, server.msgs == 2);
  CHECK_LOG(server, "[00 ][80 bc][01 abc][82 d]");
  CHECK(mg_ws_send_frame(NULL, "a", 1, 1, true) == 0);
  end();
}

// --- Broadcast

static bool no_blue(struct mg_connection *c, void *arg) {
  ++*(int *) arg;
  return c->data[0] != 'b';
}

// Closes the connection that comes next.
static bool close_next(struct mg_connection *c, void *arg) {
  ++*(int *) arg;
  if (c->next != NULL && c->next->is_websocket) mg_close_conn(c->next);
  return true;
}

static void test_broadcast(void) {
  static struct ws_log logs[5];
  struct mg_connection *c[5];
  int i, asked = 0, colour = 0;
  begin();
  memset(logs, 0, sizeof(logs));
  for (i = 0; i < 5; i++) {
    connect_client();
    memset(&client, 0, sizeof(client));
    connected->fn = NULL;
    c[i] = accepted;
  }
  POLL_UNTIL(&mgr, server.opens == 5);
  // Only the server's ends; one is blue, one draining, one was closed before.
  for (i = 0; i < 5; i++) c[i]->data[1] = 's';
  c[1]->data[0] = 'b';
  c[2]->is_draining = 1;
  CHECK(mg_ws_close(c[3], 1000, NULL));
  {
    struct mg_connection *at;
    for (at = mgr.conns; at != NULL; at = at->next) {
      if (at->data[1] != 's') at->data[0] = 'b', colour++;
    }
  }
  CHECK(colour == 6);  // the clients and the listener
  CHECK(mg_ws_broadcast(&mgr, "hello", 5, WEBSOCKET_OP_TEXT, no_blue, &asked) == 2);
  CHECK(asked == 3 + 5);
  CHECK(c[0]->send.len == 7 && memcmp(c[0]->send.buf, "\x81\x05hello", 7) == 0);
  CHECK(c[1]->send.len == 0 && c[2]->send.len == 0 && c[3]->send.len == 4);
  CHECK(c[4]->send.len == 7);
  // Everyone but those two, and each with its own mask.
  CHECK(mg_ws_broadcast(&mgr, "", 0, WEBSOCKET_OP_PING, NULL, NULL) == 8);
  // A close frame counts as one.
  CHECK(mg_ws_broadcast(&mgr, "\x03\xe8", 2, WEBSOCKET_OP_CLOSE, no_blue, &asked) == 2);
  CHECK(!mg_ws_close(c[0], 1000, NULL));
  asked = 0;
  CHECK(mg_ws_broadcast(&mgr, "x", 1, WEBSOCKET_OP_TEXT, close_next, &asked) <= 5);
  CHECK(asked <= 5);
  CHECK(mg_ws_broadcast(NULL, "x", 1, WEBSOCKET_OP_TEXT, NULL, NULL) == 0);
  poll_times(&mgr, 3);
  end();
}

// --- Compression

static const char text[] =
    "compressed compressed compressed compressed compressed compressed compressed compressed";

static void test_compression_between_ours(void) {
  static const int64_t bits[] = {9, 12, 15};
  size_t i;
  int context;
  for (i = 0; i < COUNT(bits) * 2; i++) {
    size_t first, second;
    context = i & 1;
    begin();
    mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, bits[i / 2]);
    mg_mgr_set(&mgr, MG_SET_WS_DEFLATE_CONTEXT, context);
    mg_conn_set(listener, MG_SET_WS_DEFLATE, 15);
    connect_client();
    first = mg_ws_send(connected, text, sizeof(text) - 1, WEBSOCKET_OP_TEXT);
    second = mg_ws_send(connected, text, sizeof(text) - 1, WEBSOCKET_OP_TEXT);
    CHECK(first < 40);
    // The second refers to the first, if it may.
    CHECK(context ? second < first : second == first);
    CHECK((connected->send.buf[0] & 0xff) == 0xc1);
    CHECK(mg_ws_printf(accepted, WEBSOCKET_OP_BINARY, "%s", text) == sizeof(text) - 1);
    CHECK(accepted->send.len < 40);
    mg_printf(accepted, "%s", text);
    CHECK(mg_ws_wrap(accepted, sizeof(text) - 1, WEBSOCKET_OP_TEXT) == accepted->send.len);
    // These are not: too short, fragments, control frames.
    mg_ws_send(accepted, "short", 5, WEBSOCKET_OP_TEXT);
    mg_ws_send_frame(accepted, text, 60, WEBSOCKET_OP_TEXT, false);
    mg_ws_send_frame(accepted, text + 60, 10, WEBSOCKET_OP_CONTINUE, true);
    mg_ws_send(accepted, text, 60, WEBSOCKET_OP_PING);
    CHECK(mg_ws_broadcast(&mgr, text, sizeof(text) - 1, WEBSOCKET_OP_TEXT, NULL, NULL) == 2);
    POLL_UNTIL(&mgr, server.msgs == 3 && client.msgs == 5 && server.ctls == 1);
    CHECK(server.last_len == 60 && client.last_len == sizeof(text) - 1);
    CHECK(strncmp(server.text, "[81 compressed ", 15) == 0);
    CHECK(strncmp(client.text, "[82 compressed ", 15) == 0);
    CHECK(server.errors + client.errors == 0);
    end();
  }
}

static void test_compression_is_agreed_on(void) {
  static const struct {
    const char *offer, *answer;
  } rows[] = {
      {"permessage-deflate; client_max_window_bits", "permessage-deflate"},
      {"permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"},
      {"permessage-deflate; nonsense=1", NULL},
      {"x-webkit-deflate-frame", NULL},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char request[500], took[500], wanted[200] = "\r\n\r\n";
    int fd;
    begin();
    mg_conn_set(listener, MG_SET_WS_DEFLATE, 15);
    fd = dial(listener);
    snprintf(request, sizeof(request), UPGRADE_WITH("Sec-WebSocket-Extensions: %s\r\n"), rows[i].offer);
    if (rows[i].answer != NULL) {
      snprintf(wanted, sizeof(wanted), "Sec-WebSocket-Extensions: %s\r\n\r\n", rows[i].answer);
    } else {
      snprintf(wanted, sizeof(wanted), "xOo=\r\n\r\n");
    }
    put(fd, request, strlen(request));
    POLL_UNTIL(&mgr, server.opens == 1);
    poll_times(&mgr, 2);
    {
      ssize_t n = recv(fd, took, sizeof(took), 0);
      size_t len = strlen(wanted);
      CHECK_ROW(n > (ssize_t) len && memcmp(took + n - len, wanted, len) == 0, rows[i].offer);
    }
    close(fd);
    end();
  }
}

// A server that agrees to what was not asked for.
static void test_compression_of_a_bad_server(void) {
  static const char *const answers[] = {"permessage-deflate; foo", "x-other",
                                        "permessage-deflate; client_max_window_bits=7"};
  size_t i;
  for (i = 0; i < COUNT(answers); i++) {
    char url[64], response[300];
    int fd, peer_fd;
    begin();
    mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, 15);
    fd = plain_listener(url, sizeof(url));
    memcpy(url, "ws:/", 4);
    memmove(url + 3, url + 4, strlen(url + 4) + 1);
    mg_ws_connect(&mgr, url, client_fn, NULL, NULL);
    CHECK(strstr((char *) connected->send.buf,
                 "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n") != NULL);
    peer_fd = accept(fd, NULL, NULL);
    snprintf(response, sizeof(response), "HTTP/1.1 101 OK\r\nSec-WebSocket-Extensions: %s\r\n\r\n", answers[i]);
    put(peer_fd, response, strlen(response));
    POLL_UNTIL(&mgr, client.closes == 1);
    CHECK_LOG(client, "!ws handshake error");
    close(peer_fd);
    close(fd);
    end();
  }
}

#define DEFLATE_REQUEST UPGRADE_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n")

static void test_compressed_frames(void) {
  static const struct {
    const char *frames;
    size_t len;
    const char *log;
  } rows[] = {
      // RFC 7692, section 7.2.3: "Hello" whole, in fragments, from the window.
      {BYTES("\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00"), "[81 Hello]"},
      {BYTES("\x41\x83\0\0\0\0\xf2\x48\xcd\x80\x84\0\0\0\0\xc9\xc9\x07\x00"), "[80 \xc9\xc9\x07][01 Hello]"},
      {BYTES("\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00\xc2\x85\0\0\0\0\xf2\x00\x11\x00\x00"),
       "[81 Hello][82 Hello]"},
      {BYTES("\xc1\x81\0\0\0\0\x00"), "[81 ]"},
      {BYTES("\x81\x82\0\0\0\0ok"), "[81 ok]"},
      {BYTES("\xc1\x83\0\0\0\0\xff\xff\xff"), "!WS compressed data"},
      // "\xff" as a stored block.
      {BYTES("\xc1\x87\0\0\0\0\x00\x01\x00\xfe\xff\xff\x00"), "!WS text is not UTF-8"},
      {BYTES("\xc9\x80\0\0\0\0"), "!WS reserved bits"},
      {BYTES("\x41\x81\0\0\0\0\x00\xc0\x80\0\0\0\0"), "!WS reserved bits"},
      {BYTES("\xa1\x80\0\0\0\0"), "!WS reserved bits"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    int fd;
    begin();
    mg_conn_set(listener, MG_SET_WS_DEFLATE, 15);
    fd = peer(DEFLATE_REQUEST);
    put(fd, rows[i].frames, rows[i].len);
    POLL_UNTIL(&mgr, strlen(server.text) == strlen(rows[i].log));
    CHECK_LOG(server, rows[i].log);
    close(fd);
    end();
  }
}

// A few bytes that mean megabytes are refused while they are inflated.
static void test_compressed_bomb(void) {
  static char zeros[2000000], frame[20000];
  struct mg_connection *sender;
  size_t n;
  int64_t limit;
  for (limit = 1999999; limit <= 2000000; limit++) {
    begin();
    mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, 15);
    CHECK(mg_conn_set(listener, MG_SET_WS_DEFLATE, 15));
    CHECK(mg_conn_set(listener, MG_SET_WS_MESSAGE_LIMIT, limit));
    connect_client();
    sender = connected;
    n = mg_ws_send(sender, zeros, sizeof(zeros), WEBSOCKET_OP_BINARY);
    CHECK(n < sizeof(frame));
    POLL_UNTIL(&mgr, server.msgs + server.errors == 1);
    if (limit == 2000000) {
      CHECK(server.msgs == 1 && server.last_len == sizeof(zeros));
    } else {
      CHECK_LOG(server, "!WS message too big");
      POLL_UNTIL(&mgr, client.closes == 1);
      CHECK_LOG(client, "[88 \x03\xf1]");
    }
    end();
  }
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_values_of_settings();
  test_message_limit();
  test_ping_of_a_peer_that_answers();
  test_ping_of_a_disconnected_peer();
  test_ping_by_a_program_that_is_busy();
  test_ping_that_is_turned_on_later();
  test_close();
  test_close_code();
  test_close_timeout();
  test_fragments();
  test_broadcast();
  test_compression_between_ours();
  test_compression_is_agreed_on();
  test_compression_of_a_bad_server();
  test_compressed_frames();
  test_compressed_bomb();
  return FAILURES;
}
