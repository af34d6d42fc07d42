"""The command `fabro`. Commands import what they need when they run, so that `fabro --version` stays quick."""

from __future__ import annotations

import os
import sys

import click

from fabro_core import __version__
from fabro_core.cli.auth import auth
from fabro_core.cli.check import check
from fabro_core.cli.hooks import hooks
from fabro_core.cli.init import init
from fabro_core.cli.manifest import manifest, validate
from fabro_core.cli.plugin import plugin
from fabro_core.cli.plugins import plugins
from fabro_core.cli.server import server
from fabro_core.cli.settings import settings
from fabro_core.cli.store import store
from fabro_core.errors import FabroError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fabro", message="%(prog)s %(version)s")
def cli() -> None:
    """Fabro Server: workflow runs, their events and their questions."""


cli.add_command(auth)
cli.add_command(check)
cli.add_command(hooks)
cli.add_command(init)
cli.add_command(manifest)
cli.add_command(plugin)
cli.add_command(plugins)
cli.add_command(server)
cli.add_command(settings)
cli.add_command(store)
cli.add_command(validate)


_OF_THE_EXTRA = frozenset({"httptools", "httpx", "uvicorn"})
"""Modules that commands need and an embedding program does not; click, which is one of them, Litestar brings along."""


def main() -> None:
    """Run the command line and exit with a code of server.md S18."""
    _open_what_was_closed()
    try:
        cli(prog_name="fabro")
    except ModuleNotFoundError as error:
        if error.name not in _OF_THE_EXTRA:
            raise
        sys.exit(f"This command needs {error.name}, which is not installed; run: pip install 'fabro-core[server]'")
    except FabroError as error:
        from fabro_core.cli.failures import exit_code

        sys.exit(exit_code(error))


def _open_what_was_closed() -> None:
    """Whoever starts a command without stdin, stdout or stderr gets none of its words. The next file that is opened
    would get the number, which may be the database, and what is written to stderr would go there."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
            setattr(sys, name, os.fdopen(descriptor, "r+", buffering=1, closefd=False))
