// Which events a connection sees, in which order: a record is kept for each side and compared.
#include "loop.h"

static struct mg_mgr mgr;
static struct record listener, server, client;
static struct mg_connection *accepted;

static void begin(void) {
  memset(&listener, 0, sizeof(listener));
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  accepted = NULL;
  mg_mgr_init(&mgr);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL && mgr.timers == NULL);
}

// Records for the listener and for what it accepts. Tells in what state the first events find c.
static void serve(struct mg_connection *c, int ev, void *ev_data) {
  record_event(c->is_listening ? &listener : &server, ev, ev_data);
  if (ev == MG_EV_OPEN && c->is_listening) {
    CHECK(ev_data == NULL && c->pfn == NULL && c->loc.port != 0 && c->mgr->conns == c);
    CHECK((int) (size_t) c->fd >= 0 && c->rem.port == 0);
  }
  if (ev == MG_EV_OPEN && c->is_accepted) {
    CHECK(ev_data == NULL && c->mgr->conns == c && c->rem.port != 0 && c->loc.port != 0);
    CHECK(!c->is_client && !c->is_udp && !c->is_closing);
    accepted = c;
  }
  if (ev == MG_EV_ACCEPT) CHECK(ev_data == NULL && c == accepted);
  if (ev == MG_EV_CLOSE) {
    struct mg_connection *t;
    CHECK(ev_data == NULL && c->is_closing);
    for (t = c->mgr->conns; t != NULL; t = t->next) CHECK(t != c);
  }
}

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  if (ev == MG_EV_READ) {
    CHECK(mg_send(c, c->recv.buf, c->recv.len));
    c->recv.len = 0;
  }
}

static const char *dialled;

static void call(struct mg_connection *c, int ev, void *ev_data) {
  record_event(&client, ev, ev_data);
  if (ev == MG_EV_OPEN) {
    CHECK(ev_data == dialled && c->is_client && (int) (size_t) c->fd == -1 && c->mgr->conns == c);
  }
  if (ev == MG_EV_RESOLVE) {
    CHECK(ev_data == NULL && (int) (size_t) c->fd >= 0 && c->rem.port != 0 && !c->is_resolving);
  }
  if (ev == MG_EV_CONNECT) CHECK(ev_data == NULL && !c->is_connecting && (c->loc.port != 0 || c->is_udp));
}

static struct mg_connection *call_listener(const char *scheme, struct mg_connection *l) {
  struct mg_connection *c;
  dialled = url_of(scheme, l);
  c = mg_connect(&mgr, dialled, call, NULL);
  CHECK(c != NULL);
  return c;
}

static void test_tcp(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo, NULL);
  CHECK(l != NULL && l->id == 1 && l->is_listening);
  CHECK_EVENTS(listener, "OPEN");
  c = call_listener("tcp", l);
  CHECK(c->id == 2 && c->is_connecting && c->pfn == NULL);
  CHECK_EVENTS(client, "OPEN RESOLVE");
  POLL_UNTIL(&mgr, strcmp(client.text, "OPEN RESOLVE CONNECT") == 0);
  POLL_UNTIL(&mgr, strcmp(server.text, "OPEN ACCEPT") == 0);
  CHECK(accepted->id == 3);
  CHECK(mg_send(c, "hello", 5));
  POLL_UNTIL(&mgr, client.read == 5);
  CHECK(client.written == 5 && server.read == 5 && server.written == 5);
  CHECK(c->recv.len == 5 && memcmp(c->recv.buf, "hello", 5) == 0);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK(client.closes == 1);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE READ CLOSE");
  CHECK_EVENTS(server, "OPEN ACCEPT READ WRITE CLOSE");
  CHECK(listener.closes == 0);
  end();
  CHECK_EVENTS(listener, "OPEN CLOSE");
}

static void test_refused(void) {
  struct mg_connection *c;
  char url[64];
  int fd = plain_listener(url, sizeof(url));
  close(fd);
  begin();
  dialled = url;
  c = mg_connect(&mgr, url, call, NULL);
  CHECK(c != NULL && !c->is_closing);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK_EVENTS(client, "OPEN RESOLVE ERROR CLOSE");
  CHECK(strcmp(client.error, "socket error") == 0);
  CHECK(mgr.conns == NULL);
  end();
}

