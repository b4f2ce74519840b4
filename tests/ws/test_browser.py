"""Chromium as a client of our WebSocket server."""

from __future__ import annotations

from typing import Any

import pytest

import endpoints

# Sends the messages, closes when all have come back, and calls back with what happened.
SCRIPT = """
const [port, protocols, messages, done] = arguments;
const log = {received: []};
const sum = bytes => bytes.reduce((a, b) => a + b, 0);
const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols);
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  log.extensions = socket.extensions;
  log.protocol = socket.protocol;
  for (const m of messages) socket.send(m.size === undefined ? m : new Uint8Array(m.size).fill(7));
};
socket.onmessage = event => {
  const m = event.data;
  const isText = typeof m === "string";
  log.received.push(isText ? m : {size: m.byteLength, sum: sum(new Uint8Array(m))});
  if (log.received.length === messages.length) socket.close(4003, "tschüß");
};
socket.onerror = () => { log.failed = true; };
socket.onclose = event => done({...log, code: event.code, reason: event.reason, clean: event.wasClean});
"""


@pytest.mark.parametrize("bits", [0, 15])
def test_chromium(browser: Any, bits: int) -> None:
    messages = ["", "Hello", "κόσμε 😀", "x" * 70000, {"size": 0}, {"size": 1}, {"size": 300000}]
    with endpoints.server(bits) as server:
        browser.get(f"http://127.0.0.1:{server.port}/page")
        log = browser.execute_async_script(SCRIPT, server.port, ["chat", "superchat"], messages)
    sizes = [m["size"] for m in messages if isinstance(m, dict)]
    assert log == {
        "extensions": "permessage-deflate" if bits else "",
        "protocol": "chat",
        "received": [m for m in messages if isinstance(m, str)] + [{"size": n, "sum": 7 * n} for n in sizes],
        "code": 4003,
        "reason": "tschüß",
        "clean": True,
    }
