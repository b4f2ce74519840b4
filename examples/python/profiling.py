"""Where a handler spends its time: profiling.py [REQUESTS]

Serves and asks in one process, and prints what cProfile has counted.
"""

import cProfile
import pstats
import sys

from pymongoose import MG_EV_CONNECT, MG_EV_HTTP_MSG, Manager

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
answered = 0


def slow_part(text):
    return "".join(sorted(text))


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, slow_part(data.uri))


def client(conn, ev, data):
    global answered
    if ev in (MG_EV_CONNECT, MG_EV_HTTP_MSG):
        answered += ev == MG_EV_HTTP_MSG
        conn.send("GET /some/path HTTP/1.1\r\nHost: localhost\r\n\r\n")


def serve():
    with Manager(handler) as manager:
        port = manager.listen("http://127.0.0.1:0").local_addr[1]
        manager.connect(f"http://127.0.0.1:{port}", client)
        while answered < REQUESTS:
            manager.poll(50)


profile = cProfile.Profile()
profile.runcall(serve)
pstats.Stats(profile).sort_stats("tottime").print_stats("profiling|poll")
