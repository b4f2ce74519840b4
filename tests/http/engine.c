// The HTTP engine without a network: bytes go into the receive buffer of a connection, as a read
// puts them there, and what the engine makes of them comes out as lines of text.
//
//   HDRS                                       MG_EV_HTTP_HDRS
//   MSG method target proto body name value .. MG_EV_HTTP_MSG; fields in hex, '-' for an empty one
//   ERROR text                                 MG_EV_ERROR
//   SENT hex                                   what is in the send buffer at the end
//   open|draining|closing N                    the connection at the end; bytes that were not used
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mongoose.h"

enum { CLIENT = 1, STRICT = 2, BYTEWISE = 4, ENDS = 8, REPLIES = 16 };

struct text {
  char *buf;
  size_t size, len;
};

static void put(struct text *t, const char *format, ...) {
  va_list ap;
  int n;
  if (t->len >= t->size) return;
  va_start(ap, format);
  n = vsnprintf(t->buf + t->len, t->size - t->len, format, ap);
  va_end(ap);
  t->len += (size_t) n;
}

static void put_hex(struct text *t, const char *before, const char *bytes, size_t len) {
  static const char digits[] = "0123456789abcdef";
  put(t, "%s%s", before, len == 0 ? "-" : "");
  if (t->len + 2 * len >= t->size) {
    t->len = t->size;  // Too long: the caller sees that it is full.
    return;
  }
  for (; len > 0; len--, bytes++) {
    t->buf[t->len++] = digits[(unsigned char) *bytes >> 4];
    t->buf[t->len++] = digits[*bytes & 15];
  }
  t->buf[t->len] = '\0';
}

static void put_message(struct text *t, const struct mg_http_message *hm) {
  size_t i, target = hm->uri.len;
  if (hm->query.buf != NULL) target += 1 + hm->query.len;
  put_hex(t, "MSG ", hm->method.buf, hm->method.len);
  put_hex(t, " ", hm->uri.buf, target);
  put_hex(t, " ", hm->proto.buf, hm->proto.len);
  put_hex(t, " ", hm->body.buf, hm->body.len);
  for (i = 0; i < MG_MAX_HTTP_HEADERS && hm->headers[i].name.len > 0; i++) {
    put_hex(t, " ", hm->headers[i].name.buf, hm->headers[i].name.len);
    put_hex(t, " ", hm->headers[i].value.buf, hm->headers[i].value.len);
  }
  put(t, "\n");
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct text *t = (struct text *) c->fn_data;
  if (ev == MG_EV_HTTP_HDRS) put(t, "HDRS\n");
  if (ev == MG_EV_HTTP_MSG) {
    put_message(t, (struct mg_http_message *) ev_data);
    c->is_resp = 0;  // Answered.
  }
  if (ev == MG_EV_ERROR) put(t, "ERROR %s\n", (char *) ev_data);
}

static void feed(struct mg_connection *c, const char *bytes, size_t len) {
  long n = (long) len;
  if (len == 0 || c->is_closing) return;
  mg_iobuf_add(&c->recv, c->recv.len, bytes, len);
  if (c->pfn != NULL) c->pfn(c, MG_EV_READ, &n);
  c->fn(c, MG_EV_READ, &n);
}

// Gives the engine `len` bytes: all at once, or two pieces when `cut` is not 0, or byte by byte.
// Returns the length of the text; `size` or more when it did not fit.
size_t engine_run(const char *bytes, size_t len, size_t cut, int flags, char *out, size_t size) {
  static struct mg_mgr mgr;
  static mg_event_handler_t engine;
  static int peer[2];
  struct text t;
  struct mg_connection *c;
  size_t i;
  if (engine == NULL) {
    mg_log_set(MG_LL_NONE);
    mg_mgr_init(&mgr);
    c = mg_http_listen(&mgr, "http://127.0.0.1:0", NULL, NULL);
    if (c == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, peer) != 0) return 0;
    engine = c->pfn;
    mg_close_conn(c);
  }
  t.buf = out;
  t.size = size;
  t.len = 0;
  out[0] = '\0';
  c = mg_wrapfd(&mgr, dup(peer[0]), handler, &t);
  if (c == NULL) return 0;
  c->pfn = engine;
  if (flags & CLIENT) {
    c->is_client = 1;
  } else {
    c->is_accepted = 1;
  }
  mg_conn_set(c, MG_SET_HTTP_STRICT, (flags & STRICT) != 0);
  mg_conn_set(c, MG_SET_HTTP10_CLOSE, (flags & STRICT) != 0);
  mg_conn_set(c, MG_SET_HTTP_ERROR_REPLIES, (flags & REPLIES) != 0);
  if (flags & BYTEWISE) {
    for (i = 0; i < len; i++) feed(c, bytes + i, 1);
  } else {
    feed(c, bytes, cut);
    feed(c, bytes + cut, len - cut);
  }
  put_hex(&t, "SENT ", (char *) c->send.buf, c->send.len);
  put(&t, "\n%s %lu\n", c->is_closing ? "closing" : c->is_draining ? "draining" : "open", (unsigned long) c->recv.len);
  if (!(flags & ENDS)) c->pfn = NULL;
  mg_close_conn(c);
  return t.len;
}

// The first length at which mg_http_parse does not say "incomplete" for a proper prefix of the
// head; the length of the head when there is none.
size_t first_answer(const char *bytes, size_t head) {
  struct mg_http_message hm;
  size_t n;
  for (n = 0; n < head; n++) {
    if (mg_http_parse(bytes, n, &hm) != 0) break;
  }
  return n;
}

int parse(const char *bytes, size_t len) {
  struct mg_http_message hm;
  return mg_http_parse(bytes, len, &hm);
}
