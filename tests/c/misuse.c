// The misuse matrix, first part: connections, output, formatting, timers. See misuse.h.
#include "misuse.h"

// Calls a function that takes a `va_list *`.
static void with_list(void (*fn)(va_list *ap), ...) {
  va_list ap;
  va_start(ap, fn);
  fn(&ap);
  va_end(ap);
}

static void put_char(char ch, void *arg) {
  (void) ch, (void) arg;
  strike(HANDLER);
}

static void do_vprintf(va_list *ap) { mg_vprintf(subject, "%M", ap); }
static void do_verror(va_list *ap) { mg_verror(subject, "%M", ap); }
static void do_vxprintf(va_list *ap) { mg_vxprintf(put_char, NULL, "x%M", ap); }
static void do_vsnprintf(va_list *ap) {
  char buf[10];
  mg_vsnprintf(buf, sizeof(buf), "%M", ap);
}
static void do_vmprintf(va_list *ap) { free(mg_vmprintf("%M", ap)); }
static void do_vlog(va_list *ap) { mg_vlog("%M", ap); }

static char queue_memory[100];
static struct mg_queue queue;
static void do_queue_vprintf(va_list *ap) {
  mg_queue_init(&queue, queue_memory, sizeof(queue_memory));
  mg_queue_vprintf(&queue, "%M", ap);
}

static void on_protocol_event(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  // At OPEN the other handler does not know the connection yet.
  if (ev != MG_EV_POLL && ev != MG_EV_OPEN) strike(HANDLER);
}

static void run_timer(void *arg) {
  (void) arg;
  strike(HANDLER);
}

static void do_timer_poll(void) {
  static struct mg_timer timer;
  struct mg_timer *list = NULL;
  mg_timer_init(&list, &timer, 1, MG_TIMER_RUN_NOW, run_timer, NULL);
  mg_timer_poll(&list, 1);
  mg_timer_poll(&list, 2);
}

static int wait_less(struct mg_mgr *m, int ms, void *arg) {
  (void) m, (void) ms, (void) arg;
  strike(HANDLER);
  return 0;
}

static void do_wakeup(void) {
  static bool busy;
  mg_wakeup_init(mgr);
  if (mgr == NULL) return;
  if (other != NULL) mg_wakeup(mgr, other->id, "hi", 2);
  if (busy || mgr == NULL) return;
  busy = true;
  mg_mgr_poll(mgr, 0);
  busy = false;
}

static void do_poll(void) {
  if (other != NULL) mg_send(other, "hello", 5);
  if (mgr == NULL) return;
  mg_mgr_poll(mgr, 0);
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
}

static void do_free(void) {
  struct mg_mgr *m = mgr;
  mg_mgr_free(m);
  if (mgr != NULL) free(m);
  mgr = NULL;
}

static uint16_t read_register(uint8_t addr, uint8_t reg) {
  (void) addr, (void) reg;
  strike(HANDLER);
  return 0xffff;
}

static void write_register(uint8_t addr, uint8_t reg, uint16_t value) {
  (void) addr, (void) reg, (void) value;
  strike(HANDLER);
}

static void do_strdup(void) {
  struct mg_str s = mg_strdup(mg_str("text"));
  free((void *) s.buf);
}

// A copy of a connection, and one by hand: not the manager's, whatever they say.
static void do_copy(void) {
  struct mg_connection *copy = (struct mg_connection *) malloc(sizeof(*copy));
  *copy = *subject;
  memset(&copy->recv, 0, sizeof(copy->recv));
  memset(&copy->send, 0, sizeof(copy->send));
  copy->fn = on_event;
  mg_printf(copy, "%M", print);
  if (mgr == NULL) copy->mgr = NULL;
  mg_send(copy, "x", 1);
  mg_close_conn(copy);
  mg_error(copy, "%s", "error");
  if (mgr == NULL) copy->mgr = NULL;
  free(copy->send.buf);
  free(copy);
}

#define ROWS "misuse.inc"
#include "misuse_rows.h"

int main(int argc, char **argv) {
  play_all(rows, COUNT(rows), argc, argv);
  return FAILURES;
}
