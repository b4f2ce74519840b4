/* Awaitables: what receive() and send() return. Most have their result already. They are coroutines for
 * asyncio: create_task(receive()) works. */
#include "serve.h"

Texts texts;

struct Awaitable {
  PyObject_HEAD
  PyObject *value;    /* the result, when it is known */
  PyObject *owner;    /* passed to attempt */
  PyObject *waiting;  /* iterator of the future that is waited for */
  Attempt attempt;    /* NULL: nothing to wait for */
  bool over;
};

static PyTypeObject *type;
static PyObject *nothing; /* has None as its result, again and again */

int generator_send(PyObject *generator, PyObject *value, PyObject **result) {
#if !defined(Py_LIMITED_API) || Py_LIMITED_API + 0 >= 0x030a0000
#if PY_VERSION_HEX >= 0x030a0000
  switch (PyIter_Send(generator, value, result)) {
    case PYGEN_NEXT: return 1;
    case PYGEN_RETURN: return 0;
    default: return -1;
  }
#endif
#endif
  *result = PyObject_CallMethodObjArgs(generator, T(send), value, NULL);
  if (*result != NULL) return 1;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return -1;
  PyObject *kind, *stop, *trace;
  PyErr_Fetch(&kind, &stop, &trace);
  PyErr_NormalizeException(&kind, &stop, &trace);
  *result = PyObject_GetAttrString(stop, "value");
  Py_XDECREF(kind);
  Py_XDECREF(stop);
  Py_XDECREF(trace);
  return *result == NULL ? -1 : 0;
}

PyObject *iterator_of(PyObject *object) {
  if (PyObject_HasAttr(object, T(send))) { /* a coroutine, or a generator that is one */
    Py_INCREF(object);
    return object;
  }
  return PyObject_CallMethod(object, "__await__", NULL);
}

static PyObject *make(PyObject *value, PyObject *owner, Attempt attempt) {
  Awaitable *a = (Awaitable *) PyType_GenericAlloc(type, 0);
  if (a == NULL) {
    Py_XDECREF(value);
    return NULL;
  }
  a->value = value;
  Py_XINCREF(owner);
  a->owner = owner;
  a->attempt = attempt;
  return (PyObject *) a;
}

PyObject *await_value(PyObject *value) {
  return value == NULL ? NULL : make(value, NULL, NULL);
}

PyObject *await_nothing(void) {
  Py_INCREF(nothing);
  return nothing;
}

PyObject *await_attempts(PyObject *owner, Attempt attempt) {
  return make(NULL, owner, attempt);
}

static int finished(Awaitable *a, PyObject **result) {
  *result = a->value;
  if ((PyObject *) a == nothing) {
    Py_INCREF(*result);
    return 0;
  }
  a->value = NULL;
  a->over = true;
  Py_CLEAR(a->owner);
  return 0;
}

/* As generator_send(). */
static int step(Awaitable *a, PyObject *value, PyObject **result) {
  if (a->value != NULL) return finished(a, result);
  if (a->over) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse an awaitable that was awaited already");
    return -1;
  }
  for (;;) {
    if (a->waiting == NULL) {
      PyObject *future = NULL;
      int found = a->attempt(a->owner, &a->value, &future);
      if (found == 1) return finished(a, result);
      if (found == 0) a->waiting = iterator_of(future);
      Py_XDECREF(future);
      if (a->waiting == NULL) break;
      value = Py_None;
    }
    int state = generator_send(a->waiting, value, result);
    if (state == 1) return 1;
    Py_CLEAR(a->waiting);
    if (state != 0) break;
    Py_DECREF(*result);
  }
  a->over = true;
  Py_CLEAR(a->owner);
  return -1;
}

/* StopIteration, for a result. */
static PyObject *stop_with(PyObject *result) {
  if (result != Py_None) {
    PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
    if (stop != NULL) PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
  } else {
    PyErr_SetNone(PyExc_StopIteration);
  }
  Py_DECREF(result);
  return NULL;
}

