/* The servers for ASGI and WSGI applications: what their files share.
 *
 * A server (Service) takes the events of the connections that its manager accepts. What it knows about
 * the request in progress is stored in the connection's ConnExtra. All of it is touched with the GIL and the
 * manager's lock held, unless a field says otherwise.
 */
#ifndef PYMONGOOSE_SERVE_H
#define PYMONGOOSE_SERVE_H

#include "gate.h"

#define EVENT(ev) (1u << (ev))

/* For the lists of a server's objects, where `s` is the server. */
#define VISIT(name) Py_VISIT(s->name);
#define CLEAR(name) Py_CLEAR(s->name);

/* Heads of requests ------------------------------------------------------- head.c */

/* The header lines of a request, all of them, from its raw head. */
typedef struct Lines {
  const char *at, *end;
} Lines;

Lines lines_of(const struct mg_http_message *hm);
bool lines_next(Lines *lines, struct mg_str *name, struct mg_str *value);
bool is_name(struct mg_str name, const char *wanted);
/* Whether a comma-separated list has this member, in any case. */
bool has_token(struct mg_str list, const char *wanted);
/* Whether a header, of which there may be several lines, has this member. */
bool head_has_token(const struct mg_http_message *hm, const char *name, const char *token);

/* A request's target: where its path is, and which host it names. */
typedef struct Target {
  struct mg_str path;      /* not decoded; the whole target when it has no path */
  struct mg_str authority; /* of an absolute-form target (RFC 9112, 3.2.2), else empty */
} Target;

Target target_of(const struct mg_http_message *hm);
/* Removes percent-encoding. NULL with an exception set. `text`: as UTF-8; else as latin-1. */
PyObject *path_text(struct mg_str path, bool utf8);
/* The headers as ASGI wants them. */
PyObject *head_headers(const struct mg_http_message *hm, const Target *target);
/* The headers as WSGI wants them, into a dict. -1 with an exception set. */
int head_environ(const struct mg_http_message *hm, const Target *target, PyObject *environ);
/* Whether a peer came by a Unix socket: it has no address then. */
bool peer_is_unix(const struct mg_addr *peer, uint16_t local_port);
PyObject *method_text(struct mg_str method);
int head_setup(void);

/* Responses ------------------------------------------------------------ response.c */

/* Framing is the server's: this is the only place that writes it.
 *
 *   state      | begin      | data            | end
 *   -----------+------------+-----------------+----------------------------------------------
 *   NEW        | HELD       | error           | error
 *   HELD       | error (*)  | head; STREAMING | head and body in one piece; DONE
 *   STREAMING  | error      | STREAMING       | last chunk, if chunked; DONE
 *   DONE       | error      | error           | error
 *
 *   (*) WSGI replaces a head that is held, with exc_info.
 */
typedef struct Out { /* output for the thread that has the connection */
  char *data;
  size_t length, room;
  bool complete, closes; /* the response; the connection after it */
} Out;

bool out_add(Out *out, const char *data, size_t length);

typedef struct Response {
  enum { RESPONSE_NEW, RESPONSE_HELD, RESPONSE_STREAMING, RESPONSE_DONE } state;
  int status;
  bool is_head;    /* the request is HEAD */
  bool is_old;     /* the client speaks HTTP/1.0 */
  bool closes;     /* the connection closes after the response */
  bool has_length, has_type, has_date, has_server, asks_for_chunks, chunked, has_trailers;
  bool awaits_trailers; /* the body has ended */
  Core *core;      /* of the connection: it has what every head contains */
  const char *connection; /* the line that the library wants in the head */
  Out *out;        /* where output goes; NULL: to the connection */
  uint64_t left;   /* bytes of the announced length that are to come */
  char *head;      /* status line and the application's headers */
  size_t length, room;
  char inline_head[512];
} Response;

void response_init(Response *r, struct mg_connection *c, const struct mg_http_message *hm);
void response_free(Response *r);
/* Starts over: forgets a head that is held. */
void response_reset(Response *r);
/* The status line; `reason` may be NULL. -1 with an exception set, as for those below. */
int response_status(Response *r, int status, const char *reason, size_t length);
int response_header(Response *r, struct mg_str name, struct mg_str value);
int response_begin(Response *r);
/* Some or all of the body. Bytes beyond the announced length are cut. Returns NULL, or what was wrong,
   such as the application's length; what had to be done has been done then. Needs no GIL. */
