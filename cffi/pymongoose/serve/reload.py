"""--reload: a process that watches files, and sends SIGHUP to the master when one changes."""

from __future__ import annotations

import os
import signal
from typing import Any

from .errors import Misuse
from .process import Context


def check() -> None:
    """Misuse when what it needs is not installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise Misuse("--reload needs watchfiles: pip install libmongoose[reload]") from None


def run(options: Any, context: Context) -> int:
    """Watches until SIGTERM."""
    import watchfiles

    for listener in context.listeners:
        listener.socket.close()
    folders = [os.path.abspath(path) for path in options.reload_dir] or [options.app_dir]
    context.ready("reload")
    for _ in watchfiles.watch(*folders, watch_filter=watchfiles.PythonFilter(), raise_interrupt=False):
        if context.is_orphan():
            break
        os.kill(context.master, signal.SIGHUP)
    return 0
