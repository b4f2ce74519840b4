/* Running an application: at once and without a task of its own, as long as it does not wait.
 *
 * A server keeps one spare Runner. It is the coroutine of a real asyncio task, which waits. A request's
 * application runs inside of the event that brought the request, in the context of that task and with
 * the task as asyncio.current_task(). Most applications end there: then the spare is as good as new.
 * One that has to wait takes the task over: the runner hands on what the application yields, and the
 * server makes another spare. So the application sees one task and one context all the way.
 *
 * The spare is not reused when the application left something in its context, or cancelled it. */
#include "serve.h"

struct Runner {
  PyObject_HEAD
  Asgi *server;        /* owned, as all of these */
  Exchange *exchange;  /* of the application that runs, or is to */
  PyObject *task;
  PyObject *context;   /* of the application */
  PyObject *run;       /* context.run */
  PyObject *begin;     /* our own method */
  PyObject *idle;      /* the future that the task waits for while there is nothing to do */
  PyObject *inner;     /* the application's coroutine */
  PyObject *yielded;   /* by it, at the end of its first part; the task has yet to see it */
  bool nested;         /* the task has a context of its own (before 3.11) */
  bool running, over;
  Runner *next, **link; /* among those that the server keeps: applications that wait */
};

static PyTypeObject *type;

/* Steps -------------------------------------------------------------------------------------- */

/* Of no more use: gives up what it would not need, and what leads back to it. */
static void retire(Runner *r) {
  Py_CLEAR(r->task);
  Py_CLEAR(r->begin);
  Py_CLEAR(r->idle);
}

/* asyncio keeps no task alive that waits; the server does. */
static void keep(Runner *r) {
  Py_INCREF((PyObject *) r);
  r->next = r->server->waiting;
  r->link = &r->server->waiting;
  if (r->next != NULL) r->next->link = &r->next;
  r->server->waiting = r;
}

static void let_go(Runner *r) {
  if (r->link == NULL) return;
  *r->link = r->next;
  if (r->next != NULL) r->next->link = r->link;
  r->link = NULL;
  retire(r);
  Py_DECREF((PyObject *) r);
}

/* The application has ended, with an exception that is set, or not. */
static void conclude(Runner *r) {
  Exchange *x = r->exchange;
  r->exchange = NULL;
  Py_CLEAR(r->inner);
  if (x == NULL) return;
  r->server->active--;
  exchange_end(x);
  Py_DECREF((PyObject *) x);
}

/* conclude(), for the task of an application that waited. */
static void conclude_waiting(Runner *r) {
  Py_INCREF((PyObject *) r);
  conclude(r);
  let_go(r);
  Py_DECREF((PyObject *) r);
}

/* Sends to the application, or throws. 1: *result was yielded; 0: it has ended; -1: it has ended with
   an exception that belongs to the task: a cancellation, or the end of the program. */
static int advance(Runner *r, PyObject *value, PyObject *thrown, PyObject **result) {
  int state;
  r->running = true;
  if (thrown != NULL) {
    PyObject *thrower = PyObject_GetAttrString(r->inner, "throw");
    *result = thrower == NULL ? NULL : PyObject_CallObject(thrower, thrown);
    Py_XDECREF(thrower);
    state = *result != NULL ? 1 : PyErr_ExceptionMatches(PyExc_StopIteration) ? 0 : -1;
    if (state == 0) {
      PyErr_Clear();
      Py_INCREF(Py_None);
      *result = Py_None;
    }
  } else if (r->nested) {
    PyObject *send = PyObject_GetAttr(r->inner, T(send));
    *result = send == NULL ? NULL : PyObject_CallFunctionObjArgs(r->run, send, value, NULL);
    Py_XDECREF(send);
    state = *result != NULL ? 1 : PyErr_ExceptionMatches(PyExc_StopIteration) ? 0 : -1;
    if (state == 0) {
      PyErr_Clear();
      Py_INCREF(Py_None);
      *result = Py_None;
    }
  } else {
    state = generator_send(r->inner, value, result);
  }
  r->running = false;
  if (state == 1) return 1;
  if (state == 0) Py_CLEAR(*result);
  conclude_waiting(r);
  return PyErr_Occurred() ? -1 : 0;
}

