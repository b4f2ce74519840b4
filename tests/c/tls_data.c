// Data over TLS: how much, how soon, and how it ends.
#include "tls.h"

static struct mg_mgr mgr;

// ---- HTTP, as test suites use it: so many polls, then it must be there.

static struct mg_tls_opts server_opts;
static char *body;
static size_t body_len;

static void http_server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT && c->is_tls) mg_tls_init(c, &server_opts);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/body"), NULL)) {
      mg_http_reply(c, 200, "", "%.*s", (int) hm->body.len, hm->body.buf);
    } else {
      struct mg_http_serve_opts opts;
      memset(&opts, 0, sizeof(opts));
      opts.root_dir = ".";
      mg_http_serve_dir(c, hm, &opts);
    }
  }
}

struct answer {
  int status, closed;
  bool same;
};

static void http_client(struct mg_connection *c, int ev, void *ev_data) {
  struct answer *answer = (struct answer *) c->fn_data;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    answer->status = mg_http_status(hm);
    answer->same = hm->body.len == body_len && memcmp(hm->body.buf, body, body_len) == 0;
    c->is_closing = 1;
  }
  if (ev == MG_EV_CLOSE) answer->closed = 1;
}

static struct answer fetch(const char *url, const struct mg_tls_opts *opts, const char *format, ...) {
  struct answer answer;
  struct mg_connection *c;
  va_list ap;
  memset(&answer, 0, sizeof(answer));
  c = mg_http_connect(&mgr, url, http_client, &answer);
  mg_tls_init(c, opts);
  va_start(ap, format);
  mg_vprintf(c, format, &ap);
  va_end(ap);
  POLL_UNTIL(&mgr, answer.closed || answer.status != 0);
  if (!answer.closed) c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK(answer.closed);
  return answer;
}

static void test_http(void) {
  static const size_t sizes[] = {6, 3100, 16000, 37587, 261887};
  struct mg_tls_opts opts;
  struct mg_connection *l;
  size_t i, k;
  const char *url;
  memset(&opts, 0, sizeof(opts));
  server_opts = identity("server");
  opts.ca = file("ca.crt");
  opts.name = mg_str("localhost");
  body = (char *) malloc(261888);
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "https://127.0.0.1:0", http_server, NULL);
  url = url_of("https", l);
  for (i = 0; i < COUNT(sizes); i++) {
    struct answer answer;
    body_len = sizes[i];
    for (k = 0; k < body_len; k++) body[k] = (char) ('a' + (k * 7 + k / 1000) % 26);
    body[body_len] = '\0';
    answer = fetch(url, &opts, "POST /body HTTP/1.0\r\nContent-Length: %lu\r\n\r\n%s", (unsigned long) body_len, body);
    CHECK(answer.status == 200 && answer.same);
    mg_file_write(&mg_fs_posix, "page.txt", body, body_len);
    answer = fetch(url, &opts, "GET /page.txt HTTP/1.0\r\n\r\n");
    CHECK(answer.status == 200 && answer.same);
  }
  // A change of the options counts for the connections that are accepted later.
  server_opts.ca = file("ca.crt");
  CHECK(fetch(url, &opts, "GET /page.txt HTTP/1.0\r\n\r\n").status != 200);
  opts.cert = file("client.crt");
  opts.key = file("client.key");
  CHECK(fetch(url, &opts, "GET /page.txt HTTP/1.0\r\n\r\n").status == 200);
  opts.name = mg_str("dummy");
  CHECK(fetch(url, &opts, "GET /page.txt HTTP/1.0\r\n\r\n").status != 200);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  free(body);
}

// ---- Much data, both ways, and the end after it.

#define MUCH 1000000

struct flow {
  size_t got;
  unsigned sum;
  int errors, full, closed;
  struct mg_connection *c;
};

static void pour(struct mg_connection *c) {
  size_t i;
  if (mg_iobuf_resize(&c->send, MUCH) == 0) return;
  for (i = 0; i < MUCH; i++) c->send.buf[i] = (unsigned char) (i * 31 + i / 257);
  c->send.len = MUCH;
}

static void source(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) {
    mg_tls_init(c, &server_opts);
    pour(c);
    c->is_draining = 1;
  }
  if (ev == MG_EV_WRITE) CHECK(*(long *) ev_data > 0);
}

static void sink(struct mg_connection *c, int ev, void *ev_data) {
  struct flow *flow = (struct flow *) c->fn_data;
  if (ev == MG_EV_CONNECT) mg_tls_init(c, NULL);
  if (ev == MG_EV_ERROR) flow->errors++;
  if (ev == MG_EV_CLOSE) flow->closed = 1;
  if (ev == MG_EV_READ) {
    size_t i;
    CHECK(*(long *) ev_data > 0 && !c->is_full);
    for (i = 0; i < c->recv.len; i++, flow->got++) {
      flow->sum += c->recv.buf[i] != (unsigned char) (flow->got * 31 + flow->got / 257);
    }
    c->recv.len = 0;
    if (flow->full && flow->got < MUCH) c->is_full = 1;
  }
}

