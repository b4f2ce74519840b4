/* What an ASGI application sends over HTTP. docs/reference/python/asgi.md has the table of messages and states. */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_PIECE (64 * 1024)

static PyObject *start_type, *body_type, *trailers_type, *path_type, *copy_type, *hint_type;
static PyObject *empty_bytes;

/* Items ---------------------------------------------------------------------------------------- */

bool is_text(PyObject *text, PyObject *wanted) {
  return text == wanted || (text != NULL && PyUnicode_Check(text) && PyUnicode_Compare(text, wanted) == 0);
}

PyObject *item_of(PyObject *message, PyObject *key) {
  return PyDict_GetItemWithError(message, key);
}

static int item_is_true(PyObject *message, PyObject *key) {
  PyObject *item = item_of(message, key);
  if (item == NULL) return PyErr_Occurred() ? -1 : 0;
  return PyObject_IsTrue(item);
}

int wrong_state(Exchange *x, PyObject *type, const char *why) {
  (void) x;
  PyErr_Format(PyExc_RuntimeError, "unexpected message %R: %s", type, why);
  return -1;
}

int add_headers(Response *r, PyObject *headers) {
  if (headers == NULL || headers == Py_None) return PyErr_Occurred() ? -1 : 0;
  PyObject *list = headers;
  bool is_list = PyList_CheckExact(headers), is_tuple = PyTuple_CheckExact(headers);
  if (is_list || is_tuple) {
    Py_INCREF(list);
  } else if ((list = PySequence_List(headers)) == NULL) {
    return -1;
  }
  int result = 0;
  for (Py_ssize_t i = 0; result == 0 && i < (is_tuple ? PyTuple_Size(list) : PyList_Size(list)); i++) {
    PyObject *owner = NULL;
    struct mg_str name, value;
    result = header_pair(is_tuple ? PyTuple_GetItem(list, i) : PyList_GetItem(list, i), &name, &value, &owner);
    if (result == 0) result = response_header(r, name, value);
    Py_XDECREF(owner);
  }
  Py_DECREF(list);
  return result;
}

PyObject *header_block(PyObject *headers) {
  PyObject *list = PySequence_List(headers), *block = NULL;
  PyObject *lines = list == NULL ? NULL : PyList_New(0);
  for (Py_ssize_t i = 0; lines != NULL && i < PyList_Size(list); i++) {
    PyObject *owner = NULL, *line = NULL;
    struct mg_str name, value;
    if (header_pair(PyList_GetItem(list, i), &name, &value, &owner) == 0 && check_header(name, value) == 0) {
      line = PyBytes_FromFormat("%s: %s\r\n", name.buf, value.buf);
    }
    if (line == NULL || PyList_Append(lines, line) != 0) Py_CLEAR(lines);
    Py_XDECREF(line);
    Py_XDECREF(owner);
  }
  if (lines != NULL) block = PyObject_CallMethod(empty_bytes, "join", "O", lines);
  Py_XDECREF(lines);
  Py_XDECREF(list);
  return block;
}

int exchange_write(Exchange *x, PyObject *data, bool last) {
  char *bytes = "";
  Py_ssize_t length = 0;
  PyObject *owner = NULL;
  if (data != NULL) {
    owner = data;
    Py_INCREF(owner);
    if (!PyBytes_Check(data)) {
      Py_DECREF(owner);
      if (PyUnicode_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "the body is bytes, not str");
        return -1;
      }
      if ((owner = PyObject_Bytes(data)) == NULL) return -1;
    }
    PyBytes_AsStringAndSize(owner, &bytes, &length);
  }
  /* The rest of a body that the application did not read is discarded: the connection ends with it. */
  if (x->engine != NULL) x->response.closes = true;
  if (x->server->core->stopping) x->response.closes = true;
  const char *wrong = response_write(&x->response, x->c, bytes, (size_t) length, last);
  Py_XDECREF(owner);
  if (x->response.state == RESPONSE_DONE) exchange_finish(x);
  if (wrong != NULL) PyErr_SetString(PyExc_RuntimeError, wrong);
  return wrong == NULL ? 0 : -1;
}

static int start_response(Exchange *x, PyObject *message) {
  PyObject *status = item_of(message, T(status));
  int code;
  if (status == NULL) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_KeyError, "status");
    return -1;
  }
  if (int_from(status, &code) != 0) return -1;
  Response *r = &x->response;
  if (response_status(r, code, NULL, 0) != 0) return -1;
  if (add_headers(r, item_of(message, T(headers))) != 0) goto failed;
  int trailers = item_is_true(message, T(trailers));
  if (trailers < 0) goto failed;
  r->has_trailers = trailers == 1;
  if (response_begin(r) == 0) return 0;
