"""WebSocket messages in both directions: ws_send, ws_broadcast, WsMessage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from conftest import Server, poll_until
from test_asgi import WsClient

from pymongoose import (
    MG_EV_HTTP_MSG,
    MG_EV_WS_MSG,
    MG_EV_WS_OPEN,
    WEBSOCKET_OP_BINARY,
    WEBSOCKET_OP_CLOSE,
    WEBSOCKET_OP_TEXT,
    Connection,
    Manager,
    WsMessage,
)


class Hub:
    """Connections of a server in the order in which they became WebSockets, with their clients."""

    def __init__(self, server: Server, members: list[Connection], clients: list[WsClient]) -> None:
        self.manager = server.manager
        self.members = members
        self.clients = clients


@contextmanager
def hub(size: int, on_message: Any = None) -> Iterator[Hub]:
    members: list[Connection] = []
    opened = threading.Semaphore(0)

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)
        elif ev == MG_EV_WS_OPEN:
            members.append(conn)
            opened.release()
        elif ev == MG_EV_WS_MSG:
            on_message(conn, data)

    with Server(handler) as server, ExitStack() as stack:
        clients = []
        for _ in range(size):
            clients.append(WsClient(server.port))
            stack.callback(clients[-1].sock.close)
            assert opened.acquire(timeout=60)
        yield Hub(server, members, clients)


class Bytes:
    def __bytes__(self) -> bytes:
        return b"made"


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        ("Grüße", "Grüße".encode()),
        ("", b""),
        (b"\0\xff", b"\0\xff"),
        (bytearray(b"array"), b"array"),
        (memoryview(b"view")[1:], b"iew"),
        ([1, 2], b"\1\2"),
        (Bytes(), b"made"),
        (b"x" * 70000, None),
    ],
)
def test_what_can_be_sent(data: Any, payload: bytes | None) -> None:
    with hub(1) as it:
        (conn,), (client,) = it.members, it.clients
        if payload is None:
            conn.ws_send(data)
            assert client.take(10) == b"\x81\x7f" + len(data).to_bytes(8, "big")
            assert client.take(len(data)) == data
            return
        assert conn.ws_send(data) is None  # type: ignore[func-returns-value]
        assert client.receive() == (WEBSOCKET_OP_TEXT, payload)
        conn.ws_send(data, WEBSOCKET_OP_BINARY)
        assert client.receive() == (WEBSOCKET_OP_BINARY, payload)
        conn.ws_send(op=WEBSOCKET_OP_BINARY, data=data)
        assert client.receive() == (WEBSOCKET_OP_BINARY, payload)
        assert it.manager.ws_broadcast(data=data, op=WEBSOCKET_OP_BINARY, to=[conn]) == 1
        assert client.receive() == (WEBSOCKET_OP_BINARY, payload)


MISTAKES: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception]]] = [
    ((), {}, TypeError),
    ((None,), {}, TypeError),
    ((5,), {}, TypeError),
    (("\ud800",), {}, UnicodeEncodeError),
    (("x", "text"), {}, TypeError),
    (("x", 2**40), {}, OverflowError),
    (("x",), {"data": "y"}, TypeError),
    (("x",), {"opcode": 1}, TypeError),
    (("x", 1, None, None), {}, TypeError),
]


@pytest.mark.parametrize(("args", "kwargs", "problem"), MISTAKES)
def test_mistakes_send_nothing(
    args: tuple[Any, ...], kwargs: dict[str, Any], problem: type[Exception]
) -> None:
    with hub(1) as it:
        for call in (it.members[0].ws_send, it.manager.ws_broadcast):
            with pytest.raises(problem):
                call(*args, **kwargs)
        it.members[0].ws_send("end")
        assert it.clients[0].receive() == (WEBSOCKET_OP_TEXT, b"end")


def test_broadcast_reaches_every_websocket_and_nothing_else() -> None:
    with hub(3) as it:
        it.manager.listen("tcp://127.0.0.1:0")
        assert it.manager.ws_broadcast("one") == 3
        assert it.manager.ws_broadcast(b"two", WEBSOCKET_OP_BINARY) == 3
        for client in it.clients:
            assert client.receive() == (WEBSOCKET_OP_TEXT, b"one")
            assert client.receive() == (WEBSOCKET_OP_BINARY, b"two")


def test_broadcast_to_some() -> None:
    with hub(4) as it, Manager() as other:
        first, second, third, fourth = it.members
        stranger = other.listen("http://127.0.0.1:0")
        second.ws_send((1000).to_bytes(2, "big"), WEBSOCKET_OP_CLOSE)  # Nothing may follow it.
        assert it.manager.ws_broadcast("some", to=(c for c in (first, second, fourth, fourth, stranger))) == 2
        third.close()
        assert it.manager.ws_broadcast("less", to={first, third, Connection()}) == 1
        assert it.manager.ws_broadcast("none", to=()) == 0
        assert it.manager.ws_broadcast("all") == 2
        received = [[it.clients[i].receive()[1] for _ in range(n)] for i, n in ((0, 3), (3, 2))]
    assert received == [[b"some", b"less", b"all"], [b"some", b"all"]]


@pytest.mark.parametrize("to", [5, [None], [1], "ab", Connection()])
def test_broadcast_goes_to_connections(to: Any) -> None:
    with hub(1) as it, pytest.raises(TypeError):
        it.manager.ws_broadcast("x", to=to)


def test_broadcast_from_a_handler() -> None:
    def say(conn: Connection, data: WsMessage) -> None:
        others = [member for member in it.members if member is not conn]
        counts.append(it.manager.ws_broadcast(data.text, to=others))

    counts: list[int] = []
    with hub(3, say) as it:
        it.clients[0].send(WEBSOCKET_OP_TEXT, b"hello")
        assert [client.receive()[1] for client in it.clients[1:]] == [b"hello"] * 2
    assert counts == [2]


def test_broadcast_of_a_client_is_masked_for_each() -> None:
    seen: list[tuple[str, int]] = []
    opened: list[Connection] = []

    def serve(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.ws_upgrade(data)
        elif ev == MG_EV_WS_MSG:
            seen.append((data.text, conn.id))

    def client(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_WS_OPEN:
            opened.append(conn)

    with Manager(serve) as manager:
        address = manager.listen("ws://127.0.0.1:0").local_addr
        assert address is not None
        for _ in range(2):
            manager.ws_connect(f"ws://127.0.0.1:{address[1]}/", client)
        poll_until(manager, lambda: len(opened) == 2)
        assert manager.ws_broadcast("to the servers", to=opened) == 2
        poll_until(manager, lambda: len(seen) == 2)
    assert {text for text, _ in seen} == {"to the servers"}
    assert len({number for _, number in seen}) == 2


def test_broadcast_of_a_closed_manager() -> None:
    manager = Manager()
    manager.close()
    with pytest.raises(RuntimeError, match="freed"):
        manager.ws_broadcast("x")


def test_messages_from_other_threads_arrive_whole() -> None:
    senders, each = 4, 50
    with hub(2) as it:

        def work(number: int) -> None:
            for i in range(each):
                if i % 2:
                    it.manager.ws_broadcast(f"{number}:{i}")
                else:
                    for conn in it.members:
                        conn.ws_send(f"{number}:{i}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(senders)]
        for thread in threads:
            thread.start()
        expected = {f"{number}:{i}".encode() for number in range(senders) for i in range(each)}
        for client in it.clients:
            got = [client.receive() for _ in range(senders * each)]
            assert {op for op, _ in got} == {WEBSOCKET_OP_TEXT}
            assert {payload for _, payload in got} == expected
            for number in range(senders):
                mine = [int(p.split(b":")[1]) for _, p in got if p.startswith(b"%d:" % number)]
                assert mine == list(range(each))
        for thread in threads:
            thread.join(10)


def test_a_kept_message_is_empty_and_not_used_again() -> None:
    def keep(conn: Connection, data: WsMessage) -> None:
        kept.append(data)
        conn.ws_send("|".join(f"{m.text},{len(m.data)},{m.flags},{bool(m)}" for m in kept))

    kept: list[WsMessage] = []
    with hub(1, keep) as it:
        (client,) = it.clients
        for text in ("a", "bb"):
            client.send(WEBSOCKET_OP_TEXT, text.encode())
            live = f"{text},{len(text)},129,True"
            assert client.receive()[1].decode() == "|".join([*[",0,0,False"] * (len(kept) - 1), live])
    assert kept[0] is not kept[1]
    assert not any(kept)
