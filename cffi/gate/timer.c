/* Timers: the native struct lies inside the Python object, which the manager owns while active. */
#include "gate.h"

/* Takes a timer off its manager's list and drops the manager's reference. [GIL, lock] */
static void detach(TimerObject *t) {
  Core *m = t->core;
  mg_timer_free(&m->mgr.timers, &t->timer);
  *t->link = t->next;
  if (t->next != NULL) t->next->link = t->link;
  t->core = NULL;
  Py_CLEAR(t->callback);
  Py_DECREF((PyObject *) t);
}

static void fire(void *arg) {
  TimerObject *t = (TimerObject *) arg;
  Core *m = t->core;
  ANCHOR;
  gate_take_gil(m);
  PyGILState_STATE state = PyGILState_Ensure();
  Py_INCREF((PyObject *) t);
  PyObject *callback = t->callback;
  Py_XINCREF(callback);
  bool once = (t->timer.flags & MG_TIMER_REPEAT) == 0;
  if (callback == NULL || once) detach(t);
  if (callback != NULL) {
    m->dispatch++;
    PyObject *result = PyObject_CallObject(callback, NULL);
    m->dispatch--;
    if (result == NULL) {
      if (PyErr_ExceptionMatches(PyExc_Exception)) {
        PyObject *type, *value, *trace;
        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        if (trace != NULL) PyException_SetTraceback(value, trace);
        result = PyObject_CallMethod((PyObject *) m, "_print_exception", "O", value);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
      }
      if (result == NULL) gate_report(m);
    }
    Py_XDECREF(result);
    Py_DECREF(callback);
  }
  Py_DECREF((PyObject *) t);
  PyGILState_Release(state);
  ANCHOR_UP;
}

static PyTypeObject *timer_type;

PyObject *core_timer_add(Core *m, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"milliseconds", "callback", "repeat", "run_now", NULL};
  PyObject *period, *callback;
  int repeat = 0, run_now = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$pp:timer_add", names, &period, &callback,
                                   &repeat, &run_now)) {
    return NULL;
  }
  if (PyFloat_Check(period) || !PyIndex_Check(period)) {
    PyErr_SetString(PyExc_TypeError, "an integer is required");
    return NULL;
  }
  PyObject *whole = PyNumber_Index(period);
  if (whole == NULL) return NULL;
  unsigned long long ms = PyLong_AsUnsignedLongLong(whole);
  Py_DECREF(whole);
  if (ms == (unsigned long long) -1 && PyErr_Occurred()) return NULL;
  if (core_check_open(m) != 0) return NULL;
  TimerObject *t = (TimerObject *) PyObject_CallObject((PyObject *) timer_type, NULL);
  if (t == NULL) return NULL;
  if (core_enter(m) != 0) {
    Py_DECREF((PyObject *) t);
    return NULL;
  }
  if (core_check_open(m) != 0) {
    Py_DECREF((PyObject *) t);
    core_leave(m);
    return NULL;
  }
  Py_INCREF(callback);
  t->callback = callback;
  t->core = m;
  t->next = m->timers;
  t->link = &m->timers;
  if (t->next != NULL) t->next->link = &t->next;
  m->timers = t;
  Py_INCREF((PyObject *) t);
  unsigned flags = (repeat ? MG_TIMER_REPEAT : MG_TIMER_ONCE) | (run_now ? MG_TIMER_RUN_NOW : 0u);
  mg_timer_init(&m->mgr.timers, &t->timer, ms, flags, fire, t);
  if (core_leave(m) != 0) {
    Py_DECREF((PyObject *) t);
    return NULL;
  }
  return (PyObject *) t;
}

/* Takes cancelled timers off the list. [GIL, lock] */
void timers_sweep(Core *m) {
  for (TimerObject *t = m->timers, *next; t != NULL; t = next) {
    next = t->next;
    if (t->callback == NULL) detach(t);
  }
}

/* Ends all timers. [GIL, lock] */
void timers_drop(Core *m) {
  while (m->timers != NULL) detach(m->timers);
}

/* Any thread: only the callback is dropped here, the loop's list is swept by the next poll. */
static PyObject *timer_cancel(PyObject *self, PyObject *unused) {
  (void) unused;
  TimerObject *t = (TimerObject *) self;
  Py_CLEAR(t->callback);
  Py_RETURN_NONE;
}

static PyObject *timer_active(PyObject *self, void *unused) {
  (void) unused;
  return PyBool_FromLong(((TimerObject *) self)->callback != NULL);
}

static int timer_traverse(PyObject *self, visitproc visit, void *arg) {
#if PY_VERSION_HEX >= 0x03090000
  Py_VISIT(Py_TYPE(self));
#endif
  Py_VISIT(((TimerObject *) self)->callback);
  return 0;
}

static int timer_clear(PyObject *self) {
  Py_CLEAR(((TimerObject *) self)->callback);
  return 0;
}

static void timer_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(((TimerObject *) self)->callback);
  freefunc release = (freefunc) PyType_GetSlot(type, Py_tp_free);
  release(self);
  Py_DECREF((PyObject *) type);
}

static PyMethodDef methods[] = {
    {"cancel", timer_cancel, METH_NOARGS,
     "cancel($self)\n--\n\nStops the timer: its callback is not called any more. Any thread; idempotent."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {
    {"active", timer_active, NULL, "True while the timer will call its callback.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *) (uintptr_t) timer_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) timer_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) timer_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {Py_tp_doc, "A timer of a Manager; made by Manager.timer_add()."},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose.Timer", sizeof(TimerObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

int timer_setup(PyObject *module) {
  timer_type = (PyTypeObject *) PyType_FromSpec(&spec);
  if (timer_type == NULL) return -1;
  Py_INCREF((PyObject *) timer_type);
  return PyModule_AddObject(module, "Timer", (PyObject *) timer_type);
}
