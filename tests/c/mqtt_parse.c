// mg_mqtt_parse and mg_mqtt_next_prop: what they fill, and what they leave alone.
#include "mqtt.h"

static const struct {
  const char *packet;
  int version, result, cmd, qos, id, ack;
  int topic, data, dgram, props_start, props_size;  // lengths and offsets
} s_rows[] = {
    {"", 4, MQTT_INCOMPLETE, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"32", 4, MQTT_INCOMPLETE, 0, 0, 0, 0, 0, 0, 0, 0, 0},
    {"34 05 00 01 78", 4, MQTT_INCOMPLETE, 3, 2, 0, 0, 0, 0, 0, 0, 0},
    {"30 80 80 80 80", 4, MQTT_INCOMPLETE, 3, 0, 0, 0, 0, 0, 0, 0, 0},
    {"30 80 80 80 80 01", 4, MQTT_MALFORMED, 3, 0, 0, 0, 0, 0, 0, 0, 0},
    {"c0 80 80 80 00", 4, MQTT_OK, 12, 0, 0, 0, 0, 0, 5, 0, 0},
    {"20 02 01 04 c0 00", 4, MQTT_OK, 2, 0, 0, 4, 0, 0, 4, 0, 0},
    {"40 02 01 02", 4, MQTT_OK, 4, 0, 258, 0, 0, 0, 4, 0, 0},
    {"62 02 00 07", 5, MQTT_OK, 6, 1, 7, 0, 0, 0, 4, 0, 0},
    {"82 06 00 01 00 01 61 00", 4, MQTT_OK, 8, 1, 1, 0, 0, 0, 8, 0, 0},
    {"32 05 00 01 78 00 07 c0 00", 4, MQTT_OK, 3, 1, 7, 0, 1, 0, 7, 0, 0},
    {"30 03 00 02 78", 4, MQTT_MALFORMED, 3, 0, 0, 0, 0, 0, 5, 0, 0},
    {"32 04 00 01 78 00", 4, MQTT_MALFORMED, 3, 1, 0, 0, 0, 0, 6, 0, 0},
    {"20 01 00", 4, MQTT_MALFORMED, 2, 0, 0, 0, 0, 0, 3, 0, 0},
    {"40 00", 4, MQTT_MALFORMED, 4, 0, 0, 0, 0, 0, 2, 0, 0},
    {"a2 01 00", 4, MQTT_MALFORMED, 10, 1, 0, 0, 0, 0, 3, 0, 0},
    {"30 00", 4, MQTT_MALFORMED, 3, 0, 0, 0, 0, 0, 2, 0, 0},
    {"30 06 00 01 78 02 0b 05", 4, MQTT_OK, 3, 0, 0, 0, 1, 3, 8, 0, 0},
    {"30 06 00 01 78 02 0b 05", 5, MQTT_OK, 3, 0, 0, 0, 1, 0, 8, 6, 2},
    {"30 06 00 01 78 02 0b 05", 6, MQTT_OK, 3, 0, 0, 0, 1, 3, 8, 0, 0},
    {"32 0d 00 01 78 00 03 06 26 00 01 6b 00 00 44", 5, MQTT_OK, 3, 1, 3, 0, 1, 1, 15, 8, 6},
    {"30 06 00 01 78 03 01 01", 5, MQTT_MALFORMED, 3, 0, 0, 0, 0, 0, 8, 0, 0},
    // Little or nothing after the topic.
    {"30 04 00 01 74 00", 5, MQTT_OK, 3, 0, 0, 0, 1, 0, 6, 6, 0},
    {"30 05 00 01 74 00 44", 5, MQTT_OK, 3, 0, 0, 0, 1, 1, 7, 6, 0},
    {"30 03 00 01 74", 5, MQTT_OK, 3, 0, 0, 0, 1, 0, 5, 0, 0},
    // On its own it lets pass what a connection refuses.
    {"36 05 00 01 78 00 00", 4, MQTT_OK, 3, 3, 0, 0, 1, 0, 7, 0, 0},
    {"00 00", 4, MQTT_OK, 0, 0, 0, 0, 0, 0, 2, 0, 0},
    {"10 00", 5, MQTT_OK, 1, 0, 0, 0, 0, 0, 2, 0, 0},
};

static void test_parse(void) {
  size_t i;
  for (i = 0; i < COUNT(s_rows); i++) {
    const char *name = s_rows[i].packet;
    struct mg_mqtt_message m;
    unsigned char *bytes;
    char room[100];
    size_t len = unhex(name, room);
    int code;
    // On the heap, so that a checker sees what is read beyond.
    bytes = (unsigned char *) malloc(len + 1);
    memcpy(bytes, room, len);
    bytes = (unsigned char *) realloc(bytes, len > 0 ? len : 1);
    memset(&m, 0xa5, sizeof(m));
    CHECK_ROW(mg_mqtt_parse(bytes, len, (uint8_t) s_rows[i].version, &m) == s_rows[i].result, name);
    CHECK_ROW(m.cmd == s_rows[i].cmd && m.qos == s_rows[i].qos, name);
    CHECK_ROW(m.id == s_rows[i].id && m.ack == s_rows[i].ack, name);
    CHECK_ROW((int) m.topic.len == s_rows[i].topic && (int) m.data.len == s_rows[i].data, name);
    CHECK_ROW((unsigned char *) m.dgram.buf == bytes && (int) m.dgram.len == s_rows[i].dgram, name);
    CHECK_ROW((int) m.props_start == s_rows[i].props_start && (int) m.props_size == s_rows[i].props_size, name);
    if (m.cmd == MQTT_CMD_PUBLISH && s_rows[i].result == MQTT_OK) CHECK_ROW(m.data.buf != NULL, name);
    // Programs read the code as an int: what follows it is zero.
    memcpy(&code, &m.ack, sizeof(code));
    CHECK_ROW(code == s_rows[i].ack, name);
    free(bytes);
  }
}

