"""The JSON-RPC tab: methods by name, requests and responses as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from .. import Connection, HttpMessage, Rpc, RpcReq

INVALID_PARAMS = -32602


def numbers_of(request: RpcReq) -> list[float] | None:
    """The parameters, if they are a list of numbers."""
    given = json.loads(request.frame).get("params")
    if isinstance(given, list) and all(type(number) in (int, float) for number in given):
        return given
    return None


def add(request: RpcReq) -> None:
    """sum: [1, 2, 3] gives 6."""
    numbers = numbers_of(request)
    if numbers is None:
        request.err(INVALID_PARAMS, "params must be a list of numbers")
    else:
        request.ok(json.dumps(sum(numbers)))


class Methods:
    """The methods that pages may call with POST /api/rpc."""

    def __init__(self, figures: Callable[[], Mapping[str, Any]]) -> None:
        self.rpc: Rpc = Rpc()
        self.rpc.add("sum", add)
        self.rpc.add("time", lambda request: request.ok(json.dumps(time.time())))
        self.rpc.add("stats", lambda request: request.ok(json.dumps(figures())))
        self.rpc.add("rpc.list", lambda request: request.ok(json.dumps(self.rpc.methods)))

    def answer(self, conn: Connection, request: HttpMessage) -> None:
        """One request; a notification has no response."""
        response = self.rpc.process(request.body_bytes)
        conn.reply(200 if response else 204, response, {"Content-Type": "application/json"})
