/* Arguments of the calls that run once per request. */
#include "gate.h"

#include <limits.h>

int arguments(const Signature *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names,
              PyObject **out) {
  if (nargs > s->count) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)", s->function, s->count,
                 nargs);
    return -1;
  }
  for (Py_ssize_t i = 0; i < nargs; i++) out[i] = args[i];
  Py_ssize_t extra = names == NULL ? 0 : PyTuple_Size(names);
  for (Py_ssize_t k = 0; k < extra; k++) {
    PyObject *name = PyTuple_GetItem(names, k);
    int i = 0;
    while (i < s->count && PyUnicode_CompareWithASCIIString(name, s->names[i]) != 0) i++;
    if (i == s->count) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", s->function, name);
      return -1;
    }
    if (out[i] != NULL) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", s->function, name);
      return -1;
    }
    out[i] = args[nargs + k];
  }
  if (out[0] != NULL) return 0;
  PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", s->function, s->names[0]);
  return -1;
}

int int_from(PyObject *object, int *value) {
  long wide = PyLong_AsLong(object);
  if (wide == -1 && PyErr_Occurred()) return -1;
  if (wide > INT_MAX || wide < INT_MIN) {
    PyErr_SetString(PyExc_OverflowError, "value too large to convert to int");
    return -1;
  }
  *value = (int) wide;
  return 0;
}

int data_from(PyObject *object, Data *data) {
  Py_ssize_t length;
  data->owner = NULL;
  if (PyUnicode_Check(object)) {
    data->bytes = PyUnicode_AsUTF8AndSize(object, &length);
    data->length = (size_t) length;
    return data->bytes == NULL ? -1 : 0;
  }
  if (PyDict_Check(object)) {  // The keys of a dict are no body.
    PyErr_SetString(PyExc_TypeError, "data must be str or bytes-like, not dict: reply_json() makes JSON");
    return -1;
  }
  char *start;
  if ((data->owner = PyObject_Bytes(object)) == NULL) return -1;
  if (PyBytes_AsStringAndSize(data->owner, &start, &length) != 0) {
    Py_CLEAR(data->owner);
    return -1;
  }
  data->bytes = start;
  data->length = (size_t) length;
  return 0;
}