static void test_connect_fails_at_once(void) {
  struct mg_connection *c;
  begin();
  dialled = "tcp://255.255.255.255:1";
  c = mg_connect(&mgr, dialled, call, NULL);
  CHECK(c != NULL && c->is_closing);
  CHECK_EVENTS(client, "OPEN RESOLVE ERROR");
  CHECK(strncmp(client.error, "connect: ", 9) == 0 && atoi(client.error + 9) > 0);
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(client, "OPEN RESOLVE ERROR CLOSE");
  end();
}

static void test_no_url(void) {
  begin();
  CHECK(mg_connect(&mgr, NULL, call, NULL) == NULL);
  CHECK(mg_connect(&mgr, "", call, NULL) == NULL);
  CHECK(mgr.conns == NULL && client.text[0] == '\0');
  end();
}

// The last words of a peer: data, then FIN, in one go.
static void test_data_then_fin(void) {
  struct mg_connection *l;
  int fd;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  fd = dial(l);
  put(fd, "bye", 3);
  close(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT READ CLOSE");
  CHECK(server.read == 3);
  end();
}

static void kept_bytes(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  if (ev == MG_EV_CLOSE && c->is_accepted) CHECK(c->recv.len == 3 && memcmp(c->recv.buf, "bye", 3) == 0);
}

static void test_close_finds_what_was_received(void) {
  struct mg_connection *l;
  int fd;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", kept_bytes, NULL);
  fd = dial(l);
  put(fd, "bye", 3);
  close(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  end();
}

static void test_reset(void) {
  struct mg_connection *l;
  int fd;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  reset(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT ERROR CLOSE");
  CHECK(strcmp(server.error, "socket error") == 0);
  end();
}

static void close_on_read(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  if (ev == MG_EV_READ) {
    CHECK(mg_send(c, "lost", 4));
    c->is_closing = 1;
  }
}

static void test_closing_in_a_handler(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", close_on_read, NULL);
  c = call_listener("tcp", l);
  CHECK(mg_send(c, "x", 1));  // queued before the connection is up
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT READ CLOSE");
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE CLOSE");
  CHECK(client.read == 0);
  end();
}

static void fail_on_read(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  // mg_error by hand: the flag, then the event.
  if (ev == MG_EV_READ) {
    c->is_closing = 1;
    mg_call(c, MG_EV_ERROR, "bad");
  }
}

static void test_an_error_in_a_handler(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", fail_on_read, NULL);
  c = call_listener("tcp", l);
  mg_send(c, "x", 1);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT READ ERROR CLOSE");
  end();
}

static void forgive(struct mg_connection *c, int ev, void *ev_data) {
  call(c, ev, ev_data);
  if (ev == MG_EV_ERROR) c->is_closing = 0;
}

// A handler of ERROR may keep the connection; the error is not reported again and again.
static void test_a_forgiven_error(void) {
  struct mg_connection *c;
  char url[64];
  close(plain_listener(url, sizeof(url)));
  begin();
  dialled = url;
  c = mg_connect(&mgr, url, forgive, NULL);
  POLL_UNTIL(&mgr, client.error[0] != '\0');
  poll_times(&mgr, 10);
  CHECK_EVENTS(client, "OPEN RESOLVE ERROR");
  CHECK(mgr.conns == c);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(client, "OPEN RESOLVE ERROR CLOSE");
  end();
}

static void test_draining(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  // Nothing queued: the connect may complete.
  c = call_listener("tcp", l);
  c->is_draining = 1;
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK(strcmp(client.text, "OPEN RESOLVE CONNECT CLOSE") == 0 || strcmp(client.text, "OPEN RESOLVE CLOSE") == 0);
  POLL_UNTIL(&mgr, mgr.conns == l);
  // With output.
  memset(&client, 0, sizeof(client));
  memset(&server, 0, sizeof(server));
  c = call_listener("tcp", l);
  mg_send(c, "all of it", 9);
  c->is_draining = 1;
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE CLOSE");
  CHECK_EVENTS(server, "OPEN ACCEPT READ CLOSE");
  CHECK(server.read == 9);
  // On an idle connection, between polls.
  memset(&client, 0, sizeof(client));
  c = call_listener("tcp", l);
  POLL_UNTIL(&mgr, strcmp(client.text, "OPEN RESOLVE CONNECT") == 0);
  c->is_draining = 1;
  poll_times(&mgr, 2);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT CLOSE");
  // On a listener.
  l->is_draining = 1;
  poll_times(&mgr, 2);
  CHECK_EVENTS(listener, "OPEN CLOSE");
  end();
}

static void test_closing_right_after_connect(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  c = call_listener("tcp", l);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(client, "OPEN RESOLVE CLOSE");
  end();
}

static void close_in_open(struct mg_connection *c, int ev, void *ev_data) {
  call(c, ev, ev_data);
  if (ev == MG_EV_OPEN) c->is_closing = 1;
}

static void test_closing_in_open(void) {
  struct mg_connection *l;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  dialled = url_of("tcp", l);
  CHECK(mg_connect(&mgr, dialled, close_in_open, NULL) != NULL);
  CHECK_EVENTS(client, "OPEN RESOLVE");
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(client, "OPEN RESOLVE CLOSE");
  end();
}

static void close_in_accept(struct mg_connection *c, int ev, void *ev_data) {
  serve(c, ev, ev_data);
  if (ev == MG_EV_ACCEPT) c->is_closing = 1;
}

static void test_closing_in_accept(void) {
  struct mg_connection *l;
  int fd;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", close_in_accept, NULL);
  fd = dial(l);
  put(fd, "unread", 6);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT CLOSE");
  close(fd);
  end();
}

// A TLS URL without mg_tls_init is plain TCP after CONNECT and ACCEPT.
static void test_tls_that_nobody_started(void) {
  struct mg_connection *l, *c;
  begin();
  l = mg_listen(&mgr, "tls://127.0.0.1:0", echo, NULL);
  CHECK(l != NULL && l->is_tls);
  c = call_listener("tls", l);
  CHECK(c->is_tls);
  mg_send(c, "plain", 5);
  POLL_UNTIL(&mgr, client.read == 5);
  CHECK(!c->is_tls && !accepted->is_tls && l->is_tls);
  end();
}

static uint64_t seen_now;

static void watch_poll(struct mg_connection *c, int ev, void *ev_data) {
  record_event((struct record *) c->fn_data, ev, ev_data);
  if (ev == MG_EV_POLL) {
    uint64_t now = *(uint64_t *) ev_data;
    CHECK(now <= mg_millis() && (seen_now == 0 || now == seen_now));
    seen_now = now;
  }
}

// POLL: once for each connection and poll, with the same time, in every state.
static void test_poll_counts(void) {
  struct record records[4];
  struct mg_connection *l;
  int i;
  begin();
  memset(records, 0, sizeof(records));
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", watch_poll, &records[0]);
  mg_listen(&mgr, "udp://127.0.0.1:0", watch_poll, &records[1]);
  mg_connect(&mgr, url_of("tcp", l), watch_poll, &records[2]);
  l->fn_data = &records[3];  // the accepted one's
  for (i = 0; i < 10; i++) {
    seen_now = 0;
    mg_mgr_poll(&mgr, 0);
    if (i == 0) l->fn_data = &records[0];
  }
  CHECK(records[1].polls == 10 && records[2].polls == 10);
  seen_now = 0;
  end();
}

static void test_a_lone_http_listener_counts_exactly(void) {
  int i;
  begin();
  CHECK(mg_http_listen(&mgr, "http://127.0.0.1:0", recorder, &listener) != NULL);
  for (i = 0; i < 10; i++) mg_mgr_poll(&mgr, 0);
  CHECK(listener.polls == 10);
  end();
}

// --- mg_mgr_free

static void test_free_without_a_poll(void) {
  struct mg_connection *l;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  call_listener("tcp", l);
  mgr.userdata = &mgr;
  end();
  CHECK_EVENTS(listener, "OPEN CLOSE");
  CHECK_EVENTS(client, "OPEN RESOLVE CLOSE");
  CHECK(listener.polls == 1 && client.polls == 1);
  CHECK(mgr.nextid == 2 && mgr.userdata == &mgr && mgr.epoll_fd == -1 && mgr.pipe.fd == -1);
  mg_mgr_free(&mgr);
  mg_mgr_init(&mgr);
  CHECK(mgr.nextid == 0 && mgr.userdata == NULL && mgr.epoll_fd >= 0 && mgr.pipe.fd == -1);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_tcp();
  test_refused();
  test_connect_fails_at_once();
  test_no_url();
  test_data_then_fin();
  test_close_finds_what_was_received();
  test_reset();
  test_closing_in_a_handler();
  test_an_error_in_a_handler();
  test_a_forgiven_error();
  test_draining();
  test_closing_right_after_connect();
  test_closing_in_open();
  test_closing_in_accept();
  test_tls_that_nobody_started();
  test_poll_counts();
  test_a_lone_http_listener_counts_exactly();
  test_free_without_a_poll();
  return FAILURES;
}
