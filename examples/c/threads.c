// Work that takes long, in a thread of its own: threads [URL]. /NUMBER answers whether it is prime.
//
// The loop is not blocked meanwhile. mg_wakeup() is what other threads may call; the rest belongs to
// the thread that polls.
#include <mongoose.h>
#include <pthread.h>

struct job {
  struct mg_mgr *mgr;
  unsigned long id;  // of the connection: it may be closed when the work is done
  uint32_t number;
};

static void *work(void *arg) {
  struct job *job = (struct job *) arg;
  char text[64];
  uint32_t i, n = job->number;
  bool prime = n > 1;
  for (i = 2; prime && i <= n / i; i++) prime = n % i != 0;
  mg_snprintf(text, sizeof(text), "%lu is %sprime\n", (unsigned long) n, prime ? "" : "not ");
  mg_wakeup(job->mgr, job->id, text, strlen(text));
  free(job);
  return NULL;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct job *job = (struct job *) calloc(1, sizeof(*job));
    pthread_t thread;
    if (job == NULL) {
      mg_http_reply(c, 500, "", "out of memory\n");
      return;
    }
    job->mgr = c->mgr, job->id = c->id;
    mg_str_to_num(mg_str_n(hm->uri.buf + 1, hm->uri.len - 1), 10, &job->number, sizeof(job->number));
    if (pthread_create(&thread, NULL, work, job) == 0) {
      pthread_detach(thread);
    } else {
      free(job);
      mg_http_reply(c, 503, "", "no thread\n");
    }
  } else if (ev == MG_EV_WAKEUP) {
    struct mg_str *text = (struct mg_str *) ev_data;
    mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "%.*s", (int) text->len, text->buf);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  mg_wakeup_init(&mgr);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
