// Functions below mg_listen and mg_connect: parts of connections that programs put together.
#include "loop.h"

#include <signal.h>
#include <sys/time.h>

static struct mg_mgr mgr;
static struct record client, server;

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (!c->is_listening) record_event(&server, ev, ev_data);
}

static void begin(void) {
  memset(&client, 0, sizeof(client));
  memset(&server, 0, sizeof(server));
  mg_mgr_init(&mgr);
}

static void end(void) {
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// --- Making connections by hand

static void test_open_listener(void) {
  struct mg_connection *c;
  int before = count_descriptors();
  begin();
  c = mg_alloc_conn(&mgr);
  CHECK(c != NULL && c->id == 1 && mgr.conns == NULL && c->fd == NULL);
  CHECK(mg_open_listener(c, "tcp://127.0.0.1:0"));
  CHECK(c->loc.port != 0 && (int) (size_t) c->fd > 0 && !c->is_listening && mgr.conns == NULL);
  mg_close_conn(c);
  c = mg_alloc_conn(&mgr);
  CHECK(!mg_open_listener(c, "invalid:31:14"));
  CHECK(!mg_open_listener(c, NULL) || c->loc.port != 0);
  CHECK(!mg_open_listener(NULL, "tcp://127.0.0.1:0"));
  mg_close_conn(c);
  CHECK(mg_alloc_conn(NULL) == NULL);
  end();
  CHECK(count_descriptors() == before);
}

static int pfn_events;
static void protocol(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  pfn_events++;
  if (ev == MG_EV_OPEN) CHECK(c->pfn_data == &pfn_events && c->fn_data == &client);
}

static void test_connect_svc(void) {
  struct mg_connection *l;
  begin();
  pfn_events = 0;
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  CHECK(mg_connect_svc(&mgr, url_of("tcp", l), recorder, &client, protocol, &pfn_events) != NULL);
  CHECK(pfn_events == 2);  // OPEN and RESOLVE
  CHECK(mg_connect_svc(NULL, "tcp://127.0.0.1:1", NULL, NULL, NULL, NULL) == NULL);
  end();
}

// --- mg_error

static int lines;
static char line[200];
static void keep_line(char ch, void *arg) {
  size_t n = strlen(line);
  (void) arg;
  if (ch == '\n') lines++;
  else if (lines == 0 && n + 1 < sizeof(line)) line[n] = ch, line[n + 1] = '\0';
}

static void test_error(void) {
  static const char digits[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
  struct mg_connection *l, own;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", recorder, &client);
  mg_log_set(MG_LL_ERROR);
  mg_log_set_fn(keep_line, NULL);
  mg_error(l, "%s", digits);
  mg_log_set(MG_LL_NONE);
  mg_log_set_fn(NULL, NULL);
  CHECK(l->is_closing && strlen(client.error) == 63 && memcmp(client.error, digits, 63) == 0);
  {
    char wanted[100];
    mg_snprintf(wanted, sizeof(wanted), "1 %d 0123456789", (int) (size_t) l->fd);
    CHECK(lines == 1 && strstr(line, wanted) != NULL);
  }
  mg_error(l, "again");
  CHECK_EVENTS(client, "OPEN ERROR ERROR");
  l->is_closing = 0;
  poll_times(&mgr, 2);
  CHECK(mgr.conns == l);
  // On a struct of the program's own.
  memset(&own, 0, sizeof(own));
  mg_error(&own, "x");
  CHECK(own.is_closing);
  mg_error(NULL, "nobody");
  end();
}

// --- Low-level input and output

static void test_io(void) {
  struct mg_connection *l, *c;
  char bytes[10];
  int fd;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  fd = dial(l);
  POLL_UNTIL(&mgr, mgr.conns != l);
  c = mgr.conns;
  CHECK(mg_io_send(c, "direct", 6) == 6);
  CHECK(recv(fd, bytes, sizeof(bytes), 0) == 6 && memcmp(bytes, "direct", 6) == 0);
  CHECK(mg_io_recv(c, bytes, sizeof(bytes)) == MG_IO_WAIT);
  mg_iobuf_add(&c->rtls, 0, "encrypted", 9);
  CHECK(mg_io_recv(c, bytes, 4) == 4 && memcmp(bytes, "encr", 4) == 0);
  CHECK(mg_io_recv(c, bytes, sizeof(bytes)) == 5 && memcmp(bytes, "ypted", 5) == 0);
  CHECK(mg_io_recv(c, bytes, sizeof(bytes)) == MG_IO_WAIT);
  // A peer that does not read.
  {
    static char much[100000];
    long n = 0;
    int i;
    for (i = 0; i < 1000 && (n = mg_io_send(c, much, sizeof(much))) > 0; i++) {}
    CHECK(n == MG_IO_WAIT);
  }
  reset(fd);
  while (mg_io_send(c, "x", 1) == MG_IO_WAIT) usleep(1000);  // until the kernel knows it
  CHECK(mg_io_send(c, "x", 1) == MG_IO_ERR);
  CHECK(!c->is_closing);
  end();
}

static void test_addresses(void) {
  struct mg_connection *l, *c;
  struct mg_addr to, addr;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", NULL, NULL);
  to = l->loc;
  memset(&addr, 0, sizeof(addr));
  mg_getlocaddr(l, &to, &addr);
  CHECK(addr.addr.ip4 == htonl(INADDR_LOOPBACK) && !l->is_closing);
  c = mg_listen(&mgr, "udp://0.0.0.0:0", NULL, NULL);
  mg_multicast_add(c, "224.0.0.251");
  mg_multicast_add(c, "not an address");
  mg_multicast_add(c, NULL);
  CHECK(!c->is_closing);
  end();
}

// --- Signals

static void nothing(int number) {
  (void) number;
}

static void test_signals(void) {
  struct sigaction action;
  // More than once: on a busy machine the first may come before the wait.
  struct itimerval soon = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
  uint64_t start = mg_millis();
  begin();
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
  mg_listen(&mgr, "tcp://127.0.0.1:0", recorder, &client);
  memset(&action, 0, sizeof(action));
  action.sa_handler = nothing;
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
  // The wait is over as if its time were: the poll continues as usual.
  mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK(mg_millis() - start < PATIENCE_MS && client.polls == 1 && client.closes == 0);
  CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
  end();
}

// --- A function that has its say before a poll sleeps

static int asked, asked_ms;

static int before_wait(struct mg_mgr *m, int ms, void *arg) {
  CHECK(m == &mgr && arg == &asked);
  asked++;
  asked_ms = ms;
  return 0;
}

static void test_wait_fn(void) {
  uint64_t start = mg_millis();
  begin();
  asked = 0;
  mg_mgr_set_wait_fn(&mgr, before_wait, &asked);
  mg_mgr_poll(&mgr, 0);
  CHECK(asked == 0);
  mg_mgr_poll(&mgr, PATIENCE_MS);
  CHECK(asked == 1 && asked_ms == PATIENCE_MS);
  mg_mgr_poll(&mgr, -1);
  CHECK(asked == 2 && asked_ms < 0);
  CHECK(mg_millis() - start < PATIENCE_MS);
  mg_mgr_set_wait_fn(&mgr, NULL, NULL);
  mg_mgr_poll(&mgr, 1);
  CHECK(asked == 2);
  end();
}

// --- Bits that programs only look at

static void test_readiness_bits(void) {
  struct mg_connection *l, *c, *a;
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), recorder, &client);
  POLL_UNTIL(&mgr, !c->is_connecting && mgr.conns != c);
  a = mgr.conns;
  poll_times(&mgr, 3);
  CHECK(!a->is_readable && !a->is_writable && !c->is_readable && !c->is_writable && !l->is_readable);
  mg_send(c, "x", 1);
  mg_mgr_poll(&mgr, 1);
  CHECK(c->is_writable);
  POLL_UNTIL(&mgr, server.read == 1);
  CHECK(a->is_readable && !a->is_writable);
  poll_times(&mgr, 2);
  CHECK(!a->is_readable && !c->is_writable);
  end();
}

