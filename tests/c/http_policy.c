// What an HTTP server allows when a program asks for it: replies to errors, strictness, limits,
// timeouts. Each request goes to a fresh connection; what the server answers is compared.
#include "mongoose.h"

static int failures;
static char got[4096];
static uint64_t now = 1000, tick;  // The library's clock, and by how much each poll moves it.

uint64_t mg_millis(void) {
  return now;
}

static void poll(struct mg_mgr *mgr, int ms) {
  now += tick;
  mg_mgr_poll(mgr, ms);
}

static int connections(const struct mg_mgr *mgr) {
  const struct mg_connection *c;
  int n = 0;
  for (c = mgr->conns; c != NULL; c = c->next) n++;
  return n;
}

static void poll_until_there_are(struct mg_mgr *mgr, int wanted) {
  int i;
  for (i = 0; i < 20000 && connections(mgr) != wanted; i++) poll(mgr, 1);
  if (connections(mgr) != wanted) printf("%d connections, not %d\n", connections(mgr), wanted), failures++;
}

static void server(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "%d", (int) hm->body.len);
  }
}

static void client(struct mg_connection *c, int ev, void *ev_data) {
  const char *request = (const char *) c->fn_data;
  (void) ev_data;
  if (ev == MG_EV_CONNECT) mg_send(c, request, strlen(request));
  if (ev == MG_EV_READ) {
    size_t n = c->recv.len < sizeof(got) ? c->recv.len : sizeof(got) - 1;
    memcpy(got, c->recv.buf, n);
    got[n] = '\0';
  }
  if (ev == MG_EV_CLOSE) c->fn_data = NULL;
}

static bool closed(struct mg_mgr *mgr) {
  struct mg_connection *c;
  for (c = mgr->conns; c != NULL; c = c->next) {
    if (c->is_client) return false;
  }
  return true;
}

// Sends a request; waits until the server closes, or has answered and stays open.
static void exchange(struct mg_mgr *mgr, const char *url, const char *request, const char *expected, bool closes) {
  struct mg_connection *c;
  int i;
  got[0] = '\0';
  mg_connect(mgr, url, client, (void *) request);
  for (i = 0; i < 20000 && !closed(mgr); i++) {
    if (!closes && strstr(got, expected) != NULL) break;
    poll(mgr, 1);
  }
  if (strstr(got, expected) != got || closed(mgr) != closes) {
    printf("request [%s]\n  got [%s] %s\n  expected [%s] %s\n", request, got, closed(mgr) ? "closed" : "open",
           expected, closes ? "closed" : "open");
    failures++;
  }
  for (c = mgr->conns; c != NULL; c = c->next) {
    if (c->is_client) c->is_closing = 1;
  }
  for (i = 0; i < 10; i++) mg_mgr_poll(mgr, 0);
}

static void set(struct mg_connection *c, int setting, int64_t value) {
  if (!mg_conn_set(c, setting, value)) printf("setting %d refused\n", setting), failures++;
}

int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *l;
  char url[64];
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", server, NULL);
  if (l == NULL) return EXIT_FAILURE;
  mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d", mg_ntohs(l->loc.port));

  // As the original: silence, HTTP/1.0 stays open, no interim reply.
  exchange(&mgr, url, "GET / HTTP/1.1\r\nA B\r\n\r\n", "", true);
  exchange(&mgr, url, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", false);
  exchange(&mgr, url, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", false);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);

  set(l, MG_SET_HTTP_ERROR_REPLIES, 1);
  set(l, MG_SET_HTTP_CONTINUE, 1);
  set(l, MG_SET_HTTP10_CLOSE, 1);
  set(l, MG_SET_HTTP_MAX_HEAD, 300);
  set(l, MG_SET_HTTP_MAX_BODY, 100);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nA B\r\n\r\n", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n", true);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 400 Bad Request\r\n", true);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n", true);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 400 Bad Request\r\n", true);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", "HTTP/1.1 413 ", true);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 413 ", true);
  exchange(&mgr, url, "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);
  exchange(&mgr, url, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 OK\r\n", false);
  exchange(&mgr, url, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 100 Continue\r\n\r\n", false);
  exchange(&mgr, url, "GET / HTTP/1.1\r\n\r\nA B\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);
  if (strstr(got, "HTTP/1.1 400 Bad Request\r\n") == NULL) printf("no 400 after the 200\n"), failures++;
  {
    char request[500];
    memset(request, 'a', sizeof(request));
    memcpy(request, "GET /", 5);
    request[400] = '\0';
    exchange(&mgr, url, request, "HTTP/1.1 414 ", true);
    memcpy(request, "GET / HTTP/1.1\r\nA: ", 19);
    exchange(&mgr, url, request, "HTTP/1.1 431 ", true);
  }

  set(l, MG_SET_HTTP_STRICT, 1);
  exchange(&mgr, url, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", true);
  exchange(&mgr, url, "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 ", true);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n", false);

  set(l, MG_SET_HTTP_MAX_REQUESTS, 2);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);
  set(l, MG_SET_HTTP_MAX_REQUESTS, 0);

  tick = 10;
  set(l, MG_SET_HTTP_HEAD_TIMEOUT, 10000);
  exchange(&mgr, url, "GET / HTTP/1.1\r\n", "HTTP/1.1 408 Request Timeout\r\n", true);
  set(l, MG_SET_HTTP_IDLE_TIMEOUT, 10000);
  exchange(&mgr, url, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n", true);
  set(l, MG_SET_HTTP_HEAD_TIMEOUT, 0);
  set(l, MG_SET_HTTP_IDLE_TIMEOUT, 0);
  tick = 0;

  if (!mg_mgr_set(&mgr, MG_SET_MAX_PER_ADDRESS, 1)) failures++;
  {
    struct mg_connection *held;
    poll_until_there_are(&mgr, 1);
    held = mg_connect(&mgr, url, NULL, NULL);
    poll_until_there_are(&mgr, 3);
    held->is_client = 0;  // not one that `closed` looks for
    exchange(&mgr, url, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 429 Too Many Requests\r\n", true);
    held->is_closing = 1;
    poll_until_there_are(&mgr, 1);
    exchange(&mgr, url, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\n", false);
  }
  if (mg_conn_set(l, MG_SET_HTTP_STRICT, 2) || mg_conn_set(l, 0, 1) || mg_conn_set(l, 99, 1) ||
      mg_conn_set(l, MG_SET_BACKLOG, 5) || mg_mgr_set(&mgr, MG_SET_BACKLOG, 0)) {
    printf("a setting that makes no sense was taken\n");
    failures++;
  }
  mg_mgr_free(&mgr);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
