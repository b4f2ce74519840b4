"""Our WebSocket server and, with roles turned, our client against a peer made of plain sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import endpoints
from cases import HELLO, Case, all_cases, close
from endpoints import Client, Server
from wire import CLOSE, Frame, Peer

CASES = all_cases()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with endpoints.server() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with endpoints.client() as running:
        yield running


def play(peer: Peer, case: Case) -> None:
    """Sends the frames of a case, and checks what comes."""
    try:
        peer.send(*case.send, chop=case.chop)
        for number, wanted in enumerate(case.expect):
            got = peer.receive()
            assert got == wanted, f"answer {number}"
        if case.code is None:
            peer.send(close(1000, b"done"))
            assert peer.receive() == close(1000, b"done")
        elif case.code >= 0:
            end = peer.receive()
            assert end.op == CLOSE
            assert end.payload[:2] == case.code.to_bytes(2, "big")
            sent = [frame for frame in case.send if frame.op == CLOSE]
            if sent and sent[0].payload[:2] == end.payload[:2]:
                assert end == Frame(CLOSE, sent[0].payload), "the answer is the peer's own payload"
        assert peer.at_end(), "and nothing else"
    finally:
        peer.close()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_server(server: Server, case: Case) -> None:
    play(Peer.connect(server.port), case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_client(client: Client, case: Case) -> None:
    play(Peer.accept(client.listener), case)


HALF = (b"", b"\x81", b"\x81\xfe\x01", b"\x82\xff\0\0\0\0\0\1\0\0\1\2\3\4xyz", b"\x01\x82\0\0\0\0ab")


@pytest.mark.parametrize("half", HALF)
def test_abrupt_ends(server: Server, client: Client, half: bytes) -> None:
    for peer in (Peer.connect(server.port), Peer.accept(client.listener)):
        peer.send(HELLO)
        assert peer.receive() == HELLO
        peer.sock.sendall(half)
        peer.reset()
    play(Peer.connect(server.port), Case("after that", [HELLO], [HELLO]))
    play(Peer.accept(client.listener), Case("after that", [HELLO], [HELLO]))
