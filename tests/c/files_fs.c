// mg_fs_posix, and the functions for whole files on it and on file systems of programs.
#include "files.h"
#include "mongoose.h"

static char names[500];

static void note(const char *name, void *param) {
  mg_snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s,", name);
  CHECK(param == (void *) names);
}

static void test_stat(void) {
  struct mg_fs *fs = &mg_fs_posix;
  size_t size = 77;
  time_t mtime = 77;
  put("d/file", "0123");
  CHECK(fs->st("d/file", &size, &mtime) == (MG_FS_READ | MG_FS_WRITE) && size == 4 && mtime == 1700000000);
  CHECK(fs->st("d/file", NULL, NULL) == 3);
  CHECK(fs->st("d", NULL, NULL) == 7 && fs->st("d/", NULL, NULL) == 7);
  size = 77, mtime = 77;
  CHECK(fs->st("d/none", &size, &mtime) == 0 && fs->st("d/file/", &size, &mtime) == 0);
  CHECK(fs->st("", &size, &mtime) == 0 && fs->st(NULL, &size, &mtime) == 0 && size == 77 && mtime == 77);
  CHECK(symlink("file", "d/link") == 0 && symlink("none", "d/dangling") == 0);
  CHECK(fs->st("d/link", &size, NULL) == 3 && size == 4 && fs->st("d/dangling", NULL, NULL) == 0);
  CHECK(fs->st("/dev/null", NULL, NULL) == 3);
}

static void test_ls(void) {
  const char *dirs[] = {"l", "l/", "./l"};
  size_t i;
  put_dir("l");
  put("l/.h", ""), put("l/x", "");
  for (i = 0; i < COUNT(dirs); i++) {
    names[0] = '\0';
    mg_fs_posix.ls(dirs[i], note, names);
    CHECK_ROW(strcmp(names, ".h,x,") == 0 || strcmp(names, "x,.h,") == 0, dirs[i]);
  }
  names[0] = '\0';
  mg_fs_posix.ls("l/x", note, names);
  mg_fs_posix.ls("none", note, names);
  mg_fs_posix.ls(NULL, note, names);
  CHECK(names[0] == '\0');
}

static void test_open_modes(void) {
  struct mg_fs *fs = &mg_fs_posix;
  int flags;
  for (flags = 0; flags < 16; flags++) {
    char text[16] = "", row[16];
    void *fd;
    struct mg_str after;
    bool exclusive = (flags & MG_FS_EXCL) != 0, reads = (flags & (3 | MG_FS_EXCL)) == MG_FS_READ;
    mg_snprintf(row, sizeof(row), "flags %d", flags);
    put("d/mode", "0123");
    fd = fs->op("d/mode", flags);
    CHECK_ROW((fd == NULL) == exclusive, row);
    if (fd != NULL) {
      CHECK_ROW(fs->rd(fd, text, sizeof(text)) == 4 && memcmp(text, "0123", 4) == 0, row);
      CHECK_ROW(fs->sk(fd, 1) == 1, row);
      CHECK_ROW(fs->wr(fd, "XY", 2) == (reads ? 0u : 2u), row);
      CHECK_ROW(fs->rd(fd, text, 1) == 1 && text[0] == '1', row);  // No sk in between.
      fs->cl(fd);
    }
    after = mg_file_read(fs, "d/mode");
    CHECK_ROW(mg_strcmp(after, mg_str(exclusive || reads ? "0123" : "0123XY")) == 0, row);
    mg_free(after.buf);

    CHECK(fs->rm("d/mode"));
    fd = fs->op("d/mode", flags);
    CHECK_ROW((fd == NULL) == reads, row);
    if (fd != NULL) fs->cl(fd);
    CHECK_ROW((fs->st("d/mode", NULL, NULL) != 0) != reads, row);
  }
}

static void test_files(void) {
  struct mg_fs *fs = &mg_fs_posix;
  char text[8];
  void *fd = fs->op("d/file", MG_FS_READ);
  CHECK(fs->sk(fd, 3) == 3 && fs->rd(fd, text, 5) == 1 && text[0] == '3');
  CHECK(fs->sk(fd, 100) == 100 && fs->rd(fd, text, 5) == 0);
  CHECK(fs->sk(fd, SIZE_MAX) == 100);
  fs->cl(fd);
  fd = fs->op("d", MG_FS_READ);
  CHECK(fd != NULL && fs->rd(fd, text, 5) == 0);
  fs->cl(fd);
  CHECK(fs->op("d", MG_FS_WRITE) == NULL && fs->op("none/x", MG_FS_WRITE) == NULL);
  CHECK(fs->op(NULL, MG_FS_READ) == NULL && fs->op("none", MG_FS_READ) == NULL);
  CHECK(fs->op("d/dangling", MG_FS_WRITE | MG_FS_EXCL) == NULL);
  fs->cl(NULL);
  CHECK(fs->rd(NULL, text, 1) == 0 && fs->wr(NULL, text, 1) == 0 && fs->sk(NULL, 1) == 0);

  CHECK(fs->mkd("d/new") && !fs->mkd("d/new") && !fs->mkd("none/x") && !fs->mkd(NULL));
  put("d/new/x", "x");
  CHECK(!fs->rm("d/new") && !fs->rm("none") && !fs->rm(NULL));
  put("d/y", "y");
  CHECK(fs->mv("d/y", "d/new/x") && fs->st("d/y", NULL, NULL) == 0);
  CHECK(!fs->mv("none", "d/z") && !fs->mv(NULL, "x") && !fs->mv("x", NULL));
  CHECK(fs->mv("d/new", "d/newer") && fs->rm("d/newer/x") && fs->rm("d/newer"));
}

