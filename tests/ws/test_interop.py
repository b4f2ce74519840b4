"""Our WebSocket server and client with the `websockets` package on the other side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.sync.server import ServerConnection, serve

import endpoints
from endpoints import Server
from wire import TIMEOUT

MESSAGES: tuple[str | bytes, ...] = (
    "",
    b"",
    "Hello",
    "κόσμε 😀",
    b"\x00\xff\xfe",
    "a" * 125,
    "b" * 126,
    b"c" * 65535,
    b"d" * 65536,
    "e" * 1000000,
)
COMPRESSIONS = pytest.mark.parametrize("compression", [None, "deflate"])


def talk(peer: Connection) -> None:
    """Messages come back one by one, many at once, and in fragments."""
    for message in MESSAGES:
        peer.send(message)
        assert peer.recv(TIMEOUT) == message
    for message in MESSAGES:
        peer.send(message)
    for message in MESSAGES:
        assert peer.recv(TIMEOUT) == message
    peer.send(["frag", "", "ment", "s " * 50000])
    assert peer.recv(TIMEOUT) == "fragments " + "s " * 49999
    peer.send([b"frag", b"ments"])
    assert peer.recv(TIMEOUT) == b"fragments"
    assert peer.ping(b"payload").wait(TIMEOUT)
    peer.pong(b"unasked")


@pytest.fixture(scope="module", params=[0, 9, 15], ids=lambda bits: f"window {bits}")
def bits(request: pytest.FixtureRequest) -> int:
    value: int = request.param
    return value


@pytest.fixture(scope="module")
def server(bits: int) -> Iterator[Server]:
    with endpoints.server(bits) as running:
        yield running


@COMPRESSIONS
def test_clients_of_our_server(server: Server, bits: int, compression: str | None) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/path?query", compression=compression) as client:
        extensions = [extension.name for extension in client.protocol.extensions]
        assert extensions == (["permessage-deflate"] if bits and compression else [])
        talk(client)
        client.close(4001, "bye")
        assert client.close_code == 4001
        assert client.close_reason == "bye"
    with connect(f"ws://127.0.0.1:{server.port}", subprotocols=["chat", "superchat"]) as client:  # type: ignore[list-item]
        assert client.subprotocol == "chat"


def test_our_server_says_what_is_wrong(server: Server) -> None:
    with connect(f"ws://127.0.0.1:{server.port}", compression=None) as client:
        # The package has no way to send text that is not UTF-8, but takes bytes for it.
        client.send(b"\xff", text=True)
        with pytest.raises(ConnectionClosedError) as caught:
            client.recv(TIMEOUT)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1007
    with connect(f"ws://127.0.0.1:{server.port}", compression=None) as client:
        with pytest.raises(ConnectionClosedError) as caught:
            client.send(b"x" * (17 * 1024 * 1024))
            client.recv(TIMEOUT)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


@COMPRESSIONS
def test_our_client(bits: int, compression: str | None) -> None:
    outcomes: queue.Queue[BaseException | None] = queue.Queue()

    def run(test: Callable[[ServerConnection], None]) -> Callable[[ServerConnection], None]:
        def handler(connection: ServerConnection) -> None:
            try:
                test(connection)
                outcomes.put(None)
            except BaseException as problem:
                outcomes.put(problem)

        return handler

    def test(connection: ServerConnection) -> None:
        extensions = [extension.name for extension in connection.protocol.extensions]
        assert extensions == (["permessage-deflate"] if bits and compression else [])
        talk(connection)
        connection.close(4002, "bye")
        assert connection.close_code == 4002

    with (
        endpoints.client(bits) as client,
        serve(run(test), sock=client.listener, compression=compression) as package,
    ):
        thread = threading.Thread(target=package.serve_forever)
        thread.start()
        try:
            problem = outcomes.get(timeout=TIMEOUT)
        finally:
            package.shutdown()
            thread.join(TIMEOUT)
    if problem is not None:
        raise problem
