"""Messages whose Python side is more than the gate's: MQTT properties, views of a body."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from ._core import ffi, gate, lib, text_of


class MqttMessage(gate.MqttBase):
    """An MQTT packet, valid during its event."""

    __slots__ = ()

    def json(self) -> Any:
        """The payload as JSON has it: dicts, lists, texts. ValueError when it is no JSON."""
        import json  # It makes import slow.

        return json.loads(self.data)

    def properties(self) -> list[dict[str, Any]]:
        """MQTT 5 properties, in order: dicts with id, iv, key and val."""
        found: list[dict[str, Any]] = []
        message = ffi.cast("struct mg_mqtt_message *", self._address)
        if message == ffi.NULL:
            return found
        prop = ffi.new("struct mg_mqtt_prop *")
        offset = 0
        while True:
            offset = lib.mg_mqtt_next_prop(message, prop, offset)
            if offset == 0:
                return found
            found.append({"id": prop.id, "iv": prop.iv, "key": text_of(prop.key), "val": text_of(prop.val)})


class BodyView:
    """A memoryview on the body of a message, in the receive buffer.

    It is released when the event is over. Slices that the program still holds then keep their bytes:
    the connection gets a new receive buffer, and the old one lives as long as the slices.
    """

    def __init__(self, connection: int, body: int, length: int) -> None:
        self._connection = ffi.cast("struct mg_connection *", connection)
        self._buffer = ffi.buffer(ffi.cast("char *", body), length) if length else b""
        self.memory: memoryview = memoryview(self._buffer).toreadonly()

    def end(self) -> None:
        """The event is over. Called by the gate."""
        try:
            self.memory.release()
        except BufferError:
            pass  # Something exports it: then the bytes are kept, below.
        # Two references: the attribute, and the argument of getrefcount.
        if self._buffer and sys.getrefcount(self._buffer) > 2:
            self._keep_bytes()

    def _keep_bytes(self) -> None:
        received = self._connection.recv
        old = received.buf
        new = ffi.cast("uint8_t *", lib.mg_calloc(1, received.size))
        if new == ffi.NULL:
            raise MemoryError
        ffi.memmove(new, old, received.len)
        received.buf = new
        weakref.finalize(self._buffer, lib.mg_free, old).atexit = False
