// Which packets end a connection: what every receiver refuses, and what a strict one does.
#include "mqtt.h"

static struct mg_mgr s_mgr;
static bool s_v5;
static char s_topic[100];

// Answers PINGREQ; on a server, MQTT 5 is what the test says.
static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  if (ev == MG_EV_ACCEPT) c->is_mqtt5 = s_v5;
  if (ev == MG_EV_MQTT_MSG) snprintf(s_topic, sizeof(s_topic), "%.*s", (int) mm->topic.len, mm->topic.buf);
  if (ev == MG_EV_MQTT_CMD && mm->cmd == MQTT_CMD_PINGREQ) mg_mqtt_pong(c);
}

#define CONNECT4 "10 0f 00 04 4d 51 54 54 04 02 00 3c 00 03 61 62 63 "
#define CONNECT5 "10 10 00 04 4d 51 54 54 05 02 00 3c 00 00 03 61 62 63 "

// Sends packets, and PINGREQ. Returns what came back before PINGRESP or the end; `*ended` tells which.
static const char *send_to_server(struct mg_connection *listener, const char *packets, bool *ended) {
  static char answer[4000];
  unsigned char bytes[2000], got[2000];
  size_t n = unhex(packets, bytes), len;
  int fd = dial(listener);
  memcpy(bytes + n, "\xc0", 2);
  put(fd, (char *) bytes, n + 2);
  for (len = 0; len < 2 || memcmp(got + len - 2, "\xd0", 2) != 0; len++) {
    if (take(&s_mgr, fd, (char *) got + len, 1) == 0) break;
  }
  *ended = len < 2 || memcmp(got + len - 2, "\xd0", 2) != 0;
  close(fd);
  snprintf(answer, sizeof(answer), "%s", hex(got, *ended ? len : len - 2));
  return answer;
}

struct row {
  const char *packet;
  bool v5, lax, strict;  // lax, strict: whether such a receiver continues
};

static const struct row s_rows[] = {
    // Flags of the first byte (MQTT 3.1.1, 2.2.2)
    {"62 02 00 01", false, true, true},
    {"60 02 00 01", false, false, false},
    {"66 02 00 01", false, false, false},
    {"80 08 00 01 00 03 61 2f 62 00", false, false, false},
    {"82 08 00 01 00 03 61 2f 62 00", false, true, true},
    {"a0 07 00 01 00 03 61 2f 62", false, false, false},
    {"c1 00", false, false, false},
    {"42 02 00 01", false, false, false},
    // No command
    {"00 00", false, false, false},
    {"0f 00", true, false, false},
    {"00 02 00 01", true, false, false},
    // Topics (4.7)
    {"30 03 00 01 61", false, true, true},
    {"30 02 00 00", false, false, false},
    {"30 04 00 00 68 69", false, false, false},
    {"30 03 00 01 23", false, false, false},
    {"30 05 00 03 61 2f 2b", false, false, false},
    {"30 04 00 02 61 23", false, false, false},
    {"30 03 00 01 00", false, false, false},
    {"30 05 00 03 61 00 62", false, false, false},
    {"30 03 00 01 ff", false, false, false},
    {"30 04 00 02 c3 28", false, false, false},
    {"30 05 00 03 ed a0 80", false, false, false},  // a surrogate
    {"30 04 00 02 c0 80", false, false, false},     // a NUL in two bytes
    {"30 05 00 03 e2 82 ac", false, true, true},
    {"30 03 00 02 61", false, false, false},
    // QoS
    {"36 05 00 01 61 00 01", false, false, false},
    {"32 05 00 01 61 00 00", false, false, false},
    {"38 03 00 01 61", false, true, false},
    // Properties of messages (MQTT 5.0, 3.3.2.3)
    {"30 04 00 01 61 00", true, true, true},
    {"30 06 00 01 61 02 01 01", true, true, true},
    {"30 06 00 01 61 02 01 02", true, false, false},
    {"30 08 00 01 61 04 01 01 01 01", true, false, false},  // twice
    {"30 06 00 01 61 02 04 01", true, false, false},        // unknown
    {"30 06 00 01 61 02 7f 01", true, false, false},
    {"30 06 00 01 61 02 ff 01", true, false, false},
    {"30 06 00 01 61 02 24 01", true, false, false},  // of CONNACK
    {"30 09 00 01 61 05 02 00 00 00 01", true, true, true},
    {"30 08 00 01 61 04 02 00 00 00", true, false, false},  // cut
    {"30 09 00 01 61 05 08 00 02 61 2b", true, false, false},
    {"30 09 00 01 61 05 03 00 02 61 00", true, false, false},
    {"30 0e 00 01 61 0a 26 00 02 61 62 00 03 63 64 65", true, true, true},
    {"30 07 00 01 61 03 23 00 00", true, false, false},
    {"30 07 00 01 61 03 23 00 01", true, true, false},  // an alias that nobody allowed
    {"30 03 00 00 00", true, false, false},
    // Only a strict receiver looks at these.
    {"40 02 00 00", false, true, false},
    {"40 03 00 01 00", false, true, false},
    {"40 03 00 01 10", true, true, true},
    {"40 03 00 01 01", true, true, false},
    {"40 04 00 01 80 00", true, true, true},
    {"62 03 00 01 10", true, true, false},
    {"82 02 00 01", false, true, false},
    {"82 06 00 01 00 01 61 03", false, true, false},
    {"82 06 00 01 00 01 61 04", false, true, false},
    {"82 07 00 01 00 00 01 61 04", true, true, true},
    {"82 07 00 01 00 00 01 61 30", true, true, false},
    {"82 05 00 01 00 00 00", false, true, false},
    {"82 08 00 01 00 03 61 23 62 00", false, true, false},
    {"82 08 00 01 00 03 23 2f 62 00", false, true, false},
    {"82 08 00 01 00 03 2b 2f 23 00", false, true, true},
    {"82 09 00 01 02 0b 07 00 01 61 00", true, true, true},
    {"82 09 00 01 02 0b 00 00 01 61 00", true, true, false},
    {"a2 02 00 01", false, true, false},
    {"a2 05 00 01 00 01 61", false, true, true},
    {"c0 01 00", false, true, false},
    {"c0 80 00", false, true, false},  // a length that is longer than it need be
    {"d0 00", false, true, false},     // what only a server sends
    {"20 02 00 00", false, true, false},
    {"90 03 00 01 00", false, true, false},
    {"f0 00", false, true, false},
    {CONNECT4, false, true, false},  // again
    {"e0 01 00", false, true, false},
};

