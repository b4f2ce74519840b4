/* Calls of a WSGI application: its environment, start_response, and the result's pieces. */
#include "wsgi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

/* What start_response and write belong to. */
typedef struct Call {
  PyObject_HEAD
  Job *job; /* a reference; NULL: the response is over */
} Call;

static PyTypeObject *type;
static PyObject *empty_bytes, *close_name;

/* Environment ---------------------------------------------------------------------------------- */

static int set_new(PyObject *environ, PyObject *key, PyObject *value) {
  int result = value == NULL ? -1 : PyDict_SetItem(environ, key, value);
  Py_XDECREF(value);
  return result;
}

#define KEYS(X)                                                                                         \
  X(REQUEST_METHOD) X(PATH_INFO) X(QUERY_STRING) X(SERVER_NAME) X(SERVER_PORT) X(SERVER_PROTOCOL)       \
  X(REMOTE_ADDR) X(REMOTE_HOST) X(REMOTE_PORT) X(RAW_URI) X(REQUEST_URI) X(CONTENT_LENGTH)
static struct Keys {
#define DECLARE_KEY(name) PyObject *name;
  KEYS(DECLARE_KEY)
  PyObject *input, *url_scheme, *https, *http11;
} keys;

static PyObject *latin1(struct mg_str s) {
  return PyUnicode_DecodeLatin1(s.buf == NULL ? "" : s.buf, (Py_ssize_t) s.len, NULL);
}

static int add_addresses(Wsgi *service, Job *job, PyObject *environ) {
  char text[INET6_ADDRSTRLEN] = "";
  PyObject *port = PyLong_FromLong(ntohs(job->port));
  PyObject *server = port == NULL ? NULL : PyDict_GetItemWithError(service->servers, port);
  Py_XDECREF(port);
  if (server != NULL && (PyDict_SetItem(environ, keys.SERVER_NAME, PyTuple_GetItem(server, 0)) != 0 ||
                         PyDict_SetItem(environ, keys.SERVER_PORT, PyTuple_GetItem(server, 1)) != 0)) {
    return -1;
  }
  if (peer_is_unix(&job->peer, job->port)) return PyErr_Occurred() ? -1 : 0;
  inet_ntop(job->peer.is_ip6 ? AF_INET6 : AF_INET, job->peer.addr.ip, text, sizeof(text));
  PyObject *address = PyUnicode_FromString(text);
  if (address == NULL || PyDict_SetItem(environ, keys.REMOTE_HOST, address) != 0) {
    Py_XDECREF(address);
    return -1;
  }
  if (set_new(environ, keys.REMOTE_ADDR, address) != 0) return -1;
  char digits[8];
  int n = snprintf(digits, sizeof(digits), "%u", (unsigned) ntohs(job->peer.port));
  return set_new(environ, keys.REMOTE_PORT, latin1(mg_str_n(digits, (size_t) n)));
}

/* The request's target as it came: the path followed by the query. */
static struct mg_str whole_target(const struct mg_http_message *hm) {
  if (hm->query.len == 0 || hm->query.buf < hm->uri.buf) {
    bool has_mark = hm->uri.len > 0 && hm->uri.buf[hm->uri.len] == '?';
    return mg_str_n(hm->uri.buf, hm->uri.len + has_mark);
  }
  return mg_str_n(hm->uri.buf, (size_t) (hm->query.buf + hm->query.len - hm->uri.buf));
}

PyObject *call_environ(Wsgi *service, Job *job) {
  const struct mg_http_message *hm = &job->hm;
  PyObject *environ = PyDict_Copy(service->template);
  Target target = target_of(hm);
  if (environ == NULL) return NULL;
  PyObject *uri = latin1(whole_target(hm));
  if (uri == NULL || PyDict_SetItem(environ, keys.RAW_URI, uri) != 0 ||
      PyDict_SetItem(environ, keys.REQUEST_URI, uri) != 0 ||
      set_new(environ, keys.REQUEST_METHOD, method_text(hm->method)) != 0 ||
      set_new(environ, keys.PATH_INFO, path_text(target.path, false)) != 0 ||
      set_new(environ, keys.QUERY_STRING, latin1(hm->query)) != 0 || add_addresses(service, job, environ) != 0 ||
      head_environ(hm, &target, environ) != 0) {
    goto failed;
  }
  bool is_11 = hm->proto.len == 8 && memcmp(hm->proto.buf, "HTTP/1.1", 8) == 0;
  if (!is_11 && set_new(environ, keys.SERVER_PROTOCOL, latin1(hm->proto)) != 0) goto failed;
  if (job->is_tls && PyDict_SetItem(environ, keys.url_scheme, keys.https) != 0) goto failed;
  struct mg_str body = job->body != NULL ? mg_str_n(job->body, job->body_length) : hm->body;
  if (job->source.kind != BODY_NONE) body = mg_str_n(job->body, job->body_length);
  uint64_t length = job->file != NULL ? job->source.taken : body.len;
  if (job->in_chunks) { /* They are decoded by now: applications look for a length. */
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long) length);
    if (set_new(environ, keys.CONTENT_LENGTH, latin1(mg_str_n(digits, (size_t) n))) != 0) goto failed;
  }
  if (job->file != NULL) {
    if (PyDict_SetItem(environ, keys.input, job->file) != 0) goto failed;
  } else {
    PyObject *bytes = body.len == 0 ? NULL : bytes_of(body);
    if (body.len > 0 && bytes == NULL) goto failed;
    PyObject *input = PyObject_CallFunctionObjArgs(service->bytes_io, bytes, NULL);
    Py_XDECREF(bytes);
    if (set_new(environ, keys.input, input) != 0) goto failed;
  }
  Py_DECREF(uri);
  return environ;
