// A DNS server of plain sockets, which says exactly what a test wants it to say.
#ifndef NAMESERVER_H
#define NAMESERVER_H

#include "loop.h"

#define ADDRESS(a, b, c, d) "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" a b c d
#define HERE ADDRESS("\x7f", "\0", "\0", "\1")
#define NOWHERE ADDRESS("\xff", "\xff", "\xff", "\xff")  // connecting fails at once
#define HERE6 "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define ALIAS "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\x04\1x\xc0\x0c"

enum { POSITIVE = 0x8180, NEGATIVE = 0x8183, CUT = 0x8380 };

struct server {
  int fd;
  char url[64], stream_url[64];
  struct sockaddr_storage peer;
  uint8_t query[600];  // the newest
  size_t len;
};

static inline struct server server_open(bool ip6) {
  struct server s;
  struct sockaddr_storage at;
  socklen_t len = sizeof(at);
  struct timeval patience = {PATIENCE_MS / 1000, 0};
  uint16_t port;
  memset(&s, 0, sizeof(s));
  memset(&at, 0, sizeof(at));
  if (ip6) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &at;
    in6->sin6_family = AF_INET6;
    in6->sin6_addr.s6_addr[15] = 1;
  } else {
    struct sockaddr_in in = loopback(0);
    memcpy(&at, &in, sizeof(in));
  }
  s.fd = socket(at.ss_family, SOCK_DGRAM, 0);
  CHECK(bind(s.fd, (struct sockaddr *) &at, len) == 0);
  CHECK(getsockname(s.fd, (struct sockaddr *) &at, &len) == 0);
  CHECK(setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
  port = ntohs(((struct sockaddr_in *) &at)->sin_port);
  snprintf(s.url, sizeof(s.url), "udp://%s:%d", ip6 ? "[::1]" : "127.0.0.1", port);
  snprintf(s.stream_url, sizeof(s.stream_url), "tcp://%s:%d", ip6 ? "[::1]" : "127.0.0.1", port);
  return s;
}

// A socket that listens at 127.0.0.X, on the port of `web`, and is full: the kernel drops what else
// comes.
static inline int full_listener(const struct mg_connection *web, int x, int waiting[4]) {
  struct sockaddr_in at = loopback(web->loc.port);
  int fd = socket(AF_INET, SOCK_STREAM, 0), i;
  at.sin_addr.s_addr = htonl(0x7f000000u | (unsigned) x);
  CHECK(bind(fd, (struct sockaddr *) &at, sizeof(at)) == 0 && listen(fd, 0) == 0);
  for (i = 0; i < 4; i++) {
    waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
    nonblocking(waiting[i]);
    connect(waiting[i], (struct sockaddr *) &at, sizeof(at));
  }
  return fd;
}

// Whether a query waits; takes none.
static inline bool is_asked(const struct server *s) {
  char byte;
  return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

// Takes the next query.
static inline void take(struct server *s) {
  socklen_t len = sizeof(s->peer);
  ssize_t n = recvfrom(s->fd, s->query, sizeof(s->query), 0, (struct sockaddr *) &s->peer, &len);
  CHECK(n > 12);
  s->len = n > 12 ? (size_t) n : 0;
}

// An answer to `query`: its question, then `count` records.
static inline size_t reply(uint8_t *out, const uint8_t *query, size_t len, int flags, int count,
                           const char *records, size_t records_len) {
  memcpy(out, query, len);
  memcpy(out + len, records, records_len);
  out[2] = (uint8_t) (flags >> 8), out[3] = (uint8_t) flags;
  out[6] = 0, out[7] = (uint8_t) count;
  return len + records_len;
}

static inline void say(struct server *s, const void *packet, size_t len) {
  socklen_t to = s->peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  CHECK(sendto(s->fd, packet, len, 0, (struct sockaddr *) &s->peer, to) == (ssize_t) len);
}

// Answers the newest query.
#define ANSWER(s, flags, count, records)                                                              \
  do {                                                                                                \
    uint8_t out_[1200];                                                                               \
    say((s), out_, reply(out_, (s)->query, (s)->len, (flags), (count), records, sizeof(records) - 1)); \
  } while (0)

#endif
