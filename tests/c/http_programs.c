// What programs do with HTTP connections beyond answering: proxies, cameras, live logs, downloads.
#include "loop.h"

static struct mg_mgr mgr;
static struct mg_connection *l;
static char got[100000];
static size_t got_len;

static void begin(mg_event_handler_t fn) {
  mg_mgr_init(&mgr);
  l = mg_http_listen(&mgr, "http://127.0.0.1:0", fn, NULL);
  CHECK(l != NULL);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

static int ask(const char *request) {
  int fd = dial(l);
  nonblocking(fd);
  put(fd, request, strlen(request));
  got_len = 0;
  got[0] = '\0';
  return fd;
}

// Takes in what the server sends; true when it ends with `tail`.
static int ends_with(int fd, const char *tail) {
  ssize_t n = recv(fd, got + got_len, sizeof(got) - 1 - got_len, 0);
  if (n > 0) got_len += (size_t) n;
  got[got_len] = '\0';
  return got_len >= strlen(tail) && strcmp(got + got_len - strlen(tail), tail) == 0;
}

// --- A reverse proxy: HTTP to the client, plain bytes to the server. It sends the request line on as it came.

static struct mg_connection *origin;

static void serve_origin(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_str *via = mg_http_get_header(hm, "Via");
    mg_http_reply(c, 200, "", "%.*s?%.*s by %.*s: %.*s", (int) hm->uri.len, hm->uri.buf, (int) hm->query.len,
                  hm->query.buf, via == NULL ? 0 : (int) via->len, via == NULL ? "" : via->buf, (int) hm->body.len,
                  hm->body.buf);
    c->is_draining = 1;
  }
}

static void from_origin(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_connection *client = (struct mg_connection *) c->fn_data;
  (void) ev_data;
  if (client == NULL) return;
  if (ev == MG_EV_READ) {
    mg_send(client, c->recv.buf, c->recv.len);
    mg_iobuf_del(&c->recv, 0, c->recv.len);
  }
  if (ev == MG_EV_CLOSE) {
    client->is_resp = 0;  // The response is complete: the next request may come.
    client->fn_data = NULL;
  }
}

static void forward(struct mg_connection *c, int ev, void *ev_data) {
  if (c->is_listening) return;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    const char *line = hm->method.buf, *line_end = hm->proto.buf + hm->proto.len;
    struct mg_connection *back = mg_connect(c->mgr, url_of("tcp", origin), from_origin, c);
    CHECK(line == hm->message.buf && hm->body.buf == hm->head.buf + hm->head.len);
    CHECK(c->fn_data == NULL);  // One at a time.
    c->fn_data = back;
    mg_printf(back, "%.*s\r\nVia: us\r\nContent-Length: %lu\r\n\r\n", (int) (line_end - line), line,
              (unsigned long) hm->body.len);
    mg_send(back, hm->body.buf, hm->body.len);
  }
  if (ev == MG_EV_CLOSE && c->fn_data != NULL) ((struct mg_connection *) c->fn_data)->fn_data = NULL;
}

static void test_a_reverse_proxy(void) {
  int fd;
  begin(forward);
  origin = mg_http_listen(&mgr, "http://127.0.0.1:0", serve_origin, NULL);
  fd = ask("POST /a?b=c HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n");
  POLL_UNTIL(&mgr, ends_with(fd, "\r\n\r\n/2? by us: "));
  CHECK(strstr(got, "\r\n\r\n/a?b=c by us: abcHTTP/1.1 200 OK\r\n") != NULL);
  put(fd, "GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n", 38);
  POLL_UNTIL(&mgr, ends_with(fd, "/3? by us: "));
  POLL_UNTIL(&mgr, recv(fd, got, 1, 0) == 0);
  close(fd);
  // A client that leaves while the origin is asked.
  fd = ask("GET /4 HTTP/1.1\r\n\r\n");
  close(fd);
  POLL_UNTIL(&mgr, mgr.conns == origin);
  end();
}

// --- A camera: a response that never ends. c->data marks who watches.

static int watchers_gone, camera_requests;

static void camera(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    camera_requests++;
    c->data[0] = 'S';
    mg_printf(c, "%s", "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--f\r\n\r\n");
  }
  if (ev == MG_EV_CLOSE && c->data[0] == 'S') watchers_gone++;
}

static void send_frames(const char *frame) {
  struct mg_connection *c;
  for (c = mgr.conns; c != NULL; c = c->next) {
    if (c->data[0] != 'S') continue;
    mg_printf(c, "--f\r\nContent-Type: image/jpeg\r\nContent-Length: %lu\r\n\r\n", (unsigned long) strlen(frame));
    mg_send(c, frame, strlen(frame));
    mg_send(c, "\r\n", 2);
  }
}

