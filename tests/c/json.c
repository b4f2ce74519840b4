// JSON access by path: the documented results, one table per function.
#include <float.h>
#include <limits.h>
#include <math.h>

#include "check.h"
#include "mongoose.h"

// A text in memory of its own size, so that a checker sees a read past its end.
static struct mg_str exact(const char *text, size_t len) {
  struct mg_str s = {(char *) malloc(len > 0 ? len : 1), len};
  memcpy(s.buf, text, len);
  return s;
}

static void test_get(void) {
  static const struct {
    const char *json;
    size_t len;  // 0: all of it
    const char *path;
    int result, toklen;
  } rows[] = {
      {"7", 0, "$", 0, 1},
      {" {\"k\":[]}", 0, "$.k", 6, 2},
      {"{\"a\":{\"b\":[10,{\"c\":\"x\"}]}}", 0, "$.a.b[1].c", 19, 3},
      {"{\"a\":{\"b\":[10,{\"c\":\"x\"}]}}", 0, "$.a.b[1]", 14, 9},
      {"[[1],[2,3]]", 0, "$[1][1]", 8, 1},
      {"{\"ab\":1,\"a\":2}", 0, "$.a", 12, 1},
      {"[{\"a\":1},{\"b\":2}]", 0, "$[1].b", 14, 1},
      {"[{\"a\":1},{\"b\":2}]", 0, "$[0].b", -3, 0},
      {"{\"a\":5,\"b\":{\"c\":6}}", 0, "$.a.c", -3, 0},
      {"{\"a\":{\"c\":1}}", 0, "$.a[0]", -3, 0},
      {"[1,2]", 0, "$[2]", -3, 0},
      {"   ", 0, "$", -3, 0},
      // Paths
      {"{\"a.b\":5}", 0, "$.a.b", 7, 1},
      {"{\"a.b\":[5]}", 0, "$.a.b[0]", 8, 1},
      {"{\"a\":{\"x\":1},\"a\":{\"b\":2}}", 0, "$.a.b", -3, 0},
      {"{\"a\":1,\"a\":2}", 0, "$.a", 5, 1},
      {"{\"x\\ny\":5}", 0, "$.x\\ny", 8, 1},
      {"[1,2]", 0, "$[01]", 3, 1},
      {"[1,2]", 0, "$[]", 1, 1},
      {"[1,2]", 0, "$[1", 3, 1},
      {"[1,2]", 0, "$[x]", -3, 0},
      {"[1,2]", 0, "$[-1]", -3, 0},
      {"[1,2]", 0, "$[99999999999]", -3, 0},
      {"[1,2]", 0, "$[18446744073709551616]", -3, 0},
      {"[1,2]", 0, "", -2, 0},
      {"[1,2]", 0, "a", -2, 0},
      {"x", 0, "a", -2, 0},
      {"[1,2]", 0, "$x", -3, 0},
      {"{\"a\":1}", 0, "$a", -3, 0},
      {"{\"a\":1}", 0, "$.", -3, 0},
      {"{\"\":1}", 0, "$.", 4, 1},
      {"{\"\":{\"a\":1}}", 0, "$..a", 9, 1},
      // Truncated texts and syntax errors
      {"[1,2", 0, "$", -3, 0},
      {"[1,2", 0, "$[1]", 3, 1},
      {"{\"a\":1]", 0, "$", -2, 0},
      {"{\"a\":1]", 0, "$.a", 5, 1},
      {"[1}", 0, "$", -2, 0},
      {"[1 2]", 0, "$", -2, 0},
      {"[,1]", 0, "$", -2, 0},
      {"{\"a\":}", 0, "$.a", -2, 0},
      {"]", 0, "$", -2, 0},
      {"\"abc", 0, "$", -2, 0},
      {"\"abc\\", 0, "$", -2, 0},
      {"\"a\0b\"", 5, "$", -2, 0},
      {"[1] [2]", 0, "$[1]", -2, 0},
      {"{\"a\":1} garbage", 0, "$.a", 5, 1},
      {"{\"a\":1} garbage", 0, "$.z", -3, 0},
      // Tolerated
      {"[1,]", 0, "$", 0, 4},
      {"{\"a\":1,}", 0, "$", 0, 8},
      {"1 2", 0, "$", 0, 1},
      {"truest", 0, "$", 0, 4},
      {"[true1]", 0, "$", -2, 0},
      {"\"a\\qb\"", 0, "$", 0, 6},
      {"\"a\\u12\"", 0, "$", 0, 7},
      {"\"a\\/b\"", 0, "$", 0, 6},
      {"+1", 0, "$", -2, 0},
      {".5", 0, "$", -2, 0},
      {"NaN", 0, "$", -2, 0},
      {"--1", 0, "$", 0, 1},
      {"0x10", 0, "$", 0, 1},
      {"[0x10]", 0, "$", -2, 0},
      // A container that ends is not continued in its sibling
      {"[[1],[2,3]]", 0, "$[0][1]", -3, 0},
      {"[[],[2,3]]", 0, "$[0][0]", -3, 0},
      {"[[1,2],[3]]", 0, "$[0][2]", -3, 0},
      {"[{},{\"a\":1}]", 0, "$[0].a", -3, 0},
      {"{\"a\":[[1],[2]]}", 0, "$.a[0][1]", -3, 0},
      {"[{\"a1\":1},{\"a\":2}]", 0, "$[0].a", -3, 0},
      // White space and containers of each kind
      {" true ", 0, "", -2, 0},
      {" true ", 0, "$", 1, 4},
      {"null ", 0, "$", 0, 4},
      {"  \"hi\\nthere\"", 0, "$", 2, 11},
      {" { } ", 0, "$", 1, 3},
      {" [[]]", 0, "$", 1, 4},
      {" [ ]  ", 5, "$", 1, 3},
      {"[1,2]", 0, "$", 0, 5},
      {"[1,2]", 0, "$[0]", 1, 1},
      {"[1,2]", 0, "$[1]", 3, 1},
      {"[1,2]", 0, "$[3]", -3, 0},
      {"{\"a\":[]}", 0, "$.a", 5, 2},
      {"{\"a\":[1,2]}", 0, "$.a", 5, 5},
      {"{\"a\":[1,[1]]}", 0, "$.a", 5, 7},
      {"{\"a\":[[]]}", 0, "$.a", 5, 4},
      {"{\"a\":[[1,2]]}", 0, "$.a", 5, 7},
      {"{\"a\":{}}", 0, "$.a", 5, 2},
      {"{\"a\":{\"a\":{}}}", 0, "$.a", 5, 8},
      {"{\"a\":{\"a\":[]}}", 0, "$.a", 5, 8},
      {"[[1,[2,3]],4]", 0, "$", 0, 13},
      {"[[1,[2,3]],4]", 0, "$[0]", 1, 9},
      {"[[1,[2,3]],4]", 0, "$[1]", 11, 1},
      {"[[1,[2,3]],4]", 0, "$[2]", -3, 0},
      {"[[1,[2,3]],4]", 0, "$[0][0]", 2, 1},
      {"[[1,[2,3]],4]", 0, "$[0][1]", 4, 5},
      {"[[1,[2,3]],4]", 0, "$[0][2]", -3, 0},
      {"[[1,[2,3]],4]", 0, "$[0][1][0]", 5, 1},
      {"[[1,[2,3]],4]", 0, "$[0][1][1]", 7, 1},
      {"[[1,2],3]", 0, "$", 0, 9},
      {"[[1,2],3]", 0, "$[0][0]", 2, 1},
      {"[[1,2],3]", 0, "$[0][1]", 4, 1},
      {"[[1,2],3]", 0, "$[0][2]", -3, 0},
      {"[[1,2],3]", 0, "$[1][0]", -3, 0},
      {"[[1,2],3]", 0, "$[1]", 7, 1},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.a", 5, 2},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.b", 12, 1},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.c", 18, 6},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.c[0]", 19, 2},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.c[1]", 22, 1},
      {"{\"a\":{},\"b\":7,\"c\":[[],2]}", 0, "$.c[3]", -3, 0},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.a", 5, 9},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.a.b1", 11, 2},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.a.b2", -3, 0},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.a.b", -3, 0},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.a1", -3, 0},
      {"{\"a\":{\"b1\":{}},\"c\":7,\"d\":{\"b2\":{}}}", 0, "$.c", 19, 1},
      {"{\"a\":[],\"b\":[1,2]}", 0, "$.a", 5, 2},
      {"{\"a\":{},\"b\":[1,2]}", 0, "$.a", 5, 2},
      {"{\"a\":true,\"b\":[1,2]}", 0, "$.a", 5, 4},
      {"{\"a\":1,\"b\":[1,2]}", 0, "$.a", 5, 1},
      {"{\"a\":[],\"b\":[1,2]}", 0, "$.a[0]", -3, 0},
      {"{\"a\":{},\"b\":[1,2]}", 0, "$.a[0]", -3, 0},
      {"{\"a\":true,\"b\":[1,2]}", 0, "$.a[0]", -3, 0},
      {"{\"a\":1,\"b\":[1,2]}", 0, "$.a[0]", -3, 0},
      {"{\"a\": \"hi\\nthere\",\"b\": [12345, true]}", 0, "$.b[2]", -3, 0},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_str json = exact(rows[i].json, rows[i].len ? rows[i].len : strlen(rows[i].json));
    int toklen = 77;
    CHECK_ROW(mg_json_get(json, rows[i].path, &toklen) == rows[i].result, rows[i].json);
    CHECK_ROW(toklen == rows[i].toklen, rows[i].json);
    CHECK_ROW(mg_json_get(json, rows[i].path, NULL) == rows[i].result, rows[i].json);
    struct mg_str token = mg_json_get_tok(json, rows[i].path);
    CHECK_ROW(token.buf == (rows[i].result < 0 ? NULL : json.buf + rows[i].result), rows[i].json);
    CHECK_ROW(token.len == (size_t) rows[i].toklen, rows[i].json);
    free(json.buf);
  }
  CHECK(mg_json_get(mg_str_n(NULL, 0), "$", NULL) == MG_JSON_NOT_FOUND);
  CHECK(mg_json_get(mg_str("1"), NULL, NULL) == MG_JSON_INVALID);
  // Longer than an int counts; never looked at, so it need not exist.
  CHECK(mg_json_get(mg_str_n("1", (size_t) INT_MAX + 1), "$", NULL) == MG_JSON_INVALID);
}

