// The table of a program of the misuse matrix, from the file of rows that it calls ROWS.
#ifndef MISUSE_ROWS_H
#define MISUSE_ROWS_H

#define ROW(function, kind, ...) \
  static void call_##function(void) { __VA_ARGS__; }
#include ROWS
#undef ROW

static const struct row rows[] = {
#define ROW(function, kind, ...) {#function, kind, call_##function},
#include ROWS
#undef ROW
};

#endif
