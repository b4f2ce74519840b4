// Modbus-TCP server: requests and the answers to them, what handlers may do, frames that are none.
#include "loop.h"

static struct mg_mgr s_mgr;
static int s_reads, s_requests;

static const uint8_t s_coils[] = {0x4d, 0x9c, 0xaa, 0x55, 0xcc, 0xa3, 0x66, 0xaf, 0x60, 0xbc, 0xcc, 0x6c, 0x53,
                                  0xff, 0x00, 0x55, 0x3c, 0x0f, 0xf0, 0x8f, 0x54, 0x99, 0xf8, 0x0d, 0x2a};

// Length, unit, function ...; events: how many MG_EV_MODBUS_REQ there are.
static const struct {
  int events;
  const char *request, *answer;
} s_rows[] = {
    {1, "000601010010 0001", "000401010101"},
    {1, "000601020011 0001", "000401020101"},
    {1, "000601030012 0001", "00050103020001"},
    {1, "000601040013 0001", "00050104020001"},
    {1, "000601050014 ff00", "000601050014ff00"},
    {1, "000601060015 0001", "0006010600150001"},
    {0, "000601010016 0000", "0003018103"},
    {1, "000601010017 0001", "000401010101"},
    {1, "000601010018 0007", "000401010155"},
    {0, "000601020019 0000", "0003018203"},
    {1, "00060102001a 0001", "000401020101"},
    {1, "00060102001b 0007", "000401020155"},
    {0, "00060103001c 0000", "0003018303"},
    {1, "00060103001d 0001", "00050103020001"},
    {1, "00060103001e 0007", "001101030e0001000200030004000500060007"},
    {0, "00060104001f 0000", "0003018403"},
    {1, "000601040020 0001", "00050104020001"},
    {1, "000601040021 0007", "001101040e0001000200030004000500060007"},
    {0, "0007010f0022 000000", "0003018f03"},
    {1, "0008010f0023 00010101", "0006010f00230001"},
    {1, "0008010f0024 00070155", "0006010f00240007"},
    {0, "000701100025 000000", "0003019003"},
    {1, "000901100026 0001020001", "0006011000260001"},
    {1, "001501100027 00070e0001000200030004000500060007", "0006011000270007"},
    {0, "000601110028 0001", "0003019101"},
    {1, "00060103fffe 0001", "0003018302"},
    {0, "000601050029 1234", "0003018503"},
    {1, "00060104002a 0001", "0003018404"},
    {1, "000601010000 00c8", "001c0101194d9caa55cca366af60bccc6c53ff00553c0ff08f5499f80d2a"},
    // Beyond the last address
    {0, "00060103ffff 0002", "0003018302"},
    // Too many
    {0, "0006010107d0 07d1", "0003018103"},
    {0, "000601030000 007e", "0003018303"},
    // Short PDUs of an unknown function, and of a known one
    {0, "0002012b", "000301ab01"},
    {0, "00020103", "0003018303"},
    {0, "00050103000000", "0003018303"},
    // 22: a register is read and written; 23: registers are written, then others are read.
    {2, "000801160004 0000 0001", "0008011600040000 0001"},
    {1, "00080116fffe 0000 0001", "0003019602"},
    {0, "000701160004 0000 00", "0003019603"},
    {2, "000d01170003 0002 000e 0001020001", "0007011704 00010002"},
    {1, "000d01170003 0002 002a 0001020001", "0003019704"},
    {2, "000d0117002a 0002 0003 0001020001", "0003019704"},
    {0, "000d0117ffff 0002 000e 0001020001", "0003019702"},
    {0, "000d01170003 0002 000e 0001040001", "0003019703"},
    {0, "000d01170003 007e 000e 0001020001", "0003019703"},
    // 43/14: a device that has no name says that there is no such function.
    {1, "0005012b0e0100", "000301ab01"},
    {0, "0005012b0e0500", "000301ab03"},
    {0, "0005012b0d0100", "000301ab01"},
    // Other units
    {1, "0006ff030012 0001", "0005ff03020001"},
    {1, "000600030012 0001", "00050003020001"},
};

