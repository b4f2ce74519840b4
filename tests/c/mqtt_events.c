// MQTT connections as their handlers see them: the peer is a plain socket.
#include "mqtt.h"

static struct mg_mgr s_mgr;
static struct mqtt_log s_log;
static struct mg_connection *s_accepted;

// What handlers do when the topic of a message says so.
static void misbehave(struct mg_connection *c, struct mg_str topic) {
  char what[20];
  snprintf(what, sizeof(what), "%.*s", (int) topic.len, topic.buf);
#define WHEN(word) if (strcmp(what, word) == 0)
  WHEN("empty") c->recv.len = 0;
  WHEN("del") mg_iobuf_del(&c->recv, 0, 3);
  WHEN("free") mg_iobuf_free(&c->recv);
  WHEN("grow") mg_iobuf_resize(&c->recv, 3 * c->recv.size + 1);
  WHEN("steal") {
    // And forgets the length.
    free(c->recv.buf);
    c->recv.buf = NULL, c->recv.size = 0;
  }
  WHEN("add") mg_iobuf_add(&c->recv, c->recv.len, "\xd0\x00", 2);
  WHEN("drain") c->is_draining = 1;
  WHEN("close") c->is_closing = 1;
  WHEN("gone") mg_close_conn(c);
  WHEN("plain") c->pfn = NULL;
  WHEN("v5") c->is_mqtt5 = 1;
  WHEN("again") mg_call(c, MG_EV_READ, NULL);
  WHEN("poll") mg_mgr_poll(c->mgr, 0);
  WHEN("reply") mg_mqtt_ping(c);
  s_log.recv_changed = strstr("empty del free grow steal", what) != NULL;
}

static void server(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
  if (c->is_listening) return;
  if (ev == MG_EV_ACCEPT) {
    s_accepted = c;
    CHECK(c->pfn_data == &s_mgr);
  }
  mqtt_log_event(&s_log, c, ev, ev_data);
  if (ev == MG_EV_CLOSE) s_accepted = NULL;
  if (ev == MG_EV_MQTT_MSG) misbehave(c, mm->topic);
}

#define SEND(fd, hexadecimal)                                  \
  do {                                                         \
    char bytes_[2000];                                         \
    put((fd), bytes_, unhex((hexadecimal), bytes_)); \
  } while (0)

