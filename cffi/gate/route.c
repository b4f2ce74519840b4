/* Routes: handlers with their event masks, as listen() and connect() hand them to connections. */
#include "gate.h"

Route *route_new(Core *m, PyObject *handler, uint32_t mask, uint32_t traced) {
  Route *route = PyMem_Calloc(1, sizeof(*route));
  if (route == NULL) return (Route *) PyErr_NoMemory();
  if (handler != Py_None) {
    Py_INCREF(handler);
    route->handler = handler;
    route->mask = mask;
    route->traced = traced;
  }
  route->refs = 1;
  route->next = m->routes;
  route->link = &m->routes;
  if (m->routes != NULL) m->routes->link = &route->next;
  m->routes = route;
  return route;
}

void route_release(Core *m, Route *route) {
  (void) m;
  if (route == NULL || --route->refs > 0) return;
  *route->link = route->next;
  if (route->next != NULL) route->next->link = route->link;
  Py_XDECREF(route->handler);
  PyMem_Free(route);
}

/* _handle(handler, mask, traced): the handler of all connections that have none of their own. */
PyObject *core_handle(Core *m, PyObject *args) {
  PyObject *handler, *old;
  unsigned int mask, traced;
  if (!PyArg_ParseTuple(args, "OII", &handler, &mask, &traced)) return NULL;
  if (core_check_open(m) != 0) return NULL;
  old = m->fallback->handler;
  Py_INCREF(handler);
  m->fallback->handler = handler;
  m->fallback->mask = mask;
  m->fallback->traced = traced;
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

/* _route(handler, mask, traced) -> address: what listen() and connect() pass as fn_data. The caller
   gives it back with _route_done() when the call is over. */
PyObject *core_route(Core *m, PyObject *args) {
  PyObject *handler;
  unsigned int mask, traced;
  if (!PyArg_ParseTuple(args, "OII", &handler, &mask, &traced)) return NULL;
  Route *route = m->fallback;
  if (handler != Py_None) {
    route = route_new(m, handler, mask, traced);
    if (route == NULL) return NULL;
  } else {
    route->refs++;
  }
  return PyLong_FromVoidPtr(route);
}

PyObject *core_route_done(Core *m, PyObject *address) {
  void *route = PyLong_AsVoidPtr(address);
  if (route == NULL && PyErr_Occurred()) return NULL;
  route_release(m, (Route *) route);
  Py_RETURN_NONE;
}
