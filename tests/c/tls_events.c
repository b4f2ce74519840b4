// When TLS may begin, which events and flags a program sees, and what ends a handshake.
#include "tls.h"
#include "clock.h"

static struct mg_mgr mgr;

// What programs see in a handler: is_tls, is_tls_hs, tls != NULL.
struct sight {
  struct record seen;
  char flags[400];
  int early;
  struct mg_tls_opts opts;
  struct mg_connection *c;
};

static void look(struct mg_connection *c, int ev, void *ev_data) {
  struct sight *s = (struct sight *) c->fn_data;
  size_t used = strlen(s->flags);
  if (c->is_listening) return;
  record_event(&s->seen, ev, ev_data);
  if (ev != MG_EV_POLL && ev != MG_EV_READ && ev != MG_EV_WRITE) {
    mg_snprintf(s->flags + used, sizeof(s->flags) - used, "%s:%d%d%d ", event_name(ev), c->is_tls,
                c->is_tls_hs, c->tls != NULL);
  }
  if (ev == MG_EV_ACCEPT || (ev == MG_EV_CONNECT && !s->early)) {
    mg_tls_init(c, &s->opts);
    CHECK(c->is_tls && c->is_tls_hs && c->tls != NULL);
    if (c->is_client) mg_printf(c, "%s", "ping");
  }
  if (ev == MG_EV_TLS_HS && c->is_client) CHECK(c->send.len == 4);
  if (ev == MG_EV_READ && !c->is_client) mg_send(c, "pong", 4), c->is_draining = 1;
  if (ev == MG_EV_CLOSE) s->c = NULL;
}

static void test_events(void) {
  int early;
  for (early = 0; early < 2; early++) {
    struct sight in, out;
    struct mg_connection *l;
    memset(&in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));
    in.opts = identity("server");
    out.early = early;
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tls://127.0.0.1:0", look, &in);
    out.c = mg_connect(&mgr, url_of("https", l), look, &out);
    if (early) mg_tls_init(out.c, &out.opts), mg_send(out.c, "ping", 4);
    POLL_UNTIL(&mgr, out.c == NULL && in.seen.closes == 1);
    CHECK_EVENTS(in.seen, "OPEN ACCEPT TLS_HS READ WRITE CLOSE");
    CHECK_EVENTS(out.seen, "OPEN RESOLVE CONNECT TLS_HS WRITE READ CLOSE");
    CHECK_ROW(strcmp(in.flags, "OPEN:100 ACCEPT:100 TLS_HS:101 CLOSE:101 ") == 0, in.flags);
    CHECK_ROW(strcmp(out.flags, early ? "OPEN:100 RESOLVE:100 CONNECT:111 TLS_HS:101 CLOSE:101 "
                                      : "OPEN:100 RESOLVE:100 CONNECT:100 TLS_HS:101 CLOSE:101 ") == 0,
              out.flags);
    CHECK(in.seen.read == 4 && in.seen.written == 4 && out.seen.read == 4 && out.seen.written == 4);
    mg_mgr_free(&mgr);
  }
}

// A protocol that turns to TLS when both have agreed, in plain text, to do so.
static void starttls(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_CONNECT) mg_send(c, "STARTTLS", 8);
  if (ev != MG_EV_READ) return;
  if (c->is_tls) {
    side->got = c->recv.len;
    if (!c->is_client) mg_send(c, c->recv.buf, c->recv.len), c->recv.len = 0;
  } else if (c->is_client) {
    CHECK(c->recv.len == 2);
    c->recv.len = 0;
    mg_tls_init(c, &side->opts);
    mg_send(c, "ping", 4);
  } else {
    CHECK(c->recv.len == 8);
    c->recv.len = 0;
    CHECK(mg_io_send(c, "OK", 2) == 2);
    mg_tls_init(c, &side->opts);
  }
}

