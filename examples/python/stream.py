"""A long response, made while it is sent: stream.py [URL]. /COUNT answers with that many lines.

MG_EV_WRITE says that the client has taken something. Only then are more lines made, so that a slow
client costs no memory.
"""

import sys

from pymongoose import MG_EV_CLOSE, MG_EV_HTTP_MSG, MG_EV_WRITE, Manager


def lines(count):
    for number in range(1, count + 1):
        yield f"line {number}\n"


def more(conn):
    while conn.send_len < 65536:
        line = next(conn.userdata, "")
        conn.http_chunk(line)  # "" is the last chunk, which ends the response.
        if not line:
            conn.userdata = None
            return


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        count = data.uri[1:]
        if not count.isdecimal() or count == "0":
            conn.reply(404, "Ask for /1000\n")
            return
        conn.reply(200, "", {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"})
        conn.userdata = lines(int(count))
        more(conn)
    elif ev == MG_EV_WRITE and conn.userdata is not None:
        more(conn)
    elif ev == MG_EV_CLOSE:
        conn.userdata = None


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run(drain_timeout=10)
