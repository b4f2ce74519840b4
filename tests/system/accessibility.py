"""What axe finds in the page that a browser shows: faults for keyboards, screen readers and weak eyes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from needs import skip

PACKAGE = "axe_core_python"  # Of it only the script is used.


def script() -> str:
    """The source of axe."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        skip(f"{PACKAGE} is not installed")
    return Path(found.origin).with_name("axe.min.js").read_text()


def violations(browser: Any, within: str = "html") -> list[str]:
    """One line for each fault: the rule, and the elements that break it. within: a selector."""
    if not browser.execute_script("return 'axe' in window"):
        browser.execute_script(script())
    run = (
        "const [within, done] = arguments;"
        "axe.run(within, {resultTypes: ['violations']}).then((result) => done(result.violations))"
    )
    return [
        f"{rule['id']}: {rule['help']}: {[node['target'] for node in rule['nodes']]}"
        for rule in browser.execute_async_script(run, within)
    ]
