// Settings at run time: what each does, what it refuses, and that defaults are as without.
#include "clock.h"

static struct mg_mgr mgr;
static struct record record;
static struct mg_connection *accepted;

static void track(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) accepted = c;
  record_event(&record, ev, ev_data);
}

static struct mg_connection *begin(void) {
  memset(&record, 0, sizeof(record));
  accepted = NULL;
  mg_mgr_init(&mgr);
  return mg_listen(&mgr, "tcp://127.0.0.1:0", track, NULL);
}

static void test_what_is_refused(void) {
  static const struct {
    int setting;
    int64_t value;
    bool mgr, conn;
  } rows[] = {
      {MG_SET_RECV_LIMIT, 1, true, true},        {MG_SET_RECV_LIMIT, 0, false, false},
      {MG_SET_RECV_LIMIT, -1, false, false},     {MG_SET_READ_SIZE, 1, true, true},
      {MG_SET_READ_SIZE, 0, false, false},       {MG_SET_READ_SIZE, INT64_MAX, false, false},
      {MG_SET_BACKLOG, 1, true, false},          {MG_SET_BACKLOG, 0, false, false},
      {MG_SET_NODELAY, 0, true, false},          {MG_SET_NODELAY, 1, true, false},
      {MG_SET_NODELAY, 2, false, false},         {MG_SET_KEEPALIVE, 0, true, false},
      {MG_SET_KEEPALIVE, -1, false, false},      {MG_SET_REUSEPORT, 1, true, false},
      {MG_SET_CONNECT_TIMEOUT, 0, true, true},   {MG_SET_CONNECT_TIMEOUT, 5000, true, true},
      {MG_SET_CONNECT_TIMEOUT, -1, false, false}, {MG_SET_IDLE_TIMEOUT, 1, true, true},
      {MG_SET_IDLE_TIMEOUT, INT64_MAX, false, false}, {MG_SET_HIGH_WATER, 0, true, true},
      {MG_SET_HIGH_WATER, -5, false, false},     {MG_SET_POLL_EVENTS, 0, true, true},
      {MG_SET_POLL_EVENTS, 7, false, false},     {0, 1, false, false},
      {MG_SET_POLL_INTERVAL, 0, true, false},    {MG_SET_POLL_INTERVAL, -1, false, false},
      {-1, 1, false, false},                     {1000, 1, false, false},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_connection *l = begin();
    char name[40];
    snprintf(name, sizeof(name), "%d to %ld", rows[i].setting, (long) rows[i].value);
    CHECK_ROW(mg_mgr_set(&mgr, rows[i].setting, rows[i].value) == rows[i].mgr, name);
    CHECK_ROW(mg_conn_set(l, rows[i].setting, rows[i].value) == rows[i].conn, name);
    mg_mgr_free(&mgr);
  }
  memset(&mgr, 0, sizeof(mgr));
  CHECK(!mg_mgr_set(&mgr, MG_SET_NODELAY, 1) && !mg_mgr_set(NULL, MG_SET_NODELAY, 1));
  CHECK(!mg_conn_set(NULL, MG_SET_IDLE_TIMEOUT, 1));
  {
    struct mg_connection own;
    memset(&own, 0, sizeof(own));
    CHECK(!mg_conn_set(&own, MG_SET_IDLE_TIMEOUT, 1));
  }
}

static int option(const struct mg_connection *c, int level, int name) {
  int value = -1;
  socklen_t len = sizeof(value);
  CHECK(getsockopt((int) (size_t) c->fd, level, name, &value, &len) == 0);
  return value;
}

static void test_socket_options(void) {
  int on;
  for (on = 0; on < 2; on++) {
    struct mg_connection *l, *c;
    mg_mgr_init(&mgr);
    memset(&record, 0, sizeof(record));
    accepted = NULL;
    if (on == 0) CHECK(mg_mgr_set(&mgr, MG_SET_NODELAY, 0) && mg_mgr_set(&mgr, MG_SET_KEEPALIVE, 0));
    if (on == 0) CHECK(mg_mgr_set(&mgr, MG_SET_REUSEPORT, 1));
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", track, NULL);
    c = mg_connect(&mgr, url_of("tcp", l), NULL, NULL);
    POLL_UNTIL(&mgr, accepted != NULL && !c->is_connecting);
    CHECK((option(c, IPPROTO_TCP, TCP_NODELAY) != 0) == on);
    CHECK((option(accepted, IPPROTO_TCP, TCP_NODELAY) != 0) == on);
    CHECK((option(c, SOL_SOCKET, SO_KEEPALIVE) != 0) == on);
    CHECK((option(accepted, SOL_SOCKET, SO_KEEPALIVE) != 0) == on);
    CHECK((option(l, SOL_SOCKET, SO_REUSEPORT) != 0) == !on);
    CHECK(option(l, SOL_SOCKET, SO_REUSEADDR) != 0);
    // Two listeners share a port, or do not.
    CHECK((mg_listen(&mgr, url_of("tcp", l), NULL, NULL) != NULL) == !on);
    mg_mgr_free(&mgr);
  }
}

