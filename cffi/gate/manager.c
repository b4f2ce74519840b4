/* The native half of Manager: its lock, its life, wakeup and facts. */
#include "gate.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* How long close() waits for a poll() of another thread. */
#define CLOSE_PATIENCE_MS 5000

static _Atomic unsigned process_forks;

static void after_fork(void) {
  atomic_fetch_add(&process_forks, 1);
}

Core *core_of(struct mg_mgr *mgr) {
  return (Core *) ((char *) mgr - offsetof(Core, mgr));
}

ConnExtra *slot_of(struct mg_connection *c) {
  return (ConnExtra *) (c + 1);
}

static uint64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

void core_renew_after_fork(Core *m) {
  unsigned forks = atomic_load(&process_forks);
  if (m->forks == forks) return;
  m->forks = forks;
  lock_init(&m->lock);
  close(m->interrupt_fd);
  m->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  m->polling = m->sleeping = m->closing = false;
  m->released = NULL;
  m->guests = 0;
}

int core_check_open(Core *m) {
  if (!m->freed && !m->closing) return 0;
  PyErr_SetString(PyExc_RuntimeError, "Manager has been freed");
  return -1;
}

int core_enter(Core *m) {
  core_renew_after_fork(m);
  if (!lock_try(&m->lock)) {
    if (gate_exiting) {
      PyErr_SetString(PyExc_RuntimeError, "the interpreter is shutting down");
      return -1;
    }
    Py_BEGIN_ALLOW_THREADS
    lock_wait(&m->lock);
    Py_END_ALLOW_THREADS
  }
  m->guests++;
  Py_INCREF((PyObject *) m);
  return 0;
}

void core_interrupt(Core *m) {
  uint64_t one = 1;
  ssize_t n = m->interrupt_fd < 0 ? 0 : write(m->interrupt_fd, &one, sizeof(one));
  (void) n;
}

/* Raises what a handler raised to stop the program. */
static int raise_pending(Core *m) {
  PyObject *value = m->pending;
  if (value == NULL) return 0;
  m->pending = NULL;
  PyErr_SetObject((PyObject *) Py_TYPE(value), value);
  Py_DECREF(value);
  return -1;
}

int core_leave(Core *m) {
  bool outermost = m->lock.depth == 1;
  bool wake = outermost && m->sleeping;
  m->guests--;
  lock_release(&m->lock);
  if (wake) core_interrupt(m);
  int result = outermost && !PyErr_Occurred() ? raise_pending(m) : 0;
  Py_DECREF((PyObject *) m);
  return result;
}

/* Life --------------------------------------------------------------------------------------- */

static PyObject *core_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  (void) args, (void) kwargs;
  allocfunc alloc = (allocfunc) PyType_GetSlot(type, Py_tp_alloc);
  Core *m = (Core *) alloc(type, 0);
  if (m == NULL) return NULL;
  m->freed = true;
  m->interrupt_fd = -1;
  m->forks = atomic_load(&process_forks);
  lock_init(&m->lock);
  return (PyObject *) m;
}

/* _open(handler, mask, traced, enable_wakeup) */
static PyObject *core_open(Core *m, PyObject *args) {
  PyObject *handler;
  unsigned int mask, traced;
  int wakeup;
  if (!PyArg_ParseTuple(args, "OIIp", &handler, &mask, &traced, &wakeup)) return NULL;
  if (m->initialised) {
    PyErr_SetString(PyExc_RuntimeError, "Manager is already initialised");
    return NULL;
  }
  m->fallback = route_new(m, handler, mask, traced);
  if (m->fallback == NULL) return NULL;
  m->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (m->interrupt_fd < 0) return PyErr_SetFromErrno(PyExc_OSError);
  mg_mgr_init(&m->mgr);
  m->mgr.extraconnsize = sizeof(ConnExtra);
  mg_mgr_set_wait_fn(&m->mgr, gate_wait, NULL);
  m->initialised = true;
  m->freed = false;
  if (wakeup && !mg_wakeup_init(&m->mgr)) {
    PyErr_SetString(PyExc_RuntimeError, "Failed to initialize wakeup support");
    return NULL;
  }
  Py_RETURN_NONE;
}

/* Visits what the manager owns. A poll or a call in progress may change the lists without the
   GIL; its frame holds a reference to the manager, which is not garbage then. */
