"""The demo: its server, its load, its broker. tests/python/test_demo_page.py has the page in a browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from conftest import Server

from loopback import running
from pymongoose import MG_EV_HTTP_MSG, Manager
from pymongoose.demo import load, mqtt, tls
from pymongoose.demo.__main__ import main
from pymongoose.demo.stats import REQUESTS_MIN, Stats, percentile

TIMEOUT = 60
PEERS = Path(load.__file__).with_name("peers.json")


def test_percentiles() -> None:
    assert percentile([], 0.5) == 0
    assert percentile([1, 2, 3, 4], 0.5) == 3
    assert percentile([1, 2, 3, 4], 0.99) == 4


def test_samples() -> None:
    stats = Stats()
    for _ in range(10):
        stats.finished(0.002)
    sample = stats.sample(3)
    assert (sample["open"], sample["total"], sample["p50"], sample["p99"]) == (3, 10, 2.0, 2.0)
    assert sample["rate"] > 0
    assert sample["cpu"] == 0, "too few requests"
    assert stats.sample(0)["rate"] == 0
    assert len(stats.history) == 2
    for _ in range(REQUESTS_MIN):
        stats.finished(0.001)
    assert stats.sample(0)["cpu"] > 0


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "--port" in out
    assert "--host" in out


def test_port_in_use(capsys: pytest.CaptureFixture[str], url: str) -> None:
    port = url.rstrip("/").rpartition(":")[2]
    assert main(["--port", port]) == 1
    assert "Is the port in use?" in capsys.readouterr().err


@contextmanager
def demo(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The demo in a process: its URL, and the process."""
    command = [sys.executable, "-m", "pymongoose.demo", *options]
    quiet = {**os.environ, "PYMONGOOSE_QUIET": "1"}
    with running(command, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+:\d+/", line)
        assert found, line
        yield found[0], process
        process.terminate()
        rest = process.stdout.read()
    code = process.returncode
    if code != -signal.SIGKILL:
        assert (code, rest) == (0, "Stopped.\n")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo("--no-first-load") as (url, _):
        yield url


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read()


def until(condition: Any) -> Any:
    """The value of condition(), once it is true."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)
    return value


def test_echo_and_stream(url: str) -> None:
    request = urllib.request.Request(f"{url}api/echo?a=1", b"body", {"X-Test": "yes"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        echo = json.load(response)
    assert (echo["method"], echo["path"], echo["query"], echo["body"]) == ("POST", "/api/echo", "a=1", "body")
    assert echo["headers"]["X-Test"] == "yes"
    with urllib.request.urlopen(f"{url}events", timeout=TIMEOUT) as stream:
        lines = [stream.readline().decode().strip() for _ in range(5)]
    assert lines[0] == "event: history"
    assert "samples" in json.loads(lines[1].removeprefix("data: "))
    assert lines[3] == "event: sample"
    assert "p99" in json.loads(lines[4].removeprefix("data: "))


def total(url: str) -> float:
    metrics = ask(f"{url}metrics")[1].decode()
    found = re.search(r"^demo_http_requests_total (\S+)$", metrics, re.MULTILINE)
    assert found, metrics
    return float(found[1])


def test_the_load_starts_and_stops(url: str) -> None:
    before = total(url)
    state = json.loads(ask(f"{url}api/load", "POST")[1])
    assert (state["running"], state["failed"]) == (True, False)
    assert 0 < state["left"] <= load.SECONDS
    until(lambda: total(url) > before + 100)  # This machine may be slow, and the load ends by itself.
    assert ask(f"{url}api/load", "DELETE")[0] == 200
    state = until(lambda: (s := json.loads(ask(f"{url}api/load")[1]))["running"] is False and s)
    assert state["failed"] is False


def test_the_load_starts_when_the_page_is_opened_and_ends_with_the_server() -> None:
    with demo() as (url, process):
        with urllib.request.urlopen(f"{url}events", timeout=TIMEOUT) as stream:
            until(lambda: b'"running": true' in stream.readline())
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            # It may have ended already on a slow machine; other systems do not tell.
            worker = next(iter(children.read_text().split()), "") if children.exists() else ""
            process.kill()
        process.wait(TIMEOUT)
        if worker:
            until(lambda: not is_running(worker))


def is_running(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_pages_of_other_sites_get_nothing(url: str) -> None:
    for path in ("api/load", "api/rpc", "api/upload?file=a&offset=0", "chat", "mqtt"):
        assert ask(url + path, "POST", b"{}", Origin="http://example.org")[0] == 403, path


@pytest.mark.parametrize(
    ("reply", "code"), [(load.REPLY.decode(), 0), ("wrong", None), ('not {"message":"Hello, World!"}', 1)]
)
def test_the_load_ends_by_itself(reply: str, code: int | None, never: IO[bytes]) -> None:
    status = 200 if code == 0 else 500

    def handler(conn: Any, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            assert data.uri == load.PATH
            conn.reply(status, reply)
            if code is None:
                conn.drain()

    with Server(handler) as server:
        assert load.run(("127.0.0.1", server.port), 3, 0.2 if code == 0 else TIMEOUT, never) == (
            1 if code is None else code
        )


def test_the_load_without_a_server_fails(unused_port: int, never: IO[bytes]) -> None:
    assert load.run(("127.0.0.1", unused_port), 1, 1, never) == 1
    worker = load.Load("127.0.0.1", unused_port)
    assert worker.start(1)
    assert not worker.start(1), "there is one at most"
    until(lambda: not worker.running)
    assert worker.state()["failed"]
    worker.close()


@pytest.fixture
def never() -> Iterator[IO[bytes]]:
    """A file that does not end as long as the test runs."""
    reader, writer = os.pipe()
    with open(reader, "rb") as file:
        yield file
    os.close(writer)


@pytest.fixture
def unused_port() -> int:
    from loopback import free_port

    return free_port()


def test_uploads_files_and_rpc(url: str) -> None:
    assert ask(f"{url}api/upload?file=a.txt&offset=0", "POST", b"one") == (200, b"3")
    assert ask(f"{url}api/upload?file=a.txt&offset=3", "POST", b"two") == (200, b"6")
    assert ask(f"{url}files/a.txt") == (200, b"onetwo")
    assert b"README.txt" in ask(f"{url}files/")[1]
    assert ask(f"{url}api/upload?file=../a&offset=0", "POST", b"x")[0] == 400
    many = [ask(f"{url}api/upload?file=f{i}&offset=0", "POST", b"x")[0] for i in range(25)]
    assert set(many) == {200, 403}
    assert ask(f"{url}files/../server.py")[0] in (400, 404)

    def call(text: str) -> Any:
        return json.loads(ask(f"{url}api/rpc", "POST", text.encode())[1])

    assert call('{"id":1,"method":"sum","params":[1,2.5]}')["result"] == 3.5
    assert call('{"id":1,"method":"sum","params":["a"]}')["error"]["code"] == -32602
    assert "rpc.list" in call('{"id":1,"method":"rpc.list"}')["result"]
    assert "rate" in call('{"id":1,"method":"stats"}')["result"]
    assert ask(f"{url}source/rpc.py")[1].startswith(b'"""The JSON-RPC tab')


def test_tls(url: str) -> None:
    import ssl

    status, text = ask(f"{url}api/tls")
    facts = json.loads(text)
    assert (status, facts["version"], facts["subject"]) == (200, "TLSv1.3", "CN=pymongoose demo")
    assert facts["names"] == ["DNS:localhost", "IP:127.0.0.1"]
    context = ssl.create_default_context(cadata=facts["pem"])
    client = http.client.HTTPSConnection("127.0.0.1", facts["port"], timeout=TIMEOUT, context=context)
    client.request("GET", "/api/tls")
    mine = json.load(client.getresponse())
    client.close()
    assert mine["version"].startswith("TLSv1.")
    assert "subject" not in mine


def test_without_openssl_the_tab_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert tls.self_signed() is None


@pytest.mark.parametrize(
    ("topic", "wanted", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/+", True),
        ("a/b/c", "a/+", False),
        ("a/b/c", "a/#", True),
        ("a", "a/#", True),
        ("a", "#", True),
        ("a/b", "a", False),
        ("", "+", True),
    ],
)
def test_topics(topic: str, wanted: str, expected: bool) -> None:
    assert mqtt.matches(topic, wanted) is expected


def test_filters_of_packets() -> None:
    long = "x" * 200
    body = b"\x00\x07" + b"".join(len(f).to_bytes(2, "big") + f.encode() + b"\x00" for f in ("a/#", long))
    packet = bytes([0x82, len(body) & 127 | 128, len(body) >> 7]) + body + b"next packet"
    assert mqtt.filters_of(packet, True) == ["a/#", long]
    assert mqtt.filters_of(b"\xa2\x06\x00\x01\x00\x02ab", False) == ["ab"]


def test_the_broker(manager: Manager) -> None:
    """With a client of its own, and raw packets."""
    from conftest import poll_until

    broker = mqtt.Broker(manager, "127.0.0.1")
    seen: list[tuple[str, str]] = []

    def client(conn: Any, ev: int, data: Any) -> None:
        from pymongoose import MG_EV_MQTT_MSG, MG_EV_MQTT_OPEN

        if ev == MG_EV_MQTT_OPEN:
            for i in range(mqtt.FILTERS_MAX + 5):
                conn.mqtt_sub(f"many/{i}")
            conn.mqtt_sub("many/0")
        elif ev == MG_EV_MQTT_MSG:
            seen.append((data.topic, data.text))

    broker.publish("many/1", "kept", retain=True)
    conn = manager.mqtt_connect(f"mqtt://127.0.0.1:{broker.port}", client)
    poll_until(manager, lambda: seen)
    assert seen == [("many/1", "kept")]
    (filters,) = broker.filters.values()
    poll_until(manager, lambda: len(filters) == mqtt.FILTERS_MAX)
    conn.mqtt_pub("many/2", "hello")
    poll_until(manager, lambda: len(seen) == 2)
    conn.mqtt_unsub("many/2")
    conn.mqtt_ping()
    poll_until(manager, lambda: "many/2" not in next(iter(broker.filters.values())))
    conn.mqtt_disconnect()
    poll_until(manager, lambda: not broker.filters)
    # Another version of the protocol is refused.
    with socket.create_connection(("127.0.0.1", broker.port), timeout=TIMEOUT) as raw:
        raw.sendall(b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a")
        raw.setblocking(False)
        received = bytearray()

        def answered() -> bool:
            try:
                received.extend(raw.recv(16))
            except BlockingIOError:
                return False
            return bool(received)

        poll_until(manager, answered)
        assert bytes(received) == b"\x20\x02\x00\x01"


def test_the_figures_of_peers() -> None:
    """benches/peers.py writes them; the page shows them."""
    figures = json.loads(PEERS.read_text())
    assert {"machine", "load", "rows"} == set(figures)
    assert len(figures["rows"]) >= 4
    for row in figures["rows"]:
        assert row["title"]
        assert 0 < row["cpu_us"] < 10_000
