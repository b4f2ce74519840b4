"""permessage-deflate (RFC 7692) of our server and client, against zlib.

Numbers follow the usual order of such suites: 12 messages of all kinds, 13 parameters.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import re
import zlib
from collections.abc import Iterator

import pytest

import endpoints
from cases import NOISE, close, fragments
from endpoints import Client, Server
from wire import BINARY, CLOSE, CONTINUE, PING, PONG, TEXT, Frame, Peer

COMPRESSED = 4  # RSV1
TAIL = b"\x00\x00\xff\xff"


@dataclasses.dataclass(frozen=True)
class Direction:
    """What one side compresses with."""

    bits: int = 15
    keeps: bool = True


class Sender:
    """Compresses messages."""

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.start()

    def start(self) -> None:
        self.zlib = zlib.compressobj(wbits=-self.direction.bits)

    def compress(self, payload: bytes) -> bytes:
        if not self.direction.keeps:
            self.start()
        data = self.zlib.compress(payload) + self.zlib.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(TAIL)
        return data[:-4]


class DeflatePeer:
    """A peer that compresses what it sends, and decompresses what it gets."""

    def __init__(self, peer: Peer, sends: Direction, receives: Direction) -> None:
        self.peer, self.sends, self.receives = peer, sends, receives
        self.compress = Sender(sends).compress
        self.start()

    def start(self) -> None:
        self.zlib = zlib.decompressobj(wbits=-self.receives.bits)

    def receive(self) -> tuple[Frame, bool]:
        """The next message, and whether it was compressed."""
        frame = self.peer.receive()
        if not frame.rsv:
            return frame, False
        assert frame.rsv == COMPRESSED
        assert frame.op in (TEXT, BINARY)
        if not self.receives.keeps:
            self.start()
        payload = self.zlib.decompress(frame.payload + TAIL)
        return dataclasses.replace(frame, payload=payload, rsv=0), True


PARAMETER = re.compile(r"; (\w+?)_(no_context_takeover|max_window_bits)(?:=(\d+))?")


def directions(extension: str) -> dict[str, Direction]:
    """Of "server" and "client", what an answer has agreed on."""
    assert extension.startswith("permessage-deflate")
    found = {"server": Direction(), "client": Direction()}
    for who, what, value in PARAMETER.findall(extension):
        if what == "no_context_takeover":
            found[who] = dataclasses.replace(found[who], keeps=False)
        else:
            found[who] = dataclasses.replace(found[who], bits=int(value))
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with endpoints.server(bits=15) as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with endpoints.client(bits=15) as running:
        yield running


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    with endpoints.server(bits=9) as running:
        yield running


def connect(server: Server, offer: str) -> DeflatePeer:
    peer = Peer.connect(server.port, offer)
    agreed = directions(peer.extensions)
    return DeflatePeer(peer, agreed["client"], agreed["server"])


def accept(client: Client, answer: str) -> DeflatePeer:
    peer = Peer.accept(client.listener, answer)
    agreed = directions(answer)
    return DeflatePeer(peer, agreed["server"], agreed["client"])


# 12: messages

RANDOM = random.Random(2)
WORDS = [f"word{i}" for i in range(200)]
TEXTS: dict[str, bytes] = {
    "prose": " ".join(RANDOM.choice(WORDS) for _ in range(40000)).encode(),
    "JSON": json.dumps([{"id": i, "name": RANDOM.choice(WORDS)} for i in range(6000)]).encode(),
    "one letter": b"*" * 250000,
    "several scripts": ("κόσμε € 😀 日本語 " * 8000).encode(),
}
KINDS = {**{name: (TEXT, body) for name, body in TEXTS.items()}, "noise": (BINARY, NOISE)}
SIZES = (0, 1, 31, 32, 33, 125, 256, 1024, 4096, 16384, 65536, 131072)


def cut(op: int, body: bytes, size: int) -> bytes:
    """The first `size` bytes, without half a character."""
    return body[:size].decode(errors="ignore").encode() if op == TEXT else body[:size]


def echo(peer: DeflatePeer, op: int, body: bytes, size: int) -> None:
    """Some messages of about this size, some compressed and some not, come back."""
    try:
        for number in range(6):
            message = cut(op, body[number * 7 :] if op == BINARY else body, size)
            if number == 3:
                frames = [Frame(op, message)]
            elif number == 4:
                data = peer.compress(message)
                middle = len(data) // 2
                frames = fragments(op, data[:middle], data[middle:])
                frames[0] = dataclasses.replace(frames[0], rsv=COMPRESSED)
            else:
                frames = [Frame(op, peer.compress(message), rsv=COMPRESSED)]
            peer.peer.send(*frames, chop=4099)
            got, was_compressed = peer.receive()
            assert got == Frame(op, message)
            assert not (was_compressed and len(message) < 32), "too short to be worth it"
            assert was_compressed or len(message) < 200 or op == BINARY
        peer.peer.send(close(1000))
        assert peer.peer.receive() == close(1000)
        assert peer.peer.at_end()
    finally:
        peer.peer.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_12_server(server: Server, kind: str, size: int) -> None:
    echo(connect(server, "permessage-deflate; client_max_window_bits"), *KINDS[kind], size)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES)
def test_12_client(client: Client, kind: str, size: int) -> None:
    echo(accept(client, "permessage-deflate"), *KINDS[kind], size)


# 13: parameters

OFFERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=10",
    "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
    "x-unknown, permessage-deflate; nonsense, permessage-deflate; server_max_window_bits=15",
)
ANSWERS = (
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits=15",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; client_max_window_bits=10; server_max_window_bits=11",
)


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("size", [100, 70000])
def test_13_offers(server: Server, offer: str, size: int) -> None:
    echo(connect(server, offer), TEXT, TEXTS["prose"], size)


@pytest.mark.parametrize("offer", OFFERS)
def test_13_offers_to_a_server_with_small_windows(small_server: Server, offer: str) -> None:
    peer = connect(small_server, offer)
    assert peer.receives.bits == 9
    # A client that did not offer the parameter cannot be told to use a smaller window.
    assert peer.sends.bits == (9 if offer.endswith("client_max_window_bits") or "bits=10" in offer else 15)
    echo(peer, TEXT, TEXTS["prose"], 70000)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("size", [100, 70000])
def test_13_answers(client: Client, answer: str, size: int) -> None:
    echo(accept(client, answer), TEXT, TEXTS["prose"], size)


@pytest.mark.parametrize(
    "offer",
    ["permessage-deflate; nonsense", "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits"],
)
def test_13_offers_that_are_declined(server: Server, offer: str) -> None:
    peer = Peer.connect(server.port, offer)
    assert peer.extensions == ""
    peer.send(Frame(TEXT, b"x" * 100), Frame(TEXT, b"x", rsv=COMPRESSED))
    assert peer.receive() == Frame(TEXT, b"x" * 100)
    assert peer.receive() == close(1002)
    peer.close()


@pytest.mark.parametrize(
    "answer", ["permessage-deflate; nonsense", "x-other", "permessage-deflate; server_max_window_bits=16"]
)
def test_13_answers_that_were_not_offered(client: Client, answer: str) -> None:
    peer = Peer.accept(client.listener, answer)
    assert peer.at_end()
    peer.close()


HELLO = b"\xf2\x48\xcd\xc9\xc9\x07\x00"  # RFC 7692, section 7.2.3.1


def compressed(op: int, payload: bytes, fin: bool = True) -> Frame:
    return Frame(op, payload, fin, COMPRESSED)


def bomb(size: int) -> bytes:
    return Sender(Direction()).compress(b"\0" * size)


BOMB = bomb(20 * 1024 * 1024)

SPECIAL: dict[str, tuple[list[Frame], list[Frame], int | None]] = {
    "a message": ([compressed(TEXT, HELLO)], [Frame(TEXT, b"Hello")], None),
    "a stored block": (
        [compressed(TEXT, b"\x00\x05\x00\xfa\xffHello\x00")],
        [Frame(TEXT, b"Hello")],
        None,
    ),
    "a final block": (
        [compressed(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), compressed(TEXT, HELLO)],
        [Frame(TEXT, b"Hello"), Frame(TEXT, b"Hello")],
        None,
    ),
    "a reference to the message before": (
        [compressed(TEXT, HELLO), compressed(TEXT, b"\xf2\x00\x11\x00\x00")],
        [Frame(TEXT, b"Hello"), Frame(TEXT, b"Hello")],
        None,
    ),
    "an empty message": ([compressed(BINARY, b"\x00")], [Frame(BINARY)], None),
    "fragments with a ping between": (
        [
            compressed(TEXT, HELLO[:3], False),
            Frame(PING, b"p"),
            Frame(CONTINUE, HELLO[3:], False),
            Frame(CONTINUE),
        ],
        [Frame(PONG, b"p"), Frame(TEXT, b"Hello")],
        None,
    ),
    "a message that is not compressed": ([Frame(TEXT, b"Hello")], [Frame(TEXT, b"Hello")], None),
    "no deflate": ([compressed(TEXT, b"\xff\xff\xff")], [], 1007),
    "a reference to nothing": ([compressed(TEXT, b"\xf2\x00\x11\x00\x00")], [], 1007),
    "half a message": ([compressed(TEXT, b"\x00\x05\x00\xfa\xffHel")], [], 1007),
    "text that is not UTF-8": ([compressed(TEXT, b"\x00\x01\x00\xfe\xff\xff\x00")], [], 1007),
    "reserved bit on a ping": ([compressed(PING, b"")], [], 1002),
    "reserved bit on a close": ([compressed(CLOSE, b"")], [], 1002),
    "reserved bit on a continuation": (
        [compressed(TEXT, HELLO[:3], False), compressed(CONTINUE, HELLO[3:])],
        [],
        1002,
    ),
    "the second reserved bit": ([Frame(TEXT, HELLO, rsv=2)], [], 1002),
    "all reserved bits": ([Frame(TEXT, HELLO, rsv=7)], [], 1002),
    "a bomb": ([compressed(BINARY, bomb(16 * 1024 * 1024 + 1))], [], 1009),
    "a bomb in fragments": (
        [
            compressed(BINARY, BOMB[:5000], False),
            Frame(CONTINUE, BOMB[5000:]),
        ],
        [],
        1009,
    ),
    "not quite a bomb": (
        [compressed(BINARY, bomb(4 * 1024 * 1024))],
        [Frame(BINARY, b"\0" * 4 * 1024 * 1024)],
        None,
    ),
}


def play(peer: DeflatePeer, name: str) -> None:
    frames, answers, code = SPECIAL[name]
    try:
        peer.peer.send(*frames)
        for wanted in answers:
            assert peer.receive()[0] == wanted
        if code is None:
            peer.peer.send(close(1000))
        assert peer.peer.receive() == close(code or 1000)
        assert peer.peer.at_end()
    finally:
        peer.peer.close()


@pytest.mark.parametrize("name", SPECIAL)
def test_13_server(server: Server, name: str) -> None:
    play(connect(server, "permessage-deflate"), name)


@pytest.mark.parametrize("name", SPECIAL)
def test_13_client(client: Client, name: str) -> None:
    play(accept(client, "permessage-deflate"), name)


def test_there_are_enough_cases() -> None:
    cases = list(itertools.product(KINDS, SIZES))
    assert len(cases) + 3 * len(OFFERS) + 2 * len(ANSWERS) + len(SPECIAL) >= 100