static void test_depth(void) {
  char text[64];
  memset(text, '[', 31);
  memset(text + 31, ']', 31);
  CHECK(mg_json_get(mg_str_n(text + 1, 60), "$", NULL) == 0);
  CHECK(mg_json_get(mg_str_n(text, 62), "$", NULL) == MG_JSON_TOO_DEEP);
  CHECK(MG_JSON_MAX_DEPTH == 30);
}

static void test_numbers(void) {
  static const struct {
    const char *json;
    double value;
    long integer;
  } rows[] = {
      {"0", 0, 0},
      {"1.23 ", 1.23, 1},
      {"-0.01 ", -0.01, 0},
      {"-0.5e2 ", -50, -50},
      {"123e-3 ", 0.123, 0},
      {"1e3", 1000, 1000},
      {"-2.5e2", -250, -250},
      {"3E+4", 30000, 30000},
      {"4.25E-1", 0.425, 0},
      {"0e0", 0, 0},
      {"6.123456789e3", 6123.456789, 6123},
      {"-1e-9", -1e-9, 0},
      {"0.3", 0.3, 0},
      {"1e-5", 1e-5, 0},
      {"1e", 1, 1},
      {"12abc", 12, 12},
      {"1e-+5", 1e-5, 0},
      {"1e+-5", 1, 1},
      {"1.", 1, 1},
      {"01", 1, 1},
      {"3.14", 3.14, 3},
      {"-3.99", -3.99, -3},
      // Both say the same: what a double rounds up is rounded up before it is cut.
      {"-1111.999999999999999", -1112, -1112},
      {"1111.999999999999", 1111.999999999999, 1111},
      {"0.99999999999999999", 1, 1},
      {"0.9999999999999999", 0.9999999999999999, 0},
      {"000000000000000000000000000000.99999999999999999", 1, 1},
      {"-1111.999999999999999e0", -1112, -1112},
      {"-1111999999999999999e-15", -1112, -1112},
      {"4503599627370495.99", 4503599627370496.0, 4503599627370496L},
      {"4503599627370495.5", 4503599627370495.5, 4503599627370495L},
      {"9007199254740993", 9007199254740992.0, 9007199254740993L},
      {"9223372036854775807", 9223372036854775808.0, LONG_MAX},
      {"9223372036854775808", 9223372036854775808.0, LONG_MAX},
      {"-9223372036854775808", -9223372036854775808.0, LONG_MIN},
      {"-99999999999999999999", -1e20, LONG_MIN},
      {"1e30", 1e30, LONG_MAX},
      {"-1e30", -1e30, LONG_MIN},
      {"1e400", 1e308, LONG_MAX},
      {"-1e400", -1e308, LONG_MIN},
      {"9e308", DBL_MAX, LONG_MAX},
      {"1e-400", 1e-308, 0},
      {"0e400", 0, 0},
      {"0.0001e310", 1e306, LONG_MAX},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    double v = 77;
    struct mg_str json = mg_str(rows[i].json);
    CHECK_ROW(mg_json_get_num(json, "$", &v), rows[i].json);
    CHECK_ROW(v == rows[i].value, rows[i].json);
    CHECK_ROW(mg_json_get_num(json, "$", NULL), rows[i].json);
    CHECK_ROW(mg_json_get_long(json, "$", 77) == rows[i].integer, rows[i].json);
  }
  double v = 77;
  CHECK(mg_json_get_num(mg_str_n("1.23", 3), "$", &v) && v == 1.2);
  CHECK(mg_json_get_num(mg_str("-"), "$", &v) && v == 0 && signbit(v));
  CHECK(mg_json_get_num(mg_str("-0"), "$", &v) && v == 0 && signbit(v));
  v = 77;
  CHECK(!mg_json_get_num(mg_str("\"1e3\""), "$", &v) && v == 77);
  CHECK(!mg_json_get_num(mg_str("[1]"), "$", &v) && v == 77);
  struct mg_str json = mg_str("{\"a\": \"hi\\nthere\",\"b\": [12345, true]}");
  CHECK(!mg_json_get_num(json, "$.a", &v) && !mg_json_get_num(json, "$.c", &v) && v == 77);
  CHECK(mg_json_get_num(json, "$.b[0]", &v) && v == 12345);
  CHECK(mg_json_get_long(json, "$.foo", -42) == -42);
  CHECK(mg_json_get_long(json, "$.b[0]", -42) == 12345);
  CHECK(mg_json_get_long(json, "$.b", -42) == -42);
  CHECK(mg_json_get_long(json, "$.a", -42) == -42);
}

