// When the process runs out of descriptors: clients wait, nobody spins, and later nothing is lost.
#include <sys/resource.h>

#include "loop.h"

static struct mg_mgr mgr;
static struct record client;
static int accepts, log_lines;

static void count_accepts(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  accepts += ev == MG_EV_ACCEPT;
}

static void count_lines(char ch, void *arg) {
  (void) arg;
  log_lines += ch == '\n';
}

// Takes every descriptor that is left below the limit.
static int hoard[1024], hoarded;

static void take_all(void) {
  int fd;
  while (hoarded < (int) COUNT(hoard) && (fd = dup(0)) >= 0) hoard[hoarded++] = fd;
  CHECK(errno == EMFILE);
}

static void give_back(int n) {
  while (n-- > 0 && hoarded > 0) close(hoard[--hoarded]);
}

static void test_accept(void) {
  struct mg_connection *l;
  int i, fds[5];
  if (under_valgrind()) return;  // it keeps the limit by itself, and drops what the kernel accepts
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", count_accepts, NULL);
  for (i = 0; i < 5; i++) fds[i] = dial(l);
  take_all();
  log_lines = 0;
  mg_log_set(MG_LL_ERROR);
  mg_log_set_fn(count_lines, NULL);
  POLL_UNTIL(&mgr, log_lines == 1);
  CHECK_WAITS(&mgr);  // and does not try again and again
  CHECK(accepts == 0 && log_lines == 1 && mgr.conns == l && l->next == NULL);
  // Two come in, three wait; then all, without any new packet.
  give_back(2);
  POLL_UNTIL(&mgr, accepts == 2);
  POLL_UNTIL(&mgr, log_lines == 2);
  poll_times(&mgr, 3);
  CHECK(accepts == 2 && log_lines == 2);
  give_back(hoarded);
  POLL_UNTIL(&mgr, accepts == 5);
  CHECK(log_lines == 2);
  mg_log_set(MG_LL_NONE);
  mg_log_set_fn(NULL, NULL);
  for (i = 0; i < 5; i++) close(fds[i]);
  mg_mgr_free(&mgr);
}

static void test_connect_and_others(void) {
  struct mg_connection *l, *c;
  mg_mgr_init(&mgr);
  memset(&client, 0, sizeof(client));
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
  take_all();
  c = mg_connect(&mgr, url_of("tcp", l), recorder, &client);
  CHECK(c != NULL && c->is_closing);
  CHECK_EVENTS(client, "OPEN ERROR");
  CHECK(strcmp(client.error, "socket(): 24") == 0);
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(client, "OPEN ERROR CLOSE");
  CHECK(mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL) == NULL);
  CHECK(!mg_wakeup_init(&mgr) && mgr.pipe.fd == -1);
  CHECK(mgr.conns == l && l->next == NULL);
  give_back(hoarded);
  CHECK(mg_wakeup_init(&mgr));
  mg_mgr_free(&mgr);
}

// A manager without a poller: polls return, nothing happens, and it can be freed.
static void test_no_poller(void) {
  take_all();
  mg_mgr_init(&mgr);
  CHECK(mgr.epoll_fd == -1);
  give_back(hoarded);
  mg_mgr_poll(&mgr, 0);
  mg_mgr_poll(&mgr, 10);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

int main(void) {
  struct rlimit limit;
  int before;
  mg_log_set(MG_LL_NONE);
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = 200;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  before = count_descriptors();
  test_accept();
  test_connect_and_others();
  test_no_poller();
  CHECK(count_descriptors() == before);
  return FAILURES;
}
