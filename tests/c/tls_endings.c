// How a TLS stream ends: with close_notify, or cut. A body that only the end of the stream ends is whole
// with it only (RFC 9112, section 9.8); what has a length of its own does not need it.
#include "tls.h"

static const char *s_response;

static void answer(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  if (c->is_listening) return;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_ACCEPT) side->c = c, mg_tls_init(c, &side->opts);
  if (ev == MG_EV_READ) mg_send(c, s_response, strlen(s_response)), c->recv.len = 0;
}

static char s_body[20];

static void fetch(struct mg_connection *c, int ev, void *ev_data) {
  struct side *side = (struct side *) c->fn_data;
  note(c, side, ev, ev_data);
  if (ev == MG_EV_CONNECT) mg_tls_init(c, &side->opts), mg_printf(c, "GET / HTTP/1.1\r\n\r\n");
  if (ev == MG_EV_READ) side->got += (size_t) *(long *) ev_data;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    mg_snprintf(s_body, sizeof(s_body), "[%.*s]", (int) hm->body.len, hm->body.buf);
  }
}

#define OK200 "HTTP/1.1 200 OK\r\n"
#define CUT "HTTP response cut short"

static const struct {
  const char *response;
  const char *cut, *whole;  // errors without and with close_notify
  const char *body;
} rows[] = {
    {OK200 "\r\nok", CUT, "", "[ok]"},
    {"HTTP/1.0 200 OK\r\n\r\nok", CUT, "", "[ok]"},
    {OK200 "Connection: close\r\n\r\n", CUT, "", "[]"},
    {OK200 "Content-Length: 2\r\n\r\nok", "", "", "[ok]"},
    {OK200 "Content-Length: 0\r\n\r\n", "", "", "[]"},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "", "", "[ok]"},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", CUT, CUT, ""},
    {"HTTP/1.1 204 No\r\n\r\n", "", "", "[]"},
};

int main(void) {
  size_t i;
  int notifies;
  make_certs();
  mg_log_set(MG_LL_NONE);
  for (i = 0; i < COUNT(rows); i++) {
    for (notifies = 0; notifies < 2; notifies++) {
      struct mg_mgr mgr;
      struct mg_connection *l;
      const char *error = notifies ? rows[i].whole : rows[i].cut;
      memset(&server, 0, sizeof(server));
      memset(&client, 0, sizeof(client));
      s_body[0] = '\0';
      s_response = rows[i].response;
      server.opts = identity("server");
      client.opts.skip_verification = 1;
      mg_mgr_init(&mgr);
      l = mg_listen(&mgr, "tcp://127.0.0.1:0", answer, &server);
      client.c = mg_http_connect(&mgr, url_of("https", l), fetch, &client);
      POLL_UNTIL(&mgr, client.got == strlen(s_response));
      if (notifies) {
        server.c->is_draining = 1;
      } else {
        CHECK(shutdown((int) (size_t) server.c->fd, SHUT_WR) == 0);
      }
      POLL_UNTIL(&mgr, client.c == NULL);
      CHECK_ROW(strcmp(client.seen.error, error) == 0, s_response);
      // What came of a body is delivered, after the error.
      CHECK_ROW(strcmp(s_body, rows[i].body) == 0, s_response);
      mg_mgr_free(&mgr);
    }
  }
  return FAILURES;
}
