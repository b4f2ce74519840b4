// The floor: the least that a server on epoll can do to echo a WebSocket message.
//
// One recv, the mask taken off, one send, a share of one epoll_wait. It checks nothing, knows no
// fragments, no control frames and no message that comes in two reads, and its handshake is always
// the same. No server should be built like this; it is only what others are compared with.
//
//   ws_floor PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSE                                                                  \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade" \
  "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

enum { EVENTS = 256, ROOM = 16384 };

static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void) number;
  stop = 1;
}

static void die(const char *what) {
  perror(what);
  exit(EXIT_FAILURE);
}

static int listen_on(int port) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short) port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0) die("bind");
  if (listen(fd, 1024) != 0) die("listen");
  return fd;
}

static void watch(int poller, int fd, unsigned events) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void accept_all(int poller, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) break;
    watch(poller, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

// Turns the masked frames in buf into frames of a server, in place; returns their length.
static size_t echo(unsigned char *buf, size_t len) {
  size_t at = 0, out = 0;
  while (at + 6 <= len) {
    size_t head = (buf[at + 1] & 127) == 126 ? 4 : 2;
    size_t payload = head == 4 ? (size_t) buf[at + 2] << 8 | buf[at + 3] : buf[at + 1] & 127u;
    unsigned char mask[4];
    size_t i;
    memcpy(mask, buf + at + head, 4);
    buf[at + 1] &= 127;
    memmove(buf + out, buf + at, head);
    for (i = 0; i < payload; i++) buf[out + head + i] = buf[at + head + 4 + i] ^ mask[i & 3];
    out += head + payload;
    at += head + 4 + payload;
  }
  return out;
}

// A read that does not fill the buffer has drained the socket, so no second recv follows.
static void serve(int fd) {
  static unsigned char buf[ROOM];
  ssize_t n = recv(fd, buf, sizeof(buf), 0);
  if (n > 3 && memcmp(buf, "GET", 3) == 0) {
    if (send(fd, RESPONSE, sizeof(RESPONSE) - 1, MSG_NOSIGNAL) < 0) n = 0;
  } else if (n > 0) {
    size_t len = echo(buf, (size_t) n);
    if (send(fd, buf, len, MSG_NOSIGNAL) != (ssize_t) len) n = 0;
  }
  if (n == 0 || (n < 0 && errno != EAGAIN)) close(fd);
}

int main(int argc, char *argv[]) {
  int port = argc > 1 ? atoi(argv[1]) : 0;
  struct epoll_event events[EVENTS];
  int poller, listener;
  if (port <= 0 || port > 65535) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return EXIT_FAILURE;
  }
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  listener = listen_on(port);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("epoll_create1");
  watch(poller, listener, EPOLLIN);
  while (!stop) {
    int i, n = epoll_wait(poller, events, EVENTS, 100);
    for (i = 0; i < n; i++) {
      if (events[i].data.fd == listener) {
        accept_all(poller, listener);
      } else if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        serve(events[i].data.fd);
      }
    }
  }
  return EXIT_SUCCESS;
}
