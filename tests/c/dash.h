// A dashboard and its clients in one manager, on the program's clock: requests as short as can be
// (HTTP/1.0, bare LF), each on a connection of its own, done within 100 polls.
#ifndef DASH_H
#define DASH_H

#include "files.h"
#include "kernel.h"
#include "patience.h"
#include <stdlib.h>
#include "mongoose.h"

#define POLLS 100
#define ADMIN "Authorization: Basic YWRtaW46YWRtaW4=\n"  // admin:admin
#define USER "Authorization: Basic dXNlcjp1c2Vy\n"        // user:user
#define BAD "Authorization: Basic dXNlcjpiYWQ=\n"         // user:bad

static struct mg_mgr mgr;
static struct mg_connection *listener;
static uint64_t now = 1000;
static char reply[20000];
static const char *reply_body;
static bool reply_done;

// The library takes the program's clock: sessions expire without waiting.
uint64_t mg_millis(void) {
  return now;
}

static inline void begin(mg_event_handler_t handler, void *dash) {
  mg_log_level = MG_LL_NONE;
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, dash);
  CHECK(listener != NULL);
}

static inline const char *url_for(const char *scheme, const char *path) {
  static char url[100];
  mg_snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, mg_ntohs(listener->loc.port), path);
  return url;
}

static inline void on_client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) mg_send(c, ((struct mg_str *) c->fn_data)->buf, ((struct mg_str *) c->fn_data)->len);
  if (ev == MG_EV_HTTP_MSG && !reply_done) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_snprintf(reply, sizeof(reply), "%.*s", (int) hm->message.len, hm->message.buf);
    reply_body = reply + hm->head.len;
    reply_done = true;
    c->is_closing = 1;
  }
}

// Sends bytes and waits for the reply; returns its status.
static inline int ask_bytes(const char *bytes, size_t len) {
  struct mg_str request = mg_str_n(bytes, len);
  reply[0] = '\0';
  reply_body = "";
  reply_done = false;
  CHECK(mg_http_connect(&mgr, url_for("http", ""), on_client, &request) != NULL);
  POLLS_SUFFICE(&mgr, POLLS, reply_done);
  return strncmp(reply, "HTTP/1.", 7) == 0 ? atoi(reply + 9) : 0;
}

// `line` is method and path; `headers` have their line ends.
static inline int ask(const char *line, const char *headers, const char *body) {
  char request[10000];
  size_t n = mg_snprintf(request, sizeof(request), "%s HTTP/1.0\nContent-Length: %d\n%s\n%s", line,
                         (int) strlen(body), headers, body);
  CHECK(n < sizeof(request));
  return ask_bytes(request, n);
}

#define EXPECT_BODY(line, headers, sent, status, expected)                                     \
  do {                                                                                         \
    int status_ = ask((line), (headers), (sent));                                              \
    if (status_ != (status) || strcmp(reply_body, (expected)) != 0) {                          \
      failures++;                                                                              \
      fprintf(stderr, "%s:%d: [%s] %d %s\n", __FILE__, __LINE__, (line), status_, reply_body); \
    }                                                                                          \
  } while (0)

#define EXPECT(line, headers, sent, status)                                                    \
  do {                                                                                         \
    int status_ = ask((line), (headers), (sent));                                              \
    if (status_ != (status)) {                                                                 \
      failures++;                                                                              \
      fprintf(stderr, "%s:%d: [%s] %d %s\n", __FILE__, __LINE__, (line), status_, reply_body); \
    }                                                                                          \
  } while (0)

// A WebSocket of a user, and what it has heard.
struct watcher {
  struct mg_connection *c;
  char text[2000];  // all frames, one line each
  int opens, frames, closes;
};

static inline void on_watcher(struct mg_connection *c, int ev, void *ev_data) {
  struct watcher *w = (struct watcher *) c->fn_data;
  if (ev == MG_EV_WS_OPEN) w->opens++;
  if (ev == MG_EV_CLOSE) w->closes++, w->c = NULL;
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    size_t used = strlen(w->text);
    w->frames++;
    // Programs look at it as a C string.
    CHECK(strlen(wm->data.buf) == wm->data.len && (wm->flags & 15) == WEBSOCKET_OP_TEXT);
    mg_snprintf(w->text + used, sizeof(w->text) - used, "%.*s\n", (int) wm->data.len, wm->data.buf);
  }
}

static inline void polls(int n) {
  while (n-- > 0) mg_mgr_poll(&mgr, 1);
}

// `headers` end in LF as in `ask`.
static inline void watch(struct watcher *w, const char *headers) {
  memset(w, 0, sizeof(*w));
  w->c = mg_ws_connect(&mgr, url_for("ws", "/api/websocket"), on_watcher, w, "%s", headers);
  POLLS_SUFFICE(&mgr, 2 * POLLS, w->opens > 0 || w->closes > 0);
}

static inline bool hears(struct watcher *w, const char *text) {
  POLLS_SUFFICE(&mgr, 2 * POLLS, strstr(w->text, text) != NULL);
  if (strstr(w->text, text) == NULL) fprintf(stderr, "heard [%s], not [%s]\n", w->text, text);
  return strstr(w->text, text) != NULL;
}

static inline void leave(struct watcher *w) {
  if (w->c != NULL) w->c->is_closing = 1;
  polls(5);
  CHECK(w->closes == 1);
}

#endif
