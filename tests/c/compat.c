// Names of older releases, with MG_COMPAT.
#define MG_COMPAT
#include "mongoose.h"

#include "check.h"

int main(void) {
  static const struct mg_str none = MG_NULL_STR, word = MG_C_STR("Hello");
  struct mg_addr addr;
  struct mg_http_message hm;
  char text[50];
  unsigned char bytes[3] = {0, 0, 9};

  CHECK(none.buf == NULL && none.len == 0 && word.len == 5);
  CHECK(mg_vcmp(&word, "Hello") == 0 && mg_vcmp(&word, "hello") < 0 && mg_vcmp(&none, "a") < 0);
  CHECK(mg_vcasecmp(&word, "hELLO") == 0 && mg_vcasecmp(&word, "hell") > 0);
  CHECK(mg_globmatch("H*o", 3, word.buf, word.len) && !mg_globmatch("H*", 2, "no", 2));

  memset(&addr, 0, sizeof(addr));
  addr.ip[0] = 127, addr.ip[3] = 1;
  addr.port = mg_htons(80);
  CHECK(addr.addr.ip4 == addr.ip4 && addr.ip6[1] == 0 && sizeof(addr) == 24);
  CHECK(strcmp(mg_ntoa(&addr, text, sizeof(text)), "127.0.0.1") == 0);
  CHECK(strcmp(mg_straddr(&addr, text, sizeof(text)), "127.0.0.1:80") == 0);
  CHECK(strcmp(mg_straddr(&addr, text, 6), "127.0") == 0);

  CHECK(strcmp(mg_hex("\x01\xfe", 2, text), "01fe") == 0);
  mg_unhex("01fe", 4, bytes);
  CHECK(bytes[0] == 1 && bytes[1] == 0xfe && bytes[2] == 9);
  mg_unhex("f", 1, bytes);
  CHECK(bytes[0] == 1);

  memset(&hm, 0, sizeof(hm));
  mg_http_delete_chunk(NULL, &hm);
  CHECK(MG_IO_RESET == -3 && MG_OTA_FRDM == MG_OTA_RW612);
  return FAILURES;
}
