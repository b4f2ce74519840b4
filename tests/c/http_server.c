// The HTTP engine as a server: what a plain client gets back, whole and byte by byte, and the events.
#include "loop.h"

static struct mg_mgr mgr;
static struct record server;
static struct mg_connection *l, *accepted;
static int messages;
static char bodies[2000];

static void reset_records(void) {
  memset(&server, 0, sizeof(server));
  accepted = NULL;
  messages = 0;
  bodies[0] = '\0';
}

// Answers with the URI and the body in brackets, unless the URI asks for something else.
static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    size_t used = strlen(bodies);
    messages++;
    CHECK(c->is_resp);
    CHECK(hm->message.len == hm->head.len + hm->body.len && hm->body.buf == hm->head.buf + hm->head.len);
    mg_snprintf(bodies + used, sizeof(bodies) - used, "[%.*s]", (int) hm->body.len, hm->body.buf);
    if (mg_strcmp(hm->uri, mg_str("/silent")) != 0) {
      mg_http_reply(c, 200, "", "%.*s[%.*s]", (int) hm->uri.len, hm->uri.buf, (int) hm->body.len, hm->body.buf);
      CHECK(!c->is_resp);
    }
  }
}

static void begin(mg_event_handler_t fn) {
  reset_records();
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL && l->pfn != NULL);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// The bodies of the 200 replies in `text`, each followed by a line feed; status codes of others.
static void digest_replies(const char *text, size_t len, char *to, size_t size) {
  struct mg_http_message hm;
  size_t ofs = 0, used = 0;
  int n;
  to[0] = '\0';
  while (ofs < len && (n = mg_http_parse(text + ofs, len - ofs, &hm)) > 0) {
    if (mg_http_status(&hm) == 200) {
      used += mg_snprintf(to + used, size - used, "%.*s\n", (int) hm.body.len, hm.body.buf);
    } else {
      used += mg_snprintf(to + used, size - used, "%d\n", mg_http_status(&hm));
    }
    ofs += hm.message.len;
  }
  CHECK(ofs == len);
}

// Sends a request in steps of `step` bytes (0: all at once) and collects what comes back until the
// replies are as wanted, then a little longer.
static void exchange(const char *request, size_t len, size_t step, const char *wanted, bool wants_close,
                     const char *name) {
  static char reply[100000];
  char digest[2000];
  size_t sent = 0, n = 0;
  bool closed = false;
  int idle = 0, fd = dial(l);
  uint64_t start = mg_millis();
  if (step == 0) step = len;
  nonblocking(fd);
  while (mg_millis() - start < PATIENCE_MS) {
    ssize_t k;
    if (sent < len && !closed) {
      k = send(fd, request + sent, step < len - sent ? step : len - sent, MSG_NOSIGNAL);
      sent = k > 0 ? sent + (size_t) k : len;
    }
    mg_mgr_poll(&mgr, 0);
    k = recv(fd, reply + n, sizeof(reply) - n, 0);
    if (k > 0) n += (size_t) k;
    if (k == 0 || (k < 0 && errno != EAGAIN)) closed = true;
    digest_replies(reply, n, digest, sizeof(digest));
    if ((sent == len || closed) && strcmp(digest, wanted) == 0 && closed == wants_close && ++idle > 5) break;
  }
  if (strcmp(digest, wanted) != 0 || closed != wants_close) {
    failures++;
    fprintf(stderr, "%s, steps of %d:\n  got      %s%s\n  expected %s%s\n", name, (int) step, digest,
            closed ? "(closed)" : "", wanted, wants_close ? "(closed)" : "");
  }
  close(fd);
  POLL_UNTIL(&mgr, mgr.conns == l);
  CHECK_ROW(server.closes == 1, name);
}

#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define GET "GET /g HTTP/1.1\r\n\r\n"

