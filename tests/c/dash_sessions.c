// Who is logged in: cookies and tokens, expiry, logout, levels that change, dashboards side by side.
#include "dash.h"

static int v, level = 7, asked;
static struct mg_field fields[] = {{"v", MG_VAL_INT, &v, sizeof(v)}, {NULL, MG_VAL_INT, NULL, 0}};
static struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
static struct mg_dash dash;
static struct watcher w, w2;

// Password: the name; tokens `t1` and `t2` have no owner, `alice's` has one.
static int authenticate(char *user, size_t userlen, const char *pass) {
  asked++;
  if (strcmp(pass, "t1") == 0) return 1;
  if (strcmp(pass, "t2") == 0) return 2;
  if (strcmp(pass, "alice's") == 0) return mg_snprintf(user, userlen, "alice") == 5 ? 4 : 0;
  return *user != '\0' && strcmp(user, pass) == 0 ? level : 0;
}

static void fresh(void) {
  memset(&dash, 0, sizeof(dash));
  dash.authenticate = authenticate;
  dash.session_auto_expiration_seconds = 10;
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
  level = 7;
  asked = 0;
}

static char cookie[100];  // the header line that a browser sends

static void log_in(const char *headers) {
  const char *token;
  char text[30];
  CHECK(ask("GET /api/login", headers, "") == 200);
  token = strstr(reply, "access_token=");
  CHECK(token != NULL && strcspn(token, ";") == 13 + 19);
  snprintf(text, sizeof(text), "%.19s", token == NULL ? "" : token + 13);
  mg_snprintf(cookie, sizeof(cookie), "Cookie: access_token=%s\n", text);
}

// Credentials of a user whose password is the name.
static const char *basic(const char *name) {
  static char line[400];
  char plain[200], encoded[300];
  size_t n = mg_snprintf(plain, sizeof(plain), "%s:%s", name, name);
  mg_base64_encode((unsigned char *) plain, n, encoded, sizeof(encoded));
  mg_snprintf(line, sizeof(line), "Authorization: Basic %s\n", encoded);
  return line;
}

static void test_cookies(void) {
  char other[100];
  fresh();
  log_in(ADMIN);
  CHECK(asked > 0);
  asked = 0;
  EXPECT_BODY("GET /api/get/set", cookie, "", 200, "{\"v\":0}\n");
  EXPECT_BODY("GET /api/login", cookie, "", 200, "{\"user\":\"admin\",\"level\":7}\n");
  CHECK(asked == 0);
  // The token as a query, and as a bearer's, which is the program's business.
  mg_snprintf(other, sizeof(other), "GET /api/login?%.32s", cookie + 8);
  EXPECT(other, "", "", 200);
  mg_snprintf(other, sizeof(other), "Authorization: Bearer %.19s\n", cookie + 21);
  EXPECT("GET /api/login", other, "", 403);
  // Another log-in of the same user finds the same session.
  mg_snprintf(other, sizeof(other), "%s", cookie);
  log_in(ADMIN);
  CHECK(strcmp(other, cookie) == 0);
  // Nearly right is wrong.
  cookie[21 + 18] = cookie[21 + 18] == 'A' ? 'B' : 'A';
  EXPECT("GET /api/get/set", cookie, "", 403);
  memcpy(cookie + 21 + 18, "\n", 2);
  EXPECT("GET /api/get/set", cookie, "", 403);
  EXPECT("GET /api/get/set", "Cookie: access_token=\n", "", 403);
  mg_mgr_free(&mgr);
}

static void test_expiry(void) {
  fresh();
  log_in(ADMIN);
  watch(&w, cookie);
  watch(&w2, basic("other"));
  CHECK(w.opens == 1 && w2.opens == 1);
  now += 9000;
  EXPECT("GET /api/get", cookie, "", 200);  // renews
  now += 9000;
  EXPECT("GET /api/get", cookie, "", 200);
  POLLS_SUFFICE(&mgr, 20, w2.closes == 1);  // the other one did nothing
  CHECK(w.closes == 0);
  now += 10001;
  EXPECT("GET /api/get", cookie, "", 403);
  POLLS_SUFFICE(&mgr, 20, w.closes == 1);
  dash.session_auto_expiration_seconds = 0;  // an hour
  log_in(ADMIN);
  now += 3600000;
  EXPECT("GET /api/get", cookie, "", 200);
  now += 3600001;
  EXPECT("GET /api/get", cookie, "", 403);
  mg_mgr_free(&mgr);
}