const char *response_write(Response *r, struct mg_connection *c, const char *data, size_t length, bool last);
/* The response is complete: the engine continues with the connection, or closes it. */
void response_settle(struct mg_connection *c, bool closes);
/* An interim response: 103, with header lines. */
int response_hints(struct mg_connection *c, const char *lines, size_t length);
/* The last chunk with trailers: complete header lines. */
int response_trailers(Response *r, struct mg_connection *c, const char *lines, size_t length);
/* The application failed: 500, or the end of a connection in the middle of its response. */
void response_fail(Response *r, struct mg_connection *c, int status);
/* Whether the status or the method rules a body out. */
bool response_is_bodiless(const Response *r);
/* Whether a header can be sent. -1 with an exception set. */
int check_header(struct mg_str name, struct mg_str value);
/* Name and value of a pair of bytes. -1 with an exception set. */
int header_pair(PyObject *pair, struct mg_str *name, struct mg_str *value, PyObject **owner);

/* Bodies of requests that come while the application runs ------------------- body.c */

typedef struct Body {
  enum { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_DONE } kind;
  enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER } place;
  uint64_t left;    /* of the length, or of the chunk */
  uint64_t taken, limit; /* bytes of the body so far, and at most */
  size_t trailer;   /* bytes of trailers so far */
  bool full;        /* reading has stopped */
} Body;

/* What body_take() found. */
enum { TAKE_WAIT, TAKE_PIECE, TAKE_MALFORMED = -1, TAKE_TOO_LONG = -2, TAKE_ERROR = -3 };
/* The next piece of a body in c->recv. TAKE_PIECE: *piece is a new bytes object. */
int body_take(Body *b, struct mg_connection *c, PyObject **piece);
/* Whether a body in chunks has ended, or is none: then the library says so. */
bool body_is_whole(const char *chunks, size_t length);
/* Stops reading when enough waits, resumes when it was taken. */
void body_hold(Body *b, struct mg_connection *c);

/* ASGI --------------------------------------------------------------------- asgi.c */

typedef struct Runner Runner;

typedef struct Asgi {
  PyObject_HEAD
  Core *core;              /* owned */
  PyObject *app, *loop;
  PyObject *report;        /* (exception) -> None: what an application raised */
  PyObject *cancelled;     /* asyncio.CancelledError */
  PyObject *client_disconnected;   /* class of what send() raises after the client has disconnected */
  PyObject *http, *websocket; /* scopes, as far as they are always the same */
  PyObject *asgi, *state, *extensions, *socket_extensions;
  PyObject *servers;       /* port -> what scope["server"] is; 0: a Unix socket */
  PyObject *call_soon, *create_future, *create_task; /* functions */
  PyObject *context;       /* that the server was started in */
  PyObject *current_task, *enter_task, *leave_task, *swap_task;    /* of asyncio; the last from 3.12 on */
  PyObject *turn;          /* our method, as the loop gets it */
  PyObject *timer;         /* the loop's handle of the next turn that is due */
  double timer_at;
  bool nests;              /* tasks take no context (before 3.11) */
  bool turn_due;           /* a turn comes with the loop's next round */
  Runner *spare;           /* ready for the next request */
  Runner *waiting;         /* applications that wait; owned */
  Py_ssize_t active;       /* applications that run */
  uint64_t max_body, longest; /* bytes of a body: at most; that is collected */
} Asgi;

/* One request and its response, or one WebSocket. */
typedef struct Exchange {
  PyObject_HEAD
  Asgi *server;            /* owned */
  struct mg_connection *c; /* NULL: closed, or the response is complete */
  PyObject *scope;         /* until the application is called */
  PyObject *receiver, *sender; /* futures: something came in; output has left */
  Response response;
  bool disconnected;       /* the client has */
  bool finished;           /* the response is complete */
  /* HTTP */
  Body body;
  PyObject *whole;         /* a body that is here */
  mg_event_handler_t engine; /* of a connection whose stream was taken over, to give it back */
  int file;                /* what is being sent; -1: none */
  uint64_t file_left;
  bool file_ends;          /* the response ends with it */
  bool file_is_ours;
  /* WebSocket */
  bool is_websocket;
  enum { SOCKET_CONNECTING, SOCKET_DENYING, SOCKET_OPEN, SOCKET_CLOSING } socket;
  PyObject *head;          /* the lines of the handshake that the library's answer needs */
  PyObject *incoming;      /* a deque of messages */
  size_t queued;           /* what they take */
  bool connected;          /* websocket.connect was received */
  int code;                /* of websocket.disconnect */
  PyObject *reason;
} Exchange;

#define HIGH_WATER (256 * 1024) /* bytes queued at which send() waits */
#define LOW_WATER (64 * 1024)   /* bytes queued at which it resumes */

