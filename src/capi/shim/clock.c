// The clock of the library; a program may define its own.
#include <stdint.h>
#include <time.h>

uint64_t mg_millis(void);

__attribute__((weak)) uint64_t mg_millis(void) {
  struct timespec ts = {0, 0};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
