// The log: prefix, lines, dumps, levels, sinks.
#include "check.h"
#include "mongoose.h"

static char text[1000];
static size_t len;

static void sink(char ch, void *param) {
  CHECK(param == text);
  if (len < sizeof(text)) text[len++] = ch;
}

// What was logged since the last call.
static const char *logged(void) {
  text[len < sizeof(text) ? len : sizeof(text) - 1] = '\0';
  len = 0;
  return text;
}

// A clock of this program: the library must use it.
uint64_t mg_millis(void) {
  return 0x15b9fe;
}

static void prefix(const char *wanted, int level, const char *file, int line, const char *name) {
  mg_log_prefix(level, file, line, name);
  CHECK_ROW(len == 40, wanted);
  CHECK_ROW(strcmp(logged(), wanted) == 0, wanted);
}

static void prefixes(void) {
  prefix("15b9fe 2 file.c:74:fn                   ", 2, "/a/b/file.c", 74, "fn");
  prefix("15b9fe 1 file.c:1:                      ", 1, "file.c", 1, "");
  prefix("15b9fe 1 file.c:1:f                     ", 1, "a\\b\\file.c", 1, "f");
  prefix("15b9fe 1 b\\file.c:1:f                   ", 1, "a/b\\file.c", 1, "f");
  prefix("15b9fe 10 x.c:123456:f                  ", 10, "x.c", 123456, "f");
  prefix("15b9fe 3 a_quite_long_file_name.c:12345 ", 3, "a_quite_long_file_name.c", 12345, "f");
  prefix("15b9fe 1 x.c:3:ffffffffffffffffffffffff ", 1, "x.c", 3, "fffffffffffffffffffffffffffffffff");
  prefix("15b9fe 1 :7:                            ", 1, NULL, 7, NULL);
}

static int evaluated(void) {
  static int times;
  return ++times;
}

static void lines(void) {
  mg_log("%s", "");
  CHECK(strcmp(logged(), "\r\n") == 0);
  mg_log("a\nb %d %M", 5, MG_ESC("\""));
  CHECK(strcmp(logged(), "a\nb 5 \\\"\r\n") == 0);
  mg_log_set(MG_LL_INFO);
  CHECK(mg_log_level == 2);
  MG_INFO(("err %d", evaluated()));
  CHECK(strncmp(text, "15b9fe 2 log.c:", 15) == 0 && strcmp(logged() + 40, "err 1\r\n") == 0);
  MG_DEBUG(("%d", evaluated()));
  MG_VERBOSE(("%d", evaluated()));
  CHECK(len == 0);
  MG_ERROR(("%d", evaluated()));
  CHECK(strcmp(logged() + 40, "2\r\n") == 0);
  mg_log_level = -7;
  MG_ERROR(("%d", evaluated()));
  CHECK(len == 0 && evaluated() == 3);
}

// The library's own lines take the same way, and obey the level that the program has set.
static void lines_of_the_library(void) {
  struct mg_mgr mgr;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  CHECK(mg_http_listen(&mgr, "invalid:31:14", NULL, NULL) == NULL && len == 0);
  mg_log_set(MG_LL_ERROR);
  CHECK(mg_http_listen(&mgr, "invalid:31:14", NULL, NULL) == NULL && len > 42);
  CHECK(strncmp(text, "15b9fe 1 ", 9) == 0 && strcmp(text + len - 2, "\r\n") == 0);
  mg_log_set(MG_LL_NONE);
  mg_mgr_free(&mgr);
  logged();
}

static void dumps(void) {
  mg_log_set(MG_LL_NONE);
  mg_hexdump("0123456789abcdefg", 17);
  CHECK(len == 150);
  CHECK(strncmp(logged(), "0000   30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66   0123456789abcdef\r\n", 75) == 0);
  CHECK(strncmp(text + 75, "0010   67 ", 10) == 0 && strcmp(text + 132, "g               \r\n") == 0);
  mg_hexdump(NULL, 0);
  CHECK(len == 68 && strcmp(logged() + 66, "\r\n") == 0);
}

// Without a function, and at the start: standard output, which the program shares.
static void standard_output(void) {
  char line[200] = "";
  FILE *f;
  CHECK(freopen("stdout.txt", "w", stdout) != NULL);
  mg_log_set_fn(NULL, NULL);
  printf("before ");
  mg_log("%s", "between");
  mg_pfn_stdout('x', NULL);
  mg_xprintf(mg_pfn_stdout, NULL, "%d\n", 5);
  fflush(stdout);
  f = fopen("stdout.txt", "r");
  CHECK(f != NULL && fread(line, 1, sizeof(line) - 1, f) > 0);
  CHECK(strcmp(line, "before between\r\nx5\n") == 0);
  if (f != NULL) fclose(f);
}

int main(void) {
  CHECK(mg_log_level == MG_LL_DEBUG);
  mg_log_set_fn(sink, text);
  prefixes();
  lines();
  lines_of_the_library();
  dumps();
  standard_output();
  return FAILURES;
}
