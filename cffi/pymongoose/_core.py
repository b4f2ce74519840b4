"""The only place that loads the extension module: names `ffi`, `lib` and `gate`.

One file holds two modules: cffi's, with the functions of the library, and the gate's (cffi/gate/),
with what runs once per event. See PEP 489, "Multiple modules in one library".
"""

from __future__ import annotations

import atexit
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING, Any

from . import _native

if TYPE_CHECKING:
    from . import _gate

    gate = _gate
else:

    def _load_gate() -> Any:
        name = f"{__package__}._gate"
        spec = spec_from_loader(name, ExtensionFileLoader(name, _native.__file__))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
        return module

    gate = _load_gate()

ffi: Any = _native.ffi
lib: Any = _native.lib

gate.check_interpreter()
# Threads that are still polling when the interpreter ends must not ask for the GIL any more.
atexit.register(gate.shutdown)

EVENT_HANDLER: Any = ffi.cast("mg_event_handler_t", gate.EVENT_HANDLER)


def encode(text: str | bytes, what: str = "url") -> bytes:
    """Text for a C string: UTF-8 without NUL bytes."""
    if isinstance(text, bytes):
        data = text
    elif isinstance(text, str):
        data = text.encode()
    else:
        raise TypeError(f"{what} must be str, not {type(text).__name__}")
    if b"\0" in data:
        raise ValueError(f"{what} contains a NUL byte")
    return data


def to_bytes(data: Any) -> bytes:
    """What "data" means everywhere: str as UTF-8, or anything that bytes() takes except a number."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, int):
        raise TypeError("data must be str or bytes-like, not int")
    return bytes(data)


def borrow(data: Any) -> tuple[Any, Any]:
    """A struct mg_str on text or bytes without copying them, and what must be kept alive for it."""
    if isinstance(data, str):
        address, length = gate.utf8(data)
        return (ffi.cast("char *", address), length), data
    kept = to_bytes(data)
    return view(kept), kept


def view(data: bytes) -> Any:
    """A struct mg_str on bytes, which the caller keeps alive."""
    return (ffi.from_buffer("char[]", data), len(data))


def text_of(s: Any) -> str:
    """A struct mg_str as text."""
    return bytes_of(s).decode("utf-8", "surrogateescape")


def bytes_of(s: Any) -> bytes:
    """A copy of a struct mg_str."""
    if s.buf == ffi.NULL or s.len == 0:
        return b""
    data: bytes = ffi.unpack(s.buf, s.len)
    return data
