"""WebSocket frames on plain sockets: a peer that can break any rule."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import socket
import struct

TIMEOUT = 60.0  # seconds: longer than any machine needs

CONTINUE, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclasses.dataclass(frozen=True)
class Frame:
    """One frame, good or bad."""

    op: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    #: None: as the role demands.
    masked: bool | None = None
    #: Bytes of the length that is announced: 7, 16 or 64 bits; None: the shortest form.
    form: int | None = None
    #: The length that is announced; None: that of the payload.
    announced: int | None = None

    def to_bytes(self, from_client: bool) -> bytes:
        length = len(self.payload) if self.announced is None else self.announced
        form = self.form or (7 if length < 126 else 16 if length < 65536 else 64)
        masked = from_client if self.masked is None else self.masked
        head = bytes([(0x80 if self.fin else 0) | self.rsv << 4 | self.op])
        bit = 0x80 if masked else 0
        if form == 7:
            head += bytes([bit | length])
        elif form == 16:
            head += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", length)
        if not masked:
            return head + self.payload
        key = os.urandom(4)
        return head + key + apply_mask(self.payload, key)


def apply_mask(data: bytes, key: bytes) -> bytes:
    wide = key * (len(data) // 4 + 1)
    return (int.from_bytes(data, "little") ^ int.from_bytes(wide[: len(data)], "little")).to_bytes(
        len(data), "little"
    )


def accept_value(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Peer:
    """The other end of the connection to a server or client of the library."""

    def __init__(self, sock: socket.socket, is_client: bool) -> None:
        self.sock = sock
        self.is_client = is_client
        self.buffer = b""
        self.extensions = ""
        sock.settimeout(TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def connect(cls, port: int, extensions: str = "") -> Peer:
        """A client, after the handshake."""
        peer = cls(socket.create_connection(("127.0.0.1", port), TIMEOUT), True)
        key = base64.b64encode(os.urandom(16))
        offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        peer.sock.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n" + offer.encode() + b"Sec-WebSocket-Key: " + key + b"\r\n\r\n"
        )
        status, headers = peer.read_head()
        assert status == b"HTTP/1.1 101 Switching Protocols"
        assert headers[b"sec-websocket-accept"] == accept_value(key)
        peer.extensions = headers.get(b"sec-websocket-extensions", b"").decode()
        return peer

    @classmethod
    def accept(cls, listener: socket.socket, extensions: str = "") -> Peer:
        """A server, after the handshake."""
        listener.settimeout(TIMEOUT)
        peer = cls(listener.accept()[0], False)
        request, headers = peer.read_head()
        assert request == b"GET / HTTP/1.1"
        assert headers[b"sec-websocket-version"] == b"13"
        peer.extensions = headers.get(b"sec-websocket-extensions", b"").decode()
        answer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        peer.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + answer.encode()
            + b"Sec-WebSocket-Accept: "
            + accept_value(headers[b"sec-websocket-key"])
            + b"\r\n\r\n"
        )
        return peer

    def read_head(self) -> tuple[bytes, dict[bytes, bytes]]:
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        pairs = (line.split(b": ", 1) for line in lines)
        return first, {name.lower(): value for name, value in pairs}

    def more(self) -> None:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        self.buffer += data

    def send(self, *frames: Frame, chop: int = 0) -> None:
        """Sends frames at once, or in pieces of some bytes."""
        data = b"".join(frame.to_bytes(self.is_client) for frame in frames)
        for at in range(0, len(data), chop or len(data) or 1):
            self.sock.sendall(data[at : at + (chop or len(data))])

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def receive(self) -> Frame:
        """The next frame, which keeps the rules of frames."""
        first, second = self.take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
            assert length >= 126
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
            assert length >= 65536
        masked = bool(second & 0x80)
        assert masked != self.is_client, "clients mask, servers do not"
        key = self.take(4) if masked else b""
        payload = self.take(length)
        if masked:
            payload = apply_mask(payload, key)
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7)

    def at_end(self) -> bool:
        """True when the stream ends here."""
        try:
            self.more()
        except EOFError:
            return not self.buffer
        return False

    def reset(self) -> None:
        """Ends the connection without goodbye."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()
