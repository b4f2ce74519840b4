"""The demo page: its server, and the page in a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pymongoose.demo.__main__ import main
from pymongoose.demo.stats import Stats, percentile

ROOT = Path(__file__).resolve().parents[2]
# SCREENSHOTS=docs/images renews the pictures of the documents.
IMAGES = ROOT / os.environ.get("SCREENSHOTS", "target/screenshots")
TIMEOUT = 60


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
    assert stats.sample(0)["rate"] == 0
    assert len(stats.history) == 2


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


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pymongoose.demo"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYMONGOOSE_QUIET": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, line
    yield found[0]
    process.terminate()
    rest = process.stdout.read()
    process.stdout.close()
    assert process.wait(TIMEOUT) == 0
    assert rest == "Stopped.\n"


def test_echo_and_stream(url: str) -> None:
    import urllib.request

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


# The page in Chromium.


def wait_for(browser: Any, script: str) -> Any:
    """The value of a JavaScript expression, once it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, TIMEOUT).until(lambda b: b.execute_script(f"return {script}"))


def show(browser: Any, url: str, scheme: str, width: int, height: int) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    wait_for(browser, "document.getElementById('status').dataset.state === 'live'")


def wait_for_line(browser: Any, plot: str) -> None:
    """Waits until the line of a plot is drawn above the lowest third of it.

    The scale ends at 1, 2, 5 or 10 times a power of ten. The highest value reaches 38 % of the height or
    more, whatever the speed of the machine. A sample that has arrived is drawn with the next frame.
    """
    from selenium.webdriver.support.ui import WebDriverWait

    script = """
        const canvas = document.getElementById(arguments[0]);
        const probe = document.createElement('canvas').getContext('2d');
        probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--accent');
        probe.fillRect(0, 0, 1, 1);
        const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
        const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height * 2 / 3);
        let n = 0;
        for (let i = 0; i < data.length; i += 4)
            if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) n++;
        return n;
    """
    WebDriverWait(browser, TIMEOUT).until(lambda b: b.execute_script(script, plot) > 0)


def save(browser: Any, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(IMAGES / name))


def test_the_plot_moves_when_requests_are_sent(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    show(browser, url, "light", 1280, 1180)
    Select(browser.find_element(By.ID, "method")).select_by_visible_text("POST")
    browser.find_element(By.ID, "body").send_keys("from the page")
    browser.find_element(By.ID, "send").click()
    wait_for(browser, "!document.getElementById('result').hidden")
    answer = json.loads(browser.find_element(By.ID, "result").text)
    assert (answer["method"], answer["body"], answer["query"]) == ("POST", "from the page", "name=world")
    assert "200 OK" in browser.find_element(By.ID, "summary").text

    # The upper part of the plot is empty until a burst drives the line up there.
    browser.execute_script("document.getElementById('path').value = '/api/hello'")
    Select(browser.find_element(By.ID, "method")).select_by_visible_text("GET")
    browser.find_element(By.ID, "burst").click()
    wait_for(browser, "/^1,000 of 1,000 answered/.test(document.getElementById('summary').textContent)")
    wait_for(browser, "samples.some((s) => s.rate > 50)")
    wait_for(browser, "Number(document.getElementById('now-total').textContent.replace(',', '')) > 1000")
    wait_for_line(browser, "plot-rate")
    assert browser.execute_script("return samples.some((s) => s.p99 > 0 && s.open >= 1)")
    browser.execute_script("document.activeElement.blur()")
    save(browser, "demo-light.png")


def test_dark_and_phone(browser: Any, url: str) -> None:
    show(browser, url, "dark", 1280, 1180)
    light = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert light == "rgb(15, 19, 27)"
    save(browser, "demo-dark.png")
    show(browser, url, "light", 390, 844)
    wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, "the page is wider than a phone"
    save(browser, "demo-phone.png")


def test_the_page_needs_nothing_from_outside_and_logs_no_error(browser: Any, url: str) -> None:
    show(browser, url, "light", 1280, 1180)
    entries = browser.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert entries
    assert all(entry.startswith(url) for entry in entries)
    log = [e for e in browser.get_log("browser") if url in e["message"]]  # other tests have used it too
    assert [e for e in log if e["level"] == "SEVERE"] == []


def test_two_pages_chat(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By

    show(browser, url, "light", 1280, 1180)
    browser.find_element(By.ID, "tab-chat").click()
    browser.execute_script(
        "other = new WebSocket(location.origin.replace('http', 'ws') + '/chat'); heard = [];"
        "other.onmessage = (event) => heard.push(JSON.parse(event.data))"
    )
    wait_for(browser, "heard.some((m) => 'history' in m)")
    wait_for(browser, "document.getElementById('chat-clients').textContent === '2'")
    wait_for(browser, "!document.getElementById('chat-send').disabled")
    browser.find_element(By.ID, "chat-text").send_keys("Good morning <b>all</b>\n")
    wait_for(browser, "heard.some((m) => m.text === 'Good morning <b>all</b>')")
    browser.execute_script("other.send('x'.repeat(501)); other.send('hello'); other.send(new Uint8Array(3))")
    wait_for(browser, "document.getElementById('chat-log').children.length === 3")
    log = browser.find_element(By.ID, "chat-log").text.split("\n")
    assert log[0] == "you Good morning <b>all</b>"
    assert log[1].endswith(" " + "x" * 500)
    assert log[2].endswith(" hello")
    wait_for(browser, "Number(document.getElementById('chat-rate').textContent) >= 0")
    save(browser, "demo-chat.png")
    browser.execute_script("other.close()")
    wait_for(browser, "document.getElementById('chat-clients').textContent === '1'")