// What a listener's connection makes of what a peer sends: events, and bytes sent back.
static void test_server(struct mg_connection *listener) {
  static const struct {
    const char *sent, *events, *answers;
    bool closes;
  } rows[] = {
      {"30 03 00 01 78", "msg:x= cmd:3:0:0", "", false},
      {"32 06 00 01 78 00 07 41", "msg:x=A cmd:3:1:7", "40 02 00 07", false},
      {"34 06 00 01 78 00 08 41", "msg:x=A cmd:3:2:8", "50 02 00 08", false},
      {"62 02 00 08", "cmd:6:1:8", "70 02 00 08", false},
      {"50 02 00 09", "cmd:5:0:9", "62 02 00 09", false},
      {"50 03 00 09 80", "cmd:5:0:9", "62 02 00 09", false},
      {"40 02 00 09 70 02 00 09 90 03 00 01 02 b0 02 00 02", "cmd:4:0:9 cmd:7:0:9 cmd:9:0:1 cmd:11:0:2", "", false},
      {"c0 00 d0 00", "cmd:12:0:0 cmd:13:0:0", "", false},
      {"10 0c 00 04 4d 51 54 54 04 02 00 3c 00 00 82 06 00 01 00 01 61 00 a2 05 00 02 00 01 61 e0 00 f0 00",
       "cmd:1:0:0 cmd:8:1:1 cmd:10:1:2 cmd:14:0:0 cmd:15:0:0", "", false},
      // A peer that plays the server's part
      {"20 02 00 00", "open:0 cmd:2:0:0", "", false},
      {"20 02 00 05 c0 00", "open:5 cmd:2:0:0 close", "", true},
      // MQTT 5 as soon as the program says so: properties, other answers
      {"30 07 00 02 76 35 0b 05 41 32 0a 00 01 78 00 07 02 0b 05 41 42", "msg:v5=\x0b\x05" "A cmd:3:0:0 msg:x=AB cmd:3:1:7",
       "40 04 00 07 00 00", false},
      {"30 04 00 02 76 35 50 03 00 09 80 50 03 00 0a 10", "msg:v5= cmd:3:0:0 cmd:5:0:9 cmd:5:0:10", "62 02 00 0a", false},
      {"30 04 00 02 76 35 34 06 00 01 78 00 01 00", "msg:v5= cmd:3:0:0 msg:x= cmd:3:2:1", "50 04 00 01 00 00", false},
      // Malformed: what was good before it is delivered, nothing after it
      {"c0 00 30 01 00 c0 00", "cmd:12:0:0 close", "", true},
      {"c0 80 80 80 80 00", "close", "", true},
      {"36 05 00 01 78 00 01", "close", "", true},
      {"32 05 00 01 78 00 00", "close", "", true},
      {"34 05 00 01 78 00 00", "close", "", true},
      {"30 04 00 02 76 35 30 04 00 01 78 02", "msg:v5= cmd:3:0:0 close", "", true},
      // QoS 2 is delivered once, until it is released; a new message with a used id is a new message
      {"34 06 00 01 78 00 08 41 3c 06 00 01 78 00 08 41 3c 06 00 01 78 00 09 42",
       "msg:x=A cmd:3:2:8 cmd:3:2:8 msg:x=B cmd:3:2:9", "50 02 00 08 50 02 00 08 50 02 00 09", false},
      {"34 06 00 01 78 00 08 41 62 02 00 08 3c 06 00 01 78 00 08 42 34 06 00 01 78 00 08 43",
       "msg:x=A cmd:3:2:8 cmd:6:1:8 msg:x=B cmd:3:2:8 msg:x=C cmd:3:2:8",
       "50 02 00 08 70 02 00 08 50 02 00 08 50 02 00 08", false},
      {"3a 06 00 01 78 00 08 41 3a 06 00 01 78 00 08 41", "msg:x=A cmd:3:1:8 msg:x=A cmd:3:1:8",
       "40 02 00 08 40 02 00 08", false},
      // What handlers do
      {"30 07 00 05 65 6d 70 74 79 c0 00", "msg:empty= cmd:3:0:0 cmd:12:0:0", "", false},
      {"30 05 00 03 64 65 6c c0 00", "msg:del= cmd:3:0:0 cmd:12:0:0", "", false},
      {"c0 00 30 05 00 03 64 65 6c c0 00", "cmd:12:0:0 msg:del= cmd:3:0:0 cmd:12:0:0", "", false},
      {"30 05 00 03 61 64 64", "msg:add= cmd:3:0:0 cmd:13:0:0", "", false},
      {"30 07 00 05 64 72 61 69 6e c0 00", "msg:drain= cmd:3:0:0 cmd:12:0:0 close", "", true},
      {"30 07 00 05 63 6c 6f 73 65 c0 00", "msg:close= cmd:3:0:0 close", "", true},
      {"30 06 00 04 67 6f 6e 65 c0 00", "msg:gone= close", "", true},
      {"30 07 00 05 61 67 61 69 6e c0 00", "msg:again= cmd:3:0:0 cmd:12:0:0", "", false},
      {"30 06 00 04 70 6f 6c 6c c0 00", "msg:poll= cmd:3:0:0 cmd:12:0:0", "", false},
      {"32 09 00 05 72 65 70 6c 79 00 07", "msg:reply= cmd:3:1:7", "40 02 00 07 c0 00", false},
  };
  size_t i, piece;
  for (i = 0; i < COUNT(rows); i++) {
    // All at once; and byte by byte, unless the connection closes before all are there.
    for (piece = 0; piece < 2; piece++) {
      char bytes[200], got[200];
      size_t len = unhex(rows[i].sent, bytes), k, expected, n;
      int fd = dial(listener);
      bool in_pieces = piece == 1 && !rows[i].closes;
      memset(&s_log, 0, sizeof(s_log));
      if (!in_pieces) put(fd, bytes, len);
      for (k = 0; in_pieces && k < len; k++) {
        put(fd, bytes + k, 1);
        poll_times(&s_mgr, 3);
      }
      expected = unhex(rows[i].answers, got);
      n = take(&s_mgr, fd, got, expected);
      CHECK_ROW(strcmp(hex(got, n), rows[i].answers) == 0, rows[i].sent);
      if (rows[i].closes) {
        POLL_UNTIL(&s_mgr, s_log.closes == 1);
      } else {
        POLL_UNTIL(&s_mgr, strlen(s_log.text) >= strlen(rows[i].events));
      }
      if (strcmp(s_log.text, rows[i].events) != 0) {
        failures++;
        fprintf(stderr, "%s (%d)\n  got      %s\n  expected %s\n", rows[i].sent, (int) piece, s_log.text, rows[i].events);
      }
      CHECK_ROW(s_log.errors == 0, rows[i].sent);
      if (!rows[i].closes) CHECK_ROW(s_accepted != NULL && s_accepted->recv.len == 0, rows[i].sent);
      if (s_accepted != NULL) s_accepted->is_closing = 1;
      POLL_UNTIL(&s_mgr, s_accepted == NULL);
      close(fd);
    }
  }
}

