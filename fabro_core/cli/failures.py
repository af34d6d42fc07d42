"""How a command fails: what is said on stderr, and the exit code (server.md S18)."""

from __future__ import annotations

from typing import Final

import click

from fabro_core.boot.report import report
from fabro_core.causes import told
from fabro_core.client.faults import LoginRequired
from fabro_core.errors import FabroError, StartupError, StoreMisconfigured, StoreUnavailable
from fabro_core.server.faults import NotStarted
from fabro_core.unseen import escaped

FAILED: Final = 1
"""The operation failed."""
LOGIN_REQUIRED: Final = 4
"""A command that talks to a server has no login that is accepted there."""
MISCONFIGURED: Final = 78
"""`EX_CONFIG` of sysexits.h."""


def exit_code(error: FabroError) -> int:
    """Tell the operator about the error, and return the code to exit with."""
    if isinstance(error, StartupError):
        click.echo(report(error.problems), err=True, nl=False)
        return MISCONFIGURED
    if text := _text_of(error):
        click.echo("\n".join(map(escaped, text.split("\n"))), err=True)
    if isinstance(error, NotStarted):
        return error.exit_code
    if isinstance(error, StoreMisconfigured):
        return MISCONFIGURED
    return LOGIN_REQUIRED if isinstance(error, LoginRequired) else FAILED


def _text_of(error: FabroError) -> str:
    """In the words of the log, where it has some."""
    return f"the store is unavailable: {told(error)}" if isinstance(error, StoreUnavailable) else str(error)
