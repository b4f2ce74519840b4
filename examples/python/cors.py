"""An API for pages of other origins: cors.py ORIGIN [URL], such as cors.py https://app.example"""

import sys

from pymongoose import MG_EV_HTTP_MSG, Manager, WebOptions

WEB = WebOptions(
    cors_origins=[sys.argv[1]],
    cors_methods=["PUT", "DELETE"],
    cors_headers=["Content-Type", "Authorization"],
    cors_credentials=True,
    cors_max_age=600,
)
items = {}


def handler(conn, ev, data):
    if ev != MG_EV_HTTP_MSG or WEB.preflight(conn, data):
        return  # Not a request, or a browser's question whether it may ask, which is answered.
    headers = [*WEB.headers(conn, data), ("Content-Type", "application/json")]
    if data.method == "PUT":
        items[data.uri] = data.body_text
        conn.reply(204, "", headers)
    elif data.method == "DELETE":
        conn.reply(204 if items.pop(data.uri, None) else 404, "", headers)
    elif data.uri in items:
        conn.reply(200, items[data.uri], headers)
    else:
        conn.reply(404, "{}", headers)


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
