// The end-to-end fuzz target: servers and clients of the library on sockets, against a peer that is
// the input. Bytes are cut at any place, the clock jumps, the allocator and the file system fail,
// settings change, and handlers misuse what they may. The same input does the same each time, but for
// the random bytes of TLS.
//
// An input is: the scene; flags; how many bytes of orders follow; the orders; the peer's bytes. Orders
// say how the bytes are cut and what happens in between, see `obey`.
//
//   end_to_end [EXECUTIONS [SEED]]   the corpus, and so many mutations of it
//
// `make fuzz` runs `end_to_end_input` with libFuzzer.
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "e2e_handlers.h"

void end_to_end_input(const uint8_t *data, size_t len);

#define SERVER_URL "unix:server.sock"
#define PEER_URL "unix:peer.sock"
#define PEERS 3

enum scene {
  HTTP,
  WEBSOCKET,
  DASHBOARD,
  MQTT,
  MODBUS,
  RAW_TLS,
  HTTP_CLIENT,
  WEBSOCKET_CLIENT,
  MQTT_CLIENT,
  TLS_CLIENT,
  TLS_PAIR,
  SCENES
};

enum { WRAPPED = 1, LIMITED = 2, HARDENED = 4, DEFLATED = 8, NEWER = 16, GREETED = 32, WAKES = 64, FAILS = 128 };

static enum scene scene;
static unsigned flags;
static struct mg_connection *listener;
static int peers[PEERS], current, peer_listener = -1;
static struct mg_str certificate, key;
static uint64_t received;  // a hash of what the peer got

// --- The peer

static void add_peer(int fd) {
  if (peers[current] >= 0) close(peers[current]);
  peers[current] = fd;
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static struct sockaddr_un address_of(const char *path) {
  struct sockaddr_un sun;
  memset(&sun, 0, sizeof(sun));
  sun.sun_family = AF_UNIX;
  strcpy(sun.sun_path, path);
  return sun;
}

static int dial_server(void) {
  struct sockaddr_un sun = address_of("server.sock");
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *) &sun, sizeof(sun)) != 0) close(fd), fd = -1;
  return fd;
}

// A descriptor of the program that speaks what the listener does.
static int wrap(void) {
  struct mg_connection *c;
  int fds[2];
  if (listener == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) return -1;
  c = mg_wrapfd(&mgr, fds[0], listener->fn, listener->fn_data);
  if (c == NULL) {
    close(fds[0]);
    close(fds[1]);
    return -1;
  }
  c->pfn = listener->pfn;
  c->pfn_data = listener->pfn_data;
  c->is_accepted = 1;
  return fds[1];
}

static void listen_as_peer(void) {
  struct sockaddr_un sun = address_of("peer.sock");
  unlink("peer.sock");
  peer_listener = socket(AF_UNIX, SOCK_STREAM, 0);
  MUST(bind(peer_listener, (struct sockaddr *) &sun, sizeof(sun)) == 0 && listen(peer_listener, 8) == 0);
  fcntl(peer_listener, F_SETFL, O_NONBLOCK);
}

static void new_peer(void) {
  if (scene >= HTTP_CLIENT) {
    add_peer(accept(peer_listener, NULL, NULL));
  } else {
    add_peer((flags & WRAPPED) && scene != RAW_TLS ? wrap() : dial_server());
  }
}

// Reads what is there; says whether there was something.
static bool peer_reads(void) {
  static char bytes[65536];
  bool any = false;
  ssize_t n, i;
  while (peers[current] >= 0 && (n = recv(peers[current], bytes, sizeof(bytes), 0)) > 0) {
    for (i = 0; i < n; i++) received = (received ^ (uint8_t) bytes[i]) * 0x100000001b3ull;
    any = true;
  }
  return any;
}

static void peer_sends(const void *data, size_t len) {
  const char *p = (const char *) data;
  while (peers[current] >= 0 && len > 0) {
    ssize_t n = send(peers[current], p, len, MSG_NOSIGNAL);
    if (n <= 0) break;
    p += n;
    len -= (size_t) n;
  }
}

