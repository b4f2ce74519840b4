"""Pages of the site that are made, not written: the C reference, and files that the documents link to.

mkdocs knows nothing of this module; scripts/site_hooks.py hands its pages over.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Iterator

import header_docs
from header_docs import ROOT, Entry

C = "reference/c"
HEADER = "include/mongoose.h"  # A link to it is one to the C reference; its anchor is a name.
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?P<after>\))")
CODE = re.compile(r"(?P<fence>^```.*?^```$)|`(?P<code>[^`\n]+)`", re.MULTILINE | re.DOTALL)
KNOWN = re.compile(r"\b(?:mg_\w+|MG_\w+|MQTT_\w+|WEBSOCKET_\w+)\b")
# The longest of these lists would hide the rest of a page.
SHOWN_IN_ENUMS = ("enum", "macro")
LANGUAGES = {
    ".rs": "rust",
    ".py": "python",
    ".c": "c",
    ".h": "c",
    ".cpp": "cpp",
    ".sh": "sh",
    ".toml": "toml",
}


def title(section: str) -> str:
    """The short name of a section of the header."""
    text = section.replace("`", "")
    first, colon, _ = text.partition(": ")
    return first if colon and first not in ("HTTP", "WebSocket", "MQTT") else text


def slug(section: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title(section).lower()).strip("-")


def page_of(entry: Entry) -> str:
    """Where an entry is documented: one page for each section, two for the types."""
    if entry.section == "Types":
        return f"{C}/{'constants' if entry.kind in SHOWN_IN_ENUMS else 'types'}.md"
    return f"{C}/{slug(entry.section)}.md"


def _names(entry: Entry) -> Iterator[str]:
    if entry.kind != "section":
        yield entry.name
    if entry.kind == "enum":
        yield from (name for name, _, _ in entry.constants())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


class Reference:
    """The C reference: its pages, and where each name is."""

    def __init__(self) -> None:
        self.entries = [e for e in header_docs.entries() if e.section and (e.comment or e.name)]
        self.places = {name: f"{page_of(e)}#{name}" for e in self.entries for name in _names(e) if name}

    def linked(self, text: str, page: str) -> str:
        """Text in which each `name` of the interface is a link to its place."""

        def link(found: re.Match[str]) -> str:
            if found["fence"]:
                return found[0]
            for name in KNOWN.findall(found["code"]):
                place = self.places.get(name)
                if place:
                    target = _relative(place, page)
                    return f"[{found[0]}]({target})"
            return found[0]

        return CODE.sub(link, text)

    def pages(self) -> dict[str, str]:
        """The pages by their paths in the site."""
        texts: dict[str, list[str]] = {}
        for entry in self.entries:
            page = page_of(entry)
            if page not in texts:
                name = {"constants": "Events, settings and constants", "types": "Structs and unions"}
                stem = posixpath.basename(page)[: -len(".md")]
                texts[page] = [f"# {name.get(stem) or title(entry.section)}"]
            texts[page].append(self._described(entry, page))
        made = {page: "\n\n".join(parts) + "\n" for page, parts in texts.items()}
        made[f"{C}/index.md"] = self._index()
        return made

    def _described(self, entry: Entry, page: str) -> str:
        if entry.kind == "section":
            return self.linked(entry.comment, page)
        if entry.kind == "macro":
            value = " ".join(entry.declaration.split()[2:]).strip("\\ ")
            value = f" = `{value}`" if "(" not in entry.declaration.split()[1] and value else ""
            text = self.linked(" ".join(entry.comment.split()), page)
            return f'<a id="{entry.name}"></a>`{entry.name}`{value}: {text}'
        heading = f"`{entry.name}`" if entry.name else entry.summary.replace("`", "")
        parts = [f"## {heading} {{ #{entry.name or slug(entry.summary)} }}"]
        if entry.kind == "enum":
            parts.append(self.linked(entry.comment, page))
            rows = ["| constant | value | |", "| --- | ---: | --- |"]
            for name, value, meaning in entry.constants():
                meaning = _cell(self.linked(meaning, page))
                rows.append(f'| <a id="{name}"></a>`{name}` | {value} | {meaning} |')
            parts.append("\n".join(rows))
            return "\n\n".join(parts)
        parts.append(f"```c\n{entry.declaration}\n```")
        for heading, text in entry.parts():
            if heading:
                parts.append(f"**{heading}**")
            parts.append(self.linked(text, page))
        mentioned = sorted(
            {name for name in KNOWN.findall(entry.declaration) if name in self.places} - {entry.name}
        )
        if mentioned:
            links = ", ".join(f"[`{name}`]({_relative(self.places[name], page)})" for name in mentioned)
            parts.append(f"See {links}.")
        return "\n\n".join(part for part in parts if part)

    def _index(self) -> str:
        page = f"{C}/index.md"
        out = [
            "# C reference",
            "Every function, type and constant of `mongoose.h`, by section. The same texts are in the header "
            "and in the manual pages (`man mg_http_reply`).",
            "* [Structs and unions](types.md)\n* [Events, settings and constants](constants.md)",
        ]
        section = ""
        rows: list[str] = []
        for entry in self.entries:
            if entry.kind != "function":
                continue
            if entry.section != section:
                section = entry.section
                out += ["\n".join(rows)] if rows else []
                out.append(f"## [{title(section)}]({_relative(page_of(entry), page)})")
                rows = ["| function | |", "| --- | --- |"]
            place = _relative(self.places[entry.name], page)
            rows.append(f"| [`{entry.name}`]({place}) | {_cell(entry.summary)} |")
        return "\n\n".join([*out, "\n".join(rows)]) + "\n"


@functools.cache
def _places() -> dict[str, str]:
    return Reference().places


def _relative(target: str, page: str) -> str:
    path, hash_, anchor = target.partition("#")
    path = "" if path == page else posixpath.relpath(path, posixpath.dirname(page))
    return path + hash_ + anchor


# Files outside of docs/ that the documents link to are pages as well, so that no link leaves the site.


def site_path(path: str) -> str:
    """The page of a path in the repository."""
    if path.startswith("docs/"):
        return path[len("docs/") :]
    if (ROOT / path).is_dir():
        return f"source/{path}/index.md"
    return f"source/{path}" if path.endswith(".md") else f"source/{path}.md"


def repository_path(page: str) -> str:
    """The file that a page of docs/ or source/ was made of; its relative links start there."""
    return page[len("source/") :] if page.startswith("source/") else f"docs/{page}"


def targets(text: str, path: str) -> Iterator[str]:
    """Paths in the repository that a document links to."""
    for found in LINK.finditer(text):
        target = found["target"]
        if not re.match(r"[a-z]+:|/", target):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def relinked(text: str, path: str) -> str:
    """A document whose links out of docs/ lead to pages of the site."""
    page = site_path(path)

    def moved(found: re.Match[str]) -> str:
        target = found["target"]
        if re.match(r"[a-z]+:|/", target):
            return found[0]
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if wanted.startswith("docs/") and path.startswith("docs/"):
            return found[0]
        if not (ROOT / wanted).exists():
            return found[0]
        place = site_path(wanted) + (found["anchor"] or "")
        if wanted == HEADER:
            place = _places().get((found["anchor"] or "")[1:], f"{C}/index.md")
        return found["before"] + _relative(place, page) + found["after"]

    return LINK.sub(moved, text)


def source_page(path: str) -> str:
    """A file or a directory of the repository as a page."""
    file = ROOT / path
    if file.is_dir():
        names = sorted(child.name + "/" * child.is_dir() for child in file.iterdir() if _is_shown(child.name))
        return f"# {path}/\n\n" + "\n".join(f"* `{name}`" for name in names) + "\n"
    text = file.read_text()
    if path.endswith(".md"):
        return relinked(text, path)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text) or [""]))
    return f"# {path}\n\n{fence}{LANGUAGES.get(file.suffix, 'text')}\n{text.rstrip()}\n{fence}\n"


def _is_shown(name: str) -> bool:
    return not name.startswith((".", "__"))


def source_pages(documents: Iterable[str]) -> dict[str, str]:
    """Pages for all that the documents (paths in the repository), and those pages, link to."""
    made: dict[str, str] = {}
    waiting = list(documents)
    while waiting:
        document = waiting.pop()
        for wanted in targets((ROOT / document).read_text(), document):
            page = site_path(wanted)
            if wanted.startswith("docs/") or wanted == HEADER or page in made or not (ROOT / wanted).exists():
                continue
            made[page] = source_page(wanted)
            if wanted.endswith(".md"):
                waiting.append(wanted)
    return made
