"""HTTPS: tls.py CERTIFICATE KEY [URL]. Reads both files again when they change, as after a renewal."""

import os
import sys
from pathlib import Path

from pymongoose import MG_EV_ERROR, MG_EV_HTTP_MSG, Manager, TlsOpts

CERT, KEY = Path(sys.argv[1]), Path(sys.argv[2])


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"Hello over {conn.tls_info().version}\n")
    elif ev == MG_EV_ERROR:
        print(data, file=sys.stderr)


def stamps():
    return [(status.st_ino, status.st_mtime_ns) for status in (os.stat(CERT), os.stat(KEY))]


class Certificate:
    """What the listener uses, and when its files were written."""

    def __init__(self, listener):
        self.listener = listener
        self.seen = None
        self.look()

    def look(self):
        try:
            if self.seen == stamps():
                return
            self.seen = stamps()
            self.listener.tls_init(TlsOpts(cert=CERT.read_bytes(), key=KEY.read_bytes()))
            print(f"https://127.0.0.1:{self.listener.local_addr[1]}", flush=True)
        except (OSError, ValueError) as error:  # Half renewed: the listener keeps what it has.
            print(error, file=sys.stderr)


with Manager(handler) as manager:
    certificate = Certificate(manager.listen(sys.argv[3] if len(sys.argv) > 3 else "https://127.0.0.1:8443"))
    manager.timer_add(1000, certificate.look, repeat=True)
    manager.run(drain_timeout=10)
