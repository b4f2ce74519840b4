/* Connection.reply(): one HTTP response, from Python objects straight into the send buffer. */
#include "gate.h"
#include "serve.h"

#include <stdio.h>

#define SCRATCH_KEEP 65536 /* a larger scratch buffer is given back after the reply */
#define INLINE_BODY 1024   /* bodies up to this size are sent in one piece with the head */

/* The status line of a code, "HTTP/1.1 200 OK\r\n", as the library writes it. */
typedef struct StatusLine {
  char text[64];
  size_t length;
} StatusLine;

static const StatusLine *status_line(int code) {
  static StatusLine known[600]; /* [GIL] */
  static StatusLine other;
  StatusLine *line = code >= 100 && code < 600 ? &known[code] : &other;
  if (line->length == 0 || line == &other) {
    /* A connection of our own, in no manager: the library formats into its send buffer. */
    struct mg_connection c;
    memset(&c, 0, sizeof(c));
    mg_http_reply(&c, code, "", "");
    const char *end = c.send.buf == NULL ? NULL : memchr(c.send.buf, '\n', c.send.len);
    size_t n = end == NULL ? 0 : (size_t) (end + 1 - (char *) c.send.buf);
    if (n > 0 && n <= sizeof(line->text)) {
      memcpy(line->text, c.send.buf, n);
      line->length = n;
    }
    mg_iobuf_free(&c.send);
  }
  return line;
}

const char *reply_status_line(int code, size_t *length) {
  const StatusLine *line = status_line(code);
  *length = line->length;
  return line->text;
}

static bool room(Core *m, size_t used, size_t more) {
  if (used + more <= m->scratch_size) return true;
  size_t size = (used + more) * 2;
  char *p = PyMem_Realloc(m->scratch, size);
  if (p == NULL) {
    PyErr_NoMemory();
    return false;
  }
  m->scratch = p;
  m->scratch_size = size;
  return true;
}

static bool add(Core *m, size_t *used, const char *text, size_t length) {
  if (!room(m, *used, length)) return false;
  memcpy(m->scratch + *used, text, length);
  *used += length;
  return true;
}

/* A token: what a header name has to be (RFC 9110, section 5.6.2). */
static bool is_token(const char *s, Py_ssize_t length) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  for (Py_ssize_t i = 0; i < length; i++) {
    char c = s[i], lower = (char) (c | 0x20);
    bool is_alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    if (!is_alphanumeric && (c == '\0' || strchr(others, c) == NULL)) return false;
  }
  return length > 0;
}

/* Bytes of a header name or value; ValueError when they could break out of their line. */
static const char *header_text(PyObject *text, bool is_name, Py_ssize_t *length) {
  const char *s;
  if (PyBytes_Check(text)) {
    char *bytes;
    if (PyBytes_AsStringAndSize(text, &bytes, length) != 0) return NULL;
    s = bytes;
  } else {
    s = PyUnicode_AsUTF8AndSize(text, length);
  }
  if (s == NULL) return NULL;
  for (Py_ssize_t i = 0; i < *length; i++) {
    if (s[i] == '\r' || s[i] == '\n' || s[i] == '\0') {
      PyErr_Format(PyExc_ValueError, "Header %s contains illegal character (CR, LF, or NUL): %R",
                   is_name ? "name" : "value", text);
      return NULL;
    }
  }
  if (is_name && !is_token(s, *length)) {
    PyErr_Format(PyExc_ValueError, "Header name is no token (RFC 9110, section 5.1): %R", text);
    return NULL;
  }
  return s;
}

static bool is_named(const char *name, Py_ssize_t length, const char *wanted) {
  return mg_strcasecmp(mg_str_n(name, (size_t) length), mg_str(wanted)) == 0;
}

/* The lines of one header block under construction. */
typedef struct Block {
  size_t used;
  bool has_type;
  Framing framing;
} Block;

static bool add_header(Core *m, Block *block, PyObject *name, PyObject *value) {
  Py_ssize_t name_length, value_length;
  const char *n = header_text(name, true, &name_length);
  const char *v = n == NULL ? NULL : header_text(value, false, &value_length);
  if (v == NULL) return false;
  if (is_named(n, name_length, "content-type")) block->has_type = true;
  if (is_named(n, name_length, "transfer-encoding")) block->framing.encoded = true;
  if (is_named(n, name_length, "connection")) {
    block->framing.has_connection = true;
    if (has_token(mg_str_n(v, (size_t) value_length), "close")) block->framing.closes = true;
  }
  if (is_named(n, name_length, "date")) block->framing.has_date = true;
  /* The length is ours to say, except where no body follows that it could be taken from. */
  if (is_named(n, name_length, "content-length")) {
    block->framing.has_length = mg_str_to_num(mg_str_n(v, (size_t) value_length), 10,
                                              &block->framing.length, sizeof(size_t));
    return true;
  }
  return add(m, &block->used, n, (size_t) name_length) && add(m, &block->used, ": ", 2) &&
         add(m, &block->used, v, (size_t) value_length) && add(m, &block->used, "\r\n", 2);
}

