// A dashboard as a program of several users has it: variables, an array, files; levels; changes.
#include "dash.h"

static int one = 1, admin = 7, marker;
static bool two;
static char three[10];
static int squares[19], squares_len = 17, val, square_index;
static char file_name[50];
static uint64_t file_size;
static int file_index;
static bool frozen;  // the array refuses writes

static bool get_dir(const struct mg_dash_user *u, char *buf, size_t len) {
  CHECK(u != NULL && u->dash != NULL);
  mg_snprintf(buf, len, "empty");
  mkdir("empty", 0755);
  return true;
}

static bool set1_fn(enum mg_dash_op op, struct mg_dash_user *u) {
  if (op == MG_DASH_READ) {
    if (u->level < 3) return false;
    mg_snprintf(three, sizeof(three), "t: %d", one);
    return true;
  }
  return op == MG_DASH_WRITE && u->level >= 7;
}

static bool set2_fn(enum mg_dash_op op, struct mg_dash_user *u) {
  (void) u;
  return op == MG_DASH_READ;
}

static bool set3_fn(enum mg_dash_op op, struct mg_dash_user *u) {
  (void) op;
  return u->level >= 7;
}

static bool arr_fn(enum mg_dash_op op, struct mg_dash_user *u) {
  (void) u;
  if (op == MG_DASH_READ) {
    if (square_index < 0) {
      square_index = squares_len;
    } else if (square_index < squares_len) {
      val = squares[square_index];
    } else {
      square_index = -1;
    }
    return true;
  }
  if (op == MG_DASH_ADD) {
    if (squares_len >= (int) COUNT(squares)) return false;
    squares[squares_len++] = val;
    return true;
  }
  if (square_index < 0 || square_index >= squares_len) return false;
  if (op == MG_DASH_WRITE && frozen) return false;
  if (op == MG_DASH_WRITE) squares[square_index] = val;
  return true;
}

static int authenticate(char *user, size_t userlen, const char *pass) {
  CHECK(userlen == 100 && user != NULL);
  if (strcmp(pass, "admin") == 0) return 7;
  if (strcmp(pass, "user") == 0) return 3;
  return 0;
}

static void custom(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  CHECK(ev == MG_EV_HTTP_MSG);
  mg_http_reply(c, 200, "", "%.*s", (int) hm->uri.len, hm->uri.buf);
}

static const struct mg_mem_file files[] = {
    {"/dashboard.html", (const unsigned char *) "<p>page</p>", 11, 1}, {NULL, NULL, 0, 0}};

static void levels(void) {
  EXPECT_BODY("GET /api/get", "", "", 403, "Not Authorised\n");
  EXPECT_BODY("GET /api/custom", "", "", 403, "Not Authorised\n");
  EXPECT_BODY("GET /api/custom", ADMIN, "", 200, "/api/custom");
  EXPECT("GET /api/login", BAD, "", 403);
  EXPECT_BODY("GET /api/login", USER, "", 200, "{\"user\":\"user\",\"level\":3}\n");
  EXPECT_BODY("GET /api/login", ADMIN, "", 200, "{\"user\":\"admin\",\"level\":7}\n");
  CHECK(strstr(reply, "Content-Type: application/json\r\nCache-Control: no-cache\r\n") != NULL);
  CHECK(strstr(reply, "Set-Cookie: access_token=") != NULL);
  CHECK(strstr(reply, "; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400\r\n") != NULL);
  EXPECT_BODY("GET /api/get/set3", USER, "", 200, "null\n");
  EXPECT_BODY("GET /api/get/set3", ADMIN, "", 200, "{\"admin\":7}\n");
  EXPECT_BODY("POST /api/set", USER, "{\"set3\":{\"admin\":8}}", 200, "0\n");
  EXPECT_BODY("GET /api/get/set3", ADMIN, "", 200, "{\"admin\":7}\n");
  EXPECT_BODY("POST /api/set", ADMIN, "{\"set3\":{\"admin\":8}}", 200, "1\n");
  EXPECT_BODY("GET /api/get/set3", ADMIN, "", 200, "{\"admin\":8}\n");
  EXPECT_BODY("GET /api/get/set1", USER, "", 200, "{\"one\":2,\"three\":\"t: 2\"}\n");
  EXPECT_BODY("POST /api/set", USER, "{\"set1\":{\"one\":3}}", 200, "0\n");
  EXPECT_BODY("GET /api/get/set1", USER, "", 200, "{\"one\":2,\"three\":\"t: 2\"}\n");
  EXPECT_BODY("POST /api/set", ADMIN, "{\"set1\":{\"one\":3}}", 200, "1\n");
  EXPECT_BODY("GET /api/get/set1", ADMIN, "", 200, "{\"one\":3,\"three\":\"t: 3\"}\n");
}

