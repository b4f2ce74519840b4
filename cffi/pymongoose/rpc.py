"""JSON-RPC: methods by name pattern, requests and responses as text."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from ._core import encode, ffi, lib, text_of, to_bytes, view

RpcHandler = Callable[["RpcReq"], object]

INTERNAL_ERROR = -32603

# `exception`: what a handler of this thread raised to stop the program, on its way through C.
_stop = threading.local()


class RpcReq:
    """A request, valid while its handler runs."""

    __slots__ = ("_answered", "_native")

    def __init__(self) -> None:
        self._native: Any = None
        self._answered = False

    @property
    def frame(self) -> str:
        """The whole request; "" when the handler is over."""
        return "" if self._native is None else text_of(self._native.frame)

    def ok(self, result_json: str) -> None:
        """Answers with a result, which is JSON text."""
        text = ffi.new("char[]", encode(result_json, "result_json"))
        native = self._native_request()
        lib.mg_rpc_ok(native, b"%s", text)
        self._answered = True

    def err(self, code: int, message: str) -> None:
        """Answers with an error; the message becomes a JSON string."""
        if not isinstance(message, str):
            raise TypeError(f"message must be str, not {type(message).__name__}")
        text = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogateescape")
        native = self._native_request()
        lib.mg_rpc_err(native, code, b"%s", ffi.new("char[]", text))
        self._answered = True

    def _native_request(self) -> Any:
        if self._native is None:
            raise RuntimeError("RpcReq is no longer valid")
        if self._answered:
            raise RuntimeError("Response already sent")
        return self._native


class Rpc:
    """A set of methods: add() them, then process() requests."""

    def __init__(self) -> None:
        self._head = ffi.new("struct mg_rpc **")
        self._handlers: list[tuple[str, RpcHandler, Any]] = []  # with the handles that C knows

    def __del__(self) -> None:
        lib.mg_rpc_del(self._head, ffi.NULL)

    def add(self, method: str, handler: RpcHandler) -> None:
        """Adds a handler for methods that match a glob pattern. The newest match wins."""
        name, handle = encode(method, "method"), ffi.new_handle(handler)
        lib.mg_rpc_add(self._head, view(name), lib.pymongoose_rpc, handle)
        self._handlers.insert(0, (method, handler, handle))

    @property
    def methods(self) -> list[str]:
        """The patterns, newest first."""
        return [method for method, _, _ in self._handlers]

    def process(self, frame: str | bytes) -> str:
        """The response to a request; "" for a notification that went well."""
        source = to_bytes(frame)
        out = ffi.new("struct mg_iobuf *", {"align": 256})
        request = ffi.new("struct mg_rpc_req *")
        request.head = self._head
        request.frame = view(source)
        request.pfn, request.pfn_data = ffi.addressof(lib, "mg_pfn_iobuf"), out
        try:
            lib.mg_rpc_process(request)
            stop = vars(_stop).pop("exception", None)
            if stop is not None:
                raise stop
            return bytes(ffi.buffer(out.buf, out.len)).decode("utf-8", "surrogateescape") if out.len else ""
        finally:
            lib.mg_iobuf_free(out)


@ffi.def_extern()  # type: ignore[untyped-decorator]
def pymongoose_rpc(native: Any) -> None:
    """Calls the handler of a method."""
    handler = ffi.from_handle(native.rpc.fn_data)
    request = RpcReq()
    request._native = native
    try:
        handler(request)
        if not request._answered:
            request.err(INTERNAL_ERROR, "handler produced no response")
    except Exception as e:
        if not request._answered:
            request.err(INTERNAL_ERROR, str(e))
    except BaseException as e:
        _stop.exception = e
    finally:
        request._native = None
