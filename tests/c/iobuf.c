// Growable buffers: sizes, lengths and contents after each documented step.
#include <stdint.h>

#include "check.h"
#include "mongoose.h"

// AddressSanitizer: an allocation that cannot be is to fail, as it does without.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "allocator_may_return_null=1";
}

static bool is(const struct mg_iobuf *io, size_t size, size_t len, const char *bytes) {
  return io->size == size && io->len == len && (io->buf == NULL) == (size == 0) &&
         (len == 0 || memcmp(io->buf, bytes, len) == 0);
}

static bool is_zero(const unsigned char *p, size_t n) {
  while (n > 0 && p[n - 1] == 0) n--;
  return n == 0;
}

static void test_table(void) {
  struct mg_iobuf io;
  CHECK(mg_iobuf_init(&io, 0, 10));
  CHECK(is(&io, 0, 0, "") && io.align == 10);
  CHECK(mg_iobuf_resize(&io, 1));
  CHECK(is(&io, 10, 0, "") && io.buf[0] == 0);
  CHECK(mg_iobuf_add(&io, 3, "hi", 2) == 2);
  CHECK(is(&io, 10, 5, "\0\0\0hi"));
  CHECK(mg_iobuf_add(&io, io.len, "!", 1) == 1);
  CHECK(is(&io, 10, 6, "\0\0\0hi!"));
  CHECK(mg_iobuf_add(&io, 0, "x", 1) == 1);
  CHECK(is(&io, 10, 7, "x\0\0\0hi!"));
  CHECK(mg_iobuf_del(&io, 1, 3) == 3);
  CHECK(is(&io, 10, 4, "xhi!"));
  CHECK(mg_iobuf_del(&io, 10, 100) == 0);
  CHECK(is(&io, 10, 4, "xhi!"));
  CHECK(mg_iobuf_add(&io, io.len, "123456", 6) == 6);
  CHECK(is(&io, 10, 10, "xhi!123456"));
  CHECK(mg_iobuf_add(&io, io.len, "a", 1) == 1);
  CHECK(is(&io, 20, 11, "xhi!123456a"));
  CHECK(mg_iobuf_resize(&io, 1));
  CHECK(is(&io, 10, 10, "xhi!123456"));
  mg_iobuf_free(&io);
  CHECK(is(&io, 0, 0, "") && io.align == 10);
  CHECK(mg_iobuf_add(&io, 0, "again", 5) == 5);
  CHECK(is(&io, 10, 5, "again"));
  mg_iobuf_free(&io);
}

static void test_align_16(void) {
  struct mg_iobuf io;
  CHECK(mg_iobuf_init(&io, 5, 16));
  CHECK(is(&io, 16, 0, "") && is_zero(io.buf, 16));
  CHECK(mg_iobuf_add(&io, 0, "123456789", 9) == 9);
  CHECK(is(&io, 16, 9, "123456789"));
  CHECK(mg_iobuf_add(&io, io.len, "abcdefghijklmnopqrst", 20) == 20);
  CHECK(is(&io, 32, 29, "123456789abcdefghijklmnopqrst"));
  CHECK(mg_iobuf_del(&io, 2, 3) == 3);
  CHECK(is(&io, 32, 26, "126789abcdefghijklmnopqrst") && is_zero(io.buf + 26, 6));
  CHECK(mg_iobuf_resize(&io, 40));
  CHECK(is(&io, 48, 26, "126789abcdefghijklmnopqrst") && is_zero(io.buf + 26, 22));
  CHECK(mg_iobuf_del(&io, 21, SIZE_MAX) == 5);
  CHECK(is(&io, 48, 21, "126789abcdefghijklmno"));
  CHECK(mg_iobuf_resize(&io, 3));
  CHECK(is(&io, 16, 16, "126789abcdefghij"));
  CHECK(mg_iobuf_resize(&io, 17));
  CHECK(is(&io, 32, 16, "126789abcdefghij") && is_zero(io.buf + 16, 16));
  CHECK(mg_iobuf_resize(&io, 0));
  CHECK(is(&io, 0, 0, ""));
}

