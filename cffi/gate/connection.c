/* The native half of Connection: what runs once per request, and the attributes. */
#include "gate.h"

#include <arpa/inet.h>
#include <stdio.h>

/* The Python object of a connection, made when first needed. Borrowed. [GIL, lock] */
Conn *conn_of(struct mg_connection *c) {
  ConnExtra *slot = slot_of(c);
  if (slot->conn != NULL) return slot->conn;
  Conn *conn = (Conn *) PyObject_CallObject(gate_hooks.connection, NULL);
  if (conn == NULL) return NULL;
  conn->c = c;
  conn->core = core_of(c->mgr);
  conn->id = c->id;
  conn->is_client = c->is_client;
  conn->has_handler = slot->route != NULL && slot->route->handler != NULL;
  if (slot->route != NULL && slot->route != conn->core->fallback && slot->route->handler != NULL) {
    Py_INCREF(slot->route->handler);
    conn->handler = slot->route->handler;
  }
  slot->conn = conn;
  return conn;
}

bool conn_has_objects(struct mg_connection *c) {
  ConnExtra *slot = slot_of(c);
  return slot->conn != NULL || slot->on_upload != NULL || slot->exchange != NULL || slot->peer != NULL ||
         (slot->route != NULL && slot->route->refs == 1);
}

/* After MG_EV_CLOSE: the object is closed, the manager's references go. [GIL, lock] */
void conn_retire(struct mg_connection *c) {
  ConnExtra *slot = slot_of(c);
  Conn *conn = slot->conn;
  Route *route = slot->route;
  Core *m = core_of(c->mgr);
  slot->conn = NULL;
  slot->route = NULL;
  Py_CLEAR(slot->on_upload);
  Py_CLEAR(slot->exchange);
  Py_CLEAR(slot->peer);
  c->fn = NULL;
  route_release(m, route);
  if (conn != NULL) {
    conn->c = NULL;
    conn->core = NULL;
    Py_DECREF((PyObject *) conn);
  }
}

static struct mg_connection *closed_error(void) {
  PyErr_SetString(PyExc_RuntimeError, "Connection has been closed");
  return NULL;
}

struct mg_connection *conn_enter(Conn *self) {
  if (self->c == NULL) return closed_error();
  Core *m = self->core;
  if (core_enter(m) != 0) return NULL;
  if (self->c == NULL) { /* closed while this thread waited */
    core_leave(m);
    return closed_error();
  }
  return self->c;
}

/* As conn_enter, for what does nothing on a closed connection: then NULL without an exception. */
static struct mg_connection *enter_if_open(Conn *self) {
  struct mg_connection *c = self->c == NULL ? NULL : conn_enter(self);
  if (c == NULL) PyErr_Clear();
  return c;
}

static PyObject *conn_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void) args, (void) kwargs;
  allocfunc alloc = (allocfunc) PyType_GetSlot(type, Py_tp_alloc);
  return alloc(type, 0);
}

static int conn_traverse(PyObject *self, visitproc visit, void *arg) {
  VISIT_TYPE(self);
  Py_VISIT(((Conn *) self)->handler);
  Py_VISIT(((Conn *) self)->userdata);
  return 0;
}

static int conn_clear(PyObject *self) {
  Py_CLEAR(((Conn *) self)->handler);
  Py_CLEAR(((Conn *) self)->userdata);
  return 0;
}

static void conn_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (((Conn *) self)->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  conn_clear(self);
  freefunc release = (freefunc) PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF((PyObject *) type);
}

/* Sending ------------------------------------------------------------------------------------ */

static PyObject *conn_send(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"send", {"data"}, 1};
  PyObject *given = NULL;
  Data data;
  if (arguments(&signature, args, nargs, names, &given) != 0) return NULL;
  if (data_from(given, &data) != 0) return NULL;
  struct mg_connection *c = conn_enter(self);
  bool ok = false;
  if (c != NULL) {
    Core *m = self->core;
    ok = mg_send(c, data.bytes, data.length);
    if (core_leave(m) != 0) {
      ok = false;
    } else if (!ok) {
      PyErr_SetString(PyExc_RuntimeError, "mg_send failed");
    }
  }
  Py_XDECREF(data.owner);
  if (!ok) return NULL;
  Py_RETURN_NONE;
}

