// The HTTP engine as a client: what a server sends, in one piece and byte by byte, and the events.
#include "loop.h"

static struct mg_mgr mgr;
static struct record client;
static char seen[2000];

// Each message as status, body and lengths.
static void note(struct mg_connection *c, int ev, void *ev_data) {
  record_event(&client, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    size_t used = strlen(seen);
    CHECK(hm->message.len == hm->head.len + hm->body.len && !c->is_resp);
    mg_snprintf(seen + used, sizeof(seen) - used, "%d[%.*s]", mg_http_status(hm), (int) hm->body.len, hm->body.buf);
  }
}

static int listener, peer;
static char url[64];

static struct mg_connection *begin(void) {
  struct mg_connection *c;
  char request[18];
  listener = plain_listener(url, sizeof(url));
  memset(&client, 0, sizeof(client));
  seen[0] = '\0';
  mg_mgr_init(&mgr);
  c = mg_http_connect(&mgr, url, note, NULL);
  CHECK(c != NULL && c->is_client && c->pfn != NULL);
  mg_printf(c, "GET / HTTP/1.1\r\n\r\n");
  peer = accept(listener, NULL, NULL);
  POLL_UNTIL(&mgr, client.written == 18);
  CHECK(recv(peer, request, 18, MSG_WAITALL) == 18);
  memset(client.text, 0, sizeof(client.text));
  return c;
}