static void test_long_paths(void) {
  static const struct {
    const char *json, *path;
    long value;
  } rows[] = {
      {"{\"a\":[1,2,3], \"ab\": 2}", "$.a[0]", 1},
      {"{\"a\":[1,2,3], \"ab\": 2}", "$.ab", 2},
      {"{\"a\":[1,2,3], \"ab\": 2}", "$.ac", -42},
      {"{\"a\":[],\"b\":[1,2]}", "$.a[0]", -42},
      {"{\"a\":[],\"b\":[1,2]}", "$.b[0]", 1},
      {"{\"a\":[],\"b\":[1,2]}", "$.b[1]", 2},
      {"{\"a\":[],\"b\":[1,2]}", "$.b[2]", -42},
      {"[{\"a\":1,\"b\":2},{\"a\":3, \"b\":4}]", "$[0].a", 1},
      {"[{\"a\":1,\"b\":2},{\"a\":3, \"b\":4}]", "$[0].b", 2},
      {"[{\"a\":1,\"b\":2},{\"a\":3, \"b\":4}]", "$[1].a", 3},
      {"[{\"a\":1,\"b\":2},{\"a\":3, \"b\":4}]", "$[1].b", 4},
      {"[{\"a\":1,\"b\":2},{\"a\":3, \"b\":4}]", "$[2].a", -42},
      {"{\"a\":[1],\"b\":[2,3]}", "$.a[0]", 1},
      {"{\"a\":[1],\"b\":[2,3]}", "$.a[1]", -42},
      {"{\"a\":[1,[2,3], 4]}", "$.a[0]", 1},
      {"{\"a\":[1,[2,3], 4]}", "$.a[1][0]", 2},
      {"{\"a\":[1,[2,3], 4]}", "$.a[1][1]", 3},
      {"{\"a\":[1,[2,3], 4]}", "$.a[1][2]", -42},
      {"{\"a\":[1,[2,3], 4]}", "$.a[2]", 4},
      {"{\"a\":[1,[2,3], 4]}", "$.a[3]", -42},
      {"[0, 42]", "$[1]", 42},
      {"[[], 42]", "$[1]", 42},
      {"[{}, 42]", "$[1]", 42},
      {"[{\"a\":1},{\"a\":2}]", "$[0]", -42},
      {"[{\"a\":1},{\"a\":2}]", "$[0].a", 1},
      {"[{\"a\":1},{\"a\":2}]", "$[1].a", 2},
      {"[{\"a\":1},{\"a\":2}]", "$[2].a", -42},
      {"[{\"a1\":1},{\"a\":2}]", "$[0]", -42},
      {"[{\"a1\":1},{\"a\":2}]", "$[0].a", -42},
      {"[{\"a1\":1},{\"a\":2}]", "$[1].a", 2},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    CHECK_ROW(mg_json_get_long(mg_str(rows[i].json), rows[i].path, -42) == rows[i].value, rows[i].path);
  }
}

