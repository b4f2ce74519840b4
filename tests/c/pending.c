// Nothing may depend on a new event from the network: what waits already is acted on by the next
// poll, and that poll does not sleep meanwhile.
#include "loop.h"

static struct mg_mgr mgr;
static struct record server, client;
static struct mg_connection *l, *accepted;

static void track(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) accepted = c;
  record_event(&server, ev, ev_data);
}

static void begin(mg_event_handler_t fn) {
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  accepted = NULL;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// Polls that may wait for ever until `condition` holds: one of them sleeping is a failure.
#define LONG_POLLS_UNTIL(condition)                                        \
  do {                                                                     \
    uint64_t start_ = mg_millis();                                         \
    int n_ = 0;                                                            \
    while (!(condition) && n_++ < 1000) mg_mgr_poll(&mgr, PATIENCE_MS);    \
    CHECK(condition);                                                      \
    CHECK(mg_millis() - start_ < PATIENCE_MS);                             \
  } while (0)

// The handler leaves little room, so that each read takes a few bytes.
static void four_at_a_time(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_ACCEPT) c->recv.align = 4;
  if (ev == MG_EV_READ) c->recv.len = 0;
}

static void test_input_that_did_not_fit(void) {
  char bytes[1000];
  int fd;
  memset(bytes, 'x', sizeof(bytes));
  begin(four_at_a_time);
  fd = dial(l);
  put(fd, bytes, sizeof(bytes));
  LONG_POLLS_UNTIL(server.read == sizeof(bytes));
  // The end of the stream that follows.
  put(fd, bytes, 400);
  shutdown(fd, SHUT_WR);
  LONG_POLLS_UNTIL(server.closes == 1);
  CHECK(server.read == sizeof(bytes) + 400);
  close(fd);
  end();
}

static void test_input_from_before_accept(void) {
  int fd;
  begin(track);
  fd = dial(l);
  put(fd, "early", 5);
  close(fd);
  LONG_POLLS_UNTIL(server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT READ CLOSE");
  end();
}

static int accepts;
static void count_accepts(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  accepts += ev == MG_EV_ACCEPT;
}

static void test_the_accept_queue(void) {
  int fds[100], i;
  accepts = 0;
  begin(count_accepts);
  l->is_full = 1;
  for (i = 0; i < 100; i++) fds[i] = dial(l);
  poll_times(&mgr, 3);
  CHECK(accepts == 0);
  l->is_full = 0;
  LONG_POLLS_UNTIL(accepts == 100);
  for (i = 0; i < 100; i++) close(fds[i]);
  end();
}

// Output queued between two polls, by mg_send and by hand.
static void test_output_between_polls(void) {
  char bytes[10];
  int fd;
  begin(track);
  fd = dial(l);
  LONG_POLLS_UNTIL(accepted != NULL);
  poll_times(&mgr, 3);
  mg_send(accepted, "one", 3);
  LONG_POLLS_UNTIL(server.written == 3);
  mg_iobuf_add(&accepted->send, accepted->send.len, "two", 3);
  LONG_POLLS_UNTIL(server.written == 6);
  CHECK(recv(fd, bytes, sizeof(bytes), 0) == 6 && memcmp(bytes, "onetwo", 6) == 0);
  close(fd);
  end();
}

// From a timer, and from another connection's handler.
static void send_from_timer(void *arg) {
  mg_send((struct mg_connection *) arg, "tick", 4);
}
static void append_from_timer(void *arg) {
  struct mg_connection *c = (struct mg_connection *) arg;
  mg_iobuf_add(&c->send, c->send.len, "tock", 4);
}

static int relayed;
static void relay(struct mg_connection *c, int ev, void *ev_data) {
  count_accepts(c, ev, ev_data);
  if (ev == MG_EV_READ && c->is_accepted) {
    struct mg_connection *t;
    for (t = c->mgr->conns; t != NULL; t = t->next) {
      if (t == c || t->is_listening) continue;
      if (relayed++ == 0) mg_send(t, c->recv.buf, c->recv.len);
      else mg_iobuf_add(&t->send, t->send.len, c->recv.buf, c->recv.len);
    }
    c->recv.len = 0;
  }
}

static void test_output_from_elsewhere(void) {
  char bytes[10];
  int fd, fd2;
  begin(track);
  fd = dial(l);
  LONG_POLLS_UNTIL(accepted != NULL);
  mg_timer_add(&mgr, 5, MG_TIMER_ONCE, send_from_timer, accepted);
  LONG_POLLS_UNTIL(server.written == 4);
  mg_timer_add(&mgr, 5, MG_TIMER_ONCE, append_from_timer, accepted);
  LONG_POLLS_UNTIL(server.written == 8);
  CHECK(recv(fd, bytes, sizeof(bytes), 0) == 8 && memcmp(bytes, "ticktock", 8) == 0);
  close(fd);
  end();

  begin(relay);
  fd = dial(l);
  fd2 = dial(l);
  relayed = accepts = 0;
  LONG_POLLS_UNTIL(accepts == 2);
  poll_times(&mgr, 2);
  put(fd, "a", 1);
  LONG_POLLS_UNTIL(recv(fd2, bytes, 2, MSG_DONTWAIT | MSG_PEEK) == 1);
  put(fd, "b", 1);
  LONG_POLLS_UNTIL(recv(fd2, bytes, 2, MSG_DONTWAIT | MSG_PEEK) == 2);
  CHECK(relayed == 2 && memcmp(bytes, "ab", 2) == 0);
  close(fd);
  close(fd2);
  end();
}

// Appended by hand in the connection's own handlers.
static void append_in(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_READ || (ev == MG_EV_ACCEPT)) {
    mg_iobuf_add(&c->send, c->send.len, "ok", 2);
    c->recv.len = 0;
  }
}