static void test_draining(void) {
  int full;
  for (full = 0; full < 2; full++) {
    struct flow flow;
    struct mg_connection *l, *c;
    uint64_t until = mg_millis() + PATIENCE_MS;
    memset(&flow, 0, sizeof(flow));
    flow.full = full;
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", source, NULL);
    c = mg_connect(&mgr, url_of("tcp", l), sink, &flow);
    while (!flow.closed && mg_millis() < until) {
      size_t before;
      mg_mgr_poll(&mgr, 1);
      if (flow.closed || !c->is_full) continue;
      // Full: nothing is delivered, whatever waits; then it is, without new activity.
      before = flow.got;
      mg_mgr_poll(&mgr, 0);
      CHECK(flow.got == before);
      c->is_full = 0;
    }
    CHECK(flow.closed && flow.got == MUCH && flow.sum == 0 && flow.errors == 0);
    mg_mgr_free(&mgr);
  }
}

// A poll does not sleep on data that TLS has taken from the socket already.
static void nibble(struct mg_connection *c, int ev, void *ev_data) {
  struct flow *flow = (struct flow *) c->fn_data;
  if (ev == MG_EV_CONNECT) mg_tls_init(c, NULL);
  if (ev == MG_EV_TLS_HS) mg_send(c, "go", 2);
  if (ev == MG_EV_READ) {
    flow->got += c->recv.len;
    c->recv.len = 0;
    c->is_full = 1;
  }
  if (ev == MG_EV_CLOSE) flow->closed = 1;
  (void) ev_data;
}

static void records(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) mg_tls_init(c, &server_opts);
  if (ev == MG_EV_READ) {
    char text[16384];
    int i;
    memset(text, 'x', sizeof(text));
    for (i = 0; i < 4; i++) CHECK(mg_tls_send(c, text, sizeof(text)) == (long) sizeof(text));
  }
  (void) ev_data;
}

static void test_is_full(void) {
  struct flow flow;
  struct mg_connection *l, *c;
  size_t total = 0;
  memset(&flow, 0, sizeof(flow));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", records, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), nibble, &flow);
  POLL_UNTIL(&mgr, flow.got > 0);
  poll_times(&mgr, 20);
  while (total < 4 * 16384 && !flow.closed) {
    uint64_t before = mg_millis();
    total = flow.got;
    c->is_full = 0;
    mg_mgr_poll(&mgr, PATIENCE_MS);
    if (total < 4 * 16384) CHECK(flow.got > total && mg_millis() - before < PATIENCE_MS / 2);
    total = flow.got;
  }
  CHECK(total == 4 * 16384);
  mg_mgr_free(&mgr);
}

// ---- The receive limit counts.

static void hoarder(struct mg_connection *c, int ev, void *ev_data) {
  struct record *seen = (struct record *) c->fn_data;
  if (ev == MG_EV_CONNECT) mg_tls_init(c, NULL);
  CHECK(c->recv.len <= 100000);
  record_event(seen, ev, ev_data);
}

static void test_limit(void) {
  struct record seen;
  struct mg_connection *l;
  memset(&seen, 0, sizeof(seen));
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_RECV_LIMIT, 100000);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", source, NULL);
  mg_connect(&mgr, url_of("tcp", l), hoarder, &seen);
  POLL_UNTIL(&mgr, seen.closes == 1);
  CHECK(strcmp(seen.error, "MG_MAX_RECV_SIZE") == 0);
  mg_mgr_free(&mgr);
}

// ---- The other functions.

static void by_hand(struct mg_connection *c, int ev, void *ev_data) {
  struct flow *flow = (struct flow *) c->fn_data;
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) mg_tls_init(c, &server_opts);
  if (ev == MG_EV_CONNECT) mg_tls_init(c, NULL), c->is_full = 1;
  if (ev == MG_EV_TLS_HS && c->is_client) CHECK(mg_tls_send(c, "ping", 4) == 4);
  if (ev == MG_EV_TLS_HS) CHECK(mg_tls_send(c, NULL, 4) == 0 && mg_tls_send(c, "x", 0) == 0);
  if (ev == MG_EV_READ && !c->is_client) mg_tls_send(c, "pong", 4), mg_tls_flush(c);
  if (ev == MG_EV_POLL && c->is_client && c->tls != NULL && !c->is_tls_hs) {
    char buf[2];
    long n;
    CHECK(mg_tls_recv(c, buf, 0) == 0);
    c->is_full = 0;
    while ((n = mg_tls_recv(c, buf, sizeof(buf))) > 0) flow->got += (size_t) n;
    CHECK(n == MG_IO_WAIT);
  }
  if (ev == MG_EV_READ && c->is_client) flow->got += c->recv.len;
  (void) ev_data;
}

static void test_by_hand(void) {
  struct flow flow;
  struct mg_connection *l;
  memset(&flow, 0, sizeof(flow));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", by_hand, &flow);
  mg_connect(&mgr, url_of("tcp", l), by_hand, &flow);
  POLL_UNTIL(&mgr, flow.got == 4);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  make_certs();
  test_http();
  server_opts = identity("server");
  test_draining();
  test_is_full();
  test_limit();
  test_by_hand();
  return FAILURES;
}