static void test_align_0(void) {
  struct mg_iobuf io = {NULL, 0, 0, 0};
  CHECK(mg_iobuf_add(&io, 0, "abc", 3) == 3);
  CHECK(is(&io, 3, 3, "abc"));
  CHECK(mg_iobuf_add(&io, 3, "d", 1) == 1);
  CHECK(is(&io, 4, 4, "abcd"));
  mg_iobuf_free(&io);
}

static void test_an_empty_buffer_shrinks(void) {
  struct mg_iobuf io;
  CHECK(mg_iobuf_init(&io, 32, 16));
  CHECK(mg_iobuf_add(&io, 0, "x", 1) == 1);
  CHECK(is(&io, 16, 1, "x"));
  CHECK(mg_iobuf_del(&io, 0, 1) == 1);
  CHECK(mg_iobuf_add(&io, 0, NULL, 0) == 0);
  CHECK(is(&io, 0, 0, ""));
}

static void test_a_gap_is_zero(void) {
  struct mg_iobuf io;
  CHECK(mg_iobuf_init(&io, 32, 0));
  memset(io.buf, 'z', 32);
  CHECK(mg_iobuf_add(&io, 30, "ab", 2) == 2);
  CHECK(io.size == 32 && io.len == 32 && is_zero(io.buf, 30) && memcmp(io.buf + 30, "ab", 2) == 0);
  // Past the end of the memory, too.
  CHECK(mg_iobuf_add(&io, 100, "cd", 2) == 2);
  CHECK(io.size == 102 && io.len == 102 && is_zero(io.buf + 32, 68) && memcmp(io.buf + 100, "cd", 2) == 0);
  mg_iobuf_free(&io);
}

static void test_an_insertion_without_bytes(void) {
  struct mg_iobuf io = {NULL, 0, 0, 8};
  CHECK(mg_iobuf_add(&io, 0, "abcd", 4) == 4);
  CHECK(mg_iobuf_add(&io, 2, NULL, 3) == 3);
  CHECK(io.size == 8 && io.len == 7 && memcmp(io.buf, "ab", 2) == 0 && memcmp(io.buf + 5, "cd", 2) == 0);
  mg_iobuf_free(&io);
}

static void test_what_cannot_be(void) {
  struct mg_iobuf io = {NULL, 0, 0, 16};
  unsigned char *memory;
  CHECK(mg_iobuf_add(&io, 0, "abc", 3) == 3);
  memory = io.buf;
#if SIZE_MAX > UINT32_MAX
  CHECK(!mg_iobuf_resize(&io, (size_t) 1 << 60));
  CHECK(mg_iobuf_add(&io, (size_t) 1 << 60, "x", 1) == 0);
#endif
  CHECK(!mg_iobuf_resize(&io, SIZE_MAX));
  CHECK(mg_iobuf_add(&io, 0, "x", SIZE_MAX) == 0);
  CHECK(mg_iobuf_add(&io, SIZE_MAX, "x", 1) == 0);
  CHECK(mg_iobuf_add(&io, 0, NULL, SIZE_MAX - 2) == 0);
  CHECK(is(&io, 16, 3, "abc") && io.buf == memory);
  CHECK(mg_iobuf_del(&io, SIZE_MAX, SIZE_MAX) == 0);
  CHECK(mg_iobuf_del(&io, 1, SIZE_MAX) == 2);
  CHECK(is(&io, 16, 1, "a") && is_zero(io.buf + 1, 15));
  mg_iobuf_free(&io);
  mg_iobuf_free(&io);
}

static void test_null(void) {
  CHECK(!mg_iobuf_init(NULL, 1, 1));
  CHECK(!mg_iobuf_resize(NULL, 1));
  CHECK(mg_iobuf_add(NULL, 0, "x", 1) == 0);
  CHECK(mg_iobuf_del(NULL, 0, 1) == 0);
  mg_iobuf_free(NULL);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_table();
  test_align_16();
  test_align_0();
  test_an_empty_buffer_shrinks();
  test_a_gap_is_zero();
  test_an_insertion_without_bytes();
  test_what_cannot_be();
  test_null();
  return FAILURES;
}
