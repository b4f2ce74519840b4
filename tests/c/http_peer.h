// A server on the program's own clock, and a plain socket as its peer: how HTTP connections continue
// and how they end.
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *l, *accepted;
static int heads, messages, reads;
static long longest_read;
static char uris[200];
static char got[200000];
static size_t got_len;
static bool got_end, got_reset;
static uint64_t now = 1000, tick;

// The library takes the program's clock: timeouts need no waiting.
uint64_t mg_millis(void) {
  return now;
}

static inline void turn(void) {
  now += tick;
  mg_mgr_poll(&mgr, 1);
}

// The clock does not advance, so patience is counted in polls.
#define UNTIL(condition)                             \
  do {                                               \
    int turns_ = 0;                                  \
    while (!(condition) && turns_++ < 5000) turn();  \
    CHECK(condition);                                \
  } while (0)

static inline void begin(mg_event_handler_t fn) {
  tick = 0;
  heads = messages = reads = 0;
  longest_read = 0;
  uris[0] = '\0';
  accepted = NULL;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL);
}

static inline void end(void) {
  mg_mgr_free(&mgr);
}

static inline void set(int setting, int64_t value) {
  CHECK(mg_conn_set(l, setting, value));
}

// Polls, and takes in what the server sends, until that ends with `tail`, or the connection ends if
// `tail` is NULL.
static inline void expect(int fd, const char *tail) {
  int turns = 0;
  size_t n = tail == NULL ? 0 : strlen(tail);
  nonblocking(fd);
  for (;;) {
    ssize_t k = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
    if (k > 0) got_len += (size_t) k;
    got_reset = k < 0 && errno == ECONNRESET;
    if (k == 0 || got_reset) got_end = true;
    got[got_len] = '\0';
    if (got_end || (n > 0 && got_len >= n && strcmp(got + got_len - n, tail) == 0)) break;
    CHECK(k > 0 || errno == EAGAIN);
    if (k <= 0 && (errno != EAGAIN || ++turns > 3000)) break;
    turn();
  }
  if (tail == NULL ? !got_end : n > 0 && (got_len < n || strcmp(got + got_len - n, tail) != 0)) {
    fprintf(stderr, "got [%s]%s, expected [%s]\n", got, got_end ? " and the end" : "", tail == NULL ? "the end" : tail);
    failures++;
  }
}

static inline void say(int fd, const char *text) {
  put(fd, text, strlen(text));
}

static inline int start(const char *request) {
  int fd = dial(l);
  say(fd, request);
  got_len = 0;
  got_end = got_reset = false;
  return fd;
}

static inline int count(const char *text) {
  int n = 0;
  const char *at = got;
  for (; (at = strstr(at, text)) != NULL; at++) n++;
  return n;
}

static inline void note(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_CLOSE && c == accepted) accepted = NULL;
  if (ev == MG_EV_HTTP_HDRS) heads++;
  if (ev == MG_EV_HTTP_MSG) {
    messages++;
    if (strlen(uris) + hm->uri.len < sizeof(uris)) strncat(uris, hm->uri.buf, hm->uri.len);
  }
  if (ev == MG_EV_READ) {
    reads++;
    if (*(long *) ev_data > longest_read) longest_read = *(long *) ev_data;
  }
}

static inline void at_once(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "%d", (int) hm->body.len);
    CHECK(memcmp(c->send.buf + 9, "200", 3) == 0);
  }
}

static inline void from_poll(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) c->data[0] = 3;
  if (ev == MG_EV_POLL && c->data[0] > 0 && --c->data[0] == 0) mg_http_reply(c, 200, "", "late");
}

static inline void from_a_timer(void *arg) {
  struct mg_connection *c = accepted;
  if (c != NULL && c->is_resp) mg_http_reply(c, 200, "", "late");
  (void) arg;
}

#endif
