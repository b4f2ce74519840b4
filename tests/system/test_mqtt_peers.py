"""The MQTT client against mosquitto, and a broker made of the library against paho-mqtt."""

# mypy: allow-untyped-calls

from __future__ import annotations

import queue
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

import cprogram
import loopback
import peers
from needs import need

PATIENCE = 60  # seconds; longer than any machine needs
V4, V5 = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5
VERSIONS = pytest.mark.parametrize("version", [V4, V5], ids=["3.1.1", "5"])
QOS = pytest.mark.parametrize("qos", [0, 1, 2])
PAYLOADS = [b"", b"D", b"hi", bytes(range(256)), b"x" * 16384, bytes(range(256)) * 400]


@dataclass
class Peer:
    """A paho client in a thread, and what came to it."""

    client: paho.Client
    messages: queue.Queue[paho.MQTTMessage] = field(default_factory=queue.Queue)
    done: queue.Queue[str] = field(default_factory=queue.Queue)

    def expect(self, what: str) -> None:
        assert self.done.get(timeout=PATIENCE) == what

    def subscribe(self, topic: str, qos: int) -> None:
        if self.client.protocol == V5:
            self.client.subscribe(topic, options=SubscribeOptions(qos=qos))
        else:
            self.client.subscribe(topic, qos)
        self.expect("subscribed")

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool = False, properties: Any = None
    ) -> None:
        info = self.client.publish(topic, payload, qos, retain, properties)
        info.wait_for_publish(PATIENCE)
        assert info.is_published()

    def forget(self, topic: str) -> None:
        """Clears a retained message, such as the will of a client that an earlier test has ended."""
        self.publish(topic, b"", 1, retain=True)

    def message(self) -> paho.MQTTMessage:
        return self.messages.get(timeout=PATIENCE)


@contextmanager
def connected(port: int, version: MQTTProtocolVersion) -> Iterator[Peer]:
    """A paho client that is logged in."""
    peer = Peer(paho.Client(CallbackAPIVersion.VERSION2, protocol=version))

    def says(word: str) -> Callable[..., None]:
        return lambda *_: peer.done.put(word)

    peer.client.on_connect = lambda _c, _u, _f, reason, _p: peer.done.put(f"connected: {reason}")
    peer.client.on_subscribe = says("subscribed")
    peer.client.on_unsubscribe = says("unsubscribed")
    peer.client.on_message = lambda _c, _u, message: peer.messages.put(message)
    peer.client.connect("127.0.0.1", port)
    peer.client.loop_start()
    try:
        peer.expect("connected: Success")
        yield peer
    finally:
        peer.client.disconnect()
        peer.client.loop_stop()


def properties() -> Properties:
    """What a broker passes on with a message."""
    made = Properties(PacketTypes.PUBLISH)
    made.PayloadFormatIndicator = 1
    made.ContentType = "text/plain"
    made.ResponseTopic = "answers/here"
    made.CorrelationData = b"\x00\x01\xff"
    made.UserProperty = [("test_key_1", "test_value_1"), ("test_key_1", ""), ("", "2")]
    return made


def same(ours: Any, wanted: Properties) -> None:
    for name in ("PayloadFormatIndicator", "ContentType", "ResponseTopic", "CorrelationData", "UserProperty"):
        assert getattr(ours, name) == getattr(wanted, name), name


# The client: mosquitto is the broker, and paho the other side.


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    need("mosquitto")
    port = loopback.free_port()
    config = tmp_path_factory.mktemp("mosquitto") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n")
    with peers.running(["mosquitto", "-c", config]) as process:
        loopback.wait_for(process, port)
        yield port


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("mqtt")
    return {name: peers.build(name, place) for name in ("mqtt_client", "mqtt_broker")}