static void server(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_READ) s_reads++;
  if (ev == MG_EV_MODBUS_REQ) {
    struct mg_modbus_req *r = (struct mg_modbus_req *) ev_data;
    int i;
    CHECK(r->error == MG_MODBUS_ERR_NONE);
    s_requests++;
    if (r->addr == 0xfffe) r->error = MG_MODBUS_ERR_ILLEGAL_ADDRESS;
    if (r->addr == 0x2a) r->error = MG_MODBUS_ERR_DEVICE_FAILURE;
    for (i = 0; i < r->len; i++) {
      bool on = r->len == 200 ? (s_coils[i / 8] >> (i % 8)) & 1 : i % 2 == 0;
      if (r->func <= MG_MODBUS_FUNC_READ_DISCRETE_INPUTS) {
        CHECK(!r->u.bits[i]);
        r->u.bits[i] = on;
      } else if (r->func <= MG_MODBUS_FUNC_READ_INPUT_REGISTERS) {
        CHECK(r->u.regs[i] == 0);
        r->u.regs[i] = (uint16_t) (i + 1);
      } else if (r->func == MG_MODBUS_FUNC_WRITE_SINGLE_COIL || r->func == MG_MODBUS_FUNC_WRITE_MULTIPLE_COILS) {
        CHECK(r->u.bits[i] == on);
      } else {
        CHECK(r->u.regs[i] == i + 1);
      }
    }
    // What handlers leave here does not matter.
    r->len = 0xffff;
    r->func = 99;
    if (r->addr % 2 == 0) r->u.regs = NULL;
  }
}

static size_t unhex(const char *s, uint8_t *out) {
  size_t n = 0;
  unsigned v;
  for (; *s != '\0'; s++) {
    if (*s == ' ') continue;
    sscanf(s, "%2x", &v);
    out[n++] = (uint8_t) v;
    s++;
  }
  return n;
}

static void test_requests(void) {
  struct mg_connection *c;
  char url[64];
  size_t i;
  int k;
  mg_mgr_init(&s_mgr);
  c = mg_modbus_listen(&s_mgr, "tcp://localhost:0", server, NULL);
  CHECK(c != NULL && c->is_listening);
  snprintf(url, sizeof(url), "tcp://localhost:%d", mg_ntohs(c->loc.port));
  c = mg_connect(&s_mgr, url, NULL, NULL);
  for (i = 0; i < COUNT(s_rows); i++) {
    uint8_t request[300] = {0, (uint8_t) (i + 1)}, answer[300] = {0, (uint8_t) (i + 1)};
    size_t n = 4 + unhex(s_rows[i].request, request + 4), m = 4 + unhex(s_rows[i].answer, answer + 4);
    s_requests = 0;
    mg_send(c, request, n);
    for (k = 0; k < 20; k++) mg_mgr_poll(&s_mgr, 1);
    CHECK_ROW(c->recv.len == m && memcmp(c->recv.buf, answer, m) == 0, s_rows[i].request);
    CHECK_ROW(s_reads == (int) i + 1 && s_requests == s_rows[i].events, s_rows[i].request);
    c->recv.len = 0;
  }
  mg_mgr_free(&s_mgr);
  CHECK(s_mgr.conns == NULL);
}

static int begin(mg_event_handler_t fn, void *arg) {
  struct mg_connection *l;
  mg_mgr_init(&s_mgr);
  l = mg_modbus_listen(&s_mgr, "tcp://127.0.0.1:0", fn, arg);
  return dial(l);
}

static const char s_read_one[] = "\0\1\0\0\0\6\1\3\0\1\0\1";

// Several frames in a segment are answered in order; one in pieces is answered when it is complete.
static void test_segments(void) {
  int fd = begin(server, NULL), cut;
  uint8_t out[300];
  s_reads = s_requests = 0;
  put(fd, "\0\1\0\0\0\6\1\3\0\1\0\1\0\2\0\0\0\6\1\3\0\1\0\1\0\3\0", 27);
  read_all(&s_mgr, fd, out, 22);
  CHECK(out[1] == 1 && out[12] == 2 && s_requests == 2 && s_reads == 1);
  put(fd, "\0\0\6\1\3\0\1\0\1", 9);
  read_all(&s_mgr, fd, out, 11);
  CHECK(out[1] == 3);
  for (cut = 1; cut < 12; cut++) {
    s_requests = 0;
    put(fd, s_read_one, (size_t) cut);
    poll_times(&s_mgr, 3);
    CHECK(s_requests == 0);
    put(fd, s_read_one + cut, (size_t) (12 - cut));
    read_all(&s_mgr, fd, out, 11);
    CHECK(s_requests == 1);
  }
  mg_mgr_free(&s_mgr);
  close(fd);
}

