/* The extension module has two entry points: cffi's, and this one (PEP 489, "multiple modules in
   one library"). The package loads both from the same file. */
#include "wsgi.h"

/* check_interpreter(): classes, and what an exit ends, are those of the process. */
static PyObject *check_interpreter(PyObject *module, PyObject *unused) {
  (void) module, (void) unused;
  if (PyInterpreterState_GetID(PyInterpreterState_Get()) != 0) {
    PyErr_SetString(PyExc_ImportError, "pymongoose runs in the main interpreter only");
    return NULL;
  }
  Py_RETURN_NONE;
}

/* shutdown(): from now on, other threads that poll never ask for the GIL again. */
static PyObject *shutdown_(PyObject *module, PyObject *unused) {
  (void) module, (void) unused;
  gate_begin_exit();
  Py_RETURN_NONE;
}

/* register(connection, http, mqtt, body_view, is_traced): see Hooks. */
static PyObject *register_(PyObject *module, PyObject *args) {
  (void) module;
  Hooks hooks;
  if (!PyArg_ParseTuple(args, "OOOOO", &hooks.connection, &hooks.http, &hooks.mqtt, &hooks.body_view,
                        &hooks.is_traced)) {
    return NULL;
  }
  Py_INCREF(hooks.connection);
  Py_INCREF(hooks.http);
  Py_INCREF(hooks.mqtt);
  Py_INCREF(hooks.body_view);
  Py_INCREF(hooks.is_traced);
  gate_hooks = hooks;
  Py_RETURN_NONE;
}

/* utf8(text): address and length of a str's own UTF-8, which lives as long as the str. No copy for
   ASCII; other texts keep what Python makes of them the first time. */
static PyObject *utf8(PyObject *module, PyObject *text) {
  (void) module;
  Py_ssize_t length;
  const char *bytes = PyUnicode_AsUTF8AndSize(text, &length);
  if (bytes == NULL) return NULL;
  return Py_BuildValue("Kn", (unsigned long long) (uintptr_t) bytes, length);
}

/* body_is_whole(chunks): whether a body in chunks has ended, or is none. */
static PyObject *is_whole(PyObject *module, PyObject *chunks) {
  (void) module;
  char *bytes;
  Py_ssize_t length;
  if (PyBytes_AsStringAndSize(chunks, &bytes, &length) != 0) return NULL;
  return PyBool_FromLong(body_is_whole(bytes, (size_t) length));
}

/* What the servers of applications need. */
static int serve_setup(PyObject *module) {
  return await_setup(module) != 0 || head_setup() != 0 || socket_setup() != 0 || messages_setup() != 0 ||
                 runner_setup(module) != 0 || exchange_setup(module) != 0 || asgi_setup(module) != 0 ||
                 call_setup(module) != 0 || wsgi_setup(module) != 0
             ? -1
             : 0;
}

static PyMethodDef functions[] = {{"check_interpreter", check_interpreter, METH_NOARGS, NULL},
                                  {"shutdown", shutdown_, METH_NOARGS, NULL},
                                  {"register", register_, METH_VARARGS, NULL},
                                  {"utf8", utf8, METH_O, NULL},
                                  {"body_is_whole", is_whole, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "pymongoose._gate", NULL, -1,
                                        functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__gate(void);

PyMODINIT_FUNC PyInit__gate(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module == NULL) return NULL;
  if (gate_setup(module) != 0 || manager_setup(module) != 0 || connection_setup(module) != 0 ||
      message_setup(module) != 0 || timer_setup(module) != 0 || serve_setup(module) != 0 ||
      PyModule_AddStringConstant(module, "VERSION", PYMONGOOSE_VERSION) != 0 ||
      PyModule_AddIntConstant(module, "NOGIL", PYMONGOOSE_NOGIL) != 0 ||
      PyModule_AddIntConstant(module, "TLS", PYMONGOOSE_TLS) != 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
