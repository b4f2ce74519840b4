/* The gate between the event loop and Python.
 *
 * One native handler, gate_event(), is the `fn` of every connection that Python sees. It tests an
 * event mask in C before any Python object is touched and calls the program's handler directly
 * (PyObject_CallFunctionObjArgs), with the GIL taken once per turn of the loop.
 *
 * Why this is C on the limited API and not extern "Python" of cffi: cffi releases the GIL around
 * every call into C and takes it again for every callback. A busy second thread then costs one
 * switch interval (5 ms) at each of them. What runs once per request keeps the GIL; everything
 * else goes through cffi. docs/explanation/python-gil.md has the measurements.
 *
 * Who may touch what:
 *   - A manager and its connections are protected by the manager's lock (Core.lock). poll() holds
 *     it except while it sleeps; every other entry holds it for its own duration.
 *   - No thread blocks on the lock while holding the GIL. The holder of the lock may wait for the GIL.
 *   - Fields marked [GIL] are only touched with the GIL held.
 */
#ifndef PYMONGOOSE_GATE_H
#define PYMONGOOSE_GATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "mongoose.h"

#define KEYWORDS(f) ((PyCFunction) (void (*)(void)) (f))

/* In a tp_traverse: since 3.9 the objects of a heap type visit it. */
#if PY_VERSION_HEX >= 0x03090000
#define VISIT_TYPE(self) Py_VISIT(Py_TYPE(self))
#else
#define VISIT_TYPE(self) ((void) 0)
#endif

/* Lock ------------------------------------------------------------------- lock.c */

/* A fair, recursive lock: threads get it in the order in which they asked. */
typedef struct Lock {
  pthread_mutex_t mutex;
  pthread_cond_t turn;
  unsigned long next, serving;
  _Atomic uintptr_t owner;
  unsigned depth;
} Lock;

void lock_init(Lock *lock);
void lock_destroy(Lock *lock);
bool lock_is_mine(const Lock *lock);
bool lock_try(Lock *lock);
void lock_wait(Lock *lock);
void lock_release(Lock *lock);

/* Manager ------------------------------------------------------------- manager.c */

/* A handler with its event mask, shared by the connections that use it. */
typedef struct Route {
  struct Route *next, **link;
  PyObject *handler; /* NULL: events go nowhere */
  uint32_t mask;     /* bit n: event n crosses; bit 31: events of the program's own */
  uint32_t traced;   /* the mask while a trace or profile function is installed */
  unsigned refs;
} Route;

/* What the gate knows about a connection; lies after it (mgr.extraconnsize). */
typedef struct ConnExtra {
  struct Conn *conn;      /* the Python object, made when first needed; owned */
  Route *route;           /* owned; NULL until the first event */
  struct MessageView *current; /* the message whose event is being handled */
  PyObject *on_upload;    /* callback of the upload that is being received; owned */
  mg_event_handler_t upload_fn; /* the library's handler for it */
  size_t upload_left;     /* bytes that it may still read */
  uint64_t last_poll;     /* when MG_EV_POLL last crossed */
  unsigned handlers;      /* handler calls of this connection on the stack */
  PyObject *exchange;     /* of a server of applications: the request in progress; owned */
  struct Job *job;        /* of a WSGI server: the request in progress */
  PyObject *peer;         /* the client's address as applications get it; owned */
  uint32_t also;          /* events that the exchange wants beside those of the route */
  bool closed;            /* close() was called: only MG_EV_CLOSE is still delivered */
  bool head;              /* the request being answered is HEAD */
  bool closes;            /* the reply that is being sent said Connection: close */
  bool taken;             /* a handler took its bytes out of recv at MG_EV_HTTP_HDRS */
} ConnExtra;

/* What the headers of a reply say about its length. */
typedef struct Framing {
  bool encoded;    /* Transfer-Encoding: the body goes in chunks */
  bool has_length; /* Content-Length, which counts for replies to HEAD and for 304 */
  bool has_connection;
  bool closes; /* Connection: close */
  bool has_date;
  size_t length;
} Framing;

typedef struct HeaderCache {
  PyObject *pairs[8]; /* name, value, name, value, ...: exact str objects; owned */
  unsigned count;
  char *text;
  size_t length;
  Framing framing;
} HeaderCache;

struct Core;
/* Takes the events of accepted connections, in place of a handler. [GIL, lock] */
typedef void (*ServiceEvent)(struct Core *m, struct mg_connection *c, int ev, void *ev_data);
/* Takes them without the GIL, if it can: true when there is no more to be done with the event. [lock] */
typedef bool (*ServiceEarly)(struct Core *m, struct mg_connection *c, int ev, void *ev_data);
/* Sends what other threads have made. True when there was any. [lock] */
typedef bool (*ServiceOutput)(struct Core *m);