int core_visit(Core *m, visitproc visit, void *arg) {
  Py_VISIT(m->pending);
  Py_VISIT(m->service);
  if (!m->initialised || m->polling || m->guests > 0) return 0;
  for (Route *r = m->routes; r != NULL; r = r->next) Py_VISIT(r->handler);
  for (TimerObject *t = m->timers; t != NULL; t = t->next) Py_VISIT((PyObject *) t);
  if (m->freed) return 0;
  for (struct mg_connection *c = m->mgr.conns; c != NULL; c = c->next) {
    if (!gate_has(c)) continue;
    Py_VISIT((PyObject *) slot_of(c)->conn);
    Py_VISIT(slot_of(c)->on_upload);
    Py_VISIT(slot_of(c)->exchange);
  }
  return 0;
}

static int core_traverse(PyObject *self, visitproc visit, void *arg) {
#if PY_VERSION_HEX >= 0x03090000
  Py_VISIT(Py_TYPE(self));
#endif
  return core_visit((Core *) self, visit, arg);
}

/* Closes everything; the lock is held. */
static void core_free(Core *m) {
  if (m->freed) return;
  m->freed = true;
  timers_drop(m);
  mg_mgr_free(&m->mgr);
  route_release(m, m->fallback);
  m->fallback = NULL;
  Py_CLEAR(m->spare_http);
  Py_CLEAR(m->spare_ws);
  m->serve = NULL;
  m->early = NULL;
  m->output = NULL;
  Py_CLEAR(m->service);
  reply_forget(m);
  close(m->interrupt_fd);
  m->interrupt_fd = -1;
}

/* Fires no more events: for a manager that is being freed. */
static void core_silence(Core *m) {
  for (Route *r = m->routes; r != NULL; r = r->next) Py_CLEAR(r->handler);
  for (struct mg_connection *c = m->mgr.conns; !m->freed && c != NULL; c = c->next) {
    if (gate_has(c)) Py_CLEAR(slot_of(c)->on_upload);
  }
}

static int core_clear(PyObject *self) {
  Core *m = (Core *) self;
  if (m->initialised && !m->freed && core_enter(m) == 0) {
    core_silence(m);
    core_free(m);
    m->guests--;
    lock_release(&m->lock);
    Py_DECREF(self);
  }
  for (int i = 0; i < 3; i++) Py_CLEAR(m->lines[i]);
  Py_CLEAR(m->pending);
  return 0;
}

static void core_dealloc(PyObject *self) {
  Core *m = (Core *) self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (m->initialised && !m->freed) {
    lock_try(&m->lock); /* no other reference exists, so no thread has the lock */
    core_silence(m);
    core_free(m);
    lock_release(&m->lock);
  }
  Py_CLEAR(m->pending);
  PyMem_Free(m->scratch);
  mounts_free(m->mounts);
  free(m->mount_lines);
  if (m->interrupt_fd >= 0) close(m->interrupt_fd);
  lock_destroy(&m->lock);
  freefunc release = (freefunc) PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF((PyObject *) type);
}

/* Closing ------------------------------------------------------------------------------------ */

/* Waits, without the GIL, until no thread polls. False after CLOSE_PATIENCE_MS. */
static bool wait_for_poller(Core *m) {
  uint64_t deadline = now_ms() + CLOSE_PATIENCE_MS;
  while (m->polling) {
    struct timespec pause = {0, 1000000};
    if (now_ms() >= deadline) return false;
    core_interrupt(m);
    Py_BEGIN_ALLOW_THREADS
    nanosleep(&pause, NULL);
    Py_END_ALLOW_THREADS
  }
  return true;
}

