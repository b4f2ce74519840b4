// How connections end: by flags, by mg_close_conn, by mg_mgr_free, from any handler of any
// connection, also in polls that handlers start. CLOSE fires exactly once, and it is the last event.
#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *l, *target;
static int events_after_close;

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL && mgr.timers == NULL);
  CHECK(events_after_close == 0);
}

static void begin(mg_event_handler_t fn, void *fn_data) {
  mg_mgr_init(&mgr);
  target = NULL;
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", fn, fn_data);
  CHECK(l != NULL);
}

static void keep(struct mg_connection *c, int ev, void *ev_data) {
  struct record *r = (struct record *) c->fn_data;
  if (r->closes > 0) events_after_close++;
  record_event(r, ev, ev_data);
}

// --- Flags set on another connection

static struct record older, newer;

// Whoever is named by `sender` closes the other one at its `at`th POLL.
static struct mg_connection *sender, *receiver;
static int closed_at_poll, polls;

static void close_other(struct mg_connection *c, int ev, void *ev_data) {
  keep(c, ev, ev_data);
  if (ev == MG_EV_POLL && c == sender && receiver != NULL) {
    receiver->is_closing = 1;
    receiver = NULL;
  }
  if (ev == MG_EV_CLOSE && closed_at_poll == 0) closed_at_poll = polls;
}

static void test_flags_on_another(void) {
  int turn;
  for (turn = 0; turn < 2; turn++) {
    struct mg_connection *a, *b;
    mg_mgr_init(&mgr);
    memset(&older, 0, sizeof(older));
    memset(&newer, 0, sizeof(newer));
    a = mg_listen(&mgr, "tcp://127.0.0.1:0", close_other, &older);
    b = mg_listen(&mgr, "tcp://127.0.0.1:0", close_other, &newer);
    CHECK(mgr.conns == b && b->next == a);
    sender = turn == 0 ? b : a;
    receiver = turn == 0 ? a : b;
    closed_at_poll = 0;
    for (polls = 1; polls <= 3; polls++) mg_mgr_poll(&mgr, 0);
    // An older one comes later in the walk: same poll. A newer one: the next at the latest.
    CHECK(turn == 0 ? closed_at_poll == 1 : closed_at_poll == 1 || closed_at_poll == 2);
    CHECK((turn == 0 ? older : newer).closes == 1);
    CHECK((turn == 0 ? newer : older).closes == 0);
    end();
  }
}

// Set between two polls, CLOSE fires in the very next poll, in every state.
static void test_closing_between_polls(void) {
  enum { CONNECTING, IDLE, OUTPUT_PENDING, LISTENER, UDP, STATES };
  int state;
  for (state = 0; state < STATES; state++) {
    struct record r;
    struct mg_connection *c;
    memset(&r, 0, sizeof(r));
    begin(NULL, NULL);
    if (state == LISTENER) {
      c = mg_listen(&mgr, "tcp://127.0.0.1:0", keep, &r);
    } else if (state == UDP) {
      c = mg_connect(&mgr, "udp://127.0.0.1:9", keep, &r);
    } else {
      c = mg_connect(&mgr, url_of("tcp", l), keep, &r);
    }
    if (state == IDLE || state == OUTPUT_PENDING) {
      POLL_UNTIL(&mgr, !c->is_connecting);
      poll_times(&mgr, 3);
    }
    if (state == OUTPUT_PENDING) {
      size_t len = 8 * 1024 * 1024;
      char *p = (char *) calloc(1, len);
      l->is_full = 1;
      for (target = mgr.conns; target != NULL; target = target->next) target->is_full = target != c;
      mg_send(c, p, len);
      free(p);
      poll_times(&mgr, 3);
      CHECK(c->send.len > 0);
    }
    c->is_closing = 1;
    mg_mgr_poll(&mgr, 1);
    CHECK(r.closes == 1);
    poll_times(&mgr, 3);
    CHECK(r.closes == 1);
    end();
  }
}

// --- mg_close_conn

static int close_in_event;

static void close_own(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  keep(c, ev, ev_data);
  if (ev != close_in_event) return;
  mg_send(c, "gone", 4);
  mg_close_conn(c);
  // Its memory is there until the handler returns.
  CHECK(c->is_closing && c->fn == close_own);
  c->is_closing = 0;
  c->is_draining = 1;
  mg_send(c, "late", 4);
  mg_close_conn(c);
}

