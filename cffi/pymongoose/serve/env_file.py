"""Files of environment variables: NAME=VALUE lines."""

from __future__ import annotations

import re

from .errors import Misuse

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read(path: str) -> dict[str, str]:
    """The variables of a file. # begins a comment; values may be quoted."""
    variables: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise Misuse(f"--env-file {path}: {getattr(e, 'strerror', None) or e}") from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = LINE.fullmatch(text)
        if found is None:
            raise Misuse(f"--env-file {path}, line {number}: expected NAME=VALUE")
        variables[found[1]] = _value(found[2])
    return variables


def _value(text: str) -> str:
    quote = text[:1]
    if quote in ("'", '"') and (end := text.find(quote, 1)) > 0:
        inside = text[1:end]
        return inside.replace("\\n", "\n") if quote == '"' else inside
    return re.split(r"\s+#", text, maxsplit=1)[0].strip()
