// The misuse matrix: each function that can fire an event or call code of the program, outside and
// inside of a poll, while that code does to the connection, the manager or the buffers what a
// handler may do. Under the checkers no memory is touched that is released, and each connection is
// closed once.
//
// A row is ROW(function, kind of subject, statement). tests/abi checks that each exported function has
// a row, or a reason in tests/abi/eventless.tsv why it has none.
#ifndef MISUSE_H
#define MISUSE_H

#include "ws.h"

// What the subject of a call is.
enum kind {
  NOTHING,
  STREAM,
  REQUEST,
  TAKEN,  // as REQUEST, but the function takes the connection over: its CLOSE is not the program's
  UPGRADED,
  DEFLATED,
  DATAGRAMS,
  SECURE  // TLS whose handshake is done on both sides: see misuse_tls.c
};

// What the program does when it is called.
enum action {
  BY_FLAG,       // the subject closes at the end of its turn
  BY_CLOSE,      // the subject closes now
  CLOSE_OTHERS,  // all other connections close
  FREE_MANAGER,  // the manager and its struct
  FREE_BUFFERS,  // of the subject
  SWAP_BUFFERS,  // of the subject
  POLL,
  CALL_AGAIN,  // the same function, with the same arguments
  ACTIONS
};
static const char *const actions[] = {"flag", "close", "others", "free", "buffers", "swap", "poll", "again"};

// Which code of the program does it.
enum source { HANDLER = 1, LOG = 2, ALLOCATE = 4, RELEASE = 8, CLOCK = 16, RANDOM = 32, SOURCES = 6 };

static struct mg_mgr *mgr;
static struct mg_connection *subject, *other;
static struct mg_http_message hm;
static int opened, closed;
static unsigned armed;  // Sources that strike; 0 after one did.
static int spared;      // So many calls pass before one strikes.
static enum action action;
static int strikes;

struct row {
  const char *name;
  enum kind kind;
  void (*call)(void);
};
static const struct row *row;

static void on_event(struct mg_connection *c, int ev, void *ev_data);

static void strike(unsigned source) {
  struct mg_connection *t, *next;
  struct mg_mgr *m;
  if ((armed & source) == 0 || spared-- > 0) return;
  armed = 0;
  strikes++;
  switch (action) {
    case BY_FLAG:
      if (subject != NULL) subject->is_closing = 1;
      break;
    case BY_CLOSE:
      if (subject != NULL) mg_close_conn(subject);
      break;
    case CLOSE_OTHERS:
      for (t = mgr == NULL ? NULL : mgr->conns; t != NULL; t = next) {
        next = t->next;
        if (t != subject) mg_close_conn(t);
      }
      break;
    case FREE_MANAGER:
      m = mgr;
      if (m == NULL) break;
      mg_mgr_free(m);
      mgr = NULL;
      free(m);
      break;
    case FREE_BUFFERS:
      if (subject == NULL) break;
      mg_iobuf_free(&subject->recv);
      mg_iobuf_free(&subject->send);
      break;
    case SWAP_BUFFERS:
      if (subject == NULL) break;
      mg_iobuf_free(&subject->recv);
      mg_iobuf_free(&subject->send);
      mg_iobuf_add(&subject->recv, 0, "short", 5);
      mg_iobuf_add(&subject->send, 0, "short", 5);
      break;
    case POLL:
      if (mgr != NULL) mg_mgr_poll(mgr, 0);
      break;
    default:
      if (row->kind == NOTHING ? mgr != NULL : subject != NULL) row->call();
  }
}

// --- Code of the program, by the names that the library calls.

void *mg_calloc(size_t count, size_t size) {
  void *p = calloc(count, size);
  strike(ALLOCATE);
  return p;
}

void mg_free(void *p) {
  free(p);
  strike(RELEASE);
}

uint64_t mg_millis(void) {
  static uint64_t now = 1000000;
  strike(CLOCK);
  return now++;
}

bool mg_random(void *buf, size_t len) {
  static unsigned char next;
  size_t i;
  for (i = 0; i < len; i++) ((unsigned char *) buf)[i] = next++;
  strike(RANDOM);
  return true;
}

static void log_char(char ch, void *arg) {
  (void) ch, (void) arg;
  strike(LOG);
}

static size_t print(void (*out)(char, void *), void *arg, va_list *ap) {
  (void) ap;
  out('a', arg);
  strike(HANDLER);
  out('b', arg);
  return 2;
}

static void on_event(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_OPEN) opened++;
  if (ev == MG_EV_CLOSE) {
    closed++;
    if (c == subject) subject = NULL;
    if (c == other) other = NULL;
  }
  if (ev != MG_EV_POLL) strike(HANDLER);
}

// --- Subjects

// Nothing strikes meanwhile.
static void set_request(const char *text) {
  unsigned saved = armed;
  armed = 0;
  mg_iobuf_free(&subject->recv);
  mg_iobuf_add(&subject->recv, 0, text, strlen(text));
  CHECK_ROW(mg_http_parse((char *) subject->recv.buf, subject->recv.len, &hm) > 0, row->name);
  armed = saved;
}

static void (*make_secure)(void);

