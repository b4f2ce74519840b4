/* Heads of requests: header lines, targets, and the names of headers as Python objects. */
#include "serve.h"

/* Lines -------------------------------------------------------------------------------------- */

Lines lines_of(const struct mg_http_message *hm) {
  Lines lines = {hm->head.buf, hm->head.buf + hm->head.len};
  const char *end = memchr(lines.at, '\n', hm->head.len);
  lines.at = end == NULL ? lines.end : end + 1;
  return lines;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static struct mg_str trimmed(const char *from, const char *to) {
  while (from < to && is_blank(*from)) from++;
  while (to > from && is_blank(to[-1])) to--;
  return mg_str_n(from, (size_t) (to - from));
}

bool lines_next(Lines *lines, struct mg_str *name, struct mg_str *value) {
  if (lines->at >= lines->end) return false;
  size_t n = (size_t) (lines->end - lines->at);
  const char *newline = memchr(lines->at, '\n', n);
  size_t length = newline == NULL ? n : (size_t) (newline - lines->at);
  if (length > 0 && lines->at[length - 1] == '\r') length--;
  const char *colon = memchr(lines->at, ':', length);
  if (colon == NULL) return false; /* the blank line */
  *name = mg_str_n(lines->at, (size_t) (colon - lines->at));
  *value = trimmed(colon + 1, lines->at + length);
  lines->at = newline == NULL ? lines->end : newline + 1;
  return true;
}

bool is_name(struct mg_str name, const char *wanted) {
  return name.len == strlen(wanted) && mg_strcasecmp(name, mg_str(wanted)) == 0;
}

bool has_token(struct mg_str list, const char *wanted) {
  const char *at = list.buf, *end = list.buf + list.len;
  while (at < end) {
    const char *comma = memchr(at, ',', (size_t) (end - at));
    const char *stop = comma == NULL ? end : comma;
    if (is_name(trimmed(at, stop), wanted)) return true;
    at = stop + 1;
  }
  return false;
}

bool head_has_token(const struct mg_http_message *hm, const char *name, const char *token) {
  Lines lines = lines_of(hm);
  struct mg_str key, value;
  while (lines_next(&lines, &key, &value)) {
    if (is_name(key, name) && has_token(value, token)) return true;
  }
  return false;
}

/* Targets ------------------------------------------------------------------------------------ */

Target target_of(const struct mg_http_message *hm) {
  Target target = {hm->uri, {NULL, 0}};
  const char *uri = hm->uri.buf, *end = uri + hm->uri.len;
  if (hm->uri.len == 0 || *uri == '/' || *uri == '*') return target;
  const char *colon = memchr(uri, ':', hm->uri.len);
  /* What CONNECT has, "host:port", is no path, and has none. */
  if (colon == NULL || end - colon < 3 || memcmp(colon, "://", 3) != 0) return target;
  const char *host = colon + 3;
  const char *path = memchr(host, '/', (size_t) (end - host));
  if (path == NULL) path = end;
  const char *at = memchr(host, '@', (size_t) (path - host));
  if (at != NULL) host = at + 1;
  target.authority = mg_str_n(host, (size_t) (path - host));
  target.path = path < end ? mg_str_n(path, (size_t) (end - path)) : mg_str("/");
  return target;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char) (c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

PyObject *path_text(struct mg_str path, bool utf8) {
  char small[512], *decoded = small;
  const char *text = path.buf == NULL ? "" : path.buf;
  size_t length = path.len;
  if (length > 0 && memchr(text, '%', length) != NULL) {
    if (length > sizeof(small) && (decoded = PyMem_Malloc(length)) == NULL) return PyErr_NoMemory();
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
      int high = i + 2 < path.len && text[i] == '%' ? hex(text[i + 1]) : -1;
      int low = high < 0 ? -1 : hex(text[i + 2]);
      decoded[n++] = low < 0 ? text[i] : (char) (high * 16 + low);
      if (low >= 0) i += 2;
    }
    text = decoded;
    length = n;
  }
  PyObject *result = utf8 ? PyUnicode_DecodeUTF8(text, (Py_ssize_t) length, "replace")
                          : PyUnicode_DecodeLatin1(text, (Py_ssize_t) length, NULL);
  if (decoded != small) PyMem_Free(decoded);
  return result;
}

/* Names -------------------------------------------------------------------------------------- */

#define NAMES 512       /* a power of two */
#define NAME_LENGTH 64  /* longer ones are not kept */

/* A header's name, as applications get it. Clients choose names, so the table has a fixed size, and a
   new name takes the place of an old one. [GIL] */
typedef struct Name {
  size_t length;
  char lower[NAME_LENGTH];
  PyObject *bytes; /* in lower case */
  PyObject *key;   /* of a WSGI environment; None: it has no place there */
} Name;

static Name names[NAMES];

static char lower(char c) {
  return (char) (c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* CONTENT_TYPE, HTTP_X; None for what could be mistaken for another name: X_User beside X-User. "Proxy"
   would be HTTP_PROXY, which programs take for the proxy that they are to use. */
static PyObject *key_of(const char *name, size_t length) {
  if (length == 5 && memcmp(name, "proxy", 5) == 0) Py_RETURN_NONE;
  for (size_t i = 0; i < length; i++) {
    char c = name[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) Py_RETURN_NONE;
  }
  bool is_content = (length == 12 && memcmp(name, "content-type", 12) == 0) ||
                    (length == 14 && memcmp(name, "content-length", 14) == 0);
  size_t prefix = is_content ? 0 : 5;
  char small[128], *text = length + prefix <= sizeof(small) ? small : PyMem_Malloc(length + prefix);
  if (text == NULL) return PyErr_NoMemory();
  memcpy(text, "HTTP_", prefix);
  for (size_t i = 0; i < length; i++) {
    char c = name[i];
    text[prefix + i] = (char) (c == '-' ? '_' : c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  PyObject *key = PyUnicode_DecodeLatin1(text, (Py_ssize_t) (length + prefix), NULL);
  if (text != small) PyMem_Free(text);
  if (key != NULL) PyUnicode_InternInPlace(&key);
  return key;
}

/* The entry of a name that is kept; NULL with an exception set. */
static Name *name_of(struct mg_str name) {
  char text[NAME_LENGTH];
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.len; i++) {
    text[i] = lower(name.buf[i]);
    hash = (hash ^ (unsigned char) text[i]) * 16777619u;
  }
  Name *entry = &names[(hash ^ hash >> 16) & (NAMES - 1)];
  if (entry->bytes != NULL && entry->length == name.len && memcmp(entry->lower, text, name.len) == 0) {
    return entry;
  }
  PyObject *bytes = PyBytes_FromStringAndSize(text, (Py_ssize_t) name.len);
  PyObject *key = bytes == NULL ? NULL : key_of(text, name.len);
  if (key == NULL) {
    Py_XDECREF(bytes);
    return NULL;
  }
  Py_XDECREF(entry->bytes);
  Py_XDECREF(entry->key);
  memcpy(entry->lower, text, name.len);
  entry->length = name.len;
  entry->bytes = bytes;
  entry->key = key;
  return entry;
}

/* Name in lower case and environment key of any header. -1 with an exception set. */
static int name_objects(struct mg_str name, PyObject **bytes, PyObject **key) {
  if (name.len <= NAME_LENGTH) {
    Name *entry = name_of(name);
    if (entry == NULL) return -1;
    if (bytes != NULL) Py_INCREF(*bytes = entry->bytes);
    if (key != NULL) Py_INCREF(*key = entry->key);
    return 0;
  }
  PyObject *made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t) name.len);
  if (made == NULL) return -1;
  char *text = PyBytes_AsString(made);
  for (size_t i = 0; i < name.len; i++) text[i] = lower(name.buf[i]);
  if (key != NULL && (*key = key_of(text, name.len)) == NULL) {
    Py_DECREF(made);
    return -1;
  }
  if (bytes != NULL) {
    *bytes = made;
  } else {
    Py_DECREF(made);
  }
  return 0;
}

static PyObject *pair_of(struct mg_str name, struct mg_str value) {
  PyObject *key = NULL, *pair = PyTuple_New(2);
  PyObject *bytes = pair == NULL ? NULL : bytes_of(value);
  if (bytes == NULL || name_objects(name, &key, NULL) != 0) {
    Py_XDECREF(bytes);
    Py_XDECREF(pair);
    return NULL;
  }
  PyTuple_SetItem(pair, 0, key);
  PyTuple_SetItem(pair, 1, bytes);
  return pair;
}

PyObject *head_headers(const struct mg_http_message *hm, const Target *target) {
  Lines lines = lines_of(hm);
  struct mg_str name, value;
  PyObject *list = PyList_New(0);
  bool has_host = target->authority.len == 0;
  while (list != NULL && lines_next(&lines, &name, &value)) {
    /* An absolute-form target says more than Host (RFC 9112, 3.2.2). */
    if (target->authority.len > 0 && is_name(name, "host")) {
      value = target->authority;
      has_host = true;
    }
    PyObject *pair = pair_of(name, value);
    if (pair == NULL || PyList_Append(list, pair) != 0) Py_CLEAR(list);
    Py_XDECREF(pair);
  }
  if (list != NULL && !has_host) {
    PyObject *pair = pair_of(mg_str("host"), target->authority);
    if (pair == NULL || PyList_Append(list, pair) != 0) Py_CLEAR(list);
    Py_XDECREF(pair);
  }
  return list;
}

static PyObject *latin1(struct mg_str s) {
  return PyUnicode_DecodeLatin1(s.buf == NULL ? "" : s.buf, (Py_ssize_t) s.len, NULL);
}

/* Sets the entry of a header; lines of the same name are one list (RFC 9110, 5.3), of cookies one that
   has semicolons (RFC 9113, 8.2.3). */
static int add_entry(PyObject *environ, PyObject *key, struct mg_str name, struct mg_str value, bool joins) {
  PyObject *text = latin1(value);
  PyObject *before = text == NULL ? NULL : PyDict_GetItemWithError(environ, key);
  if (before != NULL && joins) {
    PyObject *joined = PyUnicode_FromFormat("%U%s%U", before, is_name(name, "cookie") ? "; " : ", ", text);
    Py_DECREF(text);
    text = joined;
  } else if (before != NULL) {
    Py_DECREF(text);
    return 0;
  }
  int result = text == NULL || PyErr_Occurred() ? -1 : PyDict_SetItem(environ, key, text);
  Py_XDECREF(text);
  return result;
}

int head_environ(const struct mg_http_message *hm, const Target *target, PyObject *environ) {
  Lines lines = lines_of(hm);
  struct mg_str name, value;
  bool has_host = target->authority.len == 0;
  int result = 0;
  while (result == 0 && lines_next(&lines, &name, &value)) {
    PyObject *key;
    if (name_objects(name, NULL, &key) != 0) return -1;
    if (target->authority.len > 0 && is_name(name, "host")) {
      value = target->authority;
      has_host = true;
    }
    bool is_content = name.len >= 12 && key != Py_None && PyUnicode_ReadChar(key, 0) == 'C';
    if (key != Py_None) result = add_entry(environ, key, name, value, !is_content);
    Py_DECREF(key);
  }
  if (result == 0 && !has_host) {
    PyObject *key;
    if (name_objects(mg_str("host"), NULL, &key) != 0) return -1;
    result = add_entry(environ, key, mg_str("host"), target->authority, false);
    Py_DECREF(key);
  }
  return result;
}

/* Methods ------------------------------------------------------------------------------------ */

static const char *const method_names[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"};
#define METHODS (sizeof(method_names) / sizeof(*method_names))
static PyObject *methods[METHODS];

bool peer_is_unix(const struct mg_addr *peer, uint16_t local_port) {
  static const uint8_t none[16];
  return peer->port == 0 && local_port == 0 && memcmp(peer->addr.ip, none, sizeof(none)) == 0;
}

PyObject *method_text(struct mg_str method) {
  for (size_t i = 0; i < METHODS; i++) {
    if (strlen(method_names[i]) == method.len && memcmp(method_names[i], method.buf, method.len) == 0) {
      Py_INCREF(methods[i]);
      return methods[i];
    }
  }
  return latin1(method);
}

int head_setup(void) {
  for (size_t i = 0; i < METHODS; i++) {
    methods[i] = PyUnicode_InternFromString(method_names[i]);
    if (methods[i] == NULL) return -1;
  }
  return 0;
}
