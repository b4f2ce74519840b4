"""Small doses of what stress.py does, and random sequences of calls."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stress
from conftest import Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pymongoose import MG_EV_ACCEPT, MG_EV_HTTP_MSG, Connection, Manager, TlsOpts

DOCUMENTED = (RuntimeError, ValueError, TypeError, OverflowError, AttributeError)


@pytest.mark.slow
def test_stress() -> None:
    program = str(Path(stress.__file__))
    done = subprocess.run(
        [sys.executable, "-X", "dev", program, "10000", "6000"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_garbage_collection_in_handlers() -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        gc.collect()
        if ev == MG_EV_ACCEPT:
            conn.userdata = [conn]
        elif ev == MG_EV_HTTP_MSG:
            conn.reply(200, b"ok")

    gc.freeze()  # What the test runner holds needs no look each time.
    try:
        with Server(handler) as server:
            for _ in range(20):
                assert server.get() == b"ok"
    finally:
        gc.unfreeze()


DATA = st.one_of(st.binary(max_size=50), st.text(max_size=20), st.just(b""), st.none(), st.integers())
CONNECTION_CALLS = st.one_of(
    st.tuples(st.just("send"), st.tuples(DATA)),
    st.tuples(st.just("reply"), st.tuples(st.integers(-5, 2**40), DATA)),
    st.tuples(st.just("reply"), st.tuples(st.just(200), DATA, st.dictionaries(DATA, DATA, max_size=3))),
    st.tuples(st.just("reply_json"), st.tuples(DATA)),
    st.tuples(st.just("http_chunk"), st.tuples(DATA)),
    st.tuples(st.just("http_sse"), st.tuples(DATA, DATA)),
    st.tuples(st.just("ws_send"), st.tuples(DATA, st.integers(-1, 2**40))),
    st.tuples(st.just("recv_data"), st.tuples(st.integers(-3, 100))),
    st.tuples(st.just("send_data"), st.tuples(st.integers(-3, 100))),
    st.tuples(st.just("recv_consume"), st.tuples(st.integers(-3, 100))),
    st.tuples(st.just("error"), st.tuples(DATA)),
    st.tuples(st.just("resolve_cancel"), st.just(())),
    st.tuples(st.just("http_basic_auth"), st.tuples(DATA, DATA)),
    st.tuples(st.just("sntp_request"), st.just(())),
    st.tuples(st.just("ws_upgrade"), st.tuples(DATA)),
    st.tuples(st.just("serve_dir"), st.tuples(DATA, DATA)),
    st.tuples(st.just("tls_free"), st.just(())),
    st.tuples(st.just("tls_init"), st.one_of(st.tuples(DATA), st.builds(lambda: (TlsOpts(ca="nonsense"),)))),
    st.tuples(st.just("set_handler"), st.tuples(st.none())),
    st.tuples(st.sampled_from(["drain", "close", "__repr__"]), st.just(())),
)
MANAGER_CALLS = st.one_of(
    st.tuples(st.just("poll"), st.tuples(st.integers(-1, 2).map(lambda ms: max(ms, 0)))),
    st.tuples(st.just("wakeup"), st.tuples(st.integers(0, 6), DATA)),
    st.tuples(st.just("ws_broadcast"), st.tuples(DATA, st.integers(-1, 2**40))),
    st.tuples(st.just("timer_add"), st.tuples(st.integers(-1, 3), st.sampled_from([list, None]))),
    st.tuples(
        st.sampled_from(["listen", "connect"]),
        st.tuples(
            st.sampled_from(
                ["tcp://127.0.0.1:0", "udp://127.0.0.1:0", "http://127.0.0.1:1", "", "x:y", "tcp://[::1]:0"]
            )
        ),
    ),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("manager"), st.integers(0, 1), MANAGER_CALLS),
        st.tuples(st.just("connection"), st.integers(0, 9), CONNECTION_CALLS),
        st.tuples(st.just("close"), st.integers(0, 1), st.just(("close", ()))),
    ),
    max_size=25,
)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_any_sequence_of_calls(steps: Any) -> None:
    def handler(conn: Connection, ev: int, data: Any) -> None:
        if conn not in connections:
            connections.append(conn)

    connections: list[Connection] = [Connection()]
    managers = [Manager(handler, enable_wakeup=True, error_handler=lambda e: None), Manager()]
    targets: Any
    for kind, index, (name, arguments) in steps:
        targets = connections if kind == "connection" else managers
        target = targets[index % len(targets)]
        try:
            result = getattr(target, name)(*arguments)
        except DOCUMENTED:
            continue
        if isinstance(result, Connection):
            connections.append(result)
    for manager in managers:
        manager.close()
    assert all(conn.is_closing for conn in connections)