class Client:
    """The library's client, which sends back what it receives."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def lines(self, count: int) -> list[str]:
        assert self.process.stdout
        return [self.process.stdout.readline().decode().rstrip() for _ in range(count)]

    def ready(self) -> None:
        assert self.lines(3) == ["open 0", "ready", "pong"]

    def wait(self) -> None:
        assert self.lines(1) == ["close"]
        assert self.process.wait(PATIENCE) == 0


Start = Callable[[MQTTProtocolVersion], AbstractContextManager[Client]]


@pytest.fixture
def start(mosquitto: int, programs: dict[str, Path]) -> Start:
    @contextmanager
    def starting(version: MQTTProtocolVersion) -> Iterator[Client]:
        url = f"mqtt://127.0.0.1:{mosquitto}"
        with peers.running([programs["mqtt_client"], url, str(int(version))]) as process:
            yield Client(process)

    return starting


@VERSIONS
@QOS
def test_client_echo(mosquitto: int, start: Start, version: MQTTProtocolVersion, qos: int) -> None:
    """Messages go both ways with each QoS, and the answers of each are what they should be."""
    answers = {0: [], 1: ["cmd 4"], 2: ["cmd 5", "cmd 6", "cmd 7"]}[qos]
    with connected(mosquitto, version) as peer, start(version) as client:
        client.ready()
        peer.subscribe("out/#", 2)
        for payload in PAYLOADS:
            peer.publish("in/echo", payload, qos)
            message = peer.message()
            assert (message.topic, message.payload, message.qos) == ("out/echo", payload, qos)
            assert sorted(client.lines(len(answers))) == answers
        peer.publish("in/disconnect", b"", 0)
        client.wait()


@QOS
def test_client_properties(mosquitto: int, start: Start, qos: int) -> None:
    with connected(mosquitto, V5) as peer, start(V5) as client:
        client.ready()
        peer.subscribe("out/#", 2)
        peer.publish("in/p", b"", qos, properties=properties())
        message = peer.message()
        assert (message.payload, message.qos) == (b"", qos)
        same(message.properties, properties())


@VERSIONS
def test_client_will_and_retained(mosquitto: int, start: Start, version: MQTTProtocolVersion) -> None:
    with connected(mosquitto, version) as peer:
        peer.forget("will/topic")
        peer.publish("in/kept", b"kept", 1, retain=True)
        peer.subscribe("out/#", 2)
        with start(version) as client:
            assert sorted(client.lines(5)) == ["cmd 4", "open 0", "pong", "ready", "retained"]
            assert peer.message().payload == b"kept"
            peer.publish("in/die", b"", 0)
            client.wait()
        # The will was retained: who subscribes now gets it.
        peer.subscribe("will/topic", 1)
        message = peer.message()
        assert (message.topic, message.payload, message.qos) == ("will/topic", b"bye", 1)
        if version == V5:
            assert getattr(message.properties, "ContentType", None) == "will/type"
        peer.forget("in/kept")


@VERSIONS
def test_client_leaves(mosquitto: int, start: Start, version: MQTTProtocolVersion) -> None:
    """After DISCONNECT there is no will; after UNSUBSCRIBE nothing comes."""
    with connected(mosquitto, version) as peer:
        peer.forget("will/topic")
        peer.subscribe("out/#", 2)
        peer.subscribe("will/topic", 1)
        with start(version) as client:
            client.ready()
            peer.publish("in/disconnect", b"", 0)
            client.wait()
        with start(version) as client:
            client.ready()
            peer.publish("in/unsubscribe", b"", 0)
            assert client.lines(1) == ["unsubscribed"]
            peer.publish("in/echo", b"nobody", 0)
            peer.publish("out/end", b"end", 1)
            assert peer.message().payload == b"end"


def test_the_example_of_the_guide(mosquitto: int, tmp_path: Path) -> None:
    page = (cprogram.ROOT / "docs/reference/mqtt.md").read_text()
    [code] = re.findall(r"^```c\n(#include .*?)^```$", page, re.M | re.S)
    source = tmp_path / "device.c"
    source.write_text(code.replace(":1883", f":{mosquitto}"))
    program = cprogram.build(source, tmp_path / "device", flags=peers.FLAGS)
    with connected(mosquitto, V4) as peer:
        peer.forget("device/status")
        peer.subscribe("device/#", 1)
        # Kept for the device, which may subscribe later.
        peer.publish("device/rx", b"hello", 1, retain=True)
        with peers.running([program]):
            seen = [peer.message() for _ in range(2)]
            assert [(m.topic, m.payload) for m in seen] == [("device/rx", b"hello"), ("device/tx", b"hello")]
        message = peer.message()
        assert (message.topic, message.payload) == ("device/status", b"gone")
        peer.forget("device/rx")


# The broker: paho is on both sides.


@pytest.fixture(scope="module")
def broker(programs: dict[str, Path]) -> Iterator[int]:
    port = loopback.free_port()
    with peers.running([programs["mqtt_broker"], f"mqtt://127.0.0.1:{port}"]) as process:
        loopback.wait_for(process, port)
        yield port


@pytest.mark.parametrize("to", [V4, V5], ids=["to 3.1.1", "to 5"])
@pytest.mark.parametrize("of", [V4, V5], ids=["of 3.1.1", "of 5"])
@QOS
def test_broker(broker: int, of: MQTTProtocolVersion, to: MQTTProtocolVersion, qos: int) -> None:
    with connected(broker, of) as sender, connected(broker, to) as receiver:
        receiver.subscribe("a/+/c", 2)
        for payload in PAYLOADS:
            sender.publish("a/b/c", payload, qos)
            message = receiver.message()
            assert (message.topic, message.payload, message.qos) == ("a/b/c", payload, qos)


def test_broker_properties(broker: int) -> None:
    with connected(broker, V5) as sender, connected(broker, V5) as receiver:
        receiver.subscribe("p/#", 2)
        sender.publish("p/x", b"", 2, properties=properties())
        message = receiver.message()
        assert message.payload == b""
        same(message.properties, properties())


@VERSIONS
def test_broker_subscriptions(broker: int, version: MQTTProtocolVersion) -> None:
    """Several filters in one packet, a lower QoS than the message's, and none any more."""
    with connected(broker, version) as peer:
        peer.client.subscribe([("s/1", 0), ("s/2", 1)])
        peer.expect("subscribed")
        for topic, qos in (("s/1", 0), ("s/2", 1)):
            peer.publish(topic, b"!", 2)
            message = peer.message()
            assert (message.topic, message.qos) == (topic, qos)
        peer.client.unsubscribe(["s/1", "s/2"])
        peer.expect("unsubscribed")
        peer.publish("s/1", b"nobody", 1)
        peer.subscribe("s/3", 0)
        peer.publish("s/3", b"end", 1)
        assert peer.message().payload == b"end"


@VERSIONS
def test_broker_flood(broker: int, version: MQTTProtocolVersion) -> None:
    """Many messages at once arrive once each."""
    count = 2000
    with connected(broker, version) as peer:
        peer.subscribe("f", 2)
        for n in range(count):
            peer.client.publish("f", str(n).encode(), n % 3)
        seen = sorted(int(peer.message().payload) for _ in range(count))
        assert seen == list(range(count))


def test_broker_refuses_other_versions(broker: int) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv31)
    gone: queue.Queue[Any] = queue.Queue()
    client.on_disconnect = lambda *args: gone.put(args)
    client.connect("127.0.0.1", broker)
    client.loop_start()
    gone.get(timeout=PATIENCE)
    client.loop_stop()
