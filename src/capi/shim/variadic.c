// Stable Rust cannot define variadic functions. These turn "..." into a
// va_list and call the v-variant, and let Rust read arguments from a list.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

int mg_va_int(va_list *ap);
int mg_va_int(va_list *ap) {
  return va_arg(*ap, int);
}
