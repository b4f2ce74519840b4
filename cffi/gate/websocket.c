/* Sending WebSocket messages: to one connection, and to many. */
#include "gate.h"

PyObject *conn_ws_send(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const Signature signature = {"ws_send", {"data", "op"}, 2};
  PyObject *given[2] = {NULL, NULL}, *owner;
  const char *bytes;
  Py_ssize_t length;
  int op = WEBSOCKET_OP_TEXT;
  if (arguments(&signature, args, nargs, names, given) != 0) return NULL;
  if (given[1] != NULL && int_from(given[1], &op) != 0) return NULL;
  if (bytes_from(given[0], &owner, &bytes, &length) != 0) return NULL;
  struct mg_connection *c = conn_enter(self);
  bool ok = false;
  if (c != NULL) {
    Core *m = self->core;
    mg_ws_send(c, bytes, (size_t) length, op);
    ok = core_leave(m) == 0;
  }
  Py_XDECREF(owner);
  if (!ok) return NULL;
  Py_RETURN_NONE;
}