static const struct {
  const char *request;
  const char *replies;
  bool closed;
  const char *error;
} rows[] = {
    // Lengths
    {"GET /a HTTP/1.1\r\n\r\n", "/a[]\n", false, ""},
    {"GET /a HTTP/1.0\n\n", "/a[]\n", false, ""},
    {"POST /p HTTP/1.1\r\n\r\n" GET, "/p[]\n/g[]\n", false, ""},
    {"PUT /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" GET, "/p[abc]\n/g[]\n", false, ""},
    {"POST / HTTP/1.0\nContent-Length: 5\n\n12345GET / HTTP/1.0\n\n", "/[12345]\n/[]\n", false, ""},
    {"WOHOO /w HTTP/1.1\r\n\r\n", "/w[]\n", false, ""},
    {GET GET GET GET, "/g[]\n/g[]\n/g[]\n/g[]\n", false, ""},
    // Chunks
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n" GET, "/c[abcdefg]\n/g[]\n", false, ""},
    {"POST /c HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n0000000A\r\n0123456789\r\n0\r\n\r\n", "/c[0123456789]\n",
     false, ""},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n3;x=y\r\nabc\r\n0;last\r\n\r\n" GET, "/c[abc]\n/g[]\n", false, ""},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n3\r\nabc\r\n0\r\nTrailer: t\r\nB: c\r\n\r\n" GET, "/c[abc]\n/g[]\n", false, ""},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n0\r\n\r\n" GET, "/c[]\n/g[]\n", false, ""},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n3\nabc\n0\n\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n?\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n1\r\na\r\n?\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n1\r\na\r\n\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n3\r\nabcX0\r\n\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\nffffffff\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n123456789\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\n" CHUNKED "\r\n-1\r\n", "", true, "Invalid chunk"},
    {"POST /c HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", true, "Invalid Transfer-Encoding"},
    {"POST /c HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", "", true, "Invalid Transfer-Encoding"},
    {"POST /c HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n", "", true, "Invalid Transfer-Encoding"},
    {GET "POST /c HTTP/1.1\r\n" CHUNKED "\r\nxyz\r\n", "/g[]\n", true, "Invalid chunk"},
    // Heads that cannot be
    {"POST / HTTP/1.1\r\nContent-Length: 1\r\n" CHUNKED "\r\n", "", true, "Content-Length with Transfer-Encoding"},
    {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "", true, "Repeated HTTP header"},
    {"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "", true, "Invalid Content-Length"},
    {"POST / HTTP/1.1\r\nContent-Length: -123\r\n\r\n", "", true, "Invalid Content-Length"},
    {"GET / HTTP/1.1\r\nContent-Length: 19000000000000000000\r\n\r\n", "", true, NULL},
    {"GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", "", true, "Invalid Content-Length"},
    {"POST / HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n", "", true, "MG_MAX_RECV_SIZE"},
    {"GET / HTTP/1.0\nA B\n\n", "", true, "Space before colon in HTTP header"},
    {"GET / HTTP/1.0\n:\nContent-Length: 1\n\n", "", true, "Invalid HTTP header name"},
    {"Invalid\r\n\r\n", "", true, "Invalid HTTP target"},
    {"\r\n\nGET / HTTP/1.1\r\n\r\n", "/[]\n", false, ""},  // RFC 9112, section 2.2
    {"\x16\x03\x01\x02", "", true, "Control byte in HTTP head"},
    {"GET /pct HTTP/1.1\rA: b\r\n\r\n", "", true, "CR without LF in HTTP head"},
    {GET "Invalid\n\n", "/g[]\n", true, "Invalid HTTP target"},
    {"POST /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\r\n" GET, "/p[ab]\n/g[]\n", false, ""},
    // Connection: close
    {"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n" GET, "/x[]\n", true, ""},
    {"GET /x HTTP/1.1\r\nConnection: CLOSE\r\n\r\n" GET, "/x[]\n", true, ""},
    {"GET /x HTTP/1.1\r\nConnection: keep-alive, close\r\n\r\n" GET, "/x[]\n", true, ""},
    {GET "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", "/g[]\n/x[]\n", true, ""},
    {"GET /x HTTP/1.1\r\nConnection: keep-alive\r\n\r\n" GET, "/x[]\n/g[]\n", false, ""},
    {"GET /x HTTP/1.1\r\nConnection: closed\r\n\r\n" GET, "/x[]\n/g[]\n", false, ""},
    // Responses sent to a server
    {"HTTP/1.1 200\r\n\r\n", "411\n", true, ""},
    {"HTTP/1.1 305\r\n\r\n" GET, "411\n", true, ""},
    {"HTTP/1.1 100\r\n\r\n", NULL, false, NULL},
    {"HTTP/1.1 304\r\n\r\n", NULL, false, NULL},
};

