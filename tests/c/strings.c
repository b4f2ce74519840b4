// Views, comparing, matching, splitting, numbers, paths, base64.
#include "check.h"
#include "mongoose.h"

static const struct mg_str nothing = {NULL, 0};

// A copy of exactly the right size, so that a read past the end is seen by the sanitizer.
static struct mg_str exact(const char *text, size_t len) {
  char *copy = (char *) malloc(len > 0 ? len : 1);
  memcpy(copy, text, len);
  return mg_str_n(copy, len);
}

static void views(void) {
  struct mg_str s = mg_str("abc"), copy;
  CHECK(s.len == 3 && mg_str_s("").len == 0);
  s = mg_str(NULL);
  CHECK(s.buf == NULL && s.len == 0);
  s = mg_str_n("a\0b", 3);
  CHECK(s.len == 3 && s.buf[2] == 'b');
  copy = mg_strdup(s);
  CHECK(copy.len == 3 && copy.buf != s.buf && memcmp(copy.buf, "a\0b", 4) == 0);
  mg_free(copy.buf);
  copy = mg_strdup(mg_str(""));
  CHECK(copy.buf == NULL && copy.len == 0);
  copy = mg_strdup(mg_str_n(NULL, 5));
  CHECK(copy.buf == NULL && copy.len == 0);
}

static void comparing(void) {
  CHECK(mg_strcmp(mg_str(""), nothing) == 0);
  CHECK(mg_strcmp(mg_str("a"), mg_str("b")) == -1);
  CHECK(mg_strcmp(mg_str("b"), mg_str("a")) == 1);
  CHECK(mg_strcmp(mg_str("ab"), mg_str("abc")) == -1);
  CHECK(mg_strcmp(mg_str("abc"), mg_str("ab")) == 1);
  CHECK(mg_strcmp(mg_str("hi"), mg_str("hi")) == 0);
  CHECK(mg_strcmp(mg_str_n("a\0b", 3), mg_str_n("a\0c", 3)) == -1);
  CHECK(mg_strcmp(mg_str("\x80"), mg_str("a")) == 1);
  CHECK(mg_strcasecmp(mg_str(""), nothing) == 0);
  CHECK(mg_strcasecmp(mg_str("a"), mg_str("B")) == -1);
  CHECK(mg_strcasecmp(mg_str("b"), mg_str("A")) == 1);
  CHECK(mg_strcasecmp(mg_str("hi"), mg_str("HI")) == 0);
  CHECK(mg_strcasecmp(mg_str("["), mg_str("a")) == -1);
  CHECK(mg_strcasecmp(mg_str("_"), mg_str("A")) == -1);
  CHECK(mg_casecmp("", "") == 0);
  CHECK(mg_casecmp("", "1") == -49);
  CHECK(mg_casecmp("a", "A") == 0);
  CHECK(mg_casecmp("a1", "A") == 49);
  CHECK(mg_casecmp("a", "A1") == -49);
  CHECK(mg_casecmp("a", "B") == -1);
  CHECK(mg_casecmp("Z", "a") == 25);
  CHECK(mg_casecmp(NULL, "") == 0);
}

