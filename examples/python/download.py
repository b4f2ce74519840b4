"""Large downloads: download.py DIRECTORY [URL]

The kernel copies the file to the socket, so memory stays the same however long it is. Clients may ask
for a part (Range), and for what has changed since (If-None-Match).
"""

import sys

from pymongoose import MG_EV_HTTP_MSG, Manager, WebOptions

DIRECTORY = sys.argv[1]
WEB = WebOptions(beneath=True, no_listing=True, no_dot_files=True, lifetimes={"#": 3600})


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.serve_dir(data, DIRECTORY, "Content-Disposition: attachment\r\n", web=WEB)


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run(drain_timeout=10)
