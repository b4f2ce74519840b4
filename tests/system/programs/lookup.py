"""Looks names up from Python, and prints what comes of each as lookup.c does: lookup.py NAME..."""

from __future__ import annotations

import sys
from typing import Any

from pymongoose import MG_EV_CLOSE, MG_EV_ERROR, MG_EV_RESOLVE, Connection, Manager


def short(address: str) -> str:
    """An IPv6 address as C programs print it."""
    return "[" + ":".join(part.lstrip("0") or "0" for part in address.split(":")) + "]"


def main() -> None:
    """Returns when all names have been looked up."""
    waiting = set(sys.argv[1:])

    def look_up(name: str) -> None:
        def handler(conn: Connection, ev: int, data: Any) -> None:
            if ev == MG_EV_RESOLVE:
                address = conn.remote_addr
                assert address is not None
                print(name, short(address[0]) if address[2] else address[0])
                conn.close()
            elif ev == MG_EV_ERROR:
                print(f"{name}: {data}")
            elif ev == MG_EV_CLOSE:
                waiting.discard(name)

        manager.connect(f"udp://{name}:9", handler)

    with Manager() as manager:
        for name in sys.argv[1:]:
            look_up(name)
        while waiting:
            manager.poll(1000)


if __name__ == "__main__":
    main()
