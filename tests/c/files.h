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

#endif
