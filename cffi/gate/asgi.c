/* The server of an ASGI application: scopes, the events of its connections, and turns of the loop. */
#include "serve.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

/* Scopes --------------------------------------------------------------------------------------- */

/* The client's address as applications get it; borrowed. A Unix socket's is that of the listener. */
static PyObject *peer_of(Asgi *server, struct mg_connection *c) {
  ConnExtra *slot = slot_of(c);
  if (slot->peer != NULL) return slot->peer;
  char text[INET6_ADDRSTRLEN] = "";
  if (peer_is_unix(&c->rem, c->loc.port)) {
    PyObject *key = PyLong_FromLong(0);
    PyObject *path = key == NULL ? NULL : PyDict_GetItemWithError(server->servers, key);
    Py_XDECREF(key);
    slot->peer = path == NULL ? Py_None : path;
    Py_INCREF(slot->peer);
    return slot->peer;
  }
  inet_ntop(c->rem.is_ip6 ? AF_INET6 : AF_INET, c->rem.addr.ip, text, sizeof(text));
  slot->peer = Py_BuildValue("(si)", text, (int) ntohs(c->rem.port));
  return slot->peer;
}

static int set_new(PyObject *dict, PyObject *key, PyObject *value) {
  int result = value == NULL ? -1 : PyDict_SetItem(dict, key, value);
  Py_XDECREF(value);
  return result;
}

static PyObject *protocols_of(const struct mg_http_message *hm) {
  PyObject *list = PyList_New(0);
  Lines lines = lines_of(hm);
  struct mg_str name, value;
  while (list != NULL && lines_next(&lines, &name, &value)) {
    if (!is_name(name, "Sec-WebSocket-Protocol")) continue;
    const char *at = value.buf, *end = value.buf + value.len;
    while (list != NULL && at < end) {
      const char *comma = memchr(at, ',', (size_t) (end - at));
      const char *from = at, *to = comma == NULL ? end : comma;
      at = to + 1;
      while (from < to && (*from == ' ' || *from == '\t')) from++;
      while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
      if (from == to) continue;
      PyObject *text = PyUnicode_DecodeLatin1(from, (Py_ssize_t) (to - from), NULL);
      if (text == NULL || PyList_Append(list, text) != 0) Py_CLEAR(list);
      Py_XDECREF(text);
    }
  }
  return list;
}

static PyObject *scope_of(Asgi *server, struct mg_connection *c, struct mg_http_message *hm, bool is_websocket) {
  PyObject *scope = PyDict_Copy(is_websocket ? server->websocket : server->http);
  PyObject *peer = peer_of(server, c);
  Target target = target_of(hm);
  if (scope == NULL || peer == NULL) goto failed;
  if (set_new(scope, T(path), path_text(target.path, true)) != 0 ||
      set_new(scope, T(raw_path), bytes_of(target.path)) != 0 ||
      set_new(scope, T(query_string), bytes_of(hm->query)) != 0 ||
      set_new(scope, T(headers), head_headers(hm, &target)) != 0 ||
      set_new(scope, T(asgi), PyDict_Copy(server->asgi)) != 0 ||
      set_new(scope, T(state), PyDict_Copy(server->state)) != 0 ||
      set_new(scope, T(extensions), PyDict_Copy(is_websocket ? server->socket_extensions : server->extensions)) != 0 ||
      PyDict_SetItem(scope, T(client), peer) != 0) {
    goto failed;
  }
  if (is_websocket) {
    if (set_new(scope, T(subprotocols), protocols_of(hm)) != 0) goto failed;
  } else if (set_new(scope, T(method), method_text(hm->method)) != 0) {
    goto failed;
  }
  if (hm->proto.len == 8 && hm->proto.buf[7] != '1' &&
      set_new(scope, T(http_version), PyUnicode_DecodeLatin1(hm->proto.buf + 5, 3, NULL)) != 0) {
    goto failed;
  }
  if (c->is_tls && set_new(scope, T(scheme), PyUnicode_FromString(is_websocket ? "wss" : "https")) != 0) {
    goto failed;
  }
  if (PyDict_Size(server->servers) > 0) {
    PyObject *port = PyLong_FromLong(ntohs(c->loc.port));
    PyObject *name = port == NULL ? NULL : PyDict_GetItemWithError(server->servers, port);
    Py_XDECREF(port);
    if (name != NULL && PyDict_SetItem(scope, T(server), name) != 0) goto failed;
  }
  return scope;
failed:
  Py_XDECREF(scope);
  return NULL;
}

