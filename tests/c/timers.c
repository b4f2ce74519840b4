// Timers: when they fire, and lists that change while they are walked.
#include <stdlib.h>

#include "check.h"
#include "mongoose.h"

static void count(void *arg) {
  (*(int *) arg)++;
}

static void test_expired(void) {
  static const struct {
    uint64_t before, period, now;
    bool result;
    uint64_t after;
  } rows[] = {
      {0, 10, 0, false, 10},    // the first call arms it
      {10, 10, 5, false, 10},   //
      {10, 10, 10, true, 20},   //
      {40, 10, 41, true, 50},   // stays on its grid
      {60, 10, 71, true, 81},   // more than one period late
      {91, 10, 5, false, 15},   // the clock went back
      {25, 0, 15, true, 15},    //
      {0, 0, 7, true, 7},       //
      {20, 10, 30, true, 30},   // one period late exactly
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    uint64_t t = rows[i].before;
    char name[20];
    snprintf(name, sizeof(name), "row %d", (int) i);
    CHECK_ROW(mg_timer_expired(&t, rows[i].period, rows[i].now) == rows[i].result, name);
    CHECK_ROW(t == rows[i].after, name);
  }
}

static void test_three_timers(void) {
  static const struct {
    uint64_t now;
    int v1, v2, v3;
  } first[] = {{0, 0, 0, 1},   {1, 0, 0, 1},   {5, 1, 0, 1},  {100, 2, 1, 2},
               {107, 3, 1, 2}, {114, 4, 1, 3}, {115, 5, 1, 3}},
    second[] = {{120, 6, 1, 4}, {125, 7, 2, 4}, {0, 7, 2, 4}, {7, 8, 2, 4}, {11, 9, 2, 5}};
  struct mg_timer *head = NULL, t1, t2, t3;
  int v1 = 0, v2 = 0, v3 = 0;
  size_t i;
  mg_timer_init(&head, &t1, 5, MG_TIMER_REPEAT, count, &v1);
  CHECK(head == &t1);
  mg_timer_init(&head, &t2, 15, MG_TIMER_ONCE, count, &v2);
  CHECK(head == &t2);
  mg_timer_init(&head, &t3, 10, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, count, &v3);
  CHECK(head == &t3 && head->next == &t2 && head->next->next == &t1 && t1.next == NULL);
  for (i = 0; i < COUNT(first); i++) {
    mg_timer_poll(&head, first[i].now);
    CHECK(v1 == first[i].v1 && v2 == first[i].v2 && v3 == first[i].v3);
  }
  mg_timer_free(&head, &t2);
  mg_timer_init(&head, &t2, 3, MG_TIMER_ONCE, count, &v2);
  CHECK(head == &t2 && head->next == &t3 && head->next->next == &t1 && t1.next == NULL);
  for (i = 0; i < COUNT(second); i++) {
    mg_timer_poll(&head, second[i].now);
    CHECK(v1 == second[i].v1 && v2 == second[i].v2 && v3 == second[i].v3);
  }
  mg_timer_free(&head, &t1);
  CHECK(head == &t2 && head->next == &t3 && t3.next == NULL);
  mg_timer_free(&head, &t2);
  CHECK(head == &t3 && t3.next == NULL);
  mg_timer_free(&head, &t3);
  CHECK(head == NULL);
  mg_timer_free(&head, &t3);
  CHECK(head == NULL);
}

static void test_jumps(void) {
  static const struct {
    uint64_t now;
    int calls;
  } rows[] = {{0, 0}, {100, 1}, {101, 1}, {102, 1}, {103, 1}, {104, 1}, {105, 2}, {50, 2}, {60, 3}};
  struct mg_timer *head = NULL, t;
  int calls = 0;
  size_t i;
  mg_timer_init(&head, &t, 5, MG_TIMER_REPEAT, count, &calls);
  for (i = 0; i < COUNT(rows); i++) {
    mg_timer_poll(&head, rows[i].now);
    CHECK(calls == rows[i].calls);
  }
}

