// Descriptors that the program opened: sockets, pipes, listening sockets, files. Never blocking,
// also when the descriptor would.
#include "loop.h"

#include <sys/ioctl.h>
#include <sys/stat.h>

static struct mg_mgr mgr;
static struct record record;

static void begin(void) {
  memset(&record, 0, sizeof(record));
  mg_mgr_init(&mgr);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static void open_is_first(struct mg_connection *c, int ev, void *ev_data) {
  record_event(&record, ev, ev_data);
  if (ev == MG_EV_OPEN) CHECK(ev_data == NULL && c->mgr->conns == NULL && (int) (size_t) c->fd > 0);
}

static void test_socket(void) {
  struct mg_connection *c;
  int fds[2];
  char bytes[10];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  put(fds[1], "early", 5);  // before it is wrapped
  begin();
  c = mg_wrapfd(&mgr, fds[0], open_is_first, NULL);
  CHECK(c != NULL && mgr.conns == c && c->id == 1 && (int) (size_t) c->fd == fds[0]);
  CHECK(!c->is_client && !c->is_listening && !c->is_accepted && !c->is_udp && c->rem.port == 0);
  CHECK((fcntl(fds[0], F_GETFL) & O_NONBLOCK) == 0);  // as it was
  POLL_UNTIL(&mgr, record.read == 5);
  CHECK(mg_send(c, "answer", 6));
  POLL_UNTIL(&mgr, record.written == 6);
  CHECK(recv(fds[1], bytes, sizeof(bytes), 0) == 6 && memcmp(bytes, "answer", 6) == 0);
  close(fds[1]);
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK_EVENTS(record, "OPEN READ WRITE CLOSE");
  CHECK(fcntl(fds[0], F_GETFD) == -1);  // closed with the connection
  end();
}

// A blocking socket whose peer does not read: a large output does not block the loop.
static void test_blocking_socket(void) {
  struct mg_connection *c;
  size_t len = 4 * 1024 * 1024, n = 0;
  char *p = (char *) calloc(1, len);
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  begin();
  c = mg_wrapfd(&mgr, fds[0], recorder, &record);
  CHECK(mg_send(c, p, len));
  poll_times(&mgr, 3);
  CHECK(record.written < len);
  nonblocking(fds[1]);
  while (n < len) {
    ssize_t k = recv(fds[1], p, len, 0);
    if (k > 0) n += (size_t) k;
    else mg_mgr_poll(&mgr, 1);
  }
  CHECK(record.written == len);
  free(p);
  close(fds[1]);
  end();
}

static void test_pipe_in(void) {
  int fds[2];
  CHECK(pipe(fds) == 0);
  begin();
  CHECK(write(fds[1], "early", 5) == 5);
  mg_wrapfd(&mgr, fds[0], recorder, &record);
  POLL_UNTIL(&mgr, record.read == 5);
  poll_times(&mgr, 3);
  CHECK_EVENTS(record, "OPEN READ");
  CHECK(write(fds[1], "later", 5) == 5);
  POLL_UNTIL(&mgr, record.read == 10);
  CHECK(memcmp(mgr.conns->recv.buf, "earlylater", 10) == 0);
  close(fds[1]);
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK_EVENTS(record, "OPEN READ CLOSE");
  end();
}

// More than a pipe holds, into a blocking pipe.
static void test_pipe_out(void) {
  struct mg_connection *c;
  size_t len = 500000, n = 0;
  char *p = (char *) calloc(1, len);
  int fds[2];
  CHECK(pipe(fds) == 0);
  begin();
  c = mg_wrapfd(&mgr, fds[1], recorder, &record);
  CHECK(mg_send(c, p, len));
  poll_times(&mgr, 3);
  CHECK(record.written > 0 && record.written < len);
  nonblocking(fds[0]);
  while (n < len) {
    ssize_t k = read(fds[0], p, len);
    if (k > 0) n += (size_t) k;
    else mg_mgr_poll(&mgr, 1);
  }
  CHECK(record.written == len && record.closes == 0);
  free(p);
  close(fds[0]);
  mg_send(c, "x", 1);
  POLL_UNTIL(&mgr, record.closes == 1);
  end();
}

// What is read in pieces although more waits: the lines of a terminal, the messages of a socket.
static void test_terminal(void) {
  int slave, master = open("/dev/ptmx", O_RDWR | O_NOCTTY), unlock = 0, number = 0;
  char name[40];
  CHECK(master >= 0 && ioctl(master, TIOCSPTLCK, &unlock) == 0 && ioctl(master, TIOCGPTN, &number) == 0);
  snprintf(name, sizeof(name), "/dev/pts/%d", number);
  slave = open(name, O_RDWR | O_NOCTTY);
  CHECK(slave >= 0);
  begin();
  mg_wrapfd(&mgr, slave, recorder, &record);
  poll_times(&mgr, 2);
  CHECK(write(master, "one\ntwo\nthree\n", 14) == 14);
  POLL_UNTIL(&mgr, record.read == 14);
  CHECK(memcmp(mgr.conns->recv.buf, "one\ntwo\nthree\n", 14) == 0);
  poll_times(&mgr, 2);
  CHECK(record.closes == 0);
  end();
  close(master);
}

static void test_messages(void) {
  static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
  size_t i;
  for (i = 0; i < COUNT(types); i++) {
    int fds[2], k;
    CHECK(socketpair(AF_UNIX, types[i], 0, fds) == 0);
    begin();
    mg_wrapfd(&mgr, fds[0], recorder, &record);
    poll_times(&mgr, 2);
    for (k = 0; k < 3; k++) put(fds[1], "message", 7);
    POLL_UNTIL(&mgr, record.read == 21);
    close(fds[1]);
    end();
  }
}

// A listening socket of the program, as with socket activation.
static int accepted;
static void accept_and_count(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  accepted += ev == MG_EV_ACCEPT;
}

static void test_listening_socket(void) {
  struct mg_connection *c, *client;
  char url[64];
  int fd = plain_listener(url, sizeof(url));
  begin();
  client = mg_connect(&mgr, url, recorder, &record);  // waits in the queue before the wrapping
  c = mg_wrapfd(&mgr, fd, accept_and_count, NULL);
  c->is_listening = 1;
  POLL_UNTIL(&mgr, accepted == 1 && !client->is_connecting);
  mg_connect(&mgr, url, NULL, NULL);
  POLL_UNTIL(&mgr, accepted == 2);
  end();
}

static void test_file(void) {
  struct mg_connection *c;
  struct stat st;
  int fd = open("file.txt", O_RDWR | O_CREAT | O_TRUNC, 0600), fd2;
  CHECK(fd >= 0 && write(fd, "contents", 8) == 8 && lseek(fd, 0, SEEK_SET) == 0);
  begin();
  mg_wrapfd(&mgr, fd, recorder, &record);
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK_EVENTS(record, "OPEN READ CLOSE");
  CHECK(record.read == 8);
  // Written to, past the end.
  memset(&record, 0, sizeof(record));
  fd2 = open("file.txt", O_WRONLY | O_APPEND);
  c = mg_wrapfd(&mgr, fd2, recorder, &record);
  CHECK(mg_send(c, "more", 4));
  c->is_draining = 1;
  POLL_UNTIL(&mgr, record.closes == 1);
  CHECK(stat("file.txt", &st) == 0 && st.st_size == 12);
  unlink("file.txt");
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_socket();
  test_blocking_socket();
  test_pipe_in();
  test_pipe_out();
  test_terminal();
  test_messages();
  test_listening_socket();
  test_file();
  return FAILURES;
}
