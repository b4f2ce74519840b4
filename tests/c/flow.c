// Flow control: growth of c->recv, its limit, is_full, output that does not fit, and ends of streams
// and resets in the middle of it.
#include "loop.h"

static struct mg_mgr mgr;
static struct record server, client;
static struct mg_connection *accepted;

static void track(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) accepted = c;
  record_event(&server, ev, ev_data);
}

static struct mg_connection *begin(mg_event_handler_t fn) {
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  accepted = NULL;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL);
  return l;
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static char *pattern(size_t len) {
  char *p = (char *) malloc(len);
  size_t i;
  for (i = 0; i < len; i++) p[i] = (char) (i * 17 + (i >> 8) * 3);
  return p;
}

// --- Reads

static size_t read_sizes[100];
static int reads;

static void first_reads(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_READ && reads < 100) read_sizes[reads++] = (size_t) *(long *) ev_data;
}

// The buffer grows by MG_IO_SIZE, so the first read is at most that long.
static void test_growth(void) {
  struct mg_connection *l = begin(first_reads);
  size_t len = 50000;
  char *p = pattern(len);
  int fd = dial(l);
  put(fd, p, len);
  POLL_UNTIL(&mgr, server.read == len);
  CHECK(reads >= 4 && read_sizes[0] == MG_IO_SIZE);
  CHECK(accepted->recv.size == 4 * MG_IO_SIZE && accepted->recv.len == len);
  CHECK(memcmp(accepted->recv.buf, p, len) == 0);
  // Emptied, it keeps its size; partly consumed, the rest bounds the next read.
  reads = 0;
  accepted->recv.len = accepted->recv.size - 4;
  put(fd, p, 10);
  POLL_UNTIL(&mgr, server.read == len + 10);
  CHECK(read_sizes[0] == 4 && accepted->recv.size == 5 * MG_IO_SIZE);
  free(p);
  close(fd);
  end();
}

// The program gives the memory away, or frees it.
static unsigned char *taken;

static void take_over(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_READ && taken == NULL) {
    taken = c->recv.buf;
    c->recv.buf = NULL;
    c->recv.len = c->recv.size = 0;
  } else if (ev == MG_EV_READ) {
    mg_iobuf_free(&c->recv);
    mg_iobuf_free(&c->send);
  }
}

static void test_memory_that_is_taken(void) {
  struct mg_connection *l = begin(take_over);
  int fd = dial(l);
  put(fd, "first", 5);
  POLL_UNTIL(&mgr, server.read == 5);
  CHECK(taken != NULL && memcmp(taken, "first", 5) == 0);
  mg_free(taken);
  put(fd, "second", 6);
  POLL_UNTIL(&mgr, server.read == 11);
  put(fd, "third", 5);
  POLL_UNTIL(&mgr, server.read == 16);
  CHECK(accepted->recv.len == 0 && accepted->recv.buf == NULL);
  close(fd);
  end();
}

// --- The limit

static void at_most(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  CHECK(c->recv.len <= MG_MAX_RECV_SIZE);
  if (ev == MG_EV_CLOSE && c->is_accepted) CHECK(c->recv.len == MG_MAX_RECV_SIZE);
}

static void test_limit(void) {
  struct mg_connection *l = begin(at_most), *c;
  size_t len = MG_MAX_RECV_SIZE + 100000;
  char *p = pattern(len);
  c = mg_connect(&mgr, url_of("tcp", l), NULL, NULL);
  mg_send(c, p, len);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT READ ERROR CLOSE");
  CHECK(strcmp(server.error, "MG_MAX_RECV_SIZE") == 0 && server.read == MG_MAX_RECV_SIZE);
  free(p);
  end();
}

// Exactly as much as fits is no error.
static void test_at_the_limit(void) {
  struct mg_connection *l = begin(at_most), *c;
  char *p = pattern(MG_MAX_RECV_SIZE);
  c = mg_connect(&mgr, url_of("tcp", l), NULL, NULL);
  mg_send(c, p, MG_MAX_RECV_SIZE);
  POLL_UNTIL(&mgr, server.read == MG_MAX_RECV_SIZE);
  poll_times(&mgr, 5);
  CHECK(server.error[0] == '\0' && server.closes == 0);
  CHECK(memcmp(accepted->recv.buf, p, MG_MAX_RECV_SIZE) == 0);
  free(p);
  end();
}

// --- is_full, as a streaming program uses it

#define STREAM (2 * (size_t) MG_MAX_RECV_SIZE)

static char *stream;
static size_t consumed;
static int full_polls;