static const char default_type[] = "Content-Type: text/plain\r\n";

/* Adds the default Content-Type first when none was given. */
static bool finish_block(Core *m, Block *block) {
  size_t n = sizeof(default_type) - 1;
  if (block->has_type) return true;
  if (!room(m, block->used, n)) return false;
  memmove(m->scratch + n, m->scratch, block->used);
  memcpy(m->scratch, default_type, n);
  block->used += n;
  return true;
}

/* The block of a small dict of exact str objects, if one with the very same objects was built
   before. str is immutable, so equal identities mean an equal block. */
static HeaderCache *cached_block(Core *m, PyObject *headers, PyObject **pairs, unsigned *count) {
  PyObject *name, *value;
  Py_ssize_t position = 0;
  *count = 0;
  if (!PyDict_CheckExact(headers) || PyDict_Size(headers) > 4) return NULL;
  while (PyDict_Next(headers, &position, &name, &value)) {
    if (!PyUnicode_CheckExact(name) || !PyUnicode_CheckExact(value)) {
      *count = 0;
      return NULL;
    }
    pairs[(*count)++] = name;
    pairs[(*count)++] = value;
  }
  for (unsigned i = 0; i < 4; i++) {
    HeaderCache *entry = &m->cache[i];
    if (entry->text != NULL && entry->count == *count &&
        memcmp(entry->pairs, pairs, *count * sizeof(*pairs)) == 0) {
      return entry;
    }
  }
  return NULL;
}

static void forget(HeaderCache *entry) {
  for (unsigned i = 0; i < entry->count; i++) Py_CLEAR(entry->pairs[i]);
  PyMem_Free(entry->text);
  memset(entry, 0, sizeof(*entry));
}

void reply_forget(Core *m) {
  for (unsigned i = 0; i < 4; i++) forget(&m->cache[i]);
}

static void remember(Core *m, const Block *block, PyObject **pairs, unsigned count) {
  HeaderCache *entry = &m->cache[m->cache_next++ % 4];
  forget(entry);
  entry->text = PyMem_Malloc(block->used + 1);
  if (entry->text == NULL) return;
  memcpy(entry->text, m->scratch, block->used);
  entry->length = block->used;
  entry->framing = block->framing;
  entry->count = count;
  for (unsigned i = 0; i < count; i++) {
    Py_INCREF(pairs[i]);
    entry->pairs[i] = pairs[i];
  }
}

/* A name or value: bytes as they are (that is what ASGI has), all else through str(). */
static PyObject *text_or_bytes(PyObject *object) {
  if (!PyBytes_Check(object)) return PyObject_Str(object);
  Py_INCREF(object);
  return object;
}

/* Encodes any mapping or iterable of pairs into the scratch buffer. */
static bool encode_headers(Core *m, PyObject *headers, Block *block) {
  PyObject *items = PyMapping_Check(headers) && PyObject_HasAttrString(headers, "items")
                        ? PyMapping_Items(headers)
                        : PySequence_List(headers);
  if (items == NULL) return false;
  bool ok = true;
  Py_ssize_t n = PyList_Size(items);
  for (Py_ssize_t i = 0; i < n && ok; i++) {
    PyObject *pair = PySequence_Tuple(PyList_GetItem(items, i));
    ok = pair != NULL;
    if (ok && PyTuple_Size(pair) != 2) {
      PyErr_SetString(PyExc_TypeError, "headers must be a dict or an iterable of pairs");
      ok = false;
    }
    PyObject *name = ok ? text_or_bytes(PyTuple_GetItem(pair, 0)) : NULL;
    PyObject *value = name != NULL ? text_or_bytes(PyTuple_GetItem(pair, 1)) : NULL;
    ok = value != NULL && add_header(m, block, name, value);
    Py_XDECREF(name);
    Py_XDECREF(value);
    Py_XDECREF(pair);
  }
  Py_DECREF(items);
  return ok;
}

typedef struct Reply {
  int status;
  const char *body;
  size_t body_length;
  const char *headers;
  size_t headers_length;
  Framing framing;
} Reply;