static void test_bool(void) {
  struct mg_str json = mg_str("[true, false, 0, 1, null, \"true\", [true]]");
  bool v = false;
  CHECK(mg_json_get_bool(json, "$[0]", &v) && v);
  CHECK(mg_json_get_bool(json, "$[1]", &v) && !v);
  v = true;
  for (int i = 2; i <= 7; i++) {
    char path[] = "$[0]";
    path[2] = (char) ('0' + i);
    CHECK_ROW(!mg_json_get_bool(json, path, &v) && v, path);
  }
  CHECK(mg_json_get_bool(json, "$[1]", NULL));
  json = mg_str("{\"a\": \"hi\\nthere\",\"b\": [12345, true]}");
  CHECK(!mg_json_get_bool(json, "$.b", &v) && !mg_json_get_bool(json, "$.b[0]", &v));
  v = false;
  CHECK(mg_json_get_bool(json, "$.b[1]", &v) && v);
}

// A text that mg_json_get_str or mg_json_get_text returns: NULL, or these bytes; releases it.
static bool gives(char *text, const char *want, size_t len) {
  bool ok = text == NULL ? want == NULL : want != NULL && memcmp(text, want, len + 1) == 0;
  mg_free(text);
  return ok;
}

static void test_strings(void) {
  static const struct {
    const char *json, *str, *text;  // by mg_json_get_str, by mg_json_get_text
  } rows[] = {
      {"\"\"", "", ""},
      {"\"b\"", "b", "b"},
      {"\"hi\\nthere\"", "hi\nthere", "hi\nthere"},
      {"\"\\b\\f\\n\\r\\t\\\\\\\"\\/\"", "\b\f\n\r\t\\\"/", "\b\f\n\r\t\\\"/"},
      {"\"\\u0048\\u0065llo\"", "Hello", "Hello"},
      {"\"\\u00e9\"", "\xe9", "\xc3\xa9"},
      {"\"a\\u20ac\"", "a", "a\xe2\x82\xac"},
      {"\"\\u20ac\"", NULL, "\xe2\x82\xac"},
      {"\"a\\ud83d\\ude00b\"", "a", "a\xf0\x9f\x98\x80" "b"},
      {"\"\\uD83D\\uDE00\"", NULL, "\xf0\x9f\x98\x80"},
      {"\"\\ud83d\"", NULL, "\xef\xbf\xbd"},
      {"\"\\ude00\\ud83d\"", NULL, "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\"\\ud83dx\"", NULL, "\xef\xbf\xbdx"},
      {"\"\\ud83d\\u0041\"", NULL, "\xef\xbf\xbd" "A"},
      {"\"\\ud83d\\n\"", NULL, "\xef\xbf\xbd\n"},
      {"\"\xe2\x82\xac\"", "\xe2\x82\xac", "\xe2\x82\xac"},
      {"\"\xff\"", "\xff", "\xff"},
      {"\"a\\q\"", NULL, NULL},
      {"\"a\\u12\"", NULL, NULL},
      {"\"\\u12g4\"", NULL, NULL},
      {"\"a\\u12g4\"", "a", NULL},
      {"5", NULL, NULL},
      {"[]", NULL, NULL},
      {"true", NULL, NULL},
      {"", NULL, NULL},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_str json = exact(rows[i].json, strlen(rows[i].json));
    size_t len = 77, want = rows[i].text ? strlen(rows[i].text) : 77;
    CHECK_ROW(gives(mg_json_get_str(json, "$"), rows[i].str, rows[i].str ? strlen(rows[i].str) : 0),
              rows[i].json);
    CHECK_ROW(gives(mg_json_get_text(json, "$", &len), rows[i].text, want), rows[i].json);
    CHECK_ROW(len == want, rows[i].json);
    free(json.buf);
  }
  size_t len = 0;
  CHECK(gives(mg_json_get_text(mg_str("\"a\\u0000b\""), "$", &len), "a\0b", 3) && len == 3);
  CHECK(gives(mg_json_get_text(mg_str("\"a\""), "$", NULL), "a", 1));
  CHECK(gives(mg_json_get_str(mg_str("\"\\u0000\""), "$"), "", 0));
  struct mg_str json = mg_str("{\"a\":\"b\", \"c\":\"\"}");
  CHECK(gives(mg_json_get_str(json, "$.a"), "b", 1));
  CHECK(gives(mg_json_get_str(json, "$.c"), "", 0));
  CHECK(gives(mg_json_get_str(json, "$.d"), NULL, 0));
  struct mg_str token = mg_json_get_tok(mg_str("{\"a\":\"b:c\"}"), "$.a");
  CHECK(token.len == 5 && memcmp(token.buf, "\"b:c\"", 5) == 0);
}