static void test_starttls(void) {
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  server.opts = identity("server");
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", starttls, &server);
  mg_connect(&mgr, url_of("tcp", l), starttls, &client);
  POLL_UNTIL(&mgr, client.got == 4);
  CHECK_EVENTS(client.seen, "OPEN RESOLVE CONNECT WRITE READ TLS_HS WRITE READ");
  CHECK_EVENTS(server.seen, "OPEN ACCEPT READ TLS_HS READ WRITE");
  mg_mgr_free(&mgr);
}

// A second session takes the place of the first, also in the middle; a manual step does no harm.
static void twice(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_ACCEPT || ev == MG_EV_CONNECT) {
    mg_tls_init(c, NULL);
    mg_tls_init(c, &side->opts);
    mg_tls_handshake(c);
    mg_tls_handshake(c);
    CHECK(mg_tls_pending(c) == 0 && mg_tls_send(c, "x", 1) == MG_IO_WAIT);
    if (c->is_client) mg_send(c, "ping", 4);
  }
  if (ev == MG_EV_TLS_HS) mg_tls_handshake(c);
  if (ev == MG_EV_READ) {
    side->got += c->recv.len;
    if (!c->is_client) mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

static void test_init_twice(void) {
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  server.opts = identity("server");
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", twice, &server);
  mg_connect(&mgr, url_of("tcp", l), twice, &client);
  POLL_UNTIL(&mgr, client.got == 4);
  mg_mgr_free(&mgr);
}

// A session that is freed while the connection is open: the connection closes, whenever.
static int free_at;
static void freeing(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_CONNECT) mg_tls_init(c, &side->opts), mg_send(c, "ping", 4);
  if (ev == free_at) {
    mg_tls_free(c);
    mg_tls_free(c);
    CHECK(c->tls == NULL && c->is_tls && mg_tls_pending(c) == 0);
    CHECK(mg_tls_recv(c, c->data, 1) == MG_IO_ERR && mg_tls_send(c, "x", 1) == MG_IO_ERR);
    mg_tls_handshake(c);
    mg_tls_flush(c);
  }
  if (ev == MG_EV_CLOSE) side->c = NULL;
}

static void test_free(void) {
  static const int events[] = {MG_EV_CONNECT, MG_EV_TLS_HS, MG_EV_WRITE, MG_EV_READ};
  size_t i;
  for (i = 0; i < COUNT(events); i++) {
    struct mg_connection *l;
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    server.opts = identity("server");
    free_at = events[i];
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
    client.c = mg_connect(&mgr, url_of("tcp", l), freeing, &client);
    POLL_UNTIL(&mgr, client.c == NULL);
    CHECK(client.seen.error[0] == '\0');
    mg_mgr_free(&mgr);
  }
}

static void test_listener(void) {
  static const char *const urls[] = {"http://127.0.0.1:0", "https://127.0.0.1:0"};
  struct record seen;
  size_t i;
  memset(&seen, 0, sizeof(seen));
  mg_mgr_init(&mgr);
  for (i = 0; i < COUNT(urls); i++) {
    struct mg_tls_opts opts;
    struct mg_connection *l;
    memset(&opts, 0, sizeof(opts));
    l = mg_listen(&mgr, urls[i], recorder, &seen);
    CHECK(l->is_tls == i);
    mg_tls_init(l, &opts);
    CHECK(l->is_tls && l->is_tls_hs && l->tls != NULL && !l->is_closing);
    poll_times(&mgr, 2);
    mg_tls_init(l, NULL);
    opts.skip_verification = true;
    mg_tls_init(l, &opts);
    poll_times(&mgr, 2);
    mg_tls_free(l);
    CHECK(l->tls == NULL && l->is_tls);
    poll_times(&mgr, 2);
    opts.cert = opts.key = mg_str("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBM\n-----END PRIVATE KEY-----\n");
    mg_tls_init(l, &opts);
    CHECK(l->is_tls && l->is_listening && !l->is_closing);
    poll_times(&mgr, 2);
    CHECK(seen.closes == 0 && seen.error[0] == '\0');
  }
  mg_mgr_free(&mgr);
}