static void changes(void) {
  struct watcher u, a;
  watch(&u, USER);
  CHECK(u.opens == 1);
  EXPECT_BODY("POST /api/set", ADMIN, "{\"set3\":{\"admin\":9}}", 200, "1\n");
  polls(200);
  CHECK(u.frames == 0 && u.closes == 0);
  watch(&a, ADMIN);
  CHECK(a.opens == 1);
  EXPECT_BODY("POST /api/set", ADMIN, "{\"set3\":{\"admin\":8}}", 200, "1\n");
  CHECK(hears(&a, "{\"method\":\"change\",\"params\":{\"set3\":{\"admin\":8}}}\n") && a.frames == 1);
  leave(&a);
  EXPECT_BODY("POST /api/set", ADMIN, "{\"set1\":{\"one\":4}}", 200, "1\n");
  EXPECT_BODY("GET /api/get/set1", ADMIN, "", 200, "{\"one\":4,\"three\":\"t: 4\"}\n");
  CHECK(hears(&u, "{\"set1\":{\"one\":4,\"three\":\"t: 4\"}}") && u.frames == 1);
  leave(&u);
}

static void array(struct mg_field_set *arr) {
  static struct watcher a;  // open until the end
  now += 1100;  // all sessions expire
  EXPECT_BODY("GET /api/hi", "", "", 200, "hi\n");
  EXPECT_BODY("GET /api/get/arr", ADMIN, "", 200, "17\n");
  EXPECT_BODY("GET /api/get/arr/7", ADMIN, "", 200, "[{\"val\":49}]\n");
  EXPECT_BODY("GET /api/get/arr/0/2", ADMIN, "", 200, "[{\"val\":0},{\"val\":1},{\"val\":4}]\n");
  EXPECT_BODY("GET /api/get/arr/15/2000000000", ADMIN, "", 200, "[{\"val\":225},{\"val\":256}]\n");
  EXPECT_BODY("GET /api/get/arr/17", ADMIN, "", 200, "[]\n");
  EXPECT_BODY("GET /api/get/arr/5/2", ADMIN, "", 200, "[]\n");
  EXPECT_BODY("GET /api/get/arr/x", ADMIN, "", 200, "[{\"val\":0}]\n");
  EXPECT_BODY("GET /api/get/arr/99999999999", ADMIN, "", 200, "[]\n");
  EXPECT_BODY("GET /api/get/set3/1/2", ADMIN, "", 200, "{\"admin\":8}\n");
  EXPECT_BODY("GET /api/del/arr/3", ADMIN, "", 200, "1\n");
  EXPECT_BODY("GET /api/del/arr/1/3", ADMIN, "", 200, "3\n");
  EXPECT_BODY("GET /api/del/arr/100", ADMIN, "", 403, "false\n");
  EXPECT_BODY("GET /api/del/arr/x", ADMIN, "", 403, "false\n");
  EXPECT_BODY("GET /api/del/set1/0", ADMIN, "", 404, "null\n");
  EXPECT_BODY("GET /api/del/nope/0", ADMIN, "", 404, "null\n");

  watch(&a, ADMIN);
  square_index = 5;
  mg_dash_send_change(&mgr, arr);
  CHECK(hears(&a, "{\"method\":\"change\",\"params\":{\"arr/5\":{\"val\":25}}}\n") && square_index == 5);
  // An element that is not there: nothing is said about it.
  square_index = 100;
  mg_dash_send_change(&mgr, arr);
  polls(20);
  CHECK(a.frames == 1 && square_index == 100);
  square_index = -1;
  mg_dash_send_change(&mgr, arr);
  CHECK(hears(&a, "{\"method\":\"change\",\"params\":{\"arr\":17}}\n") && square_index == -1);
  leave(&a);

  watch(&a, ADMIN);
  EXPECT_BODY("POST /api/get/arr/5", ADMIN, "{\"val\":99}", 200, "1\n");
  CHECK(hears(&a, "{\"arr/5\":{\"val\":99}}"));
  EXPECT_BODY("GET /api/get/arr/5", ADMIN, "", 200, "[{\"val\":99}]\n");
  leave(&a);
  EXPECT_BODY("POST /api/get/arr/100", ADMIN, "{\"val\":1}", 404, "null\n");
  EXPECT_BODY("POST /api/get/arr/x", ADMIN, "{\"val\":1}", 404, "null\n");
  EXPECT_BODY("POST /api/get/set1/0", ADMIN, "{\"one\":1}", 404, "null\n");
  EXPECT_BODY("POST /api/get/arr/3", ADMIN, "{\"nope\":1}", 403, "false\n");
  frozen = true;
  EXPECT_BODY("POST /api/get/arr/3", ADMIN, "{\"val\":777}", 403, "false\n");
  frozen = false;
  EXPECT_BODY("GET /api/get/arr/3", ADMIN, "", 200, "[{\"val\":9}]\n");

  watch(&a, ADMIN);
  EXPECT_BODY("POST /api/add/arr", ADMIN, "{\"val\":555}", 200, "true\n");
  CHECK(hears(&a, "{\"arr\":18}"));
  EXPECT_BODY("GET /api/get/arr/17", ADMIN, "", 200, "[{\"val\":555}]\n");
  EXPECT_BODY("POST /api/add/arr", ADMIN, "{\"val\":556}", 200, "true\n");
  EXPECT_BODY("POST /api/add/arr", ADMIN, "{\"val\":557}", 403, "false\n");
  EXPECT_BODY("POST /api/add/arr", ADMIN, "{}", 403, "false\n");
  EXPECT_BODY("POST /api/add/set1", ADMIN, "{\"one\":1}", 404, "null\n");
}