/* Takes the manager's lock for the connection of an exchange. False when it has none any more. */
bool exchange_enter(Exchange *x);
/* Gives it back, and sees to it that output leaves. */
int exchange_leave(Exchange *x, Core *m);
void exchange_wake(PyObject **future);
/* The application has ended: with an exception that is set, or not. */
void exchange_end(Exchange *x);
/* No connection any more. */
void exchange_detach(Exchange *x);
/* The response is complete. */
void exchange_finish(Exchange *x);
/* Sends pieces of the file as far as there is room. 1: it is sent; 0: not yet; -1: an exception is set. */
int file_pump(Exchange *x);
void file_close(Exchange *x);
int messages_setup(void);
PyObject *exchange_new(Asgi *server, struct mg_connection *c, struct mg_http_message *hm, bool is_websocket);
/* Runs the application: at once, as far as it goes without waiting, or `later`. */
int runner_start(Asgi *server, Exchange *x, bool later);
void runner_drop(Asgi *server);
/* Cancels the tasks of all applications that run. */
int runner_cancel_all(Asgi *server);
int runner_setup(PyObject *module);
int asgi_setup(PyObject *module);
int exchange_setup(PyObject *module);
/* An event of the exchange's connection. */
void exchange_event(Exchange *x, int ev, void *ev_data);
/* The body comes while the application runs, out of the receive buffer. */
void exchange_take_over(Exchange *x, struct mg_http_message *hm);
/* Sends a message of the application: -1 with an exception set. `waits`: too much output waits. */
int http_message(Exchange *x, PyObject *type, PyObject *message, bool *waits);
int socket_message(Exchange *x, PyObject *type, PyObject *message, bool *waits);
/* The next message for the application, as an Attempt. */
int socket_attempt(PyObject *self, PyObject **value, PyObject **future);
void socket_event(Exchange *x, int ev, void *ev_data);
void socket_end(Exchange *x, int code);
int socket_prepare(Exchange *x, struct mg_http_message *hm);
/* Whether a request asks for a WebSocket; and how a handshake that cannot be is answered, 0: it can. */
bool socket_is_asked_for(const struct mg_http_message *hm);
int socket_refusal(struct mg_http_message *hm);
int socket_setup(void);
bool is_text(PyObject *text, PyObject *wanted);
/* An item of a message, borrowed; NULL without, or with an exception set. */
PyObject *item_of(PyObject *message, PyObject *key);
/* Headers of a message into the response. -1 with an exception set. */
int add_headers(Response *r, PyObject *headers);
/* Lines of headers, as bytes. */
PyObject *header_block(PyObject *headers);
int wrong_state(Exchange *x, PyObject *type, const char *why);
/* Sends a piece of a body; when that completes the response, the exchange is over. */
int exchange_write(Exchange *x, PyObject *data, bool last);
void asgi_wake(Asgi *server);

/* Awaitables -------------------------------------------------------------- await.c */

typedef struct Awaitable Awaitable;
/* What is awaited: returns 1 with *value set (a new reference), 0 to wait for the future that it leaves
   in *future (a new reference), -1 with an exception set. */
typedef int (*Attempt)(PyObject *owner, PyObject **value, PyObject **future);
PyObject *await_value(PyObject *value); /* steals; NULL passes an exception on */
PyObject *await_nothing(void);
PyObject *await_attempts(PyObject *owner, Attempt attempt);
int await_setup(PyObject *module);

/* Sends to a generator or an awaitable's iterator. 1: *result was yielded; 0: it has ended, with *result;
   -1 with an exception set. */
int generator_send(PyObject *generator, PyObject *value, PyObject **result);
/* What `await object` iterates over. */
PyObject *iterator_of(PyObject *object);

/* Interned names of keys and messages: T(more_body) is one. */
#define TEXTS(X)                                                                                     \
  X(type) X(asgi) X(http_version) X(method) X(scheme) X(path) X(raw_path) X(query_string) X(root_path) \
  X(headers) X(state) X(client) X(server) X(extensions) X(subprotocols) X(status) X(body) X(more_body) \
  X(trailers) X(more_trailers) X(links) X(file) X(offset) X(count) X(text) X(bytes) X(code) X(reason)   \
  X(subprotocol) X(send) X(run) X(cancel) X(set_result) X(done) X(close) X(_asyncio_future_blocking)
#define DECLARE_TEXT(name) PyObject *name;
typedef struct Texts {
  TEXTS(DECLARE_TEXT)
} Texts;
extern Texts texts;
#define T(name) (texts.name)

#endif
