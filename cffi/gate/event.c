/* From an event of the loop to a call of the program's handler. */
#define _GNU_SOURCE
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/* The GIL counts as contended when it takes longer than this to come back. */
#define CONTENDED_NS 1000000
/* Under contention a loop that was just busy waits this long for more before it gives the GIL up. */
#define LINGER_NS 1000000
#define MASK_BIT(ev) (1u << ((ev) >= 0 && (ev) < 31 ? (ev) : 31))
/* While the loop is busy, MG_EV_POLL crosses once per connection in this many milliseconds. */
#define POLL_INTERVAL_MS 10

bool gate_exiting;
static pthread_t exiting_thread;
Hooks gate_hooks;
static PyObject *event_numbers[32];

void anchor_hold(Anchor *anchor) {
  while (anchor->down) pause();
}

void gate_begin_exit(void) {
  exiting_thread = pthread_self();
  gate_exiting = true;
}

/* At exit Python ends threads that ask for the GIL; so they just stop here. The thread that runs the
   exit functions continues: one of them may poll. */
static void stop_at_exit(void) {
  while (gate_exiting && !pthread_equal(pthread_self(), exiting_thread)) pause();
}

static uint64_t now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

void gate_take_gil(Core *m) {
  if (m->released == NULL || m->sleeping) return;
  stop_at_exit();
  PyThreadState *state = m->released;
  m->released = NULL;
  uint64_t before = now_ns();
  PyEval_RestoreThread(state);
  m->contended = now_ns() - before > CONTENDED_NS;
}

/* The sleep of the loop: called by mg_mgr_poll() with the time it would sleep.
 *
 * A loop that had I/O in its last turn only looks for more, with the GIL held, and under contention
 * waits for more a moment: so a thread that computes cannot take the GIL for 5 ms at every turn.
 * (It gets its share: the interpreter makes a running handler yield.) Otherwise GIL and lock are
 * released, and the thread sleeps until the loop, a signal or another thread wants it. */
int gate_wait(struct mg_mgr *mgr, int ms, void *arg) {
  Core *m = core_of(mgr);
  struct pollfd fds[2] = {{mgr->epoll_fd, POLLIN, 0}, {m->interrupt_fd, POLLIN, 0}};
  (void) arg;
  m->asked_ms = ms;
  if (m->output != NULL && m->output(m)) return 0;
  if (ms == 0 || m->busy || !m->polling || m->woken) return 0;
  if (m->lingers) {
    struct timespec linger = {0, LINGER_NS};
    m->lingers = false;
    if (ppoll(fds, 2, &linger, NULL) > 0) return 0;
  }
  if (m->released == NULL) m->released = PyEval_SaveThread();
  m->sleeping = true;
  /* Output that was made before that did not interrupt this sleep. */
  if (m->output != NULL && m->output(m)) {
    m->sleeping = false;
    return 0;
  }
  lock_release(&m->lock);
  int n = poll(fds, 2, ms);
  if (n < 0) m->interrupted = true;
  m->woken = n != 0; /* A loop that would sleep on must not. */
  if (n > 0 && fds[1].revents != 0) {
    uint64_t count;
    while (read(m->interrupt_fd, &count, sizeof(count)) < 0 && errno == EINTR) continue;
  }
  stop_at_exit();
  lock_wait(&m->lock);
  m->sleeping = false;
  m->slept = n <= 0 || fds[0].revents == 0;
  if (m->output != NULL) m->output(m);
  return 0;
}

/* Decides whether a handler that wants MG_EV_POLL gets this one. */
static bool poll_is_due(Core *m, ConnExtra *slot, const uint64_t *now) {
  if (!m->slept && now != NULL && *now - slot->last_poll < POLL_INTERVAL_MS) return false;
  if (now != NULL) slot->last_poll = *now;
  return true;
}

/* Hands a handler's exception on: to the manager's hook, or out of the outermost call. */
void gate_report(Core *m) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != NULL) PyException_SetTraceback(value, trace);
  if (PyErr_GivenExceptionMatches(type, PyExc_Exception)) {
    PyObject *r = PyObject_CallMethod((PyObject *) m, "_report", "O", value);
    Py_XDECREF(r);
    if (r != NULL) goto done;
    /* The hook itself was asked to stop the program. */
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
  }
  if (m->pending == NULL) {
    Py_INCREF(value);
    m->pending = value;
  } else {
    PyErr_Restore(type, value, trace);
    PyErr_WriteUnraisable(m->pending);
    return;
  }
