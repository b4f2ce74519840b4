"""ClientHellos, right and wrong, byte by byte (RFC 8446, 4.1.2)."""

from __future__ import annotations

import socket

SERVER_NAME, GROUPS, SIGNATURES, ALPN, TICKET = 0, 10, 13, 16, 35
PRE_SHARED_KEY, VERSIONS, PSK_MODES, KEY_SHARE = 41, 43, 45, 51
X25519, P256 = b"\x00\x1d", b"\x00\x17"


def vector(size: int, *parts: bytes) -> bytes:
    """Bytes with a length prefix of `size` bytes."""
    data = b"".join(parts)
    return len(data).to_bytes(size, "big") + data


# What a client of TLS 1.3 sends at least.
EXTENSIONS = {
    VERSIONS: vector(1, b"\x03\x04\x03\x03"),
    GROUPS: vector(2, X25519, P256),
    SIGNATURES: vector(2, b"\x04\x03\x08\x04\x04\x01"),
    KEY_SHARE: vector(2, X25519, vector(2, b"\x09" + bytes(31))),
}


def server_name(name: bytes) -> bytes:
    """The extension that asks for a host."""
    return vector(2, b"\x00", vector(2, name))


def message(
    changes: dict[int, bytes | None] | None = None,
    *,
    version: bytes = b"\x03\x03",
    session: bytes = b"",
    suites: bytes = b"\x13\x01\x13\x02\xc0\x2b\xc0\x2f",
    compression: bytes = b"\x00",
    more: bytes = b"",
) -> bytes:
    """A ClientHello. changes: extensions that are to be others, or (None) none."""
    extensions = EXTENSIONS | (changes or {})
    body = version + bytes(32) + vector(1, session) + vector(2, suites) + vector(1, compression)
    body += vector(
        2,
        *(kind.to_bytes(2, "big") + vector(2, data) for kind, data in extensions.items() if data is not None),
        more,
    )
    return b"\x01" + vector(3, body)


def record(data: bytes, kind: int = 22, version: bytes = b"\x03\x01") -> bytes:
    """A record that holds `data`."""
    return bytes([kind]) + version + vector(2, data)


def answer(port: int, *sent: bytes) -> str:
    """How a server answers: with a handshake message, or an alert."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in sent:
            try:
                plain.sendall(part)
            except OSError:
                break  # It has answered already.
        got = b""
        while len(got) < 7 and (data := plain.recv(7 - len(got))):
            got += data
    if got[:1] == b"\x15":
        return f"{'fatal' if got[5] == 2 else 'warning'} {got[6]}"
    return "handshake" if got[:1] == b"\x16" else repr(got)
