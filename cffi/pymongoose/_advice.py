"""What went wrong in the words of the system, and what to do about it: for errors of the first minutes."""

from __future__ import annotations

import errno
import os

ADVICE = {
    errno.EADDRINUSE: "another program listens there: stop it, or choose another port (0: one that is free)",
    errno.EACCES: "choose a port from 1024 on and a folder that is yours, or let systemd open the socket",
    errno.EPERM: "choose a port from 1024 on and a folder that is yours, or let systemd open the socket",
    errno.EADDRNOTAVAIL: "this machine has no such address: 0.0.0.0 and [::] mean all that it has",
    errno.ENOENT: "the folder of the socket must exist",
    errno.EBADF: "there is no such inherited socket",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


class Refused(RuntimeError):
    """Something that the system, or the library, did not begin."""


def reason(number: int | None, text: str | None = None) -> str:
    """An error number of the system in words, or those given, and what to do."""
    advice = ADVICE.get(number or 0)
    return (text or os.strerror(number or 0)) + (f" ({advice})" if advice else "")
