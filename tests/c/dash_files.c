// Sets of files, uploads, firmware: what the function of a set is asked, and what becomes of files.
#include "dash.h"

static char file_name[50], seen_name[50];
static uint64_t file_size;
static int file_index, n_index;
static int seen[4], denied = -1;  // calls of the function; the operation that it refuses
static bool has_dir = true;
static struct mg_field fields[] = {{"name", MG_VAL_STR, file_name, sizeof(file_name)},
                                   {"size", MG_VAL_UINT64, &file_size, 0},
                                   {NULL, MG_VAL_INT, NULL, 0}};
static bool files_fn(enum mg_dash_op op, struct mg_dash_user *u);

static bool get_dir(const struct mg_dash_user *u, char *buf, size_t len) {
  CHECK(u->dash != NULL);
  mg_snprintf(buf, len, "files");
  return has_dir;
}

static struct mg_field_set set = {"files", fields, files_fn, &file_index, get_dir, NULL};

static bool files_fn(enum mg_dash_op op, struct mg_dash_user *u) {
  seen[op]++;
  if (op != MG_DASH_READ) mg_snprintf(seen_name, sizeof(seen_name), "%s", file_name);
  if ((int) op == denied) return false;
  return op == MG_DASH_READ ? mg_dash_dir_read(&set, u) : true;
}

static const char *content(const char *path) {
  static char text[5000];
  FILE *f = fopen(path, "rb");
  size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);
  if (f != NULL) fclose(f);
  text[n] = '\0';
  return f == NULL ? "(none)" : text;
}

static struct mg_dash dash;
static struct watcher w;

static void fresh(void) {
  memset(seen, 0, sizeof(seen));
  memset(&dash, 0, sizeof(dash));
  seen_name[0] = '\0';
  denied = -1;
  MG_DASH_ADD_FIELD_SET(&dash, &set);
  begin(mg_dash_ev_handler, &dash);
}

static void test_a_dashboard_without_files(void) {
  static int v;
  struct mg_field one[] = {{"v", MG_VAL_INT, &v, sizeof(v)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set other = {"other", one, NULL, NULL, NULL, NULL};
  memset(&dash, 0, sizeof(dash));
  MG_DASH_ADD_FIELD_SET(&dash, &other);
  begin(mg_dash_ev_handler, &dash);
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"other\":{\"v\":0}}\n");
  EXPECT_BODY("GET /fs/files/test.txt", "", "", 404, "Not Found");
  EXPECT_BODY("POST /fs/files/test.txt", "", "12345", 404, "Not Found\n");
  EXPECT_BODY("GET /fs/other/test.txt", "", "", 404, "Not Found");
  mg_mgr_free(&mgr);
}

static void test_the_rows(void) {
  static const char *const bad[] = {"..%Fevil.txt", "..%Fevil.bin", "..", "", ".", "%2e%2e%2fx", "a%00b", "a%", "%7e",
                                    "a%2f", "a-name-that-is-longer-than-the-fifty-bytes-of-its-field"};
  size_t i;
  fresh();
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"files\":0}\n");
  EXPECT_BODY("DELETE /fs/files/nofile.txt", "", "", 200, "true");
  CHECK(seen[MG_DASH_DELETE] == 1 && strcmp(seen_name, "nofile.txt") == 0);
  for (i = 0; i < COUNT(bad); i++) {
    char line[100];
    mg_snprintf(line, sizeof(line), "DELETE /fs/files/%s", bad[i]);
    EXPECT_BODY(line, "", "", 400, "Bad file name\n");
    mg_snprintf(line, sizeof(line), "PUT /fs/files/%s", bad[i]);
    EXPECT_BODY(line, "", "1234", 400, "Bad file name\n");
    mg_snprintf(line, sizeof(line), "GET /fs/files/%s", bad[i]);
    EXPECT_BODY(line, "", "", 400, "Bad file name\n");
  }
  CHECK(seen[MG_DASH_DELETE] == 1 && seen[MG_DASH_WRITE] == 0);
  EXPECT_BODY("PUT /fs/files/test.bin", "", "1234", 200, "ok\n");
  CHECK(seen[MG_DASH_WRITE] == 1 && strcmp(seen_name, "test.bin") == 0);
  CHECK(strcmp(content("files/test.bin"), "1234") == 0);
  EXPECT_BODY("GET /api/get/files/0", "", "", 200, "[{\"name\":\"test.bin\",\"size\":4}]\n");
  EXPECT_BODY("GET /api/get/files/0/9", "", "", 200, "[{\"name\":\"test.bin\",\"size\":4}]\n");
  EXPECT_BODY("GET /api/get/files/1", "", "", 200, "[]\n");
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"files\":1}\n");
  EXPECT_BODY("GET /fs/files/test.bin", "", "", 200, "1234");
  EXPECT_BODY("GET /fs/files/nofile", "", "", 404, "Not found\n");
  EXPECT_BODY("GET /fs/files/a/b", "", "", 404, "Not Found");
  mg_mgr_free(&mgr);
}