static size_t decimal(char *to, size_t value) {
  char digits[24];
  size_t n = 0;
  do {
    digits[n++] = (char) ('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (size_t i = 0; i < n; i++) to[i] = digits[n - 1 - i];
  return n;
}

/* Queues head and body. The head is built after the header block, which may lie in scratch. */
static bool send_reply(Core *m, struct mg_connection *c, const Reply *r, size_t used) {
  static const char length_name[] = "Content-Length: ";
  const StatusLine *line = status_line(r->status);
  ConnExtra *slot = slot_of(c);
  bool bodiless = r->status < 200 || r->status == 204;
  bool no_body = bodiless || r->status == 304 || slot->head;
  size_t body = no_body ? 0 : r->body_length;
  size_t inline_body = body <= INLINE_BODY && !r->framing.encoded ? body : 0;
  bool in_scratch = r->headers == m->scratch;
  const char *connection = r->framing.has_connection ? "" : mg_http_connection_header(c);
  size_t connection_length = strlen(connection);
  const char *date = r->framing.has_date || r->status < 200 ? "" : mg_http_date_header(c);
  size_t date_length = strlen(date);
  if (!room(m, used,
            line->length + r->headers_length + connection_length + date_length + 64 + inline_body)) {
    return false;
  }
  const char *headers = in_scratch ? m->scratch : r->headers;
  char *start = m->scratch + used, *p = start;
  memcpy(p, line->text, line->length);
  p += line->length;
  memcpy(p, headers, r->headers_length);
  p += r->headers_length;
  memcpy(p, connection, connection_length);
  p += connection_length;
  memcpy(p, date, date_length);
  p += date_length;
  /* Only the program knows the length of what a 304 represents. */
  bool unknown = r->status == 304 && !r->framing.has_length && r->body_length == 0;
  if (!r->framing.encoded && !bodiless && !unknown) {
    /* The value is padded to 11 characters, as mg_http_reply() does. */
    memcpy(p, length_name, sizeof(length_name) - 1);
    p += sizeof(length_name) - 1;
    bool given = no_body && r->framing.has_length;
    size_t n = decimal(p, given ? r->framing.length : r->body_length);
    while (n < 11) p[n++] = ' ';
    p += n;
    memcpy(p, "\r\n", 2);
    p += 2;
  }
  memcpy(p, "\r\n", 2);
  p += 2;
  memcpy(p, r->body, inline_body);
  p += inline_body;
  bool ok = mg_send(c, start, (size_t) (p - start));
  if (ok && r->framing.encoded) {
    if (body > 0) mg_http_write_chunk(c, r->body, body);
  } else if (ok && body > inline_body) {
    ok = mg_send(c, r->body, body);
  }
  if (!ok) {
    PyErr_SetString(PyExc_RuntimeError, "mg_send failed");
    return false;
  }
  slot->closes = c->is_accepted && r->status >= 200 && r->framing.closes;
  if (!r->framing.encoded) {
    c->is_resp = 0;
    if (slot->closes) c->is_draining = 1; /* What was said has to be done (RFC 9112, 9.6). */
  }
  return true;
}

void reply_error(struct mg_connection *c) {
  mg_http_reply(c, 500, default_type, "%s", slot_of(c)->head ? "" : "Internal Server Error\n");
}

/* Header lines go to the scratch buffer of the manager; for a closed connection they are only
   checked, in a scratch buffer of their own. */
static bool headers_of(Core *m, PyObject *headers, Reply *r, size_t *used) {
  PyObject *pairs[8];
  unsigned count = 0;
  Block block = {0, false, {false, false, false, false, false, 0}};
  if (headers == NULL || headers == Py_None) {
    r->headers = default_type;
    r->headers_length = sizeof(default_type) - 1;
    return true;
  }
  HeaderCache *entry = cached_block(m, headers, pairs, &count);
  if (entry != NULL) {
    r->headers = entry->text;
    r->headers_length = entry->length;
    r->framing = entry->framing;
    return true;
  }
  if (!room(m, 0, 256)) return false;
  if (!encode_headers(m, headers, &block) || !finish_block(m, &block)) return false;
  r->headers = m->scratch;
  r->headers_length = *used = block.used;
  r->framing = block.framing;
  if (count > 0) remember(m, &block, pairs, count);
  return true;
}

PyObject *conn_reply(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"reply", {"status_code", "body", "headers"}, 3};
  PyObject *given[3] = {NULL, NULL, NULL};
  Data body = {NULL, NULL, 0};
  Reply r = {0, NULL, 0, "", 0, {false, false, false, false, false, 0}};
  if (arguments(&signature, args, nargs, names, given) != 0) return NULL;
  if (int_from(given[0], &r.status) != 0) return NULL;
  if (r.status < 100 || r.status > 999) {
    PyErr_Format(PyExc_ValueError, "a status has three digits (RFC 9110, section 15): %d", r.status);
    return NULL;
  }
  if (given[1] != NULL && data_from(given[1], &body) != 0) return NULL;
  r.body = body.bytes, r.body_length = body.length;
  bool ok = false;
  size_t used = 0;
  if (self->c == NULL) {
    Core checked;
    memset(&checked, 0, sizeof(checked));
    if (headers_of(&checked, given[2], &r, &used)) {
      PyErr_SetString(PyExc_RuntimeError, "Connection has been closed");
    }
    reply_forget(&checked);
    PyMem_Free(checked.scratch);
  } else {
    struct mg_connection *c = conn_enter(self);
    if (c != NULL) {
      Core *m = self->core;
      ok = headers_of(m, given[2], &r, &used) && send_reply(m, c, &r, used);
      if (m->scratch_size > SCRATCH_KEEP) {
        PyMem_Free(m->scratch);
        m->scratch = NULL;
        m->scratch_size = 0;
      }
      if (core_leave(m) != 0) ok = false;
    }
  }
  Py_XDECREF(body.owner);
  if (!ok) return NULL;
  Py_RETURN_NONE;
}