// A buffer that the handler replaces: the connection continues.
static void test_other_buffer(struct mg_connection *listener) {
  static const char *const sent[] = {"30 06 00 04 66 72 65 65 c0 00", "30 06 00 04 67 72 6f 77 c0 00",
                                     "c0 00 30 07 00 05 73 74 65 61 6c c0 00"};
  size_t i;
  for (i = 0; i < COUNT(sent); i++) {
    int fd = dial(listener);
    memset(&s_log, 0, sizeof(s_log));
    SEND(fd, sent[i]);
    POLL_UNTIL(&s_mgr, s_log.msgs == 1);
    SEND(fd, "32 06 00 01 78 00 07 41");
    POLL_UNTIL(&s_mgr, s_log.msgs == 2);
    CHECK(s_log.errors == 0 && strstr(s_log.text, "msg:x=A cmd:3:1:7") != NULL);
    s_accepted->is_closing = 1;
    POLL_UNTIL(&s_mgr, s_accepted == NULL);
    close(fd);
  }
}

// A program that takes the protocol handler away gets the rest as bytes.
static void test_without_engine(struct mg_connection *listener) {
  int fd = dial(listener);
  memset(&s_log, 0, sizeof(s_log));
  SEND(fd, "30 07 00 05 70 6c 61 69 6e c0 00");
  POLL_UNTIL(&s_mgr, s_log.reads == 1);
  CHECK_TEXT(s_log.text, "msg:plain= cmd:3:0:0");
  CHECK_TEXT(hex(s_accepted->recv.buf, s_accepted->recv.len), "c0 00");
  s_accepted->is_closing = 1;
  POLL_UNTIL(&s_mgr, s_accepted == NULL);
  close(fd);
}

static void on_bad(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) memset(&s_log, 0, sizeof(s_log));
  if (ev == MG_EV_READ) CHECK_TEXT(hex(c->recv.buf, c->recv.len), "30 01 00 c0 00");
  mqtt_log_event(&s_log, c, ev, ev_data);
}

// The bad bytes are in recv when MG_EV_READ comes.
static void test_malformed_stays(void) {
  struct mg_connection *listener = mg_mqtt_listen(&s_mgr, "mqtt://127.0.0.1:0", on_bad, NULL);
  int fd = dial(listener);
  memset(&s_log, 0, sizeof(s_log));
  // Packets before, one longer and one shorter than what follows.
  SEND(fd, "c0 00 30 01 00 c0 00");
  POLL_UNTIL(&s_mgr, s_log.closes == 1);
  CHECK(s_log.reads == 1 && s_log.cmds == 1);
  close(fd);
  fd = dial(listener);
  SEND(fd, "30 09 00 03 61 62 63 64 65 66 67 30 01 00 c0 00");
  POLL_UNTIL(&s_mgr, s_log.closes == 1);
  CHECK(s_log.reads == 1 && s_log.cmds == 1 && s_log.errors == 0);
  close(fd);
  listener->is_closing = 1;
  poll_times(&s_mgr, 2);
}

// Sends bytes while the manager polls, up to the end of the connection; returns how many went.
static size_t put_polling(int fd, const char *bytes, size_t len) {
  size_t sent = 0;
  nonblocking(fd);
  while (sent < len && s_log.closes == 0) {
    ssize_t n = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
    if (n > 0) sent += (size_t) n;
    mg_mgr_poll(&s_mgr, 0);
  }
  return sent;
}