static void test_a_camera(void) {
  int i, fd, other;
  begin(camera);
  fd = ask("GET /stream HTTP/1.1\r\n\r\nGET /never HTTP/1.1\r\n\r\n");
  other = ask("GET /stream HTTP/1.1\r\n\r\n");
  POLL_UNTIL(&mgr, camera_requests == 2);
  for (i = 0; i < 20; i++) {
    char frame[20];
    mg_snprintf(frame, sizeof(frame), "frame %d\r\n", i);
    send_frames(frame);
    strcat(frame, "\r\n");
    POLL_UNTIL(&mgr, ends_with(fd, frame));
    if (i == 10) close(other);
    if (i == 12) POLL_UNTIL(&mgr, watchers_gone == 1);
  }
  CHECK(camera_requests == 2 && watchers_gone == 1);
  close(fd);
  POLL_UNTIL(&mgr, watchers_gone == 2 && mgr.conns == l);
  end();
}

// --- A live log: whoever sends a line, all who listen get it as a chunk, printed inside a handler.

static void live_log(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/log"), NULL)) {
      c->data[0] = 'L';
      mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    } else {
      struct mg_connection *t;
      for (t = c->mgr->conns; t != NULL; t = t->next) {
        if (t->data[0] != 'L') continue;
        mg_http_printf_chunk(t, "%.*s", (int) hm->body.len, hm->body.buf);
        if (hm->body.len == 0) t->data[0] = '\0';
      }
      mg_http_reply(c, 200, "", "sent");
    }
  }
}

static void test_a_live_log(void) {
  int fd, sender;
  begin(live_log);
  sender = ask("");
  fd = ask("GET /log HTTP/1.1\r\n\r\nPOST /line HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  POLL_UNTIL(&mgr, ends_with(fd, "\r\n\r\n"));
  put(sender, "POST /line HTTP/1.1\r\nContent-Length: 4\r\n\r\none\n", 46);
  POLL_UNTIL(&mgr, ends_with(fd, "00000004\r\none\n\r\n"));
  put(sender, "POST /line HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 42);
  // The response is complete, so the request that waited for it is answered.
  POLL_UNTIL(&mgr, ends_with(fd, "00000000\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4          \r\n\r\nsent"));
  close(fd);
  close(sender);
  POLL_UNTIL(&mgr, mgr.conns == l);
  end();
}

// --- A long poll: the answer is a long time coming, and the client may leave meanwhile, whatever it
// has sent before.

static int polls_begun, polls_ended;

static void long_poll(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (c->is_listening) return;
  if (ev == MG_EV_HTTP_MSG) polls_begun++;
  if (ev == MG_EV_CLOSE) polls_ended++;
}

static void test_a_client_that_does_not_wait(void) {
  static char more[60000];
  size_t i, sizes[] = {0, 1000, 30000, sizeof(more)};
  for (i = 0; i < sizeof(more); i++) more[i] = "GET / HTTP/1.1\r\n\r\n"[i % 18];
  for (i = 0; i < COUNT(sizes); i++) {
    int fd;
    begin(long_poll);
    polls_begun = polls_ended = 0;
    fd = ask("GET / HTTP/1.1\r\n\r\n");
    POLL_UNTIL(&mgr, polls_begun == 1);
    put(fd, more, sizes[i]);
    poll_times(&mgr, 5);
    CHECK(polls_begun == 1 && polls_ended == 0);
    close(fd);
    POLL_UNTIL(&mgr, polls_ended == 1);
    end();
  }
}

// --- Replies of some size to a client that sends one request after the other, and reads nothing for a
// long time: what waits to be sent has a bound, and in the end everything is answered, in order.

#define REPLY 10000
#define REPLY_HEAD (sizeof("HTTP/1.1 200 OK\r\nContent-Length: 10000      \r\n\r\n") - 1)

static int answered;
static size_t most_queued;

static void answer_at_length(struct mg_connection *c, int ev, void *ev_data) {
  static char text[REPLY];
  (void) ev_data;
  if (c->is_listening) return;
  if (ev == MG_EV_HTTP_MSG) {
    memset(text, 'a' + answered++ % 26, sizeof(text));
    mg_http_reply(c, 200, "", "%.*s", REPLY, text);
  }
  if (c->send.len > most_queued) most_queued = c->send.len;
  CHECK(c->recv.len < 200000);
}

static void test_a_client_that_does_not_read(void) {
  static const char request[] = "GET / HTTP/1.1\r\n\r\n";
  static char block[18 * 1000];
  size_t i, sent, received;
  int events, turns, fd;
  for (i = 0; i < 1000; i++) memcpy(block + 18 * i, request, 18);
  for (events = 0; events < 2; events++) {
    begin(answer_at_length);
    CHECK(mg_conn_set(l, MG_SET_POLL_EVENTS, events));
    answered = 0;
    most_queued = sent = received = 0;
    fd = ask("");
    for (turns = 0; turns < 200; turns++) {
      ssize_t n = send(fd, block + sent % 18, 18 * 100, MSG_NOSIGNAL);
      if (n > 0) sent += (size_t) n;
      mg_mgr_poll(&mgr, 0);
    }
    CHECK(sent > 200000 && most_queued < 300000 && (size_t) answered < sent / 18);
    // Half of a request waits after the others.
    while (sent % 18 != 9) {
      ssize_t n = send(fd, request + sent % 18, 1, MSG_NOSIGNAL);
      if (n > 0) sent += (size_t) n;
      while (n <= 0 && recv(fd, got, 1, MSG_DONTWAIT) == 1) received++, n = 1;
      mg_mgr_poll(&mgr, 0);
    }
    for (turns = 0; turns < 100000 && received < sent / 18 * (REPLY + REPLY_HEAD); turns++) {
      ssize_t n = recv(fd, got, sizeof(got), 0);
      if (n > 0) received += (size_t) n;
      mg_mgr_poll(&mgr, 0);
    }
    CHECK(answered == (int) (sent / 18) && received == sent / 18 * (REPLY + REPLY_HEAD));
    CHECK(most_queued < 300000);
    close(fd);
    POLL_UNTIL(&mgr, mgr.conns == l);
    end();
  }
}

// --- A download of any length: the client takes the stream over when the head is there.

#define LENGTH 20000000

static void serve_zeros(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LENGTH);
    *(size_t *) c->data = LENGTH;
  }
  if ((ev == MG_EV_HTTP_MSG || ev == MG_EV_WRITE) && c->send.len < 100000) {
    static char zeros[50000];
    size_t n = *(size_t *) c->data < sizeof(zeros) ? *(size_t *) c->data : sizeof(zeros);
    mg_send(c, zeros, n);
    *(size_t *) c->data -= n;
    if (*(size_t *) c->data == 0) c->is_resp = 0;
  }
}

