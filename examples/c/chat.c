// A chat: chat [URL]. What one says on the WebSocket /chat, everybody gets.
#include <mongoose.h>

static const char page[] =
    "<!DOCTYPE html><html lang=en><meta name=viewport content='width=device-width'><title>Chat</title>"
    "<h1>Chat</h1><form id=say><label>Say <input name=text autocomplete=off></label></form>"
    "<ul id=said aria-live=polite></ul><script>\n"
    "const ws = new WebSocket(location.href.replace('http', 'ws') + 'chat');\n"
    "ws.onmessage = m => {\n"
    "  const item = document.createElement('li');\n"
    "  item.textContent = m.data;\n"
    "  said.append(item);\n"
    "};\n"
    "say.onsubmit = e => { e.preventDefault(); ws.send(say.text.value); say.reset(); };\n"
    "</script></html>";

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/chat"), NULL)) {
      mg_ws_upgrade(c, hm, NULL);
    } else {
      mg_http_reply(c, 200, "Content-Type: text/html; charset=utf-8\r\n", "%s", page);
    }
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_broadcast(c->mgr, wm->data.buf, wm->data.len, WEBSOCKET_OP_TEXT, NULL, NULL);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_WS_PING, 20000);  // notices users whose network has vanished
  mg_mgr_set(&mgr, MG_SET_WS_MESSAGE_LIMIT, 4096);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