static void test_logout(void) {
  static struct mg_str request;
  struct mg_connection *c;
  fresh();
  log_in(ADMIN);
  watch(&w, cookie);
  watch(&w2, basic("other"));
  EXPECT_BODY("GET /api/logout", "", "", 401, "Unauthorized\n");
  EXPECT("GET /api/get", cookie, "", 200);
  EXPECT_BODY("GET /api/logout", cookie, "", 401, "Unauthorized\n");
  CHECK(strstr(reply, "Set-Cookie: access_token=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 UTC; "
                      "HttpOnly; Max-Age=0; \r\n") != NULL);
  EXPECT("GET /api/get", cookie, "", 403);
  POLLS_SUFFICE(&mgr, 20, w.closes == 1);
  CHECK(w2.closes == 0);

  // Two requests on one connection: the second reply follows the first, and nothing else.
  request = mg_str("GET /api/logout HTTP/1.1\r\n\r\nGET /api/hi HTTP/1.1\r\n\r\n");
  reply_done = true;  // on_client only sends
  c = mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
  c->pfn = NULL;
  POLLS_SUFFICE(&mgr, 20, mg_match(mg_str_n((char *) c->recv.buf, c->recv.len),
                                   mg_str("HTTP/1.1 401 #Unauthorized\nHTTP/1.1 200 #hi\n"), NULL));
  mg_mgr_free(&mgr);
}

static void test_levels(void) {
  char first[100];
  fresh();
  EXPECT_BODY("GET /api/login", ADMIN, "", 200, "{\"user\":\"admin\",\"level\":7}\n");
  level = 3;
  EXPECT_BODY("GET /api/login", ADMIN, "", 200, "{\"user\":\"admin\",\"level\":3}\n");
  level = 0;
  EXPECT("GET /api/login", ADMIN, "", 403);
  level = -1;
  EXPECT("GET /api/login", ADMIN, "", 403);
  level = 7;
  // Tokens without owners do not lend each other their levels.
  log_in("Authorization: Bearer t1\n");
  memcpy(first, cookie, sizeof(first));
  EXPECT_BODY("GET /api/login", "Authorization: Bearer t2\n", "", 200, "{\"user\":\"\",\"level\":2}\n");
  EXPECT_BODY("GET /api/login", first, "", 200, "{\"user\":\"\",\"level\":1}\n");
  // A token as a cookie; it is not the session's.
  EXPECT_BODY("GET /api/login", "Cookie: access_token=alice's\n", "", 200, "{\"user\":\"alice\",\"level\":4}\n");
  log_in("Cookie: access_token=alice's\n");
  CHECK(strstr(cookie, "alice") == NULL);
  EXPECT_BODY("GET /api/login", cookie, "", 200, "{\"user\":\"alice\",\"level\":4}\n");
  mg_mgr_free(&mgr);
}

static void test_many_users(void) {
  char name[10], first[100];
  int i;
  fresh();
  log_in(basic("u0"));
  memcpy(first, cookie, sizeof(first));
  watch(&w, cookie);
  for (i = 1; i < 10; i++) {
    now++;
    mg_snprintf(name, sizeof(name), "u%d", i);
    EXPECT("GET /api/login", basic(name), "", 200);
  }
  polls(20);
  CHECK(w.closes == 0);
  now++;
  EXPECT("GET /api/login", basic("u10"), "", 200);
  POLLS_SUFFICE(&mgr, 20, w.closes == 1);
  EXPECT("GET /api/get", first, "", 403);
  mg_mgr_free(&mgr);
}