failed:
  Py_XDECREF(uri);
  Py_DECREF(environ);
  return NULL;
}

/* start_response ------------------------------------------------------------------------------- */

/* A header's text as latin-1 bytes, as WSGI has it. */
static PyObject *encoded(PyObject *text, struct mg_str *to) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "names and values of headers are str, not %R", Py_TYPE(text));
    return NULL;
  }
  PyObject *bytes = PyUnicode_AsLatin1String(text);
  if (bytes == NULL) return NULL;
  *to = mg_str_n(PyBytes_AsString(bytes), (size_t) PyBytes_Size(bytes));
  return bytes;
}

static int add_pair(Response *r, PyObject *pair) {
  struct mg_str name, value;
  PyObject *items = PySequence_Tuple(pair), *key = NULL, *item = NULL;
  int result = -1;
  if (items != NULL && PyTuple_Size(items) != 2) PyErr_SetString(PyExc_ValueError, "a header is a pair");
  if (items != NULL && PyTuple_Size(items) == 2 && (key = encoded(PyTuple_GetItem(items, 0), &name)) != NULL &&
      (item = encoded(PyTuple_GetItem(items, 1), &value)) != NULL) {
    result = response_header(r, name, value);
  }
  Py_XDECREF(key);
  Py_XDECREF(item);
  Py_XDECREF(items);
  return result;
}

static int begin_response(Response *r, PyObject *status, PyObject *headers) {
  struct mg_str line;
  PyObject *bytes = PyUnicode_Check(status) ? encoded(status, &line) : NULL;
  if (bytes == NULL) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "the status is a str");
    return -1;
  }
  bool ok = line.len >= 3 && (line.len == 3 || line.buf[3] == ' ');
  for (size_t i = 0; i < 3 && ok; i++) ok = line.buf[i] >= '0' && line.buf[i] <= '9';
  for (size_t i = 3; i < line.len && ok; i++) ok = line.buf[i] != '\r' && line.buf[i] != '\n' && line.buf[i] != '\0';
  int result = -1;
  if (!ok) {
    PyErr_Format(PyExc_ValueError, "no status line: %R", status);
  } else {
    int code = (line.buf[0] - '0') * 100 + (line.buf[1] - '0') * 10 + line.buf[2] - '0';
    size_t from = line.len < 4 ? line.len : 4;
    result = response_status(r, code, line.buf + from, line.len - from);
  }
  Py_DECREF(bytes);
  PyObject *list = result != 0 ? NULL : PySequence_List(headers);
  if (list == NULL) return -1;
  for (Py_ssize_t i = 0; result == 0 && i < PyList_Size(list); i++) result = add_pair(r, PyList_GetItem(list, i));
  Py_DECREF(list);
  if (result == 0) result = response_begin(r);
  if (result != 0) response_reset(r);
  return result;
}

static PyMethodDef write_method;