static void poll_once(void) {
  if (!is_freed) mg_mgr_poll(&mgr, 0);
  if (peer_listener >= 0 && peers[current] < 0) new_peer();
}

// --- TLS on both sides: what one sends reaches the other, as far as an order lets it

static int relay_fd = -1;

static void relay(size_t limit, uint8_t damage) {
  static char bytes[65536];
  int fds[2], i;
  if (relay_fd < 0 && peers[0] >= 0) {
    relay_fd = dial_server();
    if (relay_fd >= 0) fcntl(relay_fd, F_SETFL, O_NONBLOCK);
  }
  fds[0] = peers[0];
  fds[1] = relay_fd;
  for (i = 0; fds[0] >= 0 && fds[1] >= 0 && i < 2; i++) {
    ssize_t n = recv(fds[i], bytes, limit < sizeof(bytes) ? limit : sizeof(bytes), 0);
    if (n > 0) bytes[(size_t) n / 2] ^= (char) damage;
    if (n > 0 && send(fds[!i], bytes, (size_t) n, MSG_NOSIGNAL) < 0) return;
    if (n == 0) shutdown(fds[!i], SHUT_WR);
  }
}

static void secure(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_tls_opts opts;
  memset(&opts, 0, sizeof(opts));
  if (ev == (c->is_client ? MG_EV_CONNECT : MG_EV_ACCEPT)) {
    if (c->is_client) {
      opts.skip_verification = true;
    } else {
      opts.cert = certificate;
      opts.key = key;
    }
    mg_tls_init(c, &opts);
  }
  if (c->is_client) ask(c, ev, ev_data);
  else serve(c, ev, ev_data);
}

// --- Scenes

static void configure(void) {
  static const int limits[][2] = {
      {MG_SET_RECV_LIMIT, 20000},     {MG_SET_HIGH_WATER, 5000},       {MG_SET_HTTP_MAX_HEAD, 500},
      {MG_SET_HTTP_MAX_BODY, 10000},  {MG_SET_HTTP_HEAD_TIMEOUT, 500}, {MG_SET_HTTP_BODY_RATE, 10},
      {MG_SET_HTTP_IDLE_TIMEOUT, 50}, {MG_SET_WS_MESSAGE_LIMIT, 3000}, {MG_SET_WS_PING, 1000},
      {MG_SET_WS_PONG_TIMEOUT, 1000}, {MG_SET_WS_CLOSE_TIMEOUT, 500},  {MG_SET_MQTT_PACKET_LIMIT, 1000},
      {MG_SET_MESSAGE_RATE, 10},      {MG_SET_HANDSHAKE_TIMEOUT, 900}, {MG_SET_MQTT_RECEIVE_MAX, 3},
      {MG_SET_HTTP_SEND_TIMEOUT, 70}, {MG_SET_MEMORY_LIMIT, 300000},   {MG_SET_HTTP_ERROR_REPLIES, 1}};
  size_t i;
  for (i = 0; (flags & LIMITED) && i < sizeof(limits) / sizeof(limits[0]); i++) {
    mg_mgr_set(&mgr, limits[i][0], limits[i][1]);
  }
  if (flags & HARDENED) mg_mgr_harden(&mgr);
  if (flags & DEFLATED) mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, 9);
  if (flags & WAKES) mg_wakeup_init(&mgr);
}

static void greet(const char *bytes) {
  if (flags & GREETED) peer_sends(bytes, strlen(bytes));
}

