// How HTTP connections go on and how they end: late replies, refusals, bodies that are not wanted,
// clients that wait to be invited. The peer is a plain socket.
#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *l, *accepted;
static int heads, messages, reads;
static long longest_read;
static char uris[200];
static char got[200000];
static size_t got_len;
static bool got_end, got_reset;
static uint64_t now = 1000, tick;

// The library takes the program's clock: timeouts need no waiting.
uint64_t mg_millis(void) {
  return now;
}

static void turn(void) {
  now += tick;
  mg_mgr_poll(&mgr, 1);
}

// The clock stands still, so patience is counted in polls.
#define UNTIL(condition)                             \
  do {                                               \
    int turns_ = 0;                                  \
    while (!(condition) && turns_++ < 5000) turn();  \
    CHECK(condition);                                \
  } while (0)

static void begin(mg_event_handler_t fn) {
  tick = 0;
  heads = messages = reads = 0;
  longest_read = 0;
  uris[0] = '\0';
  accepted = NULL;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL);
}

static void end(void) {
  mg_mgr_free(&mgr);
}

static void set(int setting, int64_t value) {
  CHECK(mg_conn_set(l, setting, value));
}

// Polls, and takes in what the server sends, until that ends with `tail`, or the connection ends if
// `tail` is NULL.
static void expect(int fd, const char *tail) {
  int turns = 0;
  size_t n = tail == NULL ? 0 : strlen(tail);
  nonblocking(fd);
  for (;;) {
    ssize_t k = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
    if (k > 0) got_len += (size_t) k;
    got_reset = k < 0 && errno == ECONNRESET;
    if (k == 0 || got_reset) got_end = true;
    got[got_len] = '\0';
    if (got_end || (n > 0 && got_len >= n && strcmp(got + got_len - n, tail) == 0)) break;
    CHECK(k > 0 || errno == EAGAIN);
    if (k <= 0 && (errno != EAGAIN || ++turns > 3000)) break;
    turn();
  }
  if (tail == NULL ? !got_end : n > 0 && (got_len < n || strcmp(got + got_len - n, tail) != 0)) {
    fprintf(stderr, "got [%s]%s, expected [%s]\n", got, got_end ? " and the end" : "", tail == NULL ? "the end" : tail);
    failures++;
  }
}

static void say(int fd, const char *text) {
  put(fd, text, strlen(text));
}

static int start(const char *request) {
  int fd = dial(l);
  say(fd, request);
  got_len = 0;
  got_end = got_reset = false;
  return fd;
}

static int count(const char *text) {
  int n = 0;
  const char *at = got;
  for (; (at = strstr(at, text)) != NULL; at++) n++;
  return n;
}

static void note(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_CLOSE && c == accepted) accepted = NULL;
  if (ev == MG_EV_HTTP_HDRS) heads++;
  if (ev == MG_EV_HTTP_MSG) {
    messages++;
    if (strlen(uris) + hm->uri.len < sizeof(uris)) strncat(uris, hm->uri.buf, hm->uri.len);
  }
  if (ev == MG_EV_READ) {
    reads++;
    if (*(long *) ev_data > longest_read) longest_read = *(long *) ev_data;
  }
}

static void at_once(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "%d", (int) hm->body.len);
    CHECK(memcmp(c->send.buf + 9, "200", 3) == 0);
  }
}

static void from_poll(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) c->data[0] = 3;
  if (ev == MG_EV_POLL && c->data[0] > 0 && --c->data[0] == 0) mg_http_reply(c, 200, "", "late");
}

static void from_a_timer(void *arg) {
  struct mg_connection *c = accepted;
  if (c != NULL && c->is_resp) mg_http_reply(c, 200, "", "late");
  (void) arg;
}

// --- Connection: close

