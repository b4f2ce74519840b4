"""Uploads: in pieces, as a whole to disk, and by hand through the receive buffer."""

from __future__ import annotations

import gc
import hashlib
import os
import socket
import subprocess
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import DEADLINE, Server, poll_until, read_all

from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_ERROR,
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_READ,
    MG_EV_WAKEUP,
    Connection,
    HttpMessage,
    Manager,
)


def test_pieces(tmp_path: Path) -> None:
    results: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            results.append(conn.upload(data, tmp_path, max_size=11))

    with Server(handler) as server:

        def send(query: str, body: bytes) -> tuple[int, bytes]:
            status, _, reply = server.request("POST", f"/upload{query}", body)
            return status, reply

        assert send("?file=a.txt", b"hello") == (200, b"5")
        assert send("?file=a.txt&offset=5", b"\nworld") == (200, b"11")
        assert (tmp_path / "a.txt").read_bytes() == b"hello\nworld"
        assert send("?file=a.txt&offset=11", b"!")[0] == 400
        assert send("?file=a.txt&offset=3", b"!")[0] == 400
        assert send("", b"hello")[0] == 400
        assert send("?file=../evil.txt", b"hello")[0] == 400
        assert send("?file=a.txt", b"") == (200, b"0")
    assert results == [5, 11, -4, -5, -1, -2, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert not (tmp_path.parent / "evil.txt").exists()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


class Uploads:
    """A server that writes each body to the file that the path names, and remembers how it ended."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.directory, self.options = directory, options
        self.errors: list[str | None] = []
        self.events: list[int] = []
        self.closed = threading.Event()
        self.threads: set[int] = set()
        self.raise_ = False

    def done(self, conn: Connection, error: str | None) -> None:
        self.errors.append(error)
        self.threads.add(threading.get_ident())
        if self.raise_:
            raise KeyError("of the callback")
        conn.reply(200 if error is None else 400, error or "stored")
        conn.drain()

    def handler(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:
            conn.start_upload(data, data.uri[1:], self.directory, self.done, **self.options)
        elif ev in (MG_EV_READ, MG_EV_ERROR, MG_EV_HTTP_MSG):
            self.events.append(ev)
        elif ev == MG_EV_CLOSE and not conn.is_listening:
            self.events.append(ev)
            self.closed.set()

    def send(self, server: Server, *pieces: bytes) -> bytes:
        """Sends a request in pieces; returns the reply, when the server has closed."""
        with server.connect() as client:
            for piece in pieces:
                client.sendall(piece)
            return read_all(client)


def put(name: str, body: bytes) -> bytes:
    return b"PUT /%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (name.encode(), len(body), body)


CHUNKED = b"PUT /%s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("size", [0, 1, 511, 512, 100_000, 8_000_000])
def test_a_body_becomes_a_file(tmp_path: Path, size: int) -> None:
    uploads = Uploads(tmp_path)
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(b"what was there before")
    with Server(uploads.handler) as server:
        reply = uploads.send(server, put("file", content))
        assert uploads.closed.wait(DEADLINE)
        assert uploads.threads == {server.thread.ident}
        assert len(server.manager.connections) == 1
    assert reply.startswith(b"HTTP/1.1 200 OK")
    assert reply.endswith(b"\r\n\r\nstored")
    assert (tmp_path / "file").read_bytes() == content
    assert uploads.errors == [None]
    assert uploads.events[-1] == MG_EV_CLOSE
    assert set(uploads.events) == {MG_EV_CLOSE}  # No READ: the body is not the handler's.


def test_a_chunked_body_becomes_a_file(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    content = os.urandom(50_000)
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(c), c) for c in (content[:7], content[7:30_000], content[30_000:])
    )
    with Server(uploads.handler) as server:
        assert uploads.send(server, CHUNKED % b"file", chunks, b"0\r\n\r\n").endswith(b"stored")
    assert (tmp_path / "file").read_bytes() == content


def test_curl_is_invited_to_send_its_body(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    with Server(uploads.handler) as server:
        url = f"http://127.0.0.1:{server.port}/copy"
        command = ["curl", "-s", "-S", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "-T"]
        done = subprocess.run([*command, source, url], capture_output=True, timeout=DEADLINE * 2, check=True)
    assert done.stdout == b"stored"
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_names_stay_below_the_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    uploads = Uploads(root)
    with Server(uploads.handler) as server:
        for name in ("../evil", "a/../../evil", "~/evil", "missing/directory"):
            reply = uploads.send(server, put(name, b"x"))
            assert reply.startswith(b"HTTP/1.1 400 ")
    assert uploads.errors == ["bad name"] * 3 + ["open failed"]
    assert list(tmp_path.rglob("*")) == [root]


def test_a_client_that_leaves(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    with Server(uploads.handler) as server:
        with server.connect() as client:
            client.sendall(put("file", b"x" * 5000)[:-1])
        assert uploads.closed.wait(DEADLINE)
    assert uploads.errors == ["connection closed"]
    assert uploads.events[-1] == MG_EV_CLOSE


def test_a_connection_that_the_program_closes(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    with Server(uploads.handler) as server, server.connect() as client:
        client.sendall(put("file", b"x" * 5000)[:-1])
        eventually((tmp_path / "file").exists)
        (conn,) = (c for c in server.manager.connections if not c.is_listening)
        conn.close()
        assert uploads.closed.wait(DEADLINE)
        assert read_all(client) == b""
    assert uploads.errors == ["connection closed"]


def test_a_manager_that_is_closed(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    with Server(uploads.handler) as server:
        client = server.connect()
        client.sendall(put("file", b"x" * 5000)[:-1])
        eventually((tmp_path / "file").exists)
    client.close()
    assert uploads.errors == ["connection closed"]
    assert uploads.closed.is_set()


@pytest.mark.parametrize("size", [3, 100_000])
def test_exceptions_of_the_callback_are_those_of_handlers(tmp_path: Path, size: int) -> None:
    uploads = Uploads(tmp_path)
    uploads.raise_ = True
    problems: list[Exception] = []
    reported = threading.Event()

    def report(exc: Exception) -> None:
        problems.append(exc)
        reported.set()

    with Server(uploads.handler, error_handler=report) as server, server.connect() as client:
        client.sendall(put("file", b"x" * size))
        assert reported.wait(DEADLINE)
    assert [type(problem) for problem in problems] == [KeyError]


def test_the_largest_body(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, max_size=1000)
    with Server(uploads.handler) as server:
        assert uploads.send(server, put("a", b"x" * 1000)).endswith(b"stored")
        assert uploads.send(server, put("b", b"x" * 1001)[:-1001]).endswith(b"too large")
        assert not (tmp_path / "b").exists()
        # Of unknown length: what comes is counted.
        with server.connect() as client:
            client.sendall(CHUNKED % b"c")
            eventually((tmp_path / "c").exists)
            client.sendall(b"3e9\r\n" + b"x" * 1001)
            assert read_all(client).endswith(b"too large")
        assert (tmp_path / "c").stat().st_size <= 1000
    assert uploads.errors == [None, "too large", "too large"]


def test_the_message_is_over_when_the_upload_has_begun(tmp_path: Path) -> None:
    seen: list[Any] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:

            def done(conn: Connection, error: str | None) -> None:
                seen.extend((error, bool(data), data.uri))
                conn.drain()

            conn.start_upload(data, "file", tmp_path, done)
            seen.extend((bool(data), data.headers()))
            with pytest.raises(ValueError, match="not valid for this event"):
                conn.start_upload(data, "other", tmp_path, done)

    with Server(handler) as server, server.connect() as client:
        client.sendall(put("file", b"short"))
        assert read_all(client) == b""
    assert seen == [None, False, "", False, []]


def test_an_upload_does_not_keep_its_manager_alive(tmp_path: Path) -> None:
    class Program:
        def __init__(self) -> None:
            self.manager = Manager(self.handler)
            self.listener = self.manager.listen("http://127.0.0.1:0")

        def handler(self, conn: Connection, ev: int, data: Any) -> None:
            if ev == MG_EV_HTTP_HDRS:
                conn.start_upload(data, "file", tmp_path, self.done)

        def done(self, conn: Connection, error: str | None) -> None: ...

    program = Program()
    assert program.listener.local_addr is not None
    with socket.create_connection(("127.0.0.1", program.listener.local_addr[1])) as client:
        client.sendall(put("file", b"x" * 600)[:-1])
        poll_until(program.manager, (tmp_path / "file").exists)
        reference = weakref.ref(program)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del program
            gc.collect()
    assert reference() is None
    assert [w.category for w in caught] == [ResourceWarning]


def test_a_worker_replies_after_the_upload(tmp_path: Path) -> None:
    """The handler still gets what is not the body, such as MG_EV_WAKEUP."""

    def done(conn: Connection, error: str | None) -> None:
        assert error is None
        server.manager.wakeup(conn.id, b"checked")

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:
            conn.start_upload(data, "file", tmp_path, done)
        elif ev == MG_EV_WAKEUP:
            conn.reply(200, data)
            conn.drain()

    with Server(handler, enable_wakeup=True) as server, server.connect() as client:
        client.sendall(put("file", b"x" * 2000))
        assert read_all(client).endswith(b"checked")


def test_wrong_arguments(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def check(conn: Connection, message: HttpMessage) -> None:
        def done(conn: Connection, error: str | None) -> None:
            raise AssertionError

        with pytest.raises(TypeError, match="callable"):
            conn.start_upload(message, "a", tmp_path, None)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="message must be HttpMessage"):
            conn.start_upload(None, "a", tmp_path, done)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="not valid for this event"):
            conn.start_upload(HttpMessage(), "a", tmp_path, done)
        with pytest.raises(ValueError, match="not valid for this event"):
            conn.upload(HttpMessage(), tmp_path)
        with pytest.raises(ValueError, match="NUL"):
            conn.start_upload(message, "a\0b", tmp_path, done)
        with pytest.raises(ValueError, match="NUL"):
            conn.upload(message, "a\0b")
        with pytest.raises(ValueError, match="negative"):
            conn.start_upload(message, "a", tmp_path, done, max_size=-1)
        with pytest.raises(ValueError, match="negative"):
            conn.upload(message, tmp_path, max_size=-1)

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            try:
                check(conn, data)
            except BaseException as e:
                problems.append(e)
            conn.reply(200)

    with Server(handler) as server:
        server.get()
    assert problems == []
    assert list(tmp_path.iterdir()) == []


# By hand.


class Body:
    """A body that a handler reads piece by piece."""

    def __init__(self, length: int) -> None:
        self.left = length
        self.digest = hashlib.sha256()

    def take(self, conn: Connection, piece: bytes) -> None:
        self.digest.update(piece)
        self.left -= len(piece)
        if self.left == 0:
            conn.reply(200, self.digest.hexdigest())
            conn.drain()


def test_64_mib_by_hand_in_bounded_memory() -> None:
    sizes: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_HDRS:
            conn.userdata = Body(int(data.header("Content-Length")))
            first = data.body_bytes
            conn.recv_consume()
            conn.userdata.take(conn, first)
        elif ev == MG_EV_READ and conn.userdata is not None:
            sizes.append(conn.recv_size)
            piece = conn.recv_data()
            conn.recv_consume()
            conn.userdata.take(conn, piece)

    block, blocks = os.urandom(1 << 20), 64
    expected = hashlib.sha256()
    for _ in range(blocks):
        expected.update(block)

    def send(client: socket.socket) -> None:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (blocks << 20))
        for _ in range(blocks):
            client.sendall(block)

    with Server(handler) as server, server.connect() as client:
        sender = threading.Thread(target=send, args=(client,))
        sender.start()
        reply = read_all(client)
        sender.join(DEADLINE)
    assert reply.endswith(expected.hexdigest().encode())
    assert max(sizes) <= 1 << 18
