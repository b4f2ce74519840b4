"""Server-sent events (HTML standard, "Server-sent events"): the text of the stream."""

from __future__ import annotations

from typing import Any

HEADERS = (
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("Transfer-Encoding", "chunked"),
)


def head(headers: Any) -> list[tuple[Any, Any]]:
    """Headers of a stream: those given, a dict or pairs, and the usual ones that are not among them."""
    pairs = list(headers.items() if hasattr(headers, "items") else headers or ())
    given = {str(name).lower() for name, _ in pairs}
    return [*(pair for pair in HEADERS if pair[0].lower() not in given), *pairs]


def event(event_type: str, data: str, identifier: str | None, retry: int | None) -> str:
    """An event: its fields, and the blank line that ends it."""
    lines = [_field("event", event_type)]
    if identifier is not None:
        lines.append(_field("id", identifier))
    if retry is not None:
        lines.append(retry_line(retry))
    lines.extend(f"data: {line}\n" for line in _lines(data))
    return "".join(lines) + "\n"


def retry_line(milliseconds: int) -> str:
    """How long a browser waits before it connects again."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        raise TypeError(f"retry must be an int, not {type(milliseconds).__name__}")
    if milliseconds < 0:
        raise ValueError("retry must not be negative")
    return f"retry: {milliseconds}\n"


def comment(text: str) -> str:
    """Lines that browsers ignore."""
    return "".join(f": {line}\n" for line in _lines(text)) + "\n"


def _lines(text: str) -> list[str]:
    if not isinstance(text, str):
        raise TypeError(f"text of an event must be str, not {type(text).__name__}")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _field(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"event {name} must be str, not {type(value).__name__}")
    if any(c in value for c in "\r\n\0"):
        raise ValueError(f"event {name} contains CR, LF or NUL: {value!r}")
    return f"{name}: {value}\n"
