/* The server of a WSGI application: the events of its connections, its queue and its threads. wsgi.h
 * says which threads do what. */
#include "wsgi.h"

#include <stdlib.h>

#define HELD_MS 100           /* how often output that is held back is looked for */

/* Ends of jobs ----------------------------------------------------------------------------------- */

/* The connection has no more to do with the job. Manager's lock; GIL if the job has Python objects. */
void wsgi_detach(Job *job) {
  struct mg_connection *c = job->c;
  job->c = NULL;
  if (job->all_link != NULL) {
    *job->all_link = job->all_next;
    if (job->all_next != NULL) job->all_next->all_link = job->all_link;
    job->all_link = NULL;
  }
  if (c != NULL) {
    slot_of(c)->job = NULL;
    slot_of(c)->also = 0;
    job_release(job);
  }
}

/* Output of workers ------------------------------------------------------------------------------ */

static void send_output(Job *job) {
  pthread_mutex_lock(&job->mutex);
  Out out = job->out;
  job->out.data = NULL;
  job->out.length = job->out.room = 0;
  struct mg_connection *c = job->c;
  if (c != NULL && out.length > 0 && !mg_send(c, out.data, out.length)) c->is_closing = 1;
  job->queued = c == NULL ? 0 : c->send.len;
  bool waits = job->queued > QUEUED_MAX && !out.complete;
  if (job->disconnected && c != NULL) c->is_closing = 1;
  pthread_mutex_unlock(&job->mutex);
  free(out.data);
  if (c == NULL) return;
  slot_of(c)->also = waits ? EVENT(MG_EV_WRITE) : 0;
  if (out.complete) {
    response_settle(c, out.closes);
    wsgi_detach(job);
  }
}

static bool on_output(Core *m) {
  Wsgi *service = (Wsgi *) m->service;
  if (service->output == NULL) return false;
  pthread_mutex_lock(&service->mutex);
  Job *job = service->output;
  service->output = NULL;
  service->output_end = &service->output;
  for (Job *j = job; j != NULL; j = j->next) j->has_output = false;
  pthread_mutex_unlock(&service->mutex);
  while (job != NULL) {
    Job *next = job->next;
    send_output(job);
    job_release(job);
    job = next;
  }
  return true;
}

/* What slow applications have made so far is sent every now and then. */
static void look_for_held(void *arg) {
  Wsgi *service = arg;
  uint64_t now = job_clock();
  for (Job *job = service->all; job != NULL; job = job->all_next) {
    if (pthread_mutex_trylock(&job->mutex) != 0) continue;
    Response *r = &job->response;
    bool due = job->held != NULL && job->held_length > 0 && r->state == RESPONSE_HELD && now - job->held_since >= HELD_NS &&
               !job->disconnected && !(r->has_length && job->held_length > r->left);
    if (due) job_begin_stream(job);
    pthread_mutex_unlock(&job->mutex);
    if (due) job_publish(job);
  }
  if (service->all == NULL) {
    mg_timer_free(&service->core->mgr.timers, &service->timer);
    service->timed = false;
  }
}

void wsgi_watch(Wsgi *service) {
  if (service->timed || service->threads == 0) return;
  service->timed = true;
  mg_timer_init(&service->core->mgr.timers, &service->timer, HELD_MS, MG_TIMER_REPEAT, look_for_held, service);
}

/* Requests --------------------------------------------------------------------------------------- */

void wsgi_enqueue(Job *job) {
  Wsgi *service = job->service;
  atomic_fetch_add(&job->refs, 1);
  pthread_mutex_lock(&service->mutex);
  job->next = NULL;
  *service->queue_end = job;
  service->queue_end = &job->next;
  if (service->idle > 0) pthread_cond_signal(&service->ready);
  pthread_mutex_unlock(&service->mutex);
}

static void resume_soon(Job *job);
static void continue_all(void *service);

/* Runs an application on the polling thread. [GIL, lock] */
void wsgi_run_here(Job *job, bool begins) {
  Job *kept = job;
  atomic_fetch_add(&kept->refs, 1);
  if (begins) {
    call_run(job);
  } else {
    call_continue(job);
  }
  if (job->result != NULL && job->c != NULL) {
    bool due = job->held != NULL && job->response.state == RESPONSE_HELD && job_clock() - job->held_since >= HELD_NS;
    if (due) job_begin_stream(job);
    resume_soon(job);
  } else if (job->c != NULL) {
    if (job->response.state != RESPONSE_DONE) { /* There was no memory even for an error. */
      job->c->is_closing = 1;
    }
    wsgi_detach(job);
  }
  if (kept->result == NULL) wsgi_close_file(kept);
  job_release(kept);
}

