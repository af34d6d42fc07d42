"""`fabro init` (server.md S19)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fabro_core.home.initialise import Initialised


@click.command()
def init() -> None:
    """Make the home usable: settings, secrets, a token. Running it again changes nothing."""
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.home.initialise import initialise

    tell(initialise(SettingsReader()))


def tell(done: Initialised) -> None:
    """Say what was done; values of credentials only to a terminal, never into a pipe or a file (auth.md A26)."""
    for line in done.lines:
        click.echo(line)
    if sys.stdout.isatty():
        for name, value in done.credentials.items():
            click.echo(f"{name}={value.reveal()}")
