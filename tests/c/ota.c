// Updates over the air: a device that is emulated, updates pushed by a request and fetched from a
// server. By the program's clock.
#include "http_peer.h"

static char firmware[5000];  // what was written
static size_t written, announced;
static int begins, ends, odd_pieces;
static bool begin_ok = true, write_ok = true, end_ok = true;

bool mg_ota_begin(size_t size) {
  begins++;
  announced = size;
  written = 0;
  return begin_ok;
}

bool mg_ota_write(const void *buf, size_t len) {
  if (len % 512 != 0) odd_pieces++;
  if (written + len <= sizeof(firmware)) memcpy(firmware + written, buf, len);
  written += len;
  return write_ok;
}

bool mg_ota_end(void) {
  ends++;
  return end_ok;
}

static char outcome[200];
static int outcomes;

static void reset_device(void) {
  begins = ends = odd_pieces = outcomes = 0;
  written = announced = 0;
  begin_ok = write_ok = end_ok = true;
  outcome[0] = '\0';
}

// --- Pushed

static void pushed(struct mg_connection *c, const char *err) {
  outcomes++;
  snprintf(outcome, sizeof(outcome), "%s", err == NULL ? "done" : err);
  mg_http_reply(c, err == NULL ? 200 : 500, "", "%s", outcome);
  c->is_draining = 1;
}

static bool silent;  // no function of the program's

static void device(struct mg_connection *c, int ev, void *ev_data) {
  note(c, ev, ev_data);
  if (ev == MG_EV_HTTP_HDRS) mg_http_start_ota(c, (struct mg_http_message *) ev_data, silent ? NULL : pushed);
}

static void push(size_t announced_len, size_t sent, const char *expected_reply) {
  static char body[5000];
  char head[100];
  size_t i, at;
  int fd;
  for (i = 0; i < sizeof(body); i++) body[i] = (char) (i * 7);
  begin(device);
  snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", (int) announced_len);
  fd = start(head);
  for (at = 0; at < sent; at += i) {
    i = sent - at < 700 ? sent - at : 700;
    put(fd, body + at, i);
    poll_times(&mgr, 2);
  }
  if (sent < announced_len && write_ok) shutdown(fd, SHUT_WR);
  expect(fd, NULL);
  CHECK_ROW(strncmp(got, expected_reply, strlen(expected_reply)) == 0, got);
  if (sent == announced_len && write_ok) CHECK(written == sent && memcmp(firmware, body, sent) == 0);
  CHECK(messages == 0 && announced == announced_len);
  close(fd);
  end();
}

static void test_pushed(void) {
  static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, 5000};
  size_t i;
  for (i = 0; i < COUNT(sizes); i++) {
    reset_device();
    push(sizes[i], sizes[i], "HTTP/1.1 200 OK\r\n");
    CHECK(begins == 1 && ends == 1 && outcomes == 1 && strcmp(outcome, "done") == 0);
    CHECK(odd_pieces == (sizes[i] % 512 != 0));
  }
  reset_device();
  begin_ok = false;
  push(100, 0, "HTTP/1.1 500 ");
  CHECK(begins == 1 && ends == 0 && outcomes == 1 && strcmp(outcome, "ota begin failed") == 0);
  reset_device();
  write_ok = false;
  push(1000, 700, "HTTP/1.1 500 ");
  CHECK(ends == 1 && outcomes == 1 && strcmp(outcome, "write error") == 0);
  reset_device();
  end_ok = false;
  push(1000, 1000, "HTTP/1.1 500 ");
  CHECK(ends == 1 && outcomes == 1 && strcmp(outcome, "OTA finalize failed") == 0);
  reset_device();
  push(1000, 700, "");
  CHECK(ends == 1 && outcomes == 1 && strcmp(outcome, "connection closed") == 0);

  silent = true;
  reset_device();
  push(5, 5, "HTTP/1.1 200 OK\r\n");
  CHECK(strcmp(got + got_len - 3, "ok\n") == 0);
  reset_device();
  end_ok = false;
  push(5, 5, "HTTP/1.1 500 ");
  CHECK(strstr(got, "OTA finalize failed\n") != NULL);
  silent = false;
}

