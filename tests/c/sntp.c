// SNTP client against a server that says exactly what a test wants it to say.
#include "clock.h"
#include "nameserver.h"

#define NTP_2023 (1700000000u + 2208988800u)

static struct mg_mgr s_mgr;

struct client {
  char events[200];
  int64_t ms;
  size_t recv_len;  // at READ
};

static void client(struct mg_connection *c, int ev, void *ev_data) {
  struct client *r = (struct client *) c->fn_data;
  if (ev == MG_EV_POLL) return;
  if (ev == MG_EV_OPEN) c->is_hexdumping = 1;
  if (ev == MG_EV_SNTP_TIME) r->ms = *(int64_t *) ev_data;
  if (ev == MG_EV_READ) r->recv_len = c->recv.len;
  strcat(r->events, ev == MG_EV_SNTP_TIME ? "TIME" : event_name(ev));
  strcat(r->events, " ");
}

static struct mg_connection *ask(const struct server *s, struct client *r) {
  memset(r, 0, sizeof(*r));
  return mg_sntp_connect(&s_mgr, s->url, client, r);
}

// A good answer to the newest request: received at 1700000000.0, sent half a second later.
static void answer(const struct server *s, uint8_t out[48]) {
  memset(out, 0, 48);
  out[0] = 0x24, out[1] = 1;
  memcpy(out + 24, s->query + 40, 8);
  MG_STORE_BE32(out + 32, NTP_2023);
  MG_STORE_BE32(out + 40, NTP_2023);
  out[44] = 0x80;
}