typedef struct Core {
  PyObject_HEAD
  ServiceEvent serve;  /* NULL: events go to handlers */
  ServiceEarly early;  /* may be NULL, as the next one */
  ServiceOutput output;
  PyObject *service;   /* what serves; owned */
  struct Mounts *mounts; /* folders that are served before the application; NULL: none */
  char *mount_lines;   /* header lines of their responses; NULL: none */
  bool stopping;       /* connections close after their responses */
  PyObject *lines[3];  /* [GIL] header lines of all responses: any, Server, Date; bytes, owned, or NULL */
  time_t date_at;      /* [GIL] the second of `date`, the Date line of responses without lines[2] */
  char date[96];
  struct mg_mgr mgr;
  Lock lock;
  int interrupt_fd; /* eventfd that ends the sleep of poll() */
  unsigned forks;   /* forks of this process when lock and eventfd were made */
  Route *routes;    /* all routes of this manager */
  Route *fallback;  /* the manager's own handler */
  PyThreadState *released; /* the polling thread's state while it does not hold the GIL */
  pthread_t poller;
  bool polling;       /* [GIL] a thread is inside poll() */
  _Atomic bool sleeping; /* that thread sleeps; changes under the lock */
  bool interrupted;   /* a signal ended its sleep */
  bool woken;         /* something has ended a sleep of this turn */
  bool slept;         /* this turn's sleep ended without I/O */
  bool busy;          /* the last turn had I/O */
  bool io;            /* this turn had I/O so far */
  bool lingers;       /* the next sleep may begin with a moment of waiting for more */
  bool contended;     /* another thread computes: the GIL was slow to come back */
  bool traced;        /* a trace or profile function is installed */
  bool late_bodies;   /* MG_EV_HTTP_HDRS crosses only for requests whose body has yet to come */
  int asked_ms;       /* how long the loop would have slept; 0: it has more to do */
  bool closing;       /* [GIL] close() waits for poll() to leave */
  bool freed;         /* [GIL] */
  bool initialised;   /* [GIL] */
  unsigned guests;    /* [GIL] calls in progress that hold the lock */
  unsigned dispatch;  /* handler calls on the stack */
  unsigned long crossings;
  PyObject *pending;  /* [GIL] exception that has to leave the outermost call */
  struct MessageView *spare_http, *spare_ws; /* [GIL] message objects to use again */
  struct TimerObject *timers; /* [GIL] active timers; owned */
  HeaderCache cache[4];
  unsigned cache_next;
  char *scratch; /* reply under construction */
  size_t scratch_size;
} Core;

Core *core_of(struct mg_mgr *mgr);
ConnExtra *slot_of(struct mg_connection *c);
/* Takes the lock; waits for it with the GIL released. -1 with an exception set at interpreter exit. */
int core_enter(Core *m);
/* Gives the lock back, ends the sleep of another thread's poll() so that it sees what was
   changed, and returns -1 with an exception set when a handler asked to stop the program. */
int core_leave(Core *m);
void core_interrupt(Core *m);
int core_check_open(Core *m);
/* In a forked child the lock may be that of a thread that does not exist here, and the eventfd is
   shared with the parent: makes new ones. */
void core_renew_after_fork(Core *m);
int core_visit(Core *m, visitproc visit, void *arg);
int manager_setup(PyObject *module);

/* Routes ---------------------------------------------------------------- route.c */

/* A route with one reference; without a handler for None. NULL with an exception set. */
Route *route_new(Core *m, PyObject *handler, uint32_t mask, uint32_t traced);
void route_release(Core *m, Route *route);
PyObject *core_route(Core *m, PyObject *args);
PyObject *core_route_done(Core *m, PyObject *address);
PyObject *core_handle(Core *m, PyObject *args);

/* Folders beside an application ------------------------------------------- mounts.c */

PyObject *core_set_mounts(Core *m, PyObject *list);
void mounts_free(struct Mounts *mounts);
/* Serves a request at MG_EV_HTTP_HDRS and MG_EV_HTTP_MSG; false when it is the application's. */
bool mounts_serve(Core *m, struct mg_connection *c, int ev, struct mg_http_message *hm);
/* The path of a request's target. */
struct mg_str http_path(struct mg_str uri);

/* Turns of the loop ------------------------------------------------------- poll.c */

PyObject *core_poll(Core *m, PyObject *args, PyObject *kwargs);
PyObject *core_turn(Core *m, PyObject *unused);
PyObject *core_turns(Core *m, PyObject *args);

/* Event gate ------------------------------------------------------------- event.c */

