// Hardware of devices: Ethernet PHYs whose registers are an array, and Wi-Fi that is not there.
#include "check.h"
#include "mongoose.h"

static uint16_t regs[32], status_after_page;
static char log_text[300];  // reads "r1" and writes "13=001f", in order
static int resets;          // reads of register 0 until the reset is over
static int link_reads;      // reads of register 1 until the link shows

static void add(const char *text) {
  size_t used = strlen(log_text);
  snprintf(log_text + used, sizeof(log_text) - used, "%s%s", used > 0 ? " " : "", text);
}

static uint16_t read_reg(uint8_t addr, uint8_t reg) {
  CHECK(addr == 5 && reg < 32);
  if (reg == 0 && resets > 0) return --resets > 0 ? 0x8000 : regs[0];
  if (reg == 1 && link_reads > 0) return --link_reads > 0 ? (uint16_t) (regs[1] & ~4) : regs[1];
  if (reg == 26 && regs[31] == 0x0a43) return status_after_page;
  return regs[reg];
}

static void write_reg(uint8_t addr, uint8_t reg, uint16_t value) {
  char text[20];
  CHECK(addr == 5 && reg < 32);
  snprintf(text, sizeof(text), "%d=%04x", reg, value);
  add(text);
  regs[reg] = reg == 0 && value == 0x8000 ? 0x3500 : value;  // what a reset leaves
}

static struct mg_phy phy = {read_reg, write_reg};

static void reset(uint16_t id1, uint16_t id2) {
  memset(regs, 0, sizeof(regs));
  regs[2] = id1, regs[3] = id2;
  log_text[0] = '\0';
  resets = link_reads = 0;
}

static void test_init(void) {
  static const struct {
    uint16_t id1, id2;
    uint8_t config;
    const char *writes;
  } rows[] = {
      {0x2000, 0xa231, 0, "0=8000 13=001f 14=0170 13=401f 14=010d"},
      {0x2000, 0xa231, MG_PHY_LEDS_ACTIVE_HIGH, "0=8000 13=001f 14=0170 13=401f 14=010d 24=0280"},
      {0x2000, 0x5ca2, 0, "0=8000"},
      {0x2000, 0x5ca2, MG_PHY_LEDS_ACTIVE_HIGH, "0=8000 24=0280"},
      {0x2000, 0xa140, 0, "0=8000 23=0081"},
      {0x2000, 0xa140, MG_PHY_CLOCKS_MAC, "0=8000"},
      {0x2000, 0xa140, MG_PHY_LEDS_ACTIVE_HIGH, "0=8000 23=0081 24=0280"},
      {0x0022, 0x1560, 0, "0=8000 0=3100 31=8180"},
      {0x0022, 0x1560, MG_PHY_CLOCKS_MAC | MG_PHY_LEDS_ACTIVE_HIGH, "0=8000"},
      {0x0007, 0xc0f0, MG_PHY_LEDS_ACTIVE_HIGH, "0=8000"},
      {0x001c, 0xc916, 0, "0=8000"},
      {0x0015, 0xf450, 0, "0=8000"},
      {0xffff, 0xffff, 3, "0=8000"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    reset(rows[i].id1, rows[i].id2);
    resets = 3;
    mg_phy_init(&phy, 5, rows[i].config);
    CHECK_ROW(strcmp(log_text, rows[i].writes) == 0, log_text);
  }
  reset(0x0022, 0x1560);
  resets = 1000000;  // a reset that does not end
  mg_phy_init(&phy, 5, 0);
  CHECK(resets > 900000);
}

static void test_up(void) {
  static const struct {
    uint16_t id1, id2;
    int reg;
    uint16_t status;
    bool full;
    int speed;
  } rows[] = {
      {0x2000, 0xa231, 17, 0xa000, true, MG_PHY_SPEED_1000M},
      {0x2000, 0xa231, 17, 0x4000, false, MG_PHY_SPEED_100M},
      {0x2000, 0xa231, 17, 0x2000, true, MG_PHY_SPEED_10M},
      {0x2000, 0x5ca2, 16, 0x0004, true, MG_PHY_SPEED_100M},
      {0x2000, 0xa140, 16, 0x0002, false, MG_PHY_SPEED_10M},
      {0x0022, 0x1560, 30, 0x0005, true, MG_PHY_SPEED_10M},
      {0x0022, 0x1560, 30, 0x0002, false, MG_PHY_SPEED_100M},
      {0x0007, 0xc0f0, 31, 0x0018, true, MG_PHY_SPEED_100M},
      {0x0007, 0xc0f0, 31, 0x0000, false, MG_PHY_SPEED_10M},
      {0x001c, 0xc916, 26, 0x0028, true, MG_PHY_SPEED_1000M},
      {0x001c, 0xc916, 26, 0x0010, false, MG_PHY_SPEED_100M},
      {0x001c, 0xc816, 0, 0x2100, true, MG_PHY_SPEED_100M},
      {0x001c, 0xc816, 0, 0x0000, false, MG_PHY_SPEED_10M},
      {0x0015, 0xf450, 17, 0xc000, true, MG_PHY_SPEED_100M},
      {0x1234, 0xf450, 17, 0xffff, true, 77},
  };
  size_t i;
  bool full;
  uint8_t speed;
  for (i = 0; i < COUNT(rows); i++) {
    bool known = rows[i].speed != 77;
    reset(rows[i].id1, rows[i].id2);
    regs[1] = 0x0024;
    if (rows[i].reg == 26) status_after_page = rows[i].status;
    if (rows[i].reg != 26) regs[rows[i].reg] = rows[i].status;
    full = known ? !rows[i].full : rows[i].full, speed = 77;
    CHECK_ROW(mg_phy_up(&phy, 5, &full, &speed), log_text);
    CHECK_ROW(full == rows[i].full && speed == rows[i].speed, log_text);
    CHECK_ROW(strcmp(log_text, rows[i].reg == 26 ? "31=0a43 31=0000" : "") == 0, log_text);
  }
  // The bit remembers: a second read tells.
  reset(0x2000, 0xa231);
  regs[1] = 0x0024, link_reads = 2;
  CHECK(mg_phy_up(&phy, 5, NULL, NULL) && link_reads == 0);
  regs[1] = 0x0020;
  full = true, speed = 77;
  CHECK(!mg_phy_up(&phy, 5, &full, &speed) && full && speed == 77);
  regs[1] = 0x0024;
  CHECK(mg_phy_up(&phy, 5, NULL, &speed) && mg_phy_up(&phy, 5, &full, NULL) && full && speed == 77);
}

static void test_no_hardware(void) {
  struct mg_phy empty = {NULL, NULL};
  struct mg_wifi_data wifi;
  memset(&wifi, 0, sizeof(wifi));
  mg_phy_init(&empty, 5, 0);
  mg_phy_init(NULL, 5, 0);
  CHECK(!mg_phy_up(&empty, 5, NULL, NULL) && !mg_phy_up(NULL, 5, NULL, NULL));
  CHECK(!mg_wifi_scan() && !mg_wifi_connect(&wifi) && !mg_wifi_connect(NULL) && !mg_wifi_disconnect());
  CHECK(!mg_wifi_ap_start(&wifi) && !mg_wifi_ap_start(NULL) && !mg_wifi_ap_stop());
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_init();
  test_up();
  test_no_hardware();
  return FAILURES;
}