// A client that is still sending gets to know that there is no use in it.
static void test_a_failure_reaches_a_client_that_sends(void) {
  static char rest[100000];
  int fd, i;
  reset_device();
  write_ok = false;
  begin(device);
  set(MG_SET_HTTP_ERROR_REPLIES, 1);
  fd = start("POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
  nonblocking(fd);
  for (i = 0; i < 100; i++) {
    if (send(fd, rest, sizeof(rest), MSG_NOSIGNAL) < 0) CHECK(errno == EAGAIN);
    poll_times(&mgr, 2);
  }
  expect(fd, NULL);
  CHECK(!got_reset && count("HTTP/1.1 500 ") == 1 && outcomes == 1);
  close(fd);
  UNTIL(mgr.conns == l);
  end();
}

// A body whose length nobody knows is no firmware.
static void test_pushed_without_a_length(void) {
  int fd;
  reset_device();
  begin(device);
  fd = start("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  expect(fd, NULL);
  CHECK(begins == 0 && outcomes == 1 && strcmp(outcome, "OTA needs a Content-Length") == 0);
  close(fd);
  end();
}

// --- Fetched

static void fetched(const char *err) {
  outcomes++;
  snprintf(outcome, sizeof(outcome), "%s", err == NULL ? "done" : err);
}

static const char *metadata, *firmware_head;
static char asked[500];
static int firmware_asked;

static void vendor(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev != MG_EV_HTTP_MSG) return;
  if (!mg_match(hm->uri, mg_str("/meta"), NULL)) firmware_asked++;
  if (mg_match(hm->uri, mg_str("/meta"), NULL)) {
    mg_snprintf(asked, sizeof(asked), "%.*s", (int) hm->message.len, hm->message.buf);
    if (metadata == NULL) return;  // says nothing
    if (metadata[0] == '\0') {
      c->is_draining = 1;
    } else {
      mg_http_reply(c, 200, "", metadata, (int) mg_ntohs(l->loc.port));
    }
  } else if (firmware_head != NULL) {
    mg_printf(c, "%s", firmware_head);
    mg_printf(c, "0123456789");
    c->is_draining = 1;
  }
}

static void fetch(const char *meta, const char *head, const char *expected) {
  char url[100];
  reset_device();
  begin(vendor);
  asked[0] = '\0';
  metadata = meta;
  firmware_head = head;
  mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d/meta", (int) mg_ntohs(l->loc.port));
  mg_ota_url_check(&mgr, url, fetched);
  UNTIL(outcomes > 0);
  CHECK_ROW(strcmp(outcome, expected) == 0, outcome);
  // Whatever becomes of the connections, the program gets no more events.
  poll_times(&mgr, 20);
  UNTIL(mgr.conns == l);
  CHECK(outcomes == 1);
  end();
  CHECK(outcomes == 1);
}

#define META(version, size) \
  "{\"version\":\"" version "\",\"url\":\"http://127.0.0.1:%d/firmware.bin\",\"size\":" size "}"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

static void test_fetched(void) {
  fetch(META("2.0", "10"), HEAD, "done");
  CHECK(begins == 1 && ends == 1 && written == 10 && memcmp(firmware, "0123456789", 10) == 0);
  CHECK(strcmp(asked,
               "GET /meta?arch=1&version=1.0.0&id=0&interval=60&boot=0 HTTP/1.1\r\n"
               "Host: 127.0.0.1\r\nConnection: close\r\n\r\n") == 0);
  fetch(META("1.0.0", "10"), HEAD, "Same version");
  fetch("nothing", NULL, "Bad metadata: nothing");
  fetch("{\"version\":\"2.0\",\"url\":\"/a/long/path/so/that/the/text/does/not/fit/into/the/message/x\"}", NULL,
        "Bad metadata: {\"version\":\"2.0\",\"url\":\"/a/long/path/so/that/the/text/does/not/fit/into/the/message/x");
  CHECK(strlen(outcome) == 99);
  fetch("", NULL, "connection closed");
  fetch(META("2.0", "11"), HEAD, "Bad HTTP response: status 200, size 10 vs 11");
  fetch(META("2.0", "10"), "HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n",
        "Bad HTTP response: status 404, size 10 vs 10");
  fetch(META("2.0", "20"), "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", "connection closed");
  CHECK(begins == 1 && ends == 1);
  fetch("{\"version\":\"2.0\",\"url\":\"http://127.0.0.1:1/\",\"size\":10}", NULL, "socket error");
}

static void test_fetch_timeouts(void) {
  char url[100];
  int pass;
  for (pass = 0; pass < 3; pass++) {
    static const char *const expected[] = {"Metadata timeout", "OTA timeout", "connection closed"};
    static const uint64_t alive[] = {4900, 299000, 1000}, dead[] = {200, 2000, 0};
    reset_device();
    begin(vendor);
    asked[0] = '\0';
    metadata = pass == 0 ? NULL : META("2.0", "10");
    firmware_head = NULL;
    mg_snprintf(url, sizeof(url), "http://127.0.0.1:%d/meta", (int) mg_ntohs(l->loc.port));
    firmware_asked = 0;
    mg_ota_url_check(&mgr, url, fetched);
    UNTIL(asked[0] != '\0' && firmware_asked == (pass > 0));
    poll_times(&mgr, 3);
    now += alive[pass];
    poll_times(&mgr, 20);
    CHECK(outcomes == 0);
    // One at a time; the other is not disturbed.
    mg_ota_url_check(&mgr, url, fetched);
    CHECK(outcomes == 1 && strcmp(outcome, "OTA already in progress") == 0);
    now += dead[pass];
    if (pass < 2) poll_times(&mgr, 20);
    end();
    CHECK_ROW(outcomes == 2 && strcmp(outcome, expected[pass]) == 0, outcome);
  }
}

static void test_urls_that_lead_nowhere(void) {
  char id[2] = "xx", tiny[1] = {'x'};
  begin(vendor);
  reset_device();
  mg_ota_url_check(&mgr, "", fetched);
  CHECK(outcomes == 1 && strcmp(outcome, "Failed to connect") == 0);
  mg_ota_url_check(&mgr, NULL, fetched);
  CHECK(outcomes == 2 && strcmp(outcome, "Failed to connect") == 0);
  mg_ota_url_check(&mgr, NULL, NULL);
  mg_ota_url_check(NULL, "http://127.0.0.1:1", fetched);
  CHECK(outcomes == 2);
  mg_ota_url_check(&mgr, "http://127.0.0.1:1", fetched);
  UNTIL(outcomes == 3);
  CHECK(strcmp(outcome, "socket error") == 0);
  end();
  mg_ota_device_id(id, sizeof(id));
  mg_ota_device_id(tiny, sizeof(tiny));
  mg_ota_device_id(NULL, 0);
  CHECK(strcmp(id, "0") == 0 && tiny[0] == '\0');
  mg_ota_poll(NULL);
  mg_http_start_ota(NULL, NULL, NULL);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_pushed();
  test_a_failure_reaches_a_client_that_sends();
  test_pushed_without_a_length();
  test_fetched();
  test_fetch_timeouts();
  test_urls_that_lead_nowhere();
  return FAILURES;
}
