// A connection that closes after its last message: what the peer sends meanwhile is no request.
#define KERNEL_SEND_BUFFER 8192
#define KERNEL_RECV_BUFFER 8192
#include "loop.h"

// More than the kernel takes for a client that does not read, and less than the 256 KiB of output
// from which requests wait, even if the kernel takes nothing.
static char big[200 * 1024];
// More than the limit of a head.
static char much[1024 * 1024];

static struct mg_mgr mgr;
static struct mg_connection *l;
static int messages, errors, closes;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  errors += ev == MG_EV_ERROR;
  closes += ev == MG_EV_CLOSE;
  if (ev == MG_EV_HTTP_MSG) {
    (void) ev_data;
    messages++;
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: %lu\r\n\r\n", (unsigned long) sizeof(big));
    mg_send(c, big, sizeof(big));
    c->is_resp = 0;
  }
}

// Sends `first`, and a request after it while the reply cannot go out; then reads to the end.
static void test_late_requests(const char *first, int errors_expected) {
  static char buf[65536];
  size_t received = 0;
  ssize_t n = -1;
  int i, room = KERNEL_RECV_BUFFER, fd = dial(l);
  uint64_t start = mg_millis();
  CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) == 0);
  messages = errors = closes = 0;
  nonblocking(fd);
  put(fd, first, strlen(first));
  POLL_UNTIL(&mgr, messages == 1);
  for (i = 0; i < 5; i++) {
    put(fd, "GET /late HTTP/1.1\r\n\r\n", 22);
    poll_times(&mgr, 2);
  }
  POLL_UNTIL(&mgr, errors == errors_expected);
  CHECK_ROW(messages == 1 && closes == 0, first);
  while (n != 0 && mg_millis() - start < PATIENCE_MS) {
    mg_mgr_poll(&mgr, 0);
    n = recv(fd, buf, sizeof(buf), 0);
    if (n > 0) received += (size_t) n;
  }
  CHECK_ROW(n == 0 && received > sizeof(big) && received < sizeof(big) + 100, first);
  close(fd);
  POLL_UNTIL(&mgr, closes == 1);
  CHECK_ROW(messages == 1 && errors == errors_expected, first);
}

// A head that is refused although more of it is on its way.
static void test_an_endless_head(void) {
  size_t sent = 0;
  int fd = dial(l);
  messages = errors = closes = 0;
  memset(much, 'a', sizeof(much));
  nonblocking(fd);
  put(fd, "GET / HTTP/1.1\r\nA: ", 19);
  while (sent < sizeof(much) && closes == 0) {
    ssize_t n = send(fd, much, 100 * 1024, MSG_NOSIGNAL);
    if (n > 0) sent += (size_t) n;
    mg_mgr_poll(&mgr, 0);
  }
  CHECK(closes == 1 && messages == 0 && errors == 1);
  close(fd);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", serve, NULL);
  test_late_requests("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", 0);
  test_late_requests("GET /a HTTP/1.1\r\n\r\nInvalid\r\n\r\n", 1);
  test_late_requests("GET /a HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n?\r\n", 1);
  test_an_endless_head();
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  return FAILURES;
}
