// A million random operations on buffers and queues, compared with simple models of them.
#include "loop.h"

static uint32_t seed = 20220722;

static uint32_t random_below(uint32_t n) {
  seed = seed * 1664525u + 1013904223u;
  return (uint32_t) (((uint64_t) seed * n) >> 32);
}

// --- Buffers

#define BUFFER_MAX 400

struct model {
  size_t size, len, align;
  unsigned char bytes[BUFFER_MAX];
};

static size_t rounded(const struct model *m, size_t n) {
  return m->align == 0 ? n : (n + m->align - 1) / m->align * m->align;
}

static void model_resize(struct model *m, size_t n) {
  m->size = rounded(m, n);
  if (m->len > m->size) m->len = m->size;
}

static size_t model_add(struct model *m, size_t ofs, const unsigned char *buf, size_t len) {
  size_t old = m->len, total = (old > ofs ? old : ofs) + len;
  model_resize(m, total);
  if (len == 0) return 0;
  if (ofs > old) memset(m->bytes + old, 0, ofs - old);
  else memmove(m->bytes + ofs + len, m->bytes + ofs, old - ofs);
  memcpy(m->bytes + ofs, buf, len);
  m->len = total;
  return len;
}

static size_t model_del(struct model *m, size_t ofs, size_t len) {
  if (ofs > m->len) ofs = m->len;
  if (len > m->len - ofs) len = m->len - ofs;
  memmove(m->bytes + ofs, m->bytes + ofs + len, m->len - ofs - len);
  m->len -= len;
  return len;
}

static void test_buffers(int operations) {
  static const size_t aligns[] = {0, 1, 7, 10, 16, 64};
  struct mg_iobuf io = {NULL, 0, 0, 0};
  struct model m;
  memset(&m, 0, sizeof(m));
  while (operations-- > 0 && failures == 0) {
    unsigned char bytes[40];
    size_t i, removed, ofs = random_below((uint32_t) m.len + 10), len = random_below(sizeof(bytes));
    switch (m.len > 300 ? 3 : random_below(8)) {
      case 0:
      case 1:
      case 2:
        for (i = 0; i < len; i++) bytes[i] = (unsigned char) random_below(256);
        if (random_below(2)) ofs = m.len;
        CHECK(mg_iobuf_add(&io, ofs, bytes, len) == model_add(&m, ofs, bytes, len));
        break;
      case 3:
      case 4:
        if (m.len > 300) len = 1000;
        removed = mg_iobuf_del(&io, ofs, len);
        CHECK(removed == model_del(&m, ofs, len));
        // What became free is zero.
        for (i = m.len; i < m.len + removed; i++) CHECK(io.buf[i] == 0);
        break;
      case 5:
        len = random_below(BUFFER_MAX - 64);
        CHECK(mg_iobuf_resize(&io, len));
        model_resize(&m, len);
        break;
      case 6:
        if (random_below(20) == 0) {
          mg_iobuf_free(&io);
          m.size = m.len = 0;
          io.align = m.align = aligns[random_below(COUNT(aligns))];
        }
        break;
      default:  // as programs do
        if (random_below(4) == 0) io.len = m.len = 0;
        break;
    }
    CHECK(io.size == m.size && io.len == m.len && io.align == m.align && (io.buf == NULL) == (io.size == 0));
    CHECK(io.len == 0 || memcmp(io.buf, m.bytes, io.len) == 0);
  }
  mg_iobuf_free(&io);
}

// --- Queues: indices by the rules, and messages that wait, in order

struct waiting {
  size_t len;
  unsigned char first, last;
};

#define WAITING_MAX 600

static void test_queue(size_t size, int operations) {
  static char memory[512];
  static struct waiting waiting[WAITING_MAX];
  size_t from = 0, to = 0, head = 0, tail = 0;
  struct mg_queue q;
  memset(memory, 0x55, sizeof(memory));
  mg_queue_init(&q, memory, size);
  while (operations-- > 0 && failures == 0) {
    char *p;
    if (random_below(2) == 0) {
      size_t len = 1 + random_below(random_below(20) == 0 ? (uint32_t) size : 40), room = 0, n;
      if (head >= tail && head + len + 8 <= size) {
        room = size - head - 8;
      } else {
        if (head >= tail && tail > 8) head = 0;
        if (head < tail && head + len + 8 < tail) room = tail - head - 8;
      }
      n = mg_queue_book(&q, &p, len);
      CHECK(n == room && q.head == head && q.tail == tail);
      if (n > 0) {
        CHECK(n >= len && p == memory + head + 4);
        len = 1 + random_below((uint32_t) len);  // not all that was booked
        memset(p, (int) random_below(256), len);
        p[len - 1] = (char) random_below(256);
        waiting[to].len = len;
        waiting[to].first = (unsigned char) p[0];
        waiting[to].last = (unsigned char) p[len - 1];
        to = (to + 1) % WAITING_MAX;
        mg_queue_add(&q, len);
        head += len + 4;
      }
    } else {
      size_t n = mg_queue_next(&q, &p);
      if (from == to) {
        CHECK(n == 0);
        tail = q.tail;
        CHECK(tail == head);
      } else {
        CHECK(n == waiting[from].len && (unsigned char) p[0] == waiting[from].first);
        CHECK((unsigned char) p[n - 1] == waiting[from].last);
        CHECK(mg_queue_next(&q, NULL) == n);
        tail = q.tail;
        CHECK(p == memory + tail + 4);
        if (random_below(4) > 0) {
          mg_queue_del(&q, n);
          tail += n + 4;
          from = (from + 1) % WAITING_MAX;
        }
      }
      CHECK(q.head == head && q.tail == tail);
    }
  }
}

int main(void) {
  int operations = under_valgrind() ? 30000 : 1000000;
  mg_log_set(MG_LL_NONE);
  test_buffers(operations);
  test_queue(40, operations / 2);
  test_queue(512, operations / 2);
  return FAILURES;
}