static void slow_server(struct mg_connection *c, int ev, void *ev_data) {
  CHECK(c->recv.len <= MG_MAX_RECV_SIZE);
  CHECK(ev != MG_EV_ERROR);
  track(c, ev, ev_data);
  if (ev == MG_EV_ACCEPT) CHECK(mg_iobuf_resize(&c->recv, MG_MAX_RECV_SIZE - MG_IO_SIZE));
  if (ev == MG_EV_READ && c->recv.len >= MG_MAX_RECV_SIZE) c->is_full = 1;
  if (ev == MG_EV_POLL) {
    if (c->recv.len == MG_MAX_RECV_SIZE) full_polls++;
    if (full_polls > 10 || server.read == STREAM) {
      size_t n = c->recv.len < MG_MAX_RECV_SIZE / 3 ? c->recv.len : MG_MAX_RECV_SIZE / 3;
      CHECK(n == 0 || memcmp(c->recv.buf, stream + consumed, n) == 0);
      consumed += mg_iobuf_del(&c->recv, 0, n);
    }
    if (c->recv.len < MG_MAX_RECV_SIZE) c->is_full = 0;
  }
}

static void stream_client(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_CONNECT) CHECK(mg_send(c, stream, STREAM));
  if (ev == MG_EV_ERROR) CHECK(false);
}

static void test_back_pressure(void) {
  struct mg_connection *l = begin(slow_server);
  int i;
  stream = pattern(STREAM);
  mg_connect(&mgr, url_of("tcp", l), stream_client, NULL);
  for (i = 0; i < 9600 && consumed < STREAM; i++) mg_mgr_poll(&mgr, 1);
  CHECK(consumed == STREAM && server.read == STREAM);
  free(stream);
  end();
}

// While is_full is set nothing is read, not even the end of the stream; output still goes, and the
// loop does not spin. After it is cleared, anywhere, what waited is read without new packets.
static void test_is_full(void) {
  struct mg_connection *l = begin(track);
  uint64_t start;
  char bytes[10];
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  accepted->is_full = 1;
  put(fd, "waits", 5);
  shutdown(fd, SHUT_WR);
  CHECK_WAITS(&mgr);
  CHECK_EVENTS(server, "OPEN ACCEPT");
  CHECK(!accepted->is_readable);
  mg_send(accepted, "out", 3);
  POLL_UNTIL(&mgr, server.written == 3);
  CHECK(recv(fd, bytes, sizeof(bytes), 0) == 3);
  accepted->is_full = 0;
  start = mg_millis();
  mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK(mg_millis() - start < PATIENCE_MS);
  CHECK(server.read == 5);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT WRITE READ CLOSE");
  close(fd);
  end();
}

