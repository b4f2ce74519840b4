// Checks for the C programs here: a failed one prints its place and text, and main() returns FAILURES.
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                         \
  do {                                                                           \
    if (!(condition)) {                                                          \
      failures++;                                                                \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
    }                                                                            \
  } while (0)

// For a row of a table: also prints which.
#define CHECK_ROW(condition, name)                                               \
  do {                                                                           \
    if (!(condition)) {                                                          \
      failures++;                                                                \
      fprintf(stderr, "%s:%d: [%s] %s\n", __FILE__, __LINE__, (name), #condition); \
    }                                                                            \
  } while (0)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FAILURES (failures == 0 ? 0 : 1)

#endif