failed:
  response_reset(r);
  return -1;
}

/* Files --------------------------------------------------------------------------------------- */

void file_close(Exchange *x) {
  if (x->file >= 0 && x->file_is_ours) close(x->file);
  x->file = -1;
}

int file_pump(Exchange *x) {
  char *piece = PyMem_Malloc(FILE_PIECE);
  int result = piece == NULL ? -1 : 0;
  if (piece == NULL) PyErr_NoMemory();
  while (result == 0 && x->c != NULL && x->c->send.len < HIGH_WATER) {
    ssize_t n = read(x->file, piece, x->file_left < FILE_PIECE ? (size_t) x->file_left : FILE_PIECE);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      PyErr_SetFromErrno(PyExc_OSError);
      result = -1;
      break;
    }
    x->file_left = n == 0 ? 0 : x->file_left - (uint64_t) n;
    bool over = x->file_left == 0;
    const char *wrong = response_write(&x->response, x->c, piece, (size_t) n, over && x->file_ends);
    if (x->response.state == RESPONSE_DONE) exchange_finish(x);
    if (wrong != NULL) PyErr_SetString(PyExc_RuntimeError, wrong);
    if (wrong != NULL) result = -1;
    if (over && result == 0) result = 1;
  }
  PyMem_Free(piece);
  if (result != 0) file_close(x);
  return result;
}

/* Begins to send `count` bytes of a file; UINT64_MAX: all there is. */
static int send_file(Exchange *x, int file, bool is_ours, uint64_t count, bool last) {
  x->file = file;
  x->file_is_ours = is_ours;
  x->file_left = count;
  x->file_ends = last;
  if (x->engine != NULL) x->response.closes = true;
  struct stat facts;
  if (response_is_bodiless(&x->response)) {
    file_close(x);
    return exchange_write(x, NULL, last);
  }
  /* A file that begins a response, and ends it, has a length. */
  if (last && x->response.state == RESPONSE_HELD && !x->response.has_length && fstat(file, &facts) == 0 &&
      S_ISREG(facts.st_mode)) {
    off_t at = lseek(file, 0, SEEK_CUR);
    uint64_t left = at < facts.st_size ? (uint64_t) (facts.st_size - at) : 0;
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long) (left < count ? left : count));
    if (response_header(&x->response, mg_str("content-length"), mg_str_n(digits, (size_t) n)) != 0) return -1;
  }
  int result = file_pump(x);
  if (result == 0) slot_of(x->c)->also |= EVENT(MG_EV_WRITE);
  return result < 0 ? -1 : 0;
}

static int send_path(Exchange *x, PyObject *message) {
  PyObject *path = item_of(message, T(path)), *name = NULL;
  if (path == NULL || !PyUnicode_FSConverter(path, &name)) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_KeyError, "path");
    return -1;
  }
  int file = open(PyBytes_AsString(name), O_RDONLY | O_CLOEXEC);
  Py_DECREF(name);
  if (file < 0) {
    PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return -1;
  }
  return send_file(x, file, true, UINT64_MAX, true);
}

static int send_descriptor(Exchange *x, PyObject *message) {
  PyObject *file = item_of(message, T(file)), *offset = item_of(message, T(offset));
  PyObject *count = item_of(message, T(count));
  int more = item_is_true(message, T(more_body));
  int fd = file == NULL || PyErr_Occurred() ? -1 : PyObject_AsFileDescriptor(file);
  if (fd < 0 || more < 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_KeyError, "file");
    return -1;
  }
  if (offset != NULL && offset != Py_None) {
    long long at = PyLong_AsLongLong(offset);
    if (PyErr_Occurred() || lseek(fd, (off_t) at, SEEK_SET) < 0) {
      if (!PyErr_Occurred()) PyErr_SetFromErrno(PyExc_OSError);
      return -1;
    }
  }
  uint64_t left = UINT64_MAX;
  if (count != NULL && count != Py_None) {
    left = PyLong_AsUnsignedLongLong(count);
    if (PyErr_Occurred()) return -1;
  }
  return send_file(x, fd, false, left, more == 0);
}

/* Messages ------------------------------------------------------------------------------------ */

static int send_body(Exchange *x, PyObject *message) {
  PyObject *body = item_of(message, T(body));
  if (body == NULL && PyErr_Occurred()) return -1;
  int more = item_is_true(message, T(more_body));
  return more < 0 ? -1 : exchange_write(x, body, more == 0);
}