static void test_uploads_and_removals_are_told(void) {
  fresh();
  watch(&w, "");
  EXPECT_BODY("POST /fs/files/second%20one", "", "12", 200, "ok\n");
  CHECK(hears(&w, "{\"method\":\"change\",\"params\":{\"files\":2}}\n"));
  CHECK(strcmp(content("files/second one"), "12") == 0);
  // The same again is another file, not a longer one.
  EXPECT_BODY("POST /fs/files/second%20one", "", "345", 200, "ok\n");
  CHECK(strcmp(content("files/second one"), "345") == 0);
  EXPECT_BODY("PUT /fs/files/empty", "", "", 200, "ok\n");
  CHECK(hears(&w, "{\"files\":3}"));
  CHECK(strcmp(content("files/empty"), "") == 0);
  EXPECT_BODY("DELETE /fs/files/empty", "", "", 200, "true");
  EXPECT_BODY("DELETE /fs/files/second%20one", "", "", 200, "true");
  CHECK(hears(&w, "{\"files\":1}") && strcmp(content("files/empty"), "(none)") == 0);
  EXPECT_BODY("GET /api/del/files/0", "", "", 200, "1\n");
  CHECK(strcmp(seen_name, "test.bin") == 0);
  EXPECT("GET /api/del/files/1", "", "", 403);
  mg_mgr_free(&mgr);
}

static void test_refusals(void) {
  fresh();
  denied = MG_DASH_WRITE;
  EXPECT_BODY("PUT /fs/files/x", "", "1234", 403, "Not Authorised\n");
  denied = MG_DASH_DELETE;
  EXPECT_BODY("DELETE /fs/files/test.bin", "", "", 403, "Not Authorised\n");
  denied = MG_DASH_READ;
  EXPECT_BODY("GET /fs/files/test.bin", "", "", 403, "Not Authorised\n");
  EXPECT_BODY("GET /api/get", "", "", 200, "{}\n");
  EXPECT_BODY("GET /api/get/files/0", "", "", 200, "null\n");
  denied = -1;
  has_dir = false;
  EXPECT_BODY("GET /fs/files/test.bin", "", "", 500, "Upload dir error\n");
  EXPECT_BODY("PUT /fs/files/test.bin", "", "1", 500, "Upload dir error\n");
  EXPECT_BODY("DELETE /fs/files/test.bin", "", "", 500, "Upload dir error\n");
  EXPECT_BODY("GET /api/get", "", "", 200, "{}\n");
  has_dir = true;
  CHECK(strcmp(content("files/test.bin"), "1234") == 0);
  // A directory is no file.
  put_dir("files/sub");
  EXPECT_BODY("PUT /fs/files/sub", "", "1", 500, "open failed\n");
  CHECK(rmdir("files/sub") == 0);
  // Pages of other sites may look, and no more.
  EXPECT("DELETE /fs/files/test.bin", "Host: a\nOrigin: http://b\n", "", 403);
  EXPECT("PUT /fs/files/test.bin", "Host: a\nOrigin: http://b\n", "1", 403);
  EXPECT("GET /fs/files/test.bin", "Host: a\nOrigin: http://b\n", "", 200);
  CHECK(strcmp(content("files/test.bin"), "1234") == 0);
  mg_mgr_free(&mgr);
}

static void test_without_a_function(void) {
  fresh();
  set.fn = NULL;
  EXPECT_BODY("GET /api/get/files", "", "", 200, "1\n");
  EXPECT_BODY("GET /api/get/files/0", "", "", 200, "[{\"name\":\"test.bin\",\"size\":4}]\n");
  EXPECT_BODY("PUT /fs/files/x", "", "1", 200, "ok\n");
  EXPECT_BODY("DELETE /fs/files/x", "", "", 200, "true");
  EXPECT_BODY("GET /api/del/files/0", "", "", 403, "false\n");
  EXPECT_BODY("POST /api/add/files", "", "{\"name\":\"x\"}", 404, "null\n");
  CHECK(seen[MG_DASH_READ] == 0);
  mg_mgr_free(&mgr);
  set.fn = files_fn;
}

