// Several managers, each in a thread of its own: they share nothing.
#include "loop.h"

#include <pthread.h>

#define THREADS 4
#define ROUNDS 5
#define ECHOES 50

struct world {
  struct mg_mgr mgr;
  int echoes, timers, messages, closes, wakeups;
};

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  struct world *w = (struct world *) c->fn_data;
  (void) ev_data;
  CHECK(c->mgr == &w->mgr);
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
  if (ev == MG_EV_WAKEUP) w->wakeups++;
}

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  struct world *w = (struct world *) c->fn_data;
  (void) ev_data;
  if (ev == MG_EV_READ) {
    w->echoes++;
    c->recv.len = 0;
  }
  if (ev == MG_EV_CONNECT || ev == MG_EV_READ) mg_printf(c, "%d", w->echoes);
}

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "{%m:%.*s}", MG_ESC("uri"), (int) hm->uri.len, hm->uri.buf);
  }
}

static void request(struct mg_connection *c, int ev, void *ev_data) {
  struct world *w = (struct world *) c->fn_data;
  (void) ev_data;
  if (ev == MG_EV_CONNECT) mg_printf(c, "GET /%d HTTP/1.1\r\n\r\n", w->messages);
  if (ev == MG_EV_HTTP_MSG) {
    w->messages++;
    c->is_closing = 1;
  }
  if (ev == MG_EV_CLOSE) w->closes++;
}

static void tick(void *arg) {
  ((struct world *) arg)->timers++;
}

static void one_round(void) {
  struct world w;
  struct mg_connection *l, *h;
  char url[64];
  uint64_t start = mg_millis();
  memset(&w, 0, sizeof(w));
  mg_mgr_init(&w.mgr);
  l = mg_listen(&w.mgr, "tcp://127.0.0.1:0", echo, &w);
  h = mg_http_listen(&w.mgr, "http://127.0.0.1:0", serve, &w);
  CHECK(l != NULL && h != NULL && mg_wakeup_init(&w.mgr));
  mg_timer_add(&w.mgr, 1, MG_TIMER_REPEAT, tick, &w);
  mg_snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", mg_ntohs(l->loc.port));
  mg_connect(&w.mgr, url, ask, &w);
  mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d", mg_ntohs(h->loc.port));
  mg_http_connect(&w.mgr, url, request, &w);
  mg_wakeup(&w.mgr, l->id, "x", 1);
  while ((w.echoes < ECHOES || w.closes < 1 || w.timers < 2 || w.wakeups < 1) && mg_millis() - start < PATIENCE_MS) {
    mg_mgr_poll(&w.mgr, 10);
  }
  CHECK(w.echoes >= ECHOES && w.messages == 1 && w.closes == 1 && w.timers >= 2 && w.wakeups == 1);
  mg_mgr_free(&w.mgr);
  CHECK(w.mgr.conns == NULL && w.mgr.timers == NULL);
}

static void *run(void *arg) {
  int i;
  for (i = 0; i < ROUNDS; i++) one_round();
  return arg;
}

int main(void) {
  pthread_t threads[THREADS];
  int i, before = count_descriptors();
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, run, NULL) == 0);
  for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(count_descriptors() == before);
  return FAILURES;
}
