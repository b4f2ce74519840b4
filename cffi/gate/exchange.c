/* An exchange of the ASGI server: receive() and send(), the events of its connection, and its end. */
#include "serve.h"

static PyTypeObject *type;
static PyObject *disconnect; /* {"type": "http.disconnect"}, to be copied */
static PyObject *request_type;

/* Locking ------------------------------------------------------------------------------------- */

bool exchange_enter(Exchange *x) {
  if (x->c == NULL) return false;
  Core *m = x->server->core;
  if (core_enter(m) != 0) {
    PyErr_Clear();
    return false;
  }
  if (x->c != NULL) return true;
  core_leave(m);
  return false;
}

int exchange_leave(Exchange *x, Core *m) {
  asgi_wake(x->server);
  return core_leave(m);
}

void exchange_wake(PyObject **future) {
  PyObject *waited = *future;
  if (waited == NULL) return;
  *future = NULL;
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  PyObject *done = PyObject_CallMethodObjArgs(waited, T(done), NULL);
  if (done == Py_False) {
    Py_DECREF(done);
    done = PyObject_CallMethodObjArgs(waited, T(set_result), Py_None, NULL);
  }
  if (done == NULL) PyErr_WriteUnraisable(waited); /* such as a loop that was closed */
  Py_XDECREF(done);
  Py_DECREF(waited);
  PyErr_Restore(kind, value, trace);
}

void exchange_detach(Exchange *x) {
  struct mg_connection *c = x->c;
  x->c = NULL;
  file_close(x);
  if (c != NULL) {
    ConnExtra *slot = slot_of(c);
    bool reads = x->body.kind == BODY_LENGTH || x->body.kind == BODY_CHUNKED;
    /* What is left of a body is dropped, while the connection drains. */
    slot->also = reads ? EVENT(MG_EV_READ) : 0;
    if (reads) {
      c->is_draining = 1;
      c->recv.len = 0;
      c->is_full = 0;
    }
    if (slot->exchange == (PyObject *) x) {
      slot->exchange = NULL;
      Py_DECREF((PyObject *) x);
    }
  }
}

void exchange_finish(Exchange *x) {
  x->finished = true;
  exchange_wake(&x->receiver);
  exchange_wake(&x->sender);
  exchange_detach(x);
}

/* Receiving ----------------------------------------------------------------------------------- */

static PyObject *request_message(PyObject *body, bool more) {
  PyObject *message = PyDict_New();
  if (message == NULL || PyDict_SetItem(message, T(type), request_type) != 0 ||
      PyDict_SetItem(message, T(body), body) != 0 ||
      PyDict_SetItem(message, T(more_body), more ? Py_True : Py_False) != 0) {
    Py_CLEAR(message);
  }
  return message;
}

/* The body has ended: the engine continues with what follows it, when the response is complete. */
static void restore_engine(Exchange *x) {
  struct mg_connection *c = x->c;
  if (x->engine == NULL) return;
  slot_of(c)->also &= ~EVENT(MG_EV_READ);
  c->pfn = x->engine;
  c->is_resp = 1;
  x->engine = NULL;
}

/* An invalid body: the client gets an error response, if there was no response yet. */
static void refuse_body(Exchange *x, int status) {
  x->disconnected = true;
  x->response.closes = true;
  response_fail(&x->response, x->c, status);
  exchange_finish(x);
}

/* What can be received now. 1, 0 or -1, as an Attempt. */
static int take(Exchange *x, PyObject **value) {
  if (x->whole != NULL) {
    PyObject *body = x->whole;
    x->whole = NULL;
    *value = request_message(body, false);
    Py_DECREF(body);
    return *value == NULL ? -1 : 1;
  }
  if (x->body.kind == BODY_LENGTH || x->body.kind == BODY_CHUNKED) {
    if (!x->finished && exchange_enter(x)) {
      Core *m = x->server->core;
      PyObject *piece = NULL;
      int found = body_take(&x->body, x->c, &piece);
      bool more = x->body.kind != BODY_DONE;
      if (found == TAKE_PIECE && !more) restore_engine(x);
      if (found == TAKE_MALFORMED || found == TAKE_TOO_LONG) refuse_body(x, found == TAKE_MALFORMED ? 400 : 413);
      if (exchange_leave(x, m) != 0 || found == TAKE_ERROR) {
        Py_XDECREF(piece);
        return -1;
      }
      if (found == TAKE_PIECE) {
        *value = request_message(piece, more);
        Py_DECREF(piece);
        return *value == NULL ? -1 : 1;
      }
    }
  }
  if (!x->disconnected && !x->finished) return 0;
  *value = PyDict_Copy(disconnect);
  return *value == NULL ? -1 : 1;
}

