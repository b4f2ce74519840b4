"""Uploads of any size: upload.py DIRECTORY [URL]

PUT /name        stores the body as DIRECTORY/name, while it arrives
POST /form       a browser's form with files, up to 3 MiB
GET /name        gives it back, also in parts (Range)
"""

import sys
from pathlib import Path

from pymongoose import MG_EV_HTTP_HDRS, MG_EV_HTTP_MSG, Manager

DIRECTORY = Path(sys.argv[1])


def done(conn, error):
    conn.reply(201 if error is None else 400, f"{error or 'stored'}\n")
    conn.drain()


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_HDRS and data.method == "PUT":
        conn.start_upload(data, data.uri[1:], DIRECTORY, done, max_size=10_000_000_000)
    elif ev == MG_EV_HTTP_MSG and data.method == "POST":
        files = [part for part in data.multipart() if part.filename]
        for number, part in enumerate(files):  # The client's file name is never a path here.
            (DIRECTORY / f"form-{number}").write_bytes(part.content)
        conn.reply(201, f"{len(files)} files\n")
    elif ev == MG_EV_HTTP_MSG:
        conn.serve_dir(data, str(DIRECTORY))


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000")
    print(f"http://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run(drain_timeout=10)
