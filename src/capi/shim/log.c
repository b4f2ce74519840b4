// The two functions of MG_ERROR, MG_INFO, MG_DEBUG and MG_VERBOSE; a
// program may define its own.
#include <stdarg.h>

#define HIDDEN __attribute__((visibility("hidden")))

void mg_vlog(const char *fmt, va_list *ap);
HIDDEN void mg_put_log_prefix(int level, const char *file, int line,
                              const char *fname);

void mg_log(const char *fmt, ...);
void mg_log_prefix(int level, const char *file, int line, const char *fname);

__attribute__((weak)) void mg_log(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  mg_vlog(fmt, &ap);
  va_end(ap);
}

__attribute__((weak)) void mg_log_prefix(int level, const char *file, int line,
                                         const char *fname) {
  mg_put_log_prefix(level, file, line, fname);
}
