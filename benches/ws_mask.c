// What masking costs: a client's frames against a server's, which are the same without the mask, and
// against memcpy.
//
// Prints for each size: bytes, and nanoseconds for memcpy, for the server's frame, for the client's.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mongoose.h"

enum { ROUNDS = 200 };

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static void copy(struct mg_connection *c, const char *payload, size_t len) {
  memcpy(c->send.buf, payload, len);
  __asm__ volatile("" : : "r"(c->send.buf) : "memory");
}

static void frame(struct mg_connection *c, const char *payload, size_t len) {
  c->send.len = 0;
  mg_ws_send(c, payload, len, WEBSOCKET_OP_BINARY);
}

// The best of many short rounds: what else runs on the machine can only make it longer.
static double best(void (*fn)(struct mg_connection *, const char *, size_t), struct mg_connection *c,
                   const char *payload, size_t len) {
  int times = (int) (1 + 200000 / len), round, i;
  double least = 1e18;
  for (round = 0; round < ROUNDS; round++) {
    double start = now(), spent;
    for (i = 0; i < times; i++) fn(c, payload, len);
    spent = (now() - start) / times;
    if (spent < least) least = spent;
  }
  return least;
}

int main(void) {
  static const size_t sizes[] = {128, 4096, 65536, 1048576};
  size_t i;
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    char *payload = (char *) calloc(1, sizes[i]);
    struct mg_connection c;
    double memory, server, client;
    memset(&c, 0, sizeof(c));
    frame(&c, payload, sizes[i]);
    memory = best(copy, &c, payload, sizes[i]);
    server = best(frame, &c, payload, sizes[i]);
    c.is_client = 1;
    client = best(frame, &c, payload, sizes[i]);
    printf("%zu %.1f %.1f %.1f\n", sizes[i], memory, server, client);
    mg_iobuf_free(&c.send);
    free(payload);
  }
  return EXIT_SUCCESS;
}
