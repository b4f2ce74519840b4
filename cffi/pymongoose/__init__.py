"""pymongoose: event-driven networking on a fast, memory-safe library in Rust.

from pymongoose import MG_EV_HTTP_MSG, Manager

def handler(conn, ev, data):
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, f"You asked for {data.uri}\\n")

with Manager(handler) as manager:
    manager.listen("http://127.0.0.1:8000")
    manager.run()
"""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import TYPE_CHECKING, Any

from . import _mongoose
from ._core import gate
from ._mongoose import *  # noqa: F403 (its __all__ is the list of public names)

if TYPE_CHECKING:
    from . import aio as aio
    from .aio import AsyncManager

__version__ = gate.VERSION

# Whether the build releases the GIL in long calls. Programs look for the line at startup.
USE_NOGIL = gate.NOGIL
if os.environ.get("PYMONGOOSE_QUIET", "0") in ("", "0"):
    with contextlib.suppress(OSError, ValueError):  # Standard output may be closed, or full.
        print(f"USE_NOGIL={USE_NOGIL}", flush=True)

__all__ = ["USE_NOGIL", "AsyncManager", "__version__", *_mongoose.__all__]


def __getattr__(name: str) -> Any:
    """AsyncManager is loaded when it is first used: asyncio is most of the time of an import."""
    if name in ("AsyncManager", "aio"):
        module = importlib.import_module(f"{__name__}.aio")
        return module if name == "aio" else module.AsyncManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "aio"})
