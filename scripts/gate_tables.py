"""The documentation of what cffi/gate/ gives to Python: the docstrings in the tables of its C files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

GATE = Path(__file__).resolve().parent.parent / "cffi" / "gate"
ROW = re.compile(r'(?:\{"(\w+)", (?!NULL\b)(?=[A-Za-z(])(.*?)\}|[A-Z]+\("(\w+)"(.*?)\)),\n', re.DOTALL)
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def docstrings(file: str) -> dict[str, str]:
    """The documentation in the tables of a C file, by method or attribute."""
    found = {}
    for row in ROW.finditer((GATE / file).read_text()):
        text = "".join(ast.literal_eval(piece) for piece in TEXT.findall(row[2] or row[4] or ""))
        found[row[1] or row[3]] = text.rpartition("\n--\n\n")[2]
    return found
