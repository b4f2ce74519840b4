// HTTP client and server in one manager: how many polls an exchange may take,
// and what programs do with replies that are produced bit by bit.
#include "loop.h"

static struct mg_mgr mgr;

struct side {
  int messages, closes;
  char text[4000];  // bodies
  int status;
  uint32_t crc;
};

static struct side server, client;

static void remember(struct side *s, int ev, void *ev_data) {
  if (ev == MG_EV_CLOSE) s->closes++;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    size_t used = strlen(s->text);
    s->messages++;
    s->status = mg_http_status(hm);
    s->crc = mg_crc32(s->crc, hm->body.buf, hm->body.len);
    mg_snprintf(s->text + used, sizeof(s->text) - used, "%.*s", (int) hm->body.len, hm->body.buf);
  }
}

static void client_fn(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  remember(&client, ev, ev_data);
}

// Starts a server and a client whose request is queued before it is connected.
static struct mg_connection *begin(mg_event_handler_t fn, const char *request) {
  struct mg_connection *l, *c;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  c = mg_http_connect(&mgr, url_of("http", l), client_fn, NULL);
  CHECK(l != NULL && c != NULL);
  mg_send(c, request, strlen(request));
  return c;
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// --- Replies without a length

static bool drains;

static void without_length(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    CHECK(client.closes == 0);
    mg_printf(c, "HTTP/1.0 200 OK\n\n%.*s/abcdef", (int) hm->uri.len, hm->uri.buf);
    if (drains) c->is_draining = 1;
  }
  remember(&server, ev, ev_data);
}

static void test_without_length(void) {
  struct mg_connection *c;
  drains = true;
  begin(without_length, "GET /x HTTP/1.0\n\n");
  POLLS_SUFFICE(&mgr, 20, client.closes == 1 && server.closes == 1);
  CHECK(client.messages == 1 && strcmp(client.text, "/x/abcdef") == 0 && client.closes == 1);
  CHECK(server.messages == 1 && server.closes == 1);
  end();
  drains = false;
  c = begin(without_length, "GET /x HTTP/1.0\n\n");
  POLL_UNTIL(&mgr, c->recv.len == strlen("HTTP/1.0 200 OK\n\n/x/abcdef"));
  poll_times(&mgr, 3);
  CHECK(client.messages == 0 && client.closes == 0);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK(client.messages == 1 && client.status == 200 && client.closes == 1);
  end();
}

// --- Numbers of polls

static void reply(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  remember(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_http_reply(c, 200, "", "ok (%d %.*s)\n", (int) hm->body.len, (int) hm->body.len, hm->body.buf);
  }
}

static void test_numbers_of_polls(void) {
  static const struct {
    const char *request;
    int polls, at_server, at_client;
    const char *text;
  } rows[] = {
      {"GET / HTTP/1.0\n\n", 5, 1, 1, "ok (0 )\n"},
      {"GET / HTTP/1.0\n\nGET / HTTP/1.0\n\n", 5, 2, 2, "ok (0 )\nok (0 )\n"},
      {"POST / HTTP/1.1\r\n\r\n", 20, 1, 1, "ok (0 )\n"},
      {"POST / HTTP/1.0\nContent-Length: 5\n\n12345GET / HTTP/1.0\n\n", 20, 2, 2, "ok (5 12345)\nok (0 )\n"},
      {"GET / HTTP/1.1\n\nInvalid\n\n", 20, 1, 1, "ok (0 )\n"},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfoo\n\r\n4\r\nbar\n\r\n0\r\n\r\n", 20, 1, 1,
       "ok (8 foo\nbar\n)\n"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    begin(reply, rows[i].request);
    POLLS_SUFFICE(&mgr, rows[i].polls, client.messages == rows[i].at_client);
    poll_times(&mgr, 3);
    CHECK_ROW(server.messages == rows[i].at_server && client.messages == rows[i].at_client, rows[i].request);
    CHECK_ROW(strcmp(client.text, rows[i].text) == 0, rows[i].request);
    end();
  }
}

// The request written by CONNECT, its body in chunks.
static void chunking_client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) {
    mg_printf(c, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    mg_http_printf_chunk(c, "%s", "foo\n");
    mg_http_printf_chunk(c, "%s", "bar\n");
    mg_http_printf_chunk(c, "");
  }
  remember(&client, ev, ev_data);
}

static void test_chunked_request(void) {
  struct mg_connection *l;
  memset(&server, 0, sizeof(server));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", reply, NULL);
  mg_http_connect(&mgr, url_of("http", l), chunking_client, NULL);
  POLLS_SUFFICE(&mgr, 20, client.messages == 1);
  CHECK(strcmp(server.text, "foo\nbar\n") == 0 && strcmp(client.text, "ok (8 foo\nbar\n)\n") == 0);
  end();
}

