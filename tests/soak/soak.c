// Random opens, sends, closes, half-closes and resets, wakeups from four threads, and handlers that
// misuse what they may. In the end everything that was opened is closed, echoed bytes are right, no
// wakeup is lost, and neither descriptors nor memory have grown.
//
//     soak SECONDS SEED
#include "../c/loop.h"

#include <malloc.h>
#include <pthread.h>
#include <time.h>

#define CLIENTS 150
#define THREADS 4

static struct mg_mgr mgr;
static struct mg_connection *tcp, *udp, *http;
static uint64_t state;

static struct {
  unsigned long opened, closed, plain_clients, requests, replies, errors, nested, datagrams;
  unsigned long long bytes;
} counts;

static uint32_t below(uint32_t n) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t) (((state >> 32) * n) >> 32);
}
static bool one_in(uint32_t n) {
  return below(n) == 0;
}

// What every connection's handler does: counting, and that CLOSE comes once and last.
static void common(struct mg_connection *c, int ev) {
  CHECK(c->data[31] != 'C');
  if (ev == MG_EV_OPEN) counts.opened++;
  if (ev == MG_EV_ERROR) counts.errors++;
  if (ev == MG_EV_CLOSE) {
    counts.closed++;
    c->data[31] = 'C';
  }
}

static struct mg_connection *any_connection(void) {
  struct mg_connection *c = mgr.conns;
  uint32_t n = below(2 * CLIENTS);
  while (c != NULL && c->next != NULL && n-- > 0) c = c->next;
  return c;
}
static bool is_mine(const struct mg_connection *c) {
  return c != tcp && c != udp && c != http && c->fn != NULL && (c->is_client || c->is_accepted);
}

// --- Misuse

static void misuse(struct mg_connection *c) {
  struct mg_connection *t = any_connection();
  switch (below(14)) {
    case 0: c->is_closing = 1; break;
    case 1: c->is_draining = 1; break;
    case 2: mg_close_conn(c); break;
    case 3: mg_error(c, "soak %d", 1); break;
    case 4: if (is_mine(t)) t->is_closing = 1; break;
    case 5: if (is_mine(t)) t->is_draining = 1; break;
    case 6: if (t != c && is_mine(t)) mg_close_conn(t); break;
    case 7: c->is_full = 1; break;
    case 8: if (is_mine(t)) t->is_full = !t->is_full; break;
    case 9:
      if (counts.nested++ % 4 == 0) mg_mgr_poll(&mgr, 0);
      break;
    case 10: mg_iobuf_resize(&c->recv, c->recv.len + below(50000)); break;
    case 11: mg_call(c, MG_EV_USER, NULL); break;
    case 12: c->is_hexdumping = 0; break;
    default: break;
  }
}

// --- Echo servers

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  common(c, ev);
  if (ev == MG_EV_READ) {
    counts.bytes += c->recv.len;
    if (c->is_udp) counts.datagrams++;
    mg_send(c, c->recv.buf, c->recv.len);
    if (one_in(10)) mg_iobuf_free(&c->recv);
    else c->recv.len = 0;
  }
  if (ev == MG_EV_CLOSE && one_in(10)) mg_send(c, "late", 4);
  if (!c->is_listening && ev != MG_EV_CLOSE && ev != MG_EV_ERROR && one_in(ev == MG_EV_POLL ? 20000 : 200)) misuse(c);
  if (ev == MG_EV_POLL && c->is_full && one_in(20)) c->is_full = 0;
}

// --- HTTP server: answers at once, later, or in chunks

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  common(c, ev);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    counts.requests++;
    if (one_in(10)) {  // later: the number is what follows the slash
      mg_snprintf(c->data, 28, "%.*s", (int) hm->uri.len, hm->uri.buf);
    } else if (one_in(10)) {
      mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      mg_http_printf_chunk(c, "%.*s", (int) hm->uri.len, hm->uri.buf);
      mg_http_printf_chunk(c, "");
    } else {
      mg_http_reply(c, 200, "", "%.*s", (int) hm->uri.len, hm->uri.buf);
    }
  }
  if (ev == MG_EV_POLL && c->is_resp && one_in(5)) mg_http_reply(c, 200, "", "%s", c->data);
  if (!c->is_listening && ev != MG_EV_CLOSE && ev != MG_EV_ERROR && one_in(ev == MG_EV_POLL ? 20000 : 300)) misuse(c);
  if (ev == MG_EV_POLL && c->is_full && one_in(20)) c->is_full = 0;
}

