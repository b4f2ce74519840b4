// Memory: programs may define these two themselves, and then theirs are used.
// Weak, and called through their exported names, so that this holds for the
// shared library (the executable's definition comes first) and the static one.
#include <stdlib.h>

void *mg_calloc(size_t count, size_t size);
void mg_free(void *ptr);

__attribute__((weak)) void *mg_calloc(size_t count, size_t size) {
  return calloc(count, size);
}

__attribute__((weak)) void mg_free(void *ptr) {
  free(ptr);
}