static PyObject *start_response(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"status", "headers", "exc_info", NULL};
  PyObject *status, *headers, *info = Py_None;
  Job *job = ((Call *) self)->job;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:start_response", names, &status, &headers, &info)) return NULL;
  if (job == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "the response is over");
    return NULL;
  }
  pthread_mutex_lock(&job->mutex);
  bool has_begun = job->response.state != RESPONSE_NEW, is_sent = has_begun && job->response.state != RESPONSE_HELD;
  if (!is_sent && info != Py_None) {
    response_reset(&job->response);
    job->held_length = 0; /* What was written before the error is not sent. */
    has_begun = false;
  }
  pthread_mutex_unlock(&job->mutex);
  if (is_sent && info != Py_None) {
    PyObject *error = PySequence_GetItem(info, 1);
    if (error != NULL && PyExceptionInstance_Check(error)) PyErr_SetObject((PyObject *) Py_TYPE(error), error);
    Py_XDECREF(error);
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "the response has begun already");
    return NULL;
  }
  if (has_begun) {
    PyErr_SetString(PyExc_RuntimeError, "start_response was called twice");
    return NULL;
  }
  if (begin_response(&job->response, status, headers) != 0) return NULL;
  return PyCFunction_New(&write_method, self);
}

/* Waiting for the client ------------------------------------------------------------------------- */

static struct timespec after(double seconds) {
  struct timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  uint64_t ns = (uint64_t) ts.tv_nsec + (uint64_t) (seconds * 1e9);
  ts.tv_sec += (time_t) (ns / 1000000000u);
  ts.tv_nsec = (long) (ns % 1000000000u);
  return ts;
}

/* A worker waits until enough has left, or the client takes nothing for too long. 1: it has disconnected. */
static int wait_for_client(Job *job) {
  pthread_mutex_lock(&job->mutex);
  if (job->queued <= QUEUED_MAX || job->disconnected) {
    int disconnected = job->disconnected;
    pthread_mutex_unlock(&job->mutex);
    return disconnected;
  }
  job->progress = job_clock();
  pthread_mutex_unlock(&job->mutex);
  double patience = job->service->stream_timeout;
  int disconnected;
  Py_BEGIN_ALLOW_THREADS
  pthread_mutex_lock(&job->mutex);
  while (job->queued > QUEUED_MAX && !job->disconnected) {
    double waited = (double) (job_clock() - job->progress) / 1e9;
    if (waited >= patience) {
      job->disconnected = true;
      job->out.complete = job->out.closes = true;
      break;
    }
    struct timespec deadline = after(patience - waited);
    pthread_cond_timedwait(&job->moved, &job->mutex, &deadline);
  }
  disconnected = job->disconnected;
  pthread_mutex_unlock(&job->mutex);
  Py_END_ALLOW_THREADS
  if (disconnected) job_publish(job);
  return disconnected;
}

/* write() on the polling thread has to wait where it is: sends straight to the socket. */
static int push_out(Job *job) {
  struct mg_connection *c = job->c;
  int patience = (int) (job->service->stream_timeout * 1000);
  while (c != NULL && !c->is_tls && c->send.len > QUEUED_MAX) {
    struct pollfd fd = {(int) (size_t) c->fd, POLLOUT, 0};
    int ready;
    Py_BEGIN_ALLOW_THREADS
    ready = poll(&fd, 1, patience);
    Py_END_ALLOW_THREADS
    ssize_t n = ready <= 0 ? -1 : send(fd.fd, c->send.buf, c->send.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && ready > 0) continue;
    if (n <= 0) {
      job->disconnected = true;
      c->is_closing = 1;
      break;
    }
    mg_iobuf_del(&c->send, 0, (size_t) n);
  }
  return job->disconnected;
}

/* Pieces ----------------------------------------------------------------------------------------- */

/* Takes a piece of the body. 0: more is welcome; 1: the client has disconnected; -1: an exception. */
static int take_piece(Job *job, PyObject *piece) {
  char *bytes;
  Py_ssize_t length;
  PyObject *owner = NULL;
  if (!PyBytes_Check(piece)) {
    if (PyUnicode_Check(piece) || PyLong_Check(piece) || (owner = PyObject_Bytes(piece)) == NULL) {
      PyErr_Clear();
      PyErr_Format(PyExc_TypeError, "pieces of a body are bytes, not %R", Py_TYPE(piece));
      return -1;
    }
    piece = owner;
  }
  PyBytes_AsStringAndSize(piece, &bytes, &length);
  int result = job_hold(job, bytes, (size_t) length);
  Py_XDECREF(owner);
  return result;
}

static void client_disconnected(void) {
  PyErr_SetString(PyExc_ConnectionError, "the client closed the connection");
}

static PyObject *call_write(PyObject *self, PyObject *data) {
  Job *job = ((Call *) self)->job;
  if (job == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "the response is over");
    return NULL;
  }
  int disconnected = take_piece(job, data);
  if (disconnected == 0) disconnected = job->service->threads > 0 ? wait_for_client(job) : push_out(job);
  if (disconnected > 0) client_disconnected();
  if (disconnected != 0) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef write_method = {"write", call_write, METH_O, NULL};
