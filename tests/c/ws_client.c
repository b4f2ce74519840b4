// A WebSocket client, and servers that are plain sockets: the request, the response, what follows.
#include "ws.h"

static struct mg_mgr mgr;
static struct ws_log client;
static struct record events;

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  ws_log_event(&client, ev, ev_data);
  record_event(&events, ev, ev_data);
  if (ev == MG_EV_WS_OPEN) {
    CHECK(c->is_websocket);
    CHECK(mg_http_status((struct mg_http_message *) ev_data) == 101);
  }
}

static void begin(void) {
  memset(&client, 0, sizeof(client));
  memset(&events, 0, sizeof(events));
  mg_mgr_init(&mgr);
}

// --- The request

static char request[500];  // with its key blanked out
static char key[25];

static void read_request(struct mg_connection *c) {
  char *at;
  CHECK(c != NULL && c->send.len < sizeof(request));
  memcpy(request, c->send.buf, c->send.len);
  request[c->send.len] = '\0';
  at = strstr(request, "Sec-WebSocket-Key: ");
  CHECK(at != NULL);
  if (at != NULL) {
    memcpy(key, at + 19, 24);
    memset(at + 19, '#', 24);
  }
}

#define REQUEST(path, host, more)                                                            \
  "GET " path " HTTP/1.1\r\nUpgrade: websocket\r\nHost: " host "\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ########################\r\n" more "\r\n"

static void test_requests(void) {
  static const struct {
    const char *url, *extra, *expected;
  } rows[] = {
      {"ws://localhost", NULL, REQUEST("/", "localhost", "")},
      {"ws://localhost:80/", NULL, REQUEST("/", "localhost", "")},
      {"wss://localhost:443/a", NULL, REQUEST("/a", "localhost", "")},
      {"ws://user:pass@127.0.0.1:17002/a/b?c=d", NULL, REQUEST("/a/b?c=d", "127.0.0.1:17002", "")},
      {"ws://[::1]:1/x", NULL, REQUEST("/x", "[::1]:1", "")},
      {"ws://127.0.0.1:443/x#y", "A: b\r\nC: 100%\r\n",
       REQUEST("/x", "127.0.0.1:443", "A: b\r\nC: 100%\r\n")},
  };
  char old_key[25];
  size_t i;
  begin();
  for (i = 0; i < COUNT(rows); i++) {
    memcpy(old_key, key, sizeof(key));
    if (rows[i].extra == NULL) {
      read_request(mg_ws_connect(&mgr, rows[i].url, handler, NULL, NULL));
    } else {
      read_request(mg_ws_connect(&mgr, rows[i].url, handler, NULL, "%s", rows[i].extra));
    }
    CHECK_ROW(strcmp(request, rows[i].expected) == 0, rows[i].url);
    CHECK_ROW(memcmp(old_key, key, sizeof(key)) != 0, rows[i].url);
  }
  CHECK(mg_ws_connect(&mgr, NULL, handler, NULL, NULL) == NULL);
  CHECK(mg_ws_connect(&mgr, "", handler, NULL, NULL) == NULL);
  CHECK(mg_ws_connect(&mgr, "ws://localhost/\r\nX: y", handler, NULL, NULL) == NULL);
  CHECK(mg_ws_connect(&mgr, "ws://localhost\n", handler, NULL, NULL) == NULL);
  mg_mgr_free(&mgr);
}

// --- The response

static int serve(char *url, size_t size) {
  int fd = plain_listener(url, size);
  memcpy(url, "ws:/", 4);
  memmove(url + 3, url + 4, strlen(url + 4) + 1);
  return fd;
}

