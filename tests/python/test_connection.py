"""Connection: identity, attributes, handlers, closing, and life after closing."""

from __future__ import annotations

import gc
import socket
import time
import weakref
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until, read_all, read_response

from pymongoose import (
    MG_EV_ACCEPT,
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_OPEN,
    MG_EV_READ,
    Connection,
    Manager,
    TlsOpts,
    event_name,
)

FLAGS = (
    "is_listening",
    "is_udp",
    "is_websocket",
    "is_tls",
    "is_readable",
    "is_writable",
    "is_full",
    "is_draining",
)
SENDING: dict[str, tuple[Any, ...]] = {
    "send": (b"x",),
    "reply": (200, b"x"),
    "reply_json": ({},),
    "ws_send": (b"x",),
    "http_chunk": (b"x",),
    "http_sse": ("a", "b"),
    "error": ("x",),
    "recv_consume": (),
}


def test_a_listener(manager: Manager) -> None:
    listener = manager.listen("tcp://127.0.0.1:0")
    assert listener.id == 2  # The wakeup connection is 1.
    assert {name: getattr(listener, name) for name in FLAGS} == {
        name: name == "is_listening" for name in FLAGS
    }
    assert listener.is_client is False
    assert listener.is_closing is False
    assert listener.handler is None
    assert listener.userdata is None
    address = listener.local_addr
    assert address is not None
    assert address[0] == "127.0.0.1"
    assert address[1] > 0
    assert address[2] is False
    assert listener.remote_addr == ("0.0.0.0", 0, False)
    assert repr(listener) == "<Connection id=2 readable=False writable=False>"
    assert manager.listen("udp://127.0.0.1:0").is_udp is True


def has_ipv6() -> bool:
    """Some containers have no IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_ipv6(manager: Manager) -> None:
    if not has_ipv6():
        with pytest.raises(RuntimeError, match="::1"):
            manager.listen("tcp://[::1]:0")
        return
    listener = manager.listen("tcp://[::1]:0")
    address = listener.local_addr
    assert address is not None
    assert address[0] == "0000:0000:0000:0000:0000:0000:0000:0001"
    assert address[2] is True


def test_a_closed_connection() -> None:
    conn = Connection()
    assert repr(conn) == "<Connection closed>"
    assert {name: getattr(conn, name) for name in FLAGS} == dict.fromkeys(FLAGS, False)
    assert conn.is_closing is True
    assert (conn.local_addr, conn.remote_addr) == (None, None)
    assert (conn.recv_len, conn.send_len, conn.recv_size, conn.send_size) == (0, 0, 0, 0)
    assert (conn.recv_data(), conn.send_data(), conn.recv_data(5)) == (b"", b"", b"")
    for name, arguments in SENDING.items():
        with pytest.raises(RuntimeError, match="Connection has been closed"):
            getattr(conn, name)(*arguments)
    conn.close()
    conn.drain()
    conn.set_handler(None)
    conn.http_basic_auth("u", "p")
    conn.sntp_request()


def test_the_object_outlives_its_connection(manager: Manager) -> None:
    listener = manager.listen("tcp://127.0.0.1:0")
    listener.userdata = {"a": 1}
    number = listener.id
    manager.close()
    assert repr(listener) == "<Connection closed>"
    assert (listener.id, listener.userdata) == (number, {"a": 1})
    with pytest.raises(RuntimeError, match="closed"):
        listener.send(b"x")


def test_order_of_checks() -> None:
    conn = Connection()
    with pytest.raises(TypeError):
        conn.reply("200")  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        conn.reply(2**40)
    with pytest.raises(TypeError):
        conn.reply(200, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        conn.reply(200, b"", {}, 1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        conn.reply(200, nothing=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        conn.reply()  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="illegal character"):
        conn.reply(200, b"", {"a": "b\r\n"})
    with pytest.raises(RuntimeError, match="closed"):
        conn.reply(200, b"", {"a": "b"})
    with pytest.raises(TypeError):
        conn.ws_upgrade(None)  # type: ignore[arg-type]


def test_read_only_attributes(manager: Manager) -> None:
    conn = manager.listen("tcp://127.0.0.1:0")
    for name in ("id", "handler", "is_listening", "local_addr", "anything"):
        with pytest.raises(AttributeError):
            setattr(conn, name, 1)
    conn.userdata = [1]
    assert conn.userdata == [1]


def test_one_object_for_the_whole_life() -> None:
    seen: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        seen.append(conn)
        if ev == MG_EV_ACCEPT:
            conn.userdata = {"count": 0}
        elif ev == MG_EV_HTTP_MSG:
            conn.userdata["count"] += 1
            conn.reply(200, str(conn.userdata["count"]))

    with Server(handler) as server, server.connect() as client:
        for i in (1, 2):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read_response(client).endswith(str(i).encode())
    assert len(set(seen)) == 2
    assert server.listener in seen


def test_objects_are_garbage_when_nobody_keeps_them() -> None:
    accepted: list[weakref.ref[Connection]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            conn.userdata = conn  # a cycle
            accepted.append(weakref.ref(conn))

    with Server(handler) as server:
        server.connect().close()
        with server.connect() as client:
            client.sendall(b"nonsense\r\n\r\n")
            read_all(client)
    gc.collect()
    assert len(accepted) == 2
    assert [ref() for ref in accepted] == [None, None]


class Recorder:
    """A handler that answers with its name and remembers what it saw."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[str] = []

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        self.events.append(event_name(ev))
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, self.name)


