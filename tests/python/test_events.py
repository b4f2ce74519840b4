"""Which events cross into Python."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from conftest import Server, read_response

import pymongoose
from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_HTTP_HDRS,
    MG_EV_HTTP_MSG,
    MG_EV_POLL,
    MG_EV_READ,
    MG_EV_WRITE,
    Connection,
    interest,
)

FREQUENT = {MG_EV_POLL, MG_EV_READ, MG_EV_WRITE, MG_EV_HTTP_HDRS}
NOT_AN_INT: Any = "x"
BOTH = (MG_EV_READ, MG_EV_WRITE)


def wanted(handler: Any) -> set[int]:
    """The frequent events that a handler gets."""
    mask, traced = interest.masks(handler, None)
    assert traced == interest.ALL_EVENTS
    return {ev for ev in FREQUENT if mask & (1 << ev)}


def only_messages(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")


def chain(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")
    elif ev == MG_EV_WRITE:
        conn.drain()
    elif ev == MG_EV_CLOSE:
        print("closed")


def returns_early(conn: Connection, ev: int, data: Any) -> None:
    if ev != MG_EV_HTTP_MSG:
        return
    conn.reply(200, b"ok")


def with_else(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")
    else:
        print(ev)


def works_first(conn: Connection, ev: int, data: Any) -> None:
    print("an event")
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")


def works_last(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")
    if conn.is_full:
        print("full")


def membership(conn: Connection, ev: int, data: Any) -> None:
    if ev in BOTH:
        print(ev)


def through_module(conn: Connection, ev: int, data: Any) -> None:
    if ev == pymongoose.MG_EV_HTTP_MSG:
        conn.reply(200, b"ok")


def and_or(conn: Connection, ev: int, data: Any) -> None:
    if ev == MG_EV_HTTP_MSG or (ev == MG_EV_READ and conn.is_full):
        conn.reply(200, b"ok")


def compares_with_unknown(conn: Connection, ev: int, data: Any) -> None:
    if ev == NOT_AN_INT:
        print("?")


def variadic(*args: Any) -> None: ...


def generator(conn: Connection, ev: int, data: Any) -> Any:
    yield ev


def does_nothing(conn: Connection, ev: int, data: Any) -> None: ...


def assigns(conn: Connection, ev: int, data: Any) -> None:
    ev = MG_EV_POLL
    if ev == MG_EV_POLL:
        print("always")


class Program:
    def handler(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"ok")

    def counting(self, conn: Connection, ev: int, data: Any) -> None:
        self.count = ev

    def __call__(self, conn: Connection, ev: int, data: Any) -> None: ...


@pytest.mark.parametrize(
    ("handler", "events"),
    [
        (only_messages, set()),
        (chain, {MG_EV_WRITE}),
        (returns_early, set()),
        (with_else, FREQUENT),
        (works_first, FREQUENT),
        (works_last, FREQUENT),
        (membership, {MG_EV_READ, MG_EV_WRITE}),
        (through_module, set()),
        (and_or, {MG_EV_READ}),
        (compares_with_unknown, FREQUENT),
        (variadic, FREQUENT),
        (generator, FREQUENT),
        (does_nothing, set()),
        (assigns, FREQUENT),
        (Program().handler, set()),
        (Program().counting, FREQUENT),
        (Program(), FREQUENT),
        (lambda conn, ev, data: conn.reply(200) if ev == MG_EV_HTTP_MSG else None, set()),
        (print, FREQUENT),
        (None, FREQUENT),
    ],
)
def test_what_a_handler_is_taken_to_want(handler: Any, events: set[int]) -> None:
    assert wanted(handler) == events


def test_closures_are_understood_or_left_alone() -> None:
    seen: list[int] = []

    def handler(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            seen.append(ev)

    assert wanted(handler) in (set(), FREQUENT)


def test_a_variable_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYMONGOOSE_ALL_EVENTS", "1")
    assert wanted(only_messages) == FREQUENT


def test_explicit_events_win() -> None:
    mask, traced = interest.masks(works_first, [MG_EV_HTTP_MSG])
    assert mask == traced == 1 << MG_EV_HTTP_MSG
    assert interest.masks(None, [pymongoose.MG_EV_USER + 3])[0] == 1 << 31
    with pytest.raises(ValueError, match="not an event number"):
        interest.masks(None, [-1])


def crossings(handler: Any, requests: int, **options: Any) -> int:
    with Server(handler, **options) as server, server.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        read_response(client)
        before = server.manager._crossings
        for _ in range(requests):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read_response(client)
        return server.manager._crossings - before


def test_one_crossing_per_request() -> None:
    assert crossings(only_messages, 200) == 200
    assert crossings(works_first, 50, events=[MG_EV_HTTP_MSG]) == 50


def test_others_get_everything() -> None:
    assert crossings(works_first, 50) >= 200  # HDRS, MSG, READ, WRITE, and POLL now and then


def test_tracing_sees_all_events() -> None:
    seen: set[int] = set()

    def profile(frame: Any, event: str, arg: Any) -> None:
        if event == "call" and frame.f_code is only_messages.__code__:
            seen.add(frame.f_locals["ev"])

    import socket

    with pymongoose.Manager(only_messages) as manager:
        listener = manager.listen("http://127.0.0.1:0")
        assert listener.local_addr is not None
        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            with socket.create_connection(("127.0.0.1", listener.local_addr[1])) as client:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                for _ in range(100):
                    manager.poll(10)
                    if seen >= FREQUENT:
                        break
        finally:
            sys.setprofile(before)
    assert seen >= FREQUENT
