"""The demo's page in Chromium: plots, load, tabs, keyboard, accessibility; on a desktop and on a phone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_demo import TIMEOUT, ask, demo

from accessibility import violations

ROOT = Path(__file__).resolve().parents[2]
# SCREENSHOTS=docs/images renews the pictures of the documents.
IMAGES = ROOT / os.environ.get("SCREENSHOTS", "target/screenshots")
TABS = ("requests", "chat", "mqtt", "tls", "rpc", "upload", "files", "metrics")
DESKTOP, PHONE = (1280, 1560), (390, 844)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo("--no-first-load") as (url, _):
        yield url


def wait_for(browser: Any, script: str) -> Any:
    """The value of a JavaScript expression, once it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, TIMEOUT).until(lambda b: b.execute_script(f"return {script}"))


def wait_for_text(browser: Any, name: str, text: str) -> None:
    """Waits until the element shows this text, as a part of its own."""
    wait_for(browser, f"document.getElementById('{name}').textContent.includes({json.dumps(text)})")


def show(
    browser: Any, url: str, size: tuple[int, int] = DESKTOP, scheme: str = "light", scale: int = 1
) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(url)
    wait_for(browser, "document.getElementById('status').dataset.state === 'live'")
    wait_for(browser, "document.querySelector('#peers tbody tr:nth-child(5)')")
    wait_for(browser, "document.querySelector('#requests .source pre').textContent.includes('class Demo')")


def click(browser: Any, name: str) -> None:
    """Clicks by script: what is out of view on a phone is clicked too."""
    browser.execute_script(f"document.getElementById('{name}').click()")


def open_tab(browser: Any, name: str) -> None:
    click(browser, f"tab-{name}")
    wait_for(browser, f"document.querySelector('#{name} .source pre').textContent.includes('import')")


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


def wait_for_frame(browser: Any, name: str, text: str) -> None:
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def found(_: Any) -> bool:
        browser.switch_to.default_content()
        browser.switch_to.frame(browser.find_element(By.ID, name))
        return text in browser.find_element(By.TAG_NAME, "body").text

    WebDriverWait(browser, TIMEOUT, ignored_exceptions=[WebDriverException]).until(found)
    browser.switch_to.default_content()


def save(browser: Any, name: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(IMAGES / name))


def test_the_load_button_moves_the_plots(browser: Any, url: str) -> None:
    show(browser, url, scale=2)
    click(browser, "load")
    wait_for_text(browser, "load", "Stop the load")
    wait_for(browser, "samples.some((s) => s.rate > 1 && s.open > 50 && s.cpu > 0)")
    # The load ends by itself: on a slow machine it is started again.
    wait_for(
        browser,
        "Number(document.getElementById('now-cpu').textContent) > 0 || (/^Load/.test("
        "document.getElementById('load').textContent) && document.getElementById('load').click(), false)",
    )
    wait_for_line(browser, "plot-rate")
    wait_for_line(browser, "plot-open")
    save(browser, "demo-light.png")
    # The page's button stops it; on a slow machine it may be over by now.
    browser.execute_script(
        "const b = document.getElementById('load'); if (/Stop/.test(b.textContent)) b.click()"
    )
    wait_for_text(browser, "load", "Load the server")


def test_arrow_keys_read_the_plots(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, url)
    wait_for(browser, "samples.length > 2")
    canvas = browser.find_element(By.ID, "plot-latency")
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    wait_for(browser, "/p99 .* ms .*p50 .* ms/.test(document.getElementById('plot-latency').ariaLabel)")


