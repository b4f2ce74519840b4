"""Reads include/mongoose.h: each function, type and event with its documentation.

The header is generated from the Rust sources, so this is their documentation in the form that other
generators need: manual pages (scripts/manpages.py) and the reference of the site.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "mongoose.h"
EXAMPLES = ROOT / "docs" / "reference" / "c-examples.c"  # A test compiles it.

SECTION = re.compile(r"^/\* ---- (.+?) ---- \*/$")
# A heading inside a comment: "# Returns" or a line of its own that says "Returns:".
HEADING = re.compile(
    r"^(?:#+ (?P<marked>[A-Z][\w ]*)|(?P<plain>Returns|Errors|Threads|Example|Safety):)\s*(?P<rest>.*)$"
)
FUNCTION = re.compile(r"^[\w*][\w\s*]*?\b(mg_\w+)\s*\(")
TYPE = re.compile(r"^(?:typedef\s+)?(struct|union|enum)\s*(mg_\w+|)\s*\{")
MACRO = re.compile(r"^#define (\w+)(?:\(([^)]*)\))?")
MEMBER = re.compile(r"(?:/\*(?P<comment>.*?)\*/\s*)?(?P<name>\w+) = (?P<value>-?\w+)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A declaration and what is said of it."""

    kind: str  # "function", "struct", "union", "enum" (some without a name), "macro", "section"
    name: str
    section: str
    declaration: str
    comment: str

    @property
    def summary(self) -> str:
        """The first sentence."""
        text = " ".join(self.comment.split("\n\n")[0].split())
        end = re.search(r"[.:](?=\s|$)", text)
        return text[: end.start()] if end else text

    def constants(self) -> list[tuple[str, str, str]]:
        """The members of an enum: name, value, what it means."""
        _, _, body = self.declaration.partition("{")
        return [
            (m["name"], m["value"], " ".join(_comment_text([f"/*{m['comment'] or ''}*/"]).split()))
            for m in MEMBER.finditer(body)
        ]

    def parts(self) -> list[tuple[str, str]]:
        """The comment as (heading, text), with its example at the end; the first part has no heading."""
        parts: list[tuple[str, list[str]]] = [("", [])]
        for line in self.comment.split("\n"):
            found = HEADING.match(line)
            if found:
                parts.append((found["marked"] or found["plain"], [found["rest"]] if found["rest"] else []))
            else:
                parts[-1][1].append(line)
        example = examples().get(self.name)
        if example:
            parts.append(("Example", ["```c", example, "```"]))
        return [(heading, "\n".join(lines).strip()) for heading, lines in parts]


@functools.cache
def examples() -> dict[str, str]:
    """The examples of functions, by their names."""
    found: dict[str, str] = {}
    for names, code in re.findall(
        r"^// example: (.*)\n((?:.*\n)*?)// end$", EXAMPLES.read_text(), re.MULTILINE
    ):
        found |= dict.fromkeys(names.split(), code.strip())
    return found


def _comment_text(lines: list[str]) -> str:
    """The text of a block comment."""
    text = "\n".join(lines).strip()
    text = text.removeprefix("/*").removesuffix("*/").strip(" ")
    return "\n".join(re.sub(r"^ ?\* ?", "", line).rstrip() for line in text.split("\n")).strip()


def entries(path: Path = HEADER) -> Iterator[Entry]:
    """Everything documented in the header, in its order."""
    lines = path.read_text().split("\n")
    section, comment, i = "", "", 0
    after_title = False
    while i < len(lines):
        line = lines[i]
        if line.startswith("/*"):
            start = i
            while "*/" not in lines[i]:
                i += 1
            text = _comment_text(lines[start : i + 1])
            i += 1
            title = SECTION.match(" ".join(f"/* {text} */".split()))
            if title:
                section, comment, after_title = title[1], "", True
                continue
            if comment and after_title:  # One comment after the other: the first introduces the section.
                yield Entry("section", section, section, "", comment)
            comment, after_title = text, after_title and not comment
            continue
        kind = TYPE.match(line)
        if kind or FUNCTION.match(line):
            start, depth = i, 0
            while True:
                depth += lines[i].count("{") - lines[i].count("}")
                if depth == 0 and lines[i].rstrip().endswith((";", "}")):
                    break
                i += 1
            declaration = "\n".join(lines[start : i + 1])
            if kind:
                yield Entry(kind[1], kind[2], section, declaration, comment)
            else:
                found = FUNCTION.match(line)
                assert found is not None
                yield Entry("function", found[1], section, declaration, comment)
            comment, after_title = "", False
        elif line.strip():
            macro = MACRO.match(line)
            if macro and comment and section:
                yield Entry("macro", macro[1], section, line.rstrip(" \\"), comment)
            comment, after_title = "", False
        i += 1


def functions(path: Path = HEADER) -> list[Entry]:
    """The functions that have documentation."""
    return [entry for entry in entries(path) if entry.kind == "function" and entry.comment]
