// Firmware updates. An administrator announces one by writing its size; the image follows by POST /api/ota.
// A device writes it to flash. This one counts the bytes, and tells browsers how far it is.
#include "device.h"

static char version[20] = "1.0.0";
static int announced, received;  // bytes
static uint32_t crc;

static struct mg_field fields[] = {
    {"version", MG_VAL_STR, version, 0},
    {"size", MG_VAL_INT, &announced, sizeof(announced)},
    {"received", MG_VAL_INT, &received, 0},
    {NULL, MG_VAL_INT, NULL, 0},
};

static bool firmware(enum mg_dash_op op, struct mg_dash_user *user) {
  if (op == MG_DASH_WRITE && user->level >= ADMIN) received = 0;
  return op == MG_DASH_READ || (op == MG_DASH_WRITE && user->level >= ADMIN);
}

struct mg_field_set firmware_set = {"firmware", fields, firmware, NULL, NULL, NULL};

// The library calls these three, since the program defines them.
bool mg_ota_begin(size_t size) {
  crc = 0;
  return announced > 0 && size == (size_t) announced;  // only what an administrator has announced
}

bool mg_ota_write(const void *buf, size_t len) {
  crc = mg_crc32(crc, (const char *) buf, len);
  received += (int) len;
  return true;
}

bool mg_ota_end(void) {
  bool ok = received == announced;
  if (ok) mg_snprintf(version, sizeof(version), "%08x", (unsigned) crc);
  log_event(ok ? "Firmware updated to %s" : "Firmware update failed, version %s stays", version);
  announced = 0;
  return ok;
}