// Frames that cannot be told apart end the connection, as soon as their header is there.
static void test_no_modbus(void) {
  static const char *const rows[] = {"000100010006", "000101000006", "000100000000", "000100000001", "0001000000ff",
                                     "00010000ffff"};
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    struct record r;
    uint8_t bytes[6];
    char byte;
    int fd;
    memset(&r, 0, sizeof(r));
    fd = begin(recorder, &r);
    put(fd, (char *) bytes, unhex(rows[i], bytes));
    POLL_UNTIL(&s_mgr, r.closes == 1);
    CHECK_ROW(strcmp(r.error, "invalid pdu") == 0, rows[i]);
    CHECK_EVENTS(r, "OPEN OPEN ACCEPT ERROR READ CLOSE");
    CHECK_ROW(recv(fd, &byte, 1, 0) == 0, rows[i]);
    mg_mgr_free(&s_mgr);
    close(fd);
  }
}

// Any code is sent as it is.
static void refuser(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MODBUS_REQ) ((struct mg_modbus_req *) ev_data)->error = *(uint8_t *) c->fn_data;
}

static void test_error_codes(void) {
  uint8_t code = 1, out[9];
  int fd = begin(refuser, &code);
  do {
    put(fd, s_read_one, 12);
    read_all(&s_mgr, fd, out, 9);
    CHECK(memcmp(out, "\0\1\0\0\0\3\1\x83", 8) == 0 && out[8] == code);
    code = (uint8_t) (code == 1 ? 11 : code == 11 ? 255 : 0);
  } while (code != 0);
  mg_mgr_free(&s_mgr);
  close(fd);
}

static int s_how;

static void quitter(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev != MG_EV_MODBUS_REQ) return;
  s_requests++;
  if (s_how == 0) mg_close_conn(c);
  if (s_how == 1) c->is_closing = 1;
  if (s_how == 2) mg_mgr_free(c->mgr);
  if (s_how == 3) c->is_draining = 1;
}

static void test_handlers_that_close(void) {
  for (s_how = 0; s_how < 4; s_how++) {
    int fd = begin(quitter, NULL), i;
    uint8_t out[12];
    s_requests = 0;
    put(fd, "\0\1\0\0\0\6\1\3\0\1\0\1\0\2\0\0\0\6\1\3\0\1\0\1", 24);
    for (i = 0; i < 10; i++) {
      if (s_how != 2 || s_requests == 0) mg_mgr_poll(&s_mgr, 1);
    }
    CHECK(s_requests == (s_how == 3 ? 2 : 1));
    if (s_how == 3) read_all(&s_mgr, fd, out, 11);  // drained: answered first
    mg_mgr_free(&s_mgr);
    close(fd);
  }
}

static size_t s_most;

static void watcher(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_MODBUS_REQ && c->send.len > s_most) s_most = c->send.len;
}

// A client that asks and does not read cannot make the send buffer grow, and is answered in the end.
static void test_a_client_that_does_not_read(void) {
  enum { REQUESTS = 8000, ANSWER = 259, BATCH = 100 };
  static uint8_t requests[REQUESTS][12], answers[BATCH][ANSWER];
  size_t asked = 0;
  int fd = begin(watcher, NULL), i, k;
  nonblocking(fd);
  for (i = 0; i < REQUESTS; i++) {
    memcpy(requests[i], "\0\0\0\0\0\6\1\1\0\0\x07\xd0", 12);
    requests[i][0] = (uint8_t) (i >> 8), requests[i][1] = (uint8_t) i;
  }
  while (asked < sizeof(requests)) {
    ssize_t n = send(fd, requests[0] + asked, sizeof(requests) - asked, MSG_NOSIGNAL);
    if (n > 0) asked += (size_t) n;
    if (n <= 0) mg_mgr_poll(&s_mgr, 1);
  }
  poll_times(&s_mgr, 20);
  for (i = 0; i < REQUESTS; i += BATCH) {
    read_all(&s_mgr, fd, answers[0], sizeof(answers));
    for (k = 0; k < BATCH; k++) CHECK((answers[k][0] << 8 | answers[k][1]) == i + k && answers[k][8] == 250);
  }
  CHECK(s_most > 0 && s_most <= 65536);
  mg_mgr_free(&s_mgr);
  close(fd);
}

