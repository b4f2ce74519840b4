// Timers: arms N timers that fire once within 100 ms, and polls until all have fired. Prints the CPU
// time for each timer. Timers are a list that programs own and may walk, so a poll looks at each.
//
//   timers [N]
#include "mongoose.h"

static unsigned long fired;

static void on_timer(void *arg) {
  (void) arg;
  fired++;
}

static double cpu_ms(void) {
  return (double) clock() * 1000.0 / CLOCKS_PER_SEC;
}

static void run(unsigned long n) {
  struct mg_mgr mgr;
  unsigned long i, polls = 0;
  double start, armed;
  mg_mgr_init(&mgr);
  fired = 0;
  start = cpu_ms();
  for (i = 0; i < n; i++) mg_timer_add(&mgr, (uint64_t) rand() % 100, MG_TIMER_ONCE, on_timer, NULL);
  armed = cpu_ms();
  while (fired < n) mg_mgr_poll(&mgr, 10), polls++;
  printf("| %lu | %.0f | %.0f | %lu |\n", n, (armed - start) * 1e6 / (double) n, (cpu_ms() - armed) * 1e6 / (double) n,
         polls);
  mg_mgr_free(&mgr);
}

int main(int argc, char *argv[]) {
  unsigned long n;
  mg_log_set(MG_LL_NONE);
  printf("| timers | ns to arm | ns to wait and fire | polls |\n| ---: | ---: | ---: | ---: |\n");
  if (argc > 1) return run(strtoul(argv[1], NULL, 10)), 0;
  for (n = 1000; n <= 1000000; n *= 10) run(n);
  return 0;
}