static PyObject *await_send(PyObject *self, PyObject *value) {
  PyObject *result;
  int state = step((Awaitable *) self, value, &result);
  return state == 1 ? result : state == 0 ? stop_with(result) : NULL;
}

static PyObject *await_next(PyObject *self) {
  return await_send(self, Py_None);
}

static PyObject *await_self(PyObject *self) {
  Py_INCREF(self);
  return self;
}

/* throw(type, value, traceback) or throw(exception): into what is waited for. */
static PyObject *await_throw(PyObject *self, PyObject *args) {
  Awaitable *a = (Awaitable *) self;
  PyObject *kind, *value = NULL, *trace = NULL;
  if (!PyArg_ParseTuple(args, "O|OO:throw", &kind, &value, &trace)) return NULL;
  PyObject *thrower = a->waiting == NULL ? NULL : PyObject_GetAttrString(a->waiting, "throw");
  if (thrower == NULL) {
    PyErr_Clear();
    a->over = (PyObject *) a != nothing;
    if (PyExceptionInstance_Check(kind)) {
      PyErr_SetObject((PyObject *) Py_TYPE(kind), kind);
    } else {
      PyErr_SetObject(kind, value);
    }
    return NULL;
  }
  PyObject *result = PyObject_CallObject(thrower, args);
  Py_DECREF(thrower);
  if (result != NULL) return result;
  Py_CLEAR(a->waiting);
  if (PyErr_ExceptionMatches(PyExc_StopIteration)) { /* the future has its result all the same */
    PyErr_Clear();
    return await_next(self);
  }
  a->over = true;
  return NULL;
}

static PyObject *await_close(PyObject *self, PyObject *unused) {
  Awaitable *a = (Awaitable *) self;
  (void) unused;
  if (self == nothing) Py_RETURN_NONE;
  a->over = true;
  Py_CLEAR(a->waiting);
  Py_CLEAR(a->value);
  Py_RETURN_NONE;
}

static int await_traverse(PyObject *self, visitproc visit, void *arg) {
  Awaitable *a = (Awaitable *) self;
  VISIT_TYPE(self);
  Py_VISIT(a->value);
  Py_VISIT(a->owner);
  Py_VISIT(a->waiting);
  return 0;
}

static int await_clear(PyObject *self) {
  Awaitable *a = (Awaitable *) self;
  Py_CLEAR(a->value);
  Py_CLEAR(a->owner);
  Py_CLEAR(a->waiting);
  return 0;
}

static void await_dealloc(PyObject *self) {
  PyTypeObject *kind = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  await_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF((PyObject *) kind);
}

static PyMethodDef methods[] = {{"send", await_send, METH_O, NULL},
                                {"throw", await_throw, METH_VARARGS, NULL},
                                {"close", await_close, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};

#if PY_VERSION_HEX >= 0x030a0000
static PySendResult await_am_send(PyObject *self, PyObject *value, PyObject **result) {
  int state = step((Awaitable *) self, value, result);
  if (state < 0) *result = NULL;
  return state == 1 ? PYGEN_NEXT : state == 0 ? PYGEN_RETURN : PYGEN_ERROR;
}
#endif

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *) (uintptr_t) await_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) await_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) await_clear},
                              {Py_am_await, (void *) (uintptr_t) await_self},
                              {Py_tp_iter, (void *) (uintptr_t) await_self},
                              {Py_tp_iternext, (void *) (uintptr_t) await_next},
#if PY_VERSION_HEX >= 0x030a0000
                              {Py_am_send, (void *) (uintptr_t) await_am_send},
#endif
                              {Py_tp_methods, methods},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Awaitable", sizeof(Awaitable), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

#define INTERN(name) \
  if ((texts.name = PyUnicode_InternFromString(#name)) == NULL) return -1;

int await_setup(PyObject *module) {
  TEXTS(INTERN)
  type = (PyTypeObject *) PyType_FromSpec(&spec);
  if (type == NULL) return -1;
  Py_INCREF(Py_None);
  nothing = make(Py_None, NULL, NULL);
  return nothing == NULL ? -1 : PyModule_AddObject(module, "Awaitable", (PyObject *) type);
}