static PyObject *core_close(Core *m, PyObject *unused) {
  (void) unused;
  if (m->freed || !m->initialised || gate_exiting) Py_RETURN_NONE;
  core_renew_after_fork(m);
  bool mine = lock_is_mine(&m->lock);
  bool ok = !mine || (!m->polling && m->dispatch == 0);
  if (ok && m->polling) {
    m->closing = true;
    ok = wait_for_poller(m);
    m->closing = false;
  }
  if (!ok) {
    PyErr_SetString(PyExc_RuntimeError,
                    "Cannot close Manager while poll() is active. "
                    "Stop all polling threads before calling close().");
    return NULL;
  }
  m->closing = true; /* no poll may start while this waits for the lock */
  if (core_enter(m) != 0) {
    m->closing = false;
    return NULL;
  }
  core_free(m);
  m->closing = false;
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* Wakeup and facts --------------------------------------------------------------------------- */

static PyObject *core_wakeup(Core *m, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"connection_id", "data", NULL};
  PyObject *data = NULL, *number;
  char *bytes = "";
  Py_ssize_t length = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|S:wakeup", names, &number, &data)) return NULL;
  unsigned long id = PyLong_AsUnsignedLong(number);
  if (id == (unsigned long) -1 && PyErr_Occurred()) return NULL;
  if (core_check_open(m) != 0) return NULL;
  if (data != NULL && PyBytes_AsStringAndSize(data, &bytes, &length) != 0) return NULL;
  return PyBool_FromLong(mg_wakeup(&m->mgr, id, bytes, (size_t) length));
}

static PyObject *core_connections(PyObject *self, void *unused) {
  Core *m = (Core *) self;
  (void) unused;
  PyObject *list = PyList_New(0);
  if (list == NULL || m->freed) goto done;
  if (core_enter(m) != 0) {
    Py_CLEAR(list);
    return NULL;
  }
  for (struct mg_connection *c = m->mgr.conns; c != NULL && list != NULL; c = c->next) {
    if (!gate_has(c)) continue;
    PyObject *conn = (PyObject *) conn_of(c);
    if (conn == NULL || PyList_Append(list, conn) != 0) Py_CLEAR(list);
  }
  if (list != NULL && PyList_Reverse(list) != 0) Py_CLEAR(list);
  if (core_leave(m) != 0) Py_CLEAR(list);
done:
  if (list == NULL) return NULL;
  PyObject *tuple = PyList_AsTuple(list);
  Py_DECREF(list);
  return tuple;
}

/* Id of the wakeup connection: the first one, which the constructor made. */
static PyObject *core_wakeup_id(PyObject *self, void *unused) {
  Core *m = (Core *) self;
  (void) unused;
  return PyLong_FromLong(!m->freed && m->mgr.pipe.fd != -1 ? 1 : 0);
}

static PyObject *core_crossings(PyObject *self, void *unused) {
  (void) unused;
  return PyLong_FromUnsignedLong(((Core *) self)->crossings);
}

static PyObject *core_address(PyObject *self, void *unused) {
  Core *m = (Core *) self;
  (void) unused;
  if (core_check_open(m) != 0) return NULL;
  return PyLong_FromVoidPtr(&m->mgr);
}

static PyObject *core_epoll_fd(PyObject *self, void *unused) {
  (void) unused;
  return PyLong_FromLong(((Core *) self)->mgr.epoll_fd);
}

static PyObject *core_late_bodies(PyObject *self, void *unused) {
  (void) unused;
  return PyBool_FromLong(((Core *) self)->late_bodies);
}

static int core_set_late_bodies(PyObject *self, PyObject *value, void *unused) {
  (void) unused;
  ((Core *) self)->late_bodies = value == Py_True;
  return 0;
}

/* _set_lines(lines, server, date): header lines for the responses of a service, each with its CRLF.
   Without them there is a Date. */
static PyObject *core_set_lines(PyObject *self, PyObject *args) {
  Core *m = (Core *) self;
  PyObject *lines[3];
  if (!PyArg_ParseTuple(args, "SSS", &lines[0], &lines[1], &lines[2])) return NULL;
  for (int i = 0; i < 3; i++) {
    PyObject *before = m->lines[i];
    Py_INCREF(lines[i]);
    m->lines[i] = lines[i];
    Py_XDECREF(before);
  }
  if (m->mounts != NULL) {
    const char *first = PyBytes_AsString(lines[0]), *second = PyBytes_AsString(lines[1]);
    char *both = malloc(strlen(first) + strlen(second) + 1);
    if (both == NULL) return PyErr_NoMemory();
    strcat(strcpy(both, first), second);
    free(m->mount_lines);
    m->mount_lines = both;
  }
  Py_RETURN_NONE;
}

static PyObject *core_closed(PyObject *self, void *unused) {
  (void) unused;
  return PyBool_FromLong(((Core *) self)->freed);
}