static void test_odd_names(void) {
  static const char *const prefix = "a-name-that-is-longer-than-its-place-in-the-struct";
  char name[200], first[100];
  fresh();
  EXPECT_BODY("GET /api/login", basic("a\"b\\"), "", 200, "{\"user\":\"a\\\"b\\\\\",\"level\":7}\n");
  // Longer than a name in the struct, and different after that: two users.
  mg_snprintf(name, sizeof(name), "%s1", prefix);
  log_in(basic(name));
  memcpy(first, cookie, sizeof(first));
  mg_snprintf(name, sizeof(name), "%s2", prefix);
  log_in(basic(name));
  CHECK(strcmp(first, cookie) != 0);
  mg_snprintf(name, sizeof(name), "{\"user\":\"%.*s\",\"level\":7}\n", MG_DASH_MAX_USER_NAME - 1, prefix);
  EXPECT_BODY("GET /api/login", first, "", 200, name);
  memset(name, 'x', 150);
  name[150] = '\0';
  EXPECT("GET /api/login", basic(name), "", 403);
  // admin NUL x : admin
  EXPECT("GET /api/login", "Authorization: Basic YWRtaW4AeDphZG1pbg==\n", "", 200);
  EXPECT("GET /api/login", "Authorization: Basic YWRtaW46\n", "", 403);
  EXPECT("GET /api/login", "Authorization: Basic !!!\n", "", 403);
  EXPECT("GET /api/login", "Authorization: Basic\n", "", 403);
  mg_mgr_free(&mgr);
}

// Two dashboards in one manager, and a WebSocket that is none of theirs.
static void foreign(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
    memset(c->data, 0xff, sizeof(c->data));
  }
}

static struct mg_dash second;

static void test_side_by_side(void) {
  static struct watcher mine, theirs, nobodys;
  static int x;
  struct mg_field x_fields[] = {{"x", MG_VAL_INT, &x, sizeof(x)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set x_set = {"x", x_fields, NULL, NULL, NULL, NULL};
  struct mg_connection *first;
  fresh();
  dash.authenticate = NULL;
  memset(&second, 0, sizeof(second));
  MG_DASH_ADD_FIELD_SET(&second, &x_set);
  first = listener;
  watch(&mine, "");
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", mg_dash_ev_handler, &second);
  watch(&theirs, "");
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"x\":{\"x\":0}}\n");
  CHECK(dash.guest != NULL && second.guest != NULL && dash.guest != second.guest);
  CHECK(dash.guest->dash == &dash && second.guest->dash == &second);
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", foreign, NULL);
  watch(&nobodys, "");
  CHECK(mine.opens == 1 && theirs.opens == 1 && nobodys.opens == 1);
  mg_dash_send_change(&mgr, &set);
  CHECK(hears(&mine, "{\"set\":{\"v\":0}}"));
  mg_dash_send_change(&mgr, &x_set);
  CHECK(hears(&theirs, "{\"x\":{\"x\":0}}"));
  CHECK(mine.frames == 1 && theirs.frames == 1 && nobodys.frames == 0);
  // Guests of a dashboard that asks for passwords now hear no more.
  dash.authenticate = authenticate;
  mg_dash_send_change(&mgr, &set);
  polls(20);
  CHECK(mine.frames == 1);
  dash.authenticate = NULL;
  // The listener has closed, and its sessions with it.
  first->is_closing = 1;
  polls(20);
  CHECK(dash.guest == NULL && second.guest != NULL);
  mg_dash_send_change(&mgr, &set);
  mg_dash_send_change(&mgr, &x_set);
  POLLS_SUFFICE(&mgr, 20, theirs.frames == 2);
  CHECK(mine.frames == 1);
  mg_mgr_free(&mgr);
}

// A program that puts its own handler first, and closes and sends inside of its functions.
static void wrapper(struct mg_connection *c, int ev, void *ev_data) {
  mg_dash_ev_handler(c, ev, ev_data);
}

static bool ends_all;

static bool rude(enum mg_dash_op op, struct mg_dash_user *u) {
  struct mg_connection *c;
  (void) op;
  if (ends_all) {
    for (c = mgr.conns; c != NULL; c = c->next) c->is_closing = 1;
    mg_mgr_poll(&mgr, 0);  // also ends the listener, and with it this user's session
  }
  return u->level == 7;
}

static void test_rude_functions(void) {
  fresh();
  listener->fn = wrapper;
  set.fn = rude;
  watch(&w, ADMIN);
  mg_dash_send_change(&mgr, &set);
  CHECK(hears(&w, "{\"set\":{\"v\":0}}"));
  ends_all = true;
  mg_dash_send_change(&mgr, &set);
  POLLS_SUFFICE(&mgr, 20, w.closes == 1);
  CHECK(w.frames == 1);
  ends_all = false;
  set.fn = NULL;
  mg_mgr_free(&mgr);
}

int main(void) {
  test_cookies();
  test_expiry();
  test_logout();
  test_levels();
  test_many_users();
  test_odd_names();
  test_side_by_side();
  test_rude_functions();
  return FAILURES;
}
