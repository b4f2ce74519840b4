// A Modbus device with 10,000 coils and 10,000 registers, which are the inputs as well; address
// 9,999 does not work: "modbus_device URL".
#include "mongoose.h"

enum { SIZE = 10000, BROKEN = SIZE - 1 };
static bool s_coils[SIZE];
static uint16_t s_registers[SIZE];

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_MODBUS_REQ) {
    struct mg_modbus_req *r = (struct mg_modbus_req *) ev_data;
    int i, end = r->addr + r->len;
    if (end > SIZE) {
      r->error = MG_MODBUS_ERR_ILLEGAL_ADDRESS;
      return;
    }
    if (end > BROKEN) {
      r->error = MG_MODBUS_ERR_DEVICE_FAILURE;
      return;
    }
    for (i = 0; i < r->len; i++) {
      switch (r->func) {
        case MG_MODBUS_FUNC_READ_COILS:
        case MG_MODBUS_FUNC_READ_DISCRETE_INPUTS: r->u.bits[i] = s_coils[r->addr + i]; break;
        case MG_MODBUS_FUNC_READ_HOLDING_REGISTERS:
        case MG_MODBUS_FUNC_READ_INPUT_REGISTERS: r->u.regs[i] = s_registers[r->addr + i]; break;
        case MG_MODBUS_FUNC_WRITE_SINGLE_COIL:
        case MG_MODBUS_FUNC_WRITE_MULTIPLE_COILS: s_coils[r->addr + i] = r->u.bits[i]; break;
        default: s_registers[r->addr + i] = r->u.regs[i];
      }
    }
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (argc != 2 || mg_modbus_listen(&mgr, argv[1], handler, NULL) == NULL) return EXIT_FAILURE;
  for (;;) mg_mgr_poll(&mgr, 1000);
}