/* Events --------------------------------------------------------------------------------------- */

static Exchange *begin(Asgi *server, struct mg_connection *c, struct mg_http_message *hm, bool is_websocket) {
  Exchange *x = (Exchange *) exchange_new(server, c, hm, is_websocket);
  if (x == NULL) return NULL;
  x->scope = scope_of(server, c, hm, is_websocket);
  if (x->scope == NULL) {
    x->c = NULL;
    Py_DECREF((PyObject *) x);
    return NULL;
  }
  ConnExtra *slot = slot_of(c);
  Py_XDECREF(slot->exchange);
  slot->exchange = (PyObject *) x; /* The slot's reference is the first one. */
  Py_INCREF((PyObject *) x);
  return x;
}

static void refuse(struct mg_connection *c, const struct mg_http_message *hm, int status) {
  Response r;
  response_init(&r, c, hm);
  r.closes = true;
  if (response_status(&r, status, NULL, 0) == 0 && response_begin(&r) == 0 &&
      (status != 426 || response_header(&r, mg_str("Sec-WebSocket-Version"), mg_str("13")) == 0)) {
    response_write(&r, c, "", 0, true);
  }
  response_free(&r);
}

static void take_message(Asgi *server, struct mg_connection *c, struct mg_http_message *hm) {
  bool is_websocket = socket_is_asked_for(hm);
  int refusal = is_websocket ? socket_refusal(hm) : 0;
  if (refusal != 0) {
    refuse(c, hm, refusal);
    return;
  }
  Exchange *x = begin(server, c, hm, is_websocket);
  if (x != NULL && !is_websocket) x->whole = bytes_of(hm->body);
  if (x == NULL || (!is_websocket && x->whole == NULL) || runner_start(server, x, false) != 0) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError)) c->is_closing = 1;
  }
  Py_XDECREF((PyObject *) x);
}

/* A request whose body has yet to come; what is not taken here is collected, or refused. */
static void take_head(Asgi *server, struct mg_connection *c, struct mg_http_message *hm) {
  const struct mg_str *coding = mg_http_get_header(hm, "Transfer-Encoding");
  if (coding != NULL) {
    size_t have = (size_t) ((const char *) c->recv.buf + c->recv.len - hm->body.buf);
    if (!is_name(*coding, "chunked") || mg_strcmp(hm->proto, mg_str("HTTP/1.1")) != 0) return;
    if (mg_http_get_header(hm, "Content-Length") != NULL || body_is_whole(hm->body.buf, have)) return;
  } else if (hm->body.len <= server->longest || (server->max_body > 0 && hm->body.len > server->max_body)) {
    return;
  }
  Exchange *x = begin(server, c, hm, false);
  if (x == NULL) {
    c->is_closing = 1;
    return;
  }
  exchange_take_over(x, hm);
  if (runner_start(server, x, true) != 0) c->is_closing = 1;
  Py_DECREF((PyObject *) x);
}

static void on_event(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  Asgi *server = (Asgi *) m->service;
  Exchange *x = (Exchange *) slot_of(c)->exchange;
  if (ev == MG_EV_HTTP_MSG) {
    take_message(server, c, ev_data);
  } else if (ev == MG_EV_HTTP_HDRS) {
    take_head(server, c, ev_data);
  } else if (x != NULL) {
    Py_INCREF((PyObject *) x);
    exchange_event(x, ev, ev_data);
    Py_DECREF((PyObject *) x);
  } else if (ev == MG_EV_READ && c->pfn == NULL) {
    c->recv.len = 0; /* the rest of a body that is not read */
  }
}

/* Turns ---------------------------------------------------------------------------------------- */