/* begin(): the application's first part, inside of its context. What it yields is kept. */
static PyObject *runner_begin(PyObject *self, PyObject *unused) {
  Runner *r = (Runner *) self;
  Exchange *x = r->exchange;
  (void) unused;
  PyObject *receive = PyObject_GetAttrString((PyObject *) x, "receive");
  PyObject *send = receive == NULL ? NULL : PyObject_GetAttrString((PyObject *) x, "send");
  PyObject *scope = x->scope, *coroutine = NULL;
  x->scope = NULL;
  r->running = true;
  if (send != NULL) {
    coroutine = PyObject_CallFunctionObjArgs(r->server->app, scope, receive, send, NULL);
  }
  if (coroutine != NULL) r->inner = iterator_of(coroutine);
  r->running = false;
  Py_XDECREF(coroutine);
  Py_XDECREF(receive);
  Py_XDECREF(send);
  Py_XDECREF(scope);
  if (r->inner == NULL) {
    conclude_waiting(r);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
  }
  bool nested = r->nested;
  r->nested = false; /* We are in that context already. */
  int state = advance(r, Py_None, NULL, &r->yielded);
  r->nested = nested;
  if (state < 0) return NULL;
  Py_RETURN_NONE;
}

/* What the application yielded first, for the task. */
static PyObject *hand_on(Runner *r) {
  PyObject *yielded = r->yielded;
  r->yielded = NULL;
  /* Another task may have awaited the same future meanwhile. */
  if (yielded != Py_None && PyObject_HasAttr(yielded, T(_asyncio_future_blocking)) &&
      PyObject_SetAttr(yielded, T(_asyncio_future_blocking), Py_True) != 0) {
    Py_CLEAR(yielded);
  }
  return yielded;
}

static PyObject *stop(Runner *r) {
  r->over = true;
  PyErr_SetNone(PyExc_StopIteration);
  return NULL;
}

/* send(value): a step of the task. */
static PyObject *runner_send(PyObject *self, PyObject *value) {
  Runner *r = (Runner *) self;
  PyObject *result = NULL;
  if (r->over) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return NULL;
  }
  if (r->exchange != NULL && r->inner == NULL) { /* An application that was not begun in the event. */
    PyObject *none = r->nested ? PyObject_CallFunctionObjArgs(r->run, r->begin, NULL)
                               : runner_begin((PyObject *) r, NULL);
    if (none == NULL) {
      r->over = true;
      return NULL;
    }
    Py_DECREF(none);
    if (r->yielded == NULL) return stop(r);
  }
  if (r->yielded != NULL) return hand_on(r);
  if (r->inner == NULL) {
    if (r->idle == NULL) return stop(r);
    PyObject *done = PyObject_CallMethodObjArgs(r->idle, T(done), NULL);
    if (done == NULL) return NULL;
    bool is_done = done == Py_True;
    Py_DECREF(done);
    if (is_done) return stop(r);
    if (PyObject_SetAttr(r->idle, T(_asyncio_future_blocking), Py_True) != 0) return NULL;
    Py_INCREF(r->idle);
    return r->idle;
  }
  int state = advance(r, value, NULL, &result);
  if (state == 1) return result;
  if (state == 0) return stop(r);
  r->over = true;
  return NULL;
}

static PyObject *raise_given(PyObject *args) {
  PyObject *kind = PyTuple_GetItem(args, 0), *value = PyTuple_Size(args) > 1 ? PyTuple_GetItem(args, 1) : NULL;
  if (kind == NULL) return NULL;
  if (PyExceptionInstance_Check(kind)) {
    PyErr_SetObject((PyObject *) Py_TYPE(kind), kind);
  } else {
    PyErr_SetObject(kind, value);
  }
  return NULL;
}

/* throw(exception): the task was cancelled. */
static PyObject *runner_throw(PyObject *self, PyObject *args) {
  Runner *r = (Runner *) self;
  PyObject *result = NULL;
  if (r->yielded != NULL) {
    /* The application waits for this future, though the task does not yet: it is what is cancelled. */
    PyObject *waited = hand_on(r);
    if (waited == NULL) return NULL;
    PyObject *cancelled = waited == Py_None ? NULL : PyObject_CallMethodObjArgs(waited, T(cancel), NULL);
    if (waited != Py_None && cancelled == NULL) PyErr_Clear();
    bool waits = cancelled == Py_True;
    Py_XDECREF(cancelled);
    if (waits) return waited;
    Py_DECREF(waited);
  }
  if (r->inner == NULL) {
    r->over = true;
    if (r->exchange != NULL) {
      raise_given(args);
      conclude_waiting(r);
      if (PyErr_Occurred()) return NULL;
    }
    return raise_given(args);
  }
  int state = advance(r, NULL, args, &result);
  if (state == 1) return result;
  if (state == 0) return stop(r);
  r->over = true;
  return NULL;
}

static PyObject *runner_close(PyObject *self, PyObject *unused) {
  Runner *r = (Runner *) self;
  (void) unused;
  r->over = true;
  if (r->inner != NULL) {
    PyObject *inner = r->inner;
    Py_INCREF(inner);
    PyObject *closed = PyObject_CallMethodObjArgs(inner, T(close), NULL);
    Py_DECREF(inner);
    if (closed == NULL) return NULL;
    Py_DECREF(closed);
  }
  Py_RETURN_NONE;
}

/* Making and using ---------------------------------------------------------------------------- */

