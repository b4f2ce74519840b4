"""`python -m pymongoose.asgi` and `.wsgi`: `pymongoose serve` with fewer options.

One process serves unless more are asked for, and clients' claims about proxies are not believed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import click

from .serve import alone, command, config, supervisor, worker
from .serve.errors import Misuse
from .serve.options import BY_NAME, OPTIONS
from .serve.sockets import Listener

NAMES = ("url", "workers", "max_body", "set", "timeout_graceful_shutdown", "ssl_certfile", "ssl_keyfile")
FIXED = {"proxy_headers": False, "server_header": False}


def arguments(kind: str, argv: Sequence[str] | None) -> SimpleNamespace:
    """The options of the server command. Exits where they are wrong."""
    names = (*NAMES, "threads") if kind == "wsgi" else NAMES
    parameters: list[click.Parameter] = [click.Argument(["target"], metavar="MODULE:ATTRIBUTE")]
    parameters += [command.parameter(BY_NAME[name]) for name in names]

    def take(**given: Any) -> SimpleNamespace:
        defaults = {option.name: option.default for option in OPTIONS}
        try:
            return config.complete({**defaults, **FIXED, "interface": kind, **given})
        except Misuse as e:
            raise click.UsageError(str(e)) from None

    made = click.Command(kind, params=parameters, callback=take, help=f"Serves a {kind.upper()} application.")
    try:
        options = made.main(
            None if argv is None else list(argv),
            prog_name=f"python -m pymongoose.{kind}",
            standalone_mode=False,
        )
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    if not isinstance(options, SimpleNamespace):  # --help
        sys.exit(0)
    return options


def main(kind: str, argv: Sequence[str] | None = None) -> None:
    """Runs a server until SIGINT or SIGTERM, and requests in progress have ended."""
    options = arguments(kind, argv)

    def announce(listeners: list[Listener]) -> None:
        scheme = "https" if options.ssl_certfile else "http"
        urls = ", ".join(listener.url(scheme) for listener in listeners)
        print(
            f"{kind.upper()} server on {urls}\n  Processes: {options.workers}\nCtrl+C stops it.", flush=True
        )

    try:
        if options.workers == 1:
            status = alone.run(options, announce)
        else:
            command.set_up_logging(options)
            given = list(sys.argv[1:] if argv is None else argv)
            master = supervisor.Supervisor(
                options,
                lambda: arguments(kind, argv),
                worker.run,
                lambda options: [],
                ["-m", f"pymongoose.{kind}", *given],
            )
            status = master.run(announce)
    except Misuse as e:
        click.echo(f"Error: {e}", err=True)
        status = 2
    print("Server stopped.", flush=True)
    sys.exit(status)