static double seconds(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void schedule(Asgi *server) {
  if (server->turn_due || server->call_soon == NULL) return;
  PyObject *handle = PyObject_CallFunctionObjArgs(server->call_soon, server->turn, NULL);
  server->turn_due = handle != NULL;
  if (handle == NULL) PyErr_WriteUnraisable(server->call_soon); /* a loop that was closed */
  Py_XDECREF(handle);
}

void asgi_wake(Asgi *server) {
  if (!server->core->polling) schedule(server);
}

static void cancel_timer(Asgi *server) {
  PyObject *timer = server->timer;
  server->timer = NULL;
  if (timer == NULL) return;
  PyObject *done = PyObject_CallMethodObjArgs(timer, T(cancel), NULL);
  if (done == NULL) PyErr_Clear();
  Py_XDECREF(done);
  Py_DECREF(timer);
}

/* A turn no later than in so many milliseconds. One that comes too early does no harm, so a timer that
   is earlier stays. */
static int turn_within(Asgi *server, long ms) {
  double at = seconds() + (double) ms / 1000;
  if (server->timer != NULL && server->timer_at <= at) return 0;
  cancel_timer(server);
  server->timer_at = at;
  PyObject *alarm = PyObject_GetAttrString((PyObject *) server, "alarm");
  server->timer = alarm == NULL ? NULL
                                : PyObject_CallMethod(server->loop, "call_later", "dO", (double) ms / 1000, alarm);
  Py_XDECREF(alarm);
  return server->timer == NULL ? -1 : 0;
}

static PyObject *asgi_turn(PyObject *self, PyObject *unused) {
  Asgi *server = (Asgi *) self;
  (void) unused;
  server->turn_due = false;
  if (server->call_soon == NULL || server->core->freed) Py_RETURN_NONE;
  PyObject *again = core_turn(server->core, NULL);
  if (again == NULL) return NULL;
  long ms = PyLong_AsLong(again);
  Py_DECREF(again);
  if (ms == 0) schedule(server);
  if (ms > 0 && turn_within(server, ms) != 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *asgi_alarm(PyObject *self, PyObject *unused) {
  Asgi *server = (Asgi *) self;
  Py_CLEAR(server->timer);
  return asgi_turn(self, unused);
}

static PyObject *asgi_schedule(PyObject *self, PyObject *unused) {
  (void) unused;
  schedule((Asgi *) self);
  Py_RETURN_NONE;
}

/* Stopping ------------------------------------------------------------------------------------- */

/* drain(idle, code): accepts no new clients. Connections without a request close, if `idle`; WebSockets get
   `code`, and the others close after their responses. */
static PyObject *asgi_drain(PyObject *self, PyObject *args) {
  Asgi *server = (Asgi *) self;
  Core *m = server->core;
  int idle = 1, code = 1001;
  if (!PyArg_ParseTuple(args, "|pi", &idle, &code)) return NULL;
  if (core_check_open(m) != 0 || core_enter(m) != 0) return NULL;
  m->stopping = true;
  for (struct mg_connection *c = m->mgr.conns; c != NULL; c = c->next) {
    if (!gate_has(c)) continue;
    Exchange *x = (Exchange *) slot_of(c)->exchange;
    if (c->is_listening) {
      c->is_closing = 1;
    } else if (c->is_accepted && x == NULL && !c->is_resp) {
      if (idle) c->is_draining = 1;
    } else if (c->is_accepted && x == NULL && m->mounts != NULL) {
      c->is_draining = 1; /* a file is being sent */
    } else if (x != NULL && x->is_websocket) {
      if (x->socket == SOCKET_OPEN) x->code = code;
      socket_end(x, code);
    } else if (x != NULL) {
      x->response.closes = true;
    }
  }
  schedule(server);
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *asgi_cancel_all(PyObject *self, PyObject *unused) {
  (void) unused;
  if (runner_cancel_all((Asgi *) self) != 0) return NULL;
  Py_RETURN_NONE;
}

/* close(): the loop is not used any more. */
static PyObject *asgi_close(PyObject *self, PyObject *unused) {
  Asgi *server = (Asgi *) self;
  (void) unused;
  cancel_timer(server);
  runner_drop(server);
  Py_CLEAR(server->call_soon);
  Py_CLEAR(server->turn);
  Py_RETURN_NONE;
}

/* Type ----------------------------------------------------------------------------------------- */

static PyObject *get(PyObject *module, const char *name, bool may_lack) {
  PyObject *found = PyObject_GetAttrString(module, name);
  if (found == NULL && may_lack) PyErr_Clear();
  return found;
}

/* Asgi(manager, app, loop, report, client_disconnected, http, websocket, asgi, state, extensions,
   socket_extensions, servers, max_body, longest) */
static PyObject *asgi_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *o[12];
  unsigned long long max_body, longest;
  (void) kwargs;
  if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOKK", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &o[7], &o[8],
                        &o[9], &o[10], &o[11], &max_body, &longest)) {
    return NULL;
  }
  Asgi *s = (Asgi *) PyType_GenericAlloc(type, 0);
  if (s == NULL) return NULL;
  for (int i = 0; i < 12; i++) Py_INCREF(o[i]);
  s->core = (Core *) o[0];
  s->app = o[1], s->loop = o[2], s->report = o[3], s->client_disconnected = o[4], s->http = o[5], s->websocket = o[6];
  s->asgi = o[7], s->state = o[8], s->extensions = o[9], s->socket_extensions = o[10], s->servers = o[11];
  s->max_body = max_body, s->longest = longest;
  PyObject *asyncio = PyImport_ImportModule("asyncio"), *contexts = PyImport_ImportModule("contextvars");
  PyObject *tasks = asyncio == NULL ? NULL : get(asyncio, "tasks", false);
  if (tasks == NULL || contexts == NULL) goto failed;
  s->call_soon = get(s->loop, "call_soon", false);
  s->create_future = get(s->loop, "create_future", false);
  s->create_task = get(s->loop, "create_task", false);
  s->context = PyObject_CallMethod(contexts, "copy_context", NULL);
  s->current_task = get(asyncio, "current_task", false);
  s->cancelled = get(asyncio, "CancelledError", false);
  s->enter_task = get(tasks, "_enter_task", false);
  s->leave_task = get(tasks, "_leave_task", false);
  s->swap_task = get(tasks, "_swap_current_task", true);
  s->turn = get((PyObject *) s, "turn", false);
  if (PyErr_Occurred()) goto failed;
  PyObject *version = PySys_GetObject("hexversion");
  s->nests = version == NULL || PyLong_AsLong(version) < 0x030b0000;
  Py_DECREF(asyncio);
  Py_DECREF(tasks);
  Py_DECREF(contexts);
  Py_XDECREF(s->core->service);
  Py_INCREF((PyObject *) s);
  s->core->service = (PyObject *) s;
  s->core->serve = on_event;
  s->core->late_bodies = true;
  return (PyObject *) s;
failed:
  Py_XDECREF(asyncio);
  Py_XDECREF(tasks);
  Py_XDECREF(contexts);
  Py_DECREF((PyObject *) s);
  return NULL;
}

#define MEMBERS(X)                                                                                        \
  X(app) X(loop) X(report) X(client_disconnected) X(cancelled) X(http) X(websocket) X(asgi) X(state) X(extensions) \
  X(socket_extensions) X(servers) X(call_soon) X(create_future) X(create_task) X(context)                 \
  X(current_task) X(enter_task) X(leave_task) X(swap_task) X(turn) X(timer)

static int asgi_traverse(PyObject *self, visitproc visit, void *arg) {
  Asgi *s = (Asgi *) self;
  VISIT_TYPE(self);
  MEMBERS(VISIT)
  Py_VISIT((PyObject *) s->core);
  Py_VISIT((PyObject *) s->spare);
  return 0;
}

static int asgi_clear(PyObject *self) {
  Asgi *s = (Asgi *) self;
  MEMBERS(CLEAR)
  Py_CLEAR(s->core);
  Py_CLEAR(s->spare);
  return 0;
}

static void asgi_dealloc(PyObject *self) {
  PyTypeObject *kind = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  asgi_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF((PyObject *) kind);
}

static PyObject *asgi_active(PyObject *self, void *unused) {
  (void) unused;
  return PyLong_FromSsize_t(((Asgi *) self)->active);
}

static PyMethodDef methods[] = {{"turn", asgi_turn, METH_NOARGS, NULL},
                                {"alarm", asgi_alarm, METH_NOARGS, NULL},
                                {"schedule", asgi_schedule, METH_NOARGS, NULL},
                                {"drain", asgi_drain, METH_VARARGS, NULL},
                                {"cancel_all", asgi_cancel_all, METH_NOARGS, NULL},
                                {"close", asgi_close, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {{"active", asgi_active, NULL, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, (void *) (uintptr_t) asgi_new},
                              {Py_tp_dealloc, (void *) (uintptr_t) asgi_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) asgi_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) asgi_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Asgi", sizeof(Asgi), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                           slots};

int asgi_setup(PyObject *module) {
  return PyModule_AddObject(module, "Asgi", PyType_FromSpec(&spec));
}