static void test_unescape(void) {
  static const struct {
    const char *json, *path;
    size_t n, result;
    const char *to;  // the first bytes of `to`, which is filled with #
    size_t len;
  } rows[] = {
      {"\"hi\"", "$", 3, 2, "hi\0#", 4},
      {"\"hi\"", "$", 2, 0, "h\0#", 3},
      {"\"hi\"", "$", 1, 0, "\0#", 2},
      {"\"hi\"", "$", 0, 0, "#", 1},
      {"\"\"", "$", 4, 0, "\0#", 2},
      {"\"\\u0041x\"", "$", 8, 2, "Ax\0#", 4},
      {"\"\\u0000\"", "$", 4, 1, "\0\0#", 3},
      {"\"\\u00ff\"", "$", 4, 1, "\xff\0#", 3},
      {"\"\\u0100\"", "$", 4, 0, "\0#", 2},
      {"\"\\u1000\"", "$", 4, 0, "\0#", 2},
      {"\"ab\\u20acx\"", "$", 8, 2, "ab\0#", 4},
      {"\"ab\\uzzzzx\"", "$", 8, 2, "ab\0#", 4},
      {"5", "$", 4, 0, "####", 4},
      {"\"a\"", "$.x", 4, 0, "####", 4},
      {"\"ab\\q\"", "$", 8, 0, "ab\0#", 4},
      {"\"\\q\"", "$", 8, 0, "\0#", 2},
      {"\"ab\\u12\"", "$", 8, 0, "ab\0#", 4},
      {"\"a\\/b\"", "$", 8, 3, "a/b\0#", 5},
      {"{\"a\":\"\"}", "$.a", 4, 0, "\0###", 4},
      {"{\"a\":\"b\"}", "$.a", 4, 1, "b\0##", 4},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    char to[8];
    memset(to, '#', sizeof(to));
    CHECK_ROW(mg_json_unescape(mg_str(rows[i].json), rows[i].path, to, rows[i].n) == rows[i].result,
              rows[i].json);
    CHECK_ROW(memcmp(to, rows[i].to, rows[i].len) == 0, rows[i].json);
  }
  CHECK(mg_json_unescape(mg_str("\"a\""), "$", NULL, 0) == 0);
}

