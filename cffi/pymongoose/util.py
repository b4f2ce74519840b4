"""Digests, encodings, random numbers, the clock and the log level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._core import ffi, lib, to_bytes


def log_set(level: int) -> None:
    """Sets the log level of the library, one of MG_LL_*; it is MG_LL_NONE after import."""
    lib.mg_log_level = level


def log_get() -> int:
    """The log level of the library."""
    return int(lib.mg_log_level)


def _digest(size: int, fill: Callable[[Any], object]) -> bytes:
    """Bytes that fill(pointer) writes."""
    digest = ffi.new("char[]", size)
    fill(ffi.cast("void *", digest))
    return bytes(ffi.buffer(digest))


def md5(data: str | bytes) -> bytes:
    """MD5 digest, 16 bytes."""
    source, context = to_bytes(data), ffi.new("mg_md5_ctx *")
    lib.mg_md5_init(context)
    lib.mg_md5_update(context, source, len(source))
    return _digest(16, lambda digest: lib.mg_md5_final(context, digest))


def sha1(data: str | bytes) -> bytes:
    """SHA-1 digest, 20 bytes."""
    source, context = to_bytes(data), ffi.new("mg_sha1_ctx *")
    lib.mg_sha1_init(context)
    lib.mg_sha1_update(context, source, len(source))
    return _digest(20, lambda digest: lib.mg_sha1_final(digest, context))


def sha256(data: str | bytes) -> bytes:
    """SHA-256 digest, 32 bytes."""
    source = to_bytes(data)
    return _digest(32, lambda digest: lib.mg_sha256(digest, source, len(source)))


def hmac_sha256(key: str | bytes, data: str | bytes) -> bytes:
    """HMAC with SHA-256, 32 bytes."""
    secret, source = to_bytes(key), to_bytes(data)
    return _digest(32, lambda digest: lib.mg_hmac_sha256(digest, secret, len(secret), source, len(source)))


def base64_encode(data: str | bytes) -> str:
    """Base64 with the standard alphabet and padding."""
    source = to_bytes(data)
    room = len(source) * 4 // 3 + 8
    encoded = ffi.new("char[]", room)
    n = lib.mg_base64_encode(source, len(source), encoded, room)
    return bytes(ffi.buffer(encoded, n)).decode("ascii")


def base64_decode(data: str) -> bytes:
    """Decodes base64; b"" for anything that is not."""
    source = data.encode("ascii").rstrip(b"\r\n")
    room = len(source) + 8
    decoded = ffi.new("char[]", room)
    n = lib.mg_base64_decode(source, len(source), decoded, room)
    return bytes(ffi.buffer(decoded, n))


def crc32(data: str | bytes, initial: int = 0) -> int:
    """CRC-32 as in zlib; initial continues an earlier one."""
    source = to_bytes(data)
    return int(lib.mg_crc32(initial, source, len(source)))


def millis() -> int:
    """Milliseconds of a clock that never goes back."""
    return int(lib.mg_millis())


def random_bytes(n: int) -> bytes:
    """n random bytes from the operating system."""
    _check_size(n)
    buffer = ffi.new("char[]", n)
    if n > 0 and not lib.mg_random(buffer, n):
        raise OSError("the operating system has no random bytes")
    return bytes(ffi.buffer(buffer, n))


def random_str(n: int) -> str:
    """n random letters and digits."""
    _check_size(n)
    buffer = ffi.new("char[]", n + 1)
    lib.mg_random_str(buffer, n + 1)
    return bytes(ffi.buffer(buffer, n)).decode("ascii")


def _check_size(n: int) -> None:
    if n < 0:
        raise OverflowError("size must not be negative")
