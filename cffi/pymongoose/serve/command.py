"""The command line: `pymongoose serve TARGET [options]`."""

from __future__ import annotations

import logging
import logging.config
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import click
from click.core import ParameterSource

from . import config, metrics, reload, supervisor, worker
from .errors import Misuse
from .options import OPTIONS, Option

SOURCES = {
    ParameterSource.COMMANDLINE: "command line",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
}
EPILOG = """Each option is also an environment variable, such as PYMONGOOSE_WORKERS for --workers, and a key
of [tool.pymongoose] in pyproject.toml, or of pymongoose.toml. The command line counts first, then the
environment, then the file.

Signals: TERM and INT stop when requests in progress have ended, QUIT stops at once, HUP reloads code, options
and certificates, TTIN and TTOU change the number of workers, USR1 opens log files again, USR2 starts a new
master with the same sockets."""


class Parameter(click.Option):
    """An option with the group that it has in --help."""

    group = ""


class Command(click.Command):
    """A command whose options are shown in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", "") or "Other", []).append(record)
        for name, records in groups.items():
            with formatter.section(name):
                formatter.write_dl(records)


def _type(option: Option) -> Any:
    if isinstance(option.kind, tuple):
        return click.Choice(option.kind)
    if option.kind is int:
        return click.IntRange(min=int(option.least))
    if option.kind is float:
        return click.FloatRange(min=option.least)
    return str


def parameter(option: Option) -> Parameter:
    """An option for the command line."""
    facts: dict[str, Any] = {"help": option.help, "default": option.default, "envvar": option.variables}
    facts["show_default"] = option.default not in (None, "", (), False) and option.kind is not bool
    if option.kind is bool:
        facts["is_flag"] = True
    else:
        facts.update(type=_type(option), metavar=option.metavar, multiple=option.many)
    made = Parameter([*option.flags, option.name], **facts)
    made.group = option.group
    return made


def _defaults(ctx: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Reads the file before the other options."""
    try:
        found = config.read_file(path)
    except Misuse as e:
        raise click.UsageError(str(e)) from None
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return path


def parse(argv: list[str]) -> tuple[SimpleNamespace, dict[str, str], bool]:
    """The options, where each comes from, and whether they are only to be shown."""
    result: list[tuple[SimpleNamespace, dict[str, str], bool]] = []

    def take(**given: Any) -> None:
        show = given.pop("show_config")
        given.pop("config")
        ctx = click.get_current_context()
        by = {name: SOURCES.get(ctx.get_parameter_source(name), "") for name in given}  # type: ignore[arg-type]
        result.append((config.complete(given), by, show))

    make(take).main(argv, prog_name="pymongoose serve", standalone_mode=False)
    if not result:  # --help
        raise SystemExit(0)
    return result[0]


def make(callback: Callable[..., Any]) -> click.Command:
    """The command `serve`."""
    parameters: list[click.Parameter] = [
        click.Argument(["target"], required=False, envvar="PYMONGOOSE_TARGET"),
        click.Option(
            ["--config", "-c"],
            metavar="PATH",
            envvar="PYMONGOOSE_CONFIG",
            is_eager=True,
            expose_value=True,
            callback=_defaults,
            help="TOML file with options; default: pymongoose.toml or pyproject.toml.",
        ),
        click.Option(["--show-config"], is_flag=True, help="Show all options with their values, and exit."),
        *map(parameter, OPTIONS),
    ]
    return Command(
        "serve",
        params=parameters,
        callback=callback,
        help="Serves TARGET: an ASGI or WSGI application as module:attribute, or a folder of files.",
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )


def _helpers(options: Any) -> list[Callable[[Any, Any], int]]:
    found: list[Callable[[Any, Any], int]] = []
    if options.metrics:
        found.append(metrics.run)
    if options.reload:
        found.append(reload.run)
    return found


def set_up_logging(options: Any) -> None:
    """Messages go to standard error, or where --log-config says."""
    level = options.log_level.upper()
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("pymongoose").setLevel(level)
    if not options.log_config:
        return
    try:
        if options.log_config.endswith(".json"):
            import json

            with open(options.log_config, encoding="utf-8") as file:
                logging.config.dictConfig(json.load(file))
        else:
            logging.config.fileConfig(options.log_config, disable_existing_loggers=False)
    except Exception as e:  # Python's logging raises all kinds for what is wrong in a file.
        raise Misuse(f"--log-config {options.log_config}: {e}") from None


def serve(argv: list[str]) -> int:
    """Runs the server until it is stopped. Returns the exit status."""
    try:
        options, given_by, only_show = parse(argv)
        if only_show:
            click.echo(config.show(options, given_by))
            return 0
        set_up_logging(options)
        here = os.getcwd()

        def again() -> Any:
            os.chdir(here)
            try:
                return parse(argv)[0]
            except click.ClickException as e:
                raise Misuse(e.format_message()) from None

        started = ["-m", "pymongoose", "serve", *argv]
        return supervisor.Supervisor(options, again, worker.run, _helpers, started).run()
    except click.ClickException as e:
        click.echo(f"Error: {e.format_message()}", err=True)
        return 2
    except Misuse as e:
        click.echo(f"Error: {e}", err=True)
        return 2
    except click.exceptions.Exit as e:
        return e.exit_code


def main(argv: list[str] | None = None) -> None:
    """The commands of pymongoose."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["serve"]:
        sys.exit(serve(arguments[1:]))
    if arguments == ["--version"]:
        from .. import __version__

        click.echo(f"pymongoose {__version__}")
        return
    asked = arguments[:1] in (["--help"], ["-h"], [])
    click.echo("Usage: pymongoose serve TARGET [OPTIONS]\n\nSee pymongoose serve --help.", err=not asked)
    sys.exit(0 if asked else 2)
