// What the MQTT programs share: a connection of the program's own to look at what is queued, bytes in
// hexadecimal, and a log of events.
#ifndef MQTT_H
#define MQTT_H

#include "loop.h"

// Hexadecimal of at most some 2,000 bytes, with spaces; good until the call after the next.
static inline const char *hex(const void *bytes, size_t len) {
  static char texts[2][8000];
  static int turn;
  size_t i, n = 0;
  turn = !turn;
  texts[turn][0] = '\0';
  for (i = 0; i < len && n + 4 < sizeof(texts[turn]); i++) {
    n += (size_t) snprintf(texts[turn] + n, sizeof(texts[turn]) - n, "%s%02x", i > 0 ? " " : "",
                           ((const unsigned char *) bytes)[i]);
  }
  return texts[turn];
}

// "c0 00" to bytes; returns how many.
static inline size_t unhex(const char *text, void *to) {
  size_t n = 0;
  unsigned value;
  int used;
  while (sscanf(text, "%2x%n", &value, &used) == 1) {
    ((unsigned char *) to)[n++] = (unsigned char) value;
    text += used;
  }
  return n;
}

#define CHECK_TEXT(got, expected)                                                      \
  do {                                                                                 \
    const char *got_ = (got);                                                          \
    if (strcmp(got_, (expected)) != 0) {                                               \
      failures++;                                                                      \
      fprintf(stderr, "%s:%d:\n  got      %s\n  expected %s\n", __FILE__, __LINE__,    \
              got_, (expected));                                                       \
    }                                                                                  \
  } while (0)

// Events of an MQTT connection: "open:0 msg:t=hey cmd:3:1:7" (command, QoS, id).
struct mqtt_log {
  char text[4000];
  int opens, msgs, cmds, reads, errors, closes;
  bool recv_changed;  // a handler did something to c->recv
  char error[64];
};

static inline void mqtt_log_event(struct mqtt_log *log, struct mg_connection *c, int ev, void *ev_data) {
  size_t used = strlen(log->text), room = sizeof(log->text) - used;
  char *to = log->text + used;
  const char *space = used > 0 ? " " : "";
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  if (ev == MG_EV_MQTT_OPEN) {
    log->opens++;
    snprintf(to, room, "%sopen:%d", space, *(int *) ev_data);
  } else if (ev == MG_EV_MQTT_MSG) {
    log->msgs++;
    CHECK(mm->data.buf != NULL && mm->topic.buf != NULL && mm->cmd == MQTT_CMD_PUBLISH);
    snprintf(to, room, "%smsg:%.*s=%.*s", space, (int) mm->topic.len, mm->topic.buf, (int) mm->data.len,
             mm->data.buf);
  } else if (ev == MG_EV_MQTT_CMD) {
    log->cmds++;
    CHECK(log->recv_changed || ((unsigned char *) mm->dgram.buf == c->recv.buf && mm->dgram.len <= c->recv.len));
    snprintf(to, room, "%scmd:%d:%d:%d", space, mm->cmd, mm->qos, mm->id);
  } else if (ev == MG_EV_READ) {
    log->reads++;
  } else if (ev == MG_EV_ERROR) {
    log->errors++;
    snprintf(log->error, sizeof(log->error), "%s", (char *) ev_data);
    snprintf(to, room, "%serror", space);
  } else if (ev == MG_EV_CLOSE) {
    log->closes++;
    snprintf(to, room, "%sclose", space);
  }
}

// Reads from a plain socket until `want` bytes are there or the stream ends; polls meanwhile.
// Returns how many bytes came.
static inline size_t take(struct mg_mgr *mgr, int fd, char *buf, size_t want) {
  size_t got = 0;
  uint64_t until = mg_millis() + PATIENCE_MS;
  nonblocking(fd);
  while (got < want && mg_millis() < until) {
    ssize_t n = recv(fd, buf + got, want - got, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    if (n > 0) got += (size_t) n;
    mg_mgr_poll(mgr, 1);
  }
  return got;
}

#endif
