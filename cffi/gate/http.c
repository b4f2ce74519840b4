/* HttpMessage: attributes and methods. */
#include "gate.h"

static const struct mg_str nothing = {NULL, 0};

static struct mg_http_message *http(PyObject *self) {
  MessageView *w = (MessageView *) self;
  return window_is_over(w) ? NULL : (struct mg_http_message *) w->message;
}

/* The body as far as it has arrived: before HTTP_MSG body.len is what the peer announced. */
static struct mg_str body_of(PyObject *self) {
  struct mg_http_message *hm = http(self);
  if (hm == NULL || hm->body.buf == NULL) return nothing;
  const struct mg_iobuf *io = &((MessageView *) self)->c->recv;
  const char *start = (const char *) io->buf, *end = start + io->len;
  struct mg_str body = hm->body;
  if (body.buf < start || body.buf > end) return nothing;
  if (body.len > (size_t) (end - body.buf)) body.len = (size_t) (end - body.buf);
  return body;
}

enum { METHOD, URI, QUERY, PROTO };

/* The path of a target such as "http://host/path", which every server has to understand (RFC 9112,
   section 3.2.2); any other target as it is. */
struct mg_str http_path(struct mg_str uri) {
  static const char *const schemes[] = {"http://", "https://"};
  for (size_t i = 0; i < 2; i++) {
    size_t n = strlen(schemes[i]);
    if (uri.len <= n || mg_strcasecmp(mg_str_n(uri.buf, n), mg_str(schemes[i])) != 0) continue;
    const char *slash = memchr(uri.buf + n, '/', uri.len - n);
    if (slash == NULL) return mg_str("/");
    return mg_str_n(slash, uri.len - (size_t) (slash - uri.buf));
  }
  return uri;
}

static PyObject *get_text(PyObject *self, void *which) {
  struct mg_http_message *hm = http(self);
  if (hm == NULL) return text_of(nothing);
  switch ((int) (intptr_t) which) {
    case METHOD: return text_of(hm->method);
    case URI: return text_of(http_path(hm->uri));
    case QUERY: return text_of(hm->query);
    default: return text_of(hm->proto);
  }
}

static PyObject *get_body_text(PyObject *self, void *unused) {
  (void) unused;
  return text_of(body_of(self));
}

static PyObject *get_body_bytes(PyObject *self, void *unused) {
  (void) unused;
  return bytes_of(body_of(self));
}

/* A memoryview of the body in the receive buffer; it is released when the event is over. */
static PyObject *get_body_view(PyObject *self, void *unused) {
  MessageView *w = (MessageView *) self;
  (void) unused;
  if (http(self) == NULL) {
    PyErr_SetString(PyExc_ValueError, "HttpMessage is not valid for this event");
    return NULL;
  }
  if (w->view == NULL) {
    struct mg_str body = body_of(self);
    w->view = PyObject_CallFunction(gate_hooks.body_view, "NNn", PyLong_FromVoidPtr(w->c),
                                    PyLong_FromVoidPtr(body.buf), (Py_ssize_t) body.len);
    if (w->view == NULL) return NULL;
  }
  return PyObject_GetAttrString(w->view, "memory");
}

static PyObject *http_header(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"name", "default", NULL};
  const char *name;
  PyObject *fallback = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|O:header", names, &name, &fallback)) return NULL;
  struct mg_http_message *hm = http(self);
  struct mg_str *value = hm == NULL ? NULL : mg_http_get_header(hm, name);
  if (value != NULL) return text_of(*value);
  Py_INCREF(fallback);
  return fallback;
}

/* All headers of a message, also those for which the native message has no room. */
static PyObject *header_list(PyObject *self, PyObject *(*pair_of)(const struct mg_http_header *)) {
  struct mg_http_message *hm = http(self);
  struct mg_http_header h;
  size_t at = 0;
  PyObject *list = PyList_New(0);
  while (list != NULL && hm != NULL && (at = mg_http_next_header(hm, at, &h)) > 0) {
    PyObject *pair = pair_of(&h);
    if (pair == NULL || PyList_Append(list, pair) != 0) Py_CLEAR(list);
    Py_XDECREF(pair);
  }
  return list;
}

