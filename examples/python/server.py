"""A server for several processes behind nginx: server.py --port 8000

examples/nginx.conf spreads requests over four of these, on ports 8000 to 8003.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from pymongoose import MG_EV_HTTP_MSG, MG_EV_WS_MSG, Connection, Manager


def handler(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        if data.uri == "/ws":
            conn.ws_upgrade(data)
        else:
            conn.reply(200, f"process {os.getpid()} says hello\n")
    elif ev == MG_EV_WS_MSG:
        conn.ws_send(data.text)


def main() -> None:
    parser = argparse.ArgumentParser(description="An example server.")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    with Manager(handler) as manager:
        manager.listen(f"http://127.0.0.1:{options.port}")
        manager.run(drain_timeout=10)


if __name__ == "__main__":
    main()
