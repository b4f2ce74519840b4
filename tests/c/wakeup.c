// Messages from other threads: all arrive, whole, in order; the wait of a poll ends.
#include <pthread.h>

#include "loop.h"

static struct mg_mgr mgr;

// --- One thread

static struct {
  int count;
  size_t len;
  char text[16];
  unsigned long id;
} last;

static void receive(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WAKEUP) {
    struct mg_str *data = (struct mg_str *) ev_data;
    last.count++;
    last.len = data->len;
    last.id = c->id;
    memset(last.text, 0, sizeof(last.text));
    memcpy(last.text, data->buf, data->len < sizeof(last.text) ? data->len : sizeof(last.text) - 1);
  }
}

static void test_contract(void) {
  struct mg_connection *l, *w;
  memset(&last, 0, sizeof(last));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", receive, NULL);
  CHECK(mgr.pipe.fd == -1);
  CHECK(!mg_wakeup(&mgr, l->id, "early", 5));
  CHECK(mg_wakeup_init(&mgr));
  CHECK(mgr.pipe.fd != -1);
  CHECK(!mg_wakeup_init(&mgr));
  w = mgr.conns;
  CHECK(w != l && w->id == 2 && w->next == l && !w->is_listening && !w->is_client && !w->is_accepted);
  CHECK(!mg_wakeup(&mgr, 0, "nobody", 6));
  CHECK(mg_wakeup(&mgr, 12345, "nobody", 6));
  mg_mgr_poll(&mgr, 10);
  CHECK(last.count == 0);

  CHECK(mg_wakeup(&mgr, l->id, "hi!", 3));
  POLL_UNTIL(&mgr, last.count == 1);
  CHECK(last.id == l->id && last.len == 3 && strcmp(last.text, "hi!") == 0);
  CHECK(mg_wakeup(&mgr, l->id, NULL, 0));
  POLL_UNTIL(&mgr, last.count == 2);
  CHECK(last.len == 0);
  CHECK(mg_wakeup(&mgr, l->id, "", 0));
  POLL_UNTIL(&mgr, last.count == 3);

  // To the wakeup connection itself: ends the wait, and nothing else.
  CHECK(mg_wakeup(&mgr, w->id, "", 0));
  poll_times(&mgr, 2);
  CHECK(last.count == 3 && mgr.conns == w);

  // Closed, it refuses; opened again, it works.
  CHECK(mg_wakeup(&mgr, l->id, "lost", 4));
  w->is_closing = 1;
  mg_mgr_poll(&mgr, 0);
  mg_mgr_poll(&mgr, 0);
  CHECK(mgr.conns == l && mgr.pipe.fd == -1);
  last.count = 0;
  CHECK(!mg_wakeup(&mgr, l->id, "refused", 7));
  CHECK(mg_wakeup_init(&mgr));
  CHECK(mg_wakeup(&mgr, l->id, "back", 4));
  POLL_UNTIL(&mgr, last.count == 1);
  CHECK(strcmp(last.text, "back") == 0);

  mg_wakeup(&mgr, l->id, "never read", 10);
  mg_mgr_free(&mgr);
  CHECK(mgr.pipe.fd == -1 && mgr.conns == NULL);
  CHECK(!mg_wakeup(&mgr, 1, "late", 4));
}

// Any length; each of many; the receiver is closed meanwhile.
static char *big;
static size_t big_len;
static int big_count, small_count;

static void receive_big(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WAKEUP) {
    struct mg_str *data = (struct mg_str *) ev_data;
    if (data->len == big_len) {
      CHECK(memcmp(data->buf, big, big_len) == 0);
      big_count++;
    } else {
      int number = -1;
      CHECK(data->len == sizeof(number));
      if (data->len == sizeof(number)) memcpy(&number, data->buf, sizeof(number));
      CHECK(number == small_count);
      small_count++;
      if (number == 2999) mg_close_conn(c);
    }
  }
}

static void test_lengths_and_numbers(void) {
  struct mg_connection *l;
  static const size_t lens[] = {16376, 16377, 65499, 65500, 70000, 3 * 1024 * 1024};
  size_t i;
  int number;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", receive_big, NULL);
  CHECK(mg_wakeup_init(&mgr));
  big = (char *) malloc(lens[COUNT(lens) - 1]);
  for (i = 0; i < lens[COUNT(lens) - 1]; i++) big[i] = (char) (i * 7 + i / 251);
  for (i = 0; i < COUNT(lens); i++) {
    big_len = lens[i];
    big_count = 0;
    CHECK(mg_wakeup(&mgr, l->id, big, big_len));
    POLL_UNTIL(&mgr, big_count == 1);
  }
  for (number = 0; number < 3000; number++) CHECK(mg_wakeup(&mgr, l->id, &number, sizeof(number)));
  CHECK(mg_wakeup(&mgr, l->id, big, 1));  // vanishes: its target is closed by then
  POLL_UNTIL(&mgr, small_count >= 3000);
  POLL_UNTIL(&mgr, mgr.conns->next == NULL);
  CHECK(small_count == 3000);
  free(big);
  mg_mgr_free(&mgr);
}

// --- Several threads

#define THREADS 4
#define MESSAGES 5000

static unsigned long listener_id;

struct message {
  int thread, number;
};

static void *send_many(void *arg) {
  struct message m;
  m.thread = (int) (size_t) arg;
  for (m.number = 0; m.number < MESSAGES; m.number++) {
    CHECK(mg_wakeup(&mgr, listener_id, &m, sizeof(m)));
  }
  return NULL;
}

static int next_number[THREADS], received;

static void check_order(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WAKEUP) {
    struct message m;
    CHECK(c->id == listener_id && ((struct mg_str *) ev_data)->len == sizeof(m));
    memcpy(&m, ((struct mg_str *) ev_data)->buf, sizeof(m));
    CHECK(m.number == next_number[m.thread]);
    next_number[m.thread] = m.number + 1;
    received++;
  }
}

static void test_threads(void) {
  pthread_t threads[THREADS];
  size_t i;
  mg_mgr_init(&mgr);
  listener_id = mg_listen(&mgr, "tcp://127.0.0.1:0", check_order, NULL)->id;
  CHECK(mg_wakeup_init(&mgr));
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, send_many, (void *) i) == 0);
  POLL_UNTIL(&mgr, received == THREADS * MESSAGES);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  mg_mgr_free(&mgr);
}

// --- A long wait is interrupted.

static void *interrupt(void *arg) {
  CHECK(mg_wakeup((struct mg_mgr *) arg, listener_id, "now", 3));
  return NULL;
}

static void test_interrupts_the_wait(void) {
  pthread_t thread;
  uint64_t start = mg_millis();
  int i;
  memset(&last, 0, sizeof(last));
  mg_mgr_init(&mgr);
  listener_id = mg_listen(&mgr, "tcp://127.0.0.1:0", receive, NULL)->id;
  CHECK(mg_wakeup_init(&mgr));
  for (i = 1; i <= 10; i++) {
    CHECK(pthread_create(&thread, NULL, interrupt, &mgr) == 0);
    while (last.count < i && mg_millis() - start < PATIENCE_MS) mg_mgr_poll(&mgr, PATIENCE_MS);
    pthread_join(thread, NULL);
  }
  CHECK(last.count == 10);
  CHECK(mg_millis() - start < PATIENCE_MS);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_contract();
  test_lengths_and_numbers();
  test_threads();
  test_interrupts_the_wait();
  return FAILURES;
}
