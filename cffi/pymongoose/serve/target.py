"""What is to be served: an application, and of which kind, or a folder."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from .errors import Misuse

App = Callable[..., Any]


def is_folder(target: str) -> bool:
    """Whether the target is a folder: what has a slash or a dot first, and no colon."""
    return ":" not in target and (os.sep in target or target.startswith(".")) and os.path.isdir(target)


def load(target: str, app_dir: str, factory: bool) -> App:
    """Imports "module:attribute". Misuse when that cannot be found; other errors are the application's."""
    if app_dir not in sys.path:
        sys.path.insert(0, app_dir)
    module, _, attribute = target.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as e:
        # A module that the application lacks is another matter than one that the operator misspelled.
        if e.name is not None and (module == e.name or module.startswith(e.name + ".")):
            text = f"cannot import {module!r} from {app_dir}: no module named {e.name!r}"
            raise Misuse(f"{text} (--app-dir names another folder)") from None
        raise
    for name in (attribute or "app").split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise Misuse(f"{module!r} has no attribute {attribute or 'app'!r}") from None
    if factory:
        found = found()
    if not callable(found):
        raise Misuse(f"{target} is not an application: it cannot be called")
    app: App = found
    return app


def interface_of(app: App) -> str:
    """ "asgi" or "wsgi", by what the application looks like."""
    if asyncio.iscoroutinefunction(app) or asyncio.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004
        return "asgi"
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        return "wsgi"
    for count, kind in ((3, "asgi"), (2, "wsgi"), (1, "asgi")):  # with one argument: ASGI 2
        try:
            signature.bind(*[None] * count)
            return kind
        except TypeError:
            continue
    raise Misuse("the application takes neither the arguments of ASGI nor those of WSGI: see --interface")
