// A process forks while it has a manager: each side continues by itself, or frees what it has.
#include "loop.h"

#include <sys/wait.h>

static struct mg_mgr mgr;
static struct mg_connection *l;
static int accepted, read_bytes;

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) accepted++;
  if (ev == MG_EV_READ) {
    read_bytes += (int) *(long *) ev_data;
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

static void begin(void) {
  accepted = read_bytes = 0;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", echo, NULL);
  CHECK(l != NULL && mg_wakeup_init(&mgr));
}

// One echo over a new connection, served by this process.
static void check_works(void) {
  char bytes[4] = "";
  int was = accepted, fd = dial(l);
  put(fd, "ping", 4);
  POLL_UNTIL(&mgr, accepted == was + 1 && recv(fd, bytes, 4, MSG_DONTWAIT | MSG_PEEK) == 4);
  CHECK(memcmp(bytes, "ping", 4) == 0);
  close(fd);
}

static int wait_for(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

// The child frees the manager at once, as one does that will run something else.
static void test_the_child_frees(void) {
  pid_t child;
  int fd;
  begin();
  check_works();
  fd = dial(l);
  POLL_UNTIL(&mgr, accepted == 2);
  child = fork();
  if (child == 0) {
    mg_mgr_free(&mgr);
    _exit(mgr.conns == NULL ? 0 : 1);
  }
  CHECK(wait_for(child) == 0);
  // The parent's connections and its listener work on.
  read_bytes = 0;
  put(fd, "still", 5);
  POLL_UNTIL(&mgr, read_bytes == 5);
  check_works();
  close(fd);
  mg_mgr_free(&mgr);
}

// The child serves on the same listener, and so does the parent afterwards.
static void test_both_serve(void) {
  pid_t child;
  begin();
  child = fork();
  if (child == 0) {
    check_works();
    mg_mgr_free(&mgr);
    _exit(failures == 0 && mgr.conns == NULL ? 0 : 1);
  }
  CHECK(wait_for(child) == 0);
  check_works();
  mg_mgr_free(&mgr);
}

// Wakeups stay in the process that sent them.
static int woken;

static void count_wakeups(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  woken += ev == MG_EV_WAKEUP;
}

static void test_wakeups(void) {
  pid_t child;
  begin();
  l->fn = count_wakeups;
  child = fork();
  if (child == 0) {
    mg_mgr_poll(&mgr, 0);
    CHECK(mg_wakeup(&mgr, l->id, "child", 5));
    POLL_UNTIL(&mgr, woken == 1);
    mg_mgr_free(&mgr);
    _exit(failures == 0 ? 0 : 1);
  }
  CHECK(wait_for(child) == 0);
  poll_times(&mgr, 3);
  CHECK(woken == 0);
  CHECK(mg_wakeup(&mgr, l->id, "parent", 6));
  POLL_UNTIL(&mgr, woken == 1);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_the_child_frees();
  test_both_serve();
  test_wakeups();
  return FAILURES;
}
