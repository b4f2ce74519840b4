"""From what the operator gave to what the processes use: files, checks, and a table of the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from . import access_log, env_file, proxy, reload, sockets, target, tls
from .errors import Misuse
from .options import BY_NAME, OPTIONS, Option

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pymongoose.toml"
PROJECT = "pyproject.toml"
PATHS = (
    "env_file",
    "pid",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_ca_certs",
    "log_config",
    "access_logfile",
    "app_dir",
)


def read_file(path: str | None) -> dict[str, Any]:
    """The options of a TOML file; None: of pymongoose.toml or pyproject.toml, if they are there."""
    if path is not None:
        return _table(path, _load(path))
    if os.path.exists(FILE):
        return _table(FILE, _load(FILE))
    if os.path.exists(PROJECT):
        return _table(PROJECT, _load(PROJECT), must=False)
    return {}


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            found: dict[str, Any] = tomllib.load(file)
            return found
    except OSError as e:
        raise Misuse(f"cannot read {path}: {e.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise Misuse(f"{path}: {e}") from None


def _table(path: str, data: dict[str, Any], must: bool = True) -> dict[str, Any]:
    """[tool.pymongoose]; a file that has no such table is one as a whole."""
    table = data.get("tool", {}).get("pymongoose")
    if table is None:
        table = data if must else {}
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name == "target":
            found[name] = str(value)
            continue
        option = BY_NAME.get(name)
        if option is None:
            raise Misuse(f"{path}: there is no option {key!r}")
        found[name] = _checked(path, option, value)
    return found


def _checked(path: str, option: Option, value: Any) -> Any:
    """A value of a file. Lists are for options that may be repeated."""
    if option.many:
        values = value if isinstance(value, list) else [value]
        if all(isinstance(v, str) for v in values):
            return values
    elif option.kind is bool:
        if isinstance(value, bool):
            return value
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    raise Misuse(f"{path}: {option.name} cannot be {value!r}")


def complete(given: Mapping[str, Any]) -> SimpleNamespace:
    """Checks the options, and makes of them what the processes use. Misuse when something is wrong."""
    options = SimpleNamespace(**given)
    if not options.target:
        raise Misuse("nothing to serve: give module:application, or a folder")
    for name in PATHS:
        value = getattr(options, name)
        if value and value != "-":
            setattr(options, name, os.path.abspath(value))
    if options.interface == "auto" and target.is_folder(options.target):
        options.interface = "files"
    if options.interface == "files":
        options.target = os.path.abspath(options.target)
        if not os.path.isdir(options.target):
            raise Misuse(f"{options.target} is not a folder")
    if not os.path.isdir(options.app_dir):
        raise Misuse(f"--app-dir {options.app_dir} is not a folder")
    options.workers = _workers(options.workers)
    _check_url(options)
    tls.check(options)
    options.settings = dict(_setting(text) for text in options.set)
    options.mounts = [_mount(text) for text in options.static]
    options.headers = [_header(text) for text in options.header]
    options.root_path = options.root_path.rstrip("/")
    if options.root_path and not options.root_path.startswith("/"):
        raise Misuse(f"--root-path {options.root_path}: must begin with /")
    proxy.Trusted(options.forwarded_allow_ips)
    access_log.check(options.access_log_format)
    if options.env_file:
        env_file.read(options.env_file)
    if options.reload:
        reload.check()
    if options.metrics:
        sockets.host_and_port(options.metrics)
    if options.host and not options.url:
        sockets.targets(options)
    return options


def show(options: SimpleNamespace, given_by: Mapping[str, str]) -> str:
    """A table of the options: name, value, and where that comes from."""
    rows = [("target", options.target, "")]
    for option in OPTIONS:
        value = getattr(options, option.name)
        text = ", ".join(value) if isinstance(value, (tuple, list)) else str(value)
        if value is None or value in ((), []):
            text = "-"
        rows.append((option.name.replace("_", "-"), text, given_by.get(option.name, "")))
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"{name:<{width}}  {value}{f'  ({source})' if source else ''}" for name, value, source in rows
    )


def _workers(text: str) -> int:
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not (str(text).isascii() and str(text).isdigit() and 1 <= int(text) <= 500):
        raise Misuse(f"--workers {text}: expected auto, or a number from 1 to 500")
    return int(text)


def _check_url(options: SimpleNamespace) -> None:
    if options.url is None:
        return
    is_tls, _ = sockets.of_url(options.url)
    if is_tls and not options.ssl_certfile:
        raise Misuse(f"--url {options.url} needs a certificate: give --ssl-certfile and --ssl-keyfile")
    if not is_tls and not options.url.startswith(sockets.WITHOUT_SCHEME) and options.ssl_certfile:
        raise Misuse(f"--url {options.url} is without TLS, but there is --ssl-certfile: use https://")


def _setting(text: str) -> tuple[str, int]:
    from ..settings import ManagerSettings, guess

    name, _, value = text.partition("=")
    if name not in ManagerSettings.__annotations__:
        raise Misuse(f"--set {text}: there is no setting {name!r}{guess(name)}")
    if not (value.isascii() and value.lstrip("-").isdigit()):
        raise Misuse(f"--set {text}: {name} takes a number")
    return name, int(value)


def _mount(text: str) -> tuple[str, str]:
    path, equals, folder = text.partition("=")
    plain = path.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    parts = path.split("/")[1:]
    if not equals or not path.startswith("/") or not (plain.isascii() and plain.isalnum()):
        raise Misuse(f"--static {text}: expected /PATH=FOLDER, with letters, digits and -_. in the path")
    if "" in parts or "." in parts or ".." in parts:
        raise Misuse(f"--static {text}: the path must have no empty part, . or .., and no slash at its end")
    folder = os.path.abspath(folder)
    if not os.path.isdir(folder):
        raise Misuse(f"--static {text}: {folder} is not a folder")
    if "," in folder:
        raise Misuse(f"--static {text}: the name of the folder must have no comma")
    return path, folder


def _header(text: str) -> bytes:
    name, colon, value = text.partition(":")
    token = name.replace("-", "").replace("_", "")
    bad = any(c in "\r\n\0" for c in value)
    if not colon or not token.isascii() or not token.isalnum() or bad:
        raise Misuse(f"--header {text!r}: expected NAME:VALUE")
    try:
        return f"{name}: {value.strip()}\r\n".encode("latin-1")
    except UnicodeEncodeError:
        raise Misuse(f"--header {text!r}: only Latin-1 is possible") from None
