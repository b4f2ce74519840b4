"""The README as a package index shows it: there is no folder around it, so relative links lead nowhere.

A release knows where its files can be read and sets PROJECT_FILES to that address. Then links and pictures
lead there. Without it pictures are left out, and links become plain text.
"""

from __future__ import annotations

import os
import re

LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>(?![a-z]+:|#)[^)\s]+)\)")


def description(readme: str, files: str | None = None) -> str:
    """The text for the index. files: the address of the project's folder."""
    base = os.environ.get("PROJECT_FILES", "") if files is None else files

    def moved(found: re.Match[str]) -> str:
        if base:
            return f"{found['picture']}[{found['text']}]({base.rstrip('/')}/{found['target']})"
        return "" if found["picture"] else found["text"]

    return re.sub(r"\n{3,}", "\n\n", LINK.sub(moved, readme))
