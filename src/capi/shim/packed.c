// Packed files in the form of releases before 7.22: two functions that the
// program may have. Weak references, so that it need not.
#include <stddef.h>
#include <time.h>

#define HIDDEN __attribute__((visibility("hidden")))

__attribute__((weak)) extern const char *mg_unpack(const char *name, size_t *size, time_t *mtime);
__attribute__((weak)) extern const char *mg_unlist(size_t no);

HIDDEN const char *mg_old_unlist(size_t no);
const char *mg_old_unlist(size_t no) {
  return mg_unlist != NULL && mg_unpack != NULL ? mg_unlist(no) : NULL;
}

HIDDEN const char *mg_old_unpack(const char *name, size_t *size, time_t *mtime);
const char *mg_old_unpack(const char *name, size_t *size, time_t *mtime) {
  return mg_unlist != NULL && mg_unpack != NULL ? mg_unpack(name, size, mtime) : NULL;
}
