// mg_random when the kernel gives nothing: the device, then rand() and a line in the log.
#define _GNU_SOURCE  // openat
#include <errno.h>
#include <stdarg.h>

#include "check.h"
#include "mongoose.h"

static bool s_no_device, s_interrupted;
static char s_log[256];

// Overrides the C library's: the system call is not there.
ssize_t getrandom(void *buf, size_t len, unsigned flags);
ssize_t getrandom(void *buf, size_t len, unsigned flags) {
  (void) buf, (void) len, (void) flags;
  errno = s_interrupted ? EINTR : ENOSYS;
  s_interrupted = false;
  return -1;
}

int open(const char *path, int flags, ...) {
  (void) path;
  if (s_no_device) return -1;
  return openat(AT_FDCWD, "/dev/urandom", flags);
}

static void log_char(char ch, void *arg) {
  (void) arg;
  size_t len = strlen(s_log);
  if (len + 1 < sizeof(s_log)) s_log[len] = ch;
}

int main(void) {
  unsigned char a[64] = {0}, b[64] = {0};
  mg_log_set_fn(log_char, NULL);

  s_interrupted = true;
  CHECK(mg_random(a, sizeof(a)) && mg_random(b, sizeof(b)));
  CHECK(memcmp(a, b, sizeof(a)) != 0 && s_log[0] == '\0');

  s_no_device = true;
  CHECK(mg_random(a, 0) && mg_random(NULL, 0));
  srand(7);
  CHECK(!mg_random(a, sizeof(a)));
  srand(7);
  CHECK(!mg_random(b, sizeof(b)));
  CHECK(memcmp(a, b, sizeof(a)) == 0 && memcmp(a, a + 32, 32) != 0);
  CHECK(strstr(s_log, "Weak RNG: using rand()") != NULL);

  char text[20];
  mg_random_str(text, sizeof(text));
  CHECK(strlen(text) == sizeof(text) - 1);

  s_log[0] = '\0';
  mg_log_set(MG_LL_NONE);
  CHECK(!mg_random(a, sizeof(a)) && s_log[0] == '\0');
  return FAILURES;
}