static PyObject *conn_http_chunk(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"http_chunk", {"data"}, 1};
  PyObject *given = NULL;
  Data data;
  if (arguments(&signature, args, nargs, names, &given) != 0) return NULL;
  if (data_from(given, &data) != 0) return NULL;
  struct mg_connection *c = conn_enter(self);
  bool ok = false;
  if (c != NULL) {
    Core *m = self->core;
    if (!slot_of(c)->head) {
      mg_http_write_chunk(c, data.bytes, data.length);
    } else if (data.length == 0) {
      c->is_resp = 0; /* The client of a HEAD request would take chunks for the next response. */
    }
    if (data.length == 0 && slot_of(c)->closes) c->is_draining = 1;
    ok = core_leave(m) == 0;
  }
  Py_XDECREF(data.owner);
  if (!ok) return NULL;
  Py_RETURN_NONE;
}

/* Closing ------------------------------------------------------------------------------------ */

static PyObject *conn_drain(Conn *self, PyObject *unused) {
  (void) unused;
  struct mg_connection *c = enter_if_open(self);
  if (c == NULL) Py_RETURN_NONE;
  Core *m = self->core;
  c->is_draining = 1;
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* Outside of the connection's own handlers it is closed here and now. Inside, the loop closes it
   when the handler is done; until then the object stays usable. */
static PyObject *conn_close(Conn *self, PyObject *unused) {
  (void) unused;
  struct mg_connection *c = enter_if_open(self);
  if (c == NULL) Py_RETURN_NONE;
  Core *m = self->core;
  ConnExtra *slot = slot_of(c);
  slot->closed = true;
  c->is_closing = 1;
  if (slot->handlers == 0) mg_close_conn(c);
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* Buffers ------------------------------------------------------------------------------------ */

static PyObject *copy_of(Conn *self, PyObject *args, PyObject *kwargs, bool outgoing) {
  static char *names[] = {"length", NULL};
  Py_ssize_t length = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|n", names, &length)) return NULL;
  struct mg_connection *c = enter_if_open(self);
  if (c == NULL) return PyBytes_FromStringAndSize(NULL, 0);
  Core *m = self->core;
  struct mg_iobuf *io = outgoing ? &c->send : &c->recv;
  size_t n = length < 0 || (size_t) length > io->len ? io->len : (size_t) length;
  PyObject *bytes = PyBytes_FromStringAndSize((const char *) io->buf, (Py_ssize_t) n);
  if (core_leave(m) != 0) Py_CLEAR(bytes);
  return bytes;
}

static PyObject *conn_recv_data(Conn *self, PyObject *args, PyObject *kwargs) {
  return copy_of(self, args, kwargs, false);
}

static PyObject *conn_send_data(Conn *self, PyObject *args, PyObject *kwargs) {
  return copy_of(self, args, kwargs, true);
}

static PyObject *conn_recv_consume(Conn *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"n", NULL};
  Py_ssize_t wanted = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|n:recv_consume", names, &wanted)) return NULL;
  struct mg_connection *c = conn_enter(self);
  if (c == NULL) return NULL;
  Core *m = self->core;
  size_t n = wanted < 0 || (size_t) wanted > c->recv.len ? c->recv.len : (size_t) wanted;
  windows_end(slot_of(c));
  mg_iobuf_del(&c->recv, 0, n);
  if (core_leave(m) != 0) return NULL;
  return PyLong_FromSize_t(n);
}

/* Cold methods, which the Python half makes with cffi ------------------------------------------ */

static PyObject *conn_lock(Conn *self, PyObject *unused) {
  (void) unused;
  struct mg_connection *c = conn_enter(self);
  return c == NULL ? NULL : PyLong_FromVoidPtr(c);
}

/* _unlock(manager): the connection may be freed by now, so the caller says whose lock it was. */
static PyObject *conn_unlock(Conn *self, PyObject *core) {
  (void) self;
  if (core_leave((Core *) core) != 0) return NULL;
  Py_RETURN_NONE;
}

struct mg_http_message *conn_message_of(Conn *self, PyObject *object) {
  MessageView *window = (MessageView *) object;
  if (self->c == NULL || slot_of(self->c)->current != window || window_is_over(window)) {
    PyErr_SetString(PyExc_ValueError, "HttpMessage is not valid for this event");
    return NULL;
  }
  return (struct mg_http_message *) window->message;
}

/* _message(window) -> address of that message. */
static PyObject *conn_message(Conn *self, PyObject *object) {
  struct mg_http_message *hm = conn_message_of(self, object);
  return hm == NULL ? NULL : PyLong_FromVoidPtr(hm);
}

/* _respond(data, complete): bytes of a response that Python wrote itself. */
static PyObject *conn_respond(Conn *self, PyObject *args) {
  const char *data;
  Py_ssize_t length;
  int complete;
  if (!PyArg_ParseTuple(args, "y#p", &data, &length, &complete)) return NULL;
  struct mg_connection *c = conn_enter(self);
  bool ok = false;
  if (c != NULL) {
    Core *m = self->core;
    ok = mg_send(c, data, (size_t) length);
    if (!ok) PyErr_SetString(PyExc_RuntimeError, "mg_send failed");
    if (complete) c->is_resp = 0;
    if (core_leave(m) != 0) ok = false;
  }
  if (!ok) return NULL;
  Py_RETURN_NONE;
}

static PyObject *conn_set_route(Conn *self, PyObject *args) {
  PyObject *handler;
  unsigned int mask, traced;
  if (!PyArg_ParseTuple(args, "OII", &handler, &mask, &traced)) return NULL;
  PyObject *old = self->handler;
  self->handler = handler == Py_None ? NULL : handler;
  Py_XINCREF(self->handler);
  Py_XDECREF(old);
  struct mg_connection *c = enter_if_open(self);
  if (c == NULL) Py_RETURN_NONE;
  Core *m = self->core;
  PyObject *address = core_route(m, args);
  if (address != NULL) {
    Route *previous = slot_of(c)->route;
    slot_of(c)->route = (Route *) PyLong_AsVoidPtr(address);
    c->fn_data = slot_of(c)->route;
    self->has_handler = slot_of(c)->route->handler != NULL;
    gate_set_poll(c);
    Py_DECREF(address);
    route_release(m, previous);
  }
  if (core_leave(m) != 0 || address == NULL) return NULL;
  Py_RETURN_NONE;
}

/* Attributes ---------------------------------------------------------------------------------- */

enum { LISTENING, CLIENT, UDP, WEBSOCKET, TLS, READABLE, WRITABLE, FULL, DRAINING, CLOSING };
enum { RECV_LEN, RECV_SIZE, SEND_LEN, SEND_SIZE };

/* One word is read; a torn value is not possible, so no lock. */
static PyObject *conn_flag(PyObject *object, void *which) {
  Conn *self = (Conn *) object;
  const struct mg_connection *c = self->c;
  int flag = (int) (intptr_t) which;
  bool value = false;
  if (flag == CLIENT) return PyBool_FromLong(self->is_client);
  if (c == NULL) return PyBool_FromLong(flag == CLOSING);
  switch (flag) {
    case LISTENING: value = c->is_listening; break;
    case UDP: value = c->is_udp; break;
    case WEBSOCKET: value = c->is_websocket; break;
    case TLS: value = c->is_tls; break;
    case READABLE: value = c->is_readable; break;
    case WRITABLE: value = c->is_writable; break;
    case FULL: value = c->is_full || c->recv.len >= MG_MAX_RECV_SIZE; break;
    case DRAINING: value = c->is_draining; break;
    default: value = c->is_closing; break;
  }
  return PyBool_FromLong(value);
}

static PyObject *conn_length(PyObject *object, void *which) {
  const struct mg_connection *c = ((Conn *) object)->c;
  if (c == NULL) return PyLong_FromLong(0);
  switch ((int) (intptr_t) which) {
    case RECV_LEN: return PyLong_FromSize_t(c->recv.len);
    case RECV_SIZE: return PyLong_FromSize_t(c->recv.size);
    case SEND_LEN: return PyLong_FromSize_t(c->send.len);
    default: return PyLong_FromSize_t(c->send.size);
  }
}

static PyObject *conn_address(PyObject *object, void *which) {
  const struct mg_connection *c = ((Conn *) object)->c;
  if (c == NULL) Py_RETURN_NONE;
  const struct mg_addr *a = which == NULL ? &c->loc : &c->rem;
  char text[48];
  const uint8_t *ip = a->addr.ip;
  if (a->is_ip6) {
    size_t n = 0;
    for (int i = 0; i < 16; i += 2) {
      n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%02x%02x", i == 0 ? "" : ":", ip[i],
                             ip[i + 1]);
    }
  } else {
    snprintf(text, sizeof(text), "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
  }
  return Py_BuildValue("(siO)", text, (int) ntohs(a->port), a->is_ip6 ? Py_True : Py_False);
}

static PyObject *conn_id(PyObject *self, void *unused) {
  (void) unused;
  return PyLong_FromUnsignedLong(((Conn *) self)->id);
}

static PyObject *optional(PyObject *value) {
  if (value == NULL) value = Py_None;
  Py_INCREF(value);
  return value;
}

static PyObject *conn_handler(PyObject *self, void *unused) {
  (void) unused;
  return optional(((Conn *) self)->handler);
}

static PyObject *conn_get_userdata(PyObject *self, void *unused) {
  (void) unused;
  return optional(((Conn *) self)->userdata);
}

static int conn_set_userdata(PyObject *self, PyObject *value, void *unused) {
  (void) unused;
  PyObject *old = ((Conn *) self)->userdata;
  Py_XINCREF(value);
  ((Conn *) self)->userdata = value;
  Py_XDECREF(old);
  return 0;
}

static PyObject *conn_has_handler(PyObject *self, void *unused) {
  (void) unused;
  return PyBool_FromLong(((Conn *) self)->has_handler);
}

static PyObject *conn_manager(PyObject *self, void *unused) {
  (void) unused;
  return optional((PyObject *) ((Conn *) self)->core);
}

static PyObject *conn_repr(PyObject *object) {
  Conn *self = (Conn *) object;
  if (self->c == NULL) return PyUnicode_FromString("<Connection closed>");
  return PyUnicode_FromFormat("<Connection id=%lu readable=%s writable=%s>", self->id,
                              self->c->is_readable ? "True" : "False",
                              self->c->is_writable ? "True" : "False");
}

#define FLAG(name, which, doc) {name, conn_flag, NULL, doc, (void *) (intptr_t) (which)}
#define LENGTH(name, which, doc) {name, conn_length, NULL, doc, (void *) (intptr_t) (which)}

static PyGetSetDef properties[] = {
    {"id", conn_id, NULL, "Number of the connection, unique in its manager.", NULL},
    {"handler", conn_handler, NULL, "The connection's own handler, or None.", NULL},
    {"userdata", conn_get_userdata, conn_set_userdata, "Any object of yours.", NULL},
    {"_manager", conn_manager, NULL, NULL, NULL},
    {"_has_handler", conn_has_handler, NULL, NULL, NULL},
    FLAG("is_listening", LISTENING, "A listener."),
    FLAG("is_client", CLIENT, "An outgoing connection."),
    FLAG("is_udp", UDP, "UDP."),
    FLAG("is_websocket", WEBSOCKET, "Upgraded to WebSocket."),
    FLAG("is_tls", TLS, "TLS."),
    FLAG("is_readable", READABLE, "There is something to read."),
    FLAG("is_writable", WRITABLE, "There is something to send, and room for it."),
    FLAG("is_full", FULL, "The receive buffer is full: nothing more is read."),
    FLAG("is_draining", DRAINING, "Closes when everything is sent."),
    FLAG("is_closing", CLOSING, "Closes now; True when closed."),
    LENGTH("recv_len", RECV_LEN, "Bytes in the receive buffer."),
    LENGTH("recv_size", RECV_SIZE, "Bytes allocated for the receive buffer."),
    LENGTH("send_len", SEND_LEN, "Bytes in the send buffer."),
    LENGTH("send_size", SEND_SIZE, "Bytes allocated for the send buffer."),
    {"local_addr", conn_address, NULL, "(ip, port, is_ipv6), None when closed.", NULL},
    {"remote_addr", conn_address, NULL, "(ip, port, is_ipv6), None when closed.", (void *) 1},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"reply", KEYWORDS(conn_reply), METH_FASTCALL | METH_KEYWORDS,
     "reply($self, status_code, body=b'', headers=None)\n--\n\n"
     "Sends an HTTP response.\n\n"
     "headers is a dict or an iterable of pairs; Content-Type is text/plain unless given, and\n"
     "Content-Length is added. CR, LF or NUL in a header raises ValueError."},
    {"send", KEYWORDS(conn_send), METH_FASTCALL | METH_KEYWORDS,
     "send($self, data)\n--\n\nAppends raw bytes to the send buffer; on UDP sends one datagram."},
    {"http_chunk", KEYWORDS(conn_http_chunk), METH_FASTCALL | METH_KEYWORDS,
     "http_chunk($self, data)\n--\n\nSends one chunk of a chunked HTTP body; empty data ends it."},
    {"ws_send", KEYWORDS(conn_ws_send), METH_FASTCALL | METH_KEYWORDS,
     "ws_send($self, data, op=1)\n--\n\nSends one WebSocket message, as text or what WEBSOCKET_OP_* says."},
    {"drain", (PyCFunction) conn_drain, METH_NOARGS,
     "drain($self)\n--\n\nCloses the connection when everything queued has been sent."},
    {"close", (PyCFunction) conn_close, METH_NOARGS,
     "close($self)\n--\n\nCloses the connection now; unsent data is lost."},
    {"recv_data", KEYWORDS(conn_recv_data), METH_VARARGS | METH_KEYWORDS,
     "recv_data($self, length=-1)\n--\n\nCopies bytes from the receive buffer without consuming them."},
    {"send_data", KEYWORDS(conn_send_data), METH_VARARGS | METH_KEYWORDS,
     "send_data($self, length=-1)\n--\n\nCopies bytes from the send buffer."},
    {"recv_consume", KEYWORDS(conn_recv_consume), METH_VARARGS | METH_KEYWORDS,
     "recv_consume($self, n=-1)\n--\n\nRemoves bytes from the receive buffer; returns how many."},
    {"_lock", (PyCFunction) conn_lock, METH_NOARGS, NULL},
    {"_unlock", (PyCFunction) conn_unlock, METH_O, NULL},
    {"_message", (PyCFunction) conn_message, METH_O, NULL},
    {"_start_upload", (PyCFunction) conn_start_upload, METH_VARARGS, NULL},
    {"_respond", (PyCFunction) conn_respond, METH_VARARGS, NULL},
    {"_set_route", (PyCFunction) conn_set_route, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Conn, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, (void *) (uintptr_t) conn_new},
                              {Py_tp_dealloc, (void *) (uintptr_t) conn_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) conn_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) conn_clear},
                              {Py_tp_repr, (void *) (uintptr_t) conn_repr},
                              {Py_tp_methods, methods},
                              {Py_tp_members, members},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Conn", sizeof(Conn), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

int connection_setup(PyObject *module) {
  return PyModule_AddObject(module, "Conn", PyType_FromSpec(&spec));
}
