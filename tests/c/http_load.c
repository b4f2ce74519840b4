// Many requests and many connections: all answered, in order, nothing left over.
#include <sys/resource.h>

#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *l;
static int accepted, closed;
static size_t messages;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  accepted += ev == MG_EV_ACCEPT;
  closed += ev == MG_EV_CLOSE;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    messages++;
    mg_http_reply(c, 200, "", "%.*s", (int) hm->uri.len, hm->uri.buf);
  }
}

// --- Pipelining

#define CONNECTIONS 8
#define DEPTH 16

struct client {
  int fd;
  size_t asked, answered, used;
  char input[DEPTH * 200];
};

static void ask(struct client *client, size_t total) {
  char text[DEPTH * 60];
  size_t n = 0;
  while (client->asked < client->answered + DEPTH && client->asked < total) {
    n += mg_snprintf(text + n, sizeof(text) - n, "GET /%d/%lu HTTP/1.1\r\nHost: x\r\n\r\n", client->fd,
                     (unsigned long) client->asked++);
  }
  if (n > 0) put(client->fd, text, n);
}

// Checks replies as they come: each names the next request.
static void check_replies(struct client *client) {
  struct mg_http_message hm;
  size_t ofs = 0;
  ssize_t k = recv(client->fd, client->input + client->used, sizeof(client->input) - client->used, 0);
  if (k <= 0) return;
  client->used += (size_t) k;
  while (mg_http_parse(client->input + ofs, client->used - ofs, &hm) > 0 && hm.message.len <= client->used - ofs) {
    char wanted[40];
    mg_snprintf(wanted, sizeof(wanted), "/%d/%lu", client->fd, (unsigned long) client->answered++);
    CHECK_ROW(mg_strcmp(hm.body, mg_str(wanted)) == 0, wanted);
    ofs += hm.message.len;
  }
  memmove(client->input, client->input + ofs, client->used - ofs);
  client->used -= ofs;
}

static void test_pipelining(size_t total) {
  static struct client clients[CONNECTIONS];
  size_t done = 0, i;
  uint64_t start = mg_millis();
  messages = 0;
  for (i = 0; i < CONNECTIONS; i++) {
    memset(&clients[i], 0, sizeof(clients[i]));
    clients[i].fd = dial(l);
    nonblocking(clients[i].fd);
  }
  while (done < total && mg_millis() - start < 5 * PATIENCE_MS) {
    for (i = 0; i < CONNECTIONS; i++) ask(&clients[i], total / CONNECTIONS);
    mg_mgr_poll(&mgr, 0);
    for (done = 0, i = 0; i < CONNECTIONS; i++) {
      check_replies(&clients[i]);
      done += clients[i].answered;
    }
  }
  CHECK(done == total && messages == total);
  for (i = 0; i < CONNECTIONS; i++) close(clients[i].fd);
  POLL_UNTIL(&mgr, mgr.conns == l);
}

// --- Connections that come and go all at once

static void test_crowd(int count) {
  static const char request[] = "GET /crowd HTTP/1.1\r\n\r\n";
  int *fds = (int *) malloc((size_t) count * sizeof(int));
  int i, before = count_descriptors();
  struct sockaddr_in sin = loopback(l->loc.port);
  accepted = closed = 0;
  messages = 0;
  for (i = 0; i < count; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(fds[i] >= 0);
    CHECK(connect(fds[i], (struct sockaddr *) &sin, sizeof(sin)) == 0 || errno == EINPROGRESS);
    if (i % 50 == 49) mg_mgr_poll(&mgr, 0);  // the kernel loses what its queue of 128 cannot hold
  }
  POLL_UNTIL(&mgr, accepted == count);
  for (i = 0; i < count; i++) {
    // Whole requests, half ones, none; ended by FIN or by RST.
    if (i % 4 < 2) put(fds[i], request, strlen(request));
    if (i % 4 == 2) put(fds[i], request, 10);
    if (i % 8 < 4) close(fds[i]);
    else reset(fds[i]);
  }
  POLL_UNTIL(&mgr, mgr.conns == l);
  CHECK(accepted == count && closed == count);
  CHECK(messages <= (size_t) count / 2 && messages >= (size_t) count / 4);
  CHECK(count_descriptors() == before);
  free(fds);
}

int main(void) {
  struct rlimit limit;
  int crowd = 2000;
  mg_log_set(MG_LL_NONE);
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max < 4100 ? limit.rlim_max : 4100;
  // Both ends of each connection are here.
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 4100) crowd = (int) (limit.rlim_cur - 40) / 16 * 8;
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", serve, NULL);
  test_pipelining(under_valgrind() ? 1600 : 100000);
  test_crowd(under_valgrind() ? 200 : crowd);
  test_pipelining(160);  // the loop continues
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  return FAILURES;
}
