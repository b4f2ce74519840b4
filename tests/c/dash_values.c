// Variables of all types and sizes, and bodies that are wrong, huge or hostile.
#include "dash.h"
#include <limits.h>

static struct mg_dash dash;

// Memory of exactly this size: checkers see what lies beside it.
static void *own(size_t size) {
  void *p = calloc(1, size);
  CHECK(p != NULL);
  return p;
}

static void test_all_types(void) {
  int *i = own(sizeof(*i)), *readonly = own(sizeof(*readonly));
  uint64_t *u = own(sizeof(*u));
  bool *b = own(sizeof(*b));
  double *d = own(sizeof(*d));
  char *s = own(8), *r = own(12), *full = own(3);
  struct mg_field fields[] = {{"i", MG_VAL_INT, i, sizeof(*i)},
                              {"u", MG_VAL_UINT64, u, sizeof(*u)},
                              {"b", MG_VAL_BOOL, b, sizeof(*b)},
                              {"d", MG_VAL_DBL, d, sizeof(*d)},
                              {"s", MG_VAL_STR, s, 8},
                              {"r", MG_VAL_RAW, r, 12},
                              {"ro", MG_VAL_INT, readonly, 0},
                              {"full", MG_VAL_STR, full, 3},
                              {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
  static const struct {
    const char *body, *count, *values;
  } rows[] = {
      {"{\"i\":-5,\"u\":18446744073709551615,\"b\":true,\"d\":36.6,\"s\":\"pump\"}", "5\n",
       "{\"i\":-5,\"u\":18446744073709551615,\"b\":true,\"d\":36.60,\"s\":\"pump\",\"r\":[1],\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"i\":1.5,\"u\":-1,\"b\":1,\"d\":\"1\",\"s\":5,\"ro\":1}", "0\n", NULL},
      {"{\"i\":2147483648,\"u\":1.5,\"b\":\"true\",\"d\":true,\"s\":null}", "0\n", NULL},
      {"{\"i\":\"1\",\"u\":18446744073709551616,\"b\":null,\"d\":[],\"s\":[\"x\"]}", "0\n", NULL},
      {"{\"i\":{},\"s\":\"\\x\"}", "0\n", NULL},
      {"{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1e3,\"s\":\"a\\\"b\\n\"}", "5\n",
       "{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"a\\\"b\\n\",\"r\":[1],\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"s\":\"0123456789\"}", "1\n",
       "{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"0123456\",\"r\":[1],\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"s\":\"01234\xe2\x82\xac\"}", "1\n",
       "{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"01234\",\"r\":[1],\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"s\":\"a\\u0000b\"}", "1\n",
       "{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"a\",\"r\":[1],\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"r\":[5]}", "1\n",
       "{\"i\":2147483647,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"a\",\"r\":{\"r\":[5]},\"ro\":0,\"full\":\"abc\"}\n"},
      {"{\"r\":[56789]}", "0\n", NULL},
      {"{\"r\":[5678]}", "0\n", NULL},
      {"{\"i\":1,\"i\":2}", "1\n",
       "{\"i\":1,\"u\":9007199254740993,\"b\":false,\"d\":-1000.00,\"s\":\"a\",\"r\":{\"r\":[5]},\"ro\":0,\"full\":\"abc\"}\n"},
  };
  size_t k;
  const char *values = NULL;
  memcpy(r, "[1]", 4);
  memcpy(full, "abc", 3);  // no NUL: the size ends it
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  for (k = 0; k < COUNT(rows); k++) {
    char body[300];
    mg_snprintf(body, sizeof(body), "{\"set\":%s}", rows[k].body);
    EXPECT_BODY("POST /api/set", "", body, 200, rows[k].count);
    if (rows[k].values != NULL) values = rows[k].values;
    EXPECT_BODY("GET /api/get/set", "", "", 200, values);
  }
  mg_mgr_free(&mgr);
  free(i), free(readonly), free(u), free(b), free(d), free(s), free(r), free(full);
}

static int plain_index, calls;

static bool get_dir(const struct mg_dash_user *u, char *buf, size_t len) {
  (void) u;
  memset(buf, 'x', len);  // no NUL
  return true;
}

static bool yes(enum mg_dash_op op, struct mg_dash_user *u) {
  (void) op, (void) u;
  calls++;
  return true;
}

// What the program says may be wrong; then it is not available.
static void test_wrong_descriptions(void) {
  char *byte = own(1), *three = own(3);
  struct mg_field odd[] = {{"small", MG_VAL_INT, byte, 1},
                           {"none", MG_VAL_INT, NULL, sizeof(int)},
                           {"nostr", MG_VAL_STR, NULL, 5},
                           {"big", MG_VAL_UINT64, three, 3},
                           {"dbl", MG_VAL_DBL, three, 3},
                           {"what", (enum mg_val_type) 77, byte, 1},
                           {"raw", MG_VAL_RAW, three, 3},
                           {"one", MG_VAL_STR, byte, 1},
                           {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field name[] = {{"name", MG_VAL_STR, three, 3}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"odd", odd, NULL, NULL, NULL, NULL};
  struct mg_field_set nothing = {"nothing", NULL, NULL, NULL, NULL, NULL};
  struct mg_field_set nameless = {NULL, odd, NULL, NULL, NULL, NULL};
  struct mg_field_set dir = {"dir", name, NULL, NULL, get_dir, NULL};
  struct mg_field_set endless = {"endless", name, NULL, &plain_index, get_dir, NULL};
  struct mg_field_set mute = {"mute", name, NULL, &plain_index, NULL, NULL};
  struct mg_field_set yesman = {"yes", name, yes, &plain_index, NULL, NULL};
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  MG_DASH_ADD_FIELD_SET(&dash, &nothing);
  MG_DASH_ADD_FIELD_SET(&dash, &dir);
  MG_DASH_ADD_FIELD_SET(&dash, &endless);
  MG_DASH_ADD_FIELD_SET(&dash, &mute);
  begin(mg_dash_ev_handler, &dash);
#define ODD                                                                                        \
  "{\"small\":null,\"none\":null,\"nostr\":null,\"big\":null,\"dbl\":null,\"what\":null,\"raw\":null,\"one\":\"\"}"
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"nothing\":{},\"odd\":" ODD "}\n");
  EXPECT_BODY("POST /api/set", "",
              "{\"odd\":{\"small\":1,\"none\":1,\"nostr\":\"x\",\"big\":1,\"dbl\":1,\"what\":1,\"raw\":1}}", 200, "0\n");
  EXPECT_BODY("POST /api/set", "", "{\"odd\":{\"one\":\"xyz\"}}", 200, "1\n");
  EXPECT_BODY("GET /api/get/odd", "", "", 200, ODD "\n");
  EXPECT_BODY("POST /api/set", "", "{\"nothing\":{\"x\":1},\"dir\":{\"name\":\"x\"},\"nope\":{},\"odd\":5}", 200, "0\n");
  EXPECT_BODY("GET /api/get/dir", "", "", 200, "null\n");
  EXPECT_BODY("GET /api/get/dir/0", "", "", 200, "null\n");
  EXPECT_BODY("GET /fs/dir/a", "", "", 404, "Not Found");
  EXPECT_BODY("GET /fs/endless/a", "", "", 500, "Upload dir error\n");
  EXPECT_BODY("GET /api/get/mute", "", "", 200, "null\n");
  EXPECT_BODY("GET /api/del/mute/0", "", "", 403, "false\n");
  EXPECT_BODY("POST /api/add/mute", "", "{\"name\":\"x\"}", 404, "null\n");
  mg_dash_send_change(&mgr, &set);
  mg_dash_send_change(&mgr, NULL);
  mg_dash_send_change(NULL, &set);
  mg_dash_ev_handler(NULL, MG_EV_HTTP_MSG, NULL);

  // A set without a name can be seen, and not asked for.
  MG_DASH_ADD_FIELD_SET(&dash, &nameless);
  CHECK(ask("GET /api/get", "", "") == 200);
  // A function that says yes to everything does not run for ever.
  MG_DASH_ADD_FIELD_SET(&dash, &yesman);
  CHECK(ask("GET /api/get/yes/0/2147483647", "", "") == 200 && calls < 5000);
  calls = 0;
  CHECK(ask("GET /api/del/yes/0/2147483647", "", "") == 200 && calls < 5000);
  EXPECT_BODY("POST /api/get/yes/2147483647", "", "{\"name\":\"ab\"}", 200, "1\n");
  CHECK(strcmp(three, "ab") == 0 && plain_index == 0);
  mg_mgr_free(&mgr);

  // No dashboard.
  begin(mg_dash_ev_handler, NULL);
  {
    static struct mg_str request = {(char *) "GET /api/hi HTTP/1.0\r\n\r\n", 24};
    mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
    polls(20);
  }
  mg_mgr_free(&mgr);
  free(byte), free(three);
}

static void test_bodies(void) {
  static const char *const bad[] = {"", "{", "}", "[]", "5", "null", "\"set\"", "{\"set\":{\"i\":1}", "{\"set\":{\"i\":1}]",
                                    "{\"set\":{\"i\":1},", "{\"set\":{\"i\":1},x}", "{\"set\" {\"i\":1}}", "{\"set\":\"i\"}",
                                    "{\"\":{\"i\":1}}", "{\"se\\u0074\":{\"i\":1}}", "{\"set\":[{\"i\":1}]}"};
  static char deep[3000], wide[4 * 1024 * 1024];
  int i = 0;
  size_t k, n;
  struct mg_field fields[] = {{"i", MG_VAL_INT, &i, sizeof(i)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  for (k = 0; k < COUNT(bad); k++) EXPECT_BODY("POST /api/set", "", bad[k], 200, "0\n");
  CHECK(i == 0);
  memset(deep, '[', sizeof(deep) - 1);
  EXPECT_BODY("POST /api/set", "", deep, 200, "0\n");
  EXPECT_BODY("POST /api/set", "", " {\"x\":1, \"set\" : {\"j\":0, \"i\" : 7} } ", 200, "1\n");
  CHECK(i == 7);
  EXPECT_BODY("PUT /api/set", "", "{\"set\":{\"i\":8},\"set\":{\"i\":9}}", 200, "2\n");
  CHECK(i == 9);
  EXPECT("POST /api/set", "Host: a\nOrigin: http://b\n", "{\"set\":{\"i\":1}}", 403);
  EXPECT("POST /api/set", "Host: a\nSec-Fetch-Site: cross-site\n", "{\"set\":{\"i\":1}}", 403);
  EXPECT_BODY("POST /api/set", "Host: a:1\nOrigin: http://a:1\n", "{\"set\":{\"i\":1}}", 200, "1\n");
  EXPECT("GET /api/get", "Host: a\nOrigin: http://b\n", "", 200);

  // More than a connection takes in; the next one finds everything in place.
  n = mg_snprintf(wide, sizeof(wide), "POST /api/set HTTP/1.0\nContent-Length: %d\n\n{\"set\":{\"i\":5}}", INT_MAX);
  memset(wide + n, ' ', sizeof(wide) - n);
  {
    static struct mg_str request;
    struct mg_connection *c;
    request = mg_str_n(wide, sizeof(wide));
    reply_done = true;
    c = mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
    c->pfn = NULL;
    polls(300);
  }
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"set\":{\"i\":1}}\n");
  // And one that is large, and fine.
  n = mg_snprintf(wide, sizeof(wide), "POST /api/set HTTP/1.0\nContent-Length: 1000000\n\n{\"set\":{\"i\":5}}");
  memset(wide + n, ' ', 1000000 - 15);
  CHECK(ask_bytes(wide, n + 1000000 - 15) == 200 && strcmp(reply_body, "1\n") == 0 && i == 5);
  mg_mgr_free(&mgr);
}

// A client that keeps its connection, is refused at the head, and continues.
static void test_one_reply_each(void) {
  static struct mg_str request;
  struct mg_connection *c;
  int i = 0;
  struct mg_field fields[] = {{"i", MG_VAL_INT, &i, sizeof(i)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  request = mg_str("POST /api/login HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /api/get HTTP/1.1\r\n\r\n"
                   "HEAD /api/get HTTP/1.1\r\n\r\nGET /nope HTTP/1.1\r\n\r\n");
  reply_done = true;  // on_client only sends
  c = mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
  c->pfn = NULL;
  POLLS_SUFFICE(&mgr, 30, c->recv.len > 9 && memcmp(c->recv.buf + c->recv.len - 9, "Not Found", 9) == 0);
  CHECK(mg_match(mg_str_n((char *) c->recv.buf, c->recv.len),
                 mg_str("HTTP/1.1 200 OK#\r\n\r\n{\"user\":\"guest\",\"level\":9}\nHTTP/1.1 200 OK#\r\n\r\n"
                        "{\"set\":{\"i\":0}}\nHTTP/1.1 200 OK#\r\n\r\nHTTP/1.1 404 Not Found#\r\n\r\nNot Found"),
                 NULL));
  mg_mgr_free(&mgr);
}

// Pages of other sites get no WebSocket, and requests that are none get no changes.
static void test_websockets(void) {
  static struct watcher w;
  int i = 0;
  struct mg_field fields[] = {{"i", MG_VAL_INT, &i, sizeof(i)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  mg_ws_connect(&mgr, url_for("ws", "/api/websocket"), on_watcher, &w, "Origin: http://elsewhere\r\n");
  polls(20);
  CHECK(w.opens == 0);
  EXPECT("GET /api/websocket", "", "", 426);
  watch(&w, "");
  CHECK(w.opens == 1);
  mg_ws_send(w.c, "{\"set\":{\"i\":1}}", 15, WEBSOCKET_OP_TEXT);
  polls(20);
  CHECK(i == 0 && w.frames == 0 && w.closes == 0);
  mg_mgr_free(&mgr);
}

// Somebody who does not read loses the connection, not the device its memory.
static void test_a_watcher_that_does_not_read(void) {
  static struct watcher w;
  static char text[100000];
  struct mg_field fields[] = {{"s", MG_VAL_STR, text, sizeof(text)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
  struct mg_connection *c, *server = NULL;
  int i;
  memset(text, 'x', sizeof(text) - 1);
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  watch(&w, "");
  for (c = mgr.conns; c != NULL; c = c->next) {
    if (c->is_accepted && c->is_websocket) server = c;
  }
  CHECK(w.opens == 1 && server != NULL);
  w.c->is_full = 1;
  for (i = 0; i < 500 && server != NULL; i++) {
    mg_dash_send_change(&mgr, &set);
    CHECK(server->send.len < 1300000);
    polls(2);
    for (c = mgr.conns; c != NULL && c != server; c = c->next) (void) 0;
    server = c;
  }
  CHECK(server == NULL);
  mg_mgr_free(&mgr);
}

int main(void) {
  test_all_types();
  test_wrong_descriptions();
  test_bodies();
  test_one_reply_each();
  test_websockets();
  test_a_watcher_that_does_not_read();
  return FAILURES;
}
