// What programs do with connections inside handlers: no handler at all, handlers that change, walks
// over all connections, memory of their own after the struct, structs of their own.
#include "loop.h"

static struct mg_mgr mgr;

// --- No handlers: bytes are read between polls.

static void test_no_handlers(void) {
  struct mg_connection *l, *c, *u, *uc, *t;
  int i;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), NULL, NULL);
  POLL_UNTIL(&mgr, mgr.conns != c && !c->is_connecting);
  t = mgr.conns;
  CHECK(t->is_accepted && t->fn == NULL && t->pfn == NULL);
  for (i = 0; i < 29; i++) {
    mg_send(c, "request", 7);
    POLL_UNTIL(&mgr, t->recv.len == 7);
    t->recv.len = 0;
    mg_send(t, "answer", 6);
    POLL_UNTIL(&mgr, c->recv.len == 6);
    c->recv.len = 0;
  }
  u = mg_listen(&mgr, "udp://127.0.0.1:0", NULL, NULL);
  uc = mg_connect(&mgr, url_of("udp", u), NULL, NULL);
  CHECK(mg_send(uc, "datagram", 8));
  POLL_UNTIL(&mgr, u->recv.len == 8);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// --- pfn before fn; either may change them

static char order[100];

static void say(const char *what, int ev) {
  if (ev != MG_EV_POLL) {
    strcat(order, what);
    strcat(order, event_name(ev));
    strcat(order, " ");
  }
}
static void second(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  say("second:", ev);
}
static void first(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  say("first:", ev);
}
static void protocol(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  say("pfn:", ev);
  if (ev == MG_EV_USER) {
    c->fn = second;  // holds for this very event
    c->pfn = NULL;
  }
}

static void test_call(void) {
  struct mg_connection *c;
  int fds[2], marker = 0;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  mg_mgr_init(&mgr);
  c = mg_wrapfd(&mgr, fds[0], first, NULL);
  c->pfn = protocol;
  order[0] = '\0';
  mg_call(c, MG_EV_USER + 5, &marker);
  CHECK(strcmp(order, "pfn:OTHER first:OTHER ") == 0);
  order[0] = '\0';
  mg_call(c, MG_EV_USER, NULL);
  CHECK(strcmp(order, "pfn:OTHER second:OTHER ") == 0);
  order[0] = '\0';
  mg_call(c, MG_EV_USER, NULL);
  CHECK(strcmp(order, "second:OTHER ") == 0);
  c->fn = NULL;
  mg_call(c, MG_EV_USER, NULL);
  mg_call(NULL, MG_EV_USER, NULL);
  close(fds[1]);
  mg_mgr_free(&mgr);
}

static char swapped[100];
static void after_swap(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    snprintf(swapped, sizeof(swapped), "%s %.*s", (char *) c->fn_data, (int) c->recv.len, (char *) c->recv.buf);
    c->recv.len = 0;
  }
}
static void swap_on_read(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    c->fn = after_swap;
    c->fn_data = "new data";
    mg_iobuf_del(&c->recv, 0, 2);
  }
}

static void test_swapping(void) {
  struct mg_connection *l;
  int fd;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", swap_on_read, NULL);
  fd = dial(l);
  put(fd, "abcd", 4);
  POLL_UNTIL(&mgr, mgr.conns->recv.len == 2);
  put(fd, "ef", 2);
  POLL_UNTIL(&mgr, swapped[0] != '\0');
  CHECK(strcmp(swapped, "new data cdef") == 0);
  close(fd);
  mg_mgr_free(&mgr);
}

// What accepted connections inherit is what the listener has at that moment; `data` is not inherited.
static struct mg_connection *newest;
static void remember(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_ACCEPT) newest = c;
}

static void test_inheritance(void) {
  struct mg_connection *l;
  int fd, a, b;
  mg_mgr_init(&mgr);
  newest = NULL;
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", second, &a);
  memset(l->data, 'd', sizeof(l->data));
  l->fn = remember;
  l->fn_data = &b;
  l->pfn_data = &a;
  l->is_hexdumping = 1;
  fd = dial(l);
  POLL_UNTIL(&mgr, newest != NULL);
  l->is_hexdumping = 0;
  CHECK(newest->fn == remember && newest->fn_data == &b && newest->pfn == NULL && newest->pfn_data == &a);
  CHECK(newest->is_hexdumping && newest->is_accepted && !newest->is_listening && newest->data[0] == 0);
  close(fd);
  mg_mgr_free(&mgr);
}

// --- Walks over all connections

static int broadcasts;
static void broadcast(void *arg) {
  struct mg_connection *t;
  for (t = ((struct mg_mgr *) arg)->conns; t != NULL; t = t->next) {
    if (t->data[0] == 'W') mg_send(t, "news", 4);
  }
  broadcasts++;
}
static void mark_accepted(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_ACCEPT) c->data[0] = 'W';
}
static void drop_all_others(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_connection *t;
  (void) ev_data;
  if (ev == MG_EV_READ) {
    for (t = c->mgr->conns; t != NULL; t = t->next) {
      if (t != c && !t->is_listening) t->is_closing = 1;
    }
  }
}

// How many streams have not ended.
static int count_open(const int *fds, int n) {
  int i, open = 0;
  char byte;
  for (i = 0; i < n; i++) open += recv(fds[i], &byte, 1, MSG_DONTWAIT) != 0;
  return open;
}