static void open_scene(void) {
  static const char upgrade[] =
      "GET /w HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
  struct mg_mqtt_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.version = (flags & NEWER) ? 5 : 4;
  opts.keepalive = 10;
  switch (scene) {
    case DASHBOARD:
      dash.sets = &plain_set;
      dash.upload_fs = &memory_fs;
      dash.authenticate = (flags & NEWER) ? authenticate : NULL;
      listener = mg_http_listen(&mgr, SERVER_URL, dashboard, &dash);
      break;
    case MQTT: listener = mg_mqtt_listen(&mgr, SERVER_URL, broker, NULL); break;
    case MODBUS: listener = mg_modbus_listen(&mgr, SERVER_URL, registers, NULL); break;
    case RAW_TLS: listener = mg_http_listen(&mgr, SERVER_URL, secure, NULL); break;
    case HTTP_CLIENT: mg_http_connect(&mgr, PEER_URL, ask, NULL); break;
    case WEBSOCKET_CLIENT: mg_ws_connect(&mgr, PEER_URL, chat, NULL, "%s", "X: y\r\n"); break;
    case MQTT_CLIENT: mg_mqtt_connect(&mgr, PEER_URL, &opts, broker, NULL); break;
    case TLS_CLIENT: mg_http_connect(&mgr, PEER_URL, secure, NULL); break;
    case TLS_PAIR:
      listener = mg_http_listen(&mgr, SERVER_URL, secure, NULL);
      mg_http_connect(&mgr, PEER_URL, secure, NULL);
      break;
    default: listener = mg_http_listen(&mgr, SERVER_URL, serve, NULL); break;
  }
  new_peer();
  poll_once();
  if (scene == WEBSOCKET) greet(upgrade);
  // The key of this client comes from the random bytes, which are always the same.
  if (scene == WEBSOCKET_CLIENT) {
    greet("HTTP/1.1 101 a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    greet((flags & DEFLATED) ? "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n" : "\r\n");
  }
  if (scene == MQTT && (flags & GREETED)) peer_sends("\x10\x0d\0\4MQTT\4\2\0\1\0\1a", 15);
  if (scene == MQTT_CLIENT && (flags & GREETED)) peer_sends("\x20\2\0\0", 4);
}

// --- Orders

struct input {
  const uint8_t *bytes;
  size_t len;
};

static uint8_t take(struct input *in) {
  if (in->len == 0) return 0;
  in->len--;
  return *in->bytes++;
}

static void send_piece(struct input *payload, size_t n) {
  if (n > payload->len) n = payload->len;
  if (scene == TLS_PAIR) relay(n + 1, 0);
  else peer_sends(payload->bytes, n);
  payload->bytes += n;
  payload->len -= n;
  poll_once();
}

static void jump(unsigned which) {
  static const int64_t steps[] = {1, 100, 999, 5001, 30000, 3600000, (int64_t) 1 << 40, -5000};
  now += (uint64_t) steps[which % 8];
  poll_once();
}

static void change_setting(uint8_t value) {
  struct mg_connection *c = mgr.conns;
  int setting = 1 + value % 59;
  // What is not the machine's: its log, its real files and its ports stay as they are.
  if (setting == MG_SET_LOG || setting == MG_SET_POSIX_FS || setting == MG_SET_TLS_KEY_LOG) return;
  if (c != NULL) mg_conn_set(c, setting, value >> 2);
  mg_mgr_set(&mgr, setting, value);
}

static void obey(uint8_t order, struct input *orders, struct input *payload) {
  size_t i;
  if (order < 0x60) {
    send_piece(payload, order + 1u);
  } else if (order < 0x80) {
    send_piece(payload, (order - 0x5fu) * 64);
  } else if (order < 0x88) {
    jump(order);
  } else if (order < 0x90) {
    switch (order) {
      case 0x88: peer_reads(); break;
      case 0x89: if (peers[current] >= 0) shutdown(peers[current], SHUT_WR); break;
      case 0x8a: if (peers[current] >= 0) shutdown(peers[current], SHUT_RD); break;
      case 0x8b: add_peer(-1); break;
      case 0x8c: current = (current + 1) % PEERS; if (peers[current] < 0) new_peer(); break;
      case 0x8d: current = (current + 1) % PEERS; break;
      case 0x8e: if (!is_freed) mg_wakeup(&mgr, 1 + take(orders) % 4, "wake", 4); break;
      default: relay(1000, 0x40); break;
    }
    poll_once();
  } else if (order < 0xb0) {
    for (i = 0; i < 3 && plans[i].countdown > 0; i++) {}
    plans[i].action = order - 0x90;
    plans[i].countdown = 1 + take(orders) % 32;
  } else if (order < 0xc0) {
    if (flags & FAILS) fails_at = allocations + 1 + order % 16 * (1 + take(orders) % 16);
  } else if (order < 0xd0) {
    file_fails_at = file_calls + 1 + order % 16;
  } else if (order < 0xe0) {
    if (!is_freed) change_setting(take(orders));
  } else {
    poll_once();
  }
}

// Whether the orders do nothing but cut the bytes of an HTTP server's peer.
static bool only_cuts(const uint8_t *data, size_t len) {
  size_t i;
  if (len < 4 || data[0] % SCENES > DASHBOARD || (data[1] & (LIMITED | HARDENED))) return false;
  for (i = 3; i < len && i < 3 + data[2] % 64u; i++) {
    if (data[i] >= 0x80 && data[i] != 0x88 && data[i] < 0xe0) return false;
  }
  return true;
}

static void play(struct input in, bool with_orders) {
  struct input orders;
  size_t i, n;
  scene = (enum scene) (take(&in) % SCENES);
  flags = take(&in);
  n = take(&in) % 64;
  orders.bytes = in.bytes;
  orders.len = n < in.len ? n : in.len;
  in.bytes += orders.len;
  in.len -= orders.len;
  mg_mgr_init(&mgr);
  configure();
  open_scene();
  while (with_orders && orders.len > 0) obey(take(&orders), &orders, &in);
  while (in.len > 0 && !is_freed) send_piece(&in, 2000);
  for (i = 0, n = 0; i < 8 && n < 300 && !is_freed; i++, n++) {
    if (scene == TLS_PAIR) relay(sizeof(big), 0);
    else if (peer_reads()) i = 0;
    poll_once();
  }
  jump(4);
  jump(5);
}

static void run(const uint8_t *data, size_t len, bool with_orders) {
  struct input in;
  int i, lowest = dup(0);
  close(lowest);
  reset_world();
  reset_variables();
  memset(plans, 0, sizeof(plans));
  memset(&dash, 0, sizeof(dash));
  is_freed = false;
  opened = closed = errors = nested = given = uploads = uploads_ended = current = 0;
  received = 0;
  listener = NULL;
  for (i = 0; i < PEERS; i++) peers[i] = -1;
  in.bytes = data;
  in.len = len;
  if (len > 0 && data[0] % SCENES >= HTTP_CLIENT) listen_as_peer();
  play(in, with_orders);
  fails_at = 0;
  if (!is_freed) mg_mgr_free(&mgr);
  for (i = 0; i < PEERS; i++) {
    if (peers[i] >= 0) close(peers[i]);
  }
  if (relay_fd >= 0) close(relay_fd), relay_fd = -1;
  if (peer_listener >= 0) close(peer_listener), peer_listener = -1;
  // Each connection was closed once; no file, no descriptor and no block of memory is left.
  MUST(opened == closed + given);
  MUST(uploads == uploads_ended);
  MUST(opened_files == 0);
  MUST(blocks == 0);
  i = dup(0);
  MUST(i == lowest);
  close(i);
}

void end_to_end_input(const uint8_t *data, size_t len) {
  run(data, len, true);
  // However the bytes are cut, the answers are the same. An error ends a connection at once, also
  // before earlier answers are sent; with MQTT and Modbus any malformed packet does.
  if (errors == 0 && only_cuts(data, len)) {
    uint64_t cut = received;
    run(data, len, false);
    MUST(errors > 0 || received == cut);
  }
}

// --- Without libFuzzer

// What the first call needs: the certificate, an empty directory, no signals.
void end_to_end_begin(const char *cert_pem, const char *key_pem);
void end_to_end_begin(const char *cert_pem, const char *key_pem) {
  signal(SIGPIPE, SIG_IGN);
  mg_log_set(MG_LL_NONE);
  certificate = mg_str(cert_pem);
  key = mg_str(key_pem);
}

#ifndef END_TO_END_LIBRARY
#include "e2e_driver.h"
#endif
