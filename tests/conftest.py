"""What tests of several directories share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from loopback import children
from needs import need

# How long an example takes says something about the machine only. A run of the same commit tries the same
# examples, so that it has the same outcome; with MONGOOSE_EXPLORE=1 each run tries others.
hypothesis.settings.register_profile(
    "any machine", deadline=None, derandomize=os.environ.get("MONGOOSE_EXPLORE") != "1", database=None
)
hypothesis.settings.load_profile("any machine")

KEPT = {"chromedriver"}  # ends with the session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a browser, so that `-m "not browser"` leaves them out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """After the last test of a file no process may be left that one of them started, but for the browser."""
    yield
    if nextitem is None or nextitem.path != item.path:
        left = {pid: name for pid, name in children().items() if name not in KEPT}
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"{item.path.name} left processes: {left}"


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """Chromium without a window, driven by selenium: without cookies, and with the usual window.

    A page goes on after a call returns: what it does later must be waited for.
    """
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.set_window_size(1280, 1024)
    yield chromium
    chromium.get("about:blank")  # Ends the connections of the page before its server ends.
    chromium.get_log("browser")


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The process that all tests share."""
    need("chromium")
    need("chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    made.set_script_timeout(60)
    yield made
    made.quit()