// --- Replies that are produced in POLL

static void in_chunks(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  remember(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    c->data[0] = 1;
  } else if (ev == MG_EV_POLL && c->data[0] != 0) {
    c->data[0]++;
    if (c->data[0] == 10) mg_http_printf_chunk(c, "a");
    if (c->data[0] == 20) mg_http_printf_chunk(c, "b"), mg_http_printf_chunk(c, "c");
    if (c->data[0] == 30) {
      mg_http_printf_chunk(c, "d");
      mg_http_printf_chunk(c, "");
      c->data[0] = 0;  // the next request must not have been handled yet
    }
  }
}

static void in_pieces(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  remember(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    mg_printf(c, "HTTP/1.0 200 OK\nContent-Length: 4\n\n");
    c->data[0] = 1;
  } else if (ev == MG_EV_POLL && c->data[0] != 0) {
    c->data[0]++;
    if (c->data[0] == 10) mg_send(c, "a", 1);
    if (c->data[0] == 12) mg_send(c, "bc", 2);
    if (c->data[0] == 30) {
      mg_send(c, "d", 1);
      c->is_resp = 0;
      c->data[0] = 0;
    }
  }
}

static void test_bit_by_bit(void) {
  static const mg_event_handler_t handlers[] = {in_chunks, in_pieces};
  static const char *const requests[] = {"GET / HTTP/1.0\n\n", "GET / HTTP/1.0\n\nGET / HTTP/1.0\n\n"};
  size_t i, k;
  for (i = 0; i < COUNT(handlers); i++) {
    for (k = 0; k < COUNT(requests); k++) {
      int polls;
      begin(handlers[i], requests[k]);
      for (polls = 0; polls < 100 && client.messages < (int) k + 1; polls++) mg_mgr_poll(&mgr, 1);
      CHECK(client.messages == (int) k + 1 && server.messages == (int) k + 1);
      CHECK(strcmp(client.text, k == 0 ? "abcd" : "abcdabcd") == 0);
      end();
    }
  }
}

// --- A body that is not answered with a length: no 411, and the client's close delivers it.

static void test_post_to_a_server_without_length(void) {
  struct mg_connection *c;
  drains = false;
  c = begin(without_length, "POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\n0123456789abcde");
  POLL_UNTIL(&mgr, c->recv.len >= strlen("/abcdef") && memcmp(c->recv.buf + c->recv.len - 7, "/abcdef", 7) == 0);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK(client.messages == 1 && client.status == 200);
  end();
}

// --- One exchange as most programs do it: the client's record is on a stack frame that ends right after.

static void exchange_fn(struct mg_connection *c, int ev, void *ev_data) {
  struct side *s = (struct side *) c->fn_data;
  CHECK(s->closes == 0);
  remember(s, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) c->is_closing = 1;
}

static void exchange(struct mg_connection *l, const char *request, int wanted) {
  struct side s;
  struct mg_connection *c;
  int i;
  memset(&s, 0, sizeof(s));
  c = mg_http_connect(&mgr, url_of("http", l), exchange_fn, &s);
  mg_printf(c, "%s", request);
  for (i = 0; i < 100 && s.messages == 0 && s.closes == 0; i++) mg_mgr_poll(&mgr, 1);
  if (s.closes == 0) {
    c->is_closing = 1;
    mg_mgr_poll(&mgr, 1);
  }
  CHECK_ROW(s.closes == 1 && s.status == wanted, request);
}

static void test_exchanges(void) {
  struct mg_connection *l;
  int i;
  memset(&server, 0, sizeof(server));
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", reply, NULL);
  for (i = 0; i < 20; i++) exchange(l, "GET / HTTP/1.1\r\n\r\n", 200);
  exchange(l, "GET / HTTP/1.0\nA B\n\n", 0);
  exchange(l, "GET / HTTP/1.1\r\n", 0);  // never complete
  exchange(l, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", 0);
  exchange(l, "HTTP/1.1 305 X\r\n\r\n", 411);
  POLL_UNTIL(&mgr, mgr.conns == l);
  end();
}

// --- A client that nobody answers

static int errors;

static void only_socket_errors(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_ERROR) {
    CHECK(strcmp((char *) ev_data, "socket error") == 0);
    errors++;
  }
  remember(&client, ev, ev_data);
}

static void test_refused(void) {
  char url[64];
  close(plain_listener(url, sizeof(url)));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  mg_http_connect(&mgr, url, only_socket_errors, NULL);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK(errors == 1);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_without_length();
  test_numbers_of_polls();
  test_chunked_request();
  test_bit_by_bit();
  test_post_to_a_server_without_length();
  test_exchanges();
  test_refused();
  return FAILURES;
}
