"""Values out of a JSON document without parsing all of it: json_get(doc, "$.user.id")."""

from __future__ import annotations

from typing import Any

from ._core import borrow, encode, ffi, lib, text_of


def json_get(data: str | bytes, path: str) -> str | None:
    """The raw text of a value (strings keep their quotes), or None."""
    document, _kept = borrow(data)
    token = lib.mg_json_get_tok(document, encode(path, "path"))
    return None if token.buf == ffi.NULL else text_of(token)


def json_get_num(data: str | bytes, path: str, default: Any = None) -> Any:
    """A number, as float, or default."""
    document, _kept = borrow(data)
    value = ffi.new("double *")
    found = lib.mg_json_get_num(document, encode(path, "path"), value)
    return float(value[0]) if found else default


def json_get_bool(data: str | bytes, path: str, default: Any = None) -> Any:
    """True or False for exactly these JSON values, else default."""
    document, _kept = borrow(data)
    value = ffi.new("_Bool *")
    found = lib.mg_json_get_bool(document, encode(path, "path"), value)
    return bool(value[0]) if found else default


def json_get_long(data: str | bytes, path: str, default: Any = 0) -> Any:
    """A number, as int (truncated towards zero), or default."""
    (document, _kept), key = borrow(data), encode(path, "path")
    if not lib.mg_json_get_num(document, key, ffi.NULL):
        return default
    return int(lib.mg_json_get_long(document, key, 0))


def json_get_str(data: str | bytes, path: str) -> str | None:
    """A string, without quotes and escapes; None when it is absent or no string."""
    document, _kept = borrow(data)
    size = ffi.new("size_t *")
    text = lib.mg_json_get_text(document, encode(path, "path"), size)
    if text == ffi.NULL:
        return None
    try:
        return bytes(ffi.buffer(text, size[0])).decode("utf-8", "surrogateescape")
    finally:
        lib.mg_free(text)
