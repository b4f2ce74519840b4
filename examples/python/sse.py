"""Server-sent events: sse.py [URL]

POST /say sends its body to every reader of /events. A reader that lost the connection comes back with
Last-Event-ID and gets what it has missed.
"""

import sys
from collections import deque

from pymongoose import MG_EV_CLOSE, MG_EV_HTTP_MSG, Manager

readers = set()
history = deque(maxlen=100)  # (number, text)
said = 0


def handler(conn, ev, data):
    global said
    if ev == MG_EV_HTTP_MSG and data.uri == "/events":
        seen = int(data.header("Last-Event-ID", "0"))
        conn.sse_start(retry=2000)
        for number, text in history:
            if number > seen:
                conn.http_sse("said", text, id=str(number))
        readers.add(conn)
    elif ev == MG_EV_HTTP_MSG and data.uri == "/say":
        said += 1
        history.append((said, data.body_text))
        for reader in readers:
            if reader.send_len > 1_000_000:
                reader.close()  # It does not read: it may come back and get the rest.
            else:
                reader.http_sse("said", data.body_text, id=str(said))
        conn.reply(204)
    elif ev == MG_EV_HTTP_MSG:
        conn.reply(404, "See /events\n")
    elif ev == MG_EV_CLOSE:
        readers.discard(conn)


def signs_of_life():
    for reader in readers:
        reader.sse_comment()  # Proxies close connections that are quiet for long.


with Manager(handler) as manager:
    manager.timer_add(15_000, signs_of_life, repeat=True)
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
