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
    from .browsers import WebOptions

__version__ = gate.VERSION

# Whether the build releases the GIL in long calls. Programs look for the line at startup.
USE_NOGIL = gate.NOGIL
if os.environ.get("PYMONGOOSE_QUIET", "0") in ("", "0"):
    with contextlib.suppress(OSError, ValueError):  # Standard output may be closed, or full.
        print(f"USE_NOGIL={USE_NOGIL}", flush=True)

__all__ = ["USE_NOGIL", "AsyncManager", "WebOptions", "__version__"]
__all__ += _mongoose.__all__  # In a form that type checkers read.

# Loaded when they are first used: asyncio and dataclasses are most of the time of an import.
_LATER = {"AsyncManager": "aio", "WebOptions": "browsers"}


def __getattr__(name: str) -> Any:
    if name == "aio":
        return importlib.import_module(f"{__name__}.aio")
    if name in _LATER:
        return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "aio"})