static void test_close_conn_in_own_handler(void) {
  static const int events[] = {MG_EV_OPEN, MG_EV_ACCEPT, MG_EV_READ, MG_EV_WRITE, MG_EV_POLL, MG_EV_CLOSE};
  size_t i;
  int before = count_descriptors();
  for (i = 0; i < COUNT(events); i++) {
    struct record r;
    int fd;
    char byte;
    memset(&r, 0, sizeof(r));
    begin(close_own, &r);
    close_in_event = events[i];
    fd = dial(l);
    put(fd, "x", 1);
    if (events[i] == MG_EV_WRITE) {
      POLL_UNTIL(&mgr, mgr.conns != l);
      mg_send(mgr.conns, "y", 1);
    } else if (events[i] == MG_EV_CLOSE) {
      POLL_UNTIL(&mgr, mgr.conns != l);
      mgr.conns->is_closing = 1;
    }
    POLL_UNTIL(&mgr, r.closes > 0);
    CHECK_ROW(r.closes == 1, event_name(events[i]));
    // The peer sees the end, so the descriptor was closed.
    if (events[i] == MG_EV_WRITE) CHECK(recv(fd, &byte, 1, 0) == 1);
    CHECK_ROW(recv(fd, &byte, 1, 0) <= 0, event_name(events[i]));
    close(fd);
    end();
  }
  CHECK(count_descriptors() == before);
}

static void close_in_connect(struct mg_connection *c, int ev, void *ev_data) {
  keep(c, ev, ev_data);
  if (ev == close_in_event) mg_close_conn(c);
}

static void test_close_conn_of_a_client(void) {
  static const struct {
    int ev;
    const char *events;
  } rows[] = {{MG_EV_OPEN, "OPEN CLOSE"},
              {MG_EV_RESOLVE, "OPEN RESOLVE CLOSE"},
              {MG_EV_CONNECT, "OPEN RESOLVE CONNECT CLOSE"}};
  size_t i;
  int before = count_descriptors();
  for (i = 0; i < COUNT(rows); i++) {
    struct record r;
    memset(&r, 0, sizeof(r));
    begin(NULL, NULL);
    close_in_event = rows[i].ev;
    mg_connect(&mgr, url_of("tcp", l), close_in_connect, &r);
    POLL_UNTIL(&mgr, r.closes > 0);
    poll_times(&mgr, 3);
    CHECK_EVENTS(r, rows[i].events);
    end();
  }
  CHECK(count_descriptors() == before);
}

static void close_target(struct mg_connection *c, int ev, void *ev_data) {
  keep(c, ev, ev_data);
  if (ev == MG_EV_POLL && target != NULL) {
    struct mg_connection *t = target;
    target = NULL;
    mg_close_conn(t);
  }
}

// Closed before the function that made it returns: that is NULL then.
static void test_close_conn_in_open(void) {
  struct record r[3];
  int fds[2], before = count_descriptors();
  char byte;
  close_in_event = MG_EV_OPEN;
  memset(r, 0, sizeof(r));
  mg_mgr_init(&mgr);
  CHECK(mg_listen(&mgr, "tcp://127.0.0.1:0", close_in_connect, &r[0]) == NULL);
  CHECK_EVENTS(r[0], "OPEN CLOSE");
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  CHECK(mg_wrapfd(&mgr, fds[0], close_in_connect, &r[1]) == NULL);
  CHECK_EVENTS(r[1], "OPEN CLOSE");
  CHECK(recv(fds[1], &byte, 1, 0) == 0);  // closed too
  close(fds[1]);
  CHECK(mg_connect(&mgr, "udp://127.0.0.1:9", close_in_connect, &r[2]) == NULL);
  CHECK_EVENTS(r[2], "OPEN CLOSE");
  CHECK(mgr.conns == NULL);
  mg_mgr_poll(&mgr, 0);
  end();
  CHECK(count_descriptors() == before);
}

// A handler closes the connection that the walk would visit next, or the one it came from.
static void test_close_conn_of_another(void) {
  int which;
  for (which = 0; which < 3; which++) {
    struct record r[3];
    struct mg_connection *c[3];
    int i;
    memset(r, 0, sizeof(r));
    mg_mgr_init(&mgr);
    for (i = 0; i < 3; i++) {
      c[i] = mg_listen(&mgr, "tcp://127.0.0.1:0", i == 1 ? close_target : keep, &r[i]);
    }
    target = c[which];
    poll_times(&mgr, 3);
    for (i = 0; i < 3; i++) CHECK(r[i].closes == (i == which));
    end();
    for (i = 0; i < 3; i++) CHECK(r[i].closes == 1);
  }
}

// The handler of an accepted connection closes the listener, while more clients wait.
static void close_listener(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_ACCEPT) {
    if (close_in_event == MG_EV_OPEN) mg_close_conn(l);
    else l->is_closing = 1;
  }
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

static void test_a_listener_for_one(void) {
  int turn;
  for (turn = 0; turn < 2; turn++) {
    char byte;
    int fd, fd2;
    close_in_event = turn == 0 ? MG_EV_OPEN : MG_EV_ACCEPT;
    begin(close_listener, NULL);
    fd = dial(l);
    fd2 = dial(l);
    put(fd, "x", 1);
    POLL_UNTIL(&mgr, recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1);
    CHECK(mgr.conns != NULL && mgr.conns->next == NULL && mgr.conns->is_accepted);
    CHECK(recv(fd2, &byte, 1, 0) <= 0);
    close(fd);
    close(fd2);
    end();
  }
}