static int make_task(Runner *r) {
  PyObject *task;
  if (!r->nested) {
    PyObject *args = PyTuple_Pack(1, (PyObject *) r);
    PyObject *names = args == NULL ? NULL : Py_BuildValue("{sO}", "context", r->context);
    task = names == NULL ? NULL : PyObject_Call(r->server->create_task, args, names);
    Py_XDECREF(args);
    Py_XDECREF(names);
  } else {
    task = PyObject_CallFunctionObjArgs(r->run, r->server->create_task, (PyObject *) r, NULL);
  }
  r->task = task;
  return task == NULL ? -1 : 0;
}

static void drop(Runner *r) {
  if (r == NULL) return;
  exchange_wake(&r->idle); /* The task ends. */
  retire(r);
  Py_DECREF((PyObject *) r);
}

void runner_drop(Asgi *server) {
  Runner *r = server->spare;
  server->spare = NULL;
  drop(r);
}

int runner_cancel_all(Asgi *server) {
  PyObject *tasks = PyList_New(0);
  for (Runner *r = server->waiting; r != NULL && tasks != NULL; r = r->next) {
    if (PyList_Append(tasks, r->task) != 0) Py_CLEAR(tasks);
  }
  if (tasks == NULL) return -1;
  int result = 0;
  for (Py_ssize_t i = 0; i < PyList_Size(tasks) && result == 0; i++) {
    PyObject *done = PyObject_CallMethodObjArgs(PyList_GetItem(tasks, i), T(cancel), NULL);
    result = done == NULL ? -1 : 0;
    Py_XDECREF(done);
  }
  Py_DECREF(tasks);
  return result;
}

static Runner *make(Asgi *server) {
  Runner *r = (Runner *) PyType_GenericAlloc(type, 0);
  if (r == NULL) return NULL;
  Py_INCREF((PyObject *) server);
  r->server = server;
  r->nested = server->nests;
  /* Of the context that the server was started in: an event may come in that of any request. */
  r->context = PyObject_CallMethod(server->context, "copy", NULL);
  r->run = r->context == NULL ? NULL : PyObject_GetAttr(r->context, T(run));
  r->begin = r->run == NULL ? NULL : PyObject_GetAttrString((PyObject *) r, "begin");
  if (r->begin == NULL) Py_CLEAR(r);
  return r;
}

static Runner *spare_of(Asgi *server) {
  if (server->spare != NULL) return server->spare;
  Runner *r = make(server);
  if (r == NULL) return NULL;
  r->idle = PyObject_CallObject(server->create_future, NULL);
  if (r->idle == NULL || make_task(r) != 0) {
    Py_DECREF((PyObject *) r);
    return NULL;
  }
  server->spare = r;
  return r;
}

/* Whether the runner is as it was made. */
static bool is_blank(Runner *r) {
  if (r->idle == NULL) return false;
  int same = PyObject_RichCompareBool(r->context, r->server->context, Py_EQ);
  if (same != 1) {
    PyErr_Clear();
    return false;
  }
  PyObject *done = PyObject_CallMethodObjArgs(r->idle, T(done), NULL);
  bool blank = done == Py_False; /* Cancelling the task cancels what it waits for. */
  if (done == NULL) PyErr_Clear();
  Py_XDECREF(done);
  return blank;
}

static int switch_task(Asgi *server, PyObject *function, PyObject *task) {
  PyObject *result = PyObject_CallFunctionObjArgs(function, server->loop, task, NULL);
  Py_XDECREF(result);
  return result == NULL ? -1 : 0;
}

/* In the current context of a task, such as that of a program that polls by hand. */
static bool is_inside_task(Asgi *server) {
  PyObject *current = PyObject_CallFunctionObjArgs(server->current_task, server->loop, NULL);
  if (current == NULL) PyErr_Clear();
  bool inside = current != Py_None;
  Py_XDECREF(current);
  return inside;
}

static int start_later(Asgi *server, Exchange *x) {
  Runner *r = make(server);
  if (r == NULL) return -1;
  Py_INCREF((PyObject *) x);
  r->exchange = x;
  server->active++;
  int result = make_task(r);
  if (result == 0) {
    keep(r);
  } else {
    conclude(r);
  }
  Py_DECREF((PyObject *) r);
  return result;
}