// What a listener was given serves its connections where that is wanted, and only there.
static void plain_echo(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  note(c, &server, ev, ev_data);
  if (ev == MG_EV_READ) mg_send(c, c->recv.buf, c->recv.len), c->recv.len = 0;
}

static void ask_plainly(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_CONNECT) mg_send(c, "ping", 4);
  if (ev == MG_EV_READ) side->got = c->recv.len;
}

static void test_inheritance(void) {
  static const struct {
    const char *cert;
    int wanted;
    const char *events, *error;
  } rows[] = {
      {"server", 1, "OPEN ACCEPT TLS_HS READ WRITE", ""},
      {"server", 0, "OPEN ACCEPT READ WRITE", ""},
      {NULL, 1, "OPEN ACCEPT ERROR CLOSE", "tls hs: no server certificate chain resolved"},
      {"bad", 1, "OPEN ACCEPT ERROR CLOSE", "cert: no certificate in it"},
      {"bad", 0, "OPEN ACCEPT READ WRITE", ""},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_tls_opts opts = identity("server");
    struct mg_connection *l;
    if (rows[i].cert == NULL) opts = identity(NULL);
    if (rows[i].cert != NULL && strcmp(rows[i].cert, "bad") == 0) opts.cert = mg_str("bad");
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tls://127.0.0.1:0", plain_echo, NULL);
    CHECK(mg_conn_set(l, MG_SET_TLS_INHERIT, rows[i].wanted));
    mg_tls_init(l, &opts);
    client.c = mg_connect(&mgr, url_of("tcp", l), rows[i].wanted ? ask_tls : ask_plainly, &client);
    POLL_UNTIL(&mgr, client.got == 4 || (client.c == NULL && server.seen.closes == 1));
    CHECK_EVENTS(server.seen, rows[i].events);
    CHECK_ROW(strcmp(server.seen.error, rows[i].error) == 0, server.seen.error);
    CHECK((client.got == 4) == (rows[i].error[0] == '\0'));
    // Without its options there is nothing to inherit.
    mg_tls_free(l);
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    client.c = mg_connect(&mgr, url_of("tcp", l), ask_plainly, &client);
    POLL_UNTIL(&mgr, client.got == 4);
    mg_mgr_free(&mgr);
  }
}

static void test_nobody(void) {
  char buf[10];
  mg_tls_init(NULL, NULL);
  mg_tls_free(NULL);
  mg_tls_handshake(NULL);
  mg_tls_flush(NULL);
  mg_tls_ctx_init(NULL);
  mg_tls_ctx_free(NULL);
  CHECK(mg_tls_pending(NULL) == 0);
  CHECK(mg_tls_recv(NULL, buf, sizeof(buf)) == 0 && mg_tls_send(NULL, "x", 1) == 0);
  CHECK(sizeof(struct mg_tls_opts) == 72 && MG_EV_TLS_HS == 6);
}

// Two servers that cannot agree with a client: each side is told why.
static void test_failures(void) {
  CHECK(!meet(identity(NULL), identity(NULL)));  // A server without a certificate.
  CHECK(strncmp(server.seen.error, "tls hs: ", 8) == 0);
  CHECK(strncmp(client.seen.error, "tls hs: alert: ", 15) == 0);
  CHECK_EVENTS(server.seen, "OPEN ACCEPT ERROR CLOSE");
  CHECK_EVENTS(client.seen, "OPEN RESOLVE CONNECT ERROR CLOSE");
}

