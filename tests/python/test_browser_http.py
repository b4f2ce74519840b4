"""Forms, cookies, CORS and server-sent events, as Chromium does them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Server

from pymongoose import MG_EV_HTTP_MSG, Connection, HttpMessage, WebOptions, set_cookie

PAGE = {"Content-Type": "text/html; charset=utf-8"}


class Site:
    """A page, what it asks for, and what came of it."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, list[str]]] = []
        self.files: list[tuple[str | None, str, bytes]] = []
        self.streams: list[str | None] = []

    def handler(self, conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            getattr(self, f"on_{data.uri.strip('/') or 'page'}", self.on_missing)(conn, data)

    def on_missing(self, conn: Connection, message: HttpMessage) -> None:
        conn.reply(404)

    def on_page(self, conn: Connection, message: HttpMessage) -> None:
        options: dict[str, Any] = {"path": "/", "max_age": 60, "same_site": "Lax"}
        cookies = [
            set_cookie("seen", "yes", **options),
            set_cookie("hidden", "a/b", http_only=True, **options),
        ]
        conn.reply(200, "<!doctype html><title>page</title>", [*PAGE.items(), *cookies])

    def on_cookies(self, conn: Connection, message: HttpMessage) -> None:
        conn.reply_json(message.cookies())

    def on_form(self, conn: Connection, message: HttpMessage) -> None:
        form = message.form()
        self.fields = [(name, form.all(name)) for name in form]
        self.files = [(p.filename, p.content_type, p.content) for p in message.multipart() if p.filename]
        conn.reply(200, "ok")

    def on_events(self, conn: Connection, message: HttpMessage) -> None:
        last = message.header("Last-Event-ID")
        self.streams.append(last)
        conn.sse_start(retry=10)
        conn.sse_comment("hello")
        number = int(last or "0") + 1
        conn.http_sse("tick", f"line 1 of {number}\nline 2", id=str(number))
        conn.http_chunk("")  # The browser comes again.
        conn.drain()


@pytest.fixture
def site() -> Iterator[tuple[Site, str]]:
    made = Site()
    with Server(made.handler) as server:
        yield made, f"http://127.0.0.1:{server.port}"


def run(browser: Any, script: str, *arguments: Any) -> Any:
    """The result of an asynchronous function in the page."""
    wrapped = (
        "const done = arguments[arguments.length - 1];"
        f"(async (...given) => {{ {script} }})(...arguments).then(done, (e) => done('failed: ' + e))"
    )
    return browser.execute_async_script(wrapped, *arguments)


def test_forms_and_files(browser: Any, site: tuple[Site, str]) -> None:
    made, url = site
    browser.get(url)
    script = """
        const form = new FormData();
        form.append("name", "Zoë & Co");
        form.append("tag", "one");
        form.append("tag", "two\\nlines");
        const bytes = new Uint8Array([0, 13, 10, 45, 45, 255]);
        form.append("file", new Blob([bytes], {type: "image/x"}), "ä b.bin");
        return (await fetch("/form", {method: "POST", body: form})).text();
    """
    assert run(browser, script) == "ok"
    assert made.fields == [("name", ["Zoë & Co"]), ("tag", ["one", "two\r\nlines"])]
    assert made.files == [("ä b.bin", "image/x", b"\0\r\n--\xff")]
    script = """
        const form = new URLSearchParams([["a", "1 + 1"], ["a", "ü&="], ["", "x"]]);
        return (await fetch("/form", {method: "POST", body: form})).text();
    """
    assert run(browser, script) == "ok"
    assert made.fields == [("a", ["1 + 1", "ü&="]), ("", ["x"])]
    assert made.files == []


def test_cookies(browser: Any, site: tuple[Site, str]) -> None:
    _, url = site
    browser.get(url)
    assert browser.execute_script("return document.cookie") == "seen=yes"
    assert run(browser, "return (await fetch('/cookies')).json()") == {"seen": "yes", "hidden": "a/b"}


def test_event_stream(browser: Any, site: tuple[Site, str]) -> None:
    made, url = site
    browser.get(url)
    script = """
        const source = new EventSource("/events");
        return new Promise((resolve) => {
          const seen = [];
          source.addEventListener("tick", (event) => {
            seen.push([event.lastEventId, event.data]);
            if (seen.length === 3) { source.close(); resolve(seen); }
          });
        });
    """
    assert run(browser, script) == [[str(i), f"line 1 of {i}\nline 2"] for i in (1, 2, 3)]
    assert made.streams[:3] == [None, "1", "2"]


def test_requests_of_another_origin(browser: Any, site: tuple[Site, str]) -> None:
    """The page may ask the server that names its origin, with the method and the header it allows."""
    _, url = site
    web = WebOptions(cors_origins=url, cors_methods=["PUT"], cors_headers=["X-Token"], cors_max_age=60)
    asked: list[str] = []

    def api(conn: Connection, ev: int, data: Any) -> None:
        if ev == MG_EV_HTTP_MSG:
            asked.append(data.method)
            options = web if data.uri == "/open" else WebOptions(cors_origins="https://other.example")
            if not options.preflight(conn, data):
                conn.reply(200, data.header("X-Token", ""), options.headers(conn, data))

    script = """
        const [url, method, header] = given;
        const response = await fetch(url, {method, headers: {[header]: "t"}});
        return response.text();
    """
    with Server(api) as server:
        browser.get(url)
        other = f"http://127.0.0.1:{server.port}"
        assert run(browser, script, f"{other}/open", "PUT", "X-Token") == "t"
        assert asked == ["OPTIONS", "PUT"]
        assert run(browser, script, f"{other}/closed", "PUT", "X-Token").startswith("failed: ")
        assert run(browser, script, f"{other}/open", "DELETE", "X-Token").startswith("failed: ")
        assert run(browser, script, f"{other}/open", "PUT", "X-Other").startswith("failed: ")
    assert asked.count("PUT") == 1
    assert "DELETE" not in asked