static void test_good_answer(void) {
  struct server s = server_open(false);
  struct client r;
  struct mg_connection *c;
  uint8_t out[48];
  int i;
  mg_mgr_init(&s_mgr);
  mg_boot_timestamp_ms = 0;
  c = ask(&s, &r);
  CHECK(c != NULL && c->is_udp && c->is_client && c->is_hexdumping);
  CHECK(strcmp(r.events, "OPEN RESOLVE WRITE CONNECT ") == 0);  // all inside the call
  for (i = 0; i < (int) sizeof(c->data); i++) CHECK(c->data[i] == 0);                // the program's
  take(&s);
  CHECK(s.len == 48 && s.query[0] == 0x23);
  for (i = 1; i < 40; i++) CHECK(s.query[i] == 0);
  answer(&s, out);
  say(&s, out, sizeof(out));
  POLL_UNTIL(&s_mgr, strstr(r.events, "CLOSE") != NULL);
  CHECK(strcmp(r.events, "OPEN RESOLVE WRITE CONNECT TIME READ CLOSE ") == 0);
  CHECK(r.recv_len == 48);
  CHECK(r.ms == 1700000000250);  // No time has passed here, half a second there.
  CHECK(mg_boot_timestamp_ms != 0 && mg_now() == 1700000000250u);
  mg_boot_timestamp_ms = 5000;  // programs may set it
  CHECK(mg_now() == mg_millis() + 5000);
  // Without a handler only the clock is set.
  CHECK(mg_sntp_connect(&s_mgr, s.url, NULL, NULL) != NULL);
  take(&s);
  answer(&s, out);
  say(&s, out, sizeof(out));
  POLL_UNTIL(&s_mgr, s_mgr.conns == NULL);
  CHECK(mg_now() == 1700000000250u);
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

// What repeats our time stamp comes from the server: it ends the connection, good or bad.
static void test_refused_answers(void) {
  static const struct {
    size_t at;
    uint8_t value;
  } rows[] = {
      {1, 0},      // a "kiss of death"
      {1, 16},     // not synchronised
      {0, 0xe4},   // the same, said in another way
      {0, 0x23},   // not from a server
      {0, 0x2c},   // version 5
      {0, 0x14},   // version 2
      {40, 0},     // no time (see below)
  };
  struct server s = server_open(false);
  struct client r;
  uint8_t out[48];
  size_t i;
  mg_mgr_init(&s_mgr);
  mg_boot_timestamp_ms = 7;
  for (i = 0; i < COUNT(rows); i++) {
    char row[20];
    snprintf(row, sizeof(row), "row %d", (int) i);
    ask(&s, &r);
    take(&s);
    answer(&s, out);
    out[rows[i].at] = rows[i].value;
    if (rows[i].at == 40) memset(out + 40, 0, 8);
    say(&s, out, sizeof(out));
    POLL_UNTIL(&s_mgr, strstr(r.events, "CLOSE") != NULL);
    CHECK_ROW(strcmp(r.events, "OPEN RESOLVE WRITE CONNECT READ CLOSE ") == 0, row);
    CHECK_ROW(r.ms == 0 && mg_boot_timestamp_ms == 7, row);
  }
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

// What does not is from somebody else: it is as if it had not come.
static void test_answers_from_strangers(void) {
  struct server s = server_open(false), stranger = server_open(false);
  struct client r;
  uint8_t out[48], bad[48];
  mg_mgr_init(&s_mgr);
  ask(&s, &r);
  take(&s);
  answer(&s, out);
  stranger.peer = s.peer;
  say(&stranger, out, sizeof(out));
  say(&s, out, 47);
  say(&s, out, 1);
  memcpy(bad, out, sizeof(bad));
  bad[31] ^= 1;
  say(&s, bad, sizeof(bad));
  bad[1] = 0;
  say(&s, bad, sizeof(bad));
  memset(bad + 24, 0, 8);
  say(&s, bad, sizeof(bad));
  poll_times(&s_mgr, 20);
  CHECK(r.ms == 0 && strstr(r.events, "CLOSE") == NULL && strstr(r.events, "TIME") == NULL);
  say(&s, out, sizeof(out));
  POLL_UNTIL(&s_mgr, strstr(r.events, "CLOSE") != NULL);
  CHECK(r.ms > 1700000000000 && r.recv_len == 48);
  mg_mgr_free(&s_mgr);
  close(s.fd);
  close(stranger.fd);
}

static void opener(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_OPEN) mg_sntp_request(c);
  client(c, ev, ev_data);
}

static void test_requests(void) {
  struct server s = server_open(false);
  struct client r;
  struct mg_connection *c;
  uint8_t out[48];
  int newest;
  mg_mgr_init(&s_mgr);
  s_mgr.dns4.url = s.url;
  for (newest = 0; newest < 2; newest++) {
    // Either answer is good.
    c = ask(&s, &r);
    take(&s);
    answer(&s, out);
    mg_sntp_request(c);
    take(&s);
    CHECK(memcmp(out + 24, s.query + 40, 8) != 0);
    if (newest == 1) answer(&s, out);
    say(&s, out, sizeof(out));
    POLL_UNTIL(&s_mgr, strstr(r.events, "CLOSE") != NULL);
    CHECK(r.ms > 1700000000000);
  }
  // Too early
  memset(&r, 0, sizeof(r));
  c = mg_sntp_connect(&s_mgr, s.url, opener, &r);
  take(&s);
  CHECK(!is_asked(&s) && !c->is_closing);
  // While the name is looked up; the server of time is the default one.
  c = mg_sntp_connect(&s_mgr, NULL, client, &r);
  CHECK(c != NULL && c->is_udp && c->is_resolving && c->rem.port == mg_htons(123));
  take(&s);
  CHECK(s.len == 33 && memcmp(s.query + 12, "\4time\6google\3com\0\0\1\0\1", 21) == 0);
  mg_sntp_request(c);
  mg_sntp_request(c);
  CHECK(c->is_resolving && !c->is_closing && !is_asked(&s));
  // Never looked up
  mg_resolve_cancel(c);
  mg_sntp_request(c);
  mg_sntp_request(NULL);
  CHECK(!c->is_closing);
  CHECK(mg_sntp_connect(&s_mgr, "", NULL, NULL) == NULL);
  CHECK(mg_sntp_connect(NULL, NULL, NULL, NULL) == NULL);
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

// Nobody answers, neither the server of time nor the one of names: silence after three seconds.
static void test_deadline(void) {
  struct server s = server_open(false);
  struct client silent, lookup;
  mg_mgr_init(&s_mgr);
  s_mgr.dns4.url = s.url;
  s_mgr.dnstimeout = 10000;
  ask(&s, &silent);
  memset(&lookup, 0, sizeof(lookup));
  mg_sntp_connect(&s_mgr, "udp://a.name:123", client, &lookup);
  stopped_at += 2999;
  poll_times(&s_mgr, 3);
  CHECK(strstr(silent.events, "CLOSE") == NULL && strstr(lookup.events, "CLOSE") == NULL);
  stopped_at += 1;
  POLL_UNTIL(&s_mgr, strstr(silent.events, "CLOSE") != NULL && strstr(lookup.events, "CLOSE") != NULL);
  CHECK(strcmp(silent.events, "OPEN RESOLVE WRITE CONNECT CLOSE ") == 0);
  CHECK(strcmp(lookup.events, "OPEN CLOSE ") == 0);
  CHECK(silent.ms == 0 && lookup.ms == 0 && s_mgr.active_dns_requests == NULL);
  mg_mgr_free(&s_mgr);
  close(s.fd);
}

static void no_output(char ch, void *arg) {
  (void) ch, (void) arg;
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  mg_log_set_fn(no_output, NULL);  // dumps ignore the level
  stop_clock();
  test_good_answer();
  test_refused_answers();
  test_answers_from_strangers();
  test_requests();
  test_deadline();
  return FAILURES;
}
