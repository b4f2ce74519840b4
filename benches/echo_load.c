// Load for echo servers: each connection sends a message and waits for it to come back.
//
//   echo_load tcp|udp PORT BYTES CONNECTIONS SECONDS
//
// Prints the number of messages that came back.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

static char buf[65536];
static size_t pending[1024];  // bytes that are still to come back, by descriptor

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

int main(int argc, char *argv[]) {
  struct epoll_event events[256];
  struct sockaddr_in address;
  int udp, connections, i, poller = epoll_create1(0);
  size_t bytes;
  unsigned long messages = 0;
  double end;
  if (argc != 6) return fprintf(stderr, "usage: %s tcp|udp PORT BYTES CONNECTIONS SECONDS\n", argv[0]), EXIT_FAILURE;
  udp = strcmp(argv[1], "udp") == 0;
  bytes = (size_t) atoi(argv[3]);
  connections = atoi(argv[4]);
  if (bytes > sizeof(buf) || connections > 900) return EXIT_FAILURE;
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short) atoi(argv[2]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (i = 0; i < connections; i++) {
    struct epoll_event event;
    int one = 1, fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0) return perror("connect"), EXIT_FAILURE;
    if (!udp) setsockopt(fd, IPPROTO_TCP, 1, &one, sizeof(one));
    memset(&event, 0, sizeof(event));
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    pending[fd] = bytes;
    if (send(fd, buf, bytes, 0) != (ssize_t) bytes) return perror("send"), EXIT_FAILURE;
  }
  end = now() + atof(argv[5]);
  while (now() < end) {
    int n = epoll_wait(poller, events, 256, 100);
    for (i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      ssize_t got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
      if (got <= 0) continue;
      pending[fd] -= (size_t) got < pending[fd] ? (size_t) got : pending[fd];
      if (pending[fd] == 0) {
        messages++;
        pending[fd] = bytes;
        if (send(fd, buf, bytes, 0) != (ssize_t) bytes) return perror("send"), EXIT_FAILURE;
      }
    }
  }
  printf("%lu\n", messages);
  return EXIT_SUCCESS;
}