static void test_dir_read(void) {
  struct mg_dash_user u;
  struct mg_field plain[] = {{"name", MG_VAL_STR, file_name, 5}, {"size", MG_VAL_INT, &n_index, sizeof(int)},
                             {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field nameless[] = {{"size", MG_VAL_INT, &n_index, sizeof(int)}, {NULL, MG_VAL_INT, NULL, 0}};
  struct mg_field_set s = {"s", plain, NULL, &file_index, get_dir, NULL};
  memset(&u, 0, sizeof(u));
  memset(&dash, 0, sizeof(dash));
  file_index = -1;
  CHECK(!mg_dash_dir_read(&s, &u));  // no dashboard
  u.dash = &dash;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == 1);
  file_index = 0;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == 0 && strcmp(file_name, "test") == 0 && n_index == 4);
  file_index = 1;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == -1);
  file_index = -7;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == -1);
  has_dir = false;
  CHECK(!mg_dash_dir_read(&s, &u));
  has_dir = true;
  plain[0].value_size = 0;  // no room for names: they can still be counted
  file_index = -1;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == 1);
  file_index = 0;
  CHECK(mg_dash_dir_read(&s, &u) && file_index == 0 && strcmp(file_name, "test") == 0);
  s.fields = nameless;
  CHECK(!mg_dash_dir_read(&s, &u));
  s.fields = NULL;
  CHECK(!mg_dash_dir_read(&s, &u));
  s.fields = plain;
  s.index = NULL;
  CHECK(!mg_dash_dir_read(&s, &u));
  s.index = &file_index;
  s.get_dir = NULL;
  CHECK(!mg_dash_dir_read(&s, &u));
  CHECK(!mg_dash_dir_read(NULL, &u) && !mg_dash_dir_read(&s, NULL));
}

static void test_firmware(void) {
  fresh();
  EXPECT_BODY("POST /api/ota", "", "firmware", 200, "ok\n");
  EXPECT_BODY("POST /api/ota", "", "", 200, "ok\n");
  EXPECT("POST /api/ota", "Sec-Fetch-Site: cross-site\n", "firmware", 403);
  mg_mgr_free(&mgr);
}

// A file system of the program's, which counts.
static int listed;

static void counting_ls(const char *path, void (*fn)(const char *, void *), void *param) {
  listed++;
  mg_fs_posix.ls(path, fn, param);
}

static void test_many_files(void) {
  struct mg_fs own_fs = mg_fs_posix;
  char line[100];
  const char *at;
  int i, n = 0;
  fresh();
  own_fs.ls = counting_ls;
  dash.upload_fs = &own_fs;
  for (i = 0; i < 50; i++) {
    mg_snprintf(line, sizeof(line), "PUT /fs/files/many%d", i);
    EXPECT_BODY(line, "", "x", 200, "ok\n");
  }
  listed = 0;
  CHECK(ask("GET /api/get/files/0/99", "", "") == 200);
  for (at = reply_body; (at = strstr(at, "\"name\":\"many")) != NULL; at++) n++;
  CHECK(n == 50 && listed == 1);
  for (i = 0; i < 50; i++) {
    mg_snprintf(line, sizeof(line), "DELETE /fs/files/many%d", i);
    EXPECT_BODY(line, "", "", 200, "true");
  }
  EXPECT_BODY("GET /api/get", "", "", 200, "{\"files\":1}\n");
  mg_mgr_free(&mgr);
}

// Uploads that come in pieces, are cut off, or outlive their listener.
static void test_slow_uploads(void) {
  static struct mg_str request;
  struct mg_connection *c;
  fresh();
  request = mg_str("PUT /fs/files/slow HTTP/1.1\r\nContent-Length: 2000\r\n\r\nabc");
  c = mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
  POLLS_SUFFICE(&mgr, 20, mg_fs_posix.st("files/slow", NULL, NULL) != 0);
  CHECK(strcmp(content("files/slow"), "") == 0);
  c->is_closing = 1;
  polls(20);
  EXPECT_BODY("DELETE /fs/files/slow", "", "", 200, "true");
  c = mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
  POLLS_SUFFICE(&mgr, 20, mg_fs_posix.st("files/slow", NULL, NULL) != 0);
  listener->is_closing = 1;
  polls(20);
  mg_printf(c, "%01997d", 5);
  reply_done = false;
  POLLS_SUFFICE(&mgr, 20, reply_done);
  CHECK(strstr(reply, "HTTP/1.1 200 OK\r\n") == reply && strlen(content("files/slow")) == 2000);
  mg_mgr_free(&mgr);

  fresh();
  mg_http_connect(&mgr, url_for("http", ""), on_client, &request);
  polls(20);
  mg_mgr_free(&mgr);
}

int main(void) {
  put_dir("files");
  test_a_dashboard_without_files();
  test_the_rows();
  test_uploads_and_removals_are_told();
  test_refusals();
  test_without_a_function();
  test_dir_read();
  test_firmware();
  test_many_files();
  test_slow_uploads();
  return FAILURES;
}
