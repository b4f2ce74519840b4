// The world of the end-to-end fuzz target: a clock, an allocator, random bytes and a file system that
// do what the input says, and the same each time.
#ifndef E2E_WORLD_H
#define E2E_WORLD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mongoose.h"

// A rule that was broken ends the process: libFuzzer and the checkers keep the input and the stack.
#define MUST(condition)                                                    \
  do {                                                                     \
    if (!(condition)) {                                                    \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
      abort();                                                             \
    }                                                                      \
  } while (0)

static uint64_t now;         // what the library's clock says
static uint64_t randomness;  // state of the random bytes
static long allocations, fails_at, blocks;
static long file_calls, file_fails_at;

uint64_t mg_millis(void) {
  return now;
}

bool mg_random(void *buf, size_t len) {
  unsigned char *p = (unsigned char *) buf;
  while (len-- > 0) {
    randomness = randomness * 6364136223846793005ull + 1442695040888963407ull;
    *p++ = (unsigned char) (randomness >> 56);
  }
  return true;
}

void *mg_calloc(size_t count, size_t size) {
  void *p;
  if (++allocations == fails_at) return NULL;
  p = calloc(count, size);
  blocks += p != NULL;
  return p;
}

void mg_free(void *p) {
  blocks -= p != NULL;
  free(p);
}

// --- Files: some that are there, and room for a few that are written

#define FILES 8
#define FILE_MAX 30000

static struct entry {
  char path[64];  // empty: none
  char data[FILE_MAX];
  size_t len;
} files[FILES];

struct open_file {
  struct entry *entry;
  size_t at;
};

static int opened_files;

// Whether a call of the file system fails.
static bool file_fault(void) {
  return ++file_calls == file_fails_at;
}

static struct entry *entry_of(const char *path) {
  size_t i;
  for (i = 0; i < FILES; i++) {
    if (files[i].path[0] != '\0' && strcmp(files[i].path, path) == 0) return &files[i];
  }
  return NULL;
}

static bool is_directory(const char *path) {
  size_t i, n = strlen(path);
  while (n > 0 && path[n - 1] == '/') n--;
  for (i = 0; i < FILES; i++) {
    if (strncmp(files[i].path, path, n) == 0 && files[i].path[n] == '/') return true;
  }
  return false;
}

static int fs_st(const char *path, size_t *size, time_t *mtime) {
  struct entry *e = entry_of(path);
  if (file_fault()) return 0;
  if (size != NULL) *size = e == NULL ? 0 : e->len;
  if (mtime != NULL) *mtime = 1700000000;
  return e != NULL ? MG_FS_READ | MG_FS_WRITE : is_directory(path) ? MG_FS_READ | MG_FS_DIR : 0;
}

static void fs_ls(const char *path, void (*fn)(const char *, void *), void *param) {
  size_t i, n = strlen(path);
  if (file_fault()) return;
  while (n > 0 && path[n - 1] == '/') n--;
  for (i = 0; i < FILES; i++) {
    if (strncmp(files[i].path, path, n) == 0 && files[i].path[n] == '/') fn(files[i].path + n + 1, param);
  }
}

static void *fs_op(const char *path, int flags) {
  struct entry *e = entry_of(path);
  struct open_file *f;
  size_t i;
  if (file_fault() || (e != NULL && (flags & MG_FS_EXCL))) return NULL;
  for (i = 0; e == NULL && (flags & MG_FS_WRITE) && i < FILES; i++) {
    if (files[i].path[0] != '\0' || strlen(path) >= sizeof(files[i].path)) continue;
    e = &files[i];
    strcpy(e->path, path);
    e->len = 0;
  }
  if (e == NULL) return NULL;
  f = (struct open_file *) calloc(1, sizeof(*f));
  f->entry = e;
  f->at = (flags & MG_FS_WRITE) ? e->len : 0;
  opened_files++;
  return f;
}

static void fs_cl(void *fd) {
  opened_files--;
  free(fd);
}

static size_t fs_rd(void *fd, void *buf, size_t len) {
  struct open_file *f = (struct open_file *) fd;
  size_t left = f->at < f->entry->len ? f->entry->len - f->at : 0;
  if (file_fault()) return 0;
  if (len > left) len = left;
  memcpy(buf, f->entry->data + f->at, len);
  f->at += len;
  return len;
}

static size_t fs_wr(void *fd, const void *buf, size_t len) {
  struct open_file *f = (struct open_file *) fd;
  if (file_fault() || f->at > FILE_MAX || len > FILE_MAX - f->at) return 0;
  memcpy(f->entry->data + f->at, buf, len);
  f->at += len;
  if (f->at > f->entry->len) f->entry->len = f->at;
  return len;
}

static size_t fs_sk(void *fd, size_t offset) {
  struct open_file *f = (struct open_file *) fd;
  if (!file_fault() && offset <= f->entry->len) f->at = offset;
  return f->at;
}

static bool fs_rm(const char *path) {
  struct entry *e = entry_of(path);
  if (e == NULL || file_fault()) return false;
  e->path[0] = '\0';
  return true;
}

static bool fs_mv(const char *from, const char *to) {
  struct entry *e = entry_of(from);
  if (e == NULL || file_fault() || strlen(to) >= sizeof(e->path)) return false;
  fs_rm(to);
  strcpy(e->path, to);
  return true;
}

static bool fs_mkd(const char *path) {
  (void) path;
  return !file_fault();
}

static struct mg_fs memory_fs = {fs_st, fs_ls, fs_op, fs_cl, fs_rd, fs_wr, fs_sk, fs_mv, fs_rm, fs_mkd};

static void add_file(size_t i, const char *path, const char *data, size_t len) {
  strcpy(files[i].path, path);
  if (data != NULL) memcpy(files[i].data, data, len);
  files[i].len = len;
}

static void reset_world(void) {
  static const char page[] = "A<!--#include file=\"a.txt\" -->B<!--#include virtual=\"/a.shtml\" -->C";
  size_t i;
  now = 1000000;
  randomness = 1;
  allocations = fails_at = file_calls = file_fails_at = 0;
  for (i = 0; i < FILES; i++) files[i].path[0] = '\0', files[i].len = 0;
  add_file(0, "/w/a.txt", "hello", 5);
  add_file(1, "/w/a.shtml", page, sizeof(page) - 1);
  add_file(2, "/w/big", NULL, 25000);
  add_file(3, "/w/d/index.html", "<p>index</p>", 12);
}

#endif
