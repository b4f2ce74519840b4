// Datagrams: boundaries, sizes, addresses, empty ones, errors.
#include "loop.h"

static struct mg_mgr mgr;

static int plain_udp(uint16_t *port) {
  struct sockaddr_in sin = loopback(0);
  socklen_t len = sizeof(sin);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(fd >= 0 && bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0);
  CHECK(getsockname(fd, (struct sockaddr *) &sin, &len) == 0);
  *port = sin.sin_port;
  return fd;
}

static void send_plain(int fd, uint16_t port, const void *buf, size_t len) {
  struct sockaddr_in sin = loopback(port);
  CHECK(sendto(fd, buf, len, 0, (struct sockaddr *) &sin, sizeof(sin)) == (ssize_t) len);
}

// --- One handler for both sides

static int sum;

static void add_up(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_CONNECT) {
    sum += 1;
    CHECK(mg_send(c, "hi", 2));
  } else if (ev == MG_EV_WRITE) {
    sum += 100;
  } else if (ev == MG_EV_READ) {
    sum += 10;
    mg_iobuf_free(&c->recv);
  }
}

static void test_one_datagram(void) {
  struct mg_connection *l;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", add_up, NULL);
  mg_connect(&mgr, url_of("udp", l), add_up, NULL);
  CHECK(sum == 101);  // CONNECT and WRITE have happened
  POLLS_SUFFICE(&mgr, 5, sum == 111);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
}

// --- Echo: the listener itself reads and answers

static struct record listener, client;

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  record_event(&listener, ev, ev_data);
  if (ev == MG_EV_READ) {
    CHECK(c->rem.port != 0 && c->rem.addr.ip4 == htonl(INADDR_LOOPBACK));
    CHECK((size_t) *(long *) ev_data == c->recv.len);
    CHECK(mg_send(c, c->recv.buf, c->recv.len));
    c->recv.len = 0;
  }
}

static void test_echo(void) {
  struct mg_connection *l, *c;
  memset(&listener, 0, sizeof(listener));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", echo, NULL);
  CHECK(l->is_listening && l->is_udp);
  c = mg_connect(&mgr, url_of("udp", l), recorder, &client);
  CHECK(c->is_udp && c->is_client && !c->is_connecting);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT");
  CHECK(mg_send(c, "ping", 4));
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE");
  CHECK(c->loc.port != 0 && c->send.len == 0);
  POLL_UNTIL(&mgr, client.read == 4);
  CHECK(c->recv.len == 4 && memcmp(c->recv.buf, "ping", 4) == 0);
  CHECK(c->rem.port == l->loc.port);
  c->is_closing = 1;
  mg_mgr_poll(&mgr, 1);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE READ CLOSE");
  CHECK_EVENTS(listener, "OPEN READ WRITE");
  CHECK(mgr.conns == l && l->next == NULL);
  mg_mgr_free(&mgr);
  CHECK_EVENTS(listener, "OPEN READ WRITE CLOSE");
}

// --- Sizes

static size_t expected_len;
static int got;

static void check_size(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_READ) {
    size_t i;
    CHECK((size_t) *(long *) ev_data == expected_len && c->recv.len == expected_len);
    for (i = 0; i < c->recv.len && c->recv.buf[i] == (unsigned char) (i * 31); i++) {}
    CHECK(i == expected_len);
    c->recv.len = 0;
    got++;
  }
}

static void test_sizes(void) {
  static const size_t lens[] = {1, 1472, 16383, 16384, 16385, 20000, 65000, 65507};
  static unsigned char bytes[65508];
  struct mg_connection *l, *c;
  size_t i;
  for (i = 0; i < sizeof(bytes); i++) bytes[i] = (unsigned char) (i * 31);
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", check_size, NULL);
  c = mg_connect(&mgr, url_of("udp", l), NULL, NULL);
  for (i = 0; i < COUNT(lens); i++) {
    got = 0;
    expected_len = lens[i];
    CHECK(mg_send(c, bytes, expected_len));
    POLL_UNTIL(&mgr, got == 1);
  }
  // One byte too many: false, and the sender closes without ERROR.
  c->fn = recorder;
  c->fn_data = &client;
  memset(&client, 0, sizeof(client));
  CHECK(!mg_send(c, bytes, 65508) && c->is_closing);
  poll_times(&mgr, 2);
  CHECK_EVENTS(client, "CLOSE");
  mg_mgr_free(&mgr);
}