static void test_walks(void) {
  struct mg_connection *l, *t;
  int fds[10], i, left;
  char bytes[8];
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", mark_accepted, NULL);
  for (i = 0; i < 10; i++) fds[i] = dial(l);
  POLL_UNTIL(&mgr, mgr.nextid == 11);
  mg_timer_add(&mgr, 1, MG_TIMER_ONCE, broadcast, &mgr);
  POLL_UNTIL(&mgr, broadcasts == 1);
  for (i = 0; i < 10; i++) {
    POLL_UNTIL(&mgr, recv(fds[i], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK) == 4);
    CHECK(recv(fds[i], bytes, sizeof(bytes), 0) == 4);
  }
  for (t = mgr.conns; t != NULL; t = t->next) t->fn = drop_all_others;
  put(fds[4], "x", 1);
  POLL_UNTIL(&mgr, mgr.conns->next == l);
  POLL_UNTIL(&mgr, (left = count_open(fds, 10)) <= 1);
  CHECK(left == 1);
  for (i = 0; i < 10; i++) close(fds[i]);
  mg_mgr_free(&mgr);
}

// Two connections joined by fn_data: a proxy.
static struct mg_connection *backend;
static void back(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_connection *front = (struct mg_connection *) c->fn_data;
  (void) ev_data;
  if (ev == MG_EV_READ && front != NULL) {
    mg_send(front, c->recv.buf, c->recv.len);
    mg_iobuf_del(&c->recv, 0, c->recv.len);
  } else if (ev == MG_EV_CLOSE && front != NULL) {
    front->fn_data = NULL;
    front->is_draining = 1;
  }
}
static void front(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    if (c->fn_data == NULL) {
      c->fn_data = mg_connect(c->mgr, url_of("tcp", backend), back, c);
      ((struct mg_connection *) c->fn_data)->is_hexdumping = 0;
    }
    mg_send((struct mg_connection *) c->fn_data, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  } else if (ev == MG_EV_CLOSE && c->fn_data != NULL && c->is_accepted) {
    struct mg_connection *other = (struct mg_connection *) c->fn_data;
    other->fn_data = NULL;
    other->is_closing = 1;
  }
}
static void echo_once(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
    c->is_draining = 1;
  }
}

static void test_proxy(void) {
  struct mg_connection *l;
  char bytes[10];
  int fd;
  mg_mgr_init(&mgr);
  backend = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_once, NULL);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", front, NULL);
  fd = dial(l);
  put(fd, "through", 7);
  POLL_UNTIL(&mgr, recv(fd, bytes, 7, MSG_DONTWAIT | MSG_PEEK) == 7);
  CHECK(memcmp(bytes, "through", 7) == 0);
  POLL_UNTIL(&mgr, mgr.conns == l && l->next == backend);
  close(fd);
  mg_mgr_free(&mgr);
}

// --- Extra bytes after each connection

static void test_extra_bytes(void) {
  struct mg_connection *l;
  int fd, i;
  mg_mgr_init(&mgr);
  mgr.extraconnsize = 1000;
  newest = NULL;
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", remember, NULL);
  fd = dial(l);
  POLL_UNTIL(&mgr, newest != NULL);
  for (i = 0; i < 1000; i++) CHECK(((char *) (l + 1))[i] == 0 && ((char *) (newest + 1))[i] == 0);
  memset(l + 1, 'x', 1000);
  memset(newest + 1, 'y', 1000);
  mgr.extraconnsize = 0;
  close(fd);
  POLL_UNTIL(&mgr, mgr.conns == l);
  mg_mgr_free(&mgr);
}

// --- Structs of the program's own

static int own_events;
static void own_handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  own_events += ev;
}

static void test_own_struct(void) {
  struct mg_connection c;
  memset(&c, 0, sizeof(c));
  c.fn = own_handler;
  CHECK(mg_send(&c, "hello", 5));
  CHECK(c.send.len == 5 && c.send.size == 5 && memcmp(c.send.buf, "hello", 5) == 0);
  CHECK(mg_send(&c, " world", 6));
  CHECK(c.send.len == 11 && memcmp(c.send.buf, "hello world", 11) == 0);
  CHECK(mg_send(&c, NULL, 0));
  mg_call(&c, MG_EV_USER, NULL);
  CHECK(own_events == MG_EV_USER);
  mg_iobuf_free(&c.send);
  // With a manager that was never initialised.
  memset(&mgr, 0, sizeof(mgr));
  c.mgr = &mgr;
  CHECK(mg_send(&c, "x", 1));
  mg_iobuf_free(&c.send);
  // With one that was.
  mg_mgr_init(&mgr);
  CHECK(mg_send(&c, "x", 1));
  mg_mgr_poll(&mgr, 0);
  CHECK(c.send.len == 1);
  mg_iobuf_free(&c.send);
  mg_mgr_free(&mgr);
}

// --- Two managers, each with its connections

static void test_two_managers(void) {
  struct mg_mgr other;
  struct mg_connection *l, *c;
  mg_mgr_init(&mgr);
  mg_mgr_init(&other);
  newest = NULL;
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", remember, NULL);
  c = mg_connect(&other, url_of("tcp", l), NULL, NULL);
  CHECK(l->id == 1 && c->id == 1);
  mg_send(c, "x", 1);
  while (newest == NULL || newest->recv.len < 1) {
    mg_mgr_poll(&mgr, 1);
    mg_mgr_poll(&other, 1);
  }
  mg_mgr_free(&other);
  POLL_UNTIL(&mgr, mgr.conns == l);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_no_handlers();
  test_call();
  test_swapping();
  test_inheritance();
  test_walks();
  test_proxy();
  test_extra_bytes();
  test_own_struct();
  test_two_managers();
  return FAILURES;
}