// Accepted connections have their options from the listener, unless the setting has changed since.
static void test_socket_options_after_listening(void) {
  int on;
  for (on = 0; on < 2; on++) {
    struct mg_connection *l;
    int fd;
    mg_mgr_init(&mgr);
    accepted = NULL;
    CHECK(mg_mgr_set(&mgr, MG_SET_NODELAY, !on) && mg_mgr_set(&mgr, MG_SET_KEEPALIVE, !on));
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", track, NULL);
    CHECK((option(l, IPPROTO_TCP, TCP_NODELAY) != 0) == !on);
    CHECK(mg_mgr_set(&mgr, MG_SET_NODELAY, on) && mg_mgr_set(&mgr, MG_SET_KEEPALIVE, on));
    fd = dial(l);
    POLL_UNTIL(&mgr, accepted != NULL);
    CHECK((option(accepted, IPPROTO_TCP, TCP_NODELAY) != 0) == on);
    CHECK((option(accepted, SOL_SOCKET, SO_KEEPALIVE) != 0) == on);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// c->loc is the address that the client has connected to, also where the listener has any.
static void test_local_addresses(void) {
  static const char *const urls[] = {"tcp://127.0.0.1:0", "tcp://0.0.0.0:0", "tcp://127.0.0.2:0"};
  size_t i;
  for (i = 0; i < COUNT(urls); i++) {
    struct mg_connection *l;
    struct sockaddr_in sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    mg_mgr_init(&mgr);
    accepted = NULL;
    l = mg_listen(&mgr, urls[i], track, NULL);
    sin = loopback(l->loc.port);
    if (i > 0) sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    CHECK(connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0);
    POLL_UNTIL(&mgr, accepted != NULL);
    CHECK_ROW(accepted->loc.addr.ip4 == sin.sin_addr.s_addr, urls[i]);
    CHECK_ROW(accepted->loc.port == l->loc.port && !accepted->loc.is_ip6, urls[i]);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

static void test_receive_limit(void) {
  struct mg_connection *l = begin();
  char bytes[5000];
  int fd;
  memset(bytes, 'x', sizeof(bytes));
  CHECK(mg_conn_set(l, MG_SET_RECV_LIMIT, 1000));  // accepted connections inherit it
  fd = dial(l);
  put(fd, bytes, 1000);
  POLL_UNTIL(&mgr, record.read == 1000);
  poll_times(&mgr, 3);
  CHECK_EVENTS(record, "OPEN ACCEPT READ");
  put(fd, bytes, 1);
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK_EVENTS(record, "OPEN ACCEPT READ ERROR CLOSE");
  CHECK(strcmp(record.error, "MG_MAX_RECV_SIZE") == 0 && record.read == 1000);
  close(fd);
  mg_mgr_free(&mgr);
}

static void test_read_size(void) {
  struct mg_connection *l = begin();
  char bytes[1000];
  int fd;
  memset(bytes, 'x', sizeof(bytes));
  CHECK(mg_conn_set(l, MG_SET_READ_SIZE, 64));
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  CHECK(accepted->recv.align == 64);
  put(fd, bytes, sizeof(bytes));
  POLL_UNTIL(&mgr, record.read == sizeof(bytes));
  CHECK(accepted->recv.size == 1024);
  close(fd);
  mg_mgr_free(&mgr);
}

// A connect that nobody answers: a listener whose queue is full.
static void test_connect_timeout(void) {
  struct mg_connection *c;
  char url[64];
  int i, fds[20], fd = plain_listener(url, sizeof(url));
  uint64_t start = mg_millis();
  CHECK(listen(fd, 0) == 0);
  mg_mgr_init(&mgr);
  memset(&record, 0, sizeof(record));
  for (i = 0; i < 20; i++) {
    struct sockaddr_in sin = loopback(htons((uint16_t) atoi(strrchr(url, ':') + 1)));
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void) !connect(fds[i], (struct sockaddr *) &sin, sizeof(sin));
  }
  CHECK(mg_mgr_set(&mgr, MG_SET_CONNECT_TIMEOUT, 50));
  c = mg_connect(&mgr, url, track, NULL);
  CHECK(c->is_connecting);
  while (record.closes == 0 && mg_millis() - start < PATIENCE_MS) mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK_EVENTS(record, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strcmp(record.error, "connect timeout") == 0);
  for (i = 0; i < 20; i++) close(fds[i]);
  close(fd);
  mg_mgr_free(&mgr);
}

static void test_idle_timeout(void) {
  struct mg_connection *l = begin();
  uint64_t start;
  int fd, pass;
  CHECK(mg_conn_set(l, MG_SET_IDLE_TIMEOUT, 60));
  stop_clock();
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  for (pass = 0; pass < 2; pass++) {  // Input begins it anew.
    put(fd, "x", 1);
    POLL_UNTIL(&mgr, record.read == (size_t) pass + 1);
    stopped_at += 59;
    poll_times(&mgr, 3);
    CHECK(record.closes == 0);
  }
  stopped_at += 1;
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK_EVENTS(record, "OPEN ACCEPT READ ERROR CLOSE");
  CHECK(strcmp(record.error, "idle timeout") == 0);
  CHECK(mgr.conns == l);  // listeners do not idle
  close(fd);
  // A poll that may wait for longer ends in time.
  start_clock();
  memset(&record, 0, sizeof(record));
  fd = dial(l);
  start = mg_millis();
  while (record.closes == 0 && mg_millis() - start < PATIENCE_MS) mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK(mg_millis() - start >= 50);
  CHECK_EVENTS(record, "OPEN ACCEPT ERROR CLOSE");
  close(fd);
  mg_mgr_free(&mgr);
}

// The mark is reported once, and again after the buffer has been below it.
static int marks;
static size_t marked;
static void watch_mark(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_HIGH_WATER) {
    marks++;
    marked = *(size_t *) ev_data;
  }
}

static void test_high_water(void) {
  struct mg_connection *l = begin();
  char *p = (char *) calloc(1, 8 * 1024 * 1024);
  size_t n = 0;
  int fd;
  marks = 0;
  l->fn = watch_mark;
  CHECK(mg_conn_set(l, MG_SET_HIGH_WATER, 1024 * 1024));
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  mg_send(accepted, p, 1024 * 1024 - 1);
  CHECK(marks == 0);
  mg_send(accepted, p, 1);
  CHECK(marks == 1 && marked == 1024 * 1024);
  mg_send(accepted, p, 4 * 1024 * 1024);
  CHECK(marks == 1);
  nonblocking(fd);
  while (n < 5 * 1024 * 1024) {
    ssize_t k = recv(fd, p, 1024 * 1024, 0);
    if (k > 0) n += (size_t) k;
    mg_mgr_poll(&mgr, 0);
  }
  CHECK(accepted->send.len == 0);
  mg_send(accepted, "x", 1);  // below
  mg_send(accepted, p, 2 * 1024 * 1024);
  CHECK(marks == 2);
  free(p);
  close(fd);
  mg_mgr_free(&mgr);
}

static void test_poll_events(void) {
  struct record quiet;
  struct mg_connection *l;
  memset(&quiet, 0, sizeof(quiet));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", recorder, &quiet);
  CHECK(mg_conn_set(l, MG_SET_POLL_EVENTS, 0));
  poll_times(&mgr, 5);
  CHECK(quiet.polls == 0);
  CHECK(mg_conn_set(l, MG_SET_POLL_EVENTS, 1));
  poll_times(&mgr, 5);
  CHECK(quiet.polls == 5);
  // Flags are still acted on without it.
  CHECK(mg_conn_set(l, MG_SET_POLL_EVENTS, 0));
  l->is_closing = 1;
  poll_times(&mgr, 1);
  CHECK(quiet.closes == 1);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_what_is_refused();
  test_socket_options();
  test_socket_options_after_listening();
  test_local_addresses();
  test_receive_limit();
  test_read_size();
  test_connect_timeout();
  test_idle_timeout();
  test_high_water();
  test_poll_events();
  return FAILURES;
}