static void test_close_holds_for_late_replies(void) {
  static const char two[] = "GET /1 HTTP/1.1\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
  int fd;
  begin(from_poll);
  fd = start(two);
  expect(fd, NULL);
  CHECK(messages == 1 && count("late") == 1);
  close(fd);
  end();

  begin(note);
  mg_timer_add(&mgr, 1, MG_TIMER_REPEAT | MG_TIMER_AUTODELETE, from_a_timer, NULL);
  fd = start(two);
  tick = 1;
  expect(fd, NULL);
  CHECK(messages == 1 && count("late") == 1);
  close(fd);
  end();
}

static void test_close_waits_for_the_body(void) {
  int fd;
  begin(at_once);
  set(MG_SET_HTTP10_CLOSE, 1);
  fd = start("POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\na");
  UNTIL(heads > 0);
  poll_times(&mgr, 5);
  say(fd, "bc");
  expect(fd, NULL);
  CHECK(messages == 1 && count("\r\n\r\n3") == 1);
  close(fd);
  end();
}

// What comes in later than the request that asked to close is not handled either.
static void test_nothing_follows_close(void) {
  int fd;
  begin(from_poll);
  fd = start("GET /1 HTTP/1.1\r\nConnection: close\r\n\r\n");
  UNTIL(messages > 0);
  say(fd, "GET /2 HTTP/1.1\r\n\r\n");
  expect(fd, NULL);
  CHECK(messages == 1 && strcmp(uris, "/1") == 0);
  close(fd);
  end();
}

// --- Without MG_EV_POLL