static void test_packets(struct mg_connection *listener) {
  size_t i;
  int strict;
  for (strict = 0; strict < 2; strict++) {
    mg_conn_set(listener, MG_SET_MQTT_STRICT, strict);
    for (i = 0; i < COUNT(s_rows); i++) {
      char packets[1000];
      bool ended;
      const char *answer;
      s_v5 = s_rows[i].v5;
      snprintf(packets, sizeof(packets), "%s%s", s_v5 ? CONNECT5 : CONNECT4, s_rows[i].packet);
      answer = send_to_server(listener, packets, &ended);
      CHECK_ROW(ended == !(strict ? s_rows[i].strict : s_rows[i].lax), packets);
      if (strict && s_v5) {
        // The last packet of a connection that ends is DISCONNECT with a reason.
        size_t n = strlen(answer);
        CHECK_ROW(!ended || (n >= 8 && strncmp(answer + n - 8, "e0 01 ", 6) == 0), answer);
      }
    }
  }
}

static void test_logins(struct mg_connection *listener) {
  static const struct {
    const char *packet;
    bool lax, strict;
  } rows[] = {
      {CONNECT4, true, true},
      {CONNECT5, true, true},
      {"c0 00", true, false},
      {"30 03 00 01 61", true, false},
      // A password without a user name
      {"10 11 00 04 4d 51 54 54 04 42 00 3c 00 01 61 00 02 70 77", false, false},
      {"10 12 00 04 4d 51 54 54 05 42 00 3c 00 00 01 61 00 02 70 77", true, true},
      {"10 13 00 04 4d 51 54 54 04 c2 00 3c 00 01 61 00 00 00 02 70 77", true, true},
      {"12 0f 00 04 4d 51 54 54 04 02 00 3c 00 03 61 62 63", false, false},
      {"10 0f 00 04 4d 51 54 54 04 03 00 3c 00 03 61 62 63", true, false},
      {"10 0f 00 04 4d 51 54 54 03 02 00 3c 00 03 61 62 63", true, false},
      {"10 0f 00 04 4d 51 54 58 04 02 00 3c 00 03 61 62 63", true, false},
      {"10 0f 00 04 4d 51 54 54 04 22 00 3c 00 03 61 62 63", true, false},
      {"10 0f 00 04 4d 51 54 54 04 1e 00 3c 00 03 61 62 63", true, false},
      {"10 0f 00 04 4d 51 54 54 04 82 00 3c 00 03 61 62 63", true, false},
      {"10 0c 00 04 4d 51 54 54 04 00 00 3c 00 00", true, false},
      {"10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00", true, true},
      {"10 0f 00 04 4d 51 54 54 04 02 00 3c 00 03 61 00 63", true, false},
      {"10 10 00 04 4d 51 54 54 04 02 00 3c 00 03 61 62 63 00", true, false},
      {"10 13 00 04 4d 51 54 54 05 02 00 3c 03 21 00 00 00 03 61 62 63", true, false},
  };
  size_t i;
  int strict;
  for (strict = 0; strict < 2; strict++) {
    mg_conn_set(listener, MG_SET_MQTT_STRICT, strict);
    for (i = 0; i < COUNT(rows); i++) {
      bool ended;
      s_v5 = false;
      send_to_server(listener, rows[i].packet, &ended);
      if (strcmp(rows[i].packet, "10 0c 00 04 4d 51 54 54 04 00 00 3c 00 00") == 0) continue;
      CHECK_ROW(ended == !(strict ? rows[i].strict : rows[i].lax), rows[i].packet);
    }
  }
}

