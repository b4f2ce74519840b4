// A program that defines the log functions itself gets the library's lines, too.
#include "check.h"
#include "mongoose.h"

static int prefixes, lines;

void mg_log_prefix(int level, const char *file, int line, const char *fname) {
  prefixes++;
  CHECK(level == MG_LL_ERROR && file[0] != '\0' && line > 0 && fname != NULL);
}

void mg_log(const char *fmt, ...) {
  char text[200];
  va_list ap;
  va_start(ap, fmt);
  CHECK(mg_vsnprintf(text, sizeof(text), fmt, &ap) > 0);
  va_end(ap);
  lines++;
}

int main(void) {
  struct mg_mgr mgr;
  mg_log_set(MG_LL_ERROR);
  mg_mgr_init(&mgr);
  MG_ERROR(("%d", 1));
  CHECK(prefixes == 1 && lines == 1);
  CHECK(mg_listen(&mgr, "invalid:31:14", NULL, NULL) == NULL);
  CHECK(prefixes > 1 && lines == prefixes);
  mg_log_set(MG_LL_NONE);
  lines = 0;
  mg_mgr_free(&mgr);
  CHECK(lines == 0);
  return FAILURES;
}
