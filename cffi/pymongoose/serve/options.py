"""The options of `pymongoose serve`: one table that the command line, the file, the environment and the
documentation are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PREFIX = "PYMONGOOSE_"  # of environment variables


@dataclass(frozen=True)
class Option:
    """One option.

    flags: as on the command line; the first one names the key of the file and the variable. kind: str,
    int, float, bool, "size", or a tuple of choices. many: may be given several times. also: environment
    variables of other servers that count, too. others: its names in uvicorn, gunicorn and granian.
    """

    flags: tuple[str, ...]
    kind: Any
    default: Any
    group: str
    help: str
    metavar: str | None = None
    many: bool = False
    least: float = 0
    also: tuple[str, ...] = ()
    others: tuple[str, str, str] = ("", "", "")

    @property
    def name(self) -> str:
        """Of the attribute, and of the key in a file (there with dashes or underscores)."""
        return self.flags[0].partition("/")[0].lstrip("-").replace("-", "_")

    @property
    def variables(self) -> list[str]:
        """Environment variables, in the order in which they count."""
        return [PREFIX + self.name.upper(), *self.also]


def _list() -> list[Option]:
    bind, process, http, tls, log = "Sockets", "Processes", "HTTP", "TLS", "Logs and metrics"
    o = Option
    return [
        o(
            ("--host",),
            str,
            "127.0.0.1",
            bind,
            "Address or host name to listen on; :: is IPv6 and IPv4.",
            others=("--host", "--bind", "--host"),
        ),
        o(
            ("--port", "-p"),
            int,
            8000,
            bind,
            "TCP port; 0: one that is free.",
            others=("--port", "--bind", "--port"),
        ),
        o(
            ("--bind", "-b"),
            str,
            (),
            bind,
            "HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N, instead of --host and --port. May be repeated.",
            metavar="ADDRESS",
            many=True,
            others=("", "--bind", ""),
        ),
        o(
            ("--uds",),
            str,
            None,
            bind,
            "Path of a Unix socket to listen on.",
            metavar="PATH",
            others=("--uds", "--bind unix:", "--uds"),
        ),
        o(
            ("--uds-mode",),
            str,
            None,
            bind,
            "Mode of the Unix socket, such as 660.",
            metavar="MODE",
            others=("", "--umask", "--uds-permissions"),
        ),
        o(
            ("--uds-owner",),
            str,
            None,
            bind,
            "Owner of the Unix socket.",
            metavar="USER[:GROUP]",
            others=("", "--user, --group", ""),
        ),
        o(
            ("--fd",),
            int,
            None,
            bind,
            "Number of an inherited socket that listens. Those of systemd (LISTEN_FDS) are found without it.",
            metavar="N",
            others=("--fd", "--bind fd://", ""),
        ),
        o(
            ("--url",),
            str,
            None,
            bind,
            "URL to listen on: http://HOST:PORT, https://HOST:PORT or unix:PATH.",
            metavar="URL",
        ),
        o(
            ("--backlog",),
            int,
            2048,
            bind,
            "Connections that may wait to be accepted.",
            least=1,
            others=("--backlog", "--backlog", "--backlog"),
        ),
        o(
            ("--interface",),
            ("auto", "asgi", "wsgi", "files"),
            "auto",
            process,
            "What TARGET is; auto finds out.",
            others=("--interface", "--worker-class", "--interface"),
        ),
        o(
            ("--factory",),
            bool,
            False,
            process,
            "TARGET is a function that returns the application.",
            others=("--factory", "app:make()", "--factory"),
        ),
        o(
            ("--app-dir", "--chdir"),
            str,
            ".",
            process,
            "Directory from which TARGET is imported.",
            metavar="PATH",
            others=("--app-dir", "--chdir, --pythonpath", "--working-dir"),
        ),
        o(
            ("--env-file",),
            str,
            None,
            process,
            "File of NAME=VALUE lines for the application's environment; read again at SIGHUP.",
            metavar="PATH",
            others=("--env-file", "--env", "--env-files"),
        ),
        o(
            ("--workers", "-w"),
            "workers",
            "1",
            process,
            "Processes; auto: as many as there are processors.",
            metavar="N|auto",
            also=("WEB_CONCURRENCY",),
            others=("--workers", "--workers", "--workers"),
        ),
        o(
            ("--threads",),
            int,
            4,
            process,
            "Threads per process that run a WSGI application.",
            least=1,
            others=("", "--threads", "--blocking-threads"),
        ),
        o(
            ("--loop",),
            ("auto", "asyncio", "uvloop"),
            "auto",
            process,
            "Event loop of an ASGI application; auto: uvloop if it is installed.",
            others=("--loop", "--worker-class", "--loop"),
        ),
        o(
            ("--lifespan",),
            ("auto", "on", "off"),
            "auto",
            process,
            "Startup and shutdown events of ASGI; on: an application without them is an error.",
            others=("--lifespan", "", "--interface asginl"),
        ),
        o(
            ("--reload",),
            bool,
            False,
            process,
            "Restart workers when a file changes; for development.",
            others=("--reload", "--reload", "--reload"),
        ),
        o(
            ("--reload-dir",),
            str,
            (),
            process,
            "Directory to watch instead of the current one.",
            metavar="PATH",
            many=True,
            others=("--reload-dir", "--reload-extra-file", "--reload-paths"),
        ),
        o(
            ("--pid", "--pidfile"),
            str,
            None,
            process,
            "File for the process id of the master.",
            metavar="PATH",
            others=("", "--pid", "--pid-file"),
        ),
        o(
            ("--timeout-graceful-shutdown", "--graceful-timeout"),
            float,
            30.0,
            process,
            "Seconds that requests in progress get at a stop.",
            metavar="SECONDS",
            others=("--timeout-graceful-shutdown", "--graceful-timeout", "--workers-kill-timeout"),
        ),
        o(
            ("--timeout-worker-healthcheck", "--timeout"),
            float,
            30.0,
            process,
            "Seconds after which a worker that does not answer is replaced; 0: never.",
            metavar="SECONDS",
            others=("--timeout-worker-healthcheck", "--timeout", ""),
        ),
        o(
            ("--limit-max-requests", "--max-requests"),
            int,
            0,
            process,
            "Requests after which a worker is replaced; 0: never.",
            metavar="N",
            others=("--limit-max-requests", "--max-requests", ""),
        ),
        o(
            ("--limit-max-requests-jitter", "--max-requests-jitter"),
            int,
            0,
            process,
            "Each worker serves up to N requests more, at random.",
            metavar="N",
            others=("--limit-max-requests-jitter", "--max-requests-jitter", ""),
        ),
        o(
            ("--limit-concurrency",),
            int,
            0,
            http,
            "Requests in progress per worker beyond which the answer is 503; 0: no limit.",
            metavar="N",
            others=("--limit-concurrency", "--worker-connections", "--backpressure"),
        ),
        o(
            ("--timeout-keep-alive", "--keep-alive"),
            float,
            75.0,
            http,
            "Seconds for which a connection may wait for its next request.",
            metavar="SECONDS",
            others=("--timeout-keep-alive", "--keep-alive", "--http1-keep-alive"),
        ),
        o(
            ("--max-body",),
            int,
            1 << 30,
            http,
            "Bytes of the body of a request; 413 for longer ones; 0: no limit.",
            metavar="BYTES",
        ),
        o(
            ("--set",),
            str,
            (),
            http,
            "A limit or timeout of pymongoose.settings, such as http_max_head=16384. May be repeated.",
            metavar="NAME=VALUE",
            many=True,
        ),
        o(
            ("--root-path",),
            str,
            "",
            http,
            "Path under which a proxy shows the application (root_path, SCRIPT_NAME).",
            metavar="PATH",
            others=("--root-path", "SCRIPT_NAME", "--url-path-prefix"),
        ),
        o(
            ("--proxy-headers/--no-proxy-headers",),
            bool,
            True,
            http,
            "Take the client's address and the scheme from "
            "X-Forwarded-For and X-Forwarded-Proto of trusted proxies.",
            others=("--proxy-headers", "--forwarded-allow-ips", "(wrapper)"),
        ),
        o(
            ("--forwarded-allow-ips",),
            str,
            "127.0.0.1,::1,unix:",
            http,
            "Proxies that are trusted: addresses, networks, unix: or *, with commas.",
            metavar="LIST",
            also=("FORWARDED_ALLOW_IPS",),
            others=("--forwarded-allow-ips", "--forwarded-allow-ips", "(wrapper)"),
        ),
        o(
            ("--proxy-protocol",),
            bool,
            False,
            http,
            "Connections of those proxies begin with a header of the PROXY protocol, version 1 or 2.",
            others=("", "--proxy-protocol", ""),
        ),
        o(
            ("--static",),
            str,
            (),
            http,
            "Serve the files of a folder below a path, before the application. May be repeated.",
            metavar="/PATH=FOLDER",
            many=True,
            others=("", "", "--static-path-route, --static-path-mount"),
        ),
        o(
            ("--header",),
            str,
            (),
            http,
            "Header that is added to each response of the application. May be repeated.",
            metavar="NAME:VALUE",
            many=True,
            others=("--header", "", ""),
        ),
        o(
            ("--server-header/--no-server-header",),
            bool,
            True,
            http,
            "Send a Server header.",
            others=("--server-header", "", ""),
        ),
        o(
            ("--date-header/--no-date-header",),
            bool,
            True,
            http,
            "Send a Date header.",
            others=("--date-header", "", ""),
        ),
        o(
            ("--ssl-certfile", "--certfile"),
            str,
            None,
            tls,
            "Certificate chain, PEM; read again when it changes.",
            metavar="PATH",
            others=("--ssl-certfile", "--certfile", "--ssl-certificate"),
        ),
        o(
            ("--ssl-keyfile", "--keyfile"),
            str,
            None,
            tls,
            "Private key, PEM; default: in --ssl-certfile.",
            metavar="PATH",
            others=("--ssl-keyfile", "--keyfile", "--ssl-keyfile"),
        ),
        o(
            ("--ssl-ca-certs", "--ca-certs"),
            str,
            None,
            tls,
            "Authorities whose certificates clients must have, PEM.",
            metavar="PATH",
            others=("--ssl-ca-certs", "--ca-certs", "--ssl-ca"),
        ),
        o(
            ("--ssl-cert-reqs", "--cert-reqs"),
            int,
            None,
            tls,
            "0: clients need no certificate; 2: they need one (default with --ssl-ca-certs).",
            metavar="0|2",
            others=("--ssl-cert-reqs", "--cert-reqs", "--ssl-client-verify"),
        ),
        o(
            ("--log-level",),
            ("critical", "error", "warning", "info", "debug"),
            "info",
            log,
            "Least level of messages.",
            others=("--log-level", "--log-level", "--log-level"),
        ),
        o(
            ("--log-config",),
            str,
            None,
            log,
            "Configuration of Python's logging: INI, or JSON of dictConfig.",
            metavar="PATH",
            others=("--log-config", "--log-config", "--log-config"),
        ),
        o(
            ("--access-log/--no-access-log",),
            bool,
            False,
            log,
            "Write a line for each request.",
            others=("--access-log", "--access-logfile", "--access-log"),
        ),
        o(
            ("--access-logfile",),
            str,
            None,
            log,
            "File for those lines (implies --access-log); -: standard output. SIGUSR1 opens it again.",
            metavar="PATH",
            others=("", "--access-logfile", ""),
        ),
        o(
            ("--access-log-format", "--access-logformat"),
            str,
            "common",
            log,
            "common, combined, json, or a format such as '%(h)s %(r)s %(s)s %(L)s'.",
            metavar="FORMAT",
            others=("(--log-config)", "--access-logformat", "--access-log-fmt"),
        ),
        o(
            ("--metrics",),
            str,
            None,
            log,
            "HOST:PORT for Prometheus metrics at /metrics, and /healthz.",
            metavar="ADDRESS",
            others=("", "--statsd-host", "--metrics"),
        ),
    ]


OPTIONS = _list()
BY_NAME = {option.name: option for option in OPTIONS}
