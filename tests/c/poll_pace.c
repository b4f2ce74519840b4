// How often connections get MG_EV_POLL in a busy loop, by the program's clock: those that do something
// in each poll, the others after MG_SET_POLL_INTERVAL. And nothing that is due waits for a walk.
#include "clock.h"

#define CROWD 50
#define CHUNKS 30

static struct mg_mgr mgr;
static struct mg_connection *l, *crowd[CROWD], *peer;
static int fds[CROWD], accepted, closed, timeouts;
static unsigned long echoes, polls[CROWD + 10];

static unsigned long *count_of(const struct mg_connection *c) {
  return &polls[c->id < COUNT(polls) ? c->id : 0];
}

static struct mg_connection *streamer, *counter;
static int chunks;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_POLL) {
    ++*count_of(c);
    if (c == counter) c->data[0]++;
    if (c == streamer && c->send.len == 0 && chunks < CHUNKS) {
      mg_send(c, "chunk", 5);
      chunks++;
    }
  }
  if (ev == MG_EV_ACCEPT && accepted < CROWD) crowd[accepted] = c;
  accepted += ev == MG_EV_ACCEPT;
  timeouts += ev == MG_EV_ERROR;
  closed += ev == MG_EV_CLOSE && !c->is_listening;
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

// A pair that gives each poll I/O.
static void busy(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_CONNECT || ev == MG_EV_READ) {
    echoes++;
    c->recv.len = 0;
    mg_send(c, "x", 1);
  }
}

// Some polls, all with I/O; none ends without.
static void turns(int n) {
  while (n-- > 0) mg_mgr_poll(&mgr, 60000);
}

// A crowd of accepted connections, and the pair. The clock stands still.
static void begin(int size, int interval) {
  int i;
  accepted = closed = timeouts = chunks = 0;
  echoes = 0;
  streamer = counter = NULL;
  stop_clock();
  mg_mgr_init(&mgr);
  CHECK(mg_mgr_set(&mgr, MG_SET_POLL_INTERVAL, interval));
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  for (i = 0; i < size; i++) fds[i] = dial(l);
  POLL_UNTIL(&mgr, accepted == size);
  peer = mg_connect(&mgr, url_of("tcp", l), busy, NULL);
  POLL_UNTIL(&mgr, echoes > 3);
  turns(3);
  memset(polls, 0, sizeof(polls));
}

static void end(int size) {
  int i;
  start_clock();
  for (i = 0; i < size; i++) close(fds[i]);
  mg_mgr_free(&mgr);
}

static void test_idle_connections_get_it_after_the_interval(void) {
  begin(CROWD, 5);
  turns(20);
  CHECK(*count_of(crowd[7]) == 0 && *count_of(l) == 0);
  CHECK(*count_of(peer) == 0);  // its handler is not this one
  stopped_at += 4;
  turns(20);
  CHECK(*count_of(crowd[7]) == 0);
  stopped_at += 1;
  turns(20);
  CHECK(*count_of(crowd[7]) == 1 && *count_of(l) == 1);
  end(CROWD);
}

static void test_0_is_each_poll(void) {
  begin(CROWD, 0);
  turns(20);
  CHECK(*count_of(crowd[7]) == 20 && *count_of(l) == 20);
  end(CROWD);
}

static void test_few_connections_get_each(void) {
  begin(10, 1000);
  turns(20);
  CHECK(*count_of(crowd[7]) == 20 && *count_of(l) == 20);
  end(10);
}

static void test_a_poll_without_io_is_for_all(void) {
  int i;
  begin(CROWD, 1000);
  peer->is_closing = 1;
  stopped_at += 1000;
  POLL_UNTIL(&mgr, closed == 1);
  poll_times(&mgr, 3);
  memset(polls, 0, sizeof(polls));
  for (i = 0; i < 20; i++) mg_mgr_poll(&mgr, 0);
  CHECK(*count_of(crowd[7]) == 20 && *count_of(l) == 20);
  end(CROWD);
}