// --- Clients of the library

static char pattern[300000];

static void library_client(struct mg_connection *c, int ev, void *ev_data) {
  size_t *position = (size_t *) c->data;
  (void) ev_data;
  common(c, ev);
  if (ev == MG_EV_CONNECT || (ev == MG_EV_POLL && !c->is_connecting && one_in(50))) {
    size_t len = 1 + below(c->is_udp ? 2000 : 20000);
    if (position[1] + len < sizeof(pattern)) {
      if (mg_send(c, pattern + position[1], len)) position[1] += len;
    } else {
      c->is_draining = 1;
    }
  }
  if (ev == MG_EV_READ) {
    if (!c->is_udp) {
      CHECK(position[0] + c->recv.len <= sizeof(pattern));
      CHECK(memcmp(c->recv.buf, pattern + position[0], c->recv.len) == 0);
    }
    position[0] += c->recv.len;
    c->recv.len = 0;
  }
  if (ev != MG_EV_CLOSE && ev != MG_EV_ERROR && one_in(ev == MG_EV_POLL ? 5000 : 200)) misuse(c);
  if (ev == MG_EV_POLL && c->is_full && one_in(20)) c->is_full = 0;
}

// --- Clients made of plain sockets

struct plain {
  int fd;  // -1: none
  bool http, shut;
  size_t sent, received;  // echo: bytes; HTTP: requests
  size_t used;
  char input[4096];
};

static struct plain plain[CLIENTS];

static void plain_open(struct plain *p) {
  struct sockaddr_in sin;
  memset(p, 0, sizeof(*p));
  p->http = one_in(2);
  sin = loopback((p->http ? http : tcp)->loc.port);
  p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (p->fd < 0) return;
  if (connect(p->fd, (struct sockaddr *) &sin, sizeof(sin)) != 0 && errno != EINPROGRESS) {
    close(p->fd);
    p->fd = -1;
    return;
  }
  counts.plain_clients++;
}

static void plain_end(struct plain *p, bool hard) {
  if (hard) reset(p->fd);
  else close(p->fd);
  p->fd = -1;
}

static void plain_send(struct plain *p) {
  if (p->http) {
    char text[2000];
    size_t n = 0, i, k = 1 + below(10);
    if (p->sent - p->received > 100) return;
    for (i = 0; i < k; i++) n += mg_snprintf(text + n, sizeof(text) - n, "GET /%lu HTTP/1.1\r\n\r\n", (unsigned long) p->sent++);
    if (send(p->fd, text, n, MSG_NOSIGNAL) != (ssize_t) n) plain_end(p, true);
  } else {
    size_t len = 1 + below(30000);
    ssize_t n;
    if (p->sent + len > sizeof(pattern)) {
      plain_end(p, false);
      return;
    }
    n = send(p->fd, pattern + p->sent, len, MSG_NOSIGNAL);
    if (n > 0) p->sent += (size_t) n;
  }
}