static PyMethodDef start_method = {"start_response", KEYWORDS(start_response), METH_VARARGS | METH_KEYWORDS, NULL};

/* What the application raised: logged, and reported to the client unless it has disconnected. */
static void failed(Job *job) {
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  bool is_disconnected = job->disconnected && PyErr_GivenExceptionMatches(kind, PyExc_ConnectionError);
  job_fail(job);
  if (PyErr_GivenExceptionMatches(kind, PyExc_KeyboardInterrupt) && job->service->threads == 0) {
    PyErr_Restore(kind, value, trace); /* It is the program's end, and this is its thread. */
    return;
  }
  PyErr_NormalizeException(&kind, &value, &trace);
  if (trace != NULL) PyException_SetTraceback(value, trace);
  if (!is_disconnected) {
    PyObject *told = PyObject_CallFunctionObjArgs(job->service->report, value, NULL);
    if (told == NULL) PyErr_WriteUnraisable(job->service->report);
    Py_XDECREF(told);
  }
  Py_XDECREF(kind);
  Py_XDECREF(value);
  Py_XDECREF(trace);
}

static int close_result(PyObject *result) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) return 0;
  PyObject *close = PyObject_GetAttr(result, close_name);
  if (close == NULL) {
    PyErr_Clear();
    return 0;
  }
  PyObject *done = PyObject_CallObject(close, NULL);
  Py_DECREF(close);
  Py_XDECREF(done);
  return done == NULL ? -1 : 0;
}

/* Iterates over the result. 1: it continues later; 0: it is over; -1: with an exception. */
static int iterate(Job *job) {
  bool waits_here = job->service->threads > 0;
  uint64_t since = waits_here ? 0 : job_clock();
  for (;;) {
    PyObject *piece = PyIter_Next(job->pieces);
    if (piece == NULL) return PyErr_Occurred() ? -1 : job_finish(job);
    int disconnected = take_piece(job, piece);
    Py_DECREF(piece);
    if (disconnected == 0 && waits_here && job->queued > QUEUED_MAX) disconnected = wait_for_client(job);
    if (disconnected != 0) return disconnected < 0 ? -1 : 0;
    if (waits_here) continue;
    if (job->queued > QUEUED_MAX || job_clock() - since > SLICE_NS) return 1;
  }
}

/* A result that is over: closes it. */
static void settle(Job *job) {
  PyObject *result = job->result;
  job->result = NULL;
  Py_CLEAR(job->pieces);
  if (result == NULL) return;
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  if (close_result(result) != 0) {
    if (kind == NULL) {
      PyErr_Fetch(&kind, &value, &trace);
    } else {
      PyErr_WriteUnraisable(result);
    }
  }
  Py_DECREF(result);
  PyErr_Restore(kind, value, trace);
}

/* A list of one or more pieces of bytes, all of them known in advance: most results are. */
static int take_all(Job *job) {
  bool is_list = PyList_CheckExact(job->result);
  if (!is_list && !PyTuple_CheckExact(job->result)) return 2;
  Py_ssize_t n = is_list ? PyList_Size(job->result) : PyTuple_Size(job->result), total = 0;
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *piece = is_list ? PyList_GetItem(job->result, i) : PyTuple_GetItem(job->result, i);
    if (!PyBytes_CheckExact(piece)) return 2;
    total += PyBytes_Size(piece);
  }
  if (total >= STREAM_FROM) return 2;
  for (Py_ssize_t i = 0; i < n; i++) {
    int disconnected = take_piece(job, is_list ? PyList_GetItem(job->result, i) : PyTuple_GetItem(job->result, i));
    if (disconnected != 0) return disconnected < 0 ? -1 : 0;
  }
  return job_finish(job);
}

/* The first part, or all, of a call. 1: it continues later. */
static PyObject *call_begin(PyObject *self, PyObject *unused) {
  Call *call = (Call *) self;
  Job *job = call->job;
  (void) unused;
  PyObject *environ = call_environ(job->service, job);
  PyObject *start = environ == NULL ? NULL : PyCFunction_New(&start_method, self);
  if (start != NULL) job->result = PyObject_CallFunctionObjArgs(job->service->app, environ, start, NULL);
  Py_XDECREF(start);
  Py_XDECREF(environ);
  int state = -1;
  if (job->result != NULL) state = take_all(job);
  if (state == 2) {
    job->pieces = PyObject_GetIter(job->result);
    state = job->pieces == NULL ? -1 : iterate(job);
  }
  if (state == 1) return PyLong_FromLong(1);
  settle(job);
  if (PyErr_Occurred()) failed(job);
  if (PyErr_Occurred()) return NULL;
  return PyLong_FromLong(0);
}