static void test_output_by_hand(void) {
  char bytes[10];
  int fd;
  begin(append_in);
  fd = dial(l);
  LONG_POLLS_UNTIL(server.written == 2);
  put(fd, "x", 1);
  LONG_POLLS_UNTIL(server.written == 4);
  CHECK(recv(fd, bytes, sizeof(bytes), 0) == 4);
  close(fd);
  end();
}

// In a handler of WRITE, again and again.
static void ten_lines(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_ACCEPT || (ev == MG_EV_WRITE && server.written < 100)) mg_send(c, "0123456789", 10);
}

static void test_output_in_write(void) {
  int fd;
  begin(ten_lines);
  fd = dial(l);
  LONG_POLLS_UNTIL(server.written == 100);
  close(fd);
  end();
}

static void test_output_before_connect(void) {
  struct mg_connection *c;
  begin(track);
  c = mg_connect(&mgr, url_of("tcp", l), recorder, &client);
  mg_send(c, "early", 5);
  mg_iobuf_add(&c->send, c->send.len, "bird", 4);
  LONG_POLLS_UNTIL(server.read == 9);
  CHECK(memcmp(accepted->recv.buf, "earlybird", 9) == 0);
  end();
}

// Output that was left over after a partial write.
static void test_the_rest_of_the_output(void) {
  size_t len = 8 * 1024 * 1024, n = 0;
  char *p = (char *) calloc(1, len);
  int fd;
  begin(track);
  fd = dial(l);
  LONG_POLLS_UNTIL(accepted != NULL);
  mg_send(accepted, p, len);
  mg_mgr_poll(&mgr, 0);
  nonblocking(fd);
  while (n < len) {
    ssize_t k = recv(fd, p, len, 0);
    if (k > 0) n += (size_t) k;
    else if (accepted->send.len > 0) LONG_POLLS_UNTIL(recv(fd, p, 1, MSG_PEEK) == 1);
  }
  CHECK(n == len && server.written == len);
  free(p);
  close(fd);
  end();
}

// Flags and handlers that change between polls.
static void consume(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) c->recv.len = 0;
}

static void test_flags_between_polls(void) {
  int fd;
  begin(track);
  fd = dial(l);
  LONG_POLLS_UNTIL(accepted != NULL);
  poll_times(&mgr, 3);
  accepted->pfn = consume;
  put(fd, "x", 1);
  LONG_POLLS_UNTIL(server.read == 1);
  CHECK(accepted->recv.len == 0);
  accepted->is_draining = 1;
  LONG_POLLS_UNTIL(server.closes == 1);
  close(fd);
  fd = dial(l);
  accepted = NULL;
  server.closes = 0;
  LONG_POLLS_UNTIL(accepted != NULL);
  poll_times(&mgr, 3);
  accepted->is_closing = 1;
  LONG_POLLS_UNTIL(server.closes == 1);
  close(fd);
  l->is_closing = 1;
  LONG_POLLS_UNTIL(mgr.conns == NULL);
  end();
}

// A timer, or a handler, clears is_full and sets flags of others.
static void unfill(void *arg) {
  ((struct mg_connection *) arg)->is_full = 0;
}
static void end_it(void *arg) {
  ((struct mg_connection *) arg)->is_closing = 1;
}

static void test_flags_from_timers(void) {
  int fd;
  begin(track);
  fd = dial(l);
  LONG_POLLS_UNTIL(accepted != NULL);
  accepted->is_full = 1;
  put(fd, "x", 1);
  poll_times(&mgr, 2);
  mg_timer_add(&mgr, 10, MG_TIMER_ONCE, unfill, accepted);
  LONG_POLLS_UNTIL(server.read == 1);
  mg_timer_add(&mgr, 10, MG_TIMER_ONCE, end_it, accepted);
  LONG_POLLS_UNTIL(server.closes == 1);
  close(fd);
  end();
}

// The poller's descriptor tells another loop that there is something to do.
static void test_epoll_fd(void) {
  fd_set set;
  struct timeval patience = {PATIENCE_MS / 1000, 0};
  int fd;
  begin(track);
  poll_times(&mgr, 2);
  fd = dial(l);
  FD_ZERO(&set);
  FD_SET(mgr.epoll_fd, &set);
  CHECK(select(mgr.epoll_fd + 1, &set, NULL, NULL, &patience) == 1);
  mg_mgr_poll(&mgr, 0);
  CHECK(accepted != NULL);
  close(fd);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_input_that_did_not_fit();
  test_input_from_before_accept();
  test_the_accept_queue();
  test_output_between_polls();
  test_output_from_elsewhere();
  test_output_by_hand();
  test_output_in_write();
  test_output_before_connect();
  test_the_rest_of_the_output();
  test_flags_between_polls();
  test_flags_from_timers();
  test_epoll_fd();
  return FAILURES;
}