static int send_trailers(Exchange *x, PyObject *message) {
  PyObject *headers = item_of(message, T(headers));
  int more = item_is_true(message, T(more_trailers));
  if (more < 0) return -1;
  if (more == 1) {
    PyErr_SetString(PyExc_ValueError, "trailers come in one message");
    return -1;
  }
  PyObject *block = headers == NULL ? PyBytes_FromString("") : header_block(headers);
  if (block == NULL) return -1;
  int result = response_trailers(&x->response, x->c, PyBytes_AsString(block), (size_t) PyBytes_Size(block));
  Py_DECREF(block);
  exchange_finish(x);
  return result;
}

static int send_hint(Exchange *x, PyObject *message) {
  PyObject *links = item_of(message, T(links)), *list = PyList_New(0);
  PyObject *items = links == NULL || list == NULL ? NULL : PySequence_List(links);
  for (Py_ssize_t i = 0; items != NULL && list != NULL && i < PyList_Size(items); i++) {
    PyObject *pair = Py_BuildValue("(yO)", "Link", PyList_GetItem(items, i));
    if (pair == NULL || PyList_Append(list, pair) != 0) Py_CLEAR(list);
    Py_XDECREF(pair);
  }
  PyObject *block = items == NULL || list == NULL ? NULL : header_block(list);
  int result = -1;
  if (block == NULL && !PyErr_Occurred()) PyErr_SetString(PyExc_KeyError, "links");
  if (block != NULL) {
    result = x->response.is_old ? 0 /* HTTP/1.0 has no interim responses. */
                                : response_hints(x->c, PyBytes_AsString(block), (size_t) PyBytes_Size(block));
  }
  Py_XDECREF(block);
  Py_XDECREF(items);
  Py_XDECREF(list);
  return result;
}

int http_message(Exchange *x, PyObject *type, PyObject *message, bool *waits) {
  Response *r = &x->response;
  bool is_start = is_text(type, start_type), is_body = is_text(type, body_type);
  bool is_file = !is_body && (is_text(type, path_type) || is_text(type, copy_type));
  bool is_trailers = !is_body && is_text(type, trailers_type);
  bool is_hint = !is_body && is_text(type, hint_type);
  int result;
  if (!is_start && !is_body && !is_file && !is_trailers && !is_hint) {
    return wrong_state(x, type, "no message of HTTP");
  }
  if (x->disconnected && !x->finished) {
    int more = is_body || is_file ? item_is_true(message, T(more_body)) : 0;
    if (more == 1) PyErr_SetString(x->server->client_disconnected, "the client closed the connection");
    return more == 0 ? 0 : -1;
  }
  if (r->state == RESPONSE_DONE) return wrong_state(x, type, "the response is complete");
  if (x->file >= 0) return wrong_state(x, type, "a file is being sent");
  if (is_start || is_hint) {
    if (r->state != RESPONSE_NEW) return wrong_state(x, type, "the response has begun");
  } else if (r->state == RESPONSE_NEW) {
    return wrong_state(x, type, "the response has not begun");
  }
  if (is_trailers != r->awaits_trailers && !is_start && !is_hint) {
    return wrong_state(x, type, is_trailers ? "no trailers were announced, or the body has not ended"
                                            : "the body has ended");
  }
  if (is_start) return start_response(x, message); /* It is held until there is a body. */
  if (!exchange_enter(x)) return 0;
  Core *m = x->server->core;
  if (is_body) {
    result = send_body(x, message);
  } else if (is_trailers) {
    result = send_trailers(x, message);
  } else if (is_hint) {
    result = send_hint(x, message);
  } else {
    result = is_text(type, path_type) ? send_path(x, message) : send_descriptor(x, message);
  }
  *waits = x->c != NULL && (x->file >= 0 || x->c->send.len > HIGH_WATER);
  if (*waits) slot_of(x->c)->also |= EVENT(MG_EV_WRITE);
  return exchange_leave(x, m) != 0 ? -1 : result;
}

int messages_setup(void) {
  start_type = PyUnicode_InternFromString("http.response.start");
  body_type = PyUnicode_InternFromString("http.response.body");
  trailers_type = PyUnicode_InternFromString("http.response.trailers");
  path_type = PyUnicode_InternFromString("http.response.pathsend");
  copy_type = PyUnicode_InternFromString("http.response.zerocopysend");
  hint_type = PyUnicode_InternFromString("http.response.early_hint");
  empty_bytes = PyBytes_FromString("");
  return hint_type == NULL || empty_bytes == NULL ? -1 : 0;
}