static void test_listening(void) {
  mg_mgr_init(&s_mgr);
  CHECK(mg_modbus_listen(&s_mgr, "tcp://name:502", NULL, NULL) == NULL);
  CHECK(mg_modbus_listen(NULL, "tcp://127.0.0.1:0", NULL, NULL) == NULL);
  CHECK(s_mgr.conns == NULL);
  mg_mgr_free(&s_mgr);
}

// A device with a name and three registers.
static void device(struct mg_connection *c, int ev, void *ev_data) {
  static const char *const names[] = {"Acme", "T-1", "2.0"};
  uint16_t *registers = (uint16_t *) c->fn_data;
  struct mg_modbus_req *r = (struct mg_modbus_req *) ev_data;
  int i;
  if (ev != MG_EV_MODBUS_REQ) return;
  if (r->func == MG_MODBUS_FUNC_READ_DEVICE_ID) {
    CHECK(r->len == 0);
    if (r->addr == 0x80) memset(r->u.text, 'x', r->len = MG_MODBUS_TEXT_MAX);
    if (r->addr < 3) memcpy(r->u.text, names[r->addr], r->len = (uint16_t) strlen(names[r->addr]));
    return;
  }
  for (i = 0; i < r->len; i++) {
    if (r->func == MG_MODBUS_FUNC_READ_HOLDING_REGISTERS) r->u.regs[i] = registers[r->addr + i];
    if (r->func >= MG_MODBUS_FUNC_WRITE_SINGLE_REGISTER) registers[r->addr + i] = r->u.regs[i];
  }
}

static void test_device(void) {
  static const char *const rows[][2] = {
      // The example of the specification: 0x12, AND 0xf2, OR 0x25 is 0x17.
      {"00080116000100f20025", "00080116000100f20025"},
      {"000601030000 0003", "000901030600010017 0003"},
      // Written before it is read
      {"000d0117 0000 0003 0002 0001 02 0009", "0009011706 000100170009"},
      {"0005012b0e0100", "0019012b0e0183000003 000441636d65 0103542d31 0203322e30"},
      {"0005012b0e0102", "0010012b0e0183000001 0203322e30"},
      {"0005012b0e0401", "000d012b0e0483000001 0103542d31"},
      {"0005012b0e0403", "000301ab02"},
      {"0005012b0e0300", "0019012b0e0383ff8003 000441636d65 0103542d31 0203322e30"},
  };
  uint16_t registers[3] = {1, 0x12, 3};
  struct mg_connection *c;
  size_t i;
  mg_mgr_init(&s_mgr);
  c = mg_modbus_listen(&s_mgr, "tcp://127.0.0.1:0", device, registers);
  c = mg_connect(&s_mgr, url_of("tcp", c), NULL, NULL);
  for (i = 0; i < COUNT(rows); i++) {
    uint8_t request[300] = {0}, answer[300] = {0};
    size_t n = 4 + unhex(rows[i][0], request + 4), m = 4 + unhex(rows[i][1], answer + 4);
    answer[5] = (uint8_t) (m - 6);
    mg_send(c, request, n);
    POLL_UNTIL(&s_mgr, c->recv.len >= m);
    CHECK_ROW(c->recv.len == m && memcmp(c->recv.buf, answer, m) == 0, rows[i][0]);
    c->recv.len = 0;
  }
  CHECK(registers[1] == 0x17 && registers[2] == 9);
  mg_mgr_free(&s_mgr);
}

// Datagrams: no frame waits for the answer to another.
static void test_datagrams(void) {
  struct mg_connection *l;
  struct sockaddr_in to;
  uint8_t frames[3000];
  int fd = socket(AF_INET, SOCK_DGRAM, 0), i;
  mg_mgr_init(&s_mgr);
  l = mg_modbus_listen(&s_mgr, "udp://127.0.0.1:0", server, NULL);
  to = loopback(l->loc.port);
  s_requests = 0;
  for (i = 0; i < 250; i++) memcpy(frames + 12 * i, s_read_one, 12);
  CHECK(sendto(fd, frames, sizeof(frames), 0, (struct sockaddr *) &to, sizeof(to)) == (ssize_t) sizeof(frames));
  POLL_UNTIL(&s_mgr, s_requests == 250);
  mg_mgr_free(&s_mgr);
  close(fd);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_requests();
  test_segments();
  test_no_modbus();
  test_error_codes();
  test_handlers_that_close();
  test_a_client_that_does_not_read();
  test_listening();
  test_datagrams();
  test_device();
  return FAILURES;
}