static PyObject *core_lock_enter(Core *m, PyObject *unused) {
  (void) unused;
  if (core_check_open(m) != 0 || core_enter(m) != 0) return NULL;
  if (core_check_open(m) != 0) {
    core_leave(m);
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject *core_lock_leave(Core *m, PyObject *unused) {
  (void) unused;
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* The Connection object of a connection that listen() or connect() just made. */
static PyObject *core_connection(Core *m, PyObject *address) {
  (void) m;
  struct mg_connection *c = (struct mg_connection *) PyLong_AsVoidPtr(address);
  if (c == NULL) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "NULL connection");
    return NULL;
  }
  PyObject *conn = (PyObject *) conn_of(c);
  Py_XINCREF(conn);
  return conn;
}

static PyMethodDef methods[] = {
    {"poll", KEYWORDS(core_poll), METH_VARARGS | METH_KEYWORDS,
     "poll($self, timeout_ms=0)\n--\n\n"
     "Runs one turn of the event loop.\n\n"
     "Waits at most timeout_ms for something to happen: 0 does not wait, a negative value waits\n"
     "without limit. The GIL is released while it waits."},
    {"close", (PyCFunction) core_close, METH_NOARGS,
     "close($self)\n--\n\nCloses all connections (each handler gets MG_EV_CLOSE) and drops all timers."},
    {"wakeup", KEYWORDS(core_wakeup), METH_VARARGS | METH_KEYWORDS,
     "wakeup($self, connection_id, data=b'')\n--\n\n"
     "Sends data to a connection's handler, from any thread, as MG_EV_WAKEUP.\n\n"
     "Returns True when the message was handed over, False when wakeup is not enabled."},
    {"timer_add", KEYWORDS(core_timer_add), METH_VARARGS | METH_KEYWORDS,
     "timer_add($self, milliseconds, callback, *, repeat=False, run_now=False)\n--\n\n"
     "Calls callback() after milliseconds, or every milliseconds."},
    {"ws_broadcast", KEYWORDS(core_ws_broadcast), METH_FASTCALL | METH_KEYWORDS,
     "ws_broadcast($self, data, op=1, to=None)\n--\n\n"
     "Sends one WebSocket message to many connections; returns how many it was queued for.\n\n"
     "to: an iterable of connections; None sends to all WebSocket connections of the manager,\n"
     "clients included. What is closed or closing, not yet or not any more a WebSocket, or another\n"
     "manager's is left out."},
    {"_set_lines", (PyCFunction) core_set_lines, METH_VARARGS, NULL},
    {"_set_mounts", (PyCFunction) core_set_mounts, METH_O, NULL},
    {"_turn", (PyCFunction) core_turn, METH_NOARGS, NULL},
    {"_turns", (PyCFunction) core_turns, METH_VARARGS, NULL},
    {"_open", (PyCFunction) core_open, METH_VARARGS, NULL},
    {"_handle", (PyCFunction) core_handle, METH_VARARGS, NULL},
    {"_route", (PyCFunction) core_route, METH_VARARGS, NULL},
    {"_route_done", (PyCFunction) core_route_done, METH_O, NULL},
    {"_connection", (PyCFunction) core_connection, METH_O, NULL},
    {"_enter", (PyCFunction) core_lock_enter, METH_NOARGS, NULL},
    {"_leave", (PyCFunction) core_lock_leave, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"connections", core_connections, NULL, "The live connections, oldest first.", NULL},
    {"wakeup_id", core_wakeup_id, NULL, "Id of the internal wakeup connection; 0 without.", NULL},
    {"_crossings", core_crossings, NULL, "How many events crossed into Python.", NULL},
    {"_address", core_address, NULL, NULL, NULL},
    {"_late_bodies", core_late_bodies, core_set_late_bodies, NULL, NULL},
    {"_closed", core_closed, NULL, NULL, NULL},
    {"_epoll_fd", core_epoll_fd, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, (void *) (uintptr_t) core_new},
                              {Py_tp_dealloc, (void *) (uintptr_t) core_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) core_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) core_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Core", sizeof(Core), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

int manager_setup(PyObject *module) {
  pthread_atfork(NULL, NULL, after_fork);
  return PyModule_AddObject(module, "Core", PyType_FromSpec(&spec));
}
