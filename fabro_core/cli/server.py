"""`fabro server …` (server.md S21, S24)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fabro_core.boot.reading import SettingsReader
    from fabro_core.config.load import Overrides
    from fabro_core.config.model import Listen
    from fabro_core.server.process import Process
    from fabro_core.server.record import RunDirectory

DEFAULT_PORT = 32276
"""Of `--bind IP`."""

_config = click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
_stop_timeout = click.option(
    "--timeout", type=click.FloatRange(min=0), default=10, show_default=True, help="Seconds until it is killed."
)


@click.group()
def server() -> None:
    """Start, stop and look at the server."""


def _parse_bind(context: click.Context, parameter: click.Parameter, text: str | None) -> Listen | None:
    """A path when it has a slash, else `IP:port`, `[IPv6]:port` or an IP address."""
    if text is None:
        return None
    from fabro_core.config.model import TcpListen, UnixListen
    from fabro_core.config.values import join_address, split_address

    if "/" in text:
        return UnixListen(path=Path(text).absolute())
    for candidate in (text, f"{text}:{DEFAULT_PORT}", f"[{text}]:{DEFAULT_PORT}"):
        try:
            return TcpListen(address=join_address(*split_address(candidate)))
        except ValueError:
            continue
    raise click.BadParameter("expected a path with a slash, IP:port, [IPv6]:port or an IP address")


_WORKERS_HELP = "Processes that serve; more than one need a store that processes share."


def _start_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--bind", metavar="ADDR|PATH", callback=_parse_bind, help="Listen here."),
        click.option("--web", is_flag=True, help="Serve the web pages, whatever the settings say."),
        click.option("--no-web", is_flag=True, help="Do not serve the web pages."),
        _config,
    )
    for option in reversed(options):
        command = option(command)
    return command


def _overrides(bind: Listen | None, web: bool, no_web: bool, workers: int) -> Overrides:
    from fabro_core.config.load import Overrides

    if web and no_web:
        raise click.UsageError("--web and --no-web exclude each other")
    return Overrides(listen=bind, web_enabled=True if web else False if no_web else None, workers=workers)


@server.command()
@click.option("--foreground", is_flag=True, help="Stay attached to the terminal and log to stdout.")
@_start_options
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help=_WORKERS_HELP)
def start(config: Path | None, bind: Listen | None, web: bool, no_web: bool, workers: int, foreground: bool) -> None:
    """Start the server."""
    from fabro_core.server import collector
    from fabro_core.server.leaving import end_process

    collector.rest()
    overrides = _overrides(bind, web, no_web, workers)
    reader = _reader()
    _initialise_first_start(reader, config)
    process = _prepared(reader, config, overrides)
    if foreground:
        process.run(log=sys.stdout, log_path=None, announce=_tell_foreground)
        end_process()
    else:
        _start_in_background(process)


def _reader() -> SettingsReader:
    from fabro_core.boot.reading import SettingsReader

    return SettingsReader()


def _initialise_first_start(reader: SettingsReader, config: Path | None) -> None:
    from fabro_core.cli.init import tell
    from fabro_core.home.initialise import initialise, is_first_start

    if is_first_start(config, reader.environ):
        tell(initialise(reader))


def _prepared(reader: SettingsReader, config: Path | None, overrides: Overrides) -> Process:
    from fabro_core.server.process import Process

    return Process.prepare(reader, config, overrides)


def _tell_foreground(address: str) -> None:
    click.echo(f"Fabro server listening on {address}", err=True)


def _start_in_background(process: Process) -> None:
    from fabro_core.cli.starting import start_and_tell

    start_and_tell(process)


@server.command()
@_config
@_stop_timeout
def stop(config: Path | None, timeout: float) -> None:
    """Stop the server."""
    from fabro_core.server.background import stop as stop_server

    stop_server(_directory(config), timeout)
    click.echo("Server stopped", err=True)


@server.command()
@_start_options
@click.option("--workers", type=click.IntRange(min=1), show_default="as many as run", help=_WORKERS_HELP)
@_stop_timeout
def restart(
    config: Path | None, bind: Listen | None, web: bool, no_web: bool, workers: int | None, timeout: float
) -> None:
    """Start the server in the background, in place of the one that runs there, if one does.

    What is not said stays as the running one was told when it was started. It is ended once everything has been
    checked, and brought back when the new one does not come up all the same.
    """
    from fabro_core.cli.restart import replace, require_background

    said = _overrides(bind, web, no_web, workers or 1)
    running = _directory(config).settled()
    if running is None:
        _start_in_background(_prepared(_reader(), config, said))
    else:
        require_background(running)
        replace(running, config, said, workers=workers, timeout_seconds=timeout)


@server.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(config: Path | None, as_json: bool) -> None:
    """Say whether the server runs."""
    from fabro_core.cli.status import tell_status

    sys.exit(tell_status(_directory(config).running(), as_json=as_json))


@server.command()
@_config
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, across restarts.")
def logs(config: Path | None, follow: bool) -> None:
    """Print the log of the background server."""
    from fabro_core.server.log_file import follow_log, read_log

    path = _directory(config).log_path
    for chunk in follow_log(path) if follow else read_log(path):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _directory(config: Path | None) -> RunDirectory:
    from fabro_core.server.record import RunDirectory

    return RunDirectory(_reader().storage_root(config))
