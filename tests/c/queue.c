// struct mg_queue: places and indices, text, nonsense, two threads.
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "mongoose.h"

static void indices(const struct mg_queue *q, size_t head, size_t tail, const char *step) {
  CHECK_ROW(q->head == head && q->tail == tail, step);
}

static void book(struct mg_queue *q, size_t len, size_t wanted, ptrdiff_t offset) {
  char *buf = NULL, step[20];
  mg_snprintf(step, sizeof(step), "book %lu", (unsigned long) len);
  CHECK_ROW(mg_queue_book(q, &buf, len) == wanted, step);
  CHECK_ROW(buf - q->buf == offset, step);
}

static void next(struct mg_queue *q, size_t wanted, ptrdiff_t offset) {
  char *buf = NULL, step[20];
  mg_snprintf(step, sizeof(step), "next %lu", (unsigned long) wanted);
  CHECK_ROW(mg_queue_next(q, &buf) == wanted && buf - q->buf == offset, step);
  CHECK_ROW(mg_queue_next(q, NULL) == wanted, step);
}

static void places(void) {
  char memory[40];
  struct mg_queue q;
  memset(&q, '#', sizeof(q));
  memset(memory, '#', sizeof(memory));
  mg_queue_init(&q, memory, sizeof(memory));
  CHECK(q.buf == memory && q.size == 40 && memory[0] == '#');
  next(&q, 0, 4);
  book(&q, 32, 32, 4);
  book(&q, 33, 0, 4);
  book(&q, 10, 32, 4);
  mg_queue_add(&q, 10);
  book(&q, 10, 18, 18);
  indices(&q, 14, 0, "one");
  mg_queue_add(&q, 10);
  book(&q, 4, 4, 32);
  book(&q, 5, 0, 32);
  indices(&q, 28, 0, "two");
  next(&q, 10, 4);
  mg_queue_del(&q, 10);
  book(&q, 5, 6, 4);
  indices(&q, 0, 14, "wrapped");
  mg_queue_add(&q, 5);
  book(&q, 1, 0, 13);
  indices(&q, 9, 14, "full");
  next(&q, 10, 18);
  mg_queue_del(&q, 10);
  next(&q, 5, 4);
  indices(&q, 9, 0, "mark passed");
  mg_queue_del(&q, 5);
  next(&q, 0, 13);
  indices(&q, 9, 9, "empty");
  book(&q, 1, 23, 13);
  book(&q, 20, 23, 13);
  book(&q, 30, 0, 4);
  indices(&q, 0, 9, "wrapped while empty");
  next(&q, 0, 4);
  book(&q, 30, 32, 4);
  indices(&q, 0, 0, "followed");
}

static size_t twice(mg_pfn_t out, void *arg, va_list *ap) {
  int *calls = va_arg(*ap, int *);
  ++*calls;
  return mg_xprintf(out, arg, "%d", *calls < 10 ? 1 : 12345678);
}

static void text(void) {
  char memory[100], *message = NULL;
  struct mg_queue q;
  uint32_t p = 0xffffffff, length = 0;
  int calls = 0;
  mg_queue_init(&q, memory, sizeof(memory));
  CHECK(mg_queue_printf(&q, "A%p%p%pB", p, p, p) == 32);
  CHECK(memcmp(memory + 4, "A0xffffffff0xffffffff0xffffffffB", 33) == 0);
  memcpy(&length, memory, sizeof(length));
  CHECK(length == 32 && q.head == 36);
  CHECK(mg_queue_printf(&q, "%s", "") == 0 && q.head == 36);
  CHECK(mg_queue_next(&q, &message) == 32 && message == memory + 4);
  mg_queue_del(&q, 32);
  CHECK(mg_queue_printf(&q, "%M", twice, &calls) == 1 && calls == 2);
  // Longer when it is printed than when it was measured: cut, not written past the space.
  calls = 8;
  CHECK(mg_queue_printf(&q, "%M", twice, &calls) == 1 && calls == 10);
  // n bytes need n + 9.
  mg_queue_init(&q, memory, 14);
  CHECK(mg_queue_printf(&q, "%s", "123456") == 0 && mg_queue_printf(&q, "%s", "12345") == 5);
}

// Whatever the memory holds: no access outside of it, no message that is not inside.
static void nonsense(void) {
  size_t i, size = 24;
  char *memory = (char *) malloc(size), *message;
  struct mg_queue q;
  for (i = 0; i < 4000; i++) {
    size_t n;
    memset(memory, (int) (i * 7), size);
    mg_queue_init(&q, memory, size);
    q.head = (i * 31) % 40 + (i % 50 == 0 ? (size_t) -20 : 0);
    q.tail = (i * 17) % 40 + (i % 70 == 0 ? (size_t) -20 : 0);
    memory[i % size] = (char) (i / size % 30);
    n = mg_queue_next(&q, &message);
    CHECK(n == 0 || (message >= memory + 4 && message + n <= memory + size));
    mg_queue_del(&q, i % 3 == 0 ? n : i * 1000000007);
    n = mg_queue_book(&q, &message, i % 30);
    CHECK(n == 0 || (message >= memory + 4 && message + n <= memory + size));
    mg_queue_add(&q, i % 5 == 0 ? (size_t) -1 : i % 30);
  }
  mg_queue_init(&q, NULL, 100);
  CHECK(mg_queue_book(&q, NULL, 1) == 0 && mg_queue_next(&q, NULL) == 0);
  CHECK(mg_queue_printf(&q, "%d", 1) == 0);
  mg_queue_add(&q, 4);
  mg_queue_del(&q, 4);
  CHECK(mg_queue_next(&q, NULL) == 0);
  CHECK(mg_queue_book(NULL, NULL, 1) == 0 && mg_queue_next(NULL, NULL) == 0);
  mg_queue_init(NULL, NULL, 0);
  mg_queue_add(NULL, 1);
  mg_queue_del(NULL, 1);
  free(memory);
}

enum { MESSAGES = 5000 };

static void *produce(void *arg) {
  struct mg_queue *q = (struct mg_queue *) arg;
  int i;
  for (i = 0; i < MESSAGES; i++) {
    char *buf;
    size_t len = (size_t) i % 40 + 1, k;
    if (i % 2 == 0) {
      while (mg_queue_printf(q, "message %d", i) == 0) sched_yield();
    } else {
      while (mg_queue_book(q, &buf, len) < len) sched_yield();
      for (k = 0; k < len; k++) buf[k] = (char) (i + (int) k);
      mg_queue_add(q, len);
    }
  }
  return NULL;
}

static void threads(void) {
  char memory[150], wanted[50];
  struct mg_queue q;
  pthread_t producer;
  int i;
  mg_queue_init(&q, memory, sizeof(memory));
  CHECK(pthread_create(&producer, NULL, produce, &q) == 0);
  for (i = 0; i < MESSAGES; i++) {
    char *buf;
    size_t len, k, n = (size_t) i % 40 + 1;
    while ((len = mg_queue_next(&q, &buf)) == 0) sched_yield();
    if (i % 2 == 0) {
      n = mg_snprintf(wanted, sizeof(wanted), "message %d", i);
    } else {
      for (k = 0; k < n; k++) wanted[k] = (char) (i + (int) k);
    }
    CHECK(len == n && memcmp(buf, wanted, n) == 0);
    mg_queue_del(&q, len);
  }
  pthread_join(producer, NULL);
  CHECK(mg_queue_next(&q, NULL) == 0);
}

int main(void) {
  places();
  text();
  nonsense();
  threads();
  return FAILURES;
}