static void make_subject(enum kind kind) {
  int fds[2];
  subject = other = NULL;
  memset(&hm, 0, sizeof(hm));
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
  other = mg_wrapfd(mgr, fds[1], on_event, NULL);
  if (kind == NOTHING) {
    close(fds[0]);
    return;
  }
  if (kind == DATAGRAMS) {
    close(fds[0]);
    subject = mg_connect(mgr, "udp://127.0.0.1:9", on_event, NULL);
    return;
  }
  subject = mg_wrapfd(mgr, fds[0], on_event, NULL);
  subject->is_accepted = 1;
  if (kind == SECURE) make_secure();
  if (kind == UPGRADED || kind == DEFLATED) {
    if (kind == DEFLATED) {
      mg_conn_set(subject, MG_SET_WS_DEFLATE, 1);
      set_request(UPGRADE_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    } else {
      set_request(UPGRADE);
    }
    mg_ws_upgrade(subject, &hm, NULL);
    CHECK_ROW(subject != NULL && subject->is_websocket, row->name);
  } else if (kind == REQUEST || kind == TAKEN) {
    set_request("GET /page?name=a&offset=0 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
  }
  // From now on any output is an event.
  mg_conn_set(subject, MG_SET_HIGH_WATER, 1);
}

// What strikes in a call from inside a poll; 0 after it was made.
static unsigned in_poll_source;

// Calls from inside a poll.
static void caller(void *arg) {
  (void) arg;
  if (in_poll_source == 0) return;
  armed = in_poll_source;
  in_poll_source = 0;
  row->call();
}

// True if something struck.
static bool play(const struct row *r, unsigned source, enum action what, bool in_poll, int spare) {
  int before = strikes;
  row = r;
  armed = 0;
  opened = closed = 0;
  action = what;
  spared = spare;
  mgr = (struct mg_mgr *) calloc(1, sizeof(*mgr));
  mg_mgr_init(mgr);
  mgr->userdata = mgr;
  make_subject(r->kind);
  if (in_poll) {
    in_poll_source = source;
    mg_timer_add(mgr, 1000, MG_TIMER_RUN_NOW, caller, NULL);
    mg_mgr_poll(mgr, 0);
  } else {
    armed = source;
    r->call();
  }
  armed = 0;
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
  if (mgr != NULL) {
    mg_mgr_free(mgr);
    free(mgr);
  }
  mgr = NULL;
  if (r->kind != TAKEN && opened != closed) {
    failures++;
    fprintf(stderr, "%s, source %u, call %d, %s, %s a poll: %d opened, %d closed\n", r->name, source, spare + 1,
            actions[what], in_poll ? "inside" : "outside", opened, closed);
  }
  return strikes > before;
}

// Plays a row with every action at the first call of the program's code, at the second, and so on; up to
// `calls`.
static void play_deep(const struct row *r, int calls) {
  unsigned source, what, in_poll;
  int spare;
  for (source = 0; source < SOURCES; source++) {
    for (what = 0; what < ACTIONS; what++) {
      for (in_poll = 0; in_poll < 2; in_poll++) {
        for (spare = 0; spare < calls; spare++) {
          if (getenv("MISUSE_VERBOSE") != NULL) {
            fprintf(stderr, "%s: source %u, call %d, %s, %s a poll\n", r->name, 1U << source, spare + 1,
                    actions[what], in_poll ? "inside" : "outside");
          }
          if (!play(r, 1U << source, (enum action) what, in_poll != 0, spare)) break;
        }
      }
    }
  }
}

// Plays all rows: a handler does everything at its first call. Of the other sources, and of later
// calls, each row plays a part that differs from that of the row before; all together play all. With
// the name of a row, or "all", everything is played, which takes long.
static void play_all(const struct row *rows, size_t count, int argc, char **argv) {
  size_t i;
  unsigned source, what, in_poll;
  mg_log_set_fn(log_char, NULL);
  mg_log_set(MG_LL_DEBUG);
  for (i = 0; i < count; i++) {
    int before = strikes;
    if (argc > 1 && strcmp(argv[1], "all") != 0 && strcmp(argv[1], rows[i].name) != 0) continue;
    if (argc > 1) {
      play_deep(&rows[i], 20);
      continue;
    }
    for (source = 0; source < SOURCES; source++) {
      for (what = 0; what < ACTIONS; what++) {
        bool often = source == 0 || what == BY_CLOSE || what == FREE_MANAGER || what == SWAP_BUFFERS;
        bool in_turn = (i + source) % ACTIONS == what;
        for (in_poll = 0; in_poll < 2 && (often || in_turn); in_poll++) {
          play(&rows[i], 1U << source, (enum action) what, in_poll != 0, 0);
          if (in_turn) play(&rows[i], 1U << source, (enum action) what, in_poll != 0, 1 + (int) i % 4);
        }
      }
    }
    // What makes connections looks at the clock before and after the program knows of them.
    for (what = 0; what < ACTIONS && rows[i].kind == NOTHING; what++) {
      int spare;
      for (spare = 1; spare < 4; spare++) play(&rows[i], CLOCK, (enum action) what, false, spare);
    }
    // A row that calls nothing of the program belongs into the other list.
    CHECK_ROW(strikes > before, rows[i].name);
  }
}

#endif