def test_requests(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    show(browser, url)
    Select(browser.find_element(By.ID, "method")).select_by_visible_text("POST")
    browser.find_element(By.ID, "body").send_keys("from the page")
    click(browser, "send")
    wait_for(browser, "!document.getElementById('result').hidden")
    answer = json.loads(browser.find_element(By.ID, "result").text)
    assert (answer["method"], answer["body"], answer["query"]) == ("POST", "from the page", "name=world")
    assert "200 OK" in browser.find_element(By.ID, "summary").text
    browser.execute_script("document.getElementById('path').value = '/api/hello'")
    Select(browser.find_element(By.ID, "method")).select_by_visible_text("GET")
    Select(browser.find_element(By.ID, "count")).select_by_visible_text("100")
    click(browser, "burst")
    wait_for(browser, "/^100 of 100 answered/.test(document.getElementById('summary').textContent)")


def test_tabs_by_keyboard(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    show(browser, url)
    selected = "document.querySelector('[role=tab][aria-selected=true]').id"
    tab = browser.find_element(By.ID, "tab-requests")
    for key, name in (
        (Keys.ARROW_RIGHT, "chat"),
        (Keys.END, "metrics"),
        (Keys.ARROW_RIGHT, "requests"),
        (Keys.ARROW_LEFT, "metrics"),
        (Keys.HOME, "requests"),
    ):
        tab.send_keys(key)
        wait_for(browser, f"{selected} === 'tab-{name}' && document.activeElement.id === 'tab-{name}'")
        tab = browser.find_element(By.ID, f"tab-{name}")
    wait_for(browser, "document.querySelectorAll('[role=tab][tabindex=\"-1\"]').length === 7")
    wait_for(browser, "document.querySelectorAll('[role=tabpanel]:not([hidden])').length === 1")


def test_two_pages_chat(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By

    show(browser, url)
    open_tab(browser, "chat")
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
    browser.execute_script("other.close()")
    wait_for(browser, "document.getElementById('chat-clients').textContent === '1'")


def test_mqtt(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By

    show(browser, url)
    open_tab(browser, "mqtt")
    wait_for_text(browser, "mqtt-state", "Connected to the broker")
    browser.find_element(By.CSS_SELECTOR, "#mqtt-subscribe button").click()
    wait_for_text(browser, "mqtt-log", "demo/requests-per-second")
    browser.find_element(By.CSS_SELECTOR, "#mqtt-publish button").click()
    wait_for_text(browser, "mqtt-log", "demo/hello Good morning")
    wait_for_text(browser, "mqtt-command", "mosquitto_pub")
    save(browser, "demo-mqtt.png")


def test_tls(browser: Any, url: str) -> None:
    show(browser, url)
    open_tab(browser, "tls")
    click(browser, "tls-shake")
    wait_for_text(browser, "tls-state", "TLSv1.3 on port ")
    wait_for_text(browser, "tls-facts", "CN=pymongoose demo")
    wait_for_text(browser, "tls-pem", "BEGIN CERTIFICATE")
    wait_for(browser, "document.querySelector('#tls-open a').href.startsWith('https://127.0.0.1:')")


def test_rpc(browser: Any, url: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    show(browser, url)
    open_tab(browser, "rpc")
    call = browser.find_element(By.CSS_SELECTOR, "#rpc button")
    method = Select(browser.find_element(By.ID, "rpc-method"))
    for name, text in (("sum", "sum returned 6.5"), ("rpc.list", '"sum"'), ("nothing", "Error -32601")):
        method.select_by_visible_text(name)
        call.click()
        wait_for_text(browser, "rpc-state", text)


def test_upload_and_files(browser: Any, url: str, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    file = tmp_path / "three pieces.bin"
    file.write_bytes(bytes(600_000))
    show(browser, url)
    open_tab(browser, "upload")
    browser.find_element(By.ID, "upload-file").send_keys(str(file))
    click(browser, "upload-send")
    wait_for_text(browser, "upload-state", "three pieces.bin: 600,000 bytes")
    wait_for(browser, "document.getElementById('upload-progress').value === 1")
    assert ask(f"{url}files/three%20pieces.bin") == (200, bytes(600_000))
    open_tab(browser, "files")
    # The frame loads its page after it is shown: it is looked into anew until the page is there.
    wait_for_frame(browser, "files-list", "three pieces.bin")


def test_metrics(browser: Any, url: str) -> None:
    show(browser, url)
    open_tab(browser, "metrics")
    wait_for(
        browser,
        "/^demo_http_requests_total \\d+$/m.test(document.getElementById('metrics-text').textContent)",
    )


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")], ids=["dark", "phone"])
def test_every_tab_is_accessible_and_fits(browser: Any, url: str, size: tuple[int, int], scheme: str) -> None:
    show(browser, url, size, scheme, scale=2)
    dark = "(getComputedStyle(document.body).backgroundColor === 'rgb(15, 19, 27)')"
    wait_for(browser, f"{dark} === {str(scheme == 'dark').lower()}")
    save(browser, "demo-dark.png" if scheme == "dark" else "demo-phone.png")
    show(browser, url, size, scheme)
    for name in TABS:
        open_tab(browser, name)
        assert violations(browser, "html" if name == TABS[0] else f"#{name}") == [], name
        wait_for(browser, "document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_needs_nothing_from_outside_and_logs_no_error(browser: Any, url: str) -> None:
    browser.get_log("browser")  # What other tests have left.
    show(browser, url)
    for name in TABS:
        open_tab(browser, name)
    entries = browser.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert len(entries) > len(TABS)
    assert all(entry.startswith(url) for entry in entries)
    log = [e for e in browser.get_log("browser") if url in e["message"]]
    assert [e for e in log if e["level"] == "SEVERE"] == []
