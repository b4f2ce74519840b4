/* Responses of applications: their framing, which is never the application's to write. */
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>

#define ONE_PIECE 4096 /* bodies up to this size are copied after the head, and leave in one call */

void response_init(Response *r, struct mg_connection *c, const struct mg_http_message *hm) {
  memset(r, 0, offsetof(Response, inline_head));
  r->connection = mg_http_connection_header(c);
  r->core = core_of(c->mgr);
  r->is_head = hm->method.len == 4 && memcmp(hm->method.buf, "HEAD", 4) == 0;
  r->is_old = hm->proto.len == 8 && memcmp(hm->proto.buf, "HTTP/1.0", 8) == 0;
  r->head = r->inline_head;
  r->room = sizeof(r->inline_head);
}

void response_free(Response *r) {
  if (r->head != r->inline_head) free(r->head);
  r->head = r->inline_head;
  r->room = sizeof(r->inline_head);
  r->length = 0;
}

void response_reset(Response *r) {
  r->state = RESPONSE_NEW;
  r->length = 0;
  r->left = 0;
  r->has_length = r->has_type = r->has_date = r->has_server = r->asks_for_chunks = r->chunked = r->has_trailers = false;
  r->awaits_trailers = false;
}

static int fail_with(PyObject *type, const char *text) {
  PyErr_SetString(type, text);
  return -1;
}

/* Appends to the head; -1 without memory. */
static int append(Response *r, const char *text, size_t length) {
  if (r->length + length > r->room) {
    size_t room = (r->length + length) * 2;
    char *head = malloc(room);
    if (head == NULL) return -1;
    memcpy(head, r->head, r->length);
    if (r->head != r->inline_head) free(r->head);
    r->head = head;
    r->room = room;
  }
  memcpy(r->head + r->length, text, length);
  r->length += length;
  return 0;
}

#define APPEND(r, text) append(r, text, sizeof(text) - 1)

static int no_memory(int result) {
  if (result != 0) PyErr_NoMemory();
  return result;
}

int response_status(Response *r, int status, const char *reason, size_t length) {
  if (r->state == RESPONSE_DONE || r->state == RESPONSE_STREAMING) {
    return fail_with(PyExc_RuntimeError, "the response has begun already");
  }
  /* 1xx is not the answer, and 101 would end HTTP. */
  if (status < 200 || status > 999) {
    PyErr_Format(PyExc_ValueError, "%d is not the status of a final response", status);
    return -1;
  }
  response_reset(r);
  r->status = status;
  if (reason == NULL) {
    size_t n;
    const char *line = reply_status_line(status, &n);
    return no_memory(append(r, line, n));
  }
  char number[16];
  int n = snprintf(number, sizeof(number), "%d ", status);
  bool failed = APPEND(r, "HTTP/1.1 ") != 0 || append(r, number, (size_t) n) != 0 ||
                append(r, reason, length) != 0 || APPEND(r, "\r\n") != 0;
  return no_memory(failed ? -1 : 0);
}

static bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int illegal(const char *what, struct mg_str text) {
  PyObject *bytes = bytes_of(text);
  if (bytes != NULL) PyErr_Format(PyExc_ValueError, "Header %s contains illegal character: %R", what, bytes);
  Py_XDECREF(bytes);
  return -1;
}

int check_header(struct mg_str name, struct mg_str value) {
  if (name.len == 0) return fail_with(PyExc_ValueError, "Header name is empty");
  for (size_t i = 0; i < name.len; i++) {
    if (!is_token(name.buf[i])) return illegal("name", name);
  }
  for (size_t i = 0; i < value.len; i++) {
    char c = value.buf[i];
    if (c == '\r' || c == '\n' || c == '\0') return illegal("value", value);
  }
  return 0;
}

int header_pair(PyObject *pair, struct mg_str *name, struct mg_str *value, PyObject **owner) {
  PyObject *items = *owner = PySequence_Tuple(pair);
  if (items == NULL) return -1;
  if (PyTuple_Size(items) != 2) return fail_with(PyExc_ValueError, "a header is a pair of name and value");
  PyObject *key = PyTuple_GetItem(items, 0), *item = PyTuple_GetItem(items, 1);
  if (PyUnicode_Check(key) || PyUnicode_Check(item)) {
    return fail_with(PyExc_TypeError, "names and values of headers are bytes, not str");
  }
  if (!PyBytes_Check(key) || !PyBytes_Check(item)) { /* such as a bytearray */
    PyObject *first = PyObject_Bytes(key), *second = first == NULL ? NULL : PyObject_Bytes(item);
    PyObject *copies = second == NULL ? NULL : PyTuple_Pack(2, first, second);
    Py_XDECREF(first);
    Py_XDECREF(second);
    if (copies == NULL) return -1;
    Py_DECREF(items);
    *owner = copies;
    key = PyTuple_GetItem(copies, 0), item = PyTuple_GetItem(copies, 1);
  }
  char *text;
  Py_ssize_t length;
  if (PyBytes_AsStringAndSize(key, &text, &length) != 0) return -1;
  *name = mg_str_n(text, (size_t) length);
  if (PyBytes_AsStringAndSize(item, &text, &length) != 0) return -1;
  *value = mg_str_n(text, (size_t) length);
  return 0;
}