static void plain_receive(struct plain *p) {
  ssize_t n = recv(p->fd, p->input + p->used, sizeof(p->input) - p->used, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) {
    plain_end(p, false);
  } else if (n > 0 && !p->http) {
    CHECK(p->received + (size_t) n <= p->sent);
    CHECK(memcmp(p->input, pattern + p->received, (size_t) n) == 0);
    p->received += (size_t) n;
  } else if (n > 0) {
    struct mg_http_message hm;
    size_t ofs = 0;
    p->used += (size_t) n;
    for (;;) {
      char wanted[30], body[40] = "";
      size_t whole;
      int head = mg_http_parse(p->input + ofs, p->used - ofs, &hm);
      CHECK(head >= 0);
      if (head <= 0) break;
      if (mg_http_get_header(&hm, "Transfer-Encoding") != NULL) {
        const char *end = strstr(p->input + ofs + head, "00000000\r\n\r\n");
        if (end == NULL || end + 12 > p->input + p->used) break;
        whole = (size_t) (end + 12 - (p->input + ofs));
        mg_snprintf(body, sizeof(body), "%.*s", (int) (end - 2 - (p->input + ofs + head + 10)), p->input + ofs + head + 10);
      } else {
        whole = hm.message.len;
        if (whole > p->used - ofs) break;
        mg_snprintf(body, sizeof(body), "%.*s", (int) hm.body.len, hm.body.buf);
      }
      mg_snprintf(wanted, sizeof(wanted), "/%lu", (unsigned long) p->received++);
      CHECK_ROW(strcmp(body, wanted) == 0, body);
      counts.replies++;
      ofs += whole;
    }
    memmove(p->input, p->input + ofs, p->used - ofs);
    p->used -= ofs;
    memset(p->input + p->used, 0, sizeof(p->input) - p->used);
  }
}

static void act(void) {
  struct plain *p = &plain[below(CLIENTS)];
  if (p->fd < 0) {
    plain_open(p);
  } else {
    switch (below(40)) {
      case 0: plain_end(p, false); break;
      case 1: plain_end(p, true); break;
      case 2:
        shutdown(p->fd, SHUT_WR);
        p->shut = true;
        break;
      default:
        if (!p->shut && below(2)) plain_send(p);
        else plain_receive(p);
        break;
    }
  }
  if (one_in(10) && mgr.nextid - counts.closed < 3 * CLIENTS) {
    mg_connect(&mgr, url_of(one_in(4) ? "udp" : "tcp", tcp), library_client, NULL);
  }
}

// --- Timers that change their list

static struct mg_timer *victim;

static void timer_fn(void *arg) {
  if (victim != NULL && one_in(2)) {
    mg_timer_free(&mgr.timers, victim);
    mg_free(victim);
    victim = NULL;
  }
  if (victim == NULL) victim = mg_timer_add(&mgr, below(30), MG_TIMER_REPEAT, timer_fn, NULL);
  (void) arg;
}

// --- Wakeups

static unsigned long handed_over[THREADS], arrived[THREADS];
static unsigned long wakeup_id;
static volatile bool stop, resting;

struct message {
  uint32_t thread;
  unsigned long number;
};

static void *wake(void *arg) {
  static const char filler[5000];
  size_t thread = (size_t) arg;
  struct timespec pause = {0, 3000000};
  while (!stop) {
    char buf[sizeof(struct message) + sizeof(filler)];
    struct message m;
    memset(&m, 0, sizeof(m));
    m.thread = (uint32_t) thread;
    m.number = handed_over[thread];
    memcpy(buf, &m, sizeof(m));
    if (mg_wakeup(&mgr, wakeup_id, buf, sizeof(m) + m.number % sizeof(filler))) handed_over[thread]++;
    if (m.number % 3 == 0) mg_wakeup(&mgr, wakeup_id + m.number, "?", 1);
    do {
      if (m.number % 50 == 0 || resting) nanosleep(&pause, NULL);
    } while (resting && !stop);
  }
  return NULL;
}

static void woken(struct mg_connection *c, int ev, void *ev_data) {
  echo(c, ev, ev_data);
  if (ev == MG_EV_WAKEUP) {
    struct mg_str *data = (struct mg_str *) ev_data;
    struct message m;
    if (data->len < sizeof(m)) return;
    memcpy(&m, data->buf, sizeof(m));
    CHECK(m.thread < THREADS && m.number == arrived[m.thread]);
    CHECK(data->len == sizeof(m) + m.number % 5000);
    arrived[m.thread]++;
  }
}