int runner_start(Asgi *server, Exchange *x, bool later) {
  Runner *r = later ? NULL : spare_of(server);
  if (!later && r == NULL) return -1;
  if (later || is_inside_task(server)) return start_later(server, x);
  PyObject *enter = server->swap_task != NULL ? server->swap_task : server->enter_task;
  PyObject *leave = server->swap_task != NULL ? server->swap_task : server->leave_task;
  if (switch_task(server, enter, r->task) != 0) return -1;
  server->spare = NULL;
  Py_INCREF((PyObject *) x);
  r->exchange = x;
  server->active++;
  PyObject *result = PyObject_CallFunctionObjArgs(r->run, r->begin, NULL);
  PyObject *kind, *value, *trace;
  PyErr_Fetch(&kind, &value, &trace);
  if (switch_task(server, leave, server->swap_task != NULL ? Py_None : r->task) != 0) {
    PyErr_WriteUnraisable(server->app);
  }
  PyErr_Restore(kind, value, trace);
  if (result == NULL) {
    /* An application that cancels itself ends here; what ends the program propagates. */
    if (PyErr_ExceptionMatches(server->cancelled)) PyErr_Clear();
    drop(r);
    return PyErr_Occurred() ? -1 : 0;
  }
  Py_DECREF(result);
  if (r->inner != NULL) {
    exchange_wake(&r->idle); /* The task continues with it. */
    keep(r);
    Py_DECREF((PyObject *) r);
  } else if (server->spare == NULL && is_blank(r)) {
    server->spare = r;
  } else {
    drop(r);
  }
  return 0;
}

/* Type ---------------------------------------------------------------------------------------- */

static int runner_traverse(PyObject *self, visitproc visit, void *arg) {
  Runner *r = (Runner *) self;
#if PY_VERSION_HEX >= 0x03090000
  Py_VISIT(Py_TYPE(self));
#endif
  Py_VISIT((PyObject *) r->server);
  Py_VISIT((PyObject *) r->exchange);
  Py_VISIT(r->task);
  Py_VISIT(r->context);
  Py_VISIT(r->run);
  Py_VISIT(r->begin);
  Py_VISIT(r->idle);
  Py_VISIT(r->inner);
  Py_VISIT(r->yielded);
  return 0;
}

static int runner_clear(PyObject *self) {
  Runner *r = (Runner *) self;
  Py_CLEAR(r->exchange);
  Py_CLEAR(r->task);
  Py_CLEAR(r->context);
  Py_CLEAR(r->run);
  Py_CLEAR(r->begin);
  Py_CLEAR(r->idle);
  Py_CLEAR(r->inner);
  Py_CLEAR(r->yielded);
  Py_CLEAR(r->server);
  return 0;
}

static void runner_dealloc(PyObject *self) {
  PyTypeObject *kind = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  runner_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF((PyObject *) kind);
}

static PyObject *runner_await(PyObject *self) {
  Py_INCREF(self);
  return self;
}

/* What programs ask coroutines: cr_frame, cr_await and the like are those of the application's. */
static PyObject *runner_part(PyObject *self, void *name) {
  Runner *r = (Runner *) self;
  PyObject *value = r->inner == NULL ? NULL : PyObject_GetAttrString(r->inner, (const char *) name);
  if (value != NULL) return value;
  PyErr_Clear();
  Py_RETURN_NONE;
}

static PyObject *runner_is_running(PyObject *self, void *unused) {
  (void) unused;
  return PyBool_FromLong(((Runner *) self)->running);
}

static PyObject *runner_is_suspended(PyObject *self, void *unused) {
  Runner *r = (Runner *) self;
  (void) unused;
  return PyBool_FromLong(!r->running && !r->over);
}

static PyObject *runner_name(PyObject *self, void *unused) {
  (void) unused;
  PyObject *inner = ((Runner *) self)->inner;
  PyObject *name = inner == NULL ? NULL : PyObject_GetAttrString(inner, "__qualname__");
  if (name != NULL) return name;
  PyErr_Clear();
  return PyUnicode_FromString("pymongoose.request");
}

static PyMethodDef methods[] = {{"send", runner_send, METH_O, NULL},
                                {"throw", runner_throw, METH_VARARGS, NULL},
                                {"close", runner_close, METH_NOARGS, NULL},
                                {"begin", runner_begin, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {{"cr_frame", runner_part, NULL, NULL, "cr_frame"},
                                   {"cr_code", runner_part, NULL, NULL, "cr_code"},
                                   {"cr_await", runner_part, NULL, NULL, "cr_await"},
                                   {"cr_origin", runner_part, NULL, NULL, "cr_origin"},
                                   {"cr_running", runner_is_running, NULL, NULL, NULL},
                                   {"cr_suspended", runner_is_suspended, NULL, NULL, NULL},
                                   {"__name__", runner_name, NULL, NULL, NULL},
                                   {"__qualname__", runner_name, NULL, NULL, NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_dealloc, (void *) (uintptr_t) runner_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) runner_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) runner_clear},
                              {Py_am_await, (void *) (uintptr_t) runner_await},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Runner", sizeof(Runner), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

int runner_setup(PyObject *module) {
  type = (PyTypeObject *) PyType_FromSpec(&spec);
  if (type == NULL) return -1;
  return PyModule_AddObject(module, "Runner", (PyObject *) type);
}
