// The HTTP engine without a network: bytes go into the receive buffer of a connection, as a read
// puts them there, and what the engine makes of them comes out as lines of text.
//
//   what is in text.h, and
//   SENT hex                                   what is in the send buffer at the end
//   open|draining|closing N                    the connection at the end; bytes that were not used
#include <sys/socket.h>
#include <unistd.h>

#include "text.h"

enum { CLIENT = 1, STRICT = 2, BYTEWISE = 4, ENDS = 8, REPLIES = 16 };

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  put_event((struct text *) c->fn_data, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) c->is_resp = 0;  // Answered.
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
