// Preloaded into a program: moves its clock by the seconds that the file $CLOCK_SHIFT holds.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now) {
  const char *path = getenv("CLOCK_SHIFT");
  FILE *f = path != NULL && id == CLOCK_REALTIME ? fopen(path, "r") : NULL;
  long shift = 0;
  if (f != NULL) {
    if (fscanf(f, "%ld", &shift) != 1) shift = 0;
    fclose(f);
  }
  if (syscall(SYS_clock_gettime, id, now) != 0) return -1;
  now->tv_sec += shift;
  return 0;
}
