"""Cookies (RFC 6265, and what browsers require beyond it)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")
_DOMAIN = re.compile(r"\.?[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*")
_PATH = re.compile(r"/[ -:<-~]*")
_SAME_SITE = ("Strict", "Lax", "None")


def parse(header: str) -> dict[str, str]:
    """The cookies of a Cookie header: the first of each name, which is the most specific one."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, separator, value = (part.strip(" \t") for part in pair.partition("="))
        if separator and name:
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1]
            found.setdefault(name, value)
    return found


def set_cookie(
    name: str,
    value: str = "",
    *,
    path: str | None = None,
    domain: str | None = None,
    max_age: int | None = None,
    expires: datetime | None = None,
    secure: bool = False,
    http_only: bool = False,
    same_site: str | None = None,
) -> tuple[str, str]:
    """A header for reply() that sets a cookie: ("Set-Cookie", "NAME=VALUE; ...").

    conn.reply(200, body, [set_cookie("id", token, path="/", http_only=True, same_site="Lax")])

    ValueError for a name or value that no cookie can have: encode other text, for example by
    url_encode(). max_age: seconds; 0 deletes the cookie. expires: a datetime with a time zone.
    same_site: "Strict", "Lax" or "None".
    """
    _check("name", name, _NAME)
    _check("value", value, _VALUE)
    parts = [f"{name}={value}"]
    if path is not None:
        parts.append(f"Path={_check('path', path, _PATH)}")
    if domain is not None:
        parts.append(f"Domain={_check('domain', domain, _DOMAIN)}")
    if max_age is not None:
        if isinstance(max_age, bool) or not isinstance(max_age, int):
            raise TypeError(f"max_age must be an int, not {type(max_age).__name__}")
        parts.append(f"Max-Age={max_age}")
    if expires is not None:
        parts.append(f"Expires={_http_date(expires)}")
    if secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    if same_site is not None:
        if same_site not in _SAME_SITE:
            raise ValueError(f"same_site must be one of {_SAME_SITE}, not {same_site!r}")
        parts.append(f"SameSite={same_site}")
    _check_browser_rules(name, path, domain, secure, same_site)
    return "Set-Cookie", "; ".join(parts)


def _http_date(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError("expires must have a time zone")
    from email.utils import formatdate  # Few programs need it, and it makes import slow.

    return formatdate(moment.timestamp(), usegmt=True)


def _check(what: str, text: str, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str, not {type(text).__name__}")
    if not pattern.fullmatch(text):
        raise ValueError(f"{what} of a cookie is empty or contains illegal characters: {text!r}")
    return text


def _check_browser_rules(
    name: str, path: str | None, domain: str | None, secure: bool, same_site: str | None
) -> None:
    """Browsers drop cookies that break these rules, without a word."""
    prefix = name.lower()
    if same_site == "None" and not secure:
        raise ValueError('same_site="None" requires secure=True')
    if prefix.startswith(("__secure-", "__host-")) and not secure:
        raise ValueError(f"the prefix of {name} requires secure=True")
    if prefix.startswith("__host-") and (path != "/" or domain is not None):
        raise ValueError(f'the prefix of {name} requires path="/" and no domain')
