// The floor for echo servers: epoll, one recv, one send for a message, and nothing else.
//
//   echo_floor tcp|udp PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buf[65536];

static void die(const char *what) {
  perror(what);
  exit(EXIT_FAILURE);
}

static void watch(int poller, int fd) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.fd = fd;
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void echo_stream(int fd) {
  for (;;) {
    ssize_t n = recv(fd, buf, 16384, 0), sent = 0;
    if (n == 0 || (n < 0 && errno != EAGAIN)) close(fd);
    if (n <= 0) return;
    while (sent < n) {
      ssize_t k = send(fd, buf + sent, (size_t) (n - sent), MSG_NOSIGNAL);
      if (k < 0 && errno != EAGAIN) return;
      if (k > 0) sent += k;
    }
    if (n < 16384) return;
  }
}

static void echo_datagrams(int fd) {
  struct sockaddr_in from;
  socklen_t len = sizeof(from);
  ssize_t n;
  while ((n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *) &from, &len)) >= 0) {
    sendto(fd, buf, (size_t) n, 0, (struct sockaddr *) &from, len);
    len = sizeof(from);
  }
}

int main(int argc, char *argv[]) {
  struct epoll_event events[256];
  struct sockaddr_in address;
  int udp = argc == 3 && strcmp(argv[1], "udp") == 0, one = 1, fd, poller = epoll_create1(0);
  if (argc != 3) return fprintf(stderr, "usage: %s tcp|udp PORT\n", argv[0]), EXIT_FAILURE;
  fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short) atoi(argv[2]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(fd, (struct sockaddr *) &address, sizeof(address)) != 0) die("bind");
  if (!udp && listen(fd, 1024) != 0) die("listen");
  watch(poller, fd);
  for (;;) {
    int i, n = epoll_wait(poller, events, 256, -1);
    for (i = 0; i < n; i++) {
      if (events[i].data.fd != fd) {
        echo_stream(events[i].data.fd);
      } else if (udp) {
        echo_datagrams(fd);
      } else {
        int peer;
        while ((peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          setsockopt(peer, IPPROTO_TCP, 1, &one, sizeof(one));
          watch(poller, peer);
        }
      }
    }
  }
}