void gate_event(struct mg_connection *c, int ev, void *ev_data);
int gate_wait(struct mg_mgr *mgr, int ms, void *arg);
/* Takes the GIL for the rest of the turn, if the polling thread does not hold it. */
void gate_take_gil(Core *m);
/* Tells the library whether the handler of this connection wants MG_EV_POLL. */
void gate_set_poll(struct mg_connection *c);
void gate_report(Core *m);
int gate_setup(PyObject *module);
extern bool gate_exiting;
/* The interpreter is about to end, in this thread. */
void gate_begin_exit(void);
/* True for connections whose events come here: they have a ConnExtra in use. */
bool gate_has(const struct mg_connection *c);
/* What the Python half registered: functions and classes that the gate calls. [GIL] */
typedef struct Hooks {
  PyObject *connection; /* class of the objects that handlers get */
  PyObject *http;       /* class of HTTP messages */
  PyObject *mqtt;       /* class of MQTT messages */
  PyObject *body_view;  /* (connection, body, length) -> BodyView */
  PyObject *is_traced;  /* () -> is a trace or profile function installed? */
} Hooks;
extern Hooks gate_hooks;

/* Connection -------------------------------------------------------- connection.c */

typedef struct Conn {
  PyObject_HEAD
  struct mg_connection *c; /* NULL: closed */
  Core *core;              /* borrowed; valid while c is not NULL */
  PyObject *handler;
  PyObject *userdata;
  PyObject *weakrefs;
  unsigned long id;
  bool is_client;
  bool has_handler; /* its events have a handler */
} Conn;

Conn *conn_of(struct mg_connection *c);
void conn_retire(struct mg_connection *c);
/* Whether a connection has Python objects, which need the GIL. */
bool conn_has_objects(struct mg_connection *c);
/* Takes the lock of an open connection's manager, or raises RuntimeError. */
struct mg_connection *conn_enter(Conn *self);
int conn_leave(Core *m);
PyObject *conn_reply(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
void reply_forget(Core *m);
/* The status line of a code with its line end, as the library writes it; valid until the next call. */
const char *reply_status_line(int code, size_t *length);
/* Queues 500, for a request whose handler raised. */
void reply_error(struct mg_connection *c);
/* The native message of the event that this connection's handler is in, or ValueError. */
struct mg_http_message *conn_message_of(Conn *self, PyObject *object);
int connection_setup(PyObject *module);

/* WebSocket ---------------------------------------------------------- websocket.c */

PyObject *conn_ws_send(Conn *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *core_ws_broadcast(Core *m, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

/* Arguments ---------------------------------------------------------- arguments.c */

/* A function's parameters, of which the first is required. */
typedef struct Signature {
  const char *function;
  const char *names[3];
  int count;
} Signature;

/* Puts what was given by position or name into out, which is all NULL before. Much cheaper than
   PyArg_ParseTupleAndKeywords(). -1 with an exception set, as for the other two. */
int arguments(const Signature *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names,
              PyObject **out);
int int_from(PyObject *object, int *value);
/* Bytes of "data". `owner`, unless NULL, is to be released afterwards. */
typedef struct Data {
  PyObject *owner;
  const char *bytes;
  size_t length;
} Data;

/* From str as UTF-8, or what bytes() takes except a number. */
int data_from(PyObject *object, Data *data);

/* Uploads --------------------------------------------------------------- upload.c */

PyObject *conn_start_upload(Conn *self, PyObject *args);

/* Messages ------------------------------------------------------------- message.c */

typedef struct MessageView {
  PyObject_HEAD
  void *message; /* struct mg_http_message, mg_ws_message or mg_mqtt_message; NULL: over */
  struct mg_connection *c;
  unsigned char *base; /* of the receive buffer when the event began */
  PyObject *view;      /* the package's BodyView, if a view of the body was asked for */
  struct MessageView *outer; /* of the event that this one is inside of; while both last */
} MessageView;

PyObject *window_for_event(Core *m, struct mg_connection *c, int ev, void *ev_data);
void window_end(Core *m, PyObject *payload);
bool window_is_over(const MessageView *w);
/* Bytes left the front of the receive buffer: the messages of all running events are over. */
void windows_end(ConnExtra *slot);
int message_setup(PyObject *module);
PyObject *text_of(struct mg_str s);
PyObject *bytes_of(struct mg_str s);

/* Timers ----------------------------------------------------------------- timer.c */

typedef struct TimerObject {
  PyObject_HEAD
  struct mg_timer timer;
  Core *core; /* NULL: not active */
  PyObject *callback;
  struct TimerObject *next, **link;
} TimerObject;

PyObject *core_timer_add(Core *m, PyObject *args, PyObject *kwargs);
void timers_sweep(Core *m);
void timers_drop(Core *m);
int timer_setup(PyObject *module);

/* A thread that Python ends at interpreter exit (it does so inside PyEval_RestoreThread) must
   not unwind through the frames of the library below: it stops here for good instead. */
typedef struct Anchor {
  bool down;
} Anchor;
void anchor_hold(Anchor *anchor);
#define ANCHOR __attribute__((cleanup(anchor_hold))) Anchor anchor = {true}
#define ANCHOR_UP (anchor.down = false)

#endif