static void test_hex(void) {
  static const struct {
    const char *json, *bytes;
    int len;
  } rows[] = {
      {"\"0100026869\"", "\1\0\2hi", 5}, {"\"0aF\"", NULL, 77},       {"\"zz01\"", NULL, 77},
      {"\"AbcD\"", "\xab\xcd", 2},       {"\"\"", "", 0},           {"\"a\"", NULL, 77},
      {"5", NULL, 77},                   {"[]", NULL, 77},         {"\"0g\"", NULL, 77},
      {"\"12g4\"", NULL, 77},            {"\"12 4\"", NULL, 77},   {"\"0x12\"", NULL, 77},
      {"\"-1\"", NULL, 77},              {"\" 1\"", NULL, 77},     {"\"1 \"", NULL, 77},
      {"\"\\u0031\"", NULL, 77},         {"\"61\\n\"", NULL, 77},  {"\"00\"", "\0", 1},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_str json = exact(rows[i].json, strlen(rows[i].json));
    int len = 77;
    CHECK_ROW(gives(mg_json_get_hex(json, "$", &len), rows[i].bytes, (size_t) rows[i].len),
              rows[i].json);
    CHECK_ROW(len == rows[i].len, rows[i].json);
    free(json.buf);
  }
  CHECK(gives(mg_json_get_hex(mg_str("[\"61\"]"), "$[0]", NULL), "a", 1));
}

