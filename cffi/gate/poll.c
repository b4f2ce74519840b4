/* The turn of the event loop: poll(), and _turn() for a loop that sleeps elsewhere. */
#include "gate.h"

static int timeout_of(PyObject *object, int *ms) {
  if (object == NULL) return 0;
  if (PyFloat_Check(object)) {
    PyObject *whole = PyNumber_Long(object);
    int result = whole == NULL ? -1 : int_from(whole, ms);
    Py_XDECREF(whole);
    return result;
  }
  if (PyIndex_Check(object)) return int_from(object, ms);
  PyErr_SetString(PyExc_TypeError, "an integer is required");
  return -1;
}

/* One turn of the loop. */
static void turn(Core *m, int ms) {
  m->io = m->woken = false;
  m->slept = ms == 0 && !m->busy;
  mg_mgr_poll(&m->mgr, ms);
  m->busy = m->io;
}

/* Handlers are called for all events while they are traced or profiled. */
static void look_for_tracing(Core *m) {
  PyObject *answer = PyObject_CallObject(gate_hooks.is_traced, NULL);
  bool traced = answer == Py_True;
  if (answer == NULL) PyErr_Clear();
  Py_XDECREF(answer);
  if (traced == m->traced) return;
  m->traced = traced;
  for (struct mg_connection *c = m->mgr.conns; c != NULL; c = c->next) {
    if (gate_has(c) && slot_of(c)->route != NULL) gate_set_poll(c);
  }
}

/* Starts a turn: -1 with an exception set when it may not. */
static int begin(Core *m) {
  if (core_check_open(m) != 0) return -1;
  core_renew_after_fork(m);
  if (m->polling || (m->dispatch > 0 && lock_is_mine(&m->lock))) {
    PyErr_SetString(PyExc_RuntimeError,
                    "poll() is not reentrant and must not be called concurrently. "
                    "Use AsyncManager for multi-threaded access.");
    return -1;
  }
  m->polling = true; /* before the lock, which may be waited for without the GIL */
  if (core_enter(m) != 0) {
    m->polling = false;
    return -1;
  }
  m->poller = pthread_self();
  return 0;
}

/* Ends a turn: -1 with an exception set when a handler or a signal asked to stop the program. */
static int end(Core *m) {
  if (m->released != NULL) {
    ANCHOR;
    gate_take_gil(m);
    ANCHOR_UP;
  }
  m->polling = false;
  return core_leave(m) != 0 || PyErr_CheckSignals() != 0 ? -1 : 0;
}

PyObject *core_poll(Core *m, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout_ms", NULL};
  PyObject *timeout = NULL;
  int ms = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:poll", names, &timeout)) return NULL;
  if (timeout_of(timeout, &ms) != 0 || begin(m) != 0) return NULL;
  if (!m->freed && !m->closing) {
    look_for_tracing(m);
    timers_sweep(m);
    bool looked = ms != 0 && m->busy; /* such a turn does not sleep */
    turn(m, ms);
    if (looked && !m->io && m->pending == NULL) {
      m->lingers = m->contended;
      turn(m, ms);
      m->lingers = false;
    }
  }
  if (end(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* _turns(milliseconds, releases): turns for so long, without going back to Python after each. Ends early
   for a signal. releases: other threads run Python code, so the GIL is given away except while an event
   needs it. */
PyObject *core_turns(Core *m, PyObject *args) {
  int ms, releases;
  if (!PyArg_ParseTuple(args, "ip", &ms, &releases) || begin(m) != 0) return NULL;
  m->interrupted = false;
  if (!m->freed && !m->closing) {
    look_for_tracing(m);
    timers_sweep(m);
    uint64_t until = mg_millis() + (uint64_t) ms;
    do {
      if (releases && m->released == NULL) m->released = PyEval_SaveThread();
      turn(m, ms);
    } while (!m->interrupted && m->pending == NULL && !m->closing && mg_millis() < until);
  }
  if (end(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* _turn() -> milliseconds: for a loop that sleeps elsewhere, on epoll_fd. Does what there is to do
   without sleeping, and says when to come back at the latest (negative: when there is I/O). */
PyObject *core_turn(Core *m, PyObject *unused) {
  (void) unused;
  if (begin(m) != 0) return NULL;
  m->asked_ms = 0;
  if (!m->freed && !m->closing) {
    look_for_tracing(m);
    timers_sweep(m);
    m->busy = true; /* so that gate_wait() does not sleep */
    turn(m, -1);
  }
  int ms = m->io ? 0 : m->asked_ms;
  if (end(m) != 0) return NULL;
  return PyLong_FromLong(ms);
}
