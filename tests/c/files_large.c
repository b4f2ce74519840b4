// Files that do not fit into a buffer: what happens while they are sent.
#include "exchange.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static struct mg_http_serve_opts opts;
static char trace[4000];
static int drain_after, close_before;
static mg_event_handler_t http_handler;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  size_t n = strlen(trace);
  if (c->is_listening) return;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    memset(c->data, 'd', sizeof(c->data));
    http_handler = c->pfn;
    if (close_before) c->is_closing = 1;
    if (mg_match(hm->uri, mg_str("/hello"), NULL)) {
      mg_http_reply(c, 200, "", "hello");
    } else {
      mg_http_serve_dir(c, hm, &opts);
    }
    if (drain_after) c->is_draining = 1;
    mg_snprintf(trace + n, sizeof(trace) - n, "MSG%d(%d) ", c->is_resp, c->send.len);
  } else if (ev == MG_EV_READ) {
    mg_snprintf(trace + n, sizeof(trace) - n, "READ%d ", c->is_resp);
  } else if (ev == MG_EV_WRITE) {
    const char *last = n < 7 ? "" : trace + n - 7;
    if (strcmp(last, c->is_resp ? "WRITE1 " : "WRITE0 ") != 0) {
      mg_snprintf(trace + n, sizeof(trace) - n, "WRITE%d ", c->is_resp);
    }
    CHECK(c->send.size <= MG_IO_SIZE);
    CHECK((c->pfn == http_handler) == !c->is_resp && c->pfn_data == NULL);
  } else if (ev == MG_EV_CLOSE) {
    mg_snprintf(trace + n, sizeof(trace) - n, "CLOSE");
    CHECK(c->data[0] == 'd' && memcmp(c->data, c->data + 1, sizeof(c->data) - 1) == 0);
  }
}

// The i-th byte of the files here.
static unsigned char byte_at(size_t i) {
  return (unsigned char) (i * 7 + i / 251);
}

static void put_file(const char *path, size_t len) {
  unsigned char *bytes = (unsigned char *) malloc(len);
  size_t i;
  for (i = 0; i < len; i++) bytes[i] = byte_at(i);
  put_bytes(path, bytes, len);
  free(bytes);
}

static int connect_to_server(void) {
  struct sockaddr_in to;
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 32 * 1024;
  memset(&to, 0, sizeof(to));
  to.sin_family = AF_INET;
  to.sin_port = htons((uint16_t) atoi(strrchr(server_url, ':') + 1));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &on, sizeof(on));
  CHECK(connect(fd, (struct sockaddr *) &to, sizeof(to)) == 0);
  CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  return fd;
}

static int ask(const char *request) {
  int fd = connect_to_server();
  trace[0] = '\0';
  CHECK(send(fd, request, strlen(request), 0) == (ssize_t) strlen(request));
  return fd;
}

// Receives up to `want` bytes, in pieces of at most `piece`, polling the server in between. Stops
// early when the server closes.
static size_t receive(int fd, unsigned char *to, size_t want, size_t piece) {
  static unsigned char scrap[65536];
  uint64_t end = mg_millis() + 60000;
  size_t n = 0;
  while (n < want && mg_millis() < end) {
    size_t room = want - n < piece ? want - n : piece;
    ssize_t got;
    mg_mgr_poll(&mgr, 0);
    got = recv(fd, to == NULL ? scrap : to + n, to == NULL && room > sizeof(scrap) ? sizeof(scrap) : room, 0);
    if (got > 0) n += (size_t) got;
    if (got == 0 || (got < 0 && errno != EAGAIN)) break;
  }
  CHECK(mg_millis() < end);
  return n;
}

