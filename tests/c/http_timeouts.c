// How long an HTTP server waits, and for whom: idle clients, slow heads, slow bodies, streams that
// leave `recv` as they come, clients that do not take their reply. By the program's clock.
#include "http_peer.h"

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
    UNTIL(accepted != NULL && accepted->recv.len == strlen(rows[i].first));
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

// A response in progress has no limit.
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

// --- Bodies that leave recv as they come

static char outcome[64];  // What the handler or the upload was told.

static void hear(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_ERROR) snprintf(outcome, sizeof(outcome), "%s", (char *) ev_data);
}

// Takes the stream over, and each piece out of recv.
static void stream(struct mg_connection *c, int ev, void *ev_data) {
  hear(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) {
    mg_iobuf_del(&c->recv, 0, ((struct mg_http_message *) ev_data)->head.len);
    c->pfn = NULL;
  }
  if (ev == MG_EV_READ) c->recv.len = 0;
}

// Takes the stream over, and leaves all in recv.
static void stream_slowly(struct mg_connection *c, int ev, void *ev_data) {
  if (ev != MG_EV_READ) stream(c, ev, ev_data);
}

static void apologize(struct mg_connection *c, int ev, void *ev_data) {
  stream(c, ev, ev_data);
  if (ev == MG_EV_ERROR) mg_http_reply(c, 503, "", "sorry");
}

static void uploaded(struct mg_connection *c, const char *err) {
  snprintf(outcome, sizeof(outcome), "%s", err == NULL ? "complete" : err);
  (void) c;
}

static const char folder[] = ".";

static void upload(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev != MG_EV_HTTP_HDRS) return;
  mg_http_start_upload(c, (struct mg_http_message *) ev_data, mg_str("body"), mg_str(folder), &mg_fs_posix, uploaded);
}

