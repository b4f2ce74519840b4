/* Sending WebSocket messages: to one connection, and to many. */
#include "gate.h"

/* One connection ----------------------------------------------------------------------------- */

PyObject *conn_ws_send(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"ws_send", {"data", "op"}, 2};
  PyObject *given[2] = {NULL, NULL};
  Data data;
  int op = WEBSOCKET_OP_TEXT;
  if (arguments(&signature, args, nargs, names, given) != 0) return NULL;
  if (given[1] != NULL && int_from(given[1], &op) != 0) return NULL;
  if (data_from(given[0], &data) != 0) return NULL;
  struct mg_connection *c = conn_enter(self);
  bool ok = false;
  if (c != NULL) {
    Core *m = self->core;
    mg_ws_send(c, data.bytes, data.length, op);
    ok = core_leave(m) == 0;
  }
  Py_XDECREF(data.owner);
  if (!ok) return NULL;
  Py_RETURN_NONE;
}

/* Broadcast ---------------------------------------------------------------------------------- */

/* The connections of an iterable, as a set that handlers cannot change. */
static PyObject *members_of(PyObject *iterable) {
  PyObject *members = PyFrozenSet_New(iterable);
  PyObject *iterator = members == NULL ? NULL : PyObject_GetIter(members);
  if (iterator == NULL) {
    Py_XDECREF(members);
    return NULL;
  }
  bool ok = true;
  for (PyObject *item; ok && (item = PyIter_Next(iterator)) != NULL; Py_DECREF(item)) {
    ok = PyObject_IsInstance(item, gate_hooks.connection) == 1;
    if (!ok) PyErr_Format(PyExc_TypeError, "to must contain nothing but connections, not %R", item);
  }
  Py_DECREF(iterator);
  if (!ok) Py_CLEAR(members);
  return members;
}

static bool is_member(struct mg_connection *c, void *members) {
  Conn *conn = slot_of(c)->conn;
  return conn != NULL && PySet_Contains((PyObject *) members, (PyObject *) conn) == 1;
}

PyObject *core_ws_broadcast(Core *m, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"ws_broadcast", {"data", "op", "to"}, 3};
  PyObject *given[3] = {NULL, NULL, NULL}, *members = NULL, *count = NULL;
  Data data;
  int op = WEBSOCKET_OP_TEXT;
  if (arguments(&signature, args, nargs, names, given) != 0) return NULL;
  if (given[1] != NULL && int_from(given[1], &op) != 0) return NULL;
  if (given[2] != NULL && given[2] != Py_None && (members = members_of(given[2])) == NULL) return NULL;
  if (data_from(given[0], &data) != 0) {
    Py_XDECREF(members);
    return NULL;
  }
  if (core_check_open(m) == 0 && core_enter(m) == 0) {
    if (core_check_open(m) == 0) {
      count = PyLong_FromSize_t(mg_ws_broadcast(&m->mgr, data.bytes, data.length, op,
                                                members == NULL ? NULL : is_member, members));
    }
    if (core_leave(m) != 0) Py_CLEAR(count);
  }
  Py_XDECREF(data.owner);
  Py_XDECREF(members);
  return count;
}