// Without consumption boundaries are not kept, but the event tells each size.
static long sizes[3];

static void keep_all(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_READ && got < 3) sizes[got++] = *(long *) ev_data;
}

static void test_boundaries(void) {
  struct mg_connection *l;
  uint16_t port;
  int fd = plain_udp(&port);
  got = 0;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", keep_all, NULL);
  send_plain(fd, l->loc.port, "a", 1);
  send_plain(fd, l->loc.port, "bcd", 3);
  send_plain(fd, l->loc.port, "ef", 2);
  POLL_UNTIL(&mgr, got == 3);
  CHECK(sizes[0] == 1 && sizes[1] == 3 && sizes[2] == 2);
  CHECK(l->recv.len == 6 && memcmp(l->recv.buf, "abcdef", 6) == 0);
  CHECK(l->rem.port == port);
  close(fd);
  mg_mgr_free(&mgr);
}

// --- Empty datagrams: no event, and nobody closes.

static void test_empty(void) {
  struct mg_connection *l, *c;
  uint16_t port;
  int fd = plain_udp(&port);
  char byte;
  memset(&listener, 0, sizeof(listener));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", recorder, &listener);
  send_plain(fd, l->loc.port, "", 0);
  poll_times(&mgr, 5);
  CHECK_EVENTS(listener, "OPEN");
  send_plain(fd, l->loc.port, "", 0);
  send_plain(fd, l->loc.port, "x", 1);
  POLL_UNTIL(&mgr, listener.read == 1);
  CHECK_EVENTS(listener, "OPEN READ");
  // Sent, too.
  {
    char url[64];
    snprintf(url, sizeof(url), "udp://127.0.0.1:%d", ntohs(port));
    c = mg_connect(&mgr, url, recorder, &client);
  }
  CHECK(mg_send(c, "", 0) && mg_send(c, NULL, 0));
  CHECK(recv(fd, &byte, 1, 0) == 0 && recv(fd, &byte, 1, 0) == 0);
  poll_times(&mgr, 3);
  CHECK(client.closes == 0);
  send_plain(fd, c->loc.port, "", 0);
  poll_times(&mgr, 3);
  CHECK(client.closes == 0 && client.read == 0);
  close(fd);
  mg_mgr_free(&mgr);
}

// --- Addresses

// A program writes c->rem before it sends; the sender of each datagram overwrites it.
static void test_rem(void) {
  struct mg_connection *c;
  struct mg_addr group;
  char url[64], byte;
  uint16_t p1, p2;
  int fd1 = plain_udp(&p1), fd2 = plain_udp(&p2);
  mg_mgr_init(&mgr);
  snprintf(url, sizeof(url), "udp://127.0.0.1:%d", ntohs(p1));
  c = mg_connect(&mgr, url, NULL, NULL);
  group = c->rem;
  CHECK(c->rem.port == p1);
  CHECK(mg_send(c, "1", 1) && recv(fd1, &byte, 1, 0) == 1 && byte == '1');
  c->rem.port = p2;
  CHECK(mg_send(c, "2", 1) && recv(fd2, &byte, 1, 0) == 1 && byte == '2');
  send_plain(fd1, c->loc.port, "x", 1);
  POLL_UNTIL(&mgr, c->recv.len == 1);
  CHECK(c->rem.port == p1);
  send_plain(fd2, c->loc.port, "y", 1);
  POLL_UNTIL(&mgr, c->recv.len == 2);
  CHECK(c->rem.port == p2);
  mg_multicast_restore(c, (uint8_t *) &group);
  CHECK(c->rem.port == p1);
  CHECK(mg_send(c, "3", 1) && recv(fd1, &byte, 1, 0) == 1 && byte == '3');
  close(fd1);
  close(fd2);
  mg_mgr_free(&mgr);
}

// The address of an IPv6 sender is right from the first datagram on.
static void test_ipv6_rem(void) {
  struct mg_connection *l, *c;
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://[::1]:0", NULL, NULL);
  CHECK(l != NULL);
  if (l != NULL) {
    static const unsigned char loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    c = mg_connect(&mgr, url_of("udp", l), NULL, NULL);
    CHECK(mg_send(c, "x", 1));
    POLL_UNTIL(&mgr, l->recv.len == 1);
    CHECK(l->rem.is_ip6 && memcmp(l->rem.addr.ip, loopback6, 16) == 0 && l->rem.port == c->loc.port);
    CHECK(mg_send(l, "y", 1));
    POLL_UNTIL(&mgr, c->recv.len == 1);
  }
  mg_mgr_free(&mgr);
}