// Captures are separated by `|`; "-" stands for no match.
static void match(const char *pattern, const char *text, const char *wanted) {
  struct mg_str caps[8], p = exact(pattern, strlen(pattern)), s = exact(text, strlen(text));
  char got[100] = "";
  size_t i, wilds = 0;
  for (i = 0; i < p.len; i++) wilds += strchr("?*#", p.buf[i]) != NULL;
  for (i = 0; i < COUNT(caps); i++) caps[i] = mg_str("untouched");
  if (!mg_match(s, p, caps)) {
    mg_snprintf(got, sizeof(got), "-");
  } else {
    bool terminated = p.len == 0 || strchr("*#", p.buf[p.len - 1]) == NULL;
    size_t n = 0;
    for (i = 0; i < wilds; i++) {
      CHECK_ROW(caps[i].buf >= s.buf && caps[i].buf + caps[i].len <= s.buf + s.len, pattern);
      n += mg_snprintf(got + n, sizeof(got) - n, "%.*s|", caps[i].len, caps[i].buf);
    }
    if (terminated) CHECK_ROW(caps[wilds].buf == NULL && caps[wilds].len == 0, pattern);
    if (!terminated) wilds--;
    for (i = wilds + 1; i < COUNT(caps); i++) CHECK_ROW(mg_strcmp(caps[i], mg_str("untouched")) == 0, pattern);
  }
  if (strcmp(got, wanted) != 0) fprintf(stderr, "%s %s: %s\n", pattern, text, got);
  CHECK_ROW(strcmp(got, wanted) == 0, pattern);
  CHECK_ROW(mg_match(s, p, NULL) == (wanted[0] != '-'), pattern);
  free(s.buf);
  free(p.buf);
}