static void test_null(void) {
  struct mg_mqtt_message m;
  struct mg_mqtt_prop p;
  memset(&m, 0xa5, sizeof(m));
  CHECK(mg_mqtt_parse(NULL, 0, 4, &m) == MQTT_INCOMPLETE && m.dgram.buf == NULL && m.cmd == 0);
  CHECK(mg_mqtt_parse((const uint8_t *) "", 0, 4, NULL) == MQTT_MALFORMED);
  CHECK(mg_mqtt_next_prop(NULL, &p, 0) == 0);
  CHECK(mg_mqtt_next_prop(&m, NULL, 0) == 0);
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 0);
}

// A message that holds nothing but a block of properties.
static size_t block(const char *hexadecimal, struct mg_mqtt_message *m, char *room) {
  memset(m, 0, sizeof(*m));
  m->dgram.len = m->props_size = unhex(hexadecimal, room);
  m->dgram.buf = room;
  return m->props_size;
}

static void test_properties(void) {
  struct mg_mqtt_message m;
  struct mg_mqtt_prop p;
  char room[100];
  size_t ofs = 0, i;
  static const char *const broken[] = {"01", "23 00", "02 00 00 00", "0b", "0b 80 80 80 80", "0b 80 80 80 80 01",
                                       "03 00", "03 00 02 61", "26 00 01 6b", "26 00 01 6b 00", "26 00 01 6b 00 01",
                                       "7f 00 00 00", "00"};
  block("01 01 02 00 00 00 09 03 00 03 61 62 63", &m, room);
  memset(&p, 0xa5, sizeof(p));
  ofs = mg_mqtt_next_prop(&m, &p, ofs);
  CHECK(ofs == 2 && p.id == 1 && p.iv == 1 && p.key.len == 0 && p.val.len == 0 && p.val.buf == NULL);
  ofs = mg_mqtt_next_prop(&m, &p, ofs);
  CHECK(ofs == 7 && p.id == 2 && p.iv == 9);
  ofs = mg_mqtt_next_prop(&m, &p, ofs);
  CHECK(ofs == 13 && p.id == 3 && p.iv == 0 && mg_strcmp(p.val, mg_str("abc")) == 0 && p.val.buf == room + 10);
  // At the end, beyond it, and where the block is outside of the packet: nothing is written.
  memset(&p, 0xa5, sizeof(p));
  CHECK(mg_mqtt_next_prop(&m, &p, ofs) == 0 && p.id == 0xa5);
  CHECK(mg_mqtt_next_prop(&m, &p, (size_t) -1) == 0 && p.id == 0xa5);
  m.dgram.len--;
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 0 && p.id == 0xa5);
  m.props_start = (size_t) -1;
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 0 && p.id == 0xa5);

  CHECK(block("26 00 00 00 00", &m, room) == 5);
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 5 && p.key.len == 0 && p.val.len == 0 && p.iv == 0);
  CHECK(block("0b 80 80 00 01 01", &m, room) == 6);
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 4 && p.iv == 0);
  CHECK(block("26 00 01 6b 00 02 76 76 21 ff fe 17 01 27 80 00 00 00", &m, room) == 18);
  CHECK(mg_mqtt_next_prop(&m, &p, 0) == 8 && mg_strcmp(p.key, mg_str("k")) == 0);
  CHECK(mg_strcmp(p.val, mg_str("vv")) == 0);
  CHECK(mg_mqtt_next_prop(&m, &p, 8) == 11 && p.iv == 0xfffe && p.key.len == 0);
  CHECK(mg_mqtt_next_prop(&m, &p, 11) == 13 && p.iv == 1);
  CHECK(mg_mqtt_next_prop(&m, &p, 13) == 18 && p.iv == 0x80000000);
  for (i = 0; i < COUNT(broken); i++) {
    block(broken[i], &m, room);
    memset(&p, 0xa5, sizeof(p));
    CHECK_ROW(mg_mqtt_next_prop(&m, &p, 0) == 0, broken[i]);
  }
}

// Nothing is written beyond the property.
static void test_neighbours(void) {
  struct {
    struct mg_mqtt_prop p;
    char behind[8];
  } s;
  struct mg_mqtt_message m;
  char room[20];
  size_t len = unhex("30 06 00 01 78 02 0b 05", room);
  memset(&s, 0xa5, sizeof(s));
  CHECK(mg_mqtt_parse((uint8_t *) room, len, 5, &m) == MQTT_OK);
  CHECK(mg_mqtt_next_prop(&m, &s.p, 0) == 2 && s.p.id == 0x0b && s.p.iv == 5);
  CHECK(s.p.key.buf == NULL && s.p.val.len == 0);
  CHECK_TEXT(hex(s.behind, sizeof(s.behind)), "a5 a5 a5 a5 a5 a5 a5 a5");
}

int main(void) {
  test_parse();
  test_null();
  test_properties();
  test_neighbours();
  return FAILURES;
}
