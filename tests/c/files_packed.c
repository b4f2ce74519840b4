// mg_fs_packed and mg_unpacked: files in the program's memory.
#include "exchange.h"

#define BYTES(text) (const unsigned char *) text, sizeof(text) - 1
static const struct mg_mem_file tree[] = {
    {"/a.txt", BYTES("hello\n"), 1700000000},
    {"/data/ca.pem", BYTES("pem"), 0},
    {"/data/sub/x", BYTES("x"), 0},
    {"/data2/z", BYTES("z"), 0},
    {"/data/sub/y", BYTES("y"), 0},
    {"/empty", BYTES(""), 1},
    {"/a.txt", BYTES("second"), 0},
    {"/broken", NULL, 5, 7},
    {NULL, NULL, 0, 0},
};
static const struct mg_mem_file site[] = {
    {"/web/index.html", BYTES("root"), 1700000000},
    {"/web/e.js", BYTES("js"), 1700000000},
    {"/web/e.js.gz", BYTES("gz!"), 1700000000},
    {"/web/p.shtml", BYTES("[<!--#include file=\"inc.txt\"--><!--#include virtual=\"/e.js\"-->]"), 1700000000},
    {"/web/inc.txt", BYTES("inc"), 1700000000},
    {"/web/list/one", BYTES("1"), 1700000000},
    {"/Makefile", BYTES("all:\n"), 1700000000},
    {NULL, NULL, 0, 0},
};

static char names[300];

static void note(const char *name, void *param) {
  mg_snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s,", name);
  (void) param;
}

static void test_nothing(void) {
  CHECK(mg_mem_files == NULL);
  CHECK(mg_unpacked("/a.txt").buf == NULL && mg_fs_packed.st("/a.txt", NULL, NULL) == 0);
  CHECK(mg_fs_packed.st("/", NULL, NULL) == 0 && mg_fs_packed.op("/a.txt", MG_FS_READ) == NULL);
  mg_fs_packed.ls("/", note, NULL);
  CHECK(names[0] == '\0');
}

static void test_look_up(void) {
  struct mg_str s = mg_unpacked("/a.txt");
  CHECK(s.len == 6 && s.buf == (const char *) tree[0].data);
  s = mg_unpacked("/empty");
  CHECK(s.len == 0 && s.buf != NULL);
  CHECK(mg_unpacked("/nope").buf == NULL && mg_unpacked("/data").buf == NULL && mg_unpacked(NULL).buf == NULL);
  CHECK(mg_unpacked("/A.txt").buf == NULL && mg_unpacked("a.txt").buf == NULL && mg_unpacked("//a.txt").buf == NULL);
  CHECK(mg_unpacked("/broken").buf == NULL && mg_unpacked("/broken").len == 0);
}

static void test_stat(void) {
  static const struct {
    const char *path;
    int flags;
  } rows[] = {{"/a.txt", 1},  {"/data", 4},     {"/data/", 4},    {"/data2", 4}, {"/", 4},       {"", 4},
              {"/nope", 0},   {"a.txt", 0},     {"/a.txt/", 0},   {"/data/sub", 4}, {"/data/sub/", 4}, {"/data/ca", 0},
              {"/dat", 0},    {"//", 0},        {"/data//", 0},   {"/data/ca.pem", 1}, {"/broken", 0}};
  size_t i, size = 77;
  time_t mtime = 77;
  for (i = 0; i < COUNT(rows); i++) CHECK_ROW(mg_fs_packed.st(rows[i].path, NULL, NULL) == rows[i].flags, rows[i].path);
  CHECK(mg_fs_packed.st("/data", &size, &mtime) == 4 && size == 77 && mtime == 77);
  CHECK(mg_fs_packed.st("/broken", &size, &mtime) == 0 && size == 77 && mtime == 77);
  CHECK(mg_fs_packed.st(NULL, &size, &mtime) == 0);
  CHECK(mg_fs_packed.st("/a.txt", &size, &mtime) == 1 && size == 6 && mtime == 1700000000);
}

static void test_ls(void) {
  static const struct {
    const char *dir, *names;
  } rows[] = {{"", "a.txt,data,data2,empty,broken,"},
              {"/", "a.txt,data,data2,empty,broken,"},
              {"/data", "ca.pem,sub,"},
              {"/data/", "ca.pem,sub,"},
              {"/data/sub", "x,y,"},
              {"/dat", ""},
              {"/a.txt", ""},
              {"/nope", ""}};
  char buf[20] = "";
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    names[0] = '\0';
    mg_fs_packed.ls(rows[i].dir, note, NULL);
    CHECK_ROW(strcmp(names, rows[i].names) == 0, rows[i].dir);
  }
  CHECK(mg_fs_ls(&mg_fs_packed, "/data", buf, sizeof(buf)) && strcmp(buf, "ca.pem") == 0);
  CHECK(mg_fs_ls(&mg_fs_packed, "/data", buf, sizeof(buf)) && strcmp(buf, "sub") == 0);
  CHECK(!mg_fs_ls(&mg_fs_packed, "/data", buf, sizeof(buf)));
}