static void test_who_is_at_work_gets_each(void) {
  begin(CROWD, 1000);
  counter = crowd[3];
  stopped_at += 1000;
  turns(21);
  CHECK(*count_of(crowd[3]) == 21 && *count_of(crowd[4]) == 1);
  counter = NULL;
  turns(1);
  memset(polls, 0, sizeof(polls));
  turns(20);
  CHECK(*count_of(crowd[3]) == 0);
  end(CROWD);
}

// How many polls it takes to send all chunks at MG_EV_POLL.
static int turns_of_a_stream(int interval) {
  int n = 0;
  begin(CROWD, interval);
  streamer = crowd[3];
  stopped_at += 1000;
  while (chunks < CHUNKS && n < 1000) turns(1), n++;
  end(CROWD);
  return n;
}

static void test_streams_are_not_slower(void) {
  CHECK(turns_of_a_stream(1000) == turns_of_a_stream(0));
}

// Also those whose time has become longer since, and only those.
static void test_deadlines_need_no_walk(void) {
  begin(CROWD, 100000);
  CHECK(mg_conn_set(crowd[1], MG_SET_IDLE_TIMEOUT, 500));
  CHECK(mg_conn_set(crowd[2], MG_SET_IDLE_TIMEOUT, 300));
  CHECK(mg_conn_set(crowd[3], MG_SET_IDLE_TIMEOUT, 300));
  stopped_at += 299;
  turns(20);
  CHECK(timeouts == 0);
  put(fds[3], "y", 1);
  POLL_UNTIL(&mgr, *count_of(crowd[3]) > 0);
  CHECK(mg_conn_set(crowd[4], MG_SET_IDLE_TIMEOUT, 100000));
  CHECK(mg_conn_set(crowd[4], MG_SET_IDLE_TIMEOUT, 1000));
  stopped_at += 1;
  turns(20);
  CHECK(timeouts == 1 && closed == 1 && *count_of(crowd[1]) == 0);
  stopped_at += 200;
  turns(20);
  CHECK(timeouts == 2 && closed == 2);
  stopped_at += 99;
  turns(20);
  CHECK(timeouts == 3 && closed == 3);
  stopped_at += 10000;
  turns(20);
  CHECK(timeouts == 4 && closed == 4);
  end(CROWD);
}

// Times that move to and fro leave no heap of old entries, and the last one counts.
static void test_moved_deadlines(void) {
  int i;
  begin(CROWD, 100000);
  for (i = 5000; i > 0; i--) CHECK(mg_conn_set(crowd[1], MG_SET_IDLE_TIMEOUT, 1000 + i % 7 * 1000 + i));
  turns(2);
  stopped_at += 2000;
  turns(20);
  CHECK(timeouts == 0);
  stopped_at += 1;
  turns(20);
  CHECK(timeouts == 1 && closed == 1);
  end(CROWD);
}

// What the program sets by hand is found within the interval, and what another thread asks for at once.
static void wake(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  if (ev == MG_EV_WAKEUP) c->is_closing = 1;
}

static void test_changes_by_hand(void) {
  begin(CROWD, 1000);
  CHECK(mg_wakeup_init(&mgr));
  crowd[1]->is_closing = 1;
  turns(20);
  CHECK(closed == 0);
  stopped_at += 1000;
  turns(2);
  CHECK(closed == 1);
  crowd[2]->fn = wake;
  CHECK(mg_wakeup(&mgr, crowd[2]->id, "", 0));
  turns(20);
  CHECK(closed == 2);
  end(CROWD);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_idle_connections_get_it_after_the_interval();
  test_0_is_each_poll();
  test_few_connections_get_each();
  test_a_poll_without_io_is_for_all();
  test_who_is_at_work_gets_each();
  test_streams_are_not_slower();
  test_deadlines_need_no_walk();
  test_moved_deadlines();
  test_changes_by_hand();
  return FAILURES;
}