static void test_whole_files(void) {
  struct mg_fs *fs = &mg_fs_posix;
  struct mg_str s;
  struct stat st;
  char path[5000], proc[100];
  CHECK(mg_file_printf(fs, "data.txt", "%s", "hi"));
  s = mg_file_read(fs, "data.txt");
  CHECK(s.buf != NULL && s.len == 2 && strcmp(s.buf, "hi") == 0);
  mg_free(s.buf);
  CHECK(mg_file_printf(fs, "data.txt", "%m", MG_ESC("a\"b")));
  s = mg_file_read(fs, "data.txt");
  CHECK(strcmp(s.buf, "\"a\\\"b\"") == 0);
  mg_free(s.buf);
  CHECK(mg_file_printf(fs, "data.txt", "%s", ""));
  s = mg_file_read(fs, "data.txt");
  CHECK(s.buf != NULL && s.len == 0 && s.buf[0] == '\0');
  mg_free(s.buf);
  CHECK(mg_file_printf(fs, "data.txt", "a%cb", 0));
  s = mg_file_read(fs, "data.txt");
  CHECK(s.len == 1);
  mg_free(s.buf);

  CHECK(mg_file_read(fs, "none").buf == NULL && mg_file_read(fs, "d").buf == NULL);
  CHECK(mg_file_read(fs, NULL).buf == NULL && mg_file_read(NULL, "d").buf == NULL);
  mg_snprintf(proc, sizeof(proc), "/proc/%d/status", (int) getpid());
  s = mg_file_read(fs, proc);
  CHECK(s.len > 300 && strstr(s.buf, "VmRSS") != NULL);
  mg_free(s.buf);

  // The permissions stay; a link becomes a file; no other file is left over.
  CHECK(chmod("data.txt", 0640) == 0);
  CHECK(mg_file_write(fs, "data.txt", "\0x", 2) && stat("data.txt", &st) == 0);
  CHECK((st.st_mode & 0777) == 0640 && st.st_size == 2);
  CHECK(symlink("data.txt", "sym") == 0 && mg_file_write(fs, "sym", NULL, 0));
  CHECK(lstat("sym", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0);
  put_dir("empty");
  CHECK(!mg_file_write(fs, "empty", "x", 1) && fs->st("empty", NULL, NULL) == 7);
  CHECK(!mg_file_write(fs, "none/x", "x", 1) && !mg_file_write(fs, NULL, "x", 1));
  names[0] = '\0';
  fs->ls(".", note, names);
  CHECK(strstr(names, "..") == NULL);
  memset(path, 'x', sizeof(path));
  path[4085] = '\0';
  CHECK(!mg_file_write(fs, path, "x", 1));
  unlink("sym"), unlink("data.txt"), rmdir("empty");
}

static void test_fs_ls(void) {
  struct mg_fs *fs = &mg_fs_posix;
  char buf[100] = "";
  int n = 0;
  put_dir("n");
  put("n/a", ""), put("n/bb", ""), put("n/ccc", "");
  while (mg_fs_ls(fs, "n", buf, sizeof(buf))) n++;
  CHECK(n == 3 && buf[0] == '\0');
  strcpy(buf, "gone");
  CHECK(!mg_fs_ls(fs, "n", buf, sizeof(buf)) && buf[0] == '\0');
  for (n = 0; n < 10 && mg_fs_ls(fs, "n", buf, 3); n++) (void) 0;
  CHECK(n < 4 && buf[0] == '\0');
  CHECK(!mg_fs_ls(fs, "none", buf, sizeof(buf)) && !mg_fs_ls(fs, NULL, buf, sizeof(buf)));
  CHECK(!mg_fs_ls(fs, "n", buf, 0) && !mg_fs_ls(fs, "n", NULL, 10) && !mg_fs_ls(NULL, "n", buf, sizeof(buf)));
}

static void test_fs_open(void) {
  struct mg_fd *fd = mg_fs_open(&mg_fs_posix, "d/file", MG_FS_READ);
  char text[8];
  CHECK(fd != NULL && fd->fs == &mg_fs_posix && fd->fs->rd(fd->fd, text, 8) == 4);
  mg_fs_close(fd);
  mg_fs_close(NULL);
  CHECK(mg_fs_open(&mg_fs_posix, "none", MG_FS_READ) == NULL);
  CHECK(mg_fs_open(&mg_fs_posix, NULL, MG_FS_READ) == NULL && mg_fs_open(NULL, "d", MG_FS_READ) == NULL);
}

// A program's own file system: which functions are called, in which order.
static char calls[500];
static size_t takes;
static bool renames;

static void call(const char *what, const char *path, int n) {
  mg_snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s(%s,%d) ", what, path, n);
}
static int my_st(const char *path, size_t *size, time_t *mtime) {
  call("st", path, 0);
  if (size != NULL) *size = 5;
  if (mtime != NULL) *mtime = 1;
  return MG_FS_READ;
}
static void my_ls(const char *path, void (*fn)(const char *, void *), void *param) {
  (void) path;
  fn("same", param), fn("same", param), fn("z", param);
}
static void *my_op(const char *path, int flags) {
  call("op", strlen(path) == 13 ? "/p..RRRRRRRRR" : path, flags);
  return (void *) 1;  // Any value but NULL.
}
static void my_cl(void *fd) {
  call("cl", "", fd == (void *) 1);
}
static size_t my_rd(void *fd, void *buf, size_t len) {
  call("rd", "", (int) len);
  memset(buf, 'r', len);
  (void) fd;
  return len;
}
static size_t my_wr(void *fd, const void *buf, size_t len) {
  call("wr", "", (int) len);
  (void) fd, (void) buf;
  return len < takes ? len : takes;
}
static size_t my_sk(void *fd, size_t offset) {
  (void) fd;
  return offset;
}
static bool my_mv(const char *from, const char *to) {
  CHECK(strlen(from) == 13 && strncmp(from, "/p..", 4) == 0 && strcmp(to, "/p") == 0);
  call("mv", to, 0);
  return renames;
}
static bool my_rm(const char *path) {
  call("rm", strlen(path) == 13 ? "/p..RRRRRRRRR" : path, 0);
  return true;
}
static bool my_mkd(const char *path) {
  (void) path;
  return false;
}

static void test_own_fs(void) {
  struct mg_fs fs = {my_st, my_ls, my_op, my_cl, my_rd, my_wr, my_sk, my_mv, my_rm, my_mkd}, none;
  struct mg_str s;
  char buf[20] = "";
  takes = 100, renames = true;
  CHECK(mg_file_write(&fs, "/p", "abc", 3));
  CHECK(strcmp(calls, "op(/p..RRRRRRRRR,10) wr(,3) cl(,1) rm(/p,0) mv(/p,0) rm(/p..RRRRRRRRR,0) ") == 0);
  calls[0] = '\0', renames = false;
  CHECK(!mg_file_write(&fs, "/p", "abc", 3));
  CHECK(strcmp(calls, "op(/p..RRRRRRRRR,10) wr(,3) cl(,1) rm(/p,0) mv(/p,0) rm(/p..RRRRRRRRR,0) ") == 0);
  calls[0] = '\0', takes = 2;
  CHECK(!mg_file_write(&fs, "/p", "abc", 3));
  CHECK(strcmp(calls, "op(/p..RRRRRRRRR,10) wr(,3) cl(,1) rm(/p..RRRRRRRRR,0) ") == 0);
  calls[0] = '\0';
  s = mg_file_read(&fs, "/p");
  CHECK(s.len == 5 && strcmp(s.buf, "rrrrr") == 0);
  mg_free(s.buf);
  CHECK(strcmp(calls, "st(/p,0) op(/p,1) rd(,5) cl(,1) ") == 0);
  // Equal names do not make an endless loop: the next is what follows the last of them.
  CHECK(mg_fs_ls(&fs, "/", buf, sizeof(buf)) && strcmp(buf, "same") == 0);
  CHECK(mg_fs_ls(&fs, "/", buf, sizeof(buf)) && strcmp(buf, "z") == 0);
  CHECK(!mg_fs_ls(&fs, "/", buf, sizeof(buf)) && buf[0] == '\0');
  // One without functions fails, and that is all.
  memset(&none, 0, sizeof(none));
  CHECK(mg_file_read(&none, "/p").buf == NULL && !mg_file_write(&none, "/p", "x", 1));
  CHECK(mg_fs_open(&none, "/p", MG_FS_READ) == NULL && !mg_fs_ls(&none, "/", buf, sizeof(buf)));
}

int main(void) {
  put_dir("d");
  test_stat();
  test_ls();
  test_open_modes();
  test_files();
  test_whole_files();
  test_fs_ls();
  test_fs_open();
  test_own_fs();
  return FAILURES;
}
