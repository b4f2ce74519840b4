// The floor: the least that a server on epoll can do for a keep-alive request.
//
// One recv, one send of a fixed reply, a share of one epoll_wait. It parses nothing: whatever
// arrives counts as DEPTH requests (1 unless given). Its reply has the bytes of hello.c's reply.
// No HTTP server should be built like this; it is only what others are compared with.
//
//   floor PORT [DEPTH]
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY                                                        \
  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"            \
  "Content-Length: 27         \r\n\r\n{\"message\":\"Hello, World!\"}"

enum { MAX_DEPTH = 64, EVENTS = 256 };

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

// A read that does not fill the buffer has drained the socket, so no second recv follows.
static void serve(int fd, const char *reply, size_t len) {
  char buf[16384];
  ssize_t n;
  do {
    n = recv(fd, buf, sizeof(buf), 0);
    if (n > 0 && send(fd, reply, len, MSG_NOSIGNAL) != (ssize_t) len) n = 0;
  } while (n == (ssize_t) sizeof(buf));
  if (n == 0 || (n < 0 && errno != EAGAIN)) close(fd);
}

int main(int argc, char *argv[]) {
  int port = argc > 1 ? atoi(argv[1]) : 0, depth = argc > 2 ? atoi(argv[2]) : 1;
  static char reply[MAX_DEPTH * sizeof(REPLY)];
  struct epoll_event events[EVENTS];
  size_t len = 0;
  int poller, listener;
  if (port <= 0 || port > 65535 || depth < 1 || depth > MAX_DEPTH) {
    fprintf(stderr, "usage: %s PORT [DEPTH]\n", argv[0]);
    return EXIT_FAILURE;
  }
  for (; depth > 0; depth--, len += sizeof(REPLY) - 1) memcpy(reply + len, REPLY, sizeof(REPLY) - 1);
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
        serve(events[i].data.fd, reply, len);
      }
    }
  }
  return EXIT_SUCCESS;
}