static int is_closed(int fd) {
  char c;
  int i;
  for (i = 0; i < 1000; i++) {
    ssize_t n = recv(fd, &c, 1, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return 1;
    if (n > 0) return 0;
    mg_mgr_poll(&mgr, 1);
  }
  return 0;
}

static void finish(int fd) {
  int i;
  close(fd);
  for (i = 0; i < 1000 && strstr(trace, "CLOSE") == NULL; i++) mg_mgr_poll(&mgr, 1);
  CHECK(strstr(trace, "CLOSE") != NULL);
}

static int open_files(void) {
  int fd, n = 0;
  for (fd = 0; fd < 200; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

// Receives a response with `len` bytes of a file from `start` on, and compares.
static void check_body(int fd, size_t start, size_t len) {
  char head[500];
  unsigned char *bytes = (unsigned char *) malloc(len);
  size_t n = 0, i;
  while (n < sizeof(head) - 1 && receive(fd, (unsigned char *) head + n, 1, 1) == 1) {
    head[++n] = '\0';
    if (n > 4 && strcmp(head + n - 4, "\r\n\r\n") == 0) break;
  }
  CHECK_ROW(status(head) == 200 || status(head) == 206, head);
  n = receive(fd, bytes, len, 65536);
  CHECK(n == len);
  for (i = 0; i < n && bytes[i] == byte_at(start + i); i++) (void) 0;
  CHECK(i == n);
  free(bytes);
}

#define GET(target) "GET " target " HTTP/1.1\r\n\r\n"

static void test_events(void) {
  int fd = ask(GET("/60000"));
  check_body(fd, 0, 60000);
  finish(fd);
  CHECK_ROW(strstr(trace, "MSG1(") == trace, trace);
  CHECK_ROW(strstr(trace, ") READ1 WRITE1 WRITE0 CLOSE") != NULL, trace);
  CHECK_ROW(atoi(trace + 5) < 400, trace);  // The head alone.

  // What fits is handed over at once.
  fd = ask(GET("/9000"));
  check_body(fd, 0, 9000);
  finish(fd);
  CHECK_ROW(strstr(trace, "MSG0(9") == trace && strstr(trace, "READ0 WRITE0 CLOSE") != NULL, trace);
}

static void test_pipelined(void) {
  char rest[200] = "";
  int fd = ask(GET("/60000") GET("/hello") GET("/9000") GET("/3000000") GET("/hello"));
  check_body(fd, 0, 60000);
  receive(fd, (unsigned char *) rest, 53, 53);
  CHECK_ROW(strcmp(rest, "HTTP/1.1 200 OK\r\nContent-Length: 5          \r\n\r\nhello") == 0, rest);
  check_body(fd, 0, 9000);
  check_body(fd, 0, 3000000);
  receive(fd, (unsigned char *) rest, 53, 53);
  CHECK(strstr(rest, "hello") != NULL);
  finish(fd);
}

static void test_close_when_done(void) {
  int fd = ask("GET /3000000 HTTP/1.1\r\nConnection: close\r\n\r\n" GET("/hello"));
  check_body(fd, 0, 3000000);
  CHECK(is_closed(fd));
  finish(fd);

  drain_after = 1;
  fd = ask(GET("/3000000"));
  check_body(fd, 0, 3000000);
  CHECK(is_closed(fd));
  finish(fd);
  drain_after = 0;

  // A peer that sends no more still wants its answer.
  fd = ask(GET("/3000000"));
  CHECK(shutdown(fd, SHUT_WR) == 0);
  check_body(fd, 0, 3000000);
  CHECK(is_closed(fd));
  finish(fd);

  close_before = 1;
  fd = ask(GET("/3000000"));
  CHECK(receive(fd, NULL, 1000, 1000) < 200 && is_closed(fd));  // The head, at most.
  finish(fd);
  CHECK_ROW(strstr(trace, "MSG0(") == trace, trace);
  close_before = 0;
}

// A length that cannot be kept ends the connection: a peer must not wait for the rest.
static void test_file_changes(void) {
  int fd = ask(GET("/shrinks"));
  size_t n;
  put_file("www/shrinks", 8000000);
  CHECK(receive(fd, NULL, 1000, 1000) == 1000);
  CHECK(truncate("www/shrinks", 7000000) == 0);
  n = receive(fd, NULL, 9000000, 65536);
  CHECK(n < 8000000 && is_closed(fd));
  finish(fd);

  put_file("www/grows", 8000000);
  fd = ask("GET /grows HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(receive(fd, NULL, 1000, 1000) == 1000);
  CHECK(truncate("www/grows", 9000000) == 0);
  n = receive(fd, NULL, 9000000, 65536);
  CHECK(n < 8000000 && n > 8000000 - 1000 && is_closed(fd));
  finish(fd);
}

static void test_peer_goes_away(void) {
  int before, fd;
  mg_mgr_poll(&mgr, 0);
  before = open_files();
  fd = ask(GET("/big"));
  CHECK(receive(fd, NULL, 100000, 1000) == 100000);
  CHECK(open_files() > before + 1);
  finish(fd);
  CHECK(open_files() == before);
}

static void test_far_ranges(void) {
  char rest[600] = "";
  int fd = ask("GET /big HTTP/1.1\r\nRange: bytes=5000000000-5000000009\r\nConnection: close\r\n\r\n");
  receive(fd, (unsigned char *) rest, sizeof(rest) - 1, 100);
  CHECK_ROW(strstr(rest, "Content-Range: bytes 5000000000-5000000009/6442450944\r\n") != NULL, rest);
  CHECK_ROW(memcmp(body(rest), "0123456789", 11) == 0, rest);
  finish(fd);
  fd = ask("GET /3000000 HTTP/1.1\r\nRange: bytes=1000001-\r\n\r\n");
  check_body(fd, 1000001, 1999999);
  finish(fd);
}

// However long the file and however slow the reader, the server holds little of it.
static void test_slow_reader(void) {
  size_t before = memory(), most = 0, n;
  int fd = ask(GET("/big"));
  for (n = 0; n < 3000; n++) {
    CHECK(receive(fd, NULL, 1000, 1000) == 1000);
    if (memory() > most) most = memory();
  }
  CHECK(most < before + 8 * 1024 * 1024);
  finish(fd);
}

// A file system that is not the machine's: its files go through the send buffer.
static int through_us;
static size_t my_rd(void *fd, void *buf, size_t len) {
  CHECK(len <= MG_IO_SIZE);
  through_us++;
  return mg_fs_posix.rd(fd, buf, len);
}

static void all(void) {
  test_events();
  test_pipelined();
  test_close_when_done();
  test_file_changes();
  test_peer_goes_away();
  test_far_ranges();
  test_slow_reader();
}

int main(void) {
  struct mg_fs fs = mg_fs_posix;
  int fd;
  put_dir("www");
  put_file("www/9000", 9000);
  put_file("www/60000", 60000);
  put_file("www/3000000", 3000000);
  put_file("www/shrinks", 8000000);
  fd = open("www/big", O_CREAT | O_WRONLY, 0644);  // 6 GiB, all but ten bytes of them a hole.
  CHECK(fd >= 0 && ftruncate(fd, 6442450944) == 0 && pwrite(fd, "0123456789", 10, 5000000000) == 10);
  close(fd);
  opts.root_dir = "www";
  start_server(serve);
  all();
  CHECK(through_us == 0);
  fs.rd = my_rd;
  opts.fs = &fs;
  all();
  CHECK(through_us > 100);
  stop_server();
  return FAILURES;
}
