// What clients forgive, and what they do not: responses of plain sockets to an HTTP client and to a
// WebSocket client. Each row names its rule.
#include "ws.h"

static struct mg_mgr mgr;
static struct ws_log client;
static char seen[500], header[100];

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  ws_log_event(&client, ev, ev_data);
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_str *v = mg_http_get_header(hm, "X-A");
    mg_snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%d[%.*s]", mg_http_status(hm), (int) hm->body.len, hm->body.buf);
    if (v != NULL) mg_snprintf(header, sizeof(header), "%.*s", (int) v->len, v->buf);
  }
  (void) c;
}

#define OK200 "HTTP/1.1 200 OK\r\n"
#define TWO "Content-Length: 2\r\n"
#define CHUNKED OK200 "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
  const char *rule, *response, *seen, *log, *header;
} rows[] = {
    {"9112 7.1.1: blanks after a chunk size", CHUNKED "2  \r\nok\r\n0\r\n\r\n", "200[ok]", "", ""},
    {"and tabs, and after the last one", CHUNKED "2\t\r\nok\r\n0 \r\n\r\n", "200[ok]", "", ""},
    {"9112 2.2: LF alone", CHUNKED "2\nok\n0\n\n", "200[ok]", "", ""},
    {"no blanks before it", CHUNKED " 2\r\nok\r\n0\r\n\r\n", "", "!Invalid chunk", ""},
    {"9112 5.2: a folded header", OK200 "X-A: 1,\r\n 2\r\n" TWO "\r\nok", "200[ok]", "", "1,   2"},
    {"folded twice, by a tab", OK200 "X-A:\r\n\t1\r\n\t2\r\n" TWO "\r\nok", "200[ok]", "", "1  \t2"},
    {"a folded Content-Length", OK200 "Content-Length:\r\n 2\r\n\r\nok", "200[ok]", "", ""},
    {"9110 5.3: Connection in several lines", OK200 "Connection: a\r\nConnection: b\r\n" TWO "\r\nok", "200[ok]", "", ""},
    {"Cookie means nothing in a response", OK200 "Cookie: a\r\nCookie: b\r\n" TWO "\r\nok", "200[ok]", "", ""},
    {"9112 2.2: leading empty lines", "\r\n\n\r\n" OK200 TWO "\r\nok", "200[ok]", "", ""},
    {"and between two responses", OK200 TWO "\r\nok\r\n\r\n" OK200 TWO "\r\nok", "200[ok]200[ok]", "", ""},
    {"9110 15.2: interim responses", "HTTP/1.1 103 E\r\nLink: a\r\n\r\nHTTP/1.1 100 C\r\n\r\n" OK200 TWO "\r\nok", "103[]100[]200[ok]", "", ""},
    {"9112 8: chunks that are cut are told", CHUNKED "2\r\nok\r\n", "", "!HTTP response cut short", ""},
    {"within a chunk", CHUNKED "9\r\nok", "", "!HTTP response cut short", ""},
    {"within the last one", CHUNKED "2\r\nok\r\n0\r\n", "", "!HTTP response cut short", ""},
    {"9112 6.3: the end of a stream is one", OK200 "\r\nok", "200[ok]", "", ""},
    {"9112 6.3: two lengths are refused", OK200 TWO TWO "\r\nok", "", "!Repeated HTTP header", ""},
};

static void test_responses(void) {
  size_t i, step;
  for (i = 0; i < COUNT(rows); i++) {
    for (step = 0; step < 2; step++) {
      char url[64];
      int listener = plain_listener(url, sizeof(url)), peer;
      size_t k, len = strlen(rows[i].response);
      memset(&client, 0, sizeof(client));
      seen[0] = header[0] = '\0';
      mg_mgr_init(&mgr);
      mg_printf(mg_http_connect(&mgr, url, handler, NULL), "GET / HTTP/1.1\r\n\r\n");
      peer = accept(listener, NULL, NULL);
      for (k = 0; k < len && client.closes == 0; k += step == 0 ? len : 1) {
        if (send(peer, rows[i].response + k, step == 0 ? len : 1, MSG_NOSIGNAL) < 0) break;
        mg_mgr_poll(&mgr, 0);
      }
      shutdown(peer, SHUT_WR);
      POLL_UNTIL(&mgr, client.closes == 1);
      if (strcmp(seen, rows[i].seen) != 0 || strcmp(client.text, rows[i].log) != 0 || strcmp(header, rows[i].header) != 0) {
        failures++;
        fprintf(stderr, "RFC %s, step %d: %s %s %s\n", rows[i].rule, (int) step, seen, client.text, header);
      }
      close(peer);
      close(listener);
      mg_mgr_free(&mgr);
    }
  }
}

#define SWITCH "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
#define REFUSED "!ws handshake error"

