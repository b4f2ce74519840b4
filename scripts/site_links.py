#!/usr/bin/env python3
"""Checks a built site: every link and every anchor leads somewhere, and nothing is loaded from elsewhere.

scripts/site_links.py target/site
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("source", "src"), ("iframe", "src")}


class Page(HTMLParser):
    """The links, loads and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.add(given["href"])
        if tag == "link" and "href" in given and "canonical" not in given.get("rel", ""):
            self.loads.add(given["href"])
        self.loads |= {given[name] for wanted, name in LOADED if tag == wanted and name in given}


def faults(site: Path) -> list[str]:
    """What is wrong with the site, one line each."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for url in sorted(page.links | page.loads):
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                if url in page.loads and parts.scheme != "data":
                    found.append(f"{path.relative_to(site.resolve())}: loads {url}")
                continue
            target = path
            if parts.path:
                start = site if parts.path.startswith("/") else path.parent
                target = (start / unquote(parts.path).lstrip("/")).resolve()
                target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            if not target.is_file():
                found.append(f"{path.relative_to(site.resolve())}: no page {url}")
            elif anchor and target in pages and anchor not in pages[target].anchors | {"__top"}:
                found.append(f"{path.relative_to(site.resolve())}: no anchor {url}")
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    site = Path(sys.argv[1])
    found = [fault for fault in faults(site) if not fault.startswith("404.html")]
    print("\n".join(found), end="\n" if found else "")
    print(f"links: {sum(1 for _ in site.rglob('*.html'))} pages, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
