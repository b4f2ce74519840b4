"""A chat: chat.py [URL]. What one says on the WebSocket /chat, everybody gets."""

import sys

from pymongoose import MG_EV_CLOSE, MG_EV_HTTP_MSG, MG_EV_WS_MSG, MG_EV_WS_OPEN, Manager

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<h1>Chat</h1>
<form id="say"><label>Say <input name="text" autocomplete="off"></label></form>
<ul id="said" aria-live="polite"></ul>
<script>
const ws = new WebSocket(location.href.replace("http", "ws") + "chat");
ws.onmessage = m => {
  const item = document.createElement("li");
  item.textContent = m.data;
  said.append(item);
};
say.onsubmit = e => { e.preventDefault(); ws.send(say.text.value); say.reset(); };
</script>
</html>
"""

names = {}


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        if data.uri == "/chat":
            conn.ws_upgrade(data)
        else:
            conn.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})
    elif ev == MG_EV_WS_OPEN:
        names[conn] = f"guest {conn.id}"
        manager.ws_broadcast(f"{names[conn]} is here")
    elif ev == MG_EV_WS_MSG:
        manager.ws_broadcast(f"{names[conn]}: {data.text}")
    elif ev == MG_EV_CLOSE and conn in names:
        manager.ws_broadcast(f"{names.pop(conn)} has left")


with Manager(handler) as manager:
    manager.set(ws_ping=20_000, ws_message_limit=4096)
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
