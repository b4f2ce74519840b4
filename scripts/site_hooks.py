"""Hooks of mkdocs (mkdocs.yml): adds the pages that scripts/site_pages.py makes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).resolve().parent))
import site_pages


def on_files(files: Any, config: Any) -> Any:
    documents = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    pages = site_pages.Reference().pages() | site_pages.source_pages(documents)
    for path, text in pages.items():
        made = File.generated(config, path, content=text)
        files.append(made)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    path = page.file.src_uri
    if path.startswith("source/"):
        page.meta["search"] = {"exclude": True}
        return markdown
    return site_pages.relinked(markdown, f"docs/{path}")