static int content_length(Response *r, struct mg_str value) {
  uint64_t length = 0;
  while (value.len > 0 && value.buf[value.len - 1] == ' ') value.len--;
  while (value.len > 0 && *value.buf == ' ') value.buf++, value.len--;
  bool ok = value.len > 0 && value.len < 19;
  for (size_t i = 0; i < value.len && ok; i++) {
    ok = value.buf[i] >= '0' && value.buf[i] <= '9';
    length = length * 10 + (uint64_t) (value.buf[i] - '0');
  }
  if (!ok || (r->has_length && r->left != length)) {
    return fail_with(PyExc_ValueError, "Content-Length is not one number");
  }
  if (r->has_length) return 1; /* said before */
  r->has_length = true;
  r->left = length;
  return r->status == 204 ? 1 : 0; /* RFC 9110, 8.6 */
}

int response_header(Response *r, struct mg_str name, struct mg_str value) {
  if (check_header(name, value) != 0) return -1;
  switch (name.len) {
    case 4:
      if (is_name(name, "date")) r->has_date = true;
      break;
    case 6:
      if (is_name(name, "server")) r->has_server = true;
      break;
    case 10:
      if (!is_name(name, "connection")) break;
      if (has_token(value, "close")) r->closes = true;
      return 0; /* Ours to say. */
    case 12:
      if (is_name(name, "content-type")) r->has_type = true;
      break;
    case 14:
      if (is_name(name, "content-length")) {
        int said = content_length(r, value);
        if (said != 0) return said < 0 ? -1 : 0;
      }
      break;
    case 17:
      if (!is_name(name, "transfer-encoding")) break;
      if (has_token(value, "chunked")) r->asks_for_chunks = true;
      return 0; /* Ours to do. */
    default: break;
  }
  size_t need = name.len + value.len + 4;
  if (r->length + need <= r->room) {
    char *p = r->head + r->length;
    memcpy(p, name.buf, name.len);
    p += name.len;
    *p++ = ':', *p++ = ' ';
    if (value.len > 0) memcpy(p, value.buf, value.len);
    p += value.len;
    *p++ = '\r', *p++ = '\n';
    r->length += need;
    return 0;
  }
  bool failed = append(r, name.buf, name.len) != 0 || APPEND(r, ": ") != 0 ||
                append(r, value.buf, value.len) != 0 || APPEND(r, "\r\n") != 0;
  return no_memory(failed ? -1 : 0);
}

static bool forbids_body(const Response *r) {
  return r->status == 204 || r->status == 304;
}

bool response_is_bodiless(const Response *r) {
  return r->is_head || forbids_body(r);
}

