// How much work input makes, for a checker that counts instructions: work SCENARIO SIZE.
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mongoose.h"

static struct mg_mgr mgr;
static struct mg_connection *listener;
static size_t messages, collected;

static void must(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void at_once(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    messages++;
    collected += ((struct mg_http_message *) ev_data)->body.len;
    c->is_resp = 0;
  }
}

// Answers in the next poll.
static void later(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) messages++;
  if (ev == MG_EV_POLL && c->is_resp) mg_http_reply(c, 204, "", "");
  (void) ev_data;
}

static void start(mg_event_handler_t handler) {
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  must(listener != NULL, "listen");
}

// Gives `len` bytes to the engine as reads of one byte each.
static void byte_by_byte(const char *bytes, size_t len) {
  static struct mg_connection *c;
  int pair[2];
  long one = 1;
  if (c == NULL) {
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    c = mg_wrapfd(&mgr, pair[0], at_once, NULL);
    must(c != NULL, "wrapfd");
    c->pfn = listener->pfn;
    c->is_accepted = 1;
    must(mg_iobuf_resize(&c->recv, 1 << 20), "resize");
  }
  for (; len > 0; len--, bytes++) {
    c->recv.buf[c->recv.len++] = (unsigned char) *bytes;
    c->pfn(c, MG_EV_READ, &one);
  }
}

static void fill_byte_by_byte(char byte, size_t len) {
  while (len-- > 0) byte_by_byte(&byte, 1);
}

static void text_byte_by_byte(const char *text) { byte_by_byte(text, strlen(text)); }

// One long header.
static void head(size_t size) {
  start(at_once);
  text_byte_by_byte("GET / HTTP/1.1\r\nA: ");
  fill_byte_by_byte('a', size);
  text_byte_by_byte("\r\n\r\n");
  must(messages == 1, "one message");
}

// Many short headers.
static void headers(size_t size) {
  start(at_once);
  text_byte_by_byte("GET / HTTP/1.1\r\n");
  for (; size > 100; size -= 100) {
    text_byte_by_byte("A: ");
    fill_byte_by_byte('a', 95);
    text_byte_by_byte("\r\n");
  }
  text_byte_by_byte("\r\n");
  must(messages == 1, "one message");
}

static void body(size_t size) {
  char text[100];
  start(at_once);
  mg_snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nContent-Length: %lu\r\n\r\n", (unsigned long) size);
  text_byte_by_byte(text);
  fill_byte_by_byte('a', size);
  must(messages == 1 && collected == size, "one message");
}

// Chunks of one byte.
static void chunks(size_t size) {
  size_t i;
  start(at_once);
  text_byte_by_byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (i = 0; i < size; i += 6) text_byte_by_byte("1\r\na\r\n");
  text_byte_by_byte("0\r\n\r\n");
  must(messages == 1 && collected == (size + 5) / 6, "one message");
}

static void parts(char *buf, size_t len, size_t expected) {
  struct mg_http_part part;
  size_t n = 0, ofs = 0;
  while ((ofs = mg_http_next_multipart(mg_str_n(buf, len), ofs, &part)) > 0) n++;
  must(n == expected, "parts");
  free(buf);
}

// Many small parts.
static void multipart(size_t size) {
  static const char part[] = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
  size_t i, n = size / (sizeof(part) - 1);
  char *buf = (char *) malloc(size + 8);
  for (i = 0; i < n; i++) memcpy(buf + i * (sizeof(part) - 1), part, sizeof(part) - 1);
  memcpy(buf + n * (sizeof(part) - 1), "--b--\r\n", 7);
  parts(buf, n * (sizeof(part) - 1) + 7, n);
}

// A body that is all but delimiters.
static void dashes(size_t size) {
  char *buf = (char *) malloc(size);
  memset(buf, '-', size);
  memcpy(buf + size / 2, "\r\n\r\n", 4);
  parts(buf, size, 0);
}

// A plain socket that is connected to the listener.
static int dial(void) {
  struct sockaddr_in sin;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&sin, 0, sizeof(sin));
  sin.sin_family = AF_INET;
  sin.sin_port = listener->loc.port;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0, "connect");
  must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  return fd;
}

// Sends `len` bytes, `text` over and over, until `count` messages have come in.
static void exchange(const char *first, const char *text, size_t len, size_t count) {
  size_t sent = 0, n = strlen(text);
  int fd = dial();
  char block[16384];
  must(send(fd, first, strlen(first), MSG_NOSIGNAL) == (ssize_t) strlen(first), "send");
  while (messages < count) {
    while (sent < len) {
      size_t at = sent % n, size = n - at < len - sent ? n - at : len - sent;
      ssize_t k = send(fd, text + at, size, MSG_NOSIGNAL);
      if (k <= 0) break;
      sent += (size_t) k;
    }
    mg_mgr_poll(&mgr, 0);
    while (recv(fd, block, sizeof(block), 0) > 0) (void) 0;
  }
}

// Small requests in one go; each is answered one poll later.
static void held(size_t size) {
  static char text[16384 / 18 * 18 + 1];
  size_t i;
  for (i = 0; i + 18 < sizeof(text); i += 18) memcpy(text + i, "GET / HTTP/1.1\r\n\r\n", 18);
  start(later);
  exchange("", text, size / 18 * 18, size / 18);
}

// A body that is collected in the receive buffer.
static void upload(size_t size) {
  static char text[16385];
  char first[100];
  memset(text, 'a', sizeof(text) - 1);
  mg_snprintf(first, sizeof(first), "POST / HTTP/1.1\r\nContent-Length: %lu\r\n\r\n", (unsigned long) size);
  start(at_once);
  must(mg_conn_set(listener, MG_SET_RECV_LIMIT, 1 << 30), "limit");
  exchange(first, text, size, 1);
  must(collected == size, "the whole body");
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(size_t);
  } scenarios[] = {{"head", head},     {"headers", headers}, {"body", body},
                   {"chunks", chunks}, {"multipart", multipart}, {"dashes", dashes},
                   {"held", held},     {"upload", upload}};
  size_t i;
  for (i = 0; argc == 3 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
    if (strcmp(argv[1], scenarios[i].name) == 0) {
      scenarios[i].run((size_t) atol(argv[2]));
      return 0;
    }
  }
  return 2;
}
