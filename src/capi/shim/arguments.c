// What only C can do with a va_list: read the next argument, or copy the list.
// Hidden: these are for the library's own Rust code.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define HIDDEN __attribute__((visibility("hidden")))

typedef void (*mg_pfn_t)(char, void *);

HIDDEN int mg_va_int(va_list *ap);
HIDDEN long mg_va_long(va_list *ap);
HIDDEN int64_t mg_va_int64(va_list *ap);
HIDDEN double mg_va_double(va_list *ap);
HIDDEN void *mg_va_pointer(va_list *ap);
HIDDEN size_t mg_va_measure(const char *fmt, va_list *ap);
size_t mg_vxprintf(mg_pfn_t fn, void *arg, const char *fmt, va_list *ap);

int mg_va_int(va_list *ap) {
  return va_arg(*ap, int);
}

long mg_va_long(va_list *ap) {
  return va_arg(*ap, long);
}

int64_t mg_va_int64(va_list *ap) {
  return va_arg(*ap, int64_t);
}

double mg_va_double(va_list *ap) {
  return va_arg(*ap, double);
}

void *mg_va_pointer(va_list *ap) {
  return va_arg(*ap, void *);
}

// The length of a formatted text; leaves the list as it is.
size_t mg_va_measure(const char *fmt, va_list *ap) {
  size_t n;
  va_list copy;
  va_copy(copy, *ap);
  n = mg_vxprintf(NULL, NULL, fmt, &copy);
  va_end(copy);
  return n;
}
