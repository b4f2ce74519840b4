"""Limits and timeouts: limits.py [URL]"""

import sys

from pymongoose import MG_EV_HTTP_MSG, Manager


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"{len(data.body_bytes)} bytes\n")


with Manager(handler) as manager:
    manager.set(
        http_max_head=8_192,  # bytes of a head; 431 beyond
        http_max_body=100_000,  # bytes of a body; 413 beyond
        http_head_timeout=10_000,  # milliseconds for a head; 408 beyond
        http_body_rate=1_000,  # bytes per second of a body, after five seconds; 408 below
        http_idle_timeout=30_000,  # milliseconds between two requests
        http_send_timeout=30_000,  # milliseconds in which a client takes nothing of its response
        http_strict=True,  # 400 for what RFC 9112 calls invalid
        max_connections=1_000,  # 503 beyond
        max_per_address=100,  # 429 beyond
    )
    listener = manager.listen(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