done:
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
}

static PyObject *payload_of(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  switch (ev) {
    case MG_EV_HTTP_HDRS:
    case MG_EV_HTTP_MSG:
    case MG_EV_WS_OPEN:
    case MG_EV_WS_MSG:
    case MG_EV_WS_CTL:
    case MG_EV_MQTT_CMD:
    case MG_EV_MQTT_MSG:
      if (ev_data != NULL) return window_for_event(m, c, ev, ev_data);
      break;
    case MG_EV_ERROR:
      if (ev_data != NULL) {
        const char *text = (const char *) ev_data;
        return PyUnicode_DecodeUTF8(text, (Py_ssize_t) strlen(text), "ignore");
      }
      break;
    case MG_EV_WAKEUP:
      if (ev_data != NULL) return bytes_of(*(struct mg_str *) ev_data);
      break;
    case MG_EV_MQTT_OPEN:
    case MG_EV_MQTT_RECONNECTED:
      if (ev_data != NULL) return PyLong_FromLong(*(int *) ev_data);
      break;
    case MG_EV_SNTP_TIME:
    case MG_EV_MQTT_DISCONNECTED:
      if (ev_data != NULL) return PyLong_FromUnsignedLongLong(*(uint64_t *) ev_data);
      break;
    default: break;
  }
  Py_INCREF(Py_None);
  return Py_None;
}

/* A handler raised. A request that waits for its reply must not wait for ever: it gets 500 if nothing
   of a reply was queued, else the connection closes, so that the client sees that something is cut.
   `queued` and `received` are from before the handler. [GIL] */
static void end_exchange(struct mg_connection *c, int ev, size_t queued, size_t received) {
  if (!c->is_accepted || c->is_closing || c->is_draining || c->is_websocket) return;
  bool untouched = c->send.len == queued && c->recv.len == received;
  if (ev == MG_EV_HTTP_HDRS) {
    /* A handler that raises here rejects the message; a stream that was taken over is cut. */
    c->is_draining = 1;
    if (untouched) reply_error(c);
  } else if (ev == MG_EV_HTTP_MSG) {
    if (!c->is_resp) return;
    if (untouched) {
      reply_error(c);
    } else {
      c->is_draining = 1;
    }
  } else if ((c->is_resp || slot_of(c)->taken) && ev != MG_EV_CLOSE && ev != MG_EV_ERROR) {
    c->is_draining = 1; /* How far the request or the reply has come is unknown. */
  }
}

static void call_handler(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  ConnExtra *slot = slot_of(c);
  size_t queued = c->send.len, received = c->recv.len;
  PyObject *handler = slot->route->handler;
  Conn *conn = conn_of(c);
  PyObject *payload = NULL, *number = NULL, *result = NULL;
  struct MessageView *outer = slot->current;
  if (conn == NULL || (payload = payload_of(m, c, ev, ev_data)) == NULL) {
    gate_report(m);
    return;
  }
  if (ev >= 0 && ev < 32) {
    number = event_numbers[ev];
    Py_INCREF(number);
  } else if ((number = PyLong_FromLong(ev)) == NULL) {
    gate_report(m);
    Py_DECREF(payload);
    return;
  }
  Py_INCREF(handler);
  Py_INCREF((PyObject *) conn);
  m->crossings++;
  m->dispatch++;
  slot->handlers++;
  result = PyObject_CallFunctionObjArgs(handler, (PyObject *) conn, number, payload, NULL);
  slot->handlers--;
  m->dispatch--;
  slot->current = outer;
  if (result == NULL) {
    gate_report(m);
    end_exchange(c, ev, queued, received);
  } else if (ev == MG_EV_HTTP_HDRS) {
    slot->taken = c->recv.len < received;
  }
  window_end(m, payload);
  Py_XDECREF(result);
  Py_DECREF(number);
  Py_DECREF((PyObject *) conn);
  Py_DECREF(handler);
}

/* An event for an application's server, which counts as a handler: see conn_close(). */
static void serve_event(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  ConnExtra *slot = slot_of(c);
  m->crossings++;
  m->dispatch++;
  slot->handlers++;
  m->serve(m, c, ev, ev_data);
  slot->handlers--;
  m->dispatch--;
  if (PyErr_Occurred()) gate_report(m);
}