static void test_b64(void) {
  static const struct {
    const char *json, *bytes;
    int len;
  } rows[] = {
      {"\"YWJj\"", "abc", 3}, {"\"TU9OR\"", "MON", 3}, {"\"TU\"", "", 0}, {"\"YQ==\"", "a", 1},
      {"\"YW J\"", "", 0},    {"\"\"", "", 0},         {"5", NULL, 77},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_str json = exact(rows[i].json, strlen(rows[i].json));
    int len = 77;
    CHECK_ROW(gives(mg_json_get_b64(json, "$", &len), rows[i].bytes, (size_t) rows[i].len),
              rows[i].json);
    CHECK_ROW(len == rows[i].len, rows[i].json);
    free(json.buf);
  }
  CHECK(gives(mg_json_get_b64(mg_str("[\"YWJj\"]"), "$[0]", NULL), "abc", 3));
}

static void test_next(void) {
  static const struct {
    const char *obj;
    size_t next[4];
    const char *members;  // key=value; of each step
  } rows[] = {
      {"[1,2,3]", {3, 5, 6, 0}, "=1;=2;=3;"},
      {"[ 1 , [2] , {\"a\":3} ]", {5, 11, 20, 0}, "=1;=[2];={\"a\":3};"},
      {"{\"a\":[3],\"b\":42}", {9, 15, 0}, "\"a\"=[3];\"b\"=42;"},
      {"{ \"a\" : 1 , \"b\" : 2 }", {11, 20, 0}, "\"a\"=1;\"b\"=2;"},
      {"{}", {0}, ""},
      {"[]", {0}, ""},
      {"5", {0}, ""},
      {" [1]", {0}, ""},
      {"", {0}, ""},
      {"[", {0}, ""},
      {"[1,,2]", {3, 0}, "=1;"},
      {"[1", {2, 0}, "=1;"},
      {"{\"a\":1 \"b\":2}", {7, 12, 0}, "\"a\"=1;\"b\"=2;"},
      {"{\"a\":1},\"b\":2", {6, 0}, "\"a\"=1;"},
      {"{1:2}", {4, 0}, "1=2;"},
      {"{\"a\"xx:1}", {8, 0}, "\"a\"=1;"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    struct mg_str obj = exact(rows[i].obj, strlen(rows[i].obj)), key, val;
    char members[64] = "";
    size_t ofs = 0, steps = 0;
    do {
      ofs = mg_json_next(obj, ofs, &key, &val);
      CHECK_ROW(ofs == rows[i].next[steps], rows[i].obj);
      if (ofs > 0) {
        size_t len = strlen(members);
        snprintf(members + len, sizeof(members) - len, "%.*s=%.*s;", (int) key.len,
                 key.buf ? key.buf : "", (int) val.len, val.buf);
      }
    } while (ofs > 0 && ++steps < 4);
    CHECK_ROW(strcmp(members, rows[i].members) == 0, rows[i].obj);
    free(obj.buf);
  }
  CHECK(mg_json_next(mg_str("[1]"), 0, NULL, NULL) == 2);
  CHECK(mg_json_next(mg_str("[1]"), 100, NULL, NULL) == 0);
  // An object with a byte of its container after it.
  struct mg_str tail = mg_str("{\"a\":[3],\"b\":42}]"), key, val;
  CHECK(mg_json_next(tail, 0, &key, &val) == 9);
  CHECK(mg_strcmp(key, mg_str("\"a\"")) == 0 && mg_strcmp(val, mg_str("[3]")) == 0);
  CHECK(mg_json_next(tail, 9, &key, &val) == 15);
  CHECK(mg_strcmp(key, mg_str("\"b\"")) == 0 && mg_strcmp(val, mg_str("42")) == 0);
  CHECK(mg_json_next(tail, 15, &key, &val) == 0);
}

int main(void) {
  test_get();
  test_depth();
  test_numbers();
  test_long_paths();
  test_bool();
  test_strings();
  test_unescape();
  test_hex();
  test_b64();
  test_next();
  return FAILURES;
}