static int future_in(Exchange *x, PyObject **kept, PyObject **future) {
  if (*kept == NULL) *kept = PyObject_CallObject(x->server->create_future, NULL);
  Py_XINCREF(*kept);
  *future = *kept;
  return *kept == NULL ? -1 : 0;
}

/* A future that several awaited, and one of them cancelled, is of no more use. */
static void forget_cancelled(PyObject **kept) {
  PyObject *done = *kept == NULL ? NULL : PyObject_CallMethodObjArgs(*kept, T(done), NULL);
  if (done == NULL) PyErr_Clear();
  if (done == Py_True) Py_CLEAR(*kept);
  Py_XDECREF(done);
}

static int receive_attempt(PyObject *self, PyObject **value, PyObject **future) {
  Exchange *x = (Exchange *) self;
  int found = x->is_websocket ? socket_attempt(self, value, future) : take(x, value);
  if (found != 0) return found;
  forget_cancelled(&x->receiver);
  return future_in(x, &x->receiver, future);
}

static PyObject *exchange_receive(PyObject *self, PyObject *unused) {
  Exchange *x = (Exchange *) self;
  PyObject *value = NULL, *future = NULL;
  (void) unused;
  int found = x->is_websocket ? socket_attempt(self, &value, &future) : take(x, &value);
  if (found < 0) return NULL;
  return found > 0 ? await_value(value) : await_attempts(self, receive_attempt);
}

/* Sending ------------------------------------------------------------------------------------- */

/* Until there is room for more, or the client has disconnected. */
static int send_attempt(PyObject *self, PyObject **value, PyObject **future) {
  Exchange *x = (Exchange *) self;
  if (x->disconnected && x->file >= 0) {
    file_close(x);
    PyErr_SetString(x->server->client_disconnected, "the client closed the connection");
    return -1;
  }
  if (x->c == NULL || x->disconnected || (x->file < 0 && x->c->send.len <= LOW_WATER)) {
    Py_INCREF(Py_None);
    *value = Py_None;
    return 1;
  }
  forget_cancelled(&x->sender);
  return future_in(x, &x->sender, future);
}

static PyObject *exchange_send(PyObject *self, PyObject *message) {
  Exchange *x = (Exchange *) self;
  bool waits = false;
  if (!PyDict_Check(message)) {
    PyErr_SetString(PyExc_TypeError, "a message is a dict");
    return NULL;
  }
  PyObject *kind = item_of(message, T(type));
  if (kind == NULL) {
    if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, T(type));
    return NULL;
  }
  int result = x->is_websocket ? socket_message(x, kind, message, &waits)
                               : http_message(x, kind, message, &waits);
  if (result != 0) return NULL;
  return waits ? await_attempts(self, send_attempt) : await_nothing();
}

/* Events -------------------------------------------------------------------------------------- */

void exchange_event(Exchange *x, int ev, void *ev_data) {
  switch (ev) {
    case MG_EV_READ:
      body_hold(&x->body, x->c);
      exchange_wake(&x->receiver);
      break;
    case MG_EV_WRITE:
      if (x->file >= 0 && file_pump(x) < 0) PyErr_WriteUnraisable((PyObject *) x);
      if (x->c != NULL && x->file < 0 && x->c->send.len <= LOW_WATER) {
        slot_of(x->c)->also &= ~EVENT(MG_EV_WRITE);
        exchange_wake(&x->sender);
      }
      break;
    case MG_EV_ERROR: /* The library has answered, or closes. */
    case MG_EV_CLOSE:
      x->disconnected = true;
      exchange_wake(&x->receiver);
      exchange_wake(&x->sender);
      if (ev == MG_EV_CLOSE || !x->is_websocket) exchange_detach(x);
      break;
    default:
      if (x->is_websocket) socket_event(x, ev, ev_data);
      break;
  }
}

/* Ends an exchange that the application left unfinished. */
static void abort_exchange(Exchange *x, bool failed) {
  if (x->is_websocket && x->socket != SOCKET_DENYING) {
    socket_end(x, failed ? 1011 : 1000);
    return;
  }
  if (!exchange_enter(x)) return;
  Core *m = x->server->core;
  if (x->file < 0) { /* The sending of a file continues. */
    if (x->engine != NULL) x->response.closes = true;
    response_fail(&x->response, x->c, 500);
    exchange_finish(x);
  }
  if (exchange_leave(x, m) != 0) PyErr_WriteUnraisable((PyObject *) x);
}