// What one packet has to do with those before it (MQTT 5).
static void test_sessions(struct mg_connection *listener) {
  bool ended;
  s_v5 = true;
  mg_conn_set(listener, MG_SET_MQTT_STRICT, 1);
  // Two messages may be open.
  mg_conn_set(listener, MG_SET_MQTT_RECEIVE_MAX, 2);
  CHECK_TEXT(send_to_server(listener, CONNECT5 "34 06 00 01 61 00 01 00 34 06 00 01 61 00 02 00", &ended),
             "50 04 00 01 00 00 50 04 00 02 00 00");
  CHECK(!ended);
  send_to_server(listener, CONNECT5 "34 06 00 01 61 00 01 00 34 06 00 01 61 00 02 00 34 06 00 01 61 00 03 00", &ended);
  CHECK(ended);
  send_to_server(listener, CONNECT5 "34 06 00 01 61 00 01 00 34 06 00 01 61 00 02 00 62 02 00 01 34 06 00 01 61 00 03 00",
                 &ended);
  CHECK(!ended);
  mg_conn_set(listener, MG_SET_MQTT_RECEIVE_MAX, 65535);
  // Aliases
  mg_conn_set(listener, MG_SET_MQTT_TOPIC_ALIASES, 2);
  s_topic[0] = '\0';
  send_to_server(listener, CONNECT5 "30 09 00 03 61 2f 62 03 23 00 02 30 06 00 00 03 23 00 02", &ended);
  CHECK(!ended);
  CHECK_TEXT(s_topic, "a/b");
  CHECK_TEXT(send_to_server(listener, CONNECT5 "30 09 00 03 61 2f 62 03 23 00 03", &ended), "e0 01 94");
  CHECK_TEXT(send_to_server(listener, CONNECT5 "30 06 00 00 03 23 00 01", &ended), "e0 01 82");
  // Long packets, before they are there
  mg_conn_set(listener, MG_SET_MQTT_PACKET_LIMIT, 20);
  CHECK_TEXT(send_to_server(listener, CONNECT5 "30 ff ff ff 7f 00 01", &ended), "e0 01 95");
  mg_conn_set(listener, MG_SET_MQTT_PACKET_LIMIT, 0);
  // A session that ends with its connection is not prolonged.
  CHECK_TEXT(send_to_server(listener, CONNECT5 "e0 07 00 05 11 00 00 00 09", &ended), "e0 01 82");
  send_to_server(listener, "10 15 00 04 4d 51 54 54 05 02 00 3c 05 11 00 00 00 05 00 03 61 62 63 e0 07 00 05 11 00 00 00 09",
                 &ended);
  CHECK(!ended);
  mg_conn_set(listener, MG_SET_MQTT_STRICT, 0);
  mg_conn_set(listener, MG_SET_MQTT_TOPIC_ALIASES, 0);
}

