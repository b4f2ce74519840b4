// What the program was compiled with: nothing, unless it has a table of its own.
#include <stdint.h>

struct mg_option {
  int setting;
  int64_t value;
  const char *text;
};

extern const struct mg_option mg_options[];
__attribute__((weak)) const struct mg_option mg_options[1] = {{0, 0, (const char *) 0}};
