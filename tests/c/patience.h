// Waiting for what must happen, on a machine of any speed.
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdint.h>
#include <sys/syscall.h>

// Longer than any machine needs: how long to wait for what must happen. Under valgrind the first TLS
// handshake takes seconds of processor time.
#define PATIENCE_MS 60000

long syscall(long number, ...);  // -std=c99 hides it, and clocks.

// The machine's clock: patience does not depend on the one that the library is given.
static inline uint64_t machine_millis(void) {
  long now[2] = {0, 0};  // struct timespec
  (void) syscall(SYS_clock_gettime, 1L /* CLOCK_MONOTONIC */, now);
  return (uint64_t) now[0] * 1000 + (uint64_t) now[1] / 1000000;
}

// Polls until `condition` holds.
#define POLL_UNTIL(mgr, condition)                                                \
  do {                                                                            \
    uint64_t until_ = machine_millis() + PATIENCE_MS;                             \
    while (!(condition) && machine_millis() < until_) mg_mgr_poll((mgr), 5);      \
    CHECK(condition);                                                             \
  } while (0)

// So many polls suffice for `condition`: each may wait for the network, but for nothing else.
#define POLLS_SUFFICE(mgr, polls, condition)                                        \
  do {                                                                              \
    int left_ = (polls);                                                            \
    uint64_t until_ = machine_millis() + PATIENCE_MS;                               \
    while (!(condition) && left_-- > 0 && machine_millis() < until_) {              \
      mg_mgr_poll((mgr), PATIENCE_MS);                                              \
    }                                                                               \
    CHECK(condition);                                                               \
  } while (0)

#endif
