"""`fabro auth …` (auth.md A28)."""

from __future__ import annotations

import sys

import click


@click.group()
def auth() -> None:
    """Log in to servers, and replace the dev token of this one."""


@auth.command("rotate-dev-token")
def rotate_dev_token() -> None:
    """Write a new dev token into server.env; the old one ends with the next restart."""
    from fabro_core.config.secrets import process_environment
    from fabro_core.rotation import VARIABLE, rotate_dev_token

    rotated = rotate_dev_token(process_environment())
    click.echo(f"The new token is {VARIABLE} in {rotated.path}")
    if sys.stdout.isatty():
        click.echo(f"{VARIABLE}={rotated.token.reveal()}")
    click.echo("A running server takes it after a restart: fabro server restart", err=True)