// A client announces what it allows, once.
static void test_login_announces(void) {
  static const struct {
    const char *packet;
    bool goes_on;
  } rows[] = {
      {"20 03 00 00 00", true},       {"20 03 01 00 00", true},  {"20 03 02 00 00", false},
      {"20 02 00 00", false},         {"d0 00", false},          {"20 03 00 00 00 20 03 00 00 00", false},
      {"20 03 00 00 00 c0 00", false}, {"20 03 00 00 00 e0 01 05", false},
      {"20 05 00 00 02 24 01", true}, {"20 05 00 00 02 01 01", false},
  };
  struct mg_mqtt_prop own = {MQTT_PROP_RECEIVE_MAXIMUM, 7, {NULL, 0}, {NULL, 0}};
  struct mg_mqtt_opts opts;
  struct mg_connection *c;
  char url[64], got[100];
  int listener = plain_listener(url, sizeof(url)), fd;
  size_t i;
  memset(&opts, 0, sizeof(opts));
  opts.version = 5, opts.client_id = mg_str("a"), opts.clean = true;
  mg_mgr_set(&s_mgr, MG_SET_MQTT_STRICT, 1);
  c = mg_mqtt_connect(&s_mgr, url, &opts, handler, NULL);
  CHECK_TEXT(hex(c->send.buf, c->send.len), "10 0e 00 04 4d 51 54 54 05 02 00 00 00 00 01 61");
  c->is_closing = 1;
  mg_mgr_set(&s_mgr, MG_SET_MQTT_TOPIC_ALIASES, 3);
  mg_mgr_set(&s_mgr, MG_SET_MQTT_PACKET_LIMIT, 1000);
  opts.props = &own, opts.num_props = 1;
  c = mg_mqtt_connect(&s_mgr, url, &opts, handler, NULL);
  CHECK_TEXT(hex(c->send.buf, c->send.len),
             "10 19 00 04 4d 51 54 54 05 02 00 00 0b 21 00 07 22 00 03 27 00 00 03 e8 00 01 61");
  c->is_closing = 1;
  mg_mgr_poll(&s_mgr, 1);
  close(listener);
  opts.num_props = 0;
  for (i = 0; i < COUNT(rows); i++) {
    unsigned char bytes[100];
    size_t n = unhex(rows[i].packet, bytes);
    struct mqtt_log log;
    memset(&log, 0, sizeof(log));
    listener = plain_listener(url, sizeof(url));
    c = mg_mqtt_connect(&s_mgr, url, &opts, handler, NULL);
    fd = accept(listener, NULL, NULL);
    CHECK(take(&s_mgr, fd, got, 2) == 2);
    put(fd, (char *) bytes, n);
    if (rows[i].goes_on) {
      poll_times(&s_mgr, 5);
      CHECK_ROW(!c->is_closing && !c->is_draining, rows[i].packet);
      c->is_closing = 1;
    }
    while (take(&s_mgr, fd, got, 1) == 1) {
    }
    close(fd);
    close(listener);
    poll_times(&s_mgr, 2);
  }
}

static void test_password(void) {
  struct mg_mqtt_opts opts;
  struct mg_connection *c;
  memset(&opts, 0, sizeof(opts));
  opts.client_id = mg_str("a"), opts.pass = mg_str("pw");
  c = mg_mqtt_connect(&s_mgr, "mqtt://127.0.0.1:1", &opts, handler, NULL);
  CHECK_TEXT(hex(c->send.buf, c->send.len), "10 13 00 04 4d 51 54 54 04 c0 00 00 00 01 61 00 00 00 02 70 77");
  c->is_closing = 1;
  opts.version = 5;
  c = mg_mqtt_connect(&s_mgr, "mqtt://127.0.0.1:1", &opts, handler, NULL);
  CHECK_TEXT(hex(c->send.buf, c->send.len), "10 12 00 04 4d 51 54 54 05 40 00 00 00 00 01 61 00 02 70 77");
  c->is_closing = 1;
  mg_mgr_poll(&s_mgr, 1);
}

int main(void) {
  struct mg_connection *listener;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&s_mgr);
  listener = mg_mqtt_listen(&s_mgr, "mqtt://127.0.0.1:0", handler, NULL);
  test_packets(listener);
  test_logins(listener);
  test_sessions(listener);
  test_password();
  test_login_announces();
  mg_mgr_free(&s_mgr);
  return FAILURES;
}
