/* The server of a WSGI application: what its files share.
 *
 * With one thread the application runs on the thread that polls, inside of the event of its request.
 * With more, requests go through a queue to worker threads. Then three kinds of threads meet in a Job:
 *
 *   - The polling thread puts requests into the queue, and takes output out of jobs. It needs no GIL for
 *     either. It has the manager's lock, so it alone touches connections.
 *   - A worker runs the application, with the GIL, and puts output into its job. It never takes the
 *     manager's lock, so it never waits for the loop with the GIL held.
 *   - What both touch is protected by the job's mutex, and the queue's lists by that of the service.
 *     No thread waits for the GIL with one of these held.
 */
#ifndef PYMONGOOSE_WSGI_H
#define PYMONGOOSE_WSGI_H

#include "serve.h"

struct Wsgi;

/* One request and its response. */
typedef struct Job {
  struct Job *next;        /* in the queue, or among those with output; service mutex */
  struct Job *all_next, **all_link; /* among all that are in progress; manager's lock */
  struct Wsgi *service;
  _Atomic int refs;        /* of the slot, the queue, the call */
  struct mg_connection *c; /* NULL: closed; manager's lock */
  unsigned long id;        /* of the connection */

  /* The request */
  char *request;           /* a copy of head and body, or of the head; NULL: it lies in the receive buffer */
  struct mg_http_message hm;
  char *body;              /* what has come of a body that is taken over */
  size_t body_length, body_room;
  Body source;
  mg_event_handler_t engine;
  PyObject *file;          /* the body, when it is long; owned */
  int fd;                  /* of that file; -1: none */
  struct mg_addr peer;
  uint16_t port;           /* of ours, in network order */
  bool is_tls, in_chunks;

  /* The response; mutex */
  pthread_mutex_t mutex;
  pthread_cond_t moved;
  Response response;
  Out out;                 /* of a worker, for the polling thread */
  char *held;              /* of the body, until it is complete, large or slow */
  size_t held_length, held_room;
  uint64_t held_since;     /* nanoseconds */
  size_t queued;           /* bytes that have not left */
  uint64_t progress;       /* when some did, or output began to wait */
  bool has_output;         /* it is in the list of those */
  bool disconnected;       /* no client waits for the response any more */

  /* The application's result, while the polling thread sends it */
  PyObject *result, *pieces, *context;
  bool continues;          /* a timer continues it */
} Job;

typedef struct Wsgi {
  PyObject_HEAD
  Core *core;              /* owned */
  PyObject *app, *report, *template, *bytes_io, *temporary_file, *copy_context;
  PyObject *servers;       /* port -> (name, port as text) */
  PyObject *context, *blank; /* for applications on the polling thread */
  int threads;             /* 0: the application runs on the polling thread */
  uint64_t max_body, longest; /* bytes of a body: at most; that is kept in memory */
  double stream_timeout;   /* seconds in which a client may take nothing */
  pthread_mutex_t mutex;
  pthread_cond_t ready;
  Job *queue, **queue_end;
  Job *output, **output_end;
  int idle;                /* workers that wait */
  bool stopped;
  Job *all;
  struct mg_timer timer;   /* looks for output that was held back for a while */
  bool timed;
} Wsgi;

/* Jobs ----------------------------------------------------------------- wsgi_job.c */

Job *job_new(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm, bool copies);
void job_release(Job *job);
/* The response's calls, from any caller. -1 with an exception set; 1: the client has disconnected. */
int job_hold(Job *job, const char *data, size_t length);
int job_finish(Job *job);
void job_fail(Job *job);
/* Sends what was held back; from now on pieces go out as they come. Mutex. */
int job_begin_stream(Job *job);
/* Hands output to the polling thread. */
void job_publish(Job *job);
uint64_t job_clock(void);

/* Calls of the application ------------------------------------------------ wsgi_call.c */

/* Runs the application for a request. On the polling thread it may continue later. */
void call_run(Job *job);
/* Continues with a result whose output has left. */
void call_continue(Job *job);
/* No client waits for the response: discards the result. */
void call_abandon(Job *job);
PyObject *call_environ(Wsgi *service, Job *job);
int call_setup(PyObject *module);

/* The service ----------------------------------------------------------------- wsgi.c */

/* The request of a connection. NULL without memory: the connection closes. */
Job *wsgi_begin(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm, bool copies);
/* Puts a request into the queue of the workers. */
void wsgi_enqueue(Job *job);
/* Looks after output that slow applications hold back. */
void wsgi_watch(Wsgi *service);
/* Runs an application on the polling thread. [GIL, lock] */
void wsgi_run_here(Job *job, bool begins);
/* The connection has no more to do with the job. Manager's lock; GIL if the job has Python objects. */
void wsgi_detach(Job *job);
int wsgi_setup(PyObject *module);

/* Bodies ------------------------------------------------------------------ wsgi_body.c */

/* Takes over the body of a request whose head is here, unless the library is to collect or refuse it. */
void wsgi_take_head(Wsgi *service, struct mg_connection *c, struct mg_http_message *hm);
/* Takes what has come of a body; runs the application when it is complete. [GIL, lock] */
void wsgi_read_body(Job *job);
/* Gives the file of a body back: who releases the job last may not have the GIL. [GIL] */
void wsgi_close_file(Job *job);

#define HELD_NS 100000000ull      /* how long output waits for more of it before it is sent */
#define SLICE_NS 5000000ull       /* how long the polling thread works on one result */
#define STREAM_FROM (1024 * 1024) /* responses of this size and more are sent while they are made */
#define QUEUED_MAX (1024 * 1024)  /* bytes that wait at which a worker waits for the client */

#endif