// --- Hexdump

static char log_text[2000];
static void keep_text(char ch, void *arg) {
  size_t n = strlen(log_text);
  (void) arg;
  if (n + 1 < sizeof(log_text)) log_text[n] = ch, log_text[n + 1] = '\0';
}

static void test_hexdump(void) {
  struct mg_connection *l, *c;
  char wanted[200];
  begin();
  l = mg_listen(&mgr, "tcp://127.0.0.1:0", serve, NULL);
  c = mg_connect(&mgr, url_of("tcp", l), recorder, &client);
  POLL_UNTIL(&mgr, !c->is_connecting && mgr.conns != c);
  c->is_hexdumping = 1;
  log_text[0] = '\0';
  mg_log_set(MG_LL_INFO);
  mg_log_set_fn(keep_text, NULL);
  mg_send(c, "hello", 5);
  POLL_UNTIL(&mgr, client.written == 5);
  mg_send(mgr.conns, "world", 5);
  POLL_UNTIL(&mgr, client.read == 5);
  mg_log_set(MG_LL_NONE);
  mg_log_set_fn(NULL, NULL);
  mg_snprintf(wanted, sizeof(wanted), "\n-- %lu %M -> %M 5\r\n", c->id, mg_print_ip_port, &c->loc, mg_print_ip_port, &c->rem);
  CHECK_ROW(strstr(log_text, wanted) != NULL, log_text);
  mg_snprintf(wanted, sizeof(wanted), "\n-- %lu %M <- %M 5\r\n", c->id, mg_print_ip_port, &c->loc, mg_print_ip_port, &c->rem);
  CHECK_ROW(strstr(log_text, wanted) != NULL, log_text);
  CHECK(strstr(log_text, "68 65 6c 6c 6f") != NULL && strstr(log_text, "77 6f 72 6c 64") != NULL);
  end();
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_open_listener();
  test_connect_svc();
  test_error();
  test_io();
  test_addresses();
  test_signals();
  test_wait_fn();
  test_readiness_bits();
  test_hexdump();
  return FAILURES;
}