/* The Date of a response of now (RFC 9110, 6.6.1). */
static const char *date_line(Core *m) {
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t now = time(NULL);
  struct tm t;
  if (now != m->date_at && gmtime_r(&now, &t) != NULL) {
    snprintf(m->date, sizeof(m->date), "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + 3 * t.tm_wday,
             t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    m->date_at = now;
  }
  return m->date;
}

/* Lines that each head has, unless the application says the same: see core_set_lines(). */
static int append_lines(Response *r) {
  bool left_out[3] = {false, r->has_server, r->has_date};
  for (int i = 0; i < 3; i++) {
    char *text;
    Py_ssize_t length;
    if (r->core->lines[i] == NULL || left_out[i]) continue;
    if (PyBytes_AsStringAndSize(r->core->lines[i], &text, &length) != 0) return -1;
    if (no_memory(append(r, text, (size_t) length)) != 0) return -1;
  }
  if (r->core->lines[2] == NULL && !r->has_date) {
    const char *date = date_line(r->core);
    return no_memory(append(r, date, strlen(date)));
  }
  return 0;
}

int response_begin(Response *r) {
  r->state = RESPONSE_HELD;
  if (append_lines(r) != 0) return -1;
  if (r->has_type || forbids_body(r)) return 0;
  return no_memory(APPEND(r, "Content-Type: text/plain\r\n"));
}

static int append_length(Response *r, size_t length) {
  char line[48];
  char *end = line + sizeof(line), *p = end;
  *--p = '\n', *--p = '\r';
  do {
    *--p = (char) ('0' + length % 10);
    length /= 10;
  } while (length > 0);
  return APPEND(r, "Content-Length: ") != 0 ? -1 : append(r, p, (size_t) (end - p));
}

/* Ends the head: framing, Connection and the blank line. `known`: the length of the body is. */
static int finish_head(Response *r, size_t length, bool known) {
  bool chunks = !known || r->asks_for_chunks || r->has_trailers;
  int result = 0;
  if (r->has_length || forbids_body(r)) {
    r->has_trailers = false;
  } else if (chunks && !r->is_old) {
    result = APPEND(r, "Transfer-Encoding: chunked\r\n");
    r->chunked = !r->is_head;
  } else if (known) {
    result = append_length(r, length);
  } else {
    r->closes = true; /* The end of the connection is the end of the body. */
  }
  if (!r->chunked) r->has_trailers = false;
  if (result != 0) return -1;
  if (r->closes) {
    if (APPEND(r, "Connection: close\r\n") != 0) return -1;
  } else {
    if (*r->connection != '\0' && append(r, r->connection, strlen(r->connection)) != 0) return -1;
  }
  return APPEND(r, "\r\n");
}

static int send_failed(void) {
  return fail_with(PyExc_RuntimeError, "mg_send failed");
}

bool out_add(Out *out, const char *data, size_t length) {
  if (out->length + length > out->room) {
    size_t room = (out->length + length) * 2;
    char *grown = realloc(out->data, room);
    if (grown == NULL) return false;
    out->data = grown;
    out->room = room;
  }
  memcpy(out->data + out->length, data, length);
  out->length += length;
  return true;
}

static bool emit(Response *r, struct mg_connection *c, const char *data, size_t length) {
  return r->out != NULL ? out_add(r->out, data, length) : mg_send(c, data, length);
}

/* A chunk; an empty one is the last. */
static bool emit_chunk(Response *r, struct mg_connection *c, const char *data, size_t length) {
  if (r->out == NULL) {
    mg_http_write_chunk(c, data, length);
    return true;
  }
  char size[24];
  int n = snprintf(size, sizeof(size), "%zx\r\n", length);
  return out_add(r->out, size, (size_t) n) && out_add(r->out, data, length) && out_add(r->out, "\r\n", 2);
}

static void complete(Response *r, struct mg_connection *c) {
  r->state = RESPONSE_DONE;
  if (r->out != NULL) {
    r->out->complete = true;
    r->out->closes = r->closes;
  } else {
    response_settle(c, r->closes);
  }
  response_free(r);
}

void response_settle(struct mg_connection *c, bool closes) {
  /* A connection that closes takes no further request: for the engine the response continues. */
  c->is_resp = closes;
  if (closes) c->is_draining = 1;
}

const char *response_write(Response *r, struct mg_connection *c, const char *data, size_t length, bool last) {
  static const char no_memory[] = "there is no memory for the response";
  const char *wrong = NULL;
  if (r->state == RESPONSE_NEW) return "body before the start of the response";
  if (r->state == RESPONSE_DONE) return "the response is complete already";
  bool no_body = response_is_bodiless(r);
  size_t whole = length;
  if (no_body) length = 0;
  if (r->has_length && !no_body) {
    if (length > r->left) {
      length = (size_t) r->left;
      wrong = "the body is longer than its Content-Length";
      last = true;
    } else if (last && length < r->left) {
      wrong = "the body is shorter than its Content-Length";
      r->closes = true; /* So the client can see it. */
    }
    r->left -= length;
  }
  if (r->state == RESPONSE_HELD) {
    if (finish_head(r, whole, last) != 0) return no_memory;
    bool together = !r->chunked && length <= ONE_PIECE;
    if (together && length > 0 && append(r, data, length) != 0) return no_memory;
    if (!emit(r, c, r->head, r->length)) return no_memory;
    r->state = RESPONSE_STREAMING;
    if (together) length = 0;
  }
  if (length > 0 && !(r->chunked ? emit_chunk(r, c, data, length) : emit(r, c, data, length))) return no_memory;
  r->awaits_trailers = last && r->has_trailers;
  if (last && !r->has_trailers) {
    if (r->chunked && !emit_chunk(r, c, "", 0)) return no_memory;
    complete(r, c);
  }
  return wrong;
}

int response_trailers(Response *r, struct mg_connection *c, const char *lines, size_t length) {
  if (!mg_send(c, "0\r\n", 3) || (length > 0 && !mg_send(c, lines, length)) || !mg_send(c, "\r\n", 2)) {
    return send_failed();
  }
  complete(r, c);
  return 0;
}

int response_hints(struct mg_connection *c, const char *lines, size_t length) {
  static const char line[] = "HTTP/1.1 103 Early Hints\r\n";
  bool ok = mg_send(c, line, sizeof(line) - 1) && (length == 0 || mg_send(c, lines, length));
  return ok && mg_send(c, "\r\n", 2) ? 0 : send_failed();
}

void response_fail(Response *r, struct mg_connection *c, int status) {
  static const char text[] = "Internal Server Error";
  if (r->state == RESPONSE_DONE) return;
  if (r->state == RESPONSE_STREAMING) {
    r->closes = true; /* The client sees that the body is cut. */
    complete(r, c);
    return;
  }
  if (response_status(r, status, NULL, 0) != 0 || response_begin(r) != 0 ||
      response_write(r, c, text, status == 500 ? sizeof(text) - 1 : 0, true) != NULL) {
    PyErr_Clear();
    r->state = RESPONSE_DONE;
    if (c != NULL) c->is_closing = 1;
  }
}
