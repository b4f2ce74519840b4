"""Files, as Chromium sees them: a page of many parts, and seeking in a film."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from selenium.webdriver.support.ui import WebDriverWait

import cprogram
import loopback
from needs import need

PARTS = 100
SECONDS = 60
LEFT = 80  # pixels of a frame whose brightness tells the time


class Site(NamedTuple):
    """A site that is served, and what the server printed so far."""

    url: str
    www: Path
    log: Path

    def ranges(self, name: str) -> list[int]:
        """Where the parts of a file began that were asked for: sent, or still good in the cache."""
        return [
            int(at)
            for at in re.findall(rf"^/{name} \[bytes=(\d+)-.*\] (?:206|304)$", self.log.read_text(), re.M)
        ]


def make_film(path: Path) -> None:
    """A film that becomes brighter on its left. Its right is noise, which cannot be compressed much,
    so that Chromium does not read to its end at once, and a seek has to ask for a range."""
    need("ffmpeg")
    brightness = f"if(lt(X,{LEFT}),16+219*T/{SECONDS},random(1)*255)"
    source = f"nullsrc=s=160x120:r=10:d={SECONDS},format=yuv420p,geq=lum='{brightness}':cb=128:cr=128"
    codec = ["-c:v", "libvpx", "-b:v", "3M", "-deadline", "realtime", "-cpu-used", "8", "-g", "10"]
    command = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", source, *codec, "-f", "webm"]
    # Encoding takes many seconds, and the film says nothing about the library: it is made once.
    made = cprogram.ROOT / "target" / "films" / sha256(repr(command).encode()).hexdigest()[:16]
    if not made.exists():
        made.parent.mkdir(parents=True, exist_ok=True)
        unfinished = made.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-y", str(unfinished)], stdin=subprocess.DEVNULL, check=True)
        unfinished.replace(made)
    shutil.copy(made, path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A file server on a page of many parts."""
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
    source = Path(__file__).parent / "programs" / "range_log.c"
    program = cprogram.build(source, place / "range_log", flags=["-Wall", "-Wextra", "-Werror"])
    port = loopback.free_port()
    url = f"http://127.0.0.1:{port}"
    log = place / "log"
    with (
        log.open("wb") as out,
        loopback.running([program, url, "www"], cwd=place, stdout=out) as process,
    ):
        loopback.wait_for(process, port)
        yield Site(url, www, log)


def test_a_page_of_a_hundred_parts(browser: Any, site: Site) -> None:
    browser.get(f"{site.url}/")
    assert browser.execute_script("return parts.size") == PARTS // 2
    widths = browser.execute_script(
        "return [...document.querySelectorAll('div')].map((box) => box.getBoundingClientRect().width)"
    )
    assert widths == [i + 1 for i in range(PARTS // 2)]
    # Once more, from the cache: what has not changed is asked for by its ETag.
    browser.refresh()
    assert browser.execute_script("return parts.size") == PARTS // 2


# Moves to a time, and calls back there.
SEEK = """
const [to, done] = arguments;
film.onerror = () => done({error: film.error.message});
film.onseeked = () => done({time: film.currentTime});
film.currentTime = to;
"""
# The brightness of the frame that is shown, from 0 to 255.
BRIGHTNESS = """
const canvas = new OffscreenCanvas(film.videoWidth, film.videoHeight).getContext("2d");
canvas.drawImage(film, 0, 0);
const pixels = canvas.getImageData(0, 0, arguments[0], film.videoHeight).data;
let sum = 0;
for (let i = 0; i < pixels.length; i += 4) sum += pixels[i];
return sum / (pixels.length / 4);
"""


def test_seeking_in_a_film_asks_for_ranges(browser: Any, site: Site) -> None:
    make_film(site.www / "film.webm")
    size = (site.www / "film.webm").stat().st_size
    browser.get(f"{site.url}/")
    browser.execute_script(
        "film = document.createElement('video'); film.muted = true; film.preload = 'metadata';"
        "film.src = '/film.webm'; document.body.append(film)"
    )
    wait = WebDriverWait(browser, 60)
    wait.until(lambda b: b.execute_script("return film.readyState >= 1 || film.error !== null"))
    assert browser.execute_script("return film.error") is None
    wait.until(lambda b: b.execute_script("return Math.round(film.duration)") == SECONDS)
    # Near its end, and back to the middle.
    for time in (SECONDS - 5.0, SECONDS / 2, SECONDS - 5.0):
        seen = browser.execute_async_script(SEEK, time)
        assert "error" not in seen
        assert seen["time"] == pytest.approx(time)
        # The frame may be shown after the event.
        expected = pytest.approx(255 * time / SECONDS, abs=10)
        wait.until(lambda b: b.execute_script(BRIGHTNESS, LEFT - 10) == expected)  # noqa: B023
    # What is near the end did not come with the beginning. The server may write its log after the answer.
    wait.until(lambda _: any(0.8 * size < at < 0.95 * size for at in site.ranges("film.webm")))
