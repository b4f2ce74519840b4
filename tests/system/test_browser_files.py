"""Files, as Chromium sees them: a page of many parts, and seeking in a long recording."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.support.ui import WebDriverWait

import cprogram
import loopback

PARTS = 100
RATE = 44_100
SECONDS = 240  # Chromium does not read 42 MB ahead, so that a seek has to ask for a range.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The file server of the benchmarks on a page of many parts."""
    place = tmp_path_factory.mktemp("site")
    www = place / "www"
    www.mkdir()
    for i in range(PARTS // 2):
        (www / f"{i}.js").write_text(f"parts.add('js {i}');\n")
        (www / f"{i}.css").write_text(f"#part-{i} {{ width: {i + 1}px; }}\n")
    styles = "".join(f'<link rel="stylesheet" href="{i}.css">' for i in range(PARTS // 2))
    scripts = "".join(f'<script src="{i}.js"></script>' for i in range(PARTS // 2))
    boxes = "".join(f'<div id="part-{i}"></div>' for i in range(PARTS // 2))
    page = f"<!doctype html><title>parts</title>{styles}<script>parts = new Set()</script>{scripts}{boxes}"
    (www / "index.html").write_text(page)
    with wave.open(str(www / "long.wav"), "wb") as recording:
        recording.setnchannels(2)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(bytes(RATE * SECONDS * 4))
    program = cprogram.build(cprogram.ROOT / "benches" / "files.c", place / "files", flags=["-O2"])
    port = loopback.free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([str(program), url, "www"], cwd=place)
    try:
        loopback.wait_for(process, port)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_page_of_a_hundred_parts(browser: Any, site: str) -> None:
    browser.get(f"{site}/")
    assert browser.execute_script("return parts.size") == PARTS // 2
    widths = browser.execute_script(
        "return [...document.querySelectorAll('div')].map((box) => box.getBoundingClientRect().width)"
    )
    assert widths == [i + 1 for i in range(PARTS // 2)]
    # Once more, from the cache: what has not changed is asked for by its ETag.
    browser.refresh()
    assert browser.execute_script("return parts.size") == PARTS // 2


def test_seeking_asks_for_a_range(browser: Any, site: str) -> None:
    browser.get(f"{site}/")
    browser.execute_script(
        "sound = document.createElement('audio'); sound.preload = 'metadata'; sound.src = '/long.wav';"
        "document.body.append(sound)"
    )
    wait = WebDriverWait(browser, 60)
    wait.until(lambda b: b.execute_script("return sound.readyState >= 1 || sound.error !== null"))
    assert browser.execute_script("return Math.round(sound.duration)") == SECONDS
    browser.execute_script(
        "seeked = false; sound.onseeked = () => seeked = true; sound.currentTime = arguments[0]", SECONDS - 10
    )
    wait.until(lambda b: b.execute_script("return (seeked && sound.readyState >= 2) || sound.error !== null"))
    assert browser.execute_script("return sound.error") is None
    loaded = browser.execute_script(
        "const b = sound.buffered; return [...Array(b.length).keys()].map((i) => [b.start(i), b.end(i)])"
    )
    assert any(start <= SECONDS - 10 <= end for start, end in loaded)
    assert sum(end - start for start, end in loaded) < SECONDS / 2, "the recording was read to the end"