static void test_once_with_run_now_fires_once(void) {
  struct mg_timer *head = NULL, t;
  int calls = 0;
  uint64_t now;
  mg_timer_init(&head, &t, 10, MG_TIMER_ONCE | MG_TIMER_RUN_NOW, count, &calls);
  for (now = 5; now < 100; now += 5) mg_timer_poll(&head, now);
  CHECK(calls == 1 && (t.flags & MG_TIMER_CALLED) && head == &t);
}

static void test_period_zero(void) {
  struct mg_timer *head = NULL, once, repeat;
  int n_once = 0, n_repeat = 0;
  mg_timer_init(&head, &once, 0, MG_TIMER_ONCE, count, &n_once);
  mg_timer_init(&head, &repeat, 0, MG_TIMER_REPEAT, count, &n_repeat);
  mg_timer_poll(&head, 7);
  mg_timer_poll(&head, 7);
  mg_timer_poll(&head, 8);
  CHECK(n_once == 1 && n_repeat == 3);
}

// --- Lists that change under the walk.

static struct mg_timer *list, a, b, c, *heap;
static char order[20];

static void note(void *arg) {
  strcat(order, (const char *) arg);
}
static void remove_own(void *arg) {
  note(arg);
  mg_timer_free(&list, &b);
}
static void remove_next(void *arg) {
  note(arg);
  mg_timer_free(&list, &a);
}
static void remove_all(void *arg) {
  note(arg);
  mg_timer_free(&list, &a);
  mg_timer_free(&list, &b);
  mg_timer_free(&list, &c);
}
static void free_own(void *arg) {
  note(arg);
  mg_timer_free(&list, heap);
  free(heap);
}
static void readd_own(void *arg) {
  note(arg);
  mg_timer_free(&list, &b);
  mg_timer_init(&list, &b, 10, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, readd_own, arg);
}
static void nest(void *arg) {
  note(arg);
  if (strlen(order) < 4) mg_timer_poll(&list, 100);
}

static void setup(void (*middle)(void *)) {
  list = NULL;
  order[0] = '\0';
  mg_timer_init(&list, &a, 10, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, note, "a");
  mg_timer_init(&list, &b, 10, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, middle, "b");
  mg_timer_init(&list, &c, 10, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, note, "c");
}

static void test_lists_that_change(void) {
  setup(remove_own);
  mg_timer_poll(&list, 1);
  CHECK(strcmp(order, "cba") == 0);
  CHECK(list == &c && c.next == &a);

  setup(remove_next);
  mg_timer_poll(&list, 1);
  CHECK(strcmp(order, "cb") == 0);
  CHECK(list == &c && c.next == &b && b.next == NULL);

  setup(remove_all);
  mg_timer_poll(&list, 1);
  CHECK(strcmp(order, "cb") == 0);
  CHECK(list == NULL);

  // Put back at the head, it is first looked at in the next poll.
  setup(readd_own);
  mg_timer_poll(&list, 1);
  CHECK(strcmp(order, "cba") == 0);
  CHECK(list == &b && b.next == &c && c.next == &a && a.next == NULL);
  mg_timer_poll(&list, 2);
  CHECK(strcmp(order, "cbab") == 0);

  setup(nest);
  mg_timer_poll(&list, 1);
  mg_timer_poll(&list, 2);
  CHECK(strncmp(order, "cb", 2) == 0 && strchr(order, 'a') != NULL);

  setup(note);
  heap = (struct mg_timer *) calloc(1, sizeof(*heap));
  mg_timer_init(&list, heap, 5, MG_TIMER_REPEAT | MG_TIMER_RUN_NOW, free_own, "h");
  mg_timer_poll(&list, 1);
  CHECK(strcmp(order, "hcba") == 0);
  CHECK(list == &c);
}

// --- A manager's timers.

static struct mg_mgr mgr;
static struct mg_timer *first, *second, *third;
static int fired;

static void free_neighbours(void *arg) {
  (void) arg;
  fired++;
  // Newest first: `third` runs this; the next in the list is `second`.
  mg_timer_free(&mgr.timers, second);
  mg_free(second);
  mg_timer_free(&mgr.timers, third);
  mg_free(third);
}
static void must_not_run(void *arg) {
  *(char *) arg = 0;
}
static void add_another(void *arg) {
  fired++;
  if (arg != NULL) mg_timer_add(&mgr, 0, MG_TIMER_ONCE, add_another, NULL);
}
static void nested_poll(void *arg) {
  (void) arg;
  fired++;
  if (fired < 3) mg_mgr_poll(&mgr, 0);
}

