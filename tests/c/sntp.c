// SNTP client against a server of our own on loopback.
#include "mongoose.h"

static int failures;
#define CHECK(x)                                                 \
  do {                                                           \
    if (!(x)) printf("line %d: %s\n", __LINE__, #x), failures++; \
  } while (0)

static uint8_t stratum;
static bool honest;
static char events[256];

static void server(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ && c->recv.len == 48) {
    uint8_t p[48];
    uint32_t now = (uint32_t) (1700000000UL + 2208988800UL);
    memset(p, 0, sizeof(p));
    p[0] = 0x24, p[1] = stratum;
    memcpy(p + 24, c->recv.buf + 40, 8);
    if (!honest) p[24] ^= 1;
    MG_STORE_BE32(p + 32, now);
    MG_STORE_BE32(p + 40, now);
    CHECK(c->recv.buf[0] == 0x23);
    mg_send(c, p, sizeof(p));
    c->recv.len = 0;
  }
}

static void client(struct mg_connection *c, int ev, void *ev_data) {
  static const char *names[] = {"ERROR", "OPEN", "POLL", "RESOLVE", "CONNECT", "ACCEPT", "TLS_HS", "READ", "WRITE", "CLOSE"};
  if (ev == MG_EV_SNTP_TIME) *(uint64_t *) c->fn_data = *(uint64_t *) ev_data, strcat(events, "TIME ");
  if (ev != MG_EV_POLL && ev <= MG_EV_CLOSE) strcat(events, names[ev]), strcat(events, " ");
}

int main(void) {
  struct mg_mgr mgr;
  struct mg_connection *l, *c;
  uint64_t ms = 0, start;
  char url[64];
  int i;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  l = mg_listen(&mgr, "udp://127.0.0.1:0", server, NULL);
  mg_snprintf(url, sizeof(url), "udp://127.0.0.1:%d", mg_ntohs(l->loc.port));

  stratum = 1, honest = true;
  c = mg_sntp_connect(&mgr, url, client, &ms);
  CHECK(c != NULL && c->is_udp);
  for (i = 0; i < 200 && strstr(events, "CLOSE") == NULL; i++) mg_mgr_poll(&mgr, 1);
  CHECK(strcmp(events, "OPEN RESOLVE WRITE CONNECT TIME READ CLOSE ") == 0);
  CHECK(ms >= 1700000000000ULL && ms < 1700000002000ULL);
  CHECK(mg_boot_timestamp_ms != 0 && mg_now() >= 1700000000000ULL && mg_now() < 1700000010000ULL);

  // A kiss of death ends it, without a time.
  ms = 0, events[0] = '\0', stratum = 0;
  mg_sntp_connect(&mgr, url, client, &ms);
  for (i = 0; i < 200 && strstr(events, "CLOSE") == NULL; i++) mg_mgr_poll(&mgr, 1);
  CHECK(ms == 0 && strcmp(events, "OPEN RESOLVE WRITE CONNECT READ CLOSE ") == 0);

  // An answer that does not repeat what was sent is ignored; the deadline ends the wait.
  ms = 0, events[0] = '\0', stratum = 1, honest = false;
  start = mg_millis();
  c = mg_sntp_connect(&mgr, url, client, &ms);
  mg_sntp_request(c);
  for (i = 0; i < 100 && strstr(events, "CLOSE") == NULL; i++) mg_mgr_poll(&mgr, 500);
  CHECK(ms == 0 && strstr(events, "CLOSE") != NULL && mg_millis() - start >= 3000);

  CHECK(mg_sntp_connect(&mgr, "", client, &ms) == NULL);
  CHECK(mg_sntp_parse(NULL, 0) == -1);
  mg_mgr_free(&mgr);
  CHECK(mgr.conns == NULL);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
