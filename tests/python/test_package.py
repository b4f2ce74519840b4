"""The package as a whole: its names, its first line of output, its typing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pymongoose
from pymongoose import _mongoose

EVENTS = (
    "ERROR OPEN POLL RESOLVE CONNECT ACCEPT TLS_HS READ WRITE CLOSE HTTP_HDRS HTTP_MSG WS_OPEN WS_MSG "
    "WS_CTL MQTT_CMD MQTT_MSG MQTT_OPEN SNTP_TIME WAKEUP MDNS_REQ MDNS_RESP MODBUS_REQ USER"
).split()


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=True,
    )


def test_import_says_once_how_the_gil_is_treated() -> None:
    done = run("import pymongoose, pymongoose.aio; from pymongoose import *; print('end')")
    assert done.stdout == "USE_NOGIL=1\nend\n"
    assert done.stderr == ""
    assert pymongoose.USE_NOGIL == 1


def test_the_first_line_may_go_nowhere() -> None:
    for close in (
        "os.close(1)",
        "sys.stdout.close()",
        "sys.stdout = None",
        "os.dup2(os.open('/dev/full', 1), 1)",
    ):
        assert run(f"import os, sys; {close}; import pymongoose; os._exit(0)").stdout == ""


@pytest.mark.parametrize("module", ["asyncio", "dataclasses", "email", "urllib"])
def test_what_is_slow_to_load_is_loaded_when_it_is_used(module: str) -> None:
    loaded = (
        f"import sys; sys.modules.pop({module!r}, None); import pymongoose; print({module!r} in sys.modules)"
    )
    assert run(loaded, PYMONGOOSE_QUIET="1").stdout == "False\n"


def test_names_of_modules_that_are_loaded_later() -> None:
    used = "import pymongoose; print(pymongoose.aio.AsyncManager is pymongoose.AsyncManager)"
    assert run(used, PYMONGOOSE_QUIET="1").stdout == "True\n"
    used = "import pymongoose; print(pymongoose.WebOptions().security)"
    assert run(used, PYMONGOOSE_QUIET="1").stdout == "False\n"
    assert {"AsyncManager", "Manager", "WebOptions", "aio"} <= set(dir(pymongoose))


def test_a_variable_keeps_import_quiet() -> None:
    assert run("import pymongoose", PYMONGOOSE_QUIET="1").stdout == ""


def test_all_public_names_exist_and_are_listed() -> None:
    for name in pymongoose.__all__:
        assert hasattr(pymongoose, name)
    for name in (
        "Manager",
        "Connection",
        "HttpMessage",
        "Timer",
        "TlsOpts",
        "AsyncManager",
        "log_set",
        "log_get",
    ):
        assert name in pymongoose.__all__
    for name in ("Manager", "Connection", "HttpMessage", "WsMessage", "MqttMessage", "Timer", "json_get"):
        assert getattr(_mongoose, name) is getattr(pymongoose, name)


def test_event_numbers() -> None:
    values = [getattr(pymongoose, f"MG_EV_{name}") for name in EVENTS]
    assert values == list(range(24))
    assert all(type(value) is int for value in values)


def test_other_numbers() -> None:
    assert (pymongoose.WEBSOCKET_OP_TEXT, pymongoose.WEBSOCKET_OP_BINARY) == (1, 2)
    assert (pymongoose.WEBSOCKET_OP_PING, pymongoose.WEBSOCKET_OP_PONG) == (9, 10)
    assert (pymongoose.WEBSOCKET_OP_CONTINUE, pymongoose.WEBSOCKET_OP_CLOSE) == (0, 8)
    levels = ("NONE", "ERROR", "INFO", "DEBUG", "VERBOSE")
    assert [getattr(pymongoose, f"MG_LL_{name}") for name in levels] == [0, 1, 2, 3, 4]
    types = ("BYTE", "STRING", "STRING_PAIR", "BINARY_DATA", "VARIABLE_INT", "INT", "SHORT")
    assert [getattr(pymongoose, f"MQTT_PROP_TYPE_{name}") for name in types] == list(range(7))


def test_the_library_is_quiet_after_import() -> None:
    assert pymongoose.log_get() == pymongoose.MG_LL_NONE


@pytest.mark.parametrize(
    ("ev", "name"),
    [
        (0, "MG_EV_ERROR"),
        (11, "MG_EV_HTTP_MSG"),
        (20, "MG_EV_MDNS_REQ"),
        (pymongoose.MG_EV_USER, "MG_EV_USER"),
        (pymongoose.MG_EV_USER + 5, "MG_EV_USER+5"),
        (-1, "MG_EV_UNKNOWN(-1)"),
    ],
)
def test_event_name(ev: int, name: str) -> None:
    assert pymongoose.event_name(ev) == name


def test_version_is_that_of_the_library() -> None:
    cargo = Path(__file__).resolve().parents[2] / "Cargo.toml"
    assert f'version = "{pymongoose.__version__}"' in cargo.read_text()


def test_the_package_is_typed() -> None:
    assert pymongoose.__file__ is not None
    assert Path(pymongoose.__file__).with_name("py.typed").exists()
