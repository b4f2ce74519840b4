// Packed files in the form of releases before 7.22: two functions of the program.
#include "check.h"
#include "mongoose.h"

static const char *paths[] = {"/d/one", "/two"};

const char *mg_unlist(size_t no) {
  return no < COUNT(paths) ? paths[no] : NULL;
}

const char *mg_unpack(const char *name, size_t *size, time_t *mtime) {
  if (strcmp(name, paths[0]) != 0 && strcmp(name, paths[1]) != 0) return NULL;
  if (size != NULL) *size = 3;
  if (mtime != NULL) *mtime = 5;
  return "abc";
}

static int n;
static void count(const char *name, void *param) {
  CHECK(strcmp(name, n++ == 0 ? "d" : "two") == 0);
  (void) param;
}

int main(void) {
  static const struct mg_mem_file table[] = {{"/new", (const unsigned char *) "n", 1, 0}, {NULL, NULL, 0, 0}};
  struct mg_str s = mg_unpacked("/d/one");
  size_t size = 0;
  time_t mtime = 0;
  CHECK(s.len == 3 && memcmp(s.buf, "abc", 3) == 0);
  CHECK(mg_unpacked("/nope").buf == NULL);
  CHECK(mg_fs_packed.st("/two", &size, &mtime) == 1 && size == 3 && mtime == 5);
  CHECK(mg_fs_packed.st("/d", NULL, NULL) == 4);
  mg_fs_packed.ls("/", count, NULL);
  CHECK(n == 2);
  // A table of today comes first.
  mg_mem_files = table;
  CHECK(mg_unpacked("/two").buf == NULL && mg_unpacked("/new").len == 1);
  return FAILURES;
}