// A listener without a sender yet has nobody to send to.
static void test_nobody(void) {
  struct mg_connection *l;
  memset(&listener, 0, sizeof(listener));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", recorder, &listener);
  CHECK(!mg_send(l, "x", 1) && l->is_closing);
  mg_mgr_poll(&mgr, 0);
  CHECK_EVENTS(listener, "OPEN CLOSE");
  mg_mgr_free(&mgr);
}

// A closed port at the other end: sends succeed again and again, and nothing closes.
static void test_port_unreachable(void) {
  struct mg_connection *c;
  char url[64];
  uint16_t port;
  int i;
  close(plain_udp(&port));
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  snprintf(url, sizeof(url), "udp://127.0.0.1:%d", ntohs(port));
  c = mg_connect(&mgr, url, recorder, &client);
  for (i = 0; i < 5; i++) {
    CHECK(mg_send(c, "x", 1));
    mg_mgr_poll(&mgr, 1);
  }
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE");
  c->is_draining = 1;
  poll_times(&mgr, 2);
  CHECK(client.closes == 1);
  mg_mgr_free(&mgr);
}

// Queued by appending to c->send: one datagram in the next poll, which mg_send does not touch.
static void test_queued_output(void) {
  struct mg_connection *c;
  char url[64], buf[10];
  uint16_t port;
  int fd = plain_udp(&port);
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  snprintf(url, sizeof(url), "udp://127.0.0.1:%d", ntohs(port));
  c = mg_connect(&mgr, url, recorder, &client);
  mg_iobuf_add(&c->send, c->send.len, "pf", 2);
  CHECK(mg_send(c, "x", 1));
  mg_iobuf_add(&c->send, c->send.len, "q", 1);
  CHECK(c->send.len == 3);
  CHECK(recv(fd, buf, sizeof(buf), 0) == 1 && buf[0] == 'x');
  mg_mgr_poll(&mgr, 0);
  CHECK(recv(fd, buf, sizeof(buf), 0) == 3 && memcmp(buf, "pfq", 3) == 0);
  CHECK(client.written == 4 && c->send.len == 0);
  // Text and mg_printf, and the last of it before the connection drains.
  CHECK(mg_printf(c, "%s", "te") == 2 && mg_printf(c, "%s", "xt") == 2);
  c->is_draining = 1;
  mg_mgr_poll(&mgr, 0);
  CHECK(recv(fd, buf, sizeof(buf), 0) == 4 && memcmp(buf, "text", 4) == 0);
  POLL_UNTIL(&mgr, client.closes == 1);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT WRITE CLOSE");
  close(fd);
  mg_mgr_free(&mgr);
}

// What cannot be one datagram ends the connection, without ERROR.
static void test_too_much_output(void) {
  static char much[70000];
  struct mg_connection *c;
  memset(&client, 0, sizeof(client));
  mg_mgr_init(&mgr);
  c = mg_connect(&mgr, "udp://127.0.0.1:9", recorder, &client);
  mg_iobuf_add(&c->send, 0, much, sizeof(much));
  poll_times(&mgr, 2);
  CHECK_EVENTS(client, "OPEN RESOLVE CONNECT CLOSE");
  mg_mgr_free(&mgr);
}

// Many datagrams that wait: all are delivered, while is_full holds them back as long as it is set.
static void test_burst_and_is_full(void) {
  struct mg_connection *l;
  uint16_t port;
  int i, fd = plain_udp(&port);
  memset(&listener, 0, sizeof(listener));
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", recorder, &listener);
  l->is_full = 1;
  for (i = 0; i < 50; i++) send_plain(fd, l->loc.port, "0123456789", 10);
  poll_times(&mgr, 3);
  CHECK(listener.read == 0);
  l->is_full = 0;
  POLL_UNTIL(&mgr, listener.read == 500);
  CHECK(l->recv.len == 500);
  close(fd);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_one_datagram();
  test_echo();
  test_sizes();
  test_boundaries();
  test_empty();
  test_rem();
  if (has_ipv6()) test_ipv6_rem();
  test_nobody();
  test_port_unreachable();
  test_queued_output();
  test_too_much_output();
  test_burst_and_is_full();
  return FAILURES;
}
