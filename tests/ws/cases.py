"""What an echo server, or with roles turned an echo client, has to answer to which frames.

Numbers follow the usual order of such suites: 1 messages, 2 pings, 3 reserved bits, 4 opcodes,
5 fragments, 6 text, 7 closing, 9 sizes.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence

import texts
from wire import BINARY, CLOSE, CONTINUE, PING, PONG, TEXT, Frame


@dataclasses.dataclass(frozen=True)
class Case:
    """Frames that are sent, and the frames that have to come back."""

    name: str
    send: Sequence[Frame]
    expect: Sequence[Frame] = ()
    #: Code of the close frame that the other side has to send; None: the connection stays open.
    code: int | None = None
    #: Bytes that are sent at once; 0: all.
    chop: int = 0


def text(message: str) -> Frame:
    return Frame(TEXT, message.encode())


def close(code: int, reason: bytes = b"") -> Frame:
    return Frame(CLOSE, code.to_bytes(2, "big") + reason)


def fragments(op: int, *parts: bytes) -> list[Frame]:
    last = len(parts) - 1
    return [Frame(op if i == 0 else CONTINUE, part, fin=i == last) for i, part in enumerate(parts)]


HELLO = text("Hello")
NOISE = random.Random(1).randbytes(1 << 20)


def messages() -> Iterator[Case]:
    sizes = (0, 1, 125, 126, 127, 128, 65535, 65536, 65537)
    for number, size in enumerate(sizes, 1):
        for op, payload in ((TEXT, b"*" * size), (BINARY, NOISE[:size])):
            frame = Frame(op, payload)
            yield Case(f"1.{op}.{number} {size} bytes", [frame], [frame])
    for op, payload in ((TEXT, b"*" * 65536), (BINARY, NOISE[:65536])):
        frame = Frame(op, payload)
        yield Case(f"1.{op}.10 65536 bytes in pieces of 997", [frame], [frame], chop=997)
        frame = Frame(op, payload[:200])
        yield Case(f"1.{op}.11 200 bytes byte by byte", [frame], [frame], chop=1)
    for number, (form, size) in enumerate(((16, 0), (16, 100), (64, 0), (64, 100), (64, 1000)), 1):
        frame = Frame(BINARY, NOISE[:size])
        longer = dataclasses.replace(frame, form=form)
        yield Case(f"1.3.{number} {size} bytes announced in {form} bits", [longer], [frame])


def pings() -> Iterator[Case]:
    for number, payload in enumerate((b"", b"Hello", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125), 1):
        for chop in (0, 1):
            name = f"2.{number}.{chop + 1} ping of {len(payload)} bytes" + " byte by byte" * chop
            yield Case(name, [Frame(PING, payload)], [Frame(PONG, payload)], chop=chop)
    for number, op in enumerate((PING, PONG), 5):
        yield Case(f"2.{number}.1 {op} of 126 bytes", [Frame(op, b"\xfe" * 126)], code=1002)
        yield Case(f"2.{number}.2 {op} of 65536 bytes", [Frame(op, b"\xfe" * 65536)], code=1002)
    yield Case("2.7 pong", [Frame(PONG)])
    yield Case("2.8 pong with a payload", [Frame(PONG, b"unasked")])
    yield Case("2.9 pong, then ping", [Frame(PONG, b"unasked"), Frame(PING, b"p")], [Frame(PONG, b"p")])
    for number, chop in ((10, 0), (11, 1)):
        many = [Frame(PING, b"payload-%d" % i) for i in range(10)]
        answers = [Frame(PONG, ping.payload) for ping in many]
        yield Case(f"2.{number} ten pings, {chop or 'all'} at once", many, answers, chop=chop)
    flood = [Frame(PING, b"%0125d" % i) for i in range(900)]
    yield Case("2.13 900 pings at once", flood, [Frame(PONG, ping.payload) for ping in flood])
    short = Frame(PING, b"abc", form=16)
    yield Case("2.12 ping with a length in 16 bits", [short], [Frame(PONG, b"abc")])


def reserved_bits() -> Iterator[Case]:
    for rsv in range(1, 8):
        bad = Frame(TEXT, b"Hello", rsv=rsv)
        yield Case(f"3.{rsv}.1 text with reserved bits {rsv}", [bad, HELLO], code=1002)
        yield Case(f"3.{rsv}.2 the same after a message", [HELLO, bad, Frame(PING)], [HELLO], code=1002)
        yield Case(f"3.{rsv}.3 ping with them, byte by byte", [Frame(PING, rsv=rsv)], code=1002, chop=1)
        yield Case(f"3.{rsv}.4 close with them", [Frame(CLOSE, rsv=rsv)], code=1002)


def opcodes() -> Iterator[Case]:
    for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        kind = "control" if op > 7 else "data"
        yield Case(f"4.{op}.1 {kind} opcode", [Frame(op)], code=1002)
        yield Case(f"4.{op}.2 with a payload", [Frame(op, b"reserved"), HELLO], code=1002)
        yield Case(f"4.{op}.3 after a message, byte by byte", [HELLO, Frame(op)], [HELLO], 1002, chop=1)


def fragmented() -> Iterator[Case]:
    hello = fragments(TEXT, b"Hel", b"lo")
    ping, pong = Frame(PING, b"between"), Frame(PONG, b"between")
    for number, op in enumerate((PING, PONG, CLOSE), 1):
        yield Case(f"5.{number} {op} in fragments", fragments(op, b"a", b"b"), code=1002)
    for number, chop in ((4, 0), (5, 1)):
        yield Case(f"5.{number} text in two, {chop or 'all'} at once", hello, [HELLO], chop=chop)
    for number, chop in ((6, 0), (7, 1)):
        with_ping = [hello[0], ping, hello[1]]
        yield Case(f"5.{number} a ping between, {chop or 'all'} at once", with_ping, [pong, HELLO], chop=chop)
    yield Case("5.8 a pong between", [hello[0], Frame(PONG), hello[1]], [HELLO])
    yield Case(
        "5.9 pings everywhere",
        [ping, hello[0], ping, ping, hello[1], ping],
        [pong, pong, pong, HELLO, pong],
    )
    for number, (op, parts) in enumerate(
        (
            (TEXT, [b"", b""]),
            (TEXT, [b"", b"", b""]),
            (TEXT, [b"", b"Hello", b""]),
            (TEXT, [b"Hello", b""]),
            (BINARY, [b"", b"\0"]),
            (BINARY, [b"\xff" * 126, b"\xfe" * 65536, b"\xfd"]),
            (BINARY, [bytes([i]) for i in range(256)]),
            (TEXT, [b"x"] * 1000),
        ),
        1,
    ):
        whole = Frame(op, b"".join(parts))
        yield Case(f"5.10.{number} {len(parts)} fragments", fragments(op, *parts), [whole])
        yield Case(f"5.11.{number} {len(parts)} fragments in pieces", fragments(op, *parts), [whole], chop=61)
    yield Case("5.12 two messages", [*hello, *fragments(BINARY, b"a", b"b")], [HELLO, Frame(BINARY, b"ab")])
    for number, (name, bad) in enumerate(
        (
            ("a continuation of nothing", [Frame(CONTINUE, b"lost")]),
            ("the first of several continuations of nothing", [Frame(CONTINUE, b"lost", fin=False)]),
            ("an empty one that is not the last", [Frame(CONTINUE, fin=False)]),
        ),
        13,
    ):
        yield Case(f"5.{number}.1 {name}", bad, code=1002)
        yield Case(f"5.{number}.2 after a message", [HELLO, *bad, HELLO], [HELLO], 1002)
        yield Case(f"5.{number}.3 after a fragmented one", [*hello, *bad], [HELLO], 1002)
    for number, op in enumerate((TEXT, BINARY), 16):
        yield Case(f"5.{number}.1 a message {op} inside one", [hello[0], Frame(op, b"new")], code=1002)
        yield Case(
            f"5.{number}.2 its first fragment", [hello[0], Frame(op, b"new", fin=False), ping], code=1002
        )
    yield Case("5.18 an empty last continuation of nothing", [Frame(CONTINUE), HELLO], [HELLO])
    yield Case("5.19 close inside a message", [hello[0], close(1000), hello[1]], [], 1000)


def utf8() -> Iterator[Case]:
    for number, (name, good) in enumerate(texts.VALID, 1):
        payload = good.encode()
        frame = Frame(TEXT, payload)
        yield Case(f"6.1.{number} {name}", [frame], [frame])
        # Cut in the middle of characters.
        parts = fragments(TEXT, *(payload[i : i + 1] for i in range(len(payload))), b"")
        yield Case(f"6.2.{number} {name}, byte by byte", parts, [frame])
    for number, (name, bad) in enumerate(texts.INVALID, 1):
        yield Case(f"6.3.{number} {name}", [Frame(TEXT, bad), HELLO], code=1007)
        parts = fragments(TEXT, *(bad[i : i + 1] for i in range(len(bad))), b"")
        yield Case(f"6.4.{number} {name}, byte by byte", parts, code=1007)
        binary = Frame(BINARY, bad)
        yield Case(f"6.5.{number} {name}, as binary", [binary], [binary])


def closing() -> Iterator[Case]:
    yield Case("7.1.1 empty close", [Frame(CLOSE), HELLO], [Frame(CLOSE)], -1)
    yield Case("7.1.2 close, then a message", [close(1000), HELLO], [], 1000)
    yield Case("7.1.3 close, then a ping", [close(1000), Frame(PING)], [], 1000)
    yield Case("7.1.4 close twice", [close(1000), close(1001)], [], 1000)
    yield Case("7.1.5 close, then broken rules", [close(1000), Frame(15, rsv=7)], [], 1000)
    yield Case("7.1.6 message, then close", [HELLO, close(1000)], [HELLO], 1000)
    yield Case("7.1.7 close byte by byte", [close(1000, b"bye")], [], 1000, chop=1)
    large = Frame(TEXT, b"BAsd7&jh23" * 26000)
    yield Case("7.1.8 large message, then close", [large, close(1000)], [large], 1000)
    for number, size in enumerate((1, 2, 122, 123), 1):
        yield Case(f"7.2.{number} reason of {size} bytes", [close(1000, b"r" * size)], [], 1000)
    yield Case("7.2.5 reason of 124 bytes", [close(1000, b"r" * 124)], [], 1002)
    yield Case("7.2.6 reason in several scripts", [close(1000, "κόσμε €".encode())], [], 1000)
    yield Case("7.3 payload of one byte", [Frame(CLOSE, b"x")], [], 1002)
    for number, (name, bad) in enumerate(texts.INVALID[:6], 1):
        yield Case(f"7.4.{number} reason: {name}", [close(1000, bad)], [], 1007)
    good = (*range(1000, 1004), *range(1007, 1015), 3000, 3001, 3999, 4000, 4998, 4999)
    for number, code in enumerate(good, 1):
        yield Case(f"7.5.{number} code {code}", [close(code)], [], code)
    bad_codes = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535)
    for number, code in enumerate(bad_codes, 1):
        yield Case(f"7.6.{number} code {code}", [close(code, b"reason")], [], 1002)


def sizes() -> Iterator[Case]:
    for op in (TEXT, BINARY):
        payload = b"*" * (1 << 20) if op == TEXT else NOISE
        for number, shift in enumerate((17, 18, 20), 1):
            frame = Frame(op, payload[: 1 << shift])
            yield Case(f"9.{op}.{number} {1 << shift} bytes", [frame], [frame])
        for number, size in enumerate((64, 1024, 65536), 4):
            whole = payload[: 1 << 18]
            parts = [whole[i : i + size] for i in range(0, len(whole), size)]
            name = f"9.{op}.{number} {len(whole)} bytes in fragments of {size}"
            yield Case(name, fragments(op, *parts), [Frame(op, whole)])
        for number, chop in enumerate((1024, 16384, 16385), 7):
            frame = Frame(op, payload[: 1 << 18])
            yield Case(f"9.{op}.{number} {1 << 18} bytes in pieces of {chop}", [frame], [frame], chop=chop)
        for number, size in enumerate((0, 16, 256), 10):
            many = [Frame(op, payload[:size])] * 300
            yield Case(f"9.{op}.{number} 300 messages of {size} bytes", many, many)
    for number, length in enumerate((16 * 1024 * 1024 + 1, 1 << 30, 1 << 40, (1 << 63) - 1), 1):
        announced = Frame(BINARY, b"x", announced=length)
        yield Case(f"9.3.{number} {length} bytes announced", [announced], [], 1009)
        rest = dataclasses.replace(announced, op=CONTINUE)
        yield Case(f"9.4.{number} the same in a fragment", [Frame(BINARY, b"a", False), rest], [], 1009)
    for number, length in enumerate((1 << 63, (1 << 64) - 14, (1 << 64) - 1), 1):
        announced = Frame(BINARY, b"x", announced=length)
        yield Case(f"9.5.{number} frame length overflow, {length} bytes", [announced], [], 1002)


def masking() -> Iterator[Case]:
    for number, frame in enumerate((HELLO, Frame(PING), close(1000), Frame(BINARY, NOISE[:70000])), 1):
        yield Case(f"5.20.{number} the other side's way to mask", [MaskedWrongly(**vars(frame))], [], 1002)


class MaskedWrongly(Frame):
    """Masked by a server, not masked by a client."""

    def to_bytes(self, from_client: bool) -> bytes:
        return super().to_bytes(not from_client)


def all_cases() -> list[Case]:
    sections = (messages, pings, reserved_bits, opcodes, fragmented, masking, utf8, closing, sizes)
    return [case for section in sections for case in section()]
