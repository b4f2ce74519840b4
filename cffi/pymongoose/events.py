"""Handlers by event: what `@manager.on(MG_EV_HTTP_MSG)` decorates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._core import gate
    from .connection import Connection
    from .message import HttpMessage
    from .views import MqttMessage

# What events bring, and a function that takes it.
Http = TypeVar("Http", bound="Callable[[Connection, HttpMessage], object]")
Ws = TypeVar("Ws", bound="Callable[[Connection, gate.WsMessage], object]")
Mqtt = TypeVar("Mqtt", bound="Callable[[Connection, MqttMessage], object]")
Text = TypeVar("Text", bound="Callable[[Connection, str], object]")
Bytes = TypeVar("Bytes", bound="Callable[[Connection, bytes], object]")
Number = TypeVar("Number", bound="Callable[[Connection, int], object]")
Plain = TypeVar("Plain", bound="Callable[[Connection, None], object]")
Function = TypeVar("Function", bound="Callable[[Connection, Any], object]")


def dispatcher(functions: Mapping[int, Callable[[Any, Any], object]]) -> Callable[[Any, int, Any], None]:
    """A handler that calls the function of each event. It looks at the mapping each time."""

    def handler(conn: Any, ev: int, data: Any) -> None:
        function = functions.get(ev)
        if function is not None:
            function(conn, data)

    return handler