/* Continues when output has left, or in the next turn. */
static void resume_soon(Job *job) {
  struct mg_connection *c = job->c;
  bool is_full = c->send.len > QUEUED_MAX / 2;
  slot_of(c)->also = EVENT(MG_EV_WRITE);
  job->continues = !is_full;
  if (is_full || job->service->timed) return;
  job->service->timed = true;
  mg_timer_init(&job->service->core->mgr.timers, &job->service->timer, 1, MG_TIMER_REPEAT, continue_all,
                job->service);
}

/* Results on the polling thread that took long: each continues for a while. */
static void continue_all(void *arg) {
  Wsgi *service = arg;
  Core *m = service->core;
  bool any = false;
  ANCHOR;
  gate_take_gil(m);
  PyGILState_STATE state = PyGILState_Ensure();
  for (Job *job = service->all, *next; job != NULL; job = next) {
    next = job->all_next;
    if (!job->continues) continue;
    any = true;
    job->continues = false;
    m->dispatch++;
    wsgi_run_here(job, false);
    m->dispatch--;
    if (PyErr_Occurred()) gate_report(m);
  }
  PyGILState_Release(state);
  ANCHOR_UP;
  if (!any && service->timed) {
    mg_timer_free(&m->mgr.timers, &service->timer);
    service->timed = false;
  }
}

Job *wsgi_begin(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm, bool copies) {
  Job *job = job_new(service, c, hm, copies);
  if (job == NULL) {
    c->is_closing = 1;
    return NULL;
  }
  slot_of(c)->job = job;
  return job;
}

/* Events ------------------------------------------------------------------------------------------ */

/* The client went away. */
static void on_close(Job *job) {
  pthread_mutex_lock(&job->mutex);
  job->disconnected = true;
  job->queued = 0;
  pthread_cond_broadcast(&job->moved);
  pthread_mutex_unlock(&job->mutex);
  wsgi_detach(job);
}

static bool on_early(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  Wsgi *service = (Wsgi *) m->service;
  Job *job = slot_of(c)->job;
  if (service->threads == 0) return false;
  if (ev == MG_EV_HTTP_MSG && job == NULL) {
    m->crossings++;
    job = wsgi_begin(service, c, ev_data, true);
    if (job != NULL) {
      wsgi_enqueue(job);
      wsgi_watch(service);
    }
    return true;
  }
  if (ev == MG_EV_WRITE && job != NULL && job->source.kind != BODY_LENGTH && job->source.kind != BODY_CHUNKED) {
    pthread_mutex_lock(&job->mutex);
    job->queued = c->send.len + job->out.length;
    job->progress = job_clock();
    if (job->queued <= QUEUED_MAX) pthread_cond_broadcast(&job->moved);
    pthread_mutex_unlock(&job->mutex);
    return true;
  }
  if (ev == MG_EV_CLOSE && job != NULL && job->file == NULL) {
    on_close(job);
    job = NULL;
  }
  if (ev == MG_EV_CLOSE && job == NULL && !conn_has_objects(c)) {
    conn_retire(c);
    return true;
  }
  return false;
}

static void on_event(Core *m, struct mg_connection *c, int ev, void *ev_data) {
  Wsgi *service = (Wsgi *) m->service;
  Job *job = slot_of(c)->job;
  if (ev == MG_EV_HTTP_HDRS) {
    wsgi_take_head(service, c, ev_data);
    job = slot_of(c)->job;
    if (job != NULL) wsgi_read_body(job);
  } else if (ev == MG_EV_HTTP_MSG) {
    job = wsgi_begin(service, c, ev_data, false);
    if (job != NULL) wsgi_run_here(job, true);
  } else if (job == NULL) {
    if (ev == MG_EV_READ && c->pfn == NULL) c->recv.len = 0;
  } else if (ev == MG_EV_READ) {
    wsgi_read_body(job);
  } else if (ev == MG_EV_WRITE && service->threads == 0 && job->result != NULL) {
    job->queued = c->send.len;
    if (job->queued <= QUEUED_MAX / 2 && !job->continues) wsgi_run_here(job, false);
  } else if (ev == MG_EV_ERROR) { /* The library has answered. */
    wsgi_close_file(job);
    wsgi_detach(job);
  } else if (ev == MG_EV_CLOSE) {
    atomic_fetch_add(&job->refs, 1);
    on_close(job);
    if (service->threads == 0) call_abandon(job);
    /* That of a request which a worker has, or will have, is the worker's to close. */
    if (service->threads == 0 || job->source.kind != BODY_DONE) wsgi_close_file(job);
    job_release(job);
  }
}

/* Workers ----------------------------------------------------------------------------------------- */