static long resident_kib(void) {
  FILE *fp = fopen("/proc/self/statm", "r");
  long total = 0, resident = 0;
  if (fp == NULL || fscanf(fp, "%ld %ld", &total, &resident) != 2) resident = 0;
  if (fp != NULL) fclose(fp);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// Closes all but the listeners and the wakeup connection, and lets the threads pause until their
// messages have arrived; what memory is left then. Pages stay resident that the allocator cannot
// give back because of a small block on them: so what is allocated tells more.
struct memory {
  long allocated, resident;  // KiB
};

static struct memory rest(void) {
  struct mg_connection *c;
  size_t i;
  int quiet = 0;
  struct memory left;
  resting = true;
  for (i = 0; i < CLIENTS; i++) {
    if (plain[i].fd >= 0) plain_end(&plain[i], false);
  }
  do {
    for (c = mgr.conns; c != NULL; c = c->next) c->is_closing = is_mine(c);
    mg_mgr_poll(&mgr, 1);
    for (c = mgr.conns; c != NULL && !is_mine(c); c = c->next) {}
  } while (c != NULL);
  while (quiet++ < 10) {
    mg_mgr_poll(&mgr, 5);
    for (i = 0; i < THREADS; i++) {
      if (arrived[i] != handed_over[i]) quiet = 0;
    }
  }
  malloc_trim(0);
  left.resident = resident_kib();
  {
    struct mallinfo2 info = mallinfo2();
    left.allocated = (long) ((info.uordblks + info.hblkhd) / 1024);
  }
  resting = false;
  return left;
}

#define PERIODS 6

int main(int argc, char *argv[]) {
  uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10, start;
  pthread_t threads[THREADS];
  struct memory at_rest[PERIODS];
  int period, before = count_descriptors();
  unsigned long turns = 0;
  size_t i;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < sizeof(pattern); i++) pattern[i] = (char) (i * 31 + (i >> 8) * 7);
  for (i = 0; i < CLIENTS; i++) plain[i].fd = -1;

  mg_mgr_init(&mgr);
  tcp = mg_listen(&mgr, "tcp://127.0.0.1:0", woken, NULL);
  {
    char url[40];
    mg_snprintf(url, sizeof(url), "udp://127.0.0.1:%d", mg_ntohs(tcp->loc.port));
    udp = mg_listen(&mgr, url, echo, NULL);
  }
  http = mg_http_listen(&mgr, "http://127.0.0.1:0", serve, NULL);
  wakeup_id = tcp->id;
  CHECK(udp != NULL && http != NULL && mg_wakeup_init(&mgr));
  mg_timer_add(&mgr, 7, MG_TIMER_REPEAT, timer_fn, NULL);
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, wake, (void *) i) == 0);

  start = mg_millis();
  for (period = 0; period < PERIODS; period++) {
    while (mg_millis() - start < seconds * 1000 * (uint64_t) (period + 1) / PERIODS && failures < 10) {
      for (i = 0; i < 20; i++) act();
      mg_mgr_poll(&mgr, one_in(100) ? 1 : 0);
      turns++;
    }
    at_rest[period] = rest();
  }

  stop = true;
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (i = 0; i < THREADS; i++) POLL_UNTIL(&mgr, arrived[i] == handed_over[i]);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL && mgr.timers == NULL);
  CHECK(counts.opened == counts.closed);
  CHECK(count_descriptors() == before);
  CHECK(at_rest[PERIODS - 1].allocated <= at_rest[0].allocated + 256);
  CHECK(at_rest[PERIODS - 1].resident <= at_rest[0].resident + 32 * 1024);
  printf("%lu turns, %lu connections opened and closed, %lu plain clients, %llu bytes echoed, %lu datagrams,\n"
         "%lu requests, %lu replies, %lu wakeups, %lu errors, %lu nested polls\nat rest, allocated and resident KiB:",
         turns, counts.opened, counts.plain_clients, counts.bytes, counts.datagrams, counts.requests, counts.replies,
         arrived[0] + arrived[1] + arrived[2] + arrived[3], counts.errors, counts.nested);
  for (period = 0; period < PERIODS; period++) printf(" %ld/%ld", at_rest[period].allocated, at_rest[period].resident);
  printf("\n");
  return FAILURES;
}