// What peers that speak no TLS, or stop in the middle, do to a server.
static void test_strange_peers(void) {
  static const struct {
    const char *bytes;
    size_t len;
    const char *events;
  } rows[] = {
      {"", 0, "OPEN ACCEPT CLOSE"},
      {"\x16\x03\x01\x02\x00\x01", 6, "OPEN ACCEPT CLOSE"},
      {"GET / HTTP/1.1\r\n\r\n", 18, "OPEN ACCEPT ERROR CLOSE"},
      {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, "OPEN ACCEPT ERROR CLOSE"},
      {"\x15\x03\x03\x00\x02\x02\x28", 7, "OPEN ACCEPT ERROR CLOSE"},
      {"\x17\x03\x03\x00\x02hi", 7, "OPEN ACCEPT ERROR CLOSE"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct mg_connection *l;
    int fd;
    memset(&server, 0, sizeof(server));
    server.opts = identity("server");
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
    fd = dial(l);
    if (rows[i].len > 0) put(fd, rows[i].bytes, rows[i].len);
    shutdown(fd, SHUT_WR);
    POLL_UNTIL(&mgr, server.seen.closes == 1);
    CHECK_EVENTS(server.seen, rows[i].events);
    close(fd);
    mg_mgr_free(&mgr);
  }
}

// A handshake and data that arrive byte by byte.
static void forward(int from, int to) {
  char byte;
  while (recv(from, &byte, 1, MSG_DONTWAIT) == 1) {
    put(to, &byte, 1);
    mg_mgr_poll(&mgr, 0);
  }
}

static void test_byte_by_byte(void) {
  struct mg_connection *l;
  char url[64];
  uint64_t until = mg_millis() + PATIENCE_MS;
  int lfd = plain_listener(url, sizeof(url)), a, b, one = 1;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  server.opts = identity("server");
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
  client.c = mg_connect(&mgr, url, ask_tls, &client);
  mg_mgr_poll(&mgr, 1);
  a = accept(lfd, NULL, NULL);
  b = dial(l);
  setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  while (client.got < 4 && client.c != NULL && mg_millis() < until) {
    mg_mgr_poll(&mgr, 1);
    forward(a, b);
    forward(b, a);
  }
  CHECK(client.got == 4);
  close(a);
  close(b);
  close(lfd);
  mg_mgr_free(&mgr);
}

// The idle timeout counts from the beginning of a handshake, however it is dragged out.
static void test_slow_handshake(void) {
  struct mg_connection *l;
  int fd, ms;
  memset(&server, 0, sizeof(server));
  server.opts = identity("server");
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_IDLE_TIMEOUT, 100);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
  fd = dial(l);
  put(fd, "\x16\x03\x01\x40\x00\x01", 6);
  POLL_UNTIL(&mgr, strstr(server.seen.text, "ACCEPT") != NULL);
  // By the program's clock: 5 ms for each byte, so that the record is never complete.
  for (ms = 0; server.seen.closes == 0 && ms < 1000; ms += 5) {
    skipped += 5;
    mg_mgr_poll(&mgr, 1);
    if (server.seen.closes == 0) (void) send(fd, "\x00", 1, MSG_NOSIGNAL);
  }
  CHECK_EVENTS(server.seen, "OPEN ACCEPT ERROR CLOSE");
  CHECK(strcmp(server.seen.error, "idle timeout") == 0);
  close(fd);
  mg_mgr_free(&mgr);
}

// A closed connection in the middle of everything: CLOSE by the end of the next poll.
static void test_closing(void) {
  int polls;
  for (polls = 0; polls < 8; polls++) {
    struct mg_connection *l;
    memset(&server, 0, sizeof(server));
    memset(&client, 0, sizeof(client));
    server.opts = identity("server");
    mg_mgr_init(&mgr);
    l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo_tls, &server);
    client.c = mg_connect(&mgr, url_of("tcp", l), ask_tls, &client);
    poll_times(&mgr, polls);
    if (client.c != NULL) client.c->is_closing = 1;
    mg_mgr_poll(&mgr, 1);
    CHECK(client.c == NULL && client.seen.closes == 1);
    mg_mgr_free(&mgr);
  }
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  make_certs();
  test_events();
  test_starttls();
  test_init_twice();
  test_free();
  test_listener();
  test_inheritance();
  test_nobody();
  test_failures();
  test_strange_peers();
  test_byte_by_byte();
  test_slow_handshake();
  test_closing();
  return FAILURES;
}