static void test_rows(void) {
  size_t i, step;
  begin(serve);
  for (i = 0; i < COUNT(rows); i++) {
    if (rows[i].replies == NULL) continue;
    for (step = 0; step < 20; step = step * 4 + 1) {  // all at once, then 1, 5 bytes at a time
      reset_records();
      exchange(rows[i].request, strlen(rows[i].request), step, rows[i].replies, rows[i].closed, rows[i].request);
      if (rows[i].error != NULL) {
        CHECK_ROW(strcmp(server.error, rows[i].error) == 0, rows[i].request);
        if (strcmp(server.error, rows[i].error) != 0) fprintf(stderr, "  got %s\n", server.error);
      } else {
        CHECK_ROW(server.error[0] != '\0', rows[i].request);
      }
    }
  }
  end();
}

// Whatever a server does with them, it is no 411.
static void test_harmless_responses(void) {
  static const char *const requests[] = {"HTTP/1.1 100\r\n\r\n", "HTTP/1.1 304\r\n\r\n"};
  size_t i;
  for (i = 0; i < COUNT(requests); i++) {
    char reply[2000];
    ssize_t n;
    int fd;
    begin(serve);
    fd = dial(l);
    put(fd, requests[i], strlen(requests[i]));
    poll_times(&mgr, 10);
    nonblocking(fd);
    n = recv(fd, reply, sizeof(reply), 0);
    CHECK_ROW(n <= 0 || memcmp(reply, "HTTP/1.1 411", 12) != 0, requests[i]);
    close(fd);
    end();
  }
}

// --- The order of events

static void test_events(void) {
  int fd;
  begin(serve);
  fd = dial(l);
  put(fd, GET, strlen(GET));
  POLL_UNTIL(&mgr, server.written > 0);
  CHECK_EVENTS(server, "OPEN ACCEPT HDRS MSG READ WRITE");
  CHECK(accepted->recv.len == 0);
  memset(&server, 0, sizeof(server));
  put(fd, GET GET, 2 * strlen(GET));
  POLL_UNTIL(&mgr, server.written > 0);
  CHECK_EVENTS(server, "HDRS MSG HDRS MSG READ WRITE");
  // A body in pieces.
  memset(&server, 0, sizeof(server));
  put(fd, "POST /p HTTP/1.1\r\nContent-Length: 6\r\n\r\n", 39);
  POLL_UNTIL(&mgr, server.read == 39);
  CHECK_EVENTS(server, "HDRS READ");
  put(fd, "abc", 3);
  POLL_UNTIL(&mgr, server.read == 42);
  CHECK_EVENTS(server, "HDRS READ");
  put(fd, "def", 3);
  POLL_UNTIL(&mgr, server.written > 0);
  CHECK_EVENTS(server, "HDRS READ MSG READ WRITE");
  close(fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  end();
}

// A request whose body was cut by the end of the connection is not delivered.
static void test_a_cut_request(void) {
  int fd;
  begin(serve);
  fd = dial(l);
  put(fd, "POST /p HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", 43);
  shutdown(fd, SHUT_WR);
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT HDRS READ CLOSE");
  close(fd);
  end();
}

// A peer that goes away in the middle of a reply.
static void test_a_cut_reply(void) {
  int fd, i;
  for (i = 0; i < 2; i++) {
    begin(serve);
    fd = dial(l);
    put(fd, GET, strlen(GET));
    POLL_UNTIL(&mgr, accepted != NULL);
    {
      char *p = (char *) calloc(1, 8 * 1024 * 1024);
      mg_send(accepted, p, 8 * 1024 * 1024);
      free(p);
    }
    poll_times(&mgr, 3);
    if (i == 0) close(fd); else reset(fd);
    POLL_UNTIL(&mgr, server.closes == 1 && mgr.conns == l);
    end();
  }
}

// --- What handlers do at HDRS

enum action { REMOVE, REMOVE_AND_REPLY, PFN_NULL, REPLY_AND_DRAIN, CLOSE, ERROR, CLOSE_CONN, ACTIONS };
static enum action action;

static void act(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_HTTP_MSG) mg_http_reply(c, 200, "", "msg");
  if (ev == MG_EV_HTTP_HDRS) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (action == REMOVE || action == REMOVE_AND_REPLY) mg_iobuf_del(&c->recv, 0, hm->head.len);
    if (action == REMOVE_AND_REPLY || action == REPLY_AND_DRAIN) mg_http_reply(c, 403, "", "no");
    if (action == PFN_NULL) c->pfn = NULL;
    if (action == REMOVE_AND_REPLY || action == REPLY_AND_DRAIN) c->is_draining = 1;
    if (action == CLOSE) c->is_closing = 1;
    if (action == ERROR) mg_error(c, "no %d", 1);
    if (action == CLOSE_CONN) mg_close_conn(c);
  }
}

