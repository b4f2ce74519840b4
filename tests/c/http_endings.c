// How HTTP connections continue and how they end: late replies, refusals, bodies that are not wanted,
// clients that wait to be invited.
#include <sys/stat.h>
#include "http_peer.h"

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

static void refuse_the_stream(struct mg_connection *c, int ev, void *ev_data) {
  take_over(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) mg_http_reply(c, 417, "", "no");
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

// Who takes the stream over wants the body, too, unless it says something else.
static void test_an_invitation_to_a_stream(void) {
  static const char head[] = "POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  int fd;
  begin(take_over);
  set(MG_SET_HTTP_CONTINUE, 1);
  fd = start(head);
  expect(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  say(fd, "ab");
  UNTIL(accepted->recv.len == 2);
  close(fd);
  end();

  begin(refuse_the_stream);
  set(MG_SET_HTTP_CONTINUE, 1);
  fd = start(head);
  expect(fd, "no");
  CHECK(count("100 Continue") == 0);
  close(fd);
  end();
}

// --- The Connection line of replies

static void with_headers(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  struct mg_http_serve_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.root_dir = ".";
  note(c, ev, ev_data);
  if (ev != MG_EV_HTTP_MSG) return;
  if (mg_match(hm->uri, mg_str("/own"), NULL)) {
    mg_http_reply(c, 200, "X: Y\r\nconnection: Keep-Alive\r\n", "own");
  } else if (mg_match(hm->uri, mg_str("/reply"), NULL)) {
    mg_http_reply(c, 200, "X-Connection: Y\r\n", "own");
  } else {
    mg_http_serve_dir(c, hm, &opts);
  }
}

static void test_persistence_is_confirmed(void) {
  static const char *const uris_[] = {"/reply", "/file.txt", "/missing", "/", "/folder"};
  size_t i;
  int fd;
  CHECK(mg_file_write(&mg_fs_posix, "file.txt", "x", 1));
  CHECK(mkdir("folder", 0700) == 0);
  for (i = 0; i < COUNT(uris_); i++) {
    static const char *const versions[] = {"1.0\r\nConnection: keep-alive", "1.0", "1.1", "1.1\r\nConnection: close"};
    size_t k;
    for (k = 0; k < COUNT(versions); k++) {
      char request[200];
      begin(with_headers);
      set(MG_SET_HTTP10_CLOSE, 1);
      snprintf(request, sizeof(request), "GET %s HTTP/%s\r\n\r\n", uris_[i], versions[k]);
      fd = start(request);
      UNTIL(messages == 1);
      say(fd, k == 0 || k == 2 ? "GET / HTTP/1.1\r\nConnection: close\r\n\r\n" : "");
      expect(fd, NULL);
      CHECK_ROW(count("\r\nConnection: keep-alive\r\n") == (k == 0 ? 1 : 0), got);
      CHECK_ROW(count("HTTP/1.1 ") == (k == 0 || k == 2 ? 2 : 1), got);
      close(fd);
      end();
    }
  }
  // A line of the program's own is enough; without the setting, replies are as they were.
  begin(with_headers);
  set(MG_SET_HTTP10_CLOSE, 1);
  fd = start("GET /own HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect(fd, "own");
  CHECK(count("Keep-Alive") == 1 && count("keep-alive") == 0);
  close(fd);
  end();
  begin(with_headers);
  fd = start("GET /reply HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  expect(fd, "own");
  CHECK(count("keep-alive") == 0);
  CHECK(strcmp(mg_http_connection_header(NULL), "") == 0);
  CHECK(strcmp(mg_http_connection_header(l), "") == 0);
  close(fd);
  end();
  CHECK(remove("file.txt") == 0 && rmdir("folder") == 0);
}

static void test_the_last_request_is_announced(void) {
  int fd;
  begin(with_headers);
  set(MG_SET_HTTP_MAX_REQUESTS, 2);
  fd = start("GET /reply HTTP/1.1\r\n\r\n");
  expect(fd, "own");
  CHECK(count("Connection: close") == 0);
  say(fd, "GET /reply HTTP/1.1\r\n\r\n");
  expect(fd, NULL);
  CHECK(count("\r\nConnection: close\r\n") == 1 && count("HTTP/1.1 200") == 2);
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

// A client that is rejected while it sends still sees why: the server reads the rest, for a while.
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

// A program that takes the body over, and has seen enough of it.
static void reply_amid_the_body(struct mg_connection *c, int ev, void *ev_data) {
  take_over(c, ev, ev_data);
  if (ev == MG_EV_READ && c->pfn == NULL && (c->is_draining || c->recv.len > 1)) {
    if (!c->is_draining) mg_http_reply(c, 403, "", "enough");
    c->is_draining = 1;
    c->recv.len = 0;
  }
}

static void test_a_reply_amid_a_stream_reaches_a_client_that_sends(void) {
  int fd;
  begin(reply_amid_the_body);
  set(MG_SET_HTTP_ERROR_REPLIES, 1);
  send_unwanted("HTTP/1.1 403 ");
  // Nobody needs patience when the body is here, or when the client says no more.
  heads = 0;
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\na");
  UNTIL(heads == 1);
  say(fd, "b");
  expect(fd, NULL);
  UNTIL(mgr.conns == l);
  close(fd);
  heads = 0;
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\na");
  UNTIL(heads == 1);
  say(fd, "b");
  shutdown(fd, SHUT_WR);
  UNTIL(mgr.conns == l);
  close(fd);
  end();
}

// --- Bounds

static void hold(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  CHECK(c->recv.len < 100000);
  if (ev == MG_EV_HTTP_MSG && messages > 1) mg_http_reply(c, 204, "", "");
}

// Requests after a response in progress wait in the kernel, and are all answered in the end.
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
  test_an_invitation_to_a_stream();
  test_persistence_is_confirmed();
  test_the_last_request_is_announced();
  test_bodies_beyond_the_limits();
  test_a_chunked_body_that_fills_the_buffer();
  test_a_refusal_reaches_a_client_that_sends();
  test_a_reply_of_the_program_reaches_a_client_that_sends();
  test_a_reply_amid_a_stream_reaches_a_client_that_sends();
  test_requests_that_wait();
  test_reads_of_a_long_body();
  return FAILURES;
}