// Accepts the client, reads its request, and answers its key.
static int answer(int listener, char *accept_value) {
  struct mg_str request_key = mg_str_n(key, 24);
  unsigned char digest[20];
  mg_sha1_ctx sha1;
  char took[500] = "";
  size_t len = 0;
  int fd;
  POLL_UNTIL(&mgr, events.written > 0);
  fd = accept(listener, NULL, NULL);
  CHECK(fd >= 0);
  while (strstr(took, "\r\n\r\n") == NULL) {
    ssize_t n = recv(fd, took + len, sizeof(took) - 1 - len, 0);
    CHECK(n > 0);
    if (n <= 0) break;
    len += (size_t) n;
    took[len] = '\0';
  }
  memcpy(key, strstr(took, "Key: ") + 5, 24);
  mg_sha1_init(&sha1);
  mg_sha1_update(&sha1, (unsigned char *) request_key.buf, 24);
  mg_sha1_update(&sha1, (const unsigned char *) "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
  mg_sha1_final(digest, &sha1);
  mg_base64_encode(digest, sizeof(digest), accept_value, 30);
  return fd;
}

static int connect_to_raw(int *listener, char *accept_value) {
  char url[64];
  *listener = serve(url, sizeof(url));
  CHECK(mg_ws_connect(&mgr, url, handler, NULL, NULL) != NULL);
  return answer(*listener, accept_value);
}

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"

static void test_responses(void) {
  static const struct {
    const char *name, *format, *log;
    int opens;
  } rows[] = {
      {"as it should be", SWITCHING "Sec-WebSocket-Accept: %s\r\n\r\n", "", 1},
      {"without the accept value", SWITCHING "\r\n", "", 1},
      {"101 without a reason", "HTTP/1.1 101\r\n\r\n", "", 1},
      {"frames after it", SWITCHING "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x02" "ab\x89\x01p\x82\x01" "c",
       "[81 ab][89 p][82 c]", 1},
      {"wrong accept value", SWITCHING "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
       "!ws handshake error", 0},
      {"another accept value, too", SWITCHING "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Accept: x\r\n\r\n",
       "!ws handshake error", 0},
      {"refused, with a body that looks like frames", "HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nFFFFFFFF",
       "!ws handshake error", 0},
      {"redirected", "HTTP/1.1 302 Found\r\nLocation: ws://x/\r\n\r\n", "!ws handshake error", 0},
      {"101 at the right place, but not HTTP", "XXXX/1.1 101 OK\r\n\r\n", "!ws handshake error", 0},
      {"too short", "HTTP/1.1 1\r\n\r\n", "!ws handshake error", 0},
      {"control bytes", "HTTP/1.1 101 \x01\r\n\r\n", "!not http", 0},
      {"a frame at once", "\x81\x02" "ab", "!not http", 0},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char accept_value[30], response[500];
    int listener, fd, len;
    begin();
    fd = connect_to_raw(&listener, accept_value);
    len = snprintf(response, sizeof(response), rows[i].format, accept_value);
    put(fd, response, (size_t) len);
    POLL_UNTIL(&mgr, client.opens + client.errors > 0);
    poll_times(&mgr, 3);
    CHECK_ROW(client.opens == rows[i].opens && client.errors == !rows[i].opens, rows[i].name);
    CHECK_LOG(client, rows[i].log);
    CHECK_ROW(client.closes == !rows[i].opens, rows[i].name);
    close(fd);
    close(listener);
    mg_mgr_free(&mgr);
  }
}

static void test_response_byte_by_byte(void) {
  char accept_value[30], response[500];
  int listener, fd, len, i, on = 1;
  begin();
  fd = connect_to_raw(&listener, accept_value);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  len = snprintf(response, sizeof(response), SWITCHING "Sec-WebSocket-Accept: %s\r\n\r\n\x81\x02" "ab",
                 accept_value);
  for (i = 0; i < len; i++) {
    size_t read = events.read;
    put(fd, response + i, 1);
    POLL_UNTIL(&mgr, events.read > read);
  }
  CHECK_LOG(client, "[81 ab]");
  CHECK(client.opens == 1);
  CHECK_EVENTS(events, "OPEN RESOLVE CONNECT WRITE READ WS_OPEN READ WS_MSG READ");
  close(fd);
  close(listener);
  mg_mgr_free(&mgr);
}

// Refused, closed: what a program sees of it.
static void test_no_response(void) {
  char accept_value[30], url[64];
  int listener, fd;
  begin();
  fd = connect_to_raw(&listener, accept_value);
  close(fd);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK_EVENTS(events, "OPEN RESOLVE CONNECT WRITE CLOSE");
  close(listener);
  mg_mgr_free(&mgr);
  begin();
  listener = serve(url, sizeof(url));
  close(listener);
  mg_ws_connect(&mgr, url, handler, NULL, NULL);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK_EVENTS(events, "OPEN RESOLVE ERROR CLOSE");
  CHECK_LOG(client, "!socket error");
  mg_mgr_free(&mgr);
}

// --- Frames of a server

static void test_frames(void) {
  static const struct {
    const char *frames;
    size_t len;
    const char *log;
    int code;  // of the CLOSE that the server gets; 0: none
  } rows[] = {
      {BYTES("\x81\x02""ab\x01\x01""c\x80\x01""d"), "[81 ab][80 d][01 cd]", 0},
      {BYTES("\x81\x82\0\0\0\0ab"), "!WS masking", 1002},
      {BYTES("\x8b\x00"), "!unknown WS op 11", 1002},
      {BYTES("\xc1\x01""a"), "!WS reserved bits", 1002},
      {BYTES("\x81\x02""a\xff"), "!WS text is not UTF-8", 1007},
      {BYTES("\x82\x7f\0\0\0\0\0\x30\0\0"), "!WS message too big", 1009},
      {BYTES("\x88\x02\x03\xe8\x81\x01x"), "[88 \x03\xe8]", 1000},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char accept_value[30], took[8];
    int listener, fd;
    begin();
    fd = connect_to_raw(&listener, accept_value);
    put(fd, BYTES(SWITCHING "\r\n"));
    POLL_UNTIL(&mgr, client.opens == 1);
    put(fd, rows[i].frames, rows[i].len);
    POLL_UNTIL(&mgr, strlen(client.text) == strlen(rows[i].log));
    CHECK_LOG(client, rows[i].log);
    if (rows[i].code != 0) {
      CHECK_ROW(take(&mgr, fd, took, 8) == 8 && memcmp(took, "\x88\x82", 2) == 0, rows[i].log);
      // Masked as everything that a client sends.
      CHECK_ROW((((took[6] ^ took[2]) & 255) << 8 | ((took[7] ^ took[3]) & 255)) == rows[i].code, rows[i].log);
      CHECK_END(&mgr, fd);
    }
    close(fd);
    close(listener);
    mg_mgr_free(&mgr);
  }
}

// A program's WS_OPEN may empty `recv`, too: frames after the response are not lost.
static void emptying(struct mg_connection *c, int ev, void *ev_data) {
  handler(c, ev, ev_data);
  if (ev == MG_EV_WS_OPEN) mg_iobuf_del(&c->recv, 0, c->recv.len);
}

static void test_open_that_empties_recv(void) {
  char url[64], accept_value[30];
  int listener, fd;
  begin();
  listener = serve(url, sizeof(url));
  mg_ws_connect(&mgr, url, emptying, NULL, NULL);
  fd = answer(listener, accept_value);
  put(fd, BYTES(SWITCHING "\r\n\x81\x02" "ab\x82\x01" "c"));
  POLL_UNTIL(&mgr, client.msgs == 2);
  CHECK_LOG(client, "[81 ab][82 c]");
  close(fd);
  close(listener);
  mg_mgr_free(&mgr);
}

// --- What sending makes of a client's and a server's message

static void test_sizes_of_frames(void) {
  static char payload[70000];
  static const struct {
    size_t len;
    const char *header;
    size_t header_len;
  } rows[] = {{0, BYTES("\x82\x00")},
              {125, BYTES("\x82\x7d")},
              {126, BYTES("\x82\x7e\x00\x7e")},
              {65535, BYTES("\x82\x7e\xff\xff")},
              {65536, BYTES("\x82\x7f\0\0\0\0\0\1\0\0")}};
  struct mg_connection c;
  size_t i, j, n;
  memset(&c, 0, sizeof(c));
  for (i = 0; i < sizeof(payload); i++) payload[i] = (char) (i * 7);
  for (i = 0; i < COUNT(rows); i++) {
    const unsigned char *mask, *body;
    n = rows[i].header_len;
    c.send.len = 0;
    c.is_client = 0;
    CHECK(mg_ws_send(&c, payload, rows[i].len, WEBSOCKET_OP_BINARY) == n + rows[i].len);
    CHECK(c.send.len == n + rows[i].len && memcmp(c.send.buf, rows[i].header, n) == 0);
    CHECK(memcmp(c.send.buf + n, payload, rows[i].len) == 0);
    c.send.len = 0;
    c.is_client = 1;
    CHECK(mg_ws_send(&c, payload, rows[i].len, WEBSOCKET_OP_BINARY) == n + 4 + rows[i].len);
    CHECK(c.send.buf[1] == ((unsigned char) rows[i].header[1] | 0x80));
    CHECK(memcmp(c.send.buf + 2, rows[i].header + 2, n - 2) == 0);
    mask = c.send.buf + n;
    body = mask + 4;
    for (j = 0; j < rows[i].len && (body[j] ^ mask[j & 3]) == (unsigned char) payload[j]; j++) continue;
    CHECK(j == rows[i].len);
  }
  c.send.len = 0;
  c.is_client = 0;
  CHECK(mg_ws_send(&c, "x", 1, 0x41) == 3 && memcmp(c.send.buf, "\xc1\x01x", 3) == 0);
  CHECK(mg_ws_printf(&c, WEBSOCKET_OP_TEXT, "%s %d", "ab", 7) == 4);
  CHECK(mg_ws_printf(&c, WEBSOCKET_OP_TEXT, "%s", "") == 0);
  CHECK(c.send.len == 3 + 6 + 2 && memcmp(c.send.buf + 3, "\x81\x04" "ab 7\x81\x00", 8) == 0);
  c.send.len = 0;
  mg_printf(&c, "zzboo");
  CHECK(mg_ws_wrap(&c, 3, WEBSOCKET_OP_TEXT) == 7 && memcmp(c.send.buf, "zz\x81\x03" "boo", 7) == 0);
  CHECK(mg_ws_wrap(&c, 8, WEBSOCKET_OP_TEXT) == 0 && c.send.len == 7);
  CHECK(mg_ws_wrap(&c, 0, WEBSOCKET_OP_PING) == 9 && memcmp(c.send.buf + 7, "\x89\x00", 2) == 0);
  CHECK(mg_ws_send(NULL, "x", 1, 1) == 0 && mg_ws_wrap(NULL, 0, 1) == 0);
  CHECK(mg_ws_printf(NULL, 1, "x") == 0);
  mg_ws_upgrade(NULL, NULL, NULL);
  mg_iobuf_free(&c.send);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_requests();
  test_responses();
  test_response_byte_by_byte();
  test_no_response();
  test_frames();
  test_open_that_empties_recv();
  test_sizes_of_frames();
  return FAILURES;
}