static PyObject *call_resume(PyObject *self, PyObject *unused) {
  Job *job = ((Call *) self)->job;
  (void) unused;
  int state = job->disconnected ? 0 : iterate(job);
  if (state == 1) return PyLong_FromLong(1);
  settle(job);
  if (PyErr_Occurred()) failed(job);
  if (PyErr_Occurred()) return NULL;
  return PyLong_FromLong(0);
}

static PyMethodDef begin_method = {"begin", call_begin, METH_NOARGS, NULL};
static PyMethodDef resume_method = {"resume", call_resume, METH_NOARGS, NULL};

static PyObject *call_new(Job *job) {
  Call *call = (Call *) PyType_GenericAlloc(type, 0);
  if (call == NULL) return NULL;
  atomic_fetch_add(&job->refs, 1);
  call->job = job;
  return (PyObject *) call;
}

/* The response is over: start_response and write, should anybody keep them, lead nowhere. */
static void call_end(PyObject *self) {
  Call *call = (Call *) self;
  Job *job = call->job;
  call->job = NULL;
  job_release(job);
}

/* On the polling thread applications have a context each. It is reused when they left nothing in it. */
static PyObject *take_context(Wsgi *service) {
  PyObject *context = service->context;
  service->context = NULL;
  if (context != NULL) return context;
  context = PyObject_CallObject(service->copy_context, NULL);
  if (context != NULL && service->blank == NULL) service->blank = PyObject_CallMethod(context, "copy", NULL);
  return context;
}

static void give_context(Wsgi *service, PyObject *context) {
  if (context == NULL) return;
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  int same = service->blank == NULL ? 0 : PyObject_RichCompareBool(context, service->blank, Py_EQ);
  if (same < 0) PyErr_Clear();
  if (same == 1 && service->context == NULL) {
    service->context = context;
  } else {
    Py_DECREF(context);
  }
  PyErr_Restore(kind, value, trace);
}

static bool step(Job *job, PyObject *call, PyMethodDef *method) {
  PyObject *function = PyCFunction_New(method, call), *later = NULL;
  if (function != NULL && job->context != NULL) {
    later = PyObject_CallMethodObjArgs(job->context, T(run), function, NULL);
  } else if (function != NULL) {
    later = PyObject_CallObject(function, NULL);
  }
  Py_XDECREF(function);
  bool goes_on = later != NULL && PyLong_AsLong(later) == 1;
  Py_XDECREF(later);
  return goes_on;
}

void call_run(Job *job) {
  PyObject *call = call_new(job);
  if (call == NULL) return;
  if (job->service->threads == 0) job->context = take_context(job->service);
  bool later = step(job, call, &begin_method);
  if (!later) {
    give_context(job->service, job->context);
    job->context = NULL;
  }
  call_end(call);
  Py_DECREF(call);
}

void call_continue(Job *job) {
  PyObject *call = call_new(job);
  if (call == NULL) return;
  if (!step(job, call, &resume_method)) Py_CLEAR(job->context);
  call_end(call);
  Py_DECREF(call);
}

void call_abandon(Job *job) {
  job->disconnected = true;
  if (job->result == NULL) return;
  call_continue(job);
  if (PyErr_Occurred()) PyErr_WriteUnraisable(job->service->app);
}

/* Type ------------------------------------------------------------------------------------------- */

static void call_dealloc(PyObject *self) {
  PyTypeObject *kind = Py_TYPE(self);
  job_release(((Call *) self)->job);
  freefunc release = (freefunc) PyType_GetSlot(kind, Py_tp_free);
  release(self);
  Py_DECREF((PyObject *) kind);
}

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *) (uintptr_t) call_dealloc}, {0, NULL}};
static PyType_Spec spec = {"pymongoose._gate.Call", sizeof(Call), 0, Py_TPFLAGS_DEFAULT, slots};

#define INTERN_KEY(name) \
  if ((keys.name = PyUnicode_InternFromString(#name)) == NULL) return -1;

int call_setup(PyObject *module) {
  KEYS(INTERN_KEY)
  keys.input = PyUnicode_InternFromString("wsgi.input");
  keys.url_scheme = PyUnicode_InternFromString("wsgi.url_scheme");
  keys.https = PyUnicode_InternFromString("https");
  close_name = PyUnicode_InternFromString("close");
  empty_bytes = PyBytes_FromString("");
  type = (PyTypeObject *) PyType_FromSpec(&spec);
  if (type == NULL || keys.https == NULL || close_name == NULL) return -1;
  return PyModule_AddObject(module, "Call", (PyObject *) type);
}