static void test_actions(void) {
  static const struct {
    const char *whole, *partly;  // events when the body is there, and when it is not
  } events[ACTIONS] = {
      {"HDRS READ", "HDRS READ"},
      {"HDRS READ WRITE CLOSE", "HDRS READ WRITE CLOSE"},
      {"HDRS MSG READ WRITE", "HDRS READ"},
      {"HDRS READ WRITE CLOSE", "HDRS READ WRITE CLOSE"},
      {"HDRS READ CLOSE", "HDRS READ CLOSE"},
      {"HDRS ERROR READ CLOSE", "HDRS ERROR READ CLOSE"},
      {"HDRS CLOSE", "HDRS CLOSE"},
  };
  int i, partly;
  for (i = 0; i < ACTIONS; i++) {
    for (partly = 0; partly < 2; partly++) {
      static const char request[] = "POST /p HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
      const char *wanted = partly ? events[i].partly : events[i].whole;
      int fd;
      begin(act);
      action = (enum action) i;
      fd = dial(l);
      POLL_UNTIL(&mgr, accepted != NULL);
      memset(&server, 0, sizeof(server));
      put(fd, request, strlen(request) - (partly ? 1 : 0));
      POLL_UNTIL(&mgr, strcmp(server.text, wanted) == 0);
      poll_times(&mgr, 5);
      CHECK_EVENTS(server, wanted);
      if (action == REMOVE) {
        CHECK(accepted->pfn == NULL && accepted->recv.len == (partly ? 2 : 3));
        CHECK(memcmp(accepted->recv.buf, "ab", 2) == 0);
        put(fd, "raw", 3);
        POLL_UNTIL(&mgr, accepted->recv.len >= 5);
      }
      close(fd);
      end();
    }
  }
}

// A streaming upload: the handler takes over in HDRS and counts bytes, also those of the same packet.
static size_t streamed;

static void stream(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_HDRS) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    CHECK(hm->body.len == 5000000);
    *(size_t *) c->data = hm->body.len;
    mg_iobuf_del(&c->recv, 0, hm->head.len);
    c->pfn = NULL;
  }
  if ((ev == MG_EV_READ || ev == MG_EV_HTTP_HDRS) && c->pfn == NULL) {
    streamed += c->recv.len;
    c->recv.len = 0;
    if (streamed == *(size_t *) c->data) {
      mg_http_reply(c, 200, "", "%lu", (unsigned long) streamed);
      c->is_draining = 1;
    }
  }
}

