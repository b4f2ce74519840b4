// Memory runs out: each scene is played again and again, and the n-th allocation fails, for each n.
// Nothing crashes, nothing is lost, and each connection that was opened is closed once.
#include "counting.h"

static long allocations, fails_at, blocks;

void *mg_calloc(size_t count, size_t size) {
  void *p;
  if (++allocations == fails_at) return NULL;
  p = calloc(count, size);
  blocks += p != NULL;
  return p;
}

void mg_free(void *p) {
  blocks -= p != NULL;
  free(p);
}

static struct mg_mgr mgr;
static bool done;

// --- TCP

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  count(c, ev);
  if (ev == MG_EV_CONNECT) {
    static char bytes[40000];
    mg_printf(c, "%s", "hello");
    mg_send(c, bytes, sizeof(bytes));
  }
  if (ev == MG_EV_READ && c->recv.len == 40005) c->is_draining = 1;
  if (ev == MG_EV_CLOSE) done = true;
}

static void tcp(void) {
  struct mg_connection *l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo, NULL);
  if (l != NULL) mg_connect(&mgr, url_of("tcp", l), ask, NULL);
}

// --- UDP

static void udp_ask(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  count(c, ev);
  if (ev == MG_EV_CONNECT) mg_send(c, "ping", 4);
  if (ev == MG_EV_WRITE) mg_printf(c, "%d", 42);
  if (ev == MG_EV_READ) c->is_closing = 1;
  if (ev == MG_EV_CLOSE) done = true;
}

static void udp(void) {
  struct mg_connection *l = mg_listen(&mgr, "udp://127.0.0.1:0", echo, NULL);
  if (l != NULL) mg_connect(&mgr, url_of("udp", l), udp_ask, NULL);
}

// --- HTTP

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  count(c, ev);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "X: y\r\n", "{%m:%.*s}", MG_ESC("body"), (int) hm->body.len, hm->body.buf);
  }
}

static void request(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  count(c, ev);
  if (ev == MG_EV_CONNECT) {
    mg_printf(c, "POST /%s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "x");
    mg_http_printf_chunk(c, "%d", 12345);
    mg_http_write_chunk(c, "abc", 3);
    mg_http_printf_chunk(c, "");
  }
  if (ev == MG_EV_HTTP_MSG) c->is_closing = 1;
  if (ev == MG_EV_CLOSE) done = true;
}

static void http(void) {
  struct mg_connection *l = mg_http_listen(&mgr, "http://127.0.0.1:0", serve, NULL);
  if (l != NULL) mg_http_connect(&mgr, url_of("http", l), request, NULL);
}

// --- Timers, wakeup, a wrapped descriptor

static int peer = -1;

static void fire(void *arg) {
  *(int *) arg += 1;
}

static void woken(struct mg_connection *c, int ev, void *ev_data) {
  count(c, ev);
  if (ev == MG_EV_WAKEUP) done = ((struct mg_str *) ev_data)->len == 5;
}

static void others(void) {
  static int fired;
  struct mg_connection *c;
  int fds[2];
  mg_timer_add(&mgr, 0, MG_TIMER_REPEAT, fire, &fired);
  mg_timer_add(&mgr, 0, MG_TIMER_ONCE, fire, &fired);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  c = mg_wrapfd(&mgr, fds[0], woken, NULL);
  peer = fds[1];
  if (c == NULL) close(fds[0]);  // still the program's
  else put(fds[1], "x", 1);
  if (mg_wakeup_init(&mgr) && c != NULL) mg_wakeup(&mgr, c->id, "hello", 5);
}

// --- The play

static void play(const char *name, void (*scene)(void)) {
  int before = count_descriptors();
  long n;
  bool failed = true;
  for (n = 1; failed; n++) {
    int polls;
    done = false;
    opened = closed = 0;
    allocations = 0;
    fails_at = n;
    mg_mgr_init(&mgr);
    scene();
    // A scene that lost an allocation may never come to its end.
    for (polls = 0; polls < 60 && !done; polls++) mg_mgr_poll(&mgr, polls < 30 ? 0 : 1);
    failed = allocations >= n;
    mg_mgr_free(&mgr);
    CHECK_ROW(mgr.conns == NULL && mgr.timers == NULL, name);
    CHECK_ROW(opened == closed, name);
    CHECK_ROW(blocks == 0, name);
    if (peer >= 0) close(peer);
    peer = -1;
    CHECK_ROW(count_descriptors() == before, name);
    if (failures > 0) {
      fprintf(stderr, "%s: allocation %ld fails, %ld blocks left, %d opened, %d closed\n", name, n, blocks, opened,
              closed);
      return;
    }
  }
  CHECK_ROW(done, name);  // nothing failed: it must have come to its end
  CHECK_ROW(n > 5, name);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  play("tcp", tcp);
  play("udp", udp);
  play("http", http);
  play("others", others);
  return FAILURES;
}
