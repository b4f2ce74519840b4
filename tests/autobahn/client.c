// The library's own WebSocket client, which plays all cases of Autobahn's fuzzing server.
//
//   client PORT AGENT
//
// It asks for the number of cases, echoes what each case sends, and has the report written.
#include <stdio.h>
#include <stdlib.h>

#include "mongoose.h"

#define MEBIBYTE (1024 * 1024)

static int count;
static bool is_connected;

static void echo(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, wm->flags & 15);
  } else if (ev == MG_EV_CLOSE) {
    is_connected = false;
  }
}

static void read_count(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_str_to_num(wm->data, 10, &count, sizeof(count));
  } else if (ev == MG_EV_CLOSE) {
    is_connected = false;
  }
  (void) c;
}

static void talk(struct mg_mgr *mgr, const char *url, mg_event_handler_t fn) {
  is_connected = mg_ws_connect(mgr, url, fn, NULL, NULL) != NULL;
  while (is_connected) mg_mgr_poll(mgr, 1000);
}

int main(int argc, char *argv[]) {
  if (argc != 3) return 2;
  struct mg_mgr mgr;
  char url[200];
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (!mg_mgr_set(&mgr, MG_SET_RECV_LIMIT, 32 * MEBIBYTE)) return 1;
  if (!mg_mgr_set(&mgr, MG_SET_WS_MESSAGE_LIMIT, 16 * MEBIBYTE)) return 1;
  if (!mg_mgr_set(&mgr, MG_SET_WS_DEFLATE, 15)) return 1;
  snprintf(url, sizeof(url), "ws://127.0.0.1:%s/getCaseCount", argv[1]);
  talk(&mgr, url, read_count);
  for (int i = 1; i <= count; i++) {
    snprintf(url, sizeof(url), "ws://127.0.0.1:%s/runCase?case=%d&agent=%s", argv[1], i, argv[2]);
    talk(&mgr, url, echo);
    printf("%d/%d\n", i, count);
    fflush(stdout);
  }
  snprintf(url, sizeof(url), "ws://127.0.0.1:%s/updateReports?agent=%s", argv[1], argv[2]);
  talk(&mgr, url, echo);
  mg_mgr_free(&mgr);
  return count > 0 ? 0 : 1;
}
