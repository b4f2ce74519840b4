// A WebSocket server and peers that break rules, go to limits, ping and close.
#include "ws_server.h"

// --- Broken rules: a code for the peer, one text for the program, and no more frames

static void test_broken_rules(void) {
  static const struct {
    const char *frames;
    size_t len;
    int code;
    const char *log;
  } rows[] = {
      {BYTES("\x83\x81\0\0\0\0q\x81\x81\0\0\0\0a"), 1002, "!unknown WS op 3"},
      {BYTES("\x8f\x80\0\0\0\0"), 1002, "!unknown WS op 15"},
      {BYTES("\xff\xfe\xfd\xfc\xfb\xfa"), 1002, "!unknown WS op 15"},
      {BYTES("\x81\x01""a"), 1002, "!WS masking"},
      {BYTES("\x82\x7f\0\0\0\0\x40\0\0\0"), 1002, "!WS masking"},
      {BYTES("\xc1\x81\0\0\0\0a"), 1002, "!WS reserved bits"},
      {BYTES("\x90\x80\0\0\0\0"), 1002, "!WS reserved bits"},
      {BYTES("\x09\x81\0\0\0\0a"), 1002, "!WS control frame in fragments or too long"},
      {BYTES("\x89\xfe\0\x7e\0\0\0\0"), 1002, "!WS control frame in fragments or too long"},
      {BYTES("\x01\x81\0\0\0\0a\x01\x81\0\0\0\0b"), 1002, "!WS message inside a message"},
      {BYTES("\x01\x81\0\0\0\0a\x82\x81\0\0\0\0b"), 1002, "!WS message inside a message"},
      {BYTES("\x80\x81\0\0\0\0a"), 1002, "!WS continuation of nothing"},
      {BYTES("\x00\x80\0\0\0\0"), 1002, "!WS continuation of nothing"},
      {BYTES("\x82\xff\x80\0\0\0\0\0\0\1\0\0\0\0"), 1002, "!WS frame length"},
      {BYTES("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), 1002, "!WS frame length"},
      {BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), 1009, "!WS message too big"},
      {BYTES("\x82\xff\0\0\0\0\x40\0\0\0\0\0\0\0"), 1009, "!WS message too big"},
      {BYTES("\x81\x82\0\0\0\0a\xff"), 1007, "!WS text is not UTF-8"},
      {BYTES("\x01\x82\0\0\0\0a\xc3\x80\x81\0\0\0\0a"), 1007, "!WS text is not UTF-8"},
      {BYTES("\x01\x81\0\0\0\0\xc3\x80\x80\0\0\0\0"), 1007, "!WS text is not UTF-8"},
      // Before the frame is complete.
      {BYTES("\x81\x8a\1\2\3\4`\xfd"), 1007, "!WS text is not UTF-8"},
      {BYTES("\x01\x81\0\0\0\0\xc3\x80\x8a\0\0\0\0a"), 1007, "!WS text is not UTF-8"},
      {BYTES("\x88\x81\0\0\0\0a"), 1002, "!WS close payload"},
      {BYTES("\x88\x82\0\0\0\0\x03\xed"), 1002, "!WS close payload"},
      {BYTES("\x88\x82\0\0\0\0\0\0\x81\x80\0\0\0\0"), 1002, "!WS close payload"},
      {BYTES("\x88\x83\0\0\0\0\x03\xe8\xff"), 1007, "!WS text is not UTF-8"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char took[4];
    int fd;
    begin(NULL);
    fd = peer();
    put(fd, rows[i].frames, rows[i].len);
    CHECK_ROW(take(&mgr, fd, took, 4) == 4, rows[i].log);
    CHECK_ROW(memcmp(took, "\x88\x02", 2) == 0, rows[i].log);
    CHECK_ROW(((took[2] & 255) << 8 | (took[3] & 255)) == rows[i].code, rows[i].log);
    CHECK_END(&mgr, fd);
    CHECK_LOG(server, rows[i].log);
    CHECK(server.errors == 1);
    end(fd);
  }
}

// The hole class "frame length overflow": no sum of a peer's length with anything wraps around, and
// what is announced is not allocated.
static void test_frame_length_overflow(void) {
  size_t kept;
  for (kept = 0; kept < 2; kept++) {
    unsigned shift;
    for (shift = 20; shift < 64; shift++) {
      char frame[14] = "\x82\xff";
      uint64_t length = ((uint64_t) 1 << shift) - 1 + (uint64_t) 4 * 1024 * 1024;
      size_t i;
      int fd;
      begin(NULL);
      fd = peer();
      if (kept) {
        put_frame(fd, 0x02, "abc", 3);
        POLL_UNTIL(&mgr, conn->pfn_data != NULL);
        frame[0] = (char) 0x80;
      }
      for (i = 0; i < 8; i++) frame[2 + i] = (char) (length >> (56 - 8 * i));
      put(fd, frame, sizeof(frame));
      CHECK_TAKES(&mgr, fd, length >> 63 ? "\x88\x02\x03\xea" : "\x88\x02\x03\xf1", 4);
      CHECK(conn->recv.size <= 16384);
      CHECK_END(&mgr, fd);
      end(fd);
    }
  }
}

// --- Sizes

static void test_sizes_up_to_the_limit(void) {
  static char payload[4096];
  // A frame of this payload has a header of 8 bytes.
  static const size_t limit = 1000;
  size_t n;
  for (n = limit - 9; n <= limit - 7; n++) {
    int fd;
    begin(NULL);
    CHECK(mg_conn_set(listener, MG_SET_RECV_LIMIT, (int64_t) limit));
    fd = peer();
    put_frame(fd, 0x82, payload, n);
    if (n + 8 <= limit) {
      POLL_UNTIL(&mgr, server.msgs == 1);
      CHECK(server.last_len == n);
    } else {
      CHECK_TAKES(&mgr, fd, "\x88\x02\x03\xf1", 4);
      CHECK_LOG(server, "!WS message too big");
    }
    end(fd);
  }
}

// A buffer grows with what has come, not with what is announced.
static void test_memory_follows_what_came(void) {
  static char payload[60000];
  size_t sent;
  int fd;
  begin(NULL);
  fd = peer();
  put(fd, BYTES("\x82\xff\0\0\0\0\0\x20\0\0\0\0\0\0"));
  for (sent = 0; sent < 2097152;) {
    size_t n = 2097152 - sent < sizeof(payload) ? 2097152 - sent : sizeof(payload);
    put(fd, payload, n);
    sent += n;
    POLL_UNTIL(&mgr, conn->recv.len == sent + 14 || server.msgs == 1);
    CHECK(conn->recv.size <= 2 * (sent + 14) + 16384);
  }
  CHECK(server.msgs == 1 && server.last_len == 2097152);
  end(fd);
}

// The peer that sends too much reads why before anything of a reset.
static void test_refusal_arrives_while_the_peer_sends(void) {
  static char payload[60000];
  size_t i;
  int fd;
  begin(NULL);
  CHECK(mg_conn_set(listener, MG_SET_WS_MESSAGE_LIMIT, 100000));
  fd = peer();
  put(fd, BYTES("\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0"));
  for (i = 0; i < 17; i++) {
    put(fd, payload, sizeof(payload));
    mg_mgr_poll(&mgr, 1);
  }
  CHECK_TAKES(&mgr, fd, "\x88\x02\x03\xf1", 4);
  CHECK_END(&mgr, fd);
  CHECK_LOG(server, "!WS message too big");
  CHECK(conn->recv.len == 0);
  end(fd);
}

// A peer that keeps on sending and never closes is not waited for for ever.
static void test_refused_peer_that_stays(void) {
  int fd;
  begin(NULL);
  fd = peer();
  put(fd, BYTES("\x82\xff\0\0\0\1\0\0\0\0\0\0\0\0xxxx"));
  POLL_UNTIL(&mgr, server.closes == 1);
  close(fd);
  mg_mgr_free(&mgr);
}

static void test_many_small_frames(void) {
  static char frames[7 * 20000];
  size_t i, sent = 0;
  int fd;
  for (i = 0; i < 20000; i++) masked(frames + 7 * i, 0x82, "x", 1);
  begin(NULL);
  fd = peer();
  nonblocking(fd);
  while (sent < sizeof(frames)) {
    ssize_t n = send(fd, frames + sent, sizeof(frames) - sent, MSG_NOSIGNAL);
    if (n > 0) sent += (size_t) n;
    mg_mgr_poll(&mgr, 1);
  }
  POLL_UNTIL(&mgr, server.msgs == 20000);
  end(fd);
}

// --- Pings

static void test_pings(void) {
  static char payload[125];
  int fd;
  begin(NULL);
  fd = peer();
  memset(payload, 'p', sizeof(payload));
  put_frame(fd, 0x89, payload, 125);
  CHECK_TAKES(&mgr, fd, "\x8a\x7d", 2);
  CHECK_TAKES(&mgr, fd, payload, 125);
  put_frame(fd, 0x89, "", 0);
  CHECK_TAKES(&mgr, fd, "\x8a\x00", 2);
  end(fd);
}

// Pings of a peer that does not read their answers take no memory without bound; its newest ping is
// answered in the end.
static void test_flood_of_pings(void) {
  static char answer[126], took[65536];
  size_t i, stuck = 0, before = 0, have = 0;
  int fd;
  begin(NULL);
  fd = peer();
  for (i = 0; stuck < 1000 && i < 1000000; i++) {
    snprintf(answer, sizeof(answer), "%0125d", (int) i);
    put_frame(fd, 0x89, answer, 125);
    mg_mgr_poll(&mgr, 0);
    CHECK(conn->send.len < 300000);
    stuck = conn->send.len > 0 && conn->send.len == before ? stuck + 1 : 0;
    before = conn->send.len;
  }
  CHECK(stuck == 1000);
  nonblocking(fd);
  for (i = 0; i < 10000 && (have < 125 || memcmp(took + have - 125, answer, 125) != 0); i++) {
    // The newest 125 bytes stay before what comes.
    size_t keep = have < 125 ? have : 125;
    ssize_t n;
    memmove(took, took + have - keep, keep);
    n = recv(fd, took + keep, sizeof(took) - keep, 0);
    have = keep + (n > 0 ? (size_t) n : 0);
    mg_mgr_poll(&mgr, 1);
  }
  CHECK(i < 10000);
  end(fd);
}

// --- Closing

static void say_goodbye(struct mg_connection *c, int ev, void *ev_data) {
  upgrade(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) mg_ws_send(c, "\x03\xe9" "bye", 5, WEBSOCKET_OP_CLOSE);
}
static void say_goodbye_and_drain(struct mg_connection *c, int ev, void *ev_data) {
  say_goodbye(c, ev, ev_data);
  if (ev == MG_EV_WS_MSG) c->is_draining = 1;
}

static void test_close_by_the_peer(void) {
  static const struct {
    const char *frame;
    size_t len;
    const char *answer;
    size_t answer_len;
  } rows[] = {
      {BYTES("\x88\x80\0\0\0\0"), BYTES("\x88\x00")},
      {BYTES("\x88\x82\0\0\0\0\x03\xe8"), BYTES("\x88\x02\x03\xe8")},
      {BYTES("\x88\x85\0\0\0\0\x0f\xa0" "bye"), BYTES("\x88\x05\x0f\xa0" "bye")},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    char frames[100];
    int fd;
    begin(NULL);
    fd = peer();
    // What follows CLOSE is not looked at.
    memcpy(frames, rows[i].frame, rows[i].len);
    memcpy(frames + rows[i].len, "\x81\x80\0\0\0\0\x83\x80", 8);
    put(fd, frames, rows[i].len + 8);
    CHECK_TAKES(&mgr, fd, rows[i].answer, rows[i].answer_len);
    CHECK_END(&mgr, fd);
    CHECK(server.ctls == 1 && server.msgs == 0 && server.errors == 0);
    end(fd);
  }
}

// What follows CLOSE is ignored too when the answer cannot go out yet.
static void test_frames_after_close_while_draining(void) {
  static char large[8000000], took[65536];
  size_t read;
  int fd;
  begin(NULL);
  fd = peer();
  mg_ws_send(conn, large, sizeof(large), WEBSOCKET_OP_BINARY);
  put_frame(fd, 0x88, "", 0);
  POLL_UNTIL(&mgr, conn->is_draining);
  put_frame(fd, 0x81, "late", 4);
  put_frame(fd, 0x8f, "", 0);
  poll_times(&mgr, 20);
  CHECK(conn->is_draining && !conn->is_closing && conn->send.len > 0);
  CHECK_LOG(server, "[88 ]");
  for (read = 0; read < sizeof(large) + 10 + 2; read += 1) {
    size_t want = sizeof(large) + 12 - read;
    size_t n = take(&mgr, fd, took, want < sizeof(took) ? want : sizeof(took));
    if (n == 0) break;
    read += n - 1;
  }
  CHECK(read == sizeof(large) + 12);
  CHECK_END(&mgr, fd);
  end(fd);
}

static void test_close_by_the_program(void) {
  int fd;
  begin(say_goodbye);
  fd = peer();
  put_frame(fd, 0x81, "end", 3);
  CHECK_TAKES(&mgr, fd, "\x88\x05\x03\xe9" "bye", 7);
  // Messages that were on their way still arrive. The answer is not answered.
  put_frame(fd, 0x82, "late", 4);
  put_frame(fd, 0x88, "\x03\xe9", 2);
  CHECK_TAKES(&mgr, fd, "\x88\x05\x03\xe9" "bye", 7);
  CHECK_END(&mgr, fd);
  CHECK_LOG(server, "[81 end][82 late][88 \x03\xe9]");
  end(fd);
}

// The program does not wait for the answer.
static void test_close_and_drain(void) {
  int fd;
  begin(say_goodbye_and_drain);
  fd = peer();
  put_frame(fd, 0x81, "end", 3);
  CHECK_TAKES(&mgr, fd, "\x88\x05\x03\xe9" "bye", 7);
  CHECK_END(&mgr, fd);
  POLL_UNTIL(&mgr, server.closes == 1);
  close(fd);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_broken_rules();
  test_frame_length_overflow();
  test_sizes_up_to_the_limit();
  test_memory_follows_what_came();
  test_refusal_arrives_while_the_peer_sends();
  test_refused_peer_that_stays();
  test_many_small_frames();
  test_pings();
  test_flood_of_pings();
  test_close_by_the_peer();
  test_frames_after_close_while_draining();
  test_close_by_the_program();
  test_close_and_drain();
  return FAILURES;
}