static void test_close_conn_between_polls(void) {
  struct record r;
  struct mg_connection *c;
  memset(&r, 0, sizeof(r));
  begin(NULL, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), keep, &r);
  mg_close_conn(c);
  CHECK_EVENTS(r, "OPEN RESOLVE CLOSE");
  CHECK(mgr.conns == l);
  mg_close_conn(NULL);
  // A connection that was never linked.
  c = mg_alloc_conn(&mgr);
  CHECK(c->id == 3 && c->mgr == &mgr && c->recv.align == MG_IO_SIZE && c->send.align == MG_IO_SIZE);
  c->fd = (void *) (size_t) -1;
  mg_close_conn(c);
  end();
}

// --- mg_mgr_free, and handlers of CLOSE that make more

static int made, made_closed, generations;

static void child(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_CLOSE) {
    made_closed++;
    if (generations-- > 0) {
      made++;
      mg_listen(c->mgr, "tcp://127.0.0.1:0", child, NULL);
      mg_connect(c->mgr, "udp://127.0.0.1:9", NULL, NULL);
      mg_timer_add(c->mgr, 1, MG_TIMER_REPEAT, NULL, NULL);
    }
  }
}

static void test_connections_made_in_close(void) {
  int before = count_descriptors();
  mg_mgr_init(&mgr);
  made = made_closed = 0;
  generations = 5;
  made++;
  mg_listen(&mgr, "tcp://127.0.0.1:0", child, NULL);
  end();
  CHECK(made == 6 && made_closed == 6);
  CHECK(count_descriptors() == before);
}

static void free_everything(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    mg_mgr_free(c->mgr);
    CHECK(mgr.conns == NULL);
    c->recv.len = 0;
  }
}

// Nobody should; but it must not be the end of the process.
static void test_free_in_a_handler(void) {
  int fd, before = count_descriptors();
  begin(free_everything, NULL);
  fd = dial(l);
  put(fd, "x", 1);
  POLL_UNTIL(&mgr, mgr.conns == NULL);
  close(fd);
  mg_mgr_poll(&mgr, 0);
  mg_mgr_free(&mgr);
  CHECK(count_descriptors() == before);
}

// --- Polls within polls

static int depth;

static void poll_again(struct mg_connection *c, int ev, void *ev_data) {
  record_event((struct record *) c->fn_data, ev, ev_data);
  if (depth < 3 && (ev == MG_EV_READ || ev == MG_EV_POLL || ev == MG_EV_ACCEPT || ev == MG_EV_CLOSE)) {
    depth++;
    mg_mgr_poll(c->mgr, 0);
    mg_mgr_poll(c->mgr, 0);
    depth--;
  }
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

static void test_nested_polls(void) {
  struct record r[3], s;
  struct mg_connection *c[3];
  int i;
  memset(r, 0, sizeof(r));
  memset(&s, 0, sizeof(s));
  begin(poll_again, &s);
  for (i = 0; i < 3; i++) {
    c[i] = mg_connect(&mgr, url_of("tcp", l), i == 1 ? poll_again : keep, &r[i]);
    mg_send(c[i], "ping", 4);
  }
  // One echoes what the server echoes, for ever: in nested polls, too.
  POLL_UNTIL(&mgr, r[0].read == 4 && r[1].read > 40 && r[2].read == 4);
  c[1]->is_closing = 1;
  POLL_UNTIL(&mgr, r[1].closes == 1 && s.closes >= 1);
  c[0]->is_closing = c[2]->is_closing = 1;
  POLL_UNTIL(&mgr, s.closes == 3);
  CHECK(r[0].closes == 1 && r[1].closes == 1 && r[2].closes == 1 && s.closes == 3);
  end();
}

static void drop_client_and_poll(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ && target != NULL) {
    target->is_closing = 1;
    mg_mgr_poll(c->mgr, 0);
    target = NULL;
  }
}

// A nested poll closes the connection that waits for its turn in the outer one.
static void test_nested_poll_closes_others(void) {
  struct record r;
  struct mg_connection *c;
  int fd;
  memset(&r, 0, sizeof(r));
  begin(drop_client_and_poll, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), keep, &r);
  POLL_UNTIL(&mgr, !c->is_connecting);
  fd = dial(l);
  POLL_UNTIL(&mgr, mgr.conns->next->next != NULL && mgr.conns->next->next->next != NULL);
  target = c;
  put(fd, "x", 1);
  POLL_UNTIL(&mgr, r.closes == 1);
  close(fd);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_flags_on_another();
  test_closing_between_polls();
  test_close_conn_in_own_handler();
  test_close_conn_of_a_client();
  test_close_conn_in_open();
  test_close_conn_of_another();
  test_a_listener_for_one();
  test_close_conn_between_polls();
  test_connections_made_in_close();
  test_free_in_a_handler();
  test_nested_polls();
  test_nested_poll_closes_others();
  return FAILURES;
}
