// The library takes the program's clock: it runs with the machine's, skips time, or stops and
// is moved by hand. So a timeout that must fire is not waited for, and none fires on a slow machine.
#ifndef CLOCK_H
#define CLOCK_H

#include "loop.h"

static uint64_t skipped;     // milliseconds
static uint64_t stopped_at;  // 0: the clock runs

uint64_t mg_millis(void) {
  return stopped_at > 0 ? stopped_at : machine_millis() + skipped;
}

static inline void stop_clock(void) {
  stopped_at = mg_millis();
}

static inline void start_clock(void) {
  stopped_at = 0;
}

#endif
