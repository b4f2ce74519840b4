"""MQTT clients that connect again: mosquitto is killed and started under them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import loopback
from needs import need
from pymongoose import (
    MG_EV_CLOSE,
    MG_EV_MQTT_CMD,
    MG_EV_MQTT_DISCONNECTED,
    MG_EV_MQTT_MSG,
    MG_EV_MQTT_OPEN,
    MG_EV_MQTT_RECONNECTED,
    Connection,
    Manager,
)

PATIENCE = 120  # seconds; longer than any machine needs
SUBACK, PINGRESP = 9, 13


class Broker:
    """A mosquitto that can be started anew on its port."""

    def __init__(self, place: Path, stores: bool) -> None:
        self.port = loopback.free_port()
        self.config = place / "mosquitto.conf"
        self.process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "log_dest none"]
        lines += [f"persistence {str(stores).lower()}", f"persistence_location {place}/"]
        # As root, mosquitto would become a user who may not write there.
        lines += ["user root"] if os.geteuid() == 0 else []
        self.config.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        self.process = subprocess.Popen(["mosquitto", "-c", self.config])
        loopback.wait_for(self.process, self.port)

    def end(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self.process = None


@pytest.fixture
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broker]:
    need("mosquitto")
    made = Broker(tmp_path, request.param)
    made.start()
    yield made
    if made.process is not None:
        made.end(signal.SIGTERM)


@dataclass
class Client:
    """Publishes, and gets what it publishes."""

    got: Counter[bytes] = field(default_factory=Counter)
    sessions: list[int] = field(default_factory=list)
    logins: int = 0
    losses: int = 0
    subscribed: int = 0
    pongs: int = 0
    closed: bool = False
    up: bool = False
    until: int = 0  # so many messages are waited for

    def __call__(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_MQTT_OPEN and data == 0:
            self.logins += 1
            self.up = True
        elif ev == MG_EV_MQTT_DISCONNECTED:
            assert data >= 10
            self.losses += 1
            self.up = False
        elif ev == MG_EV_MQTT_RECONNECTED:
            self.sessions.append(data)
        elif ev == MG_EV_MQTT_MSG:
            self.got[data.data] += 1
        elif ev == MG_EV_MQTT_CMD:
            self.subscribed += data.cmd == SUBACK
            self.pongs += data.cmd == PINGRESP
        elif ev == MG_EV_CLOSE:
            self.closed = True


def until(manager: Manager, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "this takes too long"
        manager.poll(10)


def once(client: Client, sent: list[tuple[bytes, int]]) -> bool:
    """Each message with QoS 2 has come once, each with QoS 1 at least once."""
    assert all(client.got[payload] <= 1 for payload, qos in sent if qos == 2)
    return all(client.got[payload] > 0 for payload, _ in sent)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("broker", [True, False], indirect=True, ids=["stores", "forgets"])
def test_messages_survive_the_broker(broker: Broker, version: int) -> None:
    """Nothing is lost, and QoS 2 is exactly once, whether the broker stores sessions or not."""
    stores = "persistence true" in broker.config.read_text()
    client = Client()
    with Manager() as manager:
        manager.set(mqtt_reconnect=50, mqtt_reconnect_max=100)
        conn = manager.mqtt_connect(
            f"mqtt://127.0.0.1:{broker.port}",
            client,
            "restart",
            clean_session=False,
            version=version,
            reconnect=True,
        )
        conn.mqtt_sub("t", 2)
        until(manager, lambda: client.subscribed == 1)
        sent: list[tuple[bytes, int]] = []
        numbers = itertools.count()

        def complete() -> bool:
            return once(client, sent) and conn.mqtt_queued == 0

        for _ in range(2):
            batch = [(b"%d" % next(numbers), qos) for qos in (1, 2) * 20]
            for payload, qos in batch:
                assert conn.mqtt_pub("t", payload, qos) > 0
            sent += batch
            # A broker that stores nothing loses what it has taken, so it is asked for all of it first.
            until(manager, complete)
            broker.end(signal.SIGTERM if stores else signal.SIGKILL)
            until(manager, lambda: not client.up)
            more = [(b"%d" % next(numbers), qos) for qos in (1, 2) * 20]
            for payload, qos in more:
                assert conn.mqtt_pub("t", payload, qos) > 0
            sent += more
            assert conn.mqtt_queued == len(more)
            broker.start()
            until(manager, lambda: client.up)
        until(manager, complete)
        assert (client.logins, len(client.sessions)) == (3, 2)
        # MQTT 5 keeps a session only for a client that says for how long.
        assert set(client.sessions) == {int(stores and version == 4)}
        conn.mqtt_disconnect()
        until(manager, lambda: client.closed)


@pytest.mark.parametrize("broker", [True], indirect=True, ids=["stores"])
def test_messages_in_flight_survive(broker: Broker) -> None:
    """The broker ends in the midst of what is published."""
    client = Client()
    with Manager() as manager:
        manager.set(mqtt_reconnect=50, mqtt_reconnect_max=100)
        conn = manager.mqtt_connect(
            f"mqtt://127.0.0.1:{broker.port}", client, "flight", clean_session=False, reconnect=True
        )
        conn.mqtt_sub("t", 2)
        until(manager, lambda: client.subscribed == 1)
        sent: list[tuple[bytes, int]] = []
        for turn in range(3):
            batch = [(b"%d-%d" % (turn, n), 1 + n % 2) for n in range(100)]
            for payload, qos in batch:
                assert conn.mqtt_pub("t", payload, qos) > 0
            sent += batch
            client.until = sum(client.got.values()) + 5
            until(manager, lambda: sum(client.got.values()) >= client.until)
            broker.end(signal.SIGTERM)
            until(manager, lambda: not client.up)
            broker.start()
            until(manager, lambda: client.up)
        until(manager, lambda: once(client, sent) and conn.mqtt_queued == 0)
        conn.close()
        until(manager, lambda: client.closed)


@pytest.mark.parametrize("broker", [False], indirect=True, ids=["forgets"])
def test_pings_keep_a_client_alive(broker: Broker) -> None:
    """A second of keep-alive: mosquitto would end the connection after one and a half."""
    client = Client()
    with Manager() as manager:
        manager.mqtt_connect(f"mqtt://127.0.0.1:{broker.port}", client, keepalive=1, reconnect=True)
        until(manager, lambda: client.pongs == 3)
        assert (client.logins, client.losses) == (1, 0)
