// The library's own WebSocket server or client, which echoes messages, for the tests beside it.
//
//   peer server BITS        listens on a port that it prints
//   peer client PORT BITS   connects to 127.0.0.1, and again whenever the connection ends
//
// BITS is the window of permessage-deflate, 0: none. Both end when standard input does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mongoose.h"

#define MEBIBYTE (1024 * 1024)

static struct mg_mgr mgr;
static char url[64];
static bool is_over, is_connected;

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/page"), NULL)) {
      // Browsers let only pages of this machine connect to it.
      mg_http_reply(c, 200, "Content-Type: text/html\r\n", "<title>WebSocket</title>");
    } else {
      mg_ws_upgrade(c, hm, NULL);
    }
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, wm->flags & 15);
  } else if (ev == MG_EV_CLOSE && c->is_client) {
    is_connected = false;
  }
}

static void until_end_of_input(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev_data;
  if (ev == MG_EV_CLOSE) is_over = true;
}

int main(int argc, char *argv[]) {
  bool is_server = argc == 3 && strcmp(argv[1], "server") == 0;
  bool is_client = argc == 4 && strcmp(argv[1], "client") == 0;
  if (!is_server && !is_client) return 2;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (!mg_mgr_set(&mgr, MG_SET_RECV_LIMIT, 32 * MEBIBYTE)) return 1;
  if (!mg_mgr_set(&mgr, MG_SET_WS_MESSAGE_LIMIT, 16 * MEBIBYTE)) return 1;
  if (!mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, atoi(argv[argc - 1]))) return 1;
  if (mg_wrapfd(&mgr, 0, until_end_of_input, NULL) == NULL) return 1;
  if (is_server) {
    struct mg_connection *l = mg_http_listen(&mgr, "http://127.0.0.1:0", echo, NULL);
    if (l == NULL) return 1;
    printf("%d\n", mg_ntohs(l->loc.port));
    fflush(stdout);
  } else {
    snprintf(url, sizeof(url), "ws://127.0.0.1:%s/", argv[2]);
  }
  while (!is_over) {
    if (is_client && !is_connected) is_connected = mg_ws_connect(&mgr, url, echo, NULL, NULL) != NULL;
    mg_mgr_poll(&mgr, 1000);
  }
  mg_mgr_free(&mgr);
  return 0;
}
