"""The programs of examples/ that speak TLS, WebSocket or MQTT, and those for servers in production."""

from __future__ import annotations

import os
import queue
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import connect

from loopback import running
from needs import need
from programs import EXAMPLES, PATIENCE, RUN, Program, certificate

ANY, ANY_TLS = "http://127.0.0.1:0", "https://127.0.0.1:0"


@pytest.mark.parametrize("name", ["c/chat", "python/chat"])
def test_chat(name: str) -> None:
    with RUN.start(name, ANY) as server:
        assert "<title>Chat</title>" in server.get("/")
        url = f"ws://127.0.0.1:{server.port}/chat"
        with connect(url, open_timeout=PATIENCE, proxy=None) as ann:
            with connect(url, open_timeout=PATIENCE, proxy=None) as bob:
                ann.send("hello")
                for user in (ann, bob):
                    heard = ""
                    while not heard.endswith("hello"):
                        heard = str(user.recv(timeout=PATIENCE))


def trusting(cert: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=cert)


@pytest.mark.parametrize("name", ["c/tls", "python/tls"])
def test_tls_and_a_new_certificate(name: str, tmp_path: Path) -> None:
    need("openssl")
    cert, key = certificate(tmp_path, "old")
    with RUN.start(name, cert, key, ANY_TLS) as server:
        assert server.ask("GET", "/", context=trusting(cert))[2].startswith(b"Hello over TLSv1.3")
        for made, used in zip(certificate(tmp_path, "new"), (cert, key)):
            os.replace(made, used)
        if name == "c/tls":
            server.process.send_signal(signal.SIGHUP)
        server.line("reloaded", server.url)
        assert ssl.get_server_certificate(("127.0.0.1", server.port)) == Path(cert).read_text()


@pytest.mark.parametrize("name", ["c/mutual_tls", "python/mutual_tls"])
def test_mutual_tls(name: str, tmp_path: Path) -> None:
    need("openssl")
    server_pair, client_pair = certificate(tmp_path, "server"), certificate(tmp_path, "ann")
    arguments = (*server_pair, client_pair[0], ANY_TLS)
    with RUN.start(name, *arguments, stderr=subprocess.DEVNULL) as server:
        known = trusting(server_pair[0])
        known.load_cert_chain(*client_pair)
        assert server.ask("GET", "/", context=known)[2] == b"Hello CN=ann\n"
        with pytest.raises(OSError):  # noqa: PT011 (an alert, a reset, or the end: the system's choice)
            server.ask("GET", "/", context=trusting(server_pair[0]))


@pytest.mark.parametrize("sensor", ["c/mqtt_sensor", "python/mqtt_sensor"])
def test_mqtt(sensor: str) -> None:
    with RUN.start("c/mqtt_broker", "mqtt://127.0.0.1:0") as broker:
        came: queue.Queue[tuple[str, bytes]] = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_subscribe = lambda *_: came.put(("subscribed", b""))
        client.on_message = lambda _c, _u, message: came.put((message.topic, message.payload))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        try:
            client.subscribe("sensor/+")
            assert came.get(timeout=PATIENCE)[0] == "subscribed"
            with RUN.start(sensor, broker.url, listens=False):
                topic, text = came.get(timeout=PATIENCE)
                assert topic == "sensor/temperature"
                assert 20 <= float(text) <= 26
                client.publish("sensor/led/set", "on")  # after the first reading it has subscribed
                while topic != "sensor/led":
                    topic, text = came.get(timeout=PATIENCE)
                assert text == b"on"
        finally:
            client.disconnect()
            client.loop_stop()


def test_serve_with_a_proxy_in_front() -> None:
    """What the pages about proxies and systemd start."""
    command = [sys.executable, "-m", "pymongoose", "serve", "asgi_app:app"]
    command += ["--app-dir", str(EXAMPLES / "python"), "--port", "0", "--proxy-headers"]
    quiet = {**os.environ, "PYMONGOOSE_QUIET": "1"}
    with running(command, stderr=subprocess.PIPE, text=True, env=quiet) as process:
        assert process.stderr is not None
        url = next(word for line in process.stderr for word in line.split() if word.startswith("http://"))
        server = Program(process, url)
        headers = {"X_Forwarded_For": "192.0.2.7", "X_Forwarded_Proto": "https"}
        assert server.ask("GET", "/x", **headers)[2].startswith(b"https /x for 192.0.2.7 by process ")
