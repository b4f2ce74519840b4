// A multicast DNS listener whose datagrams come from the test and go to the test: they are put into
// its buffer, and a socket on loopback stands for the group.
#ifndef MDNS_H
#define MDNS_H

#include "loop.h"

struct group {
  struct mg_connection *c;
  int fd;        // what the group gets
  int asker_fd;  // what the asker gets, who has port 5353 of a loopback address of this process
  struct mg_addr asker;
};

static inline int udp_at(struct sockaddr_in *at) {
  socklen_t len = sizeof(*at);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(bind(fd, (struct sockaddr *) at, len) == 0 && getsockname(fd, (struct sockaddr *) at, &len) == 0);
  return fd;
}

static inline void send_to_test(struct group *g) {
  struct sockaddr_in at;
  socklen_t len = sizeof(at);
  CHECK(getsockname(g->fd, (struct sockaddr *) &at, &len) == 0);
  g->c->loc.addr.ip4 = at.sin_addr.s_addr, g->c->loc.port = at.sin_port;
}

static inline struct group group_open(struct mg_mgr *mgr, mg_event_handler_t fn, const char *host) {
  struct group g;
  struct sockaddr_in at = loopback(0);
  unsigned pid = (unsigned) getpid();
  memset(&g, 0, sizeof(g));
  g.c = mg_mdns_listen(mgr, fn, (void *) host);
  CHECK(g.c != NULL);
  g.fd = udp_at(&at);
  at.sin_port = htons(5353);
  at.sin_addr.s_addr = htonl(0x7f400000u | (pid & 0x3fffffu));
  g.asker_fd = udp_at(&at);
  g.asker.addr.ip4 = at.sin_addr.s_addr, g.asker.port = at.sin_port;
  if (g.c != NULL) send_to_test(&g);
  return g;
}

static inline void group_close(struct group *g) {
  close(g->fd);
  close(g->asker_fd);
}

// The listener receives a datagram.
static inline void deliver(struct mg_connection *c, const void *packet, size_t len, const struct mg_addr *from) {
  long n = (long) len;
  c->recv.len = 0;
  mg_iobuf_add(&c->recv, 0, packet, len);
  c->rem = *from;
  mg_call(c, MG_EV_READ, &n);
}

// Takes what was sent; 0 if nothing was. On loopback a datagram is there when send returns.
static inline size_t sent(int fd, uint8_t *out, size_t size) {
  ssize_t n = recv(fd, out, size, MSG_DONTWAIT);
  return n > 0 ? (size_t) n : 0;
}

#endif
