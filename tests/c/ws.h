// What the WebSocket programs share: a server whose peer is a plain socket, and frames by hand.
#ifndef WS_H
#define WS_H

#include "loop.h"

#define UPGRADE_WITH(headers)                                                     \
  "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" headers "\r\n"
#define UPGRADE UPGRADE_WITH("")
#define ACCEPTED                                                                        \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// A literal and its length without the NUL.
#define BYTES(literal) (literal), sizeof(literal) - 1

// Messages and control frames, each as `[flags data]`, and errors as `!text`.
struct ws_log {
  char text[4000];
  size_t last_len;  // of the newest message
  int msgs, ctls, opens, errors, closes;
};

static inline void ws_log_event(struct ws_log *log, int ev, void *ev_data) {
  size_t used = strlen(log->text), room = sizeof(log->text) - used;
  if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    int shown = wm->data.len > 30 ? 30 : (int) wm->data.len;
    CHECK(wm->data.buf != NULL);
    snprintf(log->text + used, room, "[%02x %.*s]", wm->flags, shown, wm->data.buf);
    log->last_len = wm->data.len;
    if (ev == MG_EV_WS_MSG) log->msgs++;
    if (ev == MG_EV_WS_CTL) log->ctls++;
  }
  if (ev == MG_EV_WS_OPEN) log->opens++;
  if (ev == MG_EV_CLOSE) log->closes++;
  if (ev == MG_EV_ERROR) {
    log->errors++;
    snprintf(log->text + used, room, "!%s", (char *) ev_data);
  }
}

#define CHECK_LOG(log, expected)                                                       \
  do {                                                                                 \
    if (strcmp((log).text, (expected)) != 0) {                                         \
      failures++;                                                                      \
      fprintf(stderr, "%s:%d:\n  got      %s\n  expected %s\n", __FILE__, __LINE__,    \
              (log).text, (expected));                                                 \
    }                                                                                  \
  } while (0)

// Reads from a plain socket until `want` bytes are there or the stream ends; polls meanwhile.
// Returns how many bytes came.
static inline size_t take(struct mg_mgr *mgr, int fd, char *buf, size_t want) {
  size_t got = 0;
  uint64_t until = machine_millis() + PATIENCE_MS;
  nonblocking(fd);
  while (got < want && machine_millis() < until) {
    ssize_t n = recv(fd, buf + got, want - got, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    if (n > 0) got += (size_t) n;
    mg_mgr_poll(mgr, 1);
  }
  return got;
}

// The peer gets exactly these bytes next.
#define CHECK_TAKES(mgr, fd, bytes, len)                                       \
  do {                                                                         \
    char took_[2000];                                                          \
    CHECK((len) <= sizeof(took_) && take((mgr), (fd), took_, (len)) == (len)); \
    CHECK(memcmp(took_, (bytes), (len)) == 0);                                 \
  } while (0)

// True when the stream of a plain socket ends here, with nothing before that.
static inline bool ends(struct mg_mgr *mgr, int fd) {
  char byte;
  ssize_t n = -1;
  uint64_t until = machine_millis() + PATIENCE_MS;
  nonblocking(fd);
  while (n < 0 && machine_millis() < until) {
    n = recv(fd, &byte, 1, 0);
    if (n < 0 && errno != EAGAIN) break;
    mg_mgr_poll(mgr, 1);
  }
  return n == 0;
}

#define CHECK_END(mgr, fd) CHECK(ends((mgr), (fd)))

// A masked frame with a key of zeros, so that it can be read; returns its length.
static inline size_t masked(char *out, int first, const char *payload, size_t len) {
  size_t n = 0;
  out[n++] = (char) first;
  if (len < 126) {
    out[n++] = (char) (0x80 | len);
  } else {
    out[n++] = (char) (0x80 | 126);
    out[n++] = (char) (len >> 8);
    out[n++] = (char) len;
  }
  memset(out + n, 0, 4);
  if (len > 0) memcpy(out + n + 4, payload, len);
  return n + 4 + len;
}

static inline void put_frame(int fd, int first, const char *payload, size_t len) {
  char frame[66000];
  put(fd, frame, masked(frame, first, payload, len));
}

#endif