static void test_late_replies_without_poll_events(void) {
  int fd;
  begin(note);
  set(MG_SET_POLL_EVENTS, 0);
  mg_timer_add(&mgr, 1, MG_TIMER_REPEAT | MG_TIMER_AUTODELETE, from_a_timer, NULL);
  fd = start("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  tick = 1;
  expect(fd, NULL);
  CHECK(count("late") == 3 && messages == 3 && strcmp(uris, "/1/2/3") == 0);
  close(fd);
  end();
}

// --- What handlers do at HDRS

static void make_room(struct mg_connection *c, int ev, void *ev_data) {
  at_once(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) CHECK(mg_iobuf_resize(&c->recv, c->recv.size + 50000));
}

static void test_a_buffer_that_moves_in_hdrs(void) {
  int fd;
  begin(make_room);
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n");
  expect(fd, "\r\n\r\n0");
  CHECK(heads == 2 && messages == 2 && count("\r\n\r\n3") == 1);
  say(fd, "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n");
  expect(fd, "\r\n\r\n4");
  say(fd, "POST /d HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  UNTIL(heads == 4);
  say(fd, "cde");
  expect(fd, "\r\n\r\n5");
  CHECK(heads == 4 && messages == 4);
  close(fd);
  end();
}

static void turn_down(struct mg_connection *c, int ev, void *ev_data) {
  at_once(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) {
    mg_http_reply(c, 403, "", "no");
    c->is_draining = 1;
  }
}

// The program's reply is the only one, and nobody is invited to send a body that is not wanted.
static void test_a_request_that_is_turned_down(void) {
  static const char *const requests[] = {
      "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
      "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
  };
  size_t i;
  for (i = 0; i < COUNT(requests); i++) {
    int fd;
    begin(turn_down);
    set(MG_SET_HTTP_CONTINUE, 1);
    fd = start(requests[i]);
    expect(fd, NULL);
    CHECK_ROW(heads == 1 && messages == 0, requests[i]);
    CHECK_ROW(count("HTTP/1.1") == 1 && count("HTTP/1.1 403 ") == 1, requests[i]);
    close(fd);
    end();
  }
}

// A body that is too long to be collected may still be streamed.
static void take_over(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) mg_iobuf_del(&c->recv, 0, ((struct mg_http_message *) ev_data)->head.len);
  CHECK(ev != MG_EV_ERROR);
}

static void test_a_stream_has_no_limit(void) {
  int fd;
  begin(take_over);
  set(MG_SET_HTTP_MAX_BODY, 10);
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\nabc");
  UNTIL(heads == 1 && accepted->recv.len == 3);
  say(fd, "def");
  UNTIL(accepted->recv.len == 6);
  CHECK(accepted->pfn == NULL && !accepted->is_draining && messages == 0);
  close(fd);
  end();
}

static void upgrade(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
}

// The limit of requests is none of a WebSocket.
static void test_the_last_request_opens_a_websocket(void) {
  int fd;
  begin(upgrade);
  set(MG_SET_HTTP_MAX_REQUESTS, 1);
  fd = start(
      "GET /a HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  expect(fd, "\r\n\r\n");
  CHECK(count("HTTP/1.1 101 ") == 1);
  poll_times(&mgr, 5);
  CHECK(accepted != NULL && accepted->is_websocket && !accepted->is_draining);
  close(fd);
  end();
}

// --- Expect: 100-continue

static void test_an_invitation(void) {
  static const char head[] = "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  int fd;
  begin(at_once);
  set(MG_SET_HTTP_CONTINUE, 1);
  fd = start(head);
  expect(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  say(fd, "ab");
  expect(fd, "\r\n\r\n2");
  CHECK(heads == 1 && messages == 1 && count("HTTP/1.1") == 2);
  // Who sends the body without waiting needs none.
  got_len = 0;
  say(fd, "POST /b HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\na");
  UNTIL(heads == 2);
  say(fd, "b");
  expect(fd, "\r\n\r\n2");
  CHECK(count("100 Continue") == 0);
  // HTTP/1.0 knows no interim replies.
  got_len = 0;
  say(fd, "POST /c HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  UNTIL(heads == 3);
  say(fd, "ab");
  expect(fd, "\r\n\r\n2");
  CHECK(count("100 Continue") == 0);
  close(fd);
  end();
}

// --- Bodies that are not wanted

static void test_bodies_beyond_the_limits(void) {
  static const struct {
    const char *request;
    const char *status;
  } rows[] = {
      {"POST /a HTTP/1.1\r\nContent-Length: 11\r\n\r\n", "413"},
      {"POST /a HTTP/1.1\r\nContent-Length: 11\r\n\r\n01234567890", "413"},
      {"POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789", "200"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", "413"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n0123", "200 or wait"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n01234", "413"},
      {"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", "200"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char wanted[30];
    int fd;
    begin(at_once);
    set(MG_SET_HTTP_MAX_BODY, 10);
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    fd = start(rows[i].request);
    UNTIL(heads > 0);
    poll_times(&mgr, 5);
    if (strlen(rows[i].status) == 3) {
      mg_snprintf(wanted, sizeof(wanted), "HTTP/1.1 %s ", rows[i].status);
      UNTIL(recv(fd, got, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
      got_len = (size_t) recv(fd, got, sizeof(got) - 1, 0);
      got[got_len] = '\0';
      CHECK_ROW(count(wanted) == 1 && count("HTTP/1.1") == 1, rows[i].request);
    } else {
      CHECK(recv(fd, got, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    }
    CHECK_ROW(messages == (rows[i].status[0] == '2' && strlen(rows[i].status) == 3), rows[i].request);
    close(fd);
    end();
  }
}

// A chunked body announces no length: the receive buffer fills up.
static void test_a_chunked_body_that_fills_the_buffer(void) {
  int replies;
  for (replies = 0; replies < 2; replies++) {
    static char chunk[] = "1000\r\n";
    static char block[4096 + 2];
    int fd, i;
    begin(at_once);
    set(MG_SET_RECV_LIMIT, 20000);
    set(MG_SET_HTTP_ERROR_REPLIES, replies);
    memset(block, 'a', sizeof(block) - 2);
    memcpy(block + sizeof(block) - 2, "\r\n", 2);
    fd = start("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (i = 0; i < 6; i++) {
      put(fd, chunk, strlen(chunk));
      put(fd, block, sizeof(block));
    }
    expect(fd, NULL);
    CHECK(messages == 0 && count("HTTP/1.1 413 ") == replies);
    close(fd);
    end();
  }
}

// Sends a megabyte to a server that does not want it; the refusal must arrive.
static void send_unwanted(const char *status) {
  static char block[65536];
  size_t sent = 0;
  int fd = start("POST /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"), turns;
  nonblocking(fd);
  for (turns = 0; sent < 1000000 && turns < 3000; turns++) {
    size_t n = 1000000 - sent < sizeof(block) ? 1000000 - sent : sizeof(block);
    ssize_t k = send(fd, block, n, MSG_NOSIGNAL);
    CHECK(k > 0 || errno == EAGAIN);
    if (k > 0) sent += (size_t) k;
    mg_mgr_poll(&mgr, 1);
  }
  CHECK(sent == 1000000);
  expect(fd, NULL);
  CHECK(count(status) == 1 && count("HTTP/1.1") == 1 && messages == 0 && !got_reset);
  // The client's end ends the connection.
  CHECK(mgr.conns != l);
  close(fd);
  UNTIL(mgr.conns == l);
}

// Who is refused while sending still sees why: the server hears the rest, for a while.
static void test_a_refusal_reaches_a_client_that_sends(void) {
  int fd;
  begin(at_once);
  set(MG_SET_HTTP_MAX_BODY, 1000);
  set(MG_SET_HTTP_ERROR_REPLIES, 1);
  send_unwanted("HTTP/1.1 413 ");
  // So does time.
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
  expect(fd, NULL);
  CHECK(mgr.conns != l);
  now += 2000;
  UNTIL(mgr.conns == l);
  close(fd);
  end();
}

static void test_a_reply_of_the_program_reaches_a_client_that_sends(void) {
  begin(turn_down);
  set(MG_SET_HTTP_ERROR_REPLIES, 1);
  send_unwanted("HTTP/1.1 403 ");
  end();
}

// --- Bounds

static void hold(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  CHECK(c->recv.len < 100000);
  if (ev == MG_EV_HTTP_MSG && messages > 1) mg_http_reply(c, 204, "", "");
}

// Requests behind a response in progress wait in the kernel, and are all answered in the end.
static void test_requests_that_wait(void) {
  static char block[18 * 1000 + 1];
  int i, fd, total = 0;
  for (i = 0; i < 1000; i++) memcpy(block + 18 * i, "GET / HTTP/1.1\r\n\r\n", 18);
  begin(hold);
  fd = start("");
  nonblocking(fd);
  for (i = 0; i < 300; i++) {
    ssize_t k = send(fd, block + total % 18, 18 * 100, MSG_NOSIGNAL);
    if (k > 0) total += (int) k;
    mg_mgr_poll(&mgr, 0);
  }
  CHECK(messages == 1 && total > 100000 && accepted->recv.len < 100000);
  mg_http_reply(accepted, 204, "", "");
  for (i = 0; i < 100000 && messages < total / 18; i++) {
    while (recv(fd, got, sizeof(got), 0) > 0) (void) 0;
    mg_mgr_poll(&mgr, 0);
  }
  CHECK(messages == total / 18);
  close(fd);
  end();
}

// Long bodies arrive in reads of the usual size, and end up whole.
static void test_reads_of_a_long_body(void) {
  static char block[65536];
  size_t sent = 0;
  int fd, turns = 0;
  begin(at_once);
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n");
  nonblocking(fd);
  while (messages == 0 && turns++ < 5000) {
    size_t n = 2000000 - sent < sizeof(block) ? 2000000 - sent : sizeof(block);
    ssize_t k = n == 0 ? 0 : send(fd, block, n, MSG_NOSIGNAL);
    if (k > 0) sent += (size_t) k;
    mg_mgr_poll(&mgr, 1);
  }
  expect(fd, "\r\n\r\n2000000");
  CHECK(heads == 1 && reads >= 2000000 / MG_IO_SIZE && longest_read <= MG_IO_SIZE);
  close(fd);
  end();
}

// --- Timeouts, by the program's clock

static void test_timeouts(void) {
  static const struct {
    const char *first, *status;
    int more;        // bytes each second, from then on
    int alive, dead;  // milliseconds
  } rows[] = {
      {"", "", 0, 900, 200},                                                  // idle
      {"GET", "408", 0, 250, 100},                                            // head
      {"GET / HTTP/1.1\r\nA: ", "408", 1, 250, 100},                          // however it grows
      {"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", "408", 0, 4900, 200},  // body
      {"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", "408", 50, 8000, 2000},  // too slow
      {"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", "", 200, 30000, 0},     // fast enough
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    int fd, ms, step = 50;
    begin(at_once);
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    set(MG_SET_HTTP_HEAD_TIMEOUT, 300);
    set(MG_SET_HTTP_IDLE_TIMEOUT, 1000);
    set(MG_SET_HTTP_BODY_RATE, 100);
    fd = start(rows[i].first);
    UNTIL(accepted != NULL);
    poll_times(&mgr, 3);
    for (ms = 0; ms < rows[i].alive; ms += step) {
      size_t n = (size_t) (rows[i].more * step / 1000);
      if (n == 0 && rows[i].more > 0) n = 1;
      put(fd, "aaaaaaaaaaaaaaaaaaaaaaaa", n);
      now += (uint64_t) step;
      poll_times(&mgr, 2);
    }
    CHECK_ROW(recv(fd, got, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, rows[i].first);
    if (rows[i].dead > 0) {
      now += (uint64_t) rows[i].dead;
      expect(fd, NULL);
      CHECK_ROW(count("HTTP/1.1 408 ") == (rows[i].status[0] == '4'), rows[i].first);
      CHECK_ROW(got_len == 0 || rows[i].status[0] == '4', rows[i].first);
    }
    close(fd);
    end();
  }
}

// A response in progress, and one that is slow to leave, have no limit of this kind.
static void test_no_timeout_while_answering(void) {
  int fd;
  begin(from_poll);
  set(MG_SET_HTTP_HEAD_TIMEOUT, 300);
  set(MG_SET_HTTP_IDLE_TIMEOUT, 300);
  fd = start("GET /1 HTTP/1.1\r\n\r\nGET ");
  UNTIL(messages > 0);
  now += 100000;
  expect(fd, "late");
  close(fd);
  end();
}

// --- Too many connections

static void test_turned_away(void) {
  static const struct {
    int setting;
    const char *status;
  } rows[] = {{MG_SET_MAX_CONNECTIONS, "HTTP/1.1 503 "}, {MG_SET_MAX_PER_ADDRESS, "HTTP/1.1 429 "}};
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    int one, two, three;
    begin(at_once);
    CHECK(mg_mgr_set(&mgr, rows[i].setting, 1));
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    one = start("GET /1 HTTP/1.1\r\n\r\n");
    expect(one, "\r\n\r\n0");
    // It has sent its request before it is accepted.
    two = start("GET /2 HTTP/1.1\r\n\r\n");
    expect(two, NULL);
    CHECK(count(rows[i].status) == 1 && messages == 1 && !got_reset);
    close(one);
    UNTIL(mgr.conns == l);
    three = start("GET /3 HTTP/1.1\r\n\r\n");
    expect(three, "\r\n\r\n0");
    CHECK(messages == 2);
    close(two);
    close(three);
    end();
  }
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_close_holds_for_late_replies();
  test_close_waits_for_the_body();
  test_nothing_follows_close();
  test_late_replies_without_poll_events();
  test_a_buffer_that_moves_in_hdrs();
  test_a_request_that_is_turned_down();
  test_a_stream_has_no_limit();
  test_the_last_request_opens_a_websocket();
  test_an_invitation();
  test_bodies_beyond_the_limits();
  test_a_chunked_body_that_fills_the_buffer();
  test_a_refusal_reaches_a_client_that_sends();
  test_a_reply_of_the_program_reaches_a_client_that_sends();
  test_requests_that_wait();
  test_reads_of_a_long_body();
  test_timeouts();
  test_no_timeout_while_answering();
  test_turned_away();
  return FAILURES;
}