static PyObject *text_pair(const struct mg_http_header *h) {
  return Py_BuildValue("(NN)", text_of(h->name), text_of(h->value));
}

/* As ASGI wants them: bytes, names in lower case. */
static PyObject *raw_pair(const struct mg_http_header *h) {
  PyObject *name = PyBytes_FromStringAndSize(NULL, (Py_ssize_t) h->name.len);
  char *lower = name == NULL ? NULL : PyBytes_AsString(name);
  for (size_t k = 0; lower != NULL && k < h->name.len; k++) {
    char c = h->name.buf[k];
    lower[k] = (char) (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  }
  return Py_BuildValue("(NN)", name, bytes_of(h->value));
}

static PyObject *http_headers(PyObject *self, PyObject *unused) {
  (void) unused;
  return header_list(self, text_pair);
}

static PyObject *http_raw_headers(PyObject *self, PyObject *unused) {
  (void) unused;
  return header_list(self, raw_pair);
}

static PyObject *http_query_var(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"name", NULL};
  const char *name;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s:query_var", names, &name)) return NULL;
  struct mg_http_message *hm = http(self);
  if (hm == NULL || name[0] == '\0' || hm->query.len == 0) Py_RETURN_NONE;
  /* Decoding never makes a value longer. */
  char *value = PyMem_Malloc(hm->query.len + 1);
  if (value == NULL) return PyErr_NoMemory();
  int n = mg_http_get_var(&hm->query, name, value, hm->query.len + 1);
  PyObject *result = Py_None;
  if (n > 0) {
    result = text_of(mg_str_n(value, (size_t) n));
  } else {
    Py_INCREF(result);
  }
  PyMem_Free(value);
  return result;
}

static PyObject *http_status(PyObject *self, PyObject *unused) {
  (void) unused;
  struct mg_http_message *hm = http(self);
  if (hm == NULL) Py_RETURN_NONE;
  return PyLong_FromLong(mg_http_status(hm));
}

static PyObject *http_header_var(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"header_name", "var_name", NULL};
  const char *header, *variable;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "ss:header_var", names, &header, &variable)) {
    return NULL;
  }
  struct mg_http_message *hm = http(self);
  struct mg_str found = nothing, wanted = mg_str(header);
  struct mg_http_header h;
  size_t at = 0;
  /* Names of cookies have a case, those of parameters have none. */
  bool cookie = mg_strcasecmp(wanted, mg_str("Cookie")) == 0;
  while (found.len == 0 && hm != NULL && (at = mg_http_next_header(hm, at, &h)) > 0) {
    if (mg_strcasecmp(h.name, wanted) != 0) continue;
    found = cookie ? mg_http_get_header_var(h.value, mg_str(variable))
                   : mg_http_header_param(h.value, mg_str(variable));
  }
  if (found.len == 0) Py_RETURN_NONE;
  return text_of(found);
}

/* mg_http_creds() says nothing for "none", and no credentials are empty. */
static PyObject *http_credentials(PyObject *self, PyObject *unused) {
  (void) unused;
  struct mg_http_message *hm = http(self);
  if (hm == NULL) Py_RETURN_NONE;
  size_t room = hm->head.len + 1; /* They are in the head, and decoding makes nothing longer. */
  char *user = PyMem_Malloc(2 * room), *password = user == NULL ? NULL : user + room;
  if (user == NULL) return PyErr_NoMemory();
  mg_http_creds(hm, user, room, password, room);
  PyObject *pair = Py_None;
  if (user[0] == '\0' && password[0] == '\0') {
    Py_INCREF(pair);
  } else {
    pair = Py_BuildValue("(NN)", text_of(mg_str(user)), text_of(mg_str(password)));
  }
  PyMem_Free(user);
  return pair;
}