def test_handlers_of_listeners_are_inherited() -> None:
    default, own, other = Recorder("default"), Recorder("own"), Recorder("other")
    with Server(default) as server:
        second = server.manager.listen("http://127.0.0.1:0", handler=own)
        assert own.events == ["MG_EV_OPEN"]
        port = server.port
        address = second.local_addr
        assert address is not None
        server.port = address[1]
        assert server.get() == b"own"
        assert "MG_EV_HTTP_MSG" not in default.events
        handlers: list[object] = [second.handler]
        second.set_handler(other)
        handlers.append(second.handler)
        assert handlers == [own, other]
        assert server.get() == b"other"
        second.set_handler(None)
        assert server.get() == b"default"
        server.port = port
        assert server.get() == b"default"


def test_no_handler_at_all() -> None:
    with Server(None) as server, server.connect() as client:
        client.settimeout(0.2)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.listener.is_listening
        deadline = time.monotonic() + DEADLINE
        while len(server.manager.connections) < 2 and time.monotonic() < deadline:
            time.sleep(0.002)
        assert len(server.manager.connections) == 2


def test_handler_of_one_connection() -> None:
    def first(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            conn.set_handler(Recorder("own handler"))

    with Server(first) as server:
        assert server.get() == b"own handler"


def client_and_server(manager: Manager) -> tuple[list[Connection], Connection]:
    accepted: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            accepted.append(conn)

    listener = manager.listen("tcp://127.0.0.1:0", handler)
    assert listener.local_addr is not None
    client = manager.connect(f"tcp://127.0.0.1:{listener.local_addr[1]}")
    poll_until(manager, lambda: accepted)
    return accepted, client


def test_close_outside_of_handlers_is_at_once(manager: Manager) -> None:
    events: list[tuple[str, bool]] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        events.append((event_name(ev), conn.is_closing))

    listener = manager.listen("tcp://127.0.0.1:0", handler)
    listener.close()
    assert [name for name, _ in events] == ["MG_EV_OPEN", "MG_EV_CLOSE"]
    assert listener.is_closing is True
    assert listener.is_listening is False
    assert manager.connections == ()
    listener.close()


def test_close_after_reply_in_the_handler() -> None:
    after: list[Any] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"maybe")
            conn.close()
            after.append((conn.is_closing, data.uri, conn.id > 0))
            conn.close()
        elif not conn.is_listening:
            after.append(event_name(ev))

    with Server(handler) as server, server.connect() as client:
        client.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        try:
            read_all(client)
        except ConnectionResetError:
            pass
    position = after.index((True, "/x", True))
    assert after[position + 1 :] == ["MG_EV_CLOSE"]


def test_close_of_others_in_a_handler() -> None:
    others: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_ACCEPT:
            others.append(conn)
        elif ev == MG_EV_HTTP_MSG:
            for other in list(others):
                if other is not conn:
                    other.close()
            if data.uri == "/listener":
                server.listener.close()
            conn.reply(200, b"done")
        elif ev == MG_EV_CLOSE and conn in others:
            others.remove(conn)

    with Server(handler) as server:
        bystanders = [server.connect() for _ in range(5)]
        with server.connect() as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read_response(client).endswith(b"done")
            assert all(bystander.recv(1) == b"" for bystander in bystanders)
            client.sendall(b"GET /listener HTTP/1.1\r\n\r\n")
            assert read_response(client).endswith(b"done")
            with pytest.raises(ConnectionRefusedError):
                server.connect()
        for bystander in bystanders:
            bystander.close()


def test_closing_in_every_event() -> None:
    for when in range(1, 12):

        def handler(conn: Connection, ev: int, data: Any, when: int = when) -> None:
            if not conn.is_listening and ev == when:
                conn.close()
            elif ev == MG_EV_HTTP_MSG:
                conn.reply(200, b"ok")

        with Server(handler) as server, server.connect() as client:
            try:
                client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
                read_all(client)
            except OSError:
                pass  # Closed early, as asked.


def test_error_is_an_event_and_closes(manager: Manager) -> None:
    seen: list[tuple[int, Any]] = []
    listener = manager.listen("tcp://127.0.0.1:0", lambda c, ev, data: seen.append((ev, data)))
    listener.error("100% Test error message")
    assert (MG_EV_ERROR, "100% Test error message") in seen
    poll_until(manager, lambda: (MG_EV_CLOSE, None) in seen)


