// More connections than are walked in every poll: nothing is forgotten, at most a little later.
#include "loop.h"

#include <sys/resource.h>

#define CROWD 1200

static struct mg_mgr mgr;
static struct mg_connection *l, *idle[CROWD];
static int accepted, closed, fds[CROWD];
static unsigned long echoes;
static bool seen_poll[CROWD + 100];

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_POLL && c->id < COUNT(seen_poll)) seen_poll[c->id] = true;
  if (ev == MG_EV_ACCEPT && accepted < CROWD) idle[accepted] = c;
  accepted += ev == MG_EV_ACCEPT;
  closed += ev == MG_EV_CLOSE && !c->is_listening;
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

// A pair that keeps the loop busy: each poll has I/O, so the walks are rationed.
static void busy(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_CONNECT || ev == MG_EV_READ) {
    echoes++;
    c->recv.len = 0;
    mg_send(c, "x", 1);
  }
}

static void count(void *arg) {
  ++*(int *) arg;
}

// Whether that many bytes wait to be read, without reading them.
static bool has_arrived(int fd, size_t len) {
  char bytes[16];
  return recv(fd, bytes, len, MSG_PEEK | MSG_DONTWAIT) == (ssize_t) len;
}

// Whether each of the crowd has seen a poll; the scan begins where the last one ended.
static bool all_polled(void) {
  static unsigned long id;
  if (id < 2 || id >= CROWD) id = 2;
  while (id < CROWD && seen_poll[id]) id++;
  return id >= CROWD;
}

int main(void) {
  struct rlimit limit;
  struct mg_connection *c;
  int i, fired = 0;
  mg_log_set(MG_LL_NONE);
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max < 3000 ? limit.rlim_max : 3000;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 3000) return 0;  // not here
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  for (i = 0; i < CROWD; i++) {
    fds[i] = dial(l);
    if (i % 50 == 49) mg_mgr_poll(&mgr, 0);
  }
  POLL_UNTIL(&mgr, accepted == CROWD);
  c = mg_connect(&mgr, url_of("tcp", l), busy, NULL);
  POLL_UNTIL(&mgr, echoes > 100);

  // Each one still gets POLL, and timers fire.
  memset(seen_poll, 0, sizeof(seen_poll));
  mg_timer_add(&mgr, 1, MG_TIMER_REPEAT, count, &fired);
  POLL_UNTIL(&mgr, fired > 3);
  POLL_UNTIL(&mgr, all_polled());

  // What the program sets by hand, between polls, on connections without any I/O of their own.
  idle[10]->is_closing = 1;
  idle[20]->is_draining = 1;
  mg_iobuf_add(&idle[30]->send, 0, "by hand", 7);
  mg_send(idle[40], "by call", 7);
  idle[50]->is_full = 1;
  put(fds[50], "held back", 9);
  POLL_UNTIL(&mgr, closed == 2);
  POLL_UNTIL(&mgr, has_arrived(fds[30], 7) && has_arrived(fds[40], 7));
  CHECK(!has_arrived(fds[50], 9));
  idle[50]->is_full = 0;
  POLL_UNTIL(&mgr, has_arrived(fds[50], 9));

  // Without other I/O, each poll walks.
  c->is_closing = 1;
  POLL_UNTIL(&mgr, closed == 3);
  mg_mgr_poll(&mgr, 0);
  idle[60]->is_closing = 1;
  POLL_UNTIL(&mgr, closed == 4);

  // All leave at once.
  for (i = 0; i < CROWD; i++) close(fds[i]);
  POLL_UNTIL(&mgr, mgr.conns == l);
  CHECK(closed == CROWD + 1);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  return FAILURES;
}