void exchange_end(Exchange *x) {
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  bool failed = kind != NULL;
  if (!failed && !x->finished && !x->disconnected && !x->is_websocket && x->file < 0) {
    PyErr_SetString(PyExc_RuntimeError, "the application ended without a complete response");
    PyErr_Fetch(&kind, &value, &trace);
  }
  abort_exchange(x, failed);
  if (kind == NULL) return;
  bool is_exit = PyErr_GivenExceptionMatches(kind, PyExc_SystemExit);
  if (PyErr_GivenExceptionMatches(kind, PyExc_Exception) || is_exit) {
    PyErr_NormalizeException(&kind, &value, &trace);
    if (trace != NULL) PyException_SetTraceback(value, trace);
    PyObject *told = PyObject_CallFunctionObjArgs(x->server->report, value, NULL);
    if (told == NULL) PyErr_WriteUnraisable(x->server->report);
    Py_XDECREF(told);
    Py_XDECREF(kind);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return;
  }
  PyErr_Restore(kind, value, trace); /* A cancellation, or the end of the program. */
}

/* Making -------------------------------------------------------------------------------------- */

PyObject *exchange_new(Asgi *server, struct mg_connection *c, struct mg_http_message *hm, bool is_websocket) {
  Exchange *x = (Exchange *) PyType_GenericAlloc(type, 0);
  if (x == NULL) return NULL;
  Py_INCREF((PyObject *) server);
  x->server = server;
  x->c = c;
  x->file = -1;
  x->code = 1006;
  x->is_websocket = is_websocket;
  response_init(&x->response, c, hm);
  if (is_websocket && socket_prepare(x, hm) != 0) Py_CLEAR(x);
  return (PyObject *) x;
}

void exchange_take_over(Exchange *x, struct mg_http_message *hm) {
  struct mg_connection *c = x->c;
  x->engine = c->pfn;
  x->body.limit = x->server->max_body;
  if (mg_http_get_header(hm, "Transfer-Encoding") != NULL) {
    x->body.kind = BODY_CHUNKED;
  } else {
    x->body.kind = BODY_LENGTH;
    x->body.left = hm->body.len;
  }
  /* The engine does not decide any more whether the connection stays open. */
  bool keeps = head_has_token(hm, "Connection", "keep-alive");
  x->response.closes = head_has_token(hm, "Connection", "close") || (x->response.is_old && !keeps);
  slot_of(c)->also |= EVENT(MG_EV_READ) | EVENT(MG_EV_ERROR);
  mg_iobuf_del(&c->recv, 0, hm->head.len);
  body_hold(&x->body, c);
}

static int exchange_traverse(PyObject *self, visitproc visit, void *arg) {
  Exchange *x = (Exchange *) self;
  VISIT_TYPE(self);
  Py_VISIT((PyObject *) x->server);
  Py_VISIT(x->scope);
  Py_VISIT(x->receiver);
  Py_VISIT(x->sender);
  Py_VISIT(x->incoming);
  return 0;
}

static int exchange_clear(PyObject *self) {
  Exchange *x = (Exchange *) self;
  Py_CLEAR(x->scope);
  Py_CLEAR(x->receiver);
  Py_CLEAR(x->sender);
  Py_CLEAR(x->incoming);
  return 0;
}

static void exchange_dealloc(PyObject *self) {
  Exchange *x = (Exchange *) self;
  PyTypeObject *kind = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  exchange_clear(self);
  file_close(x);
  response_free(&x->response);
  Py_CLEAR(x->whole);
  Py_CLEAR(x->head);
  Py_CLEAR(x->reason);
  Py_CLEAR(x->server);
  PyObject_GC_Del(self);
  Py_DECREF((PyObject *) kind);
}

static PyMethodDef methods[] = {{"receive", exchange_receive, METH_NOARGS, NULL},
                                {"send", exchange_send, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *) (uintptr_t) exchange_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) exchange_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) exchange_clear},
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Exchange", sizeof(Exchange), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

int exchange_setup(PyObject *module) {
  type = (PyTypeObject *) PyType_FromSpec(&spec);
  request_type = PyUnicode_InternFromString("http.request");
  disconnect = Py_BuildValue("{ss}", "type", "http.disconnect");
  if (type == NULL || request_type == NULL || disconnect == NULL) return -1;
  return PyModule_AddObject(module, "Exchange", (PyObject *) type);
}