int main(void) {
  struct mg_field files_fields[] = {{"name", MG_VAL_STR, file_name, sizeof(file_name)},
                                    {"size", MG_VAL_UINT64, &file_size, 0},
                                    {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field one_fields[] = {{"one", MG_VAL_INT, &one, sizeof(one)},
                                  {"three", MG_VAL_STR, three, sizeof(three)},
                                  {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field two_fields[] = {{"two", MG_VAL_BOOL, &two, 0}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field admin_fields[] = {{"admin", MG_VAL_INT, &admin, sizeof(admin)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field val_fields[] = {{"val", MG_VAL_INT, &val, sizeof(val)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set file_set = {"files", files_fields, NULL, &file_index, get_dir, NULL};
  struct mg_field_set set1 = {"set1", one_fields, set1_fn, NULL, NULL, NULL};
  struct mg_field_set set2 = {"set2", two_fields, set2_fn, NULL, NULL, NULL};
  struct mg_field_set set3 = {"set3", admin_fields, set3_fn, NULL, NULL, NULL};
  struct mg_field_set arr = {"arr", val_fields, arr_fn, &square_index, NULL, NULL};
  struct mg_dash dash;
  int i;
  memset(&dash, 0, sizeof(dash));
  for (i = 0; i < squares_len; i++) squares[i] = i * i;
  dash.session_auto_expiration_seconds = 1;
  MG_DASH_ADD_FIELD_SET(&dash, &file_set);
  MG_DASH_ADD_FIELD_SET(&dash, &set1);
  CHECK(dash.sets == &set1 && set1.next == &file_set);
  MG_DASH_ADD_FIELD_SET(&dash, &set2);
  MG_DASH_ADD_FIELD_SET(&dash, &set3);
  MG_DASH_ADD_FIELD_SET(&dash, &arr);
  MG_DASH_REGISTER_CUSTOM_HANDLER(&dash, "/api/custom", custom, &marker);
  MG_DASH_REGISTER_CUSTOM_HANDLER(&dash, "/more/*", custom, NULL);
  CHECK(dash.custom_handlers->next != NULL && dash.custom_handlers->next->handler == custom);
  CHECK(dash.custom_handlers->next->handler_data == &marker);
  CHECK(mg_strcmp(dash.custom_handlers->next->uri_pattern, mg_str("/api/custom")) == 0);
  mg_mem_files = files;
  begin(mg_dash_ev_handler, &dash);

  EXPECT_BODY("GET /api/get", "", "", 200,
              "{\"arr\":17,\"set3\":{\"admin\":7},\"set2\":{\"two\":false},"
              "\"set1\":{\"one\":1,\"three\":\"t: 1\"},\"files\":0}\n");
  CHECK(dash.guest != NULL && dash.guest->level == 9 && strcmp(dash.guest->name, "guest") == 0);
  EXPECT_BODY("GET /api/login", "", "", 200, "{\"user\":\"guest\",\"level\":9}\n");
  CHECK(strstr(reply, "Set-Cookie: access_token=; Path=/; HttpOnly;") != NULL);
  EXPECT_BODY("POST /api/set", "", "{\"set1\":{\"one\":2}}", 200, "1\n");
  EXPECT_BODY("GET /api/get/set1", "", "", 200, "{\"one\":2,\"three\":\"t: 2\"}\n");
  EXPECT_BODY("POST /api/set", "", "{\"set2\":{\"two\":true}}", 200, "0\n");
  CHECK(!two);
  EXPECT_BODY("GET /api/get/set2", "", "", 200, "{\"two\":false}\n");
  EXPECT_BODY("GET /", "", "", 200, "<p>page</p>");
  EXPECT_BODY("GET /more/x", "", "", 200, "/more/x");
  EXPECT_BODY("GET /nope", "", "", 404, "Not Found");
  EXPECT_BODY("GET /api/nope", "", "", 404, "Not Found");
  EXPECT_BODY("GET /api/get/nope", "", "", 200, "null\n");

  dash.authenticate = authenticate;
  levels();
  changes();
  array(&arr);
  // Sessions and WebSockets are open.
  mg_mgr_free(&mgr);
  CHECK(dash.guest == NULL);
  return FAILURES;
}