/* The next request; NULL: the server has stopped. Without the GIL. */
static Job *wait_for_job(Wsgi *service) {
  pthread_mutex_lock(&service->mutex);
  while (service->queue == NULL && !service->stopped) {
    service->idle++;
    pthread_cond_wait(&service->ready, &service->mutex);
    service->idle--;
  }
  Job *job = service->stopped ? NULL : service->queue;
  if (job != NULL) {
    service->queue = job->next;
    if (service->queue == NULL) service->queue_end = &service->queue;
  }
  pthread_mutex_unlock(&service->mutex);
  return job;
}

/* work(): the life of a worker thread. */
static PyObject *wsgi_work(PyObject *self, PyObject *unused) {
  Wsgi *service = (Wsgi *) self;
  (void) unused;
  for (;;) {
    Job *job;
    ANCHOR;
    Py_BEGIN_ALLOW_THREADS
    job = wait_for_job(service);
    Py_END_ALLOW_THREADS
    ANCHOR_UP;
    if (job == NULL) Py_RETURN_NONE;
    bool disconnected;
    pthread_mutex_lock(&job->mutex);
    disconnected = job->disconnected;
    pthread_mutex_unlock(&job->mutex);
    if (!disconnected) call_run(job);
    wsgi_close_file(job);
    if (PyErr_Occurred()) PyErr_WriteUnraisable(service->app);
    job_release(job);
  }
}

/* stop(): workers end; what no worker has begun is dropped. */
static PyObject *wsgi_stop(PyObject *self, PyObject *unused) {
  Wsgi *service = (Wsgi *) self;
  (void) unused;
  pthread_mutex_lock(&service->mutex);
  service->stopped = true;
  Job *job = service->queue;
  service->queue = NULL;
  service->queue_end = &service->queue;
  pthread_cond_broadcast(&service->ready);
  pthread_mutex_unlock(&service->mutex);
  while (job != NULL) {
    Job *next = job->next;
    wsgi_close_file(job);
    job_release(job);
    job = next;
  }
  Py_RETURN_NONE;
}

/* drain(idle): accepts no new clients. Connections without a request close, if `idle`; the others close
   after their responses. */
static PyObject *wsgi_drain(PyObject *self, PyObject *args) {
  Wsgi *service = (Wsgi *) self;
  Core *m = service->core;
  int idle = 1;
  if (!PyArg_ParseTuple(args, "|p", &idle)) return NULL;
  if (core_check_open(m) != 0 || core_enter(m) != 0) return NULL;
  m->stopping = true;
  for (struct mg_connection *c = m->mgr.conns; c != NULL; c = c->next) {
    if (!gate_has(c)) continue;
    Job *job = slot_of(c)->job;
    if (c->is_listening) {
      c->is_closing = 1;
    } else if (c->is_accepted && job == NULL && !c->is_resp) {
      if (idle) c->is_draining = 1;
    } else if (c->is_accepted && job == NULL && m->mounts != NULL) {
      c->is_draining = 1; /* a file is being sent */
    } else if (job != NULL) {
      pthread_mutex_lock(&job->mutex);
      job->response.closes = true;
      pthread_mutex_unlock(&job->mutex);
    }
  }
  if (core_leave(m) != 0) return NULL;
  Py_RETURN_NONE;
}

/* jobs() -> {id of the connection: whether its response is being sent}: of requests in progress. */
static PyObject *wsgi_jobs(PyObject *self, PyObject *unused) {
  Wsgi *service = (Wsgi *) self;
  (void) unused;
  PyObject *found = PyDict_New();
  if (found == NULL || service->core->freed) return found;
  if (core_enter(service->core) != 0) {
    Py_DECREF(found);
    return NULL;
  }
  for (Job *job = service->all; job != NULL && found != NULL; job = job->all_next) {
    PyObject *id = PyLong_FromUnsignedLong(job->id);
    bool streams = job->response.state == RESPONSE_STREAMING;
    if (id == NULL || PyDict_SetItem(found, id, streams ? Py_True : Py_False) != 0) Py_CLEAR(found);
    Py_XDECREF(id);
  }
  if (core_leave(service->core) != 0) Py_CLEAR(found);
  return found;
}

/* environ(message, servers' port, is_tls, peer): for tests and programs that make requests by hand. */
static PyObject *wsgi_environ(PyObject *self, PyObject *args) {
  Wsgi *service = (Wsgi *) self;
  const char *text;
  Py_ssize_t length;
  int is_tls;
  if (!PyArg_ParseTuple(args, "y#p", &text, &length, &is_tls)) return NULL;
  Job job;
  memset(&job, 0, sizeof(job));
  job.is_tls = is_tls;
  if (mg_http_parse(text, (size_t) length, &job.hm) <= 0) {
    PyErr_SetString(PyExc_ValueError, "no request");
    return NULL;
  }
  job.in_chunks = mg_http_get_header(&job.hm, "Transfer-Encoding") != NULL;
  return call_environ(service, &job);
}