static size_t downloaded, biggest;
static int downloads;

static void download(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_HDRS) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    CHECK(mg_http_status(hm) == 200 && hm->body.len == LENGTH);
    mg_iobuf_del(&c->recv, 0, hm->head.len);
  }
  CHECK(ev != MG_EV_HTTP_MSG && ev != MG_EV_ERROR);
  // Also what came with the head is here, after that.
  if (ev == MG_EV_READ && c->pfn == NULL) {
    downloaded += c->recv.len;
    if (c->recv.size > biggest) biggest = c->recv.size;
    mg_iobuf_del(&c->recv, 0, c->recv.len);
    if (downloaded == LENGTH) c->is_draining = 1, downloads++;
  }
}

static void test_a_download(void) {
  begin(serve_zeros);
  mg_printf(mg_http_connect(&mgr, url_of("http", l), download, NULL), "GET / HTTP/1.1\r\n\r\n");
  POLL_UNTIL(&mgr, downloads == 1);
  POLL_UNTIL(&mgr, mgr.conns == l);
  CHECK(downloaded == LENGTH && biggest < 1000000);
  end();
}

// --- The protocol handler called by hand, as fuzzers do, on a connection of any kind.

static int served;

static void serve_here(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_serve_opts opts = {".", NULL, NULL, NULL, NULL, NULL};
    mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
    served++;
  }
}

static void test_handlers_called_by_hand(void) {
  static const char *const requests[] = {"GET / HTTP/1.1\r\n\r\n", "GET /none HTTP/1.1\n\nHEAD / HTTP/1.1\n\n",
                                         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "x\n\n", "\xff"};
  size_t i;
  for (i = 0; i < COUNT(requests); i++) {
    begin(serve_here);
    mg_iobuf_add(&l->recv, 0, requests[i], strlen(requests[i]));
    l->pfn(l, MG_EV_READ, NULL);
    mg_mgr_poll(&mgr, 0);
    end();
  }
  CHECK(served == 4);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_a_reverse_proxy();
  test_a_camera();
  test_a_live_log();
  test_a_client_that_does_not_wait();
  test_a_client_that_does_not_read();
  test_a_download();
  test_handlers_called_by_hand();
  return FAILURES;
}
