// The library takes the program's clock: it runs with the machine's, skips time, or stands still and
// is moved by hand. So a timeout that must fire is not waited for, and none fires on a slow machine.
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

#include "loop.h"

static uint64_t skipped;     // milliseconds
static uint64_t stopped_at;  // 0: the clock runs

uint64_t mg_millis(void) {
  struct timespec now;
  if (stopped_at > 0) return stopped_at;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000 + skipped;
}

static inline void stop_clock(void) {
  stopped_at = mg_millis();
}

static inline void start_clock(void) {
  stopped_at = 0;
}

// While the clock stands, patience is counted in polls.
#define TURN_UNTIL(mgr, condition)                                      \
  do {                                                                  \
    int turns_ = 0;                                                     \
    while (!(condition) && turns_++ < 20000) mg_mgr_poll((mgr), 1);     \
    CHECK(condition);                                                   \
  } while (0)

#endif