/* Type -------------------------------------------------------------------------------------------- */

/* Wsgi(manager, app, report, template, file_wrapper, bytes_io, temporary_file, servers, threads,
   max_body, longest, stream_timeout) */
static PyObject *wsgi_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *o[7];
  int threads;
  unsigned long long max_body, longest;
  double timeout;
  (void) kwargs;
  if (!PyArg_ParseTuple(args, "OOOOOOOiKKd", &o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6], &threads, &max_body,
                        &longest, &timeout)) {
    return NULL;
  }
  PyObject *contexts = PyImport_ImportModule("contextvars");
  PyObject *copy = contexts == NULL ? NULL : PyObject_GetAttrString(contexts, "copy_context");
  Py_XDECREF(contexts);
  Wsgi *s = copy == NULL ? NULL : (Wsgi *) PyType_GenericAlloc(type, 0);
  if (s == NULL) {
    Py_XDECREF(copy);
    return NULL;
  }
  for (int i = 0; i < 7; i++) Py_INCREF(o[i]);
  s->core = (Core *) o[0];
  s->app = o[1], s->report = o[2], s->template = o[3], s->bytes_io = o[4], s->temporary_file = o[5], s->servers = o[6];
  s->copy_context = copy;
  s->threads = threads;
  s->max_body = max_body;
  s->longest = longest;
  s->stream_timeout = timeout;
  s->queue_end = &s->queue;
  s->output_end = &s->output;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->ready, NULL);
  Py_XDECREF(s->core->service);
  Py_INCREF((PyObject *) s);
  s->core->service = (PyObject *) s;
  s->core->serve = on_event;
  s->core->early = on_early;
  s->core->output = on_output;
  s->core->late_bodies = true;
  return (PyObject *) s;
}

#define MEMBERS(X) \
  X(app) X(report) X(template) X(bytes_io) X(temporary_file) X(servers) X(copy_context) X(context) X(blank)

static int wsgi_traverse(PyObject *self, visitproc visit, void *arg) {
  Wsgi *s = (Wsgi *) self;
  VISIT_TYPE(self);
  MEMBERS(VISIT)
  Py_VISIT((PyObject *) s->core);
  return 0;
}

static int wsgi_clear(PyObject *self) {
  Wsgi *s = (Wsgi *) self;
  MEMBERS(CLEAR)
  Py_CLEAR(s->core);
  return 0;
}

static void wsgi_dealloc(PyObject *self) {
  Wsgi *s = (Wsgi *) self;
  PyTypeObject *kind = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  wsgi_clear(self);
  for (Job *job = s->output, *next; job != NULL; job = next) {
    next = job->next;
    job_release(job);
  }
  pthread_cond_destroy(&s->ready);
  pthread_mutex_destroy(&s->mutex);
  PyObject_GC_Del(self);
  Py_DECREF((PyObject *) kind);
}

static PyObject *get_timeout(PyObject *self, void *unused) {
  (void) unused;
  return PyFloat_FromDouble(((Wsgi *) self)->stream_timeout);
}

static int set_timeout(PyObject *self, PyObject *value, void *unused) {
  (void) unused;
  double seconds = value == NULL ? -1 : PyFloat_AsDouble(value);
  if (PyErr_Occurred()) return -1;
  ((Wsgi *) self)->stream_timeout = seconds;
  return 0;
}

static PyMethodDef methods[] = {{"work", wsgi_work, METH_NOARGS, NULL},
                                {"stop", wsgi_stop, METH_NOARGS, NULL},
                                {"drain", wsgi_drain, METH_VARARGS, NULL},
                                {"jobs", wsgi_jobs, METH_NOARGS, NULL},
                                {"environ", wsgi_environ, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};

static PyGetSetDef properties[] = {{"stream_timeout", get_timeout, set_timeout, NULL, NULL},
                                   {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, (void *) (uintptr_t) wsgi_new},
                              {Py_tp_dealloc, (void *) (uintptr_t) wsgi_dealloc},
                              {Py_tp_traverse, (void *) (uintptr_t) wsgi_traverse},
                              {Py_tp_clear, (void *) (uintptr_t) wsgi_clear},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"pymongoose._gate.Wsgi", sizeof(Wsgi), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                           slots};

int wsgi_setup(PyObject *module) {
  return PyModule_AddObject(module, "Wsgi", PyType_FromSpec(&spec));
}
