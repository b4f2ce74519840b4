// Firmware updates: a host has no firmware, a program that emulates a device does.
#include <stdbool.h>
#include <stddef.h>

__attribute__((weak)) bool mg_ota_begin(size_t new_firmware_size) {
  (void) new_firmware_size;
  return true;
}

__attribute__((weak)) bool mg_ota_write(const void *buf, size_t len) {
  (void) buf, (void) len;
  return true;
}

__attribute__((weak)) bool mg_ota_end(void) {
  return true;
}
