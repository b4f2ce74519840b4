"""The dashboard of examples/ in Chromium: log-in, levels, sliders, files, firmware, reload, phone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accessibility import violations
from cprogram import ROOT
from programs import PATIENCE, RUN, Program

# SCREENSHOTS=docs/images renews the pictures of the documents.
IMAGES = ROOT / os.environ.get("SCREENSHOTS", "target/screenshots")


class Page:
    """The page of a device in a browser."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser = browser
        browser.get(url)

    def until(self, condition: Callable[[], object]) -> None:
        """Waits until the condition holds; elements may be replaced meanwhile."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.browser, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
        waiting.until(lambda _: condition())

    def find(self, name: str) -> Any:
        return self.browser.find_element("id", name)

    def script(self, text: str) -> Any:
        return self.browser.execute_script(text)

    def says(self, name: str, text: str) -> None:
        self.until(lambda: text in self.find(name).text)

    def log_in(self, user: str, password: str) -> None:
        self.until(lambda: self.find("login").is_displayed())
        for name, text in (("user", user), ("password", password)):
            field = self.browser.find_element("name", name)
            field.clear()
            field.send_keys(text)
        self.find("login").find_element("tag name", "button").click()

    def enter(self, user: str) -> None:
        self.log_in(user, user)
        self.until(lambda: self.find("view").is_displayed())

    def turn(self, view: str) -> None:
        self.script(f"location.hash = '{view}'")
        self.until(lambda: self.find(view).is_displayed())

    def slide(self, name: str, value: float) -> None:
        self.script(
            f"const slider = document.getElementById('{name}'); slider.value = {value};"
            "slider.dispatchEvent(new Event('input')); slider.dispatchEvent(new Event('change'))"
        )

    def save(self, name: str) -> None:
        IMAGES.mkdir(parents=True, exist_ok=True)
        assert self.browser.save_screenshot(str(IMAGES / name))

    def size(self, width: int, height: int, scheme: str = "light") -> None:
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The device; its files are in a folder of the test."""
    folder = tmp_path_factory.mktemp("device")
    with RUN.start("dashboard/main", "http://127.0.0.1:0", str(folder / "files")) as program:
        yield program


@pytest.fixture
def page(browser: Any, device: Program) -> Iterator[Page]:
    browser.delete_all_cookies()
    shown = Page(browser, f"{device.url}/")
    shown.size(1100, 820)
    yield shown
    browser.delete_all_cookies()
    browser.get("about:blank")


def test_an_operator_switches_and_slides(page: Page) -> None:
    page.log_in("operator", "wrong")
    page.says("error", "Wrong user or password.")
    page.enter("operator")
    assert not page.find("login").is_displayed()
    page.find("lamp").click()
    page.says("lamp", "Lamp is on")
    page.slide("brightness", 35)
    page.slide("setpoint", 24.5)
    page.says("brightness-now", "35 %")
    page.says("setpoint-now", "24.5 °C")
    page.until(lambda: page.script("return history.length > 2 && !isDragging"))
    page.says("heating", "Heating is on")
    # Values out of range are limited by the device.
    page.script("change({brightness: 1000})")
    page.says("brightness-now", "100 %")
    page.save("dashboard.png")
    # A reload keeps the session, the view and what the chart has shown.
    page.turn("events")
    page.browser.refresh()
    page.until(lambda: page.find("events").is_displayed())
    page.says("event-list", "Started")
    assert page.script("return history.length") > 2
    page.turn("overview")
    page.says("lamp", "Lamp is on")
    assert not page.find("update").is_enabled()
    page.find("logout").click()
    page.until(lambda: page.find("login").is_displayed())
    page.says("error", "Logged out.")


def test_a_viewer_changes_nothing(page: Page, device: Program) -> None:
    page.enter("viewer")
    page.says("temperature", "°C")
    for name in ("lamp", "brightness", "setpoint", "name", "file", "update"):
        assert not page.find(name).is_enabled(), name
    page.script("change({lamp: true})")
    page.says("said", "You may look, but not change anything.")
    status = "fetch('fs/files/x.txt', {method: 'PUT', body: 'x'}).then((r) => { window.refused = !r.ok })"
    page.script(status)
    page.until(lambda: page.script("return window.refused === true"))
    page.script("fetch('api/ota', {method: 'POST', body: 'x'}).then((r) => { window.kept = !r.ok })")
    page.until(lambda: page.script("return window.kept === true"))


def test_files_and_firmware(page: Page, tmp_path: Path) -> None:
    page.enter("admin")
    page.turn("files")
    note = tmp_path / "a note.txt"
    note.write_text("remember")
    page.find("file").send_keys(str(note))
    page.says("said", "a note.txt is stored.")
    page.says("file-list", "a note.txt")
    link = page.script("return document.querySelector('#file-list a').href")
    page.script(f"fetch('{link}').then((r) => r.text()).then((text) => {{ window.read = text }})")
    page.until(lambda: page.script("return window.read === 'remember'"))
    page.script("document.querySelector('#file-list button').click()")
    page.until(lambda: "a note.txt" not in page.find("file-list").text)

    page.turn("firmware")
    page.find("update").click()
    page.says("said", "Choose an image first.")
    image = tmp_path / "firmware.bin"
    image.write_bytes(b"123456789" * 100_000)
    page.find("image").send_keys(str(image))
    page.find("update").click()
    page.says("said", "The firmware was updated.")
    page.until(lambda: page.script("return document.getElementById('update-progress').value === 1"))
    page.until(lambda: page.find("version").text not in ("", "1.0.0"))
    page.turn("events")
    page.says("event-list", "Firmware updated to")
    page.find("clear").click()
    page.until(lambda: page.find("event-list").text == "")


@pytest.mark.parametrize(("width", "scheme"), [(1100, "dark"), (390, "light")])
def test_every_view_is_accessible_and_fits(page: Page, width: int, scheme: str) -> None:
    page.browser.get_log("browser")  # What other tests have left.
    page.size(width, 844, scheme)
    page.until(lambda: page.find("login").is_displayed())
    assert violations(page.browser) == []
    page.enter("admin")
    for view in ("overview", "files", "firmware", "events"):
        page.turn(view)
        assert violations(page.browser) == [], view
        wide = page.script("return document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, view
    page.turn("overview")
    page.until(lambda: page.script("return history.length > 2"))
    page.save("dashboard-phone.png" if width < 600 else "dashboard-dark.png")
    log = page.browser.get_log("browser")
    # The first question without a session is answered by 403, which the browser logs.
    errors = [e for e in log if e["level"] == "SEVERE" and "403" not in e["message"]]
    assert errors == []
