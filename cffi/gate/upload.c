/* Connection.start_upload(): the body of a request goes to a file while it arrives.
 *
 * The library then puts a handler of its own in place of gate_event(). It gets what it needs through
 * relay_event(), and the gate still sees everything but the body: it has to retire the Python
 * object when the connection closes, and programs want to know of that too. */
#include "gate.h"

#define TOO_LARGE "too large"

/* Counts the bytes of a body of unknown length, chunk framing and all. False beyond the limit. */
static bool is_within_limit(ConnExtra *slot, const long *count) {
  if (slot->on_upload == NULL || count == NULL) return true;
  size_t n = (size_t) *count;
  if (n > slot->upload_left) return false;
  slot->upload_left -= n;
  return true;
}

static void relay_event(struct mg_connection *c, int ev, void *ev_data) {
  ConnExtra *slot = slot_of(c);
  bool is_body = ev == MG_EV_READ;
  if (is_body) core_of(c->mgr)->io = true;
  if (is_body && !is_within_limit(slot, (const long *) ev_data)) {
    slot->upload_fn(c, MG_EV_ERROR, TOO_LARGE); /* Ends the upload; the connection can still reply. */
  } else if (is_body || ev == MG_EV_ERROR || ev == MG_EV_CLOSE) {
    slot->upload_fn(c, ev, ev_data);
  }
  if (!is_body) gate_event(c, ev, ev_data);
}

bool gate_has(const struct mg_connection *c) {
  return c->fn == gate_event || c->fn == relay_event;
}

/* Goes between the connection and the library's handler, when that has just been put in place. The
   head of the message has left the receive buffer, so its view is over. */
static void adopt(struct mg_connection *c) {
  ConnExtra *slot = slot_of(c);
  if (gate_has(c)) return;
  slot->upload_fn = c->fn;
  c->fn = relay_event;
  windows_end(slot);
}

/* The program's callback. [GIL] */
static void call_back(Core *m, struct mg_connection *c, PyObject *callback, const char *err) {
  ConnExtra *slot = slot_of(c);
  Conn *conn = conn_of(c);
  PyObject *error = conn == NULL ? NULL : Py_BuildValue("z", err);
  PyObject *result = NULL;
  if (error != NULL) {
    Py_INCREF((PyObject *) conn);
    m->crossings++;
    m->dispatch++;
    slot->handlers++;
    result = PyObject_CallFunctionObjArgs(callback, (PyObject *) conn, error, NULL);
    slot->handlers--;
    m->dispatch--;
    Py_DECREF((PyObject *) conn);
  }
  if (result == NULL) {
    size_t queued = c->send.len;
    gate_report(m);
    if (c->send.len == queued && !c->is_draining && !c->is_closing) {
      c->is_draining = 1;
      reply_error(c);
    }
  }
  Py_XDECREF(result);
  Py_XDECREF(error);
}

/* Called by the library, once for each upload: with NULL when the file is complete. */
static void upload_done(struct mg_connection *c, const char *err) {
  Core *m = core_of(c->mgr);
  ANCHOR;
  gate_take_gil(m);
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *callback = slot_of(c)->on_upload;
  slot_of(c)->on_upload = NULL;
  adopt(c);
  if (callback != NULL) call_back(m, c, callback, err);
  Py_XDECREF(callback);
  PyGILState_Release(state);
  ANCHOR_UP;
}

/* What start_upload() is asked for. */
struct wish {
  struct mg_str name, directory;
  PyObject *callback;
  size_t max; /* bytes of the body */
};

/* Starts an upload. [GIL, lock] */
static void start(struct mg_connection *c, struct mg_http_message *hm, const struct wish *wish) {
  ConnExtra *slot = slot_of(c);
  bool has_length = hm->body.len != SIZE_MAX && mg_http_get_header(hm, "Transfer-Encoding") == NULL;
  size_t here = c->recv.len > hm->head.len ? c->recv.len - hm->head.len : 0;
  if ((has_length ? hm->body.len : here) > wish->max) {
    call_back(core_of(c->mgr), c, wish->callback, TOO_LARGE);
    return;
  }
  slot->upload_left = has_length ? SIZE_MAX : wish->max - here;
  Py_INCREF(wish->callback);
  Py_XDECREF(slot->on_upload);
  slot->on_upload = wish->callback;
  mg_http_start_upload(c, hm, wish->name, wish->directory, NULL, upload_done);
  adopt(c);
}

/* _start_upload(message, name, directory, callback, max_size); a negative max_size is no limit */
PyObject *conn_start_upload(Conn *self, PyObject *args) {
  PyObject *message;
  struct wish wish;
  Py_ssize_t name_length, directory_length, max;
  if (!PyArg_ParseTuple(args, "Oy#y#On", &message, &wish.name.buf, &name_length, &wish.directory.buf,
                        &directory_length, &wish.callback, &max)) {
    return NULL;
  }
  wish.name.len = (size_t) name_length;
  wish.directory.len = (size_t) directory_length;
  wish.max = max < 0 ? SIZE_MAX : (size_t) max;
  struct mg_connection *c = conn_enter(self);
  if (c == NULL) return NULL;
  Core *m = self->core;
  /* Now that the lock is held: the event of the message may have ended while this thread waited. */
  struct mg_http_message *hm = conn_message_of(self, message);
  if (hm != NULL) start(c, hm, &wish);
  if (core_leave(m) != 0 || hm == NULL) return NULL;
  Py_RETURN_NONE;
}
