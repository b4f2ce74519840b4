"""A first server: hello.py [URL]

/          a text
/api/sum   {"a": 1, "b": 2} in, {"sum": 3} out
"""

import json
import sys

from pymongoose import MG_EV_HTTP_MSG, Manager


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        if data.uri == "/api/sum":
            try:
                numbers = json.loads(data.body_bytes)
                conn.reply_json({"sum": numbers["a"] + numbers["b"]})
            except (ValueError, KeyError, TypeError):
                conn.reply_json({"error": "a and b must be numbers"}, 400)
        else:
            conn.reply(200, f"You asked for {data.uri}\n")


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
