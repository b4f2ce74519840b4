"""The dashboard of examples/ in Chromium: log-in, switching, reload, phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from programs import PATIENCE, RUN


def test_dashboard(browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    def until(condition: Callable[[], object]) -> None:
        WebDriverWait(browser, PATIENCE).until(lambda _: condition())

    def find(name: str) -> Any:
        return browser.find_element(By.ID, name)

    def log_in(user: str, password: str) -> None:
        until(lambda: find("login").is_displayed())
        for name, text in (("user", user), ("password", password)):
            field = browser.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)
        find("login").find_element(By.TAG_NAME, "button").click()

    with RUN.start("dashboard/main", "http://127.0.0.1:0") as device:
        browser.get(f"{device.url}/")
        log_in("admin", "wrong")
        until(lambda: find("error").text == "Wrong user or password.")
        log_in("admin", "admin")
        until(lambda: find("view").is_displayed())
        assert not find("login").is_displayed()
        find("led").click()
        until(lambda: find("led").get_attribute("aria-pressed") == "true")
        find("note").click()
        until(lambda: "A note" in find("events").text)
        browser.refresh()
        until(lambda: find("led").get_attribute("aria-pressed") == "true")
        assert find("view").is_displayed()
        browser.set_window_size(500, 800)  # Chromium has no narrower window.
        narrow = (
            "return window.innerWidth <= 500 && document.documentElement.scrollWidth <= window.innerWidth"
        )
        until(lambda: browser.execute_script(narrow))
        find("logout").click()
        log_in("guest", "guest")
        until(lambda: find("view").is_displayed())
        find("led").click()
        until(lambda: find("refused").is_displayed())
        assert find("led").get_attribute("aria-pressed") == "true"
