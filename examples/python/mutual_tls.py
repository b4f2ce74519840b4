"""Mutual TLS: mutual_tls.py CERTIFICATE KEY CLIENT_CA [URL]

Only clients with a certificate of that authority get an answer; it says who they are.
"""

import sys
from pathlib import Path

from pymongoose import MG_EV_ERROR, MG_EV_HTTP_MSG, Manager, TlsOpts

cert, key, client_ca = (Path(name).read_bytes() for name in sys.argv[1:4])


def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"Hello {conn.tls_info().peer_subject}\n")
    elif ev == MG_EV_ERROR:
        print(data, file=sys.stderr)


with Manager(handler) as manager:
    listener = manager.listen(sys.argv[4] if len(sys.argv) > 4 else "https://127.0.0.1:8443")
    listener.tls_init(TlsOpts(cert=cert, key=key, ca=client_ca))
    print(f"https://127.0.0.1:{listener.local_addr[1]}", flush=True)
    manager.run()