static void test_files(void) {
  struct mg_fs *fs = &mg_fs_packed;
  char text[10] = "";
  struct mg_str s;
  void *fd = fs->op("/a.txt", MG_FS_READ);
  CHECK(fd != NULL && fs->rd(fd, text, 3) == 3 && strcmp(text, "hel") == 0);
  mg_mem_files = NULL;  // An open file stays what it is.
  CHECK(fs->rd(fd, text, (size_t) -1 / 2) == 3 && memcmp(text, "lo\n", 3) == 0 && fs->rd(fd, text, 3) == 0);
  CHECK(fs->sk(fd, 5) == 5 && fs->rd(fd, text, 10) == 1 && fs->sk(fd, (size_t) -1) == 6 && fs->rd(fd, text, 1) == 0);
  CHECK(fs->wr(fd, "x", 1) == 0);
  fs->cl(fd);
  mg_mem_files = tree;
  CHECK(fs->op("/a.txt", 2) == NULL && fs->op("/a.txt", 3) == NULL && fs->op("/data", 1) == NULL);
  fd = fs->op("/a.txt", 8);
  CHECK(fd != NULL);
  fs->cl(fd);
  fs->cl(NULL);
  CHECK(fs->rd(NULL, text, 1) == 0 && fs->sk(NULL, 1) == 0 && fs->wr(NULL, "", 0) == 0);
  CHECK(!fs->mv("/a.txt", "/b") && !fs->rm("/a.txt") && !fs->mkd("/x"));
  CHECK(!mg_file_write(fs, "/a.txt", "x", 1));
  s = mg_file_read(fs, "/data/ca.pem");
  CHECK(s.len == 3 && strcmp(s.buf, "pem") == 0);
  mg_free(s.buf);
}

static struct mg_http_serve_opts opts;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  mg_mem_files = site;
  if (ev == MG_EV_HTTP_MSG) mg_http_serve_dir(c, (struct mg_http_message *) ev_data, &opts);
}

static void test_serving(void) {
  static const struct {
    const char *root, *target;
    int status;
    const char *body;
  } rows[] = {
      {"/web", "/", 200, "root"},      {"/web", "/e.js", 200, "js"},   {"/web", "/list", 301, ""},
      {"/web", "/nope", 404, NULL},    {"/web", "/../Makefile", 400, NULL}, {"/", "/Makefile", 200, "all:\n"},
      {"/", "/web", 301, ""},          {"/", "/web/", 200, "root"},    {"", "/Makefile", 200, "all:\n"},
      {NULL, "/web/e.js", 200, "js"},  {"/", "/", 200, NULL},          {"/web", "/p.shtml", 200, "[incjs]"},
      {"/a=/web", "/a/e.js", 200, "js"}, {"/a=/web", "/Makefile", 404, NULL},
  };
  size_t i;
  opts.fs = &mg_fs_packed;
  opts.ssi_pattern = "#.shtml";
  start_server(serve);
  for (i = 0; i < COUNT(rows); i++) {
    opts.root_dir = rows[i].root;
    get(rows[i].target);
    CHECK_ROW(status(reply) == rows[i].status, rows[i].target);
    CHECK_ROW(rows[i].body == NULL || strcmp(body(reply), rows[i].body) == 0, rows[i].target);
  }
  opts.root_dir = "/";
  get("/");
  CHECK(strstr(reply, ">web/<") != NULL && strstr(reply, ">Makefile<") != NULL);
  get("/web/list/");
  CHECK(strstr(reply, ">one<") != NULL && strstr(reply, "\"..\"") != NULL);
  exchange("GET /web/e.js HTTP/1.1\r\nAccept-Encoding: gzip");
  CHECK(strstr(reply, "Etag: \"1700000000.3\"\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n") != NULL);
  exchange("GET /Makefile HTTP/1.1\r\nRange: bytes=-2");
  CHECK(status(reply) == 206 && strcmp(body(reply), ":\n") == 0);
  stop_server();
}

int main(void) {
  test_nothing();
  mg_mem_files = tree;
  test_look_up();
  test_stat();
  test_ls();
  test_files();
  test_serving();
  return FAILURES;
}
