// Load for WebSocket servers, and what it measured as one line of JSON.
//
//   ws_load echo PORT BYTES CONNECTIONS SECONDS
//     Each connection sends a text message of BYTES and waits until it has come back.
//   ws_load broadcast PORT BYTES CONNECTIONS SECONDS RATE
//     The first connection sends RATE binary messages a second, which the server sends to everyone.
//     Times are from the call of send to the end of the frame at each connection.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <time.h>

#define REQUEST                                                                            \
  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

enum { EVENTS = 256, BYTES_MAX = 60000, HEADER_MAX = 8 };

struct peer {
  int fd;
  size_t have;             // bytes of the frame that is coming
  uint64_t sent;           // when its message was sent, in nanoseconds
  unsigned char stamp[8];  // the same, from the first bytes of the payload of a broadcast
};

static struct peer *peers;
static unsigned char frame[HEADER_MAX + BYTES_MAX];
static size_t bytes, frame_len, answer_head;
static uint32_t *times;  // in microseconds
static size_t times_len, times_room;

static uint64_t now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(EXIT_FAILURE);
}

static void note(uint64_t nanoseconds) {
  if (times_len == times_room) {
    times_room = times_room ? times_room * 2 : 1 << 16;
    times = (uint32_t *) realloc(times, times_room * sizeof(*times));
    if (times == NULL) die("realloc");
  }
  times[times_len++] = (uint32_t) (nanoseconds / 1000);
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;
  return (x > y) - (x < y);
}

static uint32_t percentile(double p) {
  return times_len == 0 ? 0 : times[(size_t) ((double) (times_len - 1) * p / 100)];
}

static int dial(int port) {
  struct sockaddr_in address;
  char response[4096];
  size_t len = 0;
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short) port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) < 0) die("send");
  while (len < 4 || memcmp(response + len - 4, "\r\n\r\n", 4) != 0) {
    if (len == sizeof(response) || recv(fd, response + len, 1, 0) != 1) die("no response");
    len++;
  }
  if (len < 12 || memcmp(response + 9, "101", 3) != 0) die("not upgraded");
  return fd;
}

// A masked frame. Its key is zeros, which the server cannot know.
static void make_frame(int first) {
  size_t i, n = 0;
  frame[n++] = (unsigned char) first;
  if (bytes < 126) {
    frame[n++] = (unsigned char) (128 | bytes);
  } else {
    frame[n++] = 128 | 126;
    frame[n++] = (unsigned char) (bytes >> 8);
    frame[n++] = (unsigned char) bytes;
  }
  answer_head = n;
  memset(frame + n, 0, 4);
  n += 4;
  for (i = 0; i < bytes; i++) frame[n + i] = (unsigned char) ('a' + i % 26);
  frame_len = n + bytes;
}

static void submit(struct peer *p) {
  p->sent = now();
  if (send(p->fd, frame, frame_len, MSG_NOSIGNAL) != (ssize_t) frame_len) die("send");
}

// Takes in what came. Notes the time of each frame that ends with it.
static void take(struct peer *p, int broadcast) {
  static unsigned char buf[65536];
  ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);
  size_t at = 0;
  if (n == 0) die("the server closed");
  while (n > 0 && at < (size_t) n) {
    size_t rest = answer_head + bytes - p->have, run = (size_t) n - at < rest ? (size_t) n - at : rest, k;
    for (k = 0; k < run && p->have + k < answer_head + 8; k++) {
      if (p->have + k >= answer_head) p->stamp[p->have + k - answer_head] = buf[at + k];
    }
    p->have += run;
    at += run;
    if (p->have == answer_head + bytes) {
      p->have = 0;
      if (broadcast) memcpy(&p->sent, p->stamp, 8);
      note(now() - p->sent);
      if (!broadcast) submit(p);
    }
  }
}

int main(int argc, char *argv[]) {
  struct epoll_event events[EVENTS];
  struct rlimit limit;
  int poller = epoll_create1(0), broadcast, connections, i;
  unsigned long sent = 0, wanted;
  double seconds, rate = 0;
  uint64_t start, end, interval = 0;
  if (argc < 6 || (broadcast = strcmp(argv[1], "broadcast") == 0) != (argc == 7)) {
    fprintf(stderr, "usage: %s echo|broadcast PORT BYTES CONNECTIONS SECONDS [RATE]\n", argv[0]);
    return EXIT_FAILURE;
  }
  bytes = (size_t) atoi(argv[3]);
  connections = atoi(argv[4]);
  seconds = atof(argv[5]);
  if (broadcast) rate = atof(argv[6]);
  if (bytes < 8 || bytes > BYTES_MAX || connections < 1 || seconds <= 0) return EXIT_FAILURE;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  make_frame(broadcast ? 0x82 : 0x81);
  peers = (struct peer *) calloc((size_t) connections, sizeof(*peers));
  if (peers == NULL) die("calloc");
  for (i = 0; i < connections; i++) {
    struct epoll_event event;
    memset(&event, 0, sizeof(event));
    peers[i].fd = dial(atoi(argv[2]));
    event.events = EPOLLIN;
    event.data.ptr = &peers[i];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, peers[i].fd, &event) != 0) die("epoll_ctl");
  }
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) return EXIT_FAILURE;  // the process that measures CPU time says when to start
  start = now();
  end = start + (uint64_t) (seconds * 1e9);
  wanted = (unsigned long) (seconds * rate);
  if (broadcast) {
    interval = (uint64_t) (1e9 / rate);
  } else {
    for (i = 0; i < connections; i++) submit(&peers[i]);
  }
  for (;;) {
    uint64_t at = now();
    int n, timeout = 100;
    if (broadcast) {
      uint64_t due = start + sent * interval;
      if (times_len == (size_t) wanted * (size_t) connections || at > end + 10000000000u) break;
      if (sent < wanted && at >= due) {
        memcpy(frame + answer_head + 4, &at, 8);
        submit(&peers[0]);
        sent++;
        continue;
      }
      if (sent < wanted) timeout = due - at > 1000000 ? 1 : 0;
    } else if (at >= end) {
      break;
    }
    n = epoll_wait(poller, events, EVENTS, timeout);
    for (i = 0; i < n; i++) take((struct peer *) events[i].data.ptr, broadcast);
  }
  seconds = (double) (now() - start) / 1e9;
  qsort(times, times_len, sizeof(*times), by_value);
  printf("{\"messages\": %zu, \"lost\": %zu, \"seconds\": %.4f, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n",
         times_len, broadcast ? (size_t) wanted * (size_t) connections - times_len : 0, seconds, percentile(50),
         percentile(99), percentile(100));
  return EXIT_SUCCESS;
}
