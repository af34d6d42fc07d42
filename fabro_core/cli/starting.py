"""Starting a background server, and what is said about it (server.md S21)."""

from __future__ import annotations

import click

from fabro_core.cli.failures import exit_code
from fabro_core.config.model import TcpListen
from fabro_core.server.background import Ending, start_in_background
from fabro_core.server.process import Process


def start_and_tell(process: Process, *, replacing: Ending | None = None) -> None:
    """Return once it answers. Raises what `start_in_background` does."""
    started = start_in_background(process, tell=exit_code, replacing=replacing)
    click.echo(f"Server started (pid {started.pid}) on {started.address}", err=True)
    _tell_more(process)


def _tell_more(process: Process) -> None:
    assembly = process.assembly
    settings = assembly.settings.server
    if isinstance(settings.listen, TcpListen) and settings.web.enabled:
        click.echo(f"Web UI: {assembly.server.public_url}", err=True)
    click.echo(f"Auth: {', '.join(method.name for method in assembly.methods)}", err=True)
    click.echo(f"Log: {process.directory.log_path}", err=True)
