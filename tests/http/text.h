// Events of HTTP as lines of text:
//
//   HDRS                                       MG_EV_HTTP_HDRS
//   MSG method target proto body name value .. MG_EV_HTTP_MSG; fields in hex, '-' for an empty one
//   ERROR text                                 MG_EV_ERROR
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>
#include <stdio.h>

#include "mongoose.h"

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

static void put_event(struct text *t, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_HDRS) put(t, "HDRS\n");
  if (ev == MG_EV_HTTP_MSG) put_message(t, (struct mg_http_message *) ev_data);
  if (ev == MG_EV_ERROR) put(t, "ERROR %s\n", (char *) ev_data);
}

#endif