/* _first_part(boundary) -> where the first delimiter line of a multipart body is, or -1. */
static PyObject *http_first_part(PyObject *self, PyObject *args) {
  const char *boundary;
  Py_ssize_t length;
  if (!PyArg_ParseTuple(args, "y#", &boundary, &length)) return NULL;
  struct mg_str body = body_of(self);
  size_t n = (size_t) length + 2, at = 0;
  if (length == 0 || body.len < n) return PyLong_FromLong(-1);
  while (at <= body.len - n) {
    const char *line = body.buf + at, *rest = line + n, *stop = body.buf + body.len;
    if (memcmp(line, "--", 2) == 0 && memcmp(line + 2, boundary, (size_t) length) == 0) {
      while (rest < stop && (*rest == ' ' || *rest == '\t')) rest++; /* RFC 2046, section 5.1.1 */
      if (stop - rest >= 2 && memcmp(rest, "\r\n", 2) == 0) return PyLong_FromSize_t(at);
    }
    const char *end = memchr(line, '\n', body.len - at); /* What precedes it is no part. */
    if (end == NULL) break;
    at = (size_t) (end + 1 - body.buf);
  }
  return PyLong_FromLong(-1);
}

static PyObject *bytes_or_none(struct mg_str s) {
  if (s.buf != NULL) return bytes_of(s);
  Py_RETURN_NONE;
}

/* _part(first, offset) -> (offset of the next, headers, name, filename, content), or None. Both
   offsets count from the start of the body. */
static PyObject *http_part(PyObject *self, PyObject *args) {
  Py_ssize_t first, offset;
  if (!PyArg_ParseTuple(args, "nn", &first, &offset)) return NULL;
  struct mg_str body = body_of(self);
  struct mg_http_part part;
  if (first < 0 || offset < first || (size_t) first > body.len) Py_RETURN_NONE;
  struct mg_str parts = mg_str_n(body.buf + first, body.len - (size_t) first);
  size_t next = mg_http_next_multipart(parts, (size_t) (offset - first), &part);
  if (next == 0) Py_RETURN_NONE;
  const char *headers = body.buf + offset;
  return Py_BuildValue("(nNNNN)", (Py_ssize_t) next + first,
                       bytes_of(mg_str_n(headers, (size_t) (part.body.buf - headers))),
                       bytes_of(part.name), bytes_or_none(part.filename), bytes_of(part.body));
}

PyMethodDef http_methods[] = {
    {"header", KEYWORDS(http_header), METH_VARARGS | METH_KEYWORDS,
     "header($self, name, default=None)\n--\n\nValue of the first header of that name, in any case."},
    {"headers", http_headers, METH_NOARGS, "headers($self)\n--\n\nAll headers, as (name, value) pairs."},
    {"raw_headers", http_raw_headers, METH_NOARGS,
     "raw_headers($self)\n--\n\nAll headers as pairs of bytes, names in lower case."},
    {"query_var", KEYWORDS(http_query_var), METH_VARARGS | METH_KEYWORDS,
     "query_var($self, name)\n--\n\nDecoded variable of the query string; None when absent or empty."},
    {"status", http_status, METH_NOARGS,
     "status($self)\n--\n\nStatus code of a response, 0 for a request, None when the event is over."},
    {"header_var", KEYWORDS(http_header_var), METH_VARARGS | METH_KEYWORDS,
     "header_var($self, header_name, var_name)\n--\n\nVariable inside a header, such as charset."},
    {"credentials", http_credentials, METH_NOARGS,
     "credentials($self)\n--\n\n(user, password) of the request, or None.\n\n"
     "The first of these counts: Authorization: Basic; Authorization: Bearer; a cookie\n"
     "access_token; a query variable access_token. A token comes as ('', token)."},
    {"_first_part", http_first_part, METH_VARARGS, NULL},
    {"_part", http_part, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

PyGetSetDef http_properties[] = {
    {"method", get_text, NULL, "Request method.", (void *) METHOD},
    {"uri", get_text, NULL, "Path, without the query, not decoded.", (void *) URI},
    {"query", get_text, NULL, "Query string, without '?'.", (void *) QUERY},
    {"proto", get_text, NULL, "Protocol version.", (void *) PROTO},
    {"body_text", get_body_text, NULL, "Body as text.", NULL},
    {"body_bytes", get_body_bytes, NULL, "Body as bytes, copied.", NULL},
    {"body", get_body_bytes, NULL, "The same as body_bytes.", NULL},
    {"body_view", get_body_view, NULL, "Body without a copy; released after the event.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