static void matching(void) {
  struct mg_str caps[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
  match("", "", "");
  match("*", "a", "a|");
  match("*", "ab", "ab|");
  match("", "a", "-");
  match("/", "/foo", "-");
  match("/*/foo", "/x/bar", "-");
  match("/*/foo", "/x/foo", "x|");
  match("/*/foo", "/x/foox", "-");
  match("/*/foo*", "/x/foox", "x|x|");
  match("/*", "/abc", "abc|");
  match("/*", "/ab/", "-");
  match("/*", "/", "|");
  match("/x/*", "/x/2", "2|");
  match("/x/*", "/x/2/foo", "-");
  match("/x/*/*", "/x/2/foo", "2|foo|");
  match("#", "///", "///|");
  match("/api/*", "/api/foo", "foo|");
  match("/api/*", "/api/log/static", "-");
  match("/api/#", "/api/log/static", "log/static|");
  match("#.shtml", "/ssi/index.shtml", "/ssi/index|");
  match("#.shtml", "./ssi/index.shtml", "./ssi/index|");
  match("#.c", ".c", "|");
  match("#.c", "a.c", "a|");
  match("#.c", "..c", ".|");
  match("#.c", "/.c", "/|");
  match("#.c", "//a.c", "//a|");
  match("#.c", "x/a.c", "x/a|");
  match("#.c", "./a.c", "./a|");
  match("abc", "ab", "-");
  match("#aa#bb#", "caabba", "c||a|");
  match("#aa#bb#", "caabxa", "-");
  match("a*b*c", "a__b_c", "__|_|");
  match("#", "abc", "abc|");
  match("#a", "a", "|");
  match("#a#b", ".aa..b...b", ".|a..b...|");
  match("/*/*", "/foo/bar", "foo|bar|");
  match("?#", "abc", "a|bc|");
  match("?*", "a*c", "a|*c|");
  match("*gzip*", "g", "-");
  match("#href=\"#\"#", "<a href=\"u\">t</a>", "<a |u|>t</a>|");
  CHECK(mg_match(nothing, mg_str("*"), caps) && caps[0].buf == NULL && caps[0].len == 0);
  CHECK(mg_match(mg_str_n("a\0b", 3), mg_str("a?b"), caps) && caps[0].len == 1 && caps[1].buf == NULL);
  CHECK(mg_match(mg_str("x"), mg_str("x"), caps) && mg_strcmp(caps[0], mg_str("")) == 0);
}

static void splitting(void) {
  struct mg_str s = mg_str("aa.bb.cc"), a, b, entry;
  size_t n = 0;
  CHECK(mg_span(s, &a, &b, '.') && mg_strcmp(a, mg_str("aa")) == 0 && b.buf == s.buf + 3 && b.len == 5);
  CHECK(mg_span(s, &a, NULL, '.') && mg_strcmp(a, mg_str("aa")) == 0);
  CHECK(mg_span(s, NULL, &b, '.') && mg_strcmp(b, mg_str("bb.cc")) == 0);
  CHECK(mg_span(s, NULL, NULL, '.'));
  CHECK(mg_span(s, &a, &b, ',') && a.len == 8 && b.buf == s.buf + 8 && b.len == 0);
  CHECK(mg_span(s, &a, &s, '.') && mg_strcmp(s, mg_str("bb.cc")) == 0);
  CHECK(mg_span(s, &s, &b, '.') && mg_strcmp(s, mg_str("bb")) == 0 && mg_strcmp(b, mg_str("cc")) == 0);
  a = b = mg_str("x");
  CHECK(!mg_span(mg_str(""), &a, &b, '.') && a.len == 1 && b.len == 1);
  CHECK(!mg_span(nothing, &a, NULL, '.') && !mg_span(nothing, NULL, &b, '.'));
  CHECK(!mg_span(nothing, NULL, NULL, '.'));
  s = mg_str("a=333,b=777,hello,");
  while (mg_span(s, &entry, &s, ',')) {
    static const char *keys[] = {"a", "b", "hello"}, *values[] = {"333", "777", ""};
    CHECK(n < 3 && mg_span(entry, &a, &b, '='));
    CHECK(mg_strcmp(a, mg_str(keys[n])) == 0 && mg_strcmp(b, mg_str(values[n])) == 0);
    n++;
  }
  CHECK(n == 3);
}

static void numbers(void) {
  char text[70];
  uint8_t u8 = 1;
  uint16_t u16 = 1;
  uint32_t u32 = 1;
  uint64_t u64 = 1;
  size_t size = 1;
  struct {
    char before, value[8], after;
  } odd = {'#', "", '#'};
  mg_snprintf(text, sizeof(text), "%llu", (uint64_t) -1);
  CHECK(mg_str_to_num(mg_str(text), 10, &u64, sizeof(u64)) && u64 == (uint64_t) -1);
  mg_snprintf(text, sizeof(text), "%llx", (uint64_t) -1);
  CHECK(mg_str_to_num(mg_str(text), 16, &u64, sizeof(u64)) && u64 == (uint64_t) -1);
  mg_snprintf(text, sizeof(text), "%u", (uint32_t) -1);
  CHECK(mg_str_to_num(mg_str(text), 10, &u32, sizeof(u32)) && u32 == (uint32_t) -1);
  mg_snprintf(text, sizeof(text), "%x", (uint16_t) -1);
  CHECK(mg_str_to_num(mg_str(text), 16, &u16, sizeof(u16)) && u16 == (uint16_t) -1);
  CHECK(mg_str_to_num(mg_str("11111111"), 2, &u8, sizeof(u8)) && u8 == 255);
  CHECK(!mg_str_to_num(mg_str("256"), 10, &u8, sizeof(u8)) && u8 == 255);
  CHECK(!mg_str_to_num(mg_str("65536"), 10, &u16, sizeof(u16)) && u16 == 65535);
  CHECK(!mg_str_to_num(mg_str("4294967296"), 10, &u32, sizeof(u32)) && u32 == (uint32_t) -1);
  CHECK(!mg_str_to_num(mg_str("18446744073709551616"), 10, &u64, sizeof(u64)));
  CHECK(!mg_str_to_num(mg_str("1"), 10, &u64, 0) && !mg_str_to_num(mg_str("1"), 10, &u64, 3));
  CHECK(!mg_str_to_num(mg_str("1"), 10, &u64, 16) && !mg_str_to_num(nothing, 10, &u64, 8));
  CHECK(mg_str_to_num(mg_str("0x123"), 0, &u64, 8) && u64 == 0x123);
  CHECK(mg_str_to_num(mg_str("1"), 10, odd.value, 4));
  CHECK(odd.before == '#' && odd.after == '#' && odd.value[4] == 0);
  CHECK(mg_to_size_t(mg_str(" 123 \t"), &size) && size == 123);
  CHECK(!mg_to_size_t(mg_str("12 3"), &size) && size == 123);
  CHECK(!mg_to_size_t(mg_str("1"), NULL));
}

static void paths(void) {
  static const char *exact_paths[] = {".", "/.", "a/.", "./", "/", "a"};
  size_t i;
  CHECK(mg_path_is_sane(mg_str("a..b")) && mg_path_is_sane(nothing));
  CHECK(!mg_path_is_sane(mg_str("a/../b")) && !mg_path_is_sane(mg_str("~")));
  CHECK(!mg_path_is_sane(mg_str_n("a\0b", 3)) && mg_path_is_sane(mg_str_n("\0b", 2)));
  for (i = 0; i < COUNT(exact_paths); i++) {
    struct mg_str path = exact(exact_paths[i], strlen(exact_paths[i]));
    CHECK_ROW(mg_path_is_sane(path), exact_paths[i]);
    free(path.buf);
  }
}

static void base64(void) {
  static const size_t lengths[] = {1, 2, 4, 5, 6, 8, 9};
  char buf[20];
  size_t i, len = 0;
  memset(buf, '#', sizeof(buf));
  CHECK(mg_base64_encode((unsigned char *) "a", 1, buf, 0) == 0 && buf[0] == '#');
  for (i = 1; i < 5; i++) {
    memset(buf, '#', sizeof(buf));
    CHECK(mg_base64_encode((unsigned char *) "a", 1, buf, i) == 0 && memcmp(buf, "\0#", 2) == 0);
  }
  CHECK(mg_base64_encode((unsigned char *) "a", 1, buf, 5) == 4 && memcmp(buf, "YQ==\0#", 6) == 0);
  CHECK(mg_base64_encode((unsigned char *) "abcd", 4, buf, 8) == 0);
  CHECK(mg_base64_encode((unsigned char *) "abcd", 4, buf, 9) == 8 && strcmp(buf, "YWJjZA==") == 0);
  CHECK(mg_base64_encode(NULL, 0, buf, 1) == 0 && buf[0] == '\0');
  CHECK(mg_base64_encode((unsigned char *) "a", (size_t) -1, buf, sizeof(buf)) == 0);
  for (i = 0; i < 4; i++) {
    memset(buf, '#', sizeof(buf));
    CHECK(mg_base64_decode("AAA=", 4, buf, i) == 0 && buf[0] == (i > 0 ? '\0' : '#'));
  }
  CHECK(mg_base64_decode("AAA=", 4, buf, 4) == 2 && memcmp(buf, "\0\0\0#", 4) == 0);
  CHECK(mg_base64_decode("YWJjZGVm", 8, buf, 6) == 0 && mg_base64_decode("YWJjZGVm", 8, buf, 7) == 6);
  CHECK(strcmp(buf, "abcdef") == 0);
  CHECK(mg_base64_decode("Q2VzYW50YQ==", 12, buf, sizeof(buf)) == 7 && strcmp(buf, "Cesanta") == 0);
  CHECK(mg_base64_decode("YWI", 3, buf, 0) == 0 && buf[0] == 'C');
  CHECK(mg_base64_decode("YWI", 3, buf, 1) == 0 && buf[0] == '\0');
  CHECK(mg_base64_decode(NULL, 0, buf, 1) == 0 && mg_base64_decode("====", 4, buf, 20) == 0);
  memset(buf, '#', sizeof(buf));
  for (i = 0; i < 7; i++) {
    len = mg_base64_update((unsigned char) "abcdefg"[i], buf, len);
    CHECK(len == lengths[i]);
  }
  CHECK(mg_base64_final(buf, len) == 12 && memcmp(buf, "YWJjZGVmZw==\0#", 14) == 0);
  memset(buf, '#', sizeof(buf));
  CHECK(mg_base64_final(buf, 0) == 0 && memcmp(buf, "\0#", 2) == 0);
}

int main(void) {
  views();
  comparing();
  matching();
  splitting();
  numbers();
  paths();
  base64();
  return FAILURES;
}
