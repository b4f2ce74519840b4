// Files and directories for tests. To be included first.
#ifndef FILES_H
#define FILES_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE  // symlink, mkfifo, utime
#endif

#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#include "check.h"

// Makes a file that was changed at a known time.
static inline void put_bytes(const char *path, const void *bytes, size_t len) {
  struct utimbuf times = {1700000000, 1700000000};
  FILE *f = fopen(path, "wb");
  CHECK_ROW(f != NULL, path);
  if (f == NULL) return;
  CHECK(fwrite(bytes, 1, len, f) == len);
  fclose(f);
  utime(path, &times);
}

static inline void put(const char *path, const char *text) {
  put_bytes(path, text, strlen(text));
}

static inline void put_dir(const char *path) {
  CHECK_ROW(mkdir(path, 0755) == 0, path);
}

// Bytes of resident memory; 0 under ASan, which keeps what was released.
static inline size_t memory(void) {
#ifdef __SANITIZE_ADDRESS__
  return 0;
#else
  long size = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  CHECK(f != NULL && fscanf(f, "%ld %ld", &size, &resident) == 2);
  if (f != NULL) fclose(f);
  return (size_t) resident * (size_t) sysconf(_SC_PAGESIZE);
#endif
}

#endif