/* True for the message of a request whose reply has no body. */
static bool is_head(const struct mg_connection *c, const struct mg_http_message *hm) {
  return c->is_accepted && hm != NULL && hm->method.len == 4 && memcmp(hm->method.buf, "HEAD", 4) == 0;
}

/* True for a request whose body is not here as a whole: less than the announced length, or chunks,
   whose end only a reader of them can find. */
static bool has_late_body(const struct mg_connection *c, struct mg_http_message *hm) {
  const char *end = (const char *) c->recv.buf + c->recv.len;
  if (hm == NULL) return false;
  if (hm->body.len > 0) return hm->body.len > (size_t) (end - hm->body.buf);
  return mg_http_get_header(hm, "Transfer-Encoding") != NULL;
}

static uint32_t mask_of(const Core *m, const Route *route) {
  return m->traced ? route->traced : route->mask;
}

void gate_set_poll(struct mg_connection *c) {
  const Route *route = slot_of(c)->route;
  bool wanted = route->handler != NULL && (mask_of(core_of(c->mgr), route) & MASK_BIT(MG_EV_POLL)) != 0;
  mg_conn_set(c, MG_SET_POLL_EVENTS, wanted);
}

void gate_event(struct mg_connection *c, int ev, void *ev_data) {
  Core *m = core_of(c->mgr);
  ConnExtra *slot = slot_of(c);
  if (slot->route == NULL) {
    /* The first event: c->fn_data came from listen() or connect(), or from the listener. */
    slot->route = (Route *) c->fn_data;
    slot->route->refs++;
    gate_set_poll(c);
  }
  if (ev == MG_EV_HTTP_HDRS || ev == MG_EV_HTTP_MSG) {
    slot->head = is_head(c, (struct mg_http_message *) ev_data);
  }
  if (ev != MG_EV_POLL) m->io = true;
  if (m->mounts != NULL && c->is_accepted && (ev == MG_EV_HTTP_HDRS || ev == MG_EV_HTTP_MSG) &&
      mounts_serve(m, c, ev, (struct mg_http_message *) ev_data)) {
    return;
  }
  if (m->early != NULL && c->is_accepted && m->early(m, c, ev, ev_data)) return;
  bool wanted = slot->route->handler != NULL &&
                ((mask_of(m, slot->route) | slot->also) & MASK_BIT(ev)) != 0;
  if (slot->closed && ev != MG_EV_CLOSE) wanted = false;
  if (slot->closes && c->is_draining && (ev == MG_EV_HTTP_HDRS || ev == MG_EV_HTTP_MSG)) {
    wanted = false; /* The client knows that it gets no more answers. */
  }
  if (wanted && ev == MG_EV_POLL) wanted = poll_is_due(m, slot, (const uint64_t *) ev_data);
  if (wanted && ev == MG_EV_HTTP_HDRS && m->late_bodies) {
    wanted = has_late_body(c, (struct mg_http_message *) ev_data);
  }
  /* Datagrams do not accumulate: what a handler did not copy is discarded. */
  bool is_datagram = ev == MG_EV_READ && c->is_udp && c->pfn == NULL;
  if (ev == MG_EV_CLOSE && !wanted && !conn_has_objects(c)) {
    conn_retire(c);
  } else if (wanted || ev == MG_EV_CLOSE) {
    ANCHOR;
    gate_take_gil(m);
    PyGILState_STATE state = PyGILState_Ensure();
    if (wanted && m->serve != NULL && c->is_accepted && ev != MG_EV_ACCEPT) {
      serve_event(m, c, ev, ev_data);
    } else if (wanted) {
      call_handler(m, c, ev, ev_data);
    }
    if (ev == MG_EV_CLOSE) conn_retire(c);
    PyGILState_Release(state);
    ANCHOR_UP;
  }
  if (is_datagram) c->recv.len = 0;
}

int gate_setup(PyObject *module) {
  for (int i = 0; i < 32; i++) {
    event_numbers[i] = PyLong_FromLong(i);
    if (event_numbers[i] == NULL) return -1;
  }
  PyObject *address = PyLong_FromVoidPtr((void *) (uintptr_t) gate_event);
  return address == NULL ? -1 : PyModule_AddObject(module, "EVENT_HANDLER", address);
}
