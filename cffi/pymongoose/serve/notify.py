"""Messages to systemd: sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time


class Notifier:
    """Says what the service does, if systemd asked for it."""

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")  # not for workers and their children
        watchdog = os.environ.pop("WATCHDOG_USEC", "")
        pid = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        is_ours = watchdog.isdigit() and pid == str(os.getpid())
        self.watchdog: float | None = int(watchdog) / 2_000_000 if is_ours else None  # seconds between two
        self._next = 0.0

    def environment(self) -> dict[str, str]:
        """What a successor needs of it."""
        return {"NOTIFY_SOCKET": self._address} if self._address else {}

    def say(self, *lines: str) -> None:
        """Sends assignments such as READY=1."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto("\n".join(lines).encode(), address)

    def reloading(self) -> None:
        """Before a reload (Type=notify-reload); READY=1 follows."""
        self.say("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def watch(self) -> None:
        """Feeds the watchdog, when that is due."""
        if self.watchdog is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.watchdog
            self.say("WATCHDOG=1")