static void test_streaming(void) {
  static const char head[] = "POST /up HTTP/1.1\r\nContent-Length: 5000000\r\n\r\n";
  char *p = (char *) calloc(1, 5000000), reply[200];
  size_t sent = 0;
  int fd, n = 0;
  begin(stream);
  streamed = 0;
  fd = dial(l);
  put(fd, head, strlen(head));
  nonblocking(fd);
  while (streamed < 5000000) {
    ssize_t k = sent < 5000000 ? send(fd, p + sent, 5000000 - sent, MSG_NOSIGNAL) : 0;
    if (k > 0) sent += (size_t) k;
    mg_mgr_poll(&mgr, 1);
  }
  POLL_UNTIL(&mgr, mgr.conns == l);
  n = (int) recv(fd, reply, sizeof(reply) - 1, 0);
  CHECK(n > 0 && strstr(reply, "\r\n\r\n5000000") != NULL);
  free(p);
  close(fd);
  end();
}

// --- What handlers do at MSG

static int msg_action;

static void spoil(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    messages++;
    mg_http_reply(c, 200, "", "ok");
    if (msg_action == 0) c->recv.len = 0;
    if (msg_action == 1) mg_iobuf_del(&c->recv, 0, hm->message.len);
    if (msg_action == 2) mg_iobuf_free(&c->recv);
    if (msg_action == 3) memset(hm, 0, sizeof(*hm));
    if (msg_action == 4) mg_iobuf_resize(&c->recv, 100000);
    if (msg_action == 5) mg_iobuf_del(&c->recv, 0, 1);
    if (msg_action == 6) mg_mgr_poll(c->mgr, 0);
  }
}

static void test_messages_that_handlers_spoil(void) {
  for (msg_action = 0; msg_action < 7; msg_action++) {
    int fd, i;
    char name[20];
    snprintf(name, sizeof(name), "action %d", msg_action);
    begin(spoil);
    fd = dial(l);
    for (i = 1; i <= 3; i++) {
      put(fd, GET, strlen(GET));
      POLL_UNTIL(&mgr, messages == i);
    }
    CHECK_ROW(messages == 3 && server.error[0] == '\0', name);
    // Two in one packet: what was not removed is served.
    if (msg_action == 1 || msg_action >= 3) {
      put(fd, GET GET, 2 * strlen(GET));
      POLL_UNTIL(&mgr, messages == 5);
      CHECK_ROW(messages == 5 && server.error[0] == '\0', name);
    }
    close(fd);
    POLL_UNTIL(&mgr, mgr.conns == l);
    end();
  }
}

static void close_in_msg(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    mg_http_reply(c, 200, "", "lost");
    mg_close_conn(c);
  }
}

static void test_close_conn_in_msg(void) {
  int fd;
  begin(close_in_msg);
  fd = dial(l);
  put(fd, GET GET, 2 * strlen(GET));
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK_EVENTS(server, "OPEN ACCEPT HDRS MSG CLOSE");
  close(fd);
  end();
}

// --- Replies that come later

static int answers_wanted;

static void answer_later(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  record_event(&server, ev, ev_data);
  if (ev == MG_EV_ACCEPT) accepted = c;
  if (ev == MG_EV_HTTP_MSG) messages++;
  if (ev == MG_EV_POLL && c->is_resp && answers_wanted > 0) {
    answers_wanted--;
    mg_http_reply(c, 200, "", "later");
  }
}