static void test_managers_timers(void) {
  struct mg_timer *t;
  mg_mgr_init(&mgr);
  t = mg_timer_add(&mgr, 1, MG_TIMER_REPEAT, must_not_run, NULL);
  CHECK(t != NULL && mgr.timers == t && (t->flags & MG_TIMER_AUTODELETE) && t->expire == 0);
  mg_mgr_free(&mgr);
  CHECK(mgr.timers == NULL && mgr.conns == NULL);

  mg_mgr_init(&mgr);
  fired = 0;
  mg_timer_add(&mgr, 0, MG_TIMER_ONCE, count, &fired);
  mg_mgr_poll(&mgr, 10);
  CHECK(fired == 1 && mgr.timers == NULL);

  // A timer function that releases its own timer and the next one.
  fired = 0;
  first = mg_timer_add(&mgr, 1, MG_TIMER_REPEAT, must_not_run, NULL);
  second = mg_timer_add(&mgr, 1, MG_TIMER_REPEAT, must_not_run, NULL);
  third = mg_timer_add(&mgr, 0, MG_TIMER_ONCE, free_neighbours, NULL);
  mg_timer_free(&mgr.timers, first);
  mg_free(first);
  mg_mgr_poll(&mgr, 0);
  CHECK(fired == 1 && mgr.timers == NULL);

  // One that is added by a timer function runs in the next poll.
  fired = 0;
  mg_timer_add(&mgr, 0, MG_TIMER_ONCE, add_another, &mgr);
  mg_mgr_poll(&mgr, 0);
  CHECK(fired == 1);
  mg_mgr_poll(&mgr, 0);
  CHECK(fired == 2 && mgr.timers == NULL);

  // A timer function that polls.
  fired = 0;
  t = mg_timer_add(&mgr, 0, MG_TIMER_REPEAT, nested_poll, NULL);
  mg_mgr_poll(&mgr, 0);
  CHECK(fired == 3);
  mg_timer_free(&mgr.timers, t);
  mg_free(t);

  // The program's own memory: unlinked by mg_mgr_free, not released.
  {
    static struct mg_timer own;
    mg_timer_init(&mgr.timers, &own, 1, MG_TIMER_REPEAT, must_not_run, NULL);
    mg_mgr_free(&mgr);
    CHECK(mgr.timers == NULL);
  }
}

static void test_a_zeroed_manager(void) {
  struct mg_mgr zero;
  struct mg_timer *t;
  memset(&zero, 0, sizeof(zero));
  t = mg_timer_add(&zero, 5, MG_TIMER_ONCE, count, &fired);
  CHECK(t != NULL && zero.timers == t);
  mg_timer_free(&zero.timers, t);
  CHECK(zero.timers == NULL);
  mg_free(t);
}

// A wait is not longer than the next timer asks for, and not shorter than the poll was told.
static void test_waits(void) {
  uint64_t start;
  struct mg_timer *t;
  mg_mgr_init(&mgr);
  fired = 0;
  mg_timer_add(&mgr, 20, MG_TIMER_ONCE, count, &fired);
  start = mg_millis();
  while (fired == 0) mg_mgr_poll(&mgr, 60000);
  CHECK(mg_millis() - start >= 20 && mg_millis() - start < 30000);
  t = mg_timer_add(&mgr, 0, MG_TIMER_REPEAT, count, &fired);
  fired = 0;
  mg_mgr_poll(&mgr, 0);
  start = mg_millis();
  mg_mgr_poll(&mgr, 50);
  CHECK(fired == 2 && mg_millis() - start >= 49);
  mg_timer_free(&mgr.timers, t);
  mg_free(t);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_expired();
  test_three_timers();
  test_jumps();
  test_once_with_run_now_fires_once();
  test_period_zero();
  test_lists_that_change();
  test_managers_timers();
  test_a_zeroed_manager();
  test_waits();
  return FAILURES;
}
