// Random bytes from the kernel; a program may define its own.
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/types.h>

bool mg_random(void *buf, size_t len);

__attribute__((weak)) bool mg_random(void *buf, size_t len) {
  unsigned char *p = (unsigned char *) buf;
  while (len > 0) {
    ssize_t n = getrandom(p, len, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    len -= (size_t) n;
  }
  return true;
}
