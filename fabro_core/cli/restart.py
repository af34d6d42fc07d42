"""`fabro server restart` while a server runs (server.md S24): another one takes its place, or it goes on."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from pathlib import Path

import click

from fabro_core.boot.reading import SettingsReader
from fabro_core.cli.failures import exit_code
from fabro_core.cli.starting import start_and_tell
from fabro_core.config.load import Overrides
from fabro_core.errors import FabroError
from fabro_core.server.background import Ending
from fabro_core.server.faults import OperationFailed
from fabro_core.server.process import Process
from fabro_core.server.record import Flags, ServerRecord


def require_background(running: ServerRecord) -> None:
    """Raises `OperationFailed` for a server in the foreground: a terminal or a supervisor started it and waits for its
    end, and would not know of another one in the background."""
    if running.log_path is None:
        raise OperationFailed(
            f"The running server (pid {running.pid}) on {running.bind.address} is in the foreground and goes on. "
            "Restart it where it was started, for instance with its supervisor; or end it with fabro server stop, "
            "and start another one."
        )


def replace(
    running: ServerRecord, config: Path | None, said: Overrides, *, workers: int | None, timeout_seconds: float
) -> None:
    """Start a server with these settings in the place of the one that runs, which gets so long to end.

    Whatever can be found out before that one is ended is: settings, plugins, what opens, the address. When the new one
    does not come up all the same, one is started where and as the old one ran.
    """
    flags = running.flags or Flags()
    told = Overrides(
        listen=said.listen or (running.bind.listen if flags.bind else None),
        web_enabled=flags.web if said.web_enabled is None else said.web_enabled,
        workers=flags.workers if workers is None else workers,
    )
    try:
        process = Process.prepare(SettingsReader(), config, told, held=running.bind.listen)
        ending = Ending(process.directory, running, timeout_seconds, partial(_bring_back, running, flags, config))
        ending.require_permission()
        process.check()
    except FabroError as error:
        code = exit_code(error)
        click.echo(f"The running server (pid {running.pid}) on {running.bind.address} goes on", err=True)
        sys.exit(code)
    try:
        start_and_tell(process, replacing=ending)
    except FabroError as error:
        code = exit_code(error)
        process.binder.close()
        ending.see_to_it()
        ending.bring_back()
        sys.exit(code)


def _bring_back(running: ServerRecord, flags: Flags, config: Path | None) -> None:
    """Start what ran before, where it ran. Raises `FabroError` when another one runs by now, or nothing comes up."""
    click.echo("The new server did not come up; the old one is started again", err=True)
    started_with = Overrides(
        listen=running.bind.listen if flags.bind else None, web_enabled=flags.web, workers=flags.workers
    )
    where_it_ran = dataclasses.replace(started_with, listen=running.bind.listen)
    process = Process.prepare(SettingsReader(), config, where_it_ran)
    start_and_tell(dataclasses.replace(process, flags=started_with))
