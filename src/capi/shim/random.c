// Random bytes from the kernel; a program may define its own.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

bool mg_random(void *buf, size_t len);
void mg_log(const char *fmt, ...);
void mg_log_prefix(int level, const char *file, int line, const char *fname);
extern int mg_log_level;

static bool from_system_call(unsigned char *p, size_t len) {
  while (len > 0) {
    ssize_t n = getrandom(p, len, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    p += n;
    len -= (size_t) n;
  }
  return true;
}

// For kernels before 3.17, and sandboxes that forbid the system call.
static bool from_device(unsigned char *p, size_t len) {
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  while (len > 0) {
    ssize_t n = read(fd, p, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    p += n;
    len -= (size_t) n;
  }
  close(fd);
  return len == 0;
}

__attribute__((weak)) bool mg_random(void *buf, size_t len) {
  unsigned char *p = (unsigned char *) buf;
  if (from_system_call(p, len) || from_device(p, len)) return true;
  if (mg_log_level >= 1) {
    mg_log_prefix(1, __FILE__, __LINE__, __func__);
    mg_log("Weak RNG: using rand()");
  }
  while (len-- > 0) *p++ = (unsigned char) rand();
  return false;
}
