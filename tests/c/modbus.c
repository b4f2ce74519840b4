// Modbus-TCP server: requests and the answers to them, from the length field on.
#include "mongoose.h"

static int failures, reads, requests;

static const uint8_t coils[] = {0x4d, 0x9c, 0xaa, 0x55, 0xcc, 0xa3, 0x66, 0xaf, 0x60, 0xbc, 0xcc, 0x6c, 0x53,
                                0xff, 0x00, 0x55, 0x3c, 0x0f, 0xf0, 0x8f, 0x54, 0x99, 0xf8, 0x0d, 0x2a};

static const struct { const char *request, *answer; } rows[] = {
    {"000601010010 0001", "000401010101"},
    {"000601020011 0001", "000401020101"},
    {"000601030012 0001", "00050103020001"},
    {"000601040013 0001", "00050104020001"},
    {"000601050014 ff00", "000601050014ff00"},
    {"000601060015 0001", "0006010600150001"},
    {"000601010016 0000", "0003018103"},
    {"000601010018 0007", "000401010155"},
    {"000601020019 0000", "0003018203"},
    {"00060102001b 0007", "000401020155"},
    {"00060103001c 0000", "0003018303"},
    {"00060103001e 0007", "001101030e0001000200030004000500060007"},
    {"00060104001f 0000", "0003018403"},
    {"000601040021 0007", "001101040e0001000200030004000500060007"},
    {"0007010f0022 000000", "0003018f03"},
    {"0008010f0023 00010101", "0006010f00230001"},
    {"0008010f0024 00070155", "0006010f00240007"},
    {"000701100025 000000", "0003019003"},
    {"000901100026 0001020001", "0006011000260001"},
    {"001501100027 00070e0001000200030004000500060007", "0006011000270007"},
    {"000601110028 0001", "0003019101"},
    {"00060103fffe 0001", "0003018302"},
    {"000601050029 1234", "0003018503"},
    {"00060104002a 0001", "0003018404"},
    {"000601010000 00c8",
     "001c0101194d9caa55cca366af60bccc6c53ff00553c0ff08f5499f80d2a"},
    {"00060103ffff 0002", "0003018302"},  // beyond the last address
    {"0006010107d0 07d1", "0003018103"},  // more than 2000
    {"0002012b", "000301ab01"},           // a short PDU of an unknown function
    {"00020103", "0003018303"},           // of a known one
};

static void server(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_READ) reads++;
  if (ev == MG_EV_MODBUS_REQ) {
    struct mg_modbus_req *r = (struct mg_modbus_req *) ev_data;
    int i;
    requests++;
    if (requests <= reads) printf("the request comes before its READ\n"), failures++;
    if (r->addr == 0xfffe) r->error = MG_MODBUS_ERR_ILLEGAL_ADDRESS;
    if (r->addr == 0x2a) r->error = MG_MODBUS_ERR_DEVICE_FAILURE;
    for (i = 0; i < r->len; i++) {
      bool on = r->len == 200 ? (coils[i / 8] >> (i % 8)) & 1 : i % 2 == 0;
      if (r->func <= MG_MODBUS_FUNC_READ_DISCRETE_INPUTS) {
        r->u.bits[i] = on;
      } else if (r->func <= MG_MODBUS_FUNC_READ_INPUT_REGISTERS) {
        r->u.regs[i] = (uint16_t) (i + 1);
      } else if (r->func == MG_MODBUS_FUNC_WRITE_SINGLE_COIL || r->func == MG_MODBUS_FUNC_WRITE_MULTIPLE_COILS) {
        if (r->u.bits[i] != on) printf("addr %x: bit %d\n", r->addr, i), failures++;
      } else if (r->u.regs[i] != i + 1) {
        printf("addr %x: register %d\n", r->addr, i), failures++;
      }
    }
    r->len = 0xffff;  // what handlers leave here does not matter
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

int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *l, *c;
  char url[64];
  size_t i;
  int k;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  l = mg_modbus_listen(&mgr, "tcp://localhost:0", server, NULL);
  mg_snprintf(url, sizeof(url), "tcp://localhost:%d", mg_ntohs(l->loc.port));
  c = mg_connect(&mgr, url, NULL, NULL);
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint8_t request[300] = {0, (uint8_t) i, 0, 0}, answer[300] = {0, (uint8_t) i, 0, 0};
    size_t n = 4 + unhex(rows[i].request, request + 4), m = 4 + unhex(rows[i].answer, answer + 4);
    requests = reads;
    mg_send(c, request, n);
    for (k = 0; k < 20; k++) mg_mgr_poll(&mgr, 1);
    if (c->recv.len != m || memcmp(c->recv.buf, answer, m) != 0 || reads != (int) i + 1) {
      printf("row %d: got %d bytes, %d reads\n", (int) i, (int) c->recv.len, reads);
      failures++;
    }
    c->recv.len = 0;
  }
  // Several frames in one segment are answered in order; one in pieces is answered once.
  mg_send(c, "\0\1\0\0\0\6\1\3\0\1\0\1\0\2\0\0\0\6\1\3\0\1\0\1\0\3\0", 27);
  requests = reads;
  for (k = 0; k < 20; k++) mg_mgr_poll(&mgr, 1);
  if (c->recv.len != 22 || c->recv.buf[1] != 1 || c->recv.buf[12] != 2) printf("two frames\n"), failures++;
  requests = reads;
  mg_send(c, "\0\0\6\1\3\0\1\0\1", 9);
  for (k = 0; k < 20; k++) mg_mgr_poll(&mgr, 1);
  if (c->recv.len != 33 || c->recv.buf[23] != 3) printf("a frame in pieces\n"), failures++;
  // No Modbus: the connection closes.
  mg_send(c, "\0\1\0\1\0\6\1\3\0\1\0\1", 12);
  for (k = 0; k < 50 && mgr.conns != l; k++) mg_mgr_poll(&mgr, 1);
  if (mgr.conns != l) printf("not closed\n"), failures++;
  mg_mgr_free(&mgr);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
