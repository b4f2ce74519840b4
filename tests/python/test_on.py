"""Functions by event (`@manager.on`), and messages as JSON."""

from __future__ import annotations

import json
import threading
import typing
from typing import Any

import pytest
from conftest import poll_until
from websockets.sync.client import connect

import pymongoose
from loopback import free_port
from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_CONNECT,
    MG_EV_ERROR,
    MG_EV_HTTP_MSG,
    MG_EV_USER,
    Connection,
    HttpMessage,
    Manager,
    WsMessage,
)
from pymongoose import constants as numbers


def test_functions_by_event(manager: Manager) -> None:
    answers: list[Any] = []

    @manager.on(MG_EV_HTTP_MSG)
    def answer(conn: Connection, message: HttpMessage) -> None:
        if conn.is_client:
            answers.append(message.json())
        else:
            conn.reply_json({"uri": message.uri})

    @manager.on(MG_EV_CONNECT)
    def ask(conn: Connection, data: None) -> None:
        conn.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")

    address = manager.listen("http://127.0.0.1:0").local_addr
    assert address is not None
    manager.connect(f"http://127.0.0.1:{address[1]}")
    poll_until(manager, lambda: answers)
    assert answers == [{"uri": "/x"}]
    assert answer.__name__ == "answer"


def test_the_later_function_counts_also_for_what_listens_already(manager: Manager) -> None:
    seen: list[str] = []
    listener = manager.listen("tcp://127.0.0.1:0")
    manager.on(MG_EV_ERROR)(lambda conn, text: seen.append("first"))
    manager.on(MG_EV_ERROR)(lambda conn, text: seen.append(text))
    manager.on(MG_EV_CLOSE)(lambda conn, data: seen.append("closed"))
    listener.error("wrong")
    poll_until(manager, lambda: len(seen) == 2)
    assert seen == ["wrong", "closed"]


def test_only_wanted_events_cross(manager: Manager) -> None:
    manager.on(MG_EV_CLOSE)(lambda conn, data: None)
    manager.listen("http://127.0.0.1:0")
    for _ in range(5):
        manager.poll(0)
    assert manager._crossings == 0


def test_mistakes(manager: Manager) -> None:
    with pytest.raises(TypeError, match="function must be callable"):
        manager.on(MG_EV_HTTP_MSG)(5)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="not an event number"):
        manager.on(-7)(lambda conn, data: None)
    with Manager(lambda conn, ev, data: None) as other, pytest.raises(RuntimeError, match="has a handler"):
        other.on(MG_EV_USER)
    manager.close()
    with pytest.raises(RuntimeError, match="freed"):
        manager.on(MG_EV_CLOSE)(lambda conn, data: None)


def test_json_of_messages(manager: Manager) -> None:
    bodies: list[Any] = []

    def note(message: Any) -> None:
        try:
            bodies.append(message.json())
        except ValueError:
            bodies.append("no JSON")

    @manager.on(numbers.MG_EV_WS_MSG)
    def heard(conn: Connection, message: WsMessage) -> None:
        note(message)
        conn.ws_send("taken")

    @manager.on(numbers.MG_EV_HTTP_MSG)
    def upgrade(conn: Connection, message: HttpMessage) -> None:
        conn.ws_upgrade(message)

    port = free_port()
    manager.listen(f"http://127.0.0.1:{port}")

    def talk() -> None:
        with connect(f"ws://127.0.0.1:{port}", open_timeout=60, proxy=None) as client:
            for text in (json.dumps({"a": [1, "ü"]}), "{", ""):
                client.send(text)
                client.recv(timeout=60)

    thread = threading.Thread(target=talk)
    thread.start()
    poll_until(manager, lambda: len(bodies) == 3)
    while thread.is_alive():
        manager.poll(10)
    assert bodies == [{"a": [1, "ü"]}, "no JSON", "no JSON"]


def test_the_types_of_constants_are_their_values() -> None:
    hints = typing.get_type_hints(numbers)
    assert len(hints) > 40
    for name, hint in hints.items():
        (literal,) = typing.get_args(hint)
        assert typing.get_args(literal) == (getattr(pymongoose, name),), name