static void test_streamed_bodies(void) {
  static const struct {
    mg_event_handler_t fn;
    const char *head;
    int more;         // bytes each second
    int alive, dead;  // milliseconds
    const char *reply, *outcome;
  } rows[] = {
      {stream, "Content-Length: 100000", 0, 4900, 200, "HTTP/1.1 408 ", "HTTP timeout"},
      {stream, "Content-Length: 100000", 40, 7000, 2000, "HTTP/1.1 408 ", "HTTP timeout"},
      {stream, "Transfer-Encoding: chunked", 0, 4900, 200, "HTTP/1.1 408 ", "HTTP timeout"},
      {stream, "Content-Length: 100000", 200, 30000, 0, NULL, ""},
      {stream, "Content-Length: 400", 200, 30000, 0, NULL, ""},  // complete: the program has time
      {stream_slowly, "Content-Length: 100000", 1, 30000, 0, NULL, ""},  // the program is slow
      {apologize, "Content-Length: 100000", 0, 4900, 200, "HTTP/1.1 503 ", "HTTP timeout"},
      {upload, "Content-Length: 100000", 0, 4900, 200, "HTTP/1.1 408 ", "HTTP timeout"},
      {upload, "Content-Length: 100000", 40, 7000, 2000, "HTTP/1.1 408 ", "HTTP timeout"},
      {upload, "Transfer-Encoding: chunked", 0, 4900, 200, "HTTP/1.1 408 ", "HTTP timeout"},
      {upload, "Content-Length: 100000", 200, 30000, 0, NULL, ""},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char request[200];
    int fd, ms, step = 50;
    outcome[0] = '\0';
    begin(rows[i].fn);
    set(MG_SET_HTTP_ERROR_REPLIES, 1);
    set(MG_SET_HTTP_IDLE_TIMEOUT, 1000);
    set(MG_SET_HTTP_BODY_RATE, 100);
    snprintf(request, sizeof(request), "POST /a HTTP/1.1\r\n%s\r\n\r\n", rows[i].head);
    fd = start(request);
    UNTIL(heads == 1);
    poll_times(&mgr, 3);
    for (ms = 0; ms < rows[i].alive; ms += step) {
      size_t n = (size_t) (rows[i].more * step / 1000);
      if (n == 0 && rows[i].more > 0 && ms % 1000 < rows[i].more * step) n = 1;
      put(fd, "aaaaaaaaaaaaaaaaaaaaaaaa", n);
      now += (uint64_t) step;
      poll_times(&mgr, 2);
    }
    CHECK_ROW(recv(fd, got, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, rows[i].head);
    CHECK_ROW(outcome[0] == '\0', rows[i].head);
    if (rows[i].dead > 0) {
      now += (uint64_t) rows[i].dead;
      expect(fd, NULL);
      CHECK_ROW(strncmp(got, rows[i].reply, strlen(rows[i].reply)) == 0 && count("HTTP/1.1") == 1, got);
    }
    CHECK_ROW(strcmp(outcome, rows[i].outcome) == 0, outcome);
    close(fd);
    end();
  }
}

// Once a program has begun to answer a stream, the body is not waited for.
static void test_an_answered_stream_has_time(void) {
  int fd;
  begin(stream);
  set(MG_SET_HTTP_BODY_RATE, 100);
  fd = start("POST /a HTTP/1.1\r\nContent-Length: 9999\r\n\r\n");
  UNTIL(heads == 1);
  mg_printf(accepted, "HTTP/1.1 200 OK\r\n\r\nfirst");
  expect(fd, "first");
  now += 100000;
  poll_times(&mgr, 5);
  mg_printf(accepted, "second");
  expect(fd, "second");
  close(fd);
  end();
}

// --- Clients that do not take their reply

static char big[5000000];  // A dozen times what a reader takes, and more than the kernel does.

static void reply_at_length(struct mg_connection *c, int ev, void *ev_data) {
  hear(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_http_serve_opts opts;
    memset(&opts, 0, sizeof(opts));
    if (mg_match(hm->uri, mg_str("/file"), NULL)) {
      char path[100];
      mg_snprintf(path, sizeof(path), "%s/body", folder);
      mg_http_serve_file(c, hm, path, &opts);
    } else {
      mg_http_reply(c, 200, "", "%.*s", (int) sizeof(big), big);
    }
    if (mg_match(hm->uri, mg_str("/drain"), NULL)) c->is_draining = 1;
  }
}

static void test_slow_readers(void) {
  static const char *const uris_[] = {"/file", "/memory", "/drain"};
  char path[100];
  size_t i;
  memset(big, 'x', sizeof(big));
  mg_snprintf(path, sizeof(path), "%s/body", folder);
  CHECK(mg_file_write(&mg_fs_posix, path, big, sizeof(big)));
  for (i = 0; i < COUNT(uris_); i++) {
    char request[100];
    int fd, k;
    outcome[0] = '\0';
    begin(reply_at_length);
    set(MG_SET_HTTP_SEND_TIMEOUT, 1000);
    set(MG_SET_HTTP_IDLE_TIMEOUT, 300);
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", uris_[i]);
    fd = start(request);
    UNTIL(messages == 1);
    // A slow reader has all the time it wants, as long as it reads.
    for (k = 0; k < 12; k++) {
      size_t taken = 0;
      int turns = 0;
      poll_times(&mgr, 20);
      while (taken < 300000 && turns++ < 20000) {
        ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
        if (n > 0) taken += (size_t) n;
        if (n <= 0) poll_times(&mgr, 1);
      }
      now += 900;
    }
    CHECK_ROW(accepted != NULL && outcome[0] == '\0', uris_[i]);
    // One that only says something now and then does not count as reading.
    for (k = 0; k < 20 && accepted != NULL; k++) {
      send(fd, "G", 1, MSG_NOSIGNAL);
      now += 100;
      poll_times(&mgr, 20);
    }
    CHECK_ROW(accepted == NULL && strcmp(outcome, "HTTP send timeout") == 0, uris_[i]);
    close(fd);
    end();
  }
  unlink(path);
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

// A program that takes its output back, and then has other output, begins anew.
static void test_output_that_is_taken_back(void) {
  size_t left;
  int fd;
  begin(reply_at_length);
  set(MG_SET_HTTP_SEND_TIMEOUT, 1000);
  fd = start("GET /memory HTTP/1.1\r\n\r\n");
  UNTIL(messages == 1);
  do {  // until the kernel takes no more
    left = accepted->send.len;
    poll_times(&mgr, 50);
  } while (accepted->send.len < left);
  CHECK(left > 0);
  now += 900;
  poll_times(&mgr, 5);
  accepted->send.len = 0;
  poll_times(&mgr, 5);
  mg_send(accepted, "more", 4);
  poll_times(&mgr, 5);
  now += 600;
  poll_times(&mgr, 5);
  CHECK(accepted != NULL && accepted->send.len == 4);
  now += 600;
  poll_times(&mgr, 5);
  CHECK(accepted == NULL);
  close(fd);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_timeouts();
  test_no_timeout_while_answering();
  test_streamed_bodies();
  test_an_answered_stream_has_time();
  test_slow_readers();
  test_output_that_is_taken_back();
  test_turned_away();
  return FAILURES;
}
