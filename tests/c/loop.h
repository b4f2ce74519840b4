// What the programs about connections share: polling until something is so, recording events,
// and peers made of plain sockets.
#ifndef LOOP_H
#define LOOP_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE  // -std=c99 hides socket options
#endif

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "kernel.h"
#include "mongoose.h"
#include "patience.h"

static inline void poll_times(struct mg_mgr *mgr, int times) {
  while (times-- > 0) mg_mgr_poll(mgr, 1);
}

// Polls take the time that they are given, so the loop does not spin. What the network still has under
// way may end the first ones.
#define CHECK_WAITS(mgr)                                                       \
  do {                                                                         \
    int attempt_;                                                              \
    uint64_t took_ = 0;                                                        \
    for (attempt_ = 0; attempt_ < 20 && took_ < 57; attempt_++) {              \
      uint64_t start_ = machine_millis();                                      \
      mg_mgr_poll((mgr), 20), mg_mgr_poll((mgr), 20), mg_mgr_poll((mgr), 20);  \
      took_ = machine_millis() - start_;                                       \
    }                                                                          \
    CHECK(took_ >= 57);                                                        \
  } while (0)

// Events of one connection by their names, MG_EV_POLL left out, runs of READ or WRITE folded.
struct record {
  char text[2000];
  int last, polls, closes;
  size_t read, written;
  char error[64];
};

static inline const char *event_name(int ev) {
  static const char *const names[] = {"ERROR",    "OPEN",     "POLL",  "RESOLVE", "CONNECT",
                                      "ACCEPT",   "TLS_HS",   "READ",  "WRITE",   "CLOSE",
                                      "HDRS",     "MSG",      "WS_OPEN", "WS_MSG", "WS_CTL"};
  if (ev == MG_EV_WAKEUP) return "WAKEUP";
  return ev >= 0 && ev < (int) COUNT(names) ? names[ev] : "OTHER";
}

static inline void record_event(struct record *r, int ev, void *ev_data) {
  const char *name = event_name(ev);
  size_t used = strlen(r->text);
  if (ev == MG_EV_POLL) {
    r->polls++;
    return;
  }
  if (ev == MG_EV_READ) r->read += (size_t) *(long *) ev_data;
  if (ev == MG_EV_WRITE) r->written += (size_t) *(long *) ev_data;
  if (ev == MG_EV_CLOSE) r->closes++;
  if (ev == MG_EV_ERROR) snprintf(r->error, sizeof(r->error), "%s", (char *) ev_data);
  if ((ev == MG_EV_READ || ev == MG_EV_WRITE) && used > 0 && r->last == ev) return;
  r->last = ev;
  snprintf(r->text + used, sizeof(r->text) - used, "%s%s", used > 0 ? " " : "", name);
}

// A handler whose fn_data is a struct record.
static inline void recorder(struct mg_connection *c, int ev, void *ev_data) {
  record_event((struct record *) c->fn_data, ev, ev_data);
}

#define CHECK_EVENTS(record, expected)                                                    \
  do {                                                                                    \
    if (strcmp((record).text, (expected)) != 0) {                                         \
      failures++;                                                                         \
      fprintf(stderr, "%s:%d:\n  got      %s\n  expected %s\n", __FILE__, __LINE__,       \
              (record).text, (expected));                                                 \
    }                                                                                     \
  } while (0)

// The URL of a listener; the text is good until the next call but one.
static inline const char *url_of(const char *scheme, const struct mg_connection *listener) {
  static char urls[2][64];
  static int turn;
  turn = !turn;
  snprintf(urls[turn], sizeof(urls[turn]), "%s://%s:%d", scheme,
           listener->loc.is_ip6 ? "[::1]" : "127.0.0.1", mg_ntohs(listener->loc.port));
  return urls[turn];
}

static inline struct sockaddr_in loopback(uint16_t port_in_network_order) {
  struct sockaddr_in sin;
  memset(&sin, 0, sizeof(sin));
  sin.sin_family = AF_INET;
  sin.sin_port = port_in_network_order;
  sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sin;
}

// A plain socket that is connected to a TCP listener: the kernel does that before any accept.
// It takes in no more than some 128 KiB unread.
static inline int dial(const struct mg_connection *listener) {
  struct sockaddr_in sin = loopback(listener->loc.port);
  int room = 65536, fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) == 0);
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0);
  return fd;
}

// A plain socket that listens; its port goes to `url`.
static inline int plain_listener(char *url, size_t size) {
  struct sockaddr_in sin = loopback(0);
  socklen_t len = sizeof(sin);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0 && listen(fd, 128) == 0);
  CHECK(getsockname(fd, (struct sockaddr *) &sin, &len) == 0);
  snprintf(url, size, "tcp://127.0.0.1:%d", ntohs(sin.sin_port));
  return fd;
}

static inline void put(int fd, const char *bytes, size_t len) {
  CHECK(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t) len);
}

// Reads exactly `len` bytes while the manager polls.
static inline void read_all(struct mg_mgr *mgr, int fd, uint8_t *out, size_t len) {
  uint64_t until = machine_millis() + PATIENCE_MS;
  size_t used = 0;
  while (used < len && machine_millis() < until) {
    ssize_t n = recv(fd, out + used, len - used, MSG_DONTWAIT);
    CHECK(n != 0);
    if (n == 0) break;
    if (n > 0) used += (size_t) n;
    if (n < 0) mg_mgr_poll(mgr, 1);
  }
  CHECK(used == len);
}

// The text of a small file; it is good until the next call but one.
static inline struct mg_str small_file(const char *name) {
  static char texts[2][4000];
  static int turn;
  FILE *fp = fopen(name, "r");
  size_t n = fp == NULL ? 0 : fread(texts[!turn], 1, sizeof(texts[0]), fp);
  turn = !turn;
  CHECK(n > 0);
  if (fp != NULL) fclose(fp);
  return mg_str_n(texts[turn], n);
}

// Closes with RST instead of FIN.
static inline void reset(int fd) {
  struct linger hard = {1, 0};
  CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) == 0);
  close(fd);
}

static inline void nonblocking(int fd) {
  CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

// Some containers have no IPv6.
static inline bool has_ipv6(void) {
  struct sockaddr_in6 sin6;
  int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  bool has;
  memset(&sin6, 0, sizeof(sin6));
  sin6.sin6_family = AF_INET6;
  sin6.sin6_addr.s6_addr[15] = 1;
  has = fd >= 0 && bind(fd, (struct sockaddr *) &sin6, sizeof(sin6)) == 0;
  if (fd >= 0) close(fd);
  return has;
}

static inline bool under_valgrind(void) {
  const char *preloaded = getenv("LD_PRELOAD");
  return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

// How many descriptors this process has open.
static inline int count_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  int n = 0;
  CHECK(dir != NULL);
  while (dir != NULL && readdir(dir) != NULL) n++;
  if (dir != NULL) closedir(dir);
  return n;
}

#endif