static void test_replies_from_poll(void) {
  static const char two[] = "GET /1 HTTP/1.1\r\n\r\nGET /two HTTP/1.1\r\n\r\n";
  int fd;
  begin(answer_later);
  answers_wanted = 0;
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted != NULL);
  memset(&server, 0, sizeof(server));
  put(fd, two, strlen(two));
  POLL_UNTIL(&mgr, messages == 1);
  poll_times(&mgr, 3);
  // The second waits in recv while the first is answered.
  CHECK_EVENTS(server, "HDRS MSG READ");
  CHECK(accepted->recv.len == 21 && accepted->is_resp);
  answers_wanted = 1;
  POLL_UNTIL(&mgr, server.written > 0);
  CHECK_EVENTS(server, "HDRS MSG READ HDRS MSG READ WRITE");
  CHECK(messages == 2 && accepted->is_resp && accepted->recv.len == 0);
  answers_wanted = 1;
  POLL_UNTIL(&mgr, !accepted->is_resp);
  close(fd);
  end();
}

static void reply_from_timer(void *arg) {
  struct mg_connection *c = *(struct mg_connection **) arg;
  mg_http_reply(c, 200, "", "timer");
}

static void test_replies_from_a_timer(void) {
  static const char two[] = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\nGET /3 HTTP/1.1\r\n\r\n";
  char reply[1000];
  int fd;
  begin(answer_later);
  answers_wanted = 0;
  fd = dial(l);
  put(fd, two, strlen(two));
  POLL_UNTIL(&mgr, messages == 1);
  mg_timer_add(&mgr, 1, MG_TIMER_ONCE, reply_from_timer, &accepted);
  POLL_UNTIL(&mgr, messages == 2);
  mg_timer_add(&mgr, 1, MG_TIMER_ONCE, reply_from_timer, &accepted);
  // The wish to close is remembered until the reply is there.
  POLL_UNTIL(&mgr, server.closes == 1);
  CHECK(messages == 2);
  memset(reply, 0, sizeof(reply));
  CHECK(recv(fd, reply, sizeof(reply) - 1, 0) > 0);
  CHECK(strstr(reply, "timer") != strstr(reply, "timerHTTP") || strstr(reply, "timerHTTP") != NULL);
  close(fd);
  end();
}

// A program that writes its response by hand clears is_resp itself.
static void by_hand(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    messages++;
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    c->is_resp = messages == 1;
  }
}

static void test_is_resp_by_hand(void) {
  int fd;
  begin(by_hand);
  fd = dial(l);
  put(fd, GET GET, 2 * strlen(GET));
  POLL_UNTIL(&mgr, messages == 1);
  poll_times(&mgr, 5);
  CHECK(messages == 1);  // not cleared: the second waits
  mgr.conns->is_resp = 0;
  POLL_UNTIL(&mgr, messages == 2);
  close(fd);
  end();
}

// --- Chunked replies

static void chunks(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    mg_printf(c, "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n");
    mg_http_printf_chunk(c, "%s-%d\n", "foo", 42);
    mg_http_write_chunk(c, "hello", 5);
    CHECK(c->is_resp);
    mg_http_printf_chunk(c, "");
    CHECK(!c->is_resp);
  }
}

static void test_chunked_reply(void) {
  static const char wanted[] = "HTTP/1.1 200 OK\r\n" CHUNKED "\r\n00000007\r\nfoo-42\n\r\n5\r\nhello\r\n00000000\r\n\r\n";
  char reply[1000];
  size_t n = 0;
  int fd;
  begin(chunks);
  fd = dial(l);
  put(fd, GET, strlen(GET));
  nonblocking(fd);
  while (n < strlen(wanted)) {
    ssize_t k = recv(fd, reply + n, sizeof(reply) - n, 0);
    if (k > 0) n += (size_t) k;
    mg_mgr_poll(&mgr, 1);
  }
  CHECK(n == strlen(wanted) && memcmp(reply, wanted, n) == 0);
  close(fd);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_rows();
  test_harmless_responses();
  test_events();
  test_a_cut_request();
  test_a_cut_reply();
  test_actions();
  test_streaming();
  test_messages_that_handlers_spoil();
  test_close_conn_in_msg();
  test_replies_from_poll();
  test_replies_from_a_timer();
  test_is_resp_by_hand();
  test_chunked_reply();
  return FAILURES;
}