def test_client_events_and_refusal(manager: Manager) -> None:
    seen: list[str] = []
    kept: list[Connection] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_OPEN:
            kept.append(conn)
        seen.append(event_name(ev) + (f" {data}" if ev == MG_EV_ERROR else ""))

    listener = manager.listen("tcp://127.0.0.1:0")
    assert listener.local_addr is not None
    port = listener.local_addr[1]
    listener.close()
    conn = manager.connect(f"tcp://127.0.0.1:{port}", handler)
    assert conn.is_client is True
    poll_until(manager, lambda: "MG_EV_CLOSE" in seen)
    assert [name for name in seen if name != "MG_EV_POLL"] == [
        "MG_EV_OPEN",
        "MG_EV_RESOLVE",
        "MG_EV_ERROR socket error",
        "MG_EV_CLOSE",
    ]
    assert kept == [conn]
    assert (conn.is_client, conn.is_listening, conn.id > 0) == (True, False, True)
    conn.http_basic_auth("user", "pass")


def test_basic_auth_is_a_line_in_the_send_buffer(manager: Manager) -> None:
    _, client = client_and_server(manager)
    client.http_basic_auth("user", "pässword")
    assert client.send_data() == b"Authorization: Basic dXNlcjpww6Rzc3dvcmQ=\r\n"


def test_http_client() -> None:
    bodies: list[str] = []

    def client(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_CONNECT:
            conn.send("GET /from-client HTTP/1.1\r\nHost: a\r\n\r\n")
        elif ev == MG_EV_HTTP_MSG:
            assert data.status() == 200
            bodies.append(data.body_text)
            conn.close()

    def serve(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, data.uri)

    with Manager() as manager:
        listener = manager.listen("http://127.0.0.1:0", serve)
        assert listener.local_addr is not None
        manager.connect(f"http://127.0.0.1:{listener.local_addr[1]}", client)
        poll_until(manager, lambda: bodies)
    assert bodies == ["/from-client"]


def test_udp_one_datagram_per_read(manager: Manager) -> None:
    got: list[bytes] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_READ:
            got.append(conn.recv_data())
            conn.send(conn.recv_data())

    echoes: list[bytes] = []
    listener = manager.listen("udp://127.0.0.1:0", handler)
    assert listener.local_addr is not None
    client = manager.connect(
        f"udp://127.0.0.1:{listener.local_addr[1]}",
        lambda conn, ev, data: echoes.append(conn.recv_data()) if ev == MG_EV_READ else None,
    )
    for text in (b"Hello UDP!", b"two", b"three"):
        client.send(text)
    poll_until(manager, lambda: len(echoes) == 3)
    assert got == echoes == [b"Hello UDP!", b"two", b"three"]


def test_tcp_bytes_accumulate_until_they_are_consumed(manager: Manager) -> None:
    seen: list[bytes] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_READ:
            seen.append(conn.recv_data())
            if len(seen) == 2:
                assert conn.recv_consume(4) == 4

    listener = manager.listen("tcp://127.0.0.1:0", handler)
    assert listener.local_addr is not None
    client = manager.connect(f"tcp://127.0.0.1:{listener.local_addr[1]}")
    for i, text in enumerate((b"abc", b"def", b"ghi")):
        client.send(text)
        poll_until(manager, lambda i=i: len(seen) > i)  # type: ignore[misc]
    assert seen == [b"abc", b"abcdef", b"efghi"]


def test_empty_send_is_fine(manager: Manager) -> None:
    _, client = client_and_server(manager)
    client.send("")
    client.send(b"")


def test_tls_options() -> None:
    opts = TlsOpts()
    assert (opts.ca, opts.cert, opts.key, opts.name, opts.skip_verification) == (b"", b"", b"", b"", False)
    opts = TlsOpts("ca", b"cert", None, "näme", skip_verification=True)
    assert (opts.ca, opts.cert, opts.key, opts.name) == (b"ca", b"cert", b"", "näme".encode())
    assert opts.skip_verification is True
    with pytest.raises(TypeError):
        opts.ca = "str"  # type: ignore[assignment]


def test_parameters_go_by_name_too(manager: Manager) -> None:
    conn = manager.connect("tcp://127.0.0.1:1")
    conn.send(data=b"x")
    conn.http_chunk(data="y")
    assert conn.send_data(length=-1) == b"x1\r\ny\r\n"
    assert conn.recv_data(length=1) == b""
    assert conn.recv_consume(n=1) == 0
    for method in (conn.send, conn.http_chunk):
        for wrong in ({"dat": b""}, {}):
            with pytest.raises(TypeError, match=f"^{method.__name__}\\(\\)"):
                method(**wrong)
        with pytest.raises(TypeError, match=f"^{method.__name__}\\(\\)"):
            method(b"", b"")  # type: ignore[call-arg]