// Many packets in one go, some that are longer than a read.
static void test_many(struct mg_connection *listener) {
  enum { PACKETS = 2000, BIG = 40000 };
  static char packet[BIG + 10];
  int fd = dial(listener), i;
  memset(&s_log, 0, sizeof(s_log));
  for (i = 0; i < PACKETS; i++) {
    size_t len = i % 100 == 99 ? BIG : (size_t) i % 50, head = 0;
    packet[head++] = 0x30;
    if (len == BIG) {
      packet[head++] = (char) (((len + 3) & 0x7f) | 0x80);
      packet[head++] = (char) (((len + 3) >> 7 & 0x7f) | 0x80);
      packet[head++] = (char) ((len + 3) >> 14);
    } else {
      packet[head++] = (char) (len + 3);
    }
    memcpy(packet + head, "\0\1t", 3);
    memset(packet + head + 3, 'a' + i % 26, len);
    // Several wait when the manager looks, but for the long ones.
    if (len == BIG) put_polling(fd, packet, head + 3 + len);
    else put(fd, packet, head + 3 + len);
  }
  POLL_UNTIL(&s_mgr, s_log.msgs == PACKETS);
  CHECK(s_log.cmds == PACKETS && s_log.errors == 0 && s_accepted->recv.len == 0);
  s_accepted->is_closing = 1;
  POLL_UNTIL(&s_mgr, s_accepted == NULL);
  close(fd);
}

// A packet that is longer than what recv may hold.
static void test_limit(struct mg_connection *listener) {
  char *room = (char *) calloc(1, 2 * MG_MAX_RECV_SIZE);
  int fd = dial(listener);
  size_t sent;
  memset(&s_log, 0, sizeof(s_log));
  SEND(fd, "30 ff ff ff 7f 00 01 78");
  sent = put_polling(fd, room, 2 * MG_MAX_RECV_SIZE);
  POLL_UNTIL(&s_mgr, s_log.closes == 1);
  CHECK_TEXT(s_log.error, "MG_MAX_RECV_SIZE");
  CHECK(sent >= MG_MAX_RECV_SIZE - 8 && s_log.cmds == 0);
  close(fd);
  free(room);
}

// A peer that does not read the answers to its messages.
static void test_unread(struct mg_connection *listener) {
  enum { AT_ONCE = 1000, LEN = 9 };
  static char room[LEN * AT_ONCE];
  int fd = dial(listener), i;
  uint64_t until = mg_millis() + PATIENCE_MS;
  memset(&s_log, 0, sizeof(s_log));
  for (i = 0; i < AT_ONCE; i++) unhex("32 07 00 01 78 00 07 41 42", room + LEN * i);
  while (s_log.closes == 0 && mg_millis() < until) {
    put_polling(fd, room, sizeof(room));
    if (s_accepted != NULL) CHECK(s_accepted->send.len < 500000);
  }
  CHECK(s_log.closes == 1);
  CHECK_TEXT(s_log.error, "MQTT acknowledgements are not read");
  close(fd);
}

static void freeing(struct mg_connection *c, int ev, void *ev_data) {
  mqtt_log_event((struct mqtt_log *) c->fn_data, c, ev, ev_data);
  if (ev == MG_EV_MQTT_MSG) mg_mgr_free(c->mgr);
}

// The whole manager goes while packets are delivered.
static void test_free_in_handler(void) {
  struct mg_mgr mgr;
  struct mqtt_log log;
  struct mg_connection *listener;
  uint64_t until = mg_millis() + PATIENCE_MS;
  int fd;
  memset(&log, 0, sizeof(log));
  mg_mgr_init(&mgr);
  listener = mg_mqtt_listen(&mgr, "mqtt://127.0.0.1:0", freeing, &log);
  fd = dial(listener);
  SEND(fd, "32 05 00 01 78 00 07 c0 00");
  while (log.closes < 2 && mg_millis() < until) mg_mgr_poll(&mgr, 5);
  CHECK_TEXT(log.text, "msg:x= close close");
  close(fd);
}

int main(void) {
  struct mg_connection *listener;
  mg_log_level = MG_LL_NONE;
  mg_mgr_init(&s_mgr);
  listener = mg_mqtt_listen(&s_mgr, "mqtt://127.0.0.1:0", server, NULL);
  CHECK(listener != NULL && listener->pfn_data == &s_mgr && listener->is_listening);
  CHECK(mg_mqtt_listen(&s_mgr, url_of("mqtt", listener), server, NULL) == NULL);
  CHECK(mg_mqtt_listen(&s_mgr, "mqtt://nonsense", server, NULL) == NULL);
  test_server(listener);
  test_other_buffer(listener);
  test_without_engine(listener);
  test_malformed_stays();
  test_many(listener);
  test_limit(listener);
  if (!under_valgrind()) test_unread(listener);  // some 100,000 messages
  mg_mgr_free(&s_mgr);
  test_free_in_handler();
  return FAILURES;
}