static void test_a_reset_while_full(void) {
  struct mg_connection *l = begin(track);
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  accepted->is_full = 1;
  put(fd, "lost", 4);
  poll_times(&mgr, 2);
  reset(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT ERROR CLOSE");
  end();
}

static void fill(struct mg_connection *c, int ev, void *ev_data) {
  track(c, ev, ev_data);
  if (ev == MG_EV_READ) c->is_full = 1;
}

// Set inside READ: no second READ follows in the same poll.
static void test_is_full_set_in_read(void) {
  struct mg_connection *l = begin(fill);
  char *p = pattern(100000);
  int fd = dial(l);
  put(fd, p, 100000);
  POLL_UNTIL(&mgr, server.read > 0);
  poll_times(&mgr, 5);
  CHECK(server.read == MG_IO_SIZE);
  accepted->is_full = 0;
  mg_mgr_poll(&mgr, 100);
  CHECK(server.read == 2 * MG_IO_SIZE);
  free(p);
  close(fd);
  end();
}

static void test_a_full_listener(void) {
  struct mg_connection *l = begin(track);
  uint64_t start;
  int fd;
  l->is_full = 1;
  fd = dial(l);
  CHECK_WAITS(&mgr);
  CHECK(accepted == NULL);
  l->is_full = 0;
  start = mg_millis();
  mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK(accepted != NULL && mg_millis() - start < PATIENCE_MS);
  close(fd);
  end();
}

// --- Writes

// A peer that does not read: partial writes, no spinning, all arrives in the end.
static void test_partial_writes(void) {
  struct mg_connection *l = begin(track);
  size_t len = 8 * 1024 * 1024, n = 0, checked = 0;
  char *p = pattern(len), *q = (char *) malloc(len);
  uint64_t start;
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  CHECK(mg_send(accepted, p, len));
  poll_times(&mgr, 5);
  CHECK(server.written > 0 && server.written < len);
  CHECK(server.written + accepted->send.len == len);
  CHECK_WAITS(&mgr);  // once the kernel has taken what it takes
  accepted->is_draining = 1;
  nonblocking(fd);
  start = mg_millis();
  while (mg_millis() - start < PATIENCE_MS) {
    ssize_t k = recv(fd, q + n, len - n, 0);
    if (k == 0 || n == len) break;
    if (k > 0) n += (size_t) k;
    mg_mgr_poll(&mgr, 0);
  }
  while (checked < n && p[checked] == q[checked]) checked++;
  CHECK(n == len && checked == len);
  CHECK(server.closes == 1 && server.written == len);
  free(p);
  free(q);
  close(fd);
  end();
}

// The peer sends FIN while output is pending: it is written out, without READ, then CLOSE.
static void test_half_close_with_output(void) {
  struct mg_connection *l = begin(track);
  size_t len = 4 * 1024 * 1024, n = 0;
  char *p = pattern(len);
  uint64_t start = mg_millis();
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  CHECK(mg_send(accepted, p, len));
  put(fd, "request", 7);
  shutdown(fd, SHUT_WR);
  poll_times(&mgr, 5);
  CHECK(server.closes == 0 && accepted->send.len > 0);
  nonblocking(fd);
  while (mg_millis() - start < PATIENCE_MS) {
    ssize_t k = recv(fd, p, len, 0);
    if (k == 0) break;
    if (k > 0) n += (size_t) k;
    mg_mgr_poll(&mgr, 0);
  }
  CHECK(n == len);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK(server.read == 7 && server.error[0] == '\0');
  free(p);
  close(fd);
  end();
}

static void test_half_close_without_output(void) {
  struct mg_connection *l = begin(track);
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  shutdown(fd, SHUT_WR);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT CLOSE");
  close(fd);
  end();
}

// Bytes, then RST: the bytes are delivered if the kernel still has them; one ERROR; CLOSE.
static void test_reset_after_data(void) {
  struct mg_connection *l = begin(track);
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  put(fd, "last words", 10);
  reset(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK(strcmp(server.text, "OPEN ACCEPT READ ERROR CLOSE") == 0 ||
        strcmp(server.text, "OPEN ACCEPT ERROR CLOSE") == 0);
  CHECK(strcmp(server.error, "socket error") == 0);
  end();
}

static void test_reset_with_output_pending(void) {
  struct mg_connection *l = begin(track);
  size_t len = 8 * 1024 * 1024;
  char *p = pattern(len);
  int fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  CHECK(mg_send(accepted, p, len));
  poll_times(&mgr, 3);
  reset(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT WRITE ERROR CLOSE");
  free(p);
  end();
}

// A peer that disconnected silently: writing to it ends the connection, and SIGPIPE does not
// end the process.
static void test_a_peer_that_has_disconnected(void) {
  struct mg_connection *l = begin(track);
  int i, fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  accepted->is_full = 1;  // so that the FIN is not noticed
  close(fd);
  for (i = 0; i < 5000 && server.closes == 0; i++) {
    mg_send(accepted, "hello?", 6);
    poll_times(&mgr, 3);
  }
  CHECK(server.closes == 1);
  end();
}

// A program takes an address inside c->send, appends more, and patches what it queued first.
static void test_output_can_be_patched(void) {
  struct mg_connection *l = begin(track);
  char bytes[20];
  unsigned char *length;
  int i, fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  mg_send(accepted, "L", 1);
  length = &accepted->send.buf[accepted->send.len - 1];
  for (i = 0; i < 9; i++) mg_send(accepted, "x", 1);
  *length = '9';
  CHECK(mg_send(accepted, "NADA", 0));
  POLL_UNTIL(&mgr, server.written == 10);
  CHECK(recv(fd, bytes, sizeof(bytes), MSG_WAITALL | MSG_DONTWAIT) == 10);
  CHECK(memcmp(bytes, "9xxxxxxxxx", 10) == 0);
  CHECK(accepted->send.size == MG_IO_SIZE);
  close(fd);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_growth();
  test_memory_that_is_taken();
  test_limit();
  test_at_the_limit();
  test_back_pressure();
  test_is_full();
  test_a_reset_while_full();
  test_is_full_set_in_read();
  test_a_full_listener();
  test_partial_writes();
  test_half_close_with_output();
  test_half_close_without_output();
  test_reset_after_data();
  test_reset_with_output_pending();
  test_a_peer_that_has_disconnected();
  test_output_can_be_patched();
  return FAILURES;
}