static const struct {
  const char *rule, *offer, *response;
  int opens;
} handshakes[] = {
    {"4.1: as it should be", "", SWITCH "\r\n", 1},
    {"9110 15.2: interim responses before 101", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 C\r\n\r\n" SWITCH "\r\n", 1},
    {"9112 2.2: empty lines", "", "\r\n\r\n" SWITCH "\r\n", 1},
    {"9112 5.2: a folded header", "", SWITCH "X-A: a\r\n b\r\n\r\n", 1},
    {"4.1 (2, 3): lists, in any case", "", "HTTP/1.1 101 S\r\nUpgrade: WebSocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", 1},
    {"4.1 (2): another protocol", "", "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", 0},
    {"4.1 (3): no upgrade", "", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: %s\r\n\r\n", 0},
    {"4.1 (4): a wrong answer to the key", "", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x%s\r\n\r\n", 0},
    {"4.1 (5): an extension that was not asked for", "", SWITCH "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 0},
    {"4.1 (5): one that the program asked for", "Sec-WebSocket-Extensions: x\r\n", SWITCH "Sec-WebSocket-Extensions: x\r\n\r\n", 1},
    {"4.1 (6): a sub-protocol that was not asked for", "", SWITCH "Sec-WebSocket-Protocol: a\r\n\r\n", 0},
    {"4.1 (6): another one", "Sec-WebSocket-Protocol: a\r\n", SWITCH "Sec-WebSocket-Protocol: b\r\n\r\n", 0},
    {"4.1 (6): of another case", "Sec-WebSocket-Protocol: a\r\n", SWITCH "Sec-WebSocket-Protocol: A\r\n\r\n", 0},
    {"4.1 (6): one of those offered", "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n", SWITCH "Sec-WebSocket-Protocol: c\r\n\r\n", 1},
    {"4.1 (6): two of them", "Sec-WebSocket-Protocol: a, b\r\n", SWITCH "Sec-WebSocket-Protocol: a, b\r\n\r\n", 0},
    {"4.1 (6): none of them", "Sec-WebSocket-Protocol: a\r\n", SWITCH "\r\n", 1},
    {"9110 15.4: a redirect", "", "HTTP/1.1 301 M\r\nLocation: /%.0s\r\n\r\n", 0},
};

// The answer to a key (RFC 6455, section 4.2.2).
static void accept_of(const char *request, char *out) {
  unsigned char digest[20];
  mg_sha1_ctx ctx;
  const char *key = strstr(request, "Sec-WebSocket-Key: ");
  mg_sha1_init(&ctx);
  mg_sha1_update(&ctx, (const unsigned char *) (key == NULL ? request : key + 19), 24);
  mg_sha1_update(&ctx, (const unsigned char *) "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
  mg_sha1_final(digest, &ctx);
  mg_base64_encode(digest, sizeof(digest), out, 40);
}

static void test_handshakes(void) {
  size_t i;
  for (i = 0; i < COUNT(handshakes); i++) {
    char url[64], request[1000], answer[1000], key[40];
    int listener = plain_listener(url, sizeof(url)), peer;
    struct mg_connection *c;
    memset(&client, 0, sizeof(client));
    mg_mgr_init(&mgr);
    memcpy(url, "ws", 2);
    memmove(url + 2, url + 3, strlen(url) - 2);
    c = mg_ws_connect(&mgr, url, handler, NULL, "%s", handshakes[i].offer);
    mg_snprintf(request, sizeof(request), "%.*s", (int) c->send.len, (char *) c->send.buf);
    accept_of(request, key);
    mg_snprintf(answer, sizeof(answer), handshakes[i].response, key);
    peer = accept(listener, NULL, NULL);
    put(peer, answer, strlen(answer));
    POLL_UNTIL(&mgr, client.opens + client.errors > 0);
    if (client.opens != handshakes[i].opens || (client.opens == 0 && strcmp(client.text, REFUSED) != 0)) {
      failures++;
      fprintf(stderr, "RFC 6455 %s: %d opens, %s\n", handshakes[i].rule, client.opens, client.text);
    }
    close(peer);
    close(listener);
    mg_mgr_free(&mgr);
  }
}

// RFC 3986, section 3.3, and RFC 9110, section 4.2.5: what a client asks for.
static void test_targets(void) {
  static const char *const table[][2] = {
      {"ws://127.0.0.1:1?token=abc", "GET /?token=abc HTTP/1.1\r\n"},
      {"ws://127.0.0.1:1/a?b#c", "GET /a?b HTTP/1.1\r\n"},
      {"WS://127.0.0.1:1#c", "GET / HTTP/1.1\r\n"},
      {"ws://127.0.0.1:1/a?x=/y?z", "GET /a?x=/y?z HTTP/1.1\r\n"},
      {"ws://127.0.0.1:1?x=/y", "GET /?x=/y HTTP/1.1\r\n"},
  };
  size_t i;
  mg_mgr_init(&mgr);
  for (i = 0; i < COUNT(table); i++) {
    struct mg_connection *c = mg_ws_connect(&mgr, table[i][0], NULL, NULL, NULL);
    CHECK_ROW(c != NULL && strncmp((char *) c->send.buf, table[i][1], strlen(table[i][1])) == 0, table[i][0]);
  }
  // RFC 3986, section 3.1: what is to be secret is.
  CHECK(mg_connect(&mgr, "HTTPS://127.0.0.1:1", NULL, NULL)->is_tls);
  CHECK(mg_connect(&mgr, "Wss://127.0.0.1:1", NULL, NULL)->is_tls);
  CHECK(mg_connect(&mgr, "UDP://127.0.0.1:1", NULL, NULL)->is_udp);
  CHECK(!mg_connect(&mgr, "HTTP://127.0.0.1:1", NULL, NULL)->is_tls);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  test_responses();
  test_handshakes();
  test_targets();
  return FAILURES;
}