static void end(void) {
  close(listener);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

#define OK200 "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct {
  const char *reply;
  const char *messages;
  const char *events;
  const char *error;
} rows[] = {
    {OK200 "Content-Length: 3\r\n\r\nabc", "200[abc]", "HDRS MSG READ CLOSE", ""},
    {OK200 "Content-Length: 0\r\n\r\n", "200[]", "HDRS MSG READ CLOSE", ""},
    {OK200 "\r\nabc", "200[abc]", "HDRS READ MSG CLOSE", ""},
    {OK200 "Content-Length: 10\r\n\r\nabc", "200[abc]", "HDRS READ MSG CLOSE", ""},
    {OK200 CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n", "200[abc]", "HDRS MSG READ CLOSE", ""},
    {"HTTP/1.0 200 OK\r\n" CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n", "200[abc]", "HDRS MSG READ CLOSE", ""},
    {OK200 CHUNKED "\r\n3\r\nabc\r\n", "", "HDRS READ ERROR CLOSE", "HTTP response cut short"},
    {OK200 CHUNKED "\r\nxyz\r\n", "", "HDRS ERROR READ CLOSE", "Invalid chunk"},
    {OK200 "Transfer-Encoding: gzip\r\n\r\n", "", "HDRS ERROR READ CLOSE", "Invalid Transfer-Encoding"},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nok", NULL, NULL, ""},
    {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nok", NULL, NULL, ""},
    {"HTTP/1.1 304 Not Modified\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nok", "304[]200[ok]", "HDRS MSG HDRS MSG READ CLOSE", ""},
    {"HTTP/1.1 204 No Content\r\n\r\n" OK200 "Content-Length: 2\r\n\r\nok", "204[]200[ok]", "HDRS MSG HDRS MSG READ CLOSE", ""},
    {OK200 "Content-Length: 1\r\n\r\na" OK200 "Content-Length: 1\r\n\r\nb", "200[a]200[b]", "HDRS MSG HDRS MSG READ CLOSE", ""},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404[]", "HDRS MSG READ CLOSE", ""},
    {OK200 "Conn", "", "READ CLOSE", ""},
    {"GET /x HTTP/1.1\r\n\r\n", "0[]", "HDRS MSG READ CLOSE", ""},
    {"garbage\r\n\r\n", "", NULL, "Invalid HTTP target"},
    {OK200 "Content-Length: 18446744073709551615\r\n\r\n", "", NULL, "Invalid Content-Length"},
    {OK200 "Content-Length: 4000000\r\n\r\n", "", "HDRS READ ERROR CLOSE", "MG_MAX_RECV_SIZE"},
};

static void test_rows(void) {
  size_t i, step, k;
  for (i = 0; i < COUNT(rows); i++) {
    for (step = 0; step < 2; step++) {
      size_t len = strlen(rows[i].reply);
      begin();
      if (step == 0) {
        put(peer, rows[i].reply, len);
      } else {
        for (k = 0; k < len && send(peer, rows[i].reply + k, 1, MSG_NOSIGNAL) == 1; k++) mg_mgr_poll(&mgr, 0);
      }
      close(peer);
      POLL_UNTIL(&mgr, client.closes == 1);
      if (rows[i].messages != NULL && strcmp(seen, rows[i].messages) != 0) {
        failures++;
        fprintf(stderr, "%s, steps of %d\n  got %s\n  expected %s\n", rows[i].reply, (int) step, seen, rows[i].messages);
      }
      // Interim replies may be delivered or not; the final one is whole.
      if (rows[i].messages == NULL) {
        CHECK_ROW(strlen(seen) >= 7 && strcmp(seen + strlen(seen) - 7, "200[ok]") == 0, rows[i].reply);
      }
      if (step == 0 && rows[i].events != NULL) CHECK_EVENTS(client, rows[i].events);
      CHECK_ROW(strcmp(client.error, rows[i].error) == 0, rows[i].reply);
      end();
    }
  }
}

// No length, and the program ends the connection itself.
static void test_the_program_closes(void) {
  struct mg_connection *c = begin();
  put(peer, OK200 "\r\nabc", strlen(OK200) + 5);
  POLL_UNTIL(&mgr, client.read > 0);
  CHECK_EVENTS(client, "HDRS READ");
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK_EVENTS(client, "HDRS READ MSG CLOSE");
  CHECK(strcmp(seen, "200[abc]") == 0);
  close(peer);
  end();
}

// The answer to HEAD announces a body that never comes.
static void test_head(void) {
  struct mg_connection *c = begin();
  put(peer, OK200 "Content-Length: 6\r\n\r\n", strlen(OK200) + 21);
  poll_times(&mgr, 20);
  CHECK(client.closes == 0);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK(client.closes == 1 && strcmp(seen, "200[]") == 0);
  close(peer);
  end();
}

// Keep-alive: one request after the other on one connection.
static void test_one_after_the_other(void) {
  struct mg_connection *c = begin();
  int i;
  for (i = 1; i <= 50; i++) {
    put(peer, OK200 "Content-Length: 2\r\n\r\nok", strlen(OK200) + 23);
    POLL_UNTIL(&mgr, strlen(seen) == (size_t) i * 7);
    mg_printf(c, "GET /%d HTTP/1.1\r\n\r\n", i);
    poll_times(&mgr, 1);
  }
  close(peer);
  POLL_UNTIL(&mgr, client.closes == 1);
  end();
}

// A proxy answers CONNECT without a length: the program deletes that head itself, and the next
// response is a fresh message.
static void connect_first(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_READ && c->data[0] == 0) {
    struct mg_http_message hm;
    int n = mg_http_parse((char *) c->recv.buf, c->recv.len, &hm);
    if (n > 0) {
      c->data[0] = 1;
      mg_iobuf_del(&c->recv, 0, (size_t) n);
      mg_printf(c, "GET /inside HTTP/1.1\r\n\r\n");
    }
  }
}

static void test_a_head_that_the_program_takes(void) {
  struct mg_connection *c = begin();
  char bytes[100];
  c->fn = connect_first;
  put(peer, "HTTP/1.1 200 Connected\r\n\r\n", 26);
  POLL_UNTIL(&mgr, c->data[0] == 1);
  CHECK(strncmp(client.text, "HDRS READ", 9) == 0 && seen[0] == '\0');
  POLL_UNTIL(&mgr, recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK) == 24);
  memset(client.text, 0, sizeof(client.text));
  put(peer, OK200 "Content-Length: 2\r\n\r\nok", strlen(OK200) + 23);
  POLL_UNTIL(&mgr, seen[0] != '\0');
  CHECK(strcmp(seen, "200[ok]") == 0);
  close(peer);
  end();
}

// A fuzzer: the handler is called by hand on a connection that is not up yet.
static void test_called_by_hand(void) {
  struct mg_connection *c;
  static const char reply[] = OK200 "Content-Length: 2\r\n\r\nok";
  memset(&client, 0, sizeof(client));
  seen[0] = '\0';
  listener = plain_listener(url, sizeof(url));
  mg_mgr_init(&mgr);
  c = mg_http_connect(&mgr, url, note, NULL);
  mg_iobuf_add(&c->recv, 0, reply, strlen(reply));
  c->pfn(c, MG_EV_READ, NULL);
  CHECK_EVENTS(client, "OPEN RESOLVE HDRS MSG");
  CHECK(strcmp(seen, "200[ok]") == 0);
  end();
}

// A plain connection to an http: URL, parsed by hand.
static void test_plain_connect(void) {
  CHECK(mg_http_connect(&mgr, NULL, note, NULL) == NULL);
  mg_mgr_init(&mgr);
  CHECK(mg_http_connect(&mgr, "", note, NULL) == NULL);
  {
    struct mg_connection *c = mg_connect(&mgr, "http://127.0.0.1:1/x", NULL, NULL);
    CHECK(c != NULL && c->pfn == NULL);
  }
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_rows();
  test_the_program_closes();
  test_head();
  test_one_after_the_other();
  test_a_head_that_the_program_takes();
  test_called_by_hand();
  test_plain_connect();
  return FAILURES;
}
