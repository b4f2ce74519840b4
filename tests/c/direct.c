// Large output goes from the program's memory to the socket, what that does not take through c->send, and
// all of it arrives in order. Its end is queued, so that programs see that there is output. Where somebody
// could tell the difference, all of it is queued.
#include "loop.h"

#define SIZE (4 << 20)  // more than a socket takes at once
#define END 1024        // what is always queued

static struct mg_mgr mgr;
static struct mg_connection *l, *served;
static char *text, *got;
static size_t queued, written, length;
static int closes, errors;
static enum { REPLY, REPLY_C_STRING, SEND, PATCH } how;
static bool hexdump, drain;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) served = c, c->is_hexdumping = hexdump;
  if (ev == MG_EV_WRITE) written += (size_t) *(long *) ev_data;
  if (ev == MG_EV_CLOSE && !c->is_listening) closes++, served = NULL;
  if (ev == MG_EV_ERROR) errors++;
  if (ev != MG_EV_HTTP_MSG) return;
  if (how == REPLY) mg_http_reply(c, 200, "A: b\r\n", "%.*s", (int) length, text);
  if (how == REPLY_C_STRING) mg_http_reply(c, 200, "A: b\r\n", "%s", text);
  if (how == SEND) mg_send(c, text, length), c->is_resp = 0;
  if (how == PATCH) {
    size_t at = c->send.len;
    mg_printf(c, "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length:        \r\n\r\n");
    mg_send(c, text, length);
    CHECK(c->send.len > length);
    mg_snprintf((char *) c->send.buf + at + 39, 8, "%7d", (int) length);
    c->send.buf[at + 46] = '\r';
    c->is_resp = 0;
  }
  queued = c->send.len;
  CHECK(written == 0);
  c->is_draining = drain;
}

static int begin(void) {
  int fd;
  queued = written = 0;
  closes = errors = 0;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", serve, NULL);
  fd = dial(l);
  POLL_UNTIL(&mgr, served != NULL);
  return fd;
}

static void end(int fd) {
  close(fd);
  mg_mgr_free(&mgr);
}

// Reads as much as is to come.
static size_t receive(int fd, size_t wanted) {
  size_t n = 0;
  nonblocking(fd);
  while (n < wanted) {
    ssize_t more = recv(fd, got + n, wanted - n, 0);
    if (more == 0) break;
    if (more > 0) n += (size_t) more;
    mg_mgr_poll(&mgr, 0);
  }
  POLL_UNTIL(&mgr, served == NULL || served->send.len == 0);
  return n;
}

// One exchange. Returns how much of the answer was in c->send when the handler had made it.
static size_t exchange(size_t body, size_t head) {
  int fd = begin();
  length = body;
  put(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
  CHECK(receive(fd, head + body) == head + body);
  CHECK(memcmp(got + head, text, body) == 0);
  CHECK(head == 0 || memcmp(got, "HTTP/1.1 200 OK\r\nA: b\r\n", 23) == 0);
  if (head > 0) {
    got[head] = 0;
    CHECK(memcmp(got + 23, "Content-Length: ", 16) == 0 && strtoul(got + 39, NULL, 10) == body);
    CHECK(memcmp(got + head - 4, "\r\n\r\n", 4) == 0);
  }
  POLL_UNTIL(&mgr, written == head + body);  // each byte is counted, once
  poll_times(&mgr, 2);
  CHECK(written == head + body && errors == 0 && (closes == 1) == drain);
  end(fd);
  return queued;
}

#define HEAD 54  // of the replies above

static void test_replies(void) {
  how = REPLY;
  CHECK(exchange(SIZE, HEAD) < SIZE);
  CHECK(exchange(40000, HEAD) == END);
  CHECK(exchange(1000, HEAD) == HEAD + 1000);
  how = REPLY_C_STRING;
  text[SIZE / 2] = 0;
  CHECK(exchange(SIZE / 2, HEAD) < SIZE / 2);
  how = REPLY;
  text[SIZE / 2] = 'x';
}

static void test_sends(void) {
  how = SEND;
  CHECK(exchange(SIZE, 0) < SIZE);
  CHECK(exchange(40000, 0) == END);
  CHECK(exchange(1000, 0) == 1000);
  how = PATCH;
  CHECK(exchange(SIZE, 50) == SIZE + 50);
}

static void test_draining(void) {
  drain = true;
  how = REPLY;
  CHECK(exchange(SIZE, HEAD) < SIZE);
  CHECK(exchange(40000, HEAD) == END);
  how = SEND;
  CHECK(exchange(40000, 0) == END);
  drain = false;
}

static size_t marks;

static void watch(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) CHECK(mg_conn_set(c, MG_SET_HIGH_WATER, 100));
  if (ev == MG_EV_HIGH_WATER) marks = *(size_t *) ev_data;
  serve(c, ev, ev_data);
}

static void test_what_is_counted_or_shown_is_queued(void) {
  int fd;
  how = REPLY;
  mg_log_set_fn(mg_pfn_iobuf, NULL);  // NULL: nothing is kept
  hexdump = true;
  CHECK(exchange(40000, HEAD) == 40000 + HEAD);
  hexdump = false;
  fd = begin();
  served->is_websocket = 1;
  mg_send(served, text, 40000);
  CHECK(served->send.len == 40000);
  CHECK(mg_ws_wrap(served, 40000, WEBSOCKET_OP_BINARY) == 40004);
  end(fd);
  fd = begin();
  l->fn = served->fn = watch;
  CHECK(mg_conn_set(served, MG_SET_HIGH_WATER, 100));
  mg_send(served, text, 40000);
  CHECK(served->send.len == 40000 && marks == 40000);
  end(fd);
}

// A peer that is not there any more: an end, and no more than that.
static void test_a_peer_that_has_reset(void) {
  int i;
  for (i = 0; i < 2; i++) {
    int fd = begin();
    reset(fd);
    mg_send(served, text, SIZE);
    if (i == 1) mg_http_reply(served, 200, "", "%.*s", SIZE, text);
    POLL_UNTIL(&mgr, closes == 1);
    mg_mgr_free(&mgr);
  }
}

// Outside of the poll, and on a connection that is about to close.
static void test_places(void) {
  int fd = begin();
  mg_send(served, text, 40000);
  CHECK(served->send.len == END && written == 0);
  mg_send(served, text, 10);
  CHECK(served->send.len == END + 10);
  POLL_UNTIL(&mgr, written == 40010);
  served->is_closing = 1;
  mg_send(served, text, 40000);
  CHECK(served->send.len == 40000);
  POLL_UNTIL(&mgr, closes == 1);
  CHECK(written == 40010);
  end(fd);
}

int main(void) {
  size_t i;
  mg_log_set(MG_LL_NONE);
  text = (char *) malloc(SIZE + 1), got = (char *) malloc(SIZE + 1000);
  CHECK(text != NULL && got != NULL);
  for (i = 0; i < SIZE; i++) text[i] = (char) ('a' + i * 7 % 25 + i / 1000 % 2);
  text[SIZE] = 0;
  test_replies();
  test_sends();
  test_draining();
  test_what_is_counted_or_shown_is_queued();
  test_a_peer_that_has_reset();
  test_places();
  free(text);
  free(got);
  return FAILURES;
}
