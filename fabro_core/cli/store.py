"""`fabro store …`: what is done to stores while no server uses them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fabro_core.boot.assembly import AssembledStore
    from fabro_core.config.model import Settings
    from fabro_core.transfer.copying import Progress
    from fabro_core.transfer.verifying import Verdict

NAMED = 5
"""Differences that are named; the rest is counted."""


@click.group()
def store() -> None:
    """Look after what stores hold."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
def copy(source: str, target: str, config: Path | None) -> None:
    """Copy everything from the store FROM into the empty store TO, and compare.

    Both are names such as sqlite and redis; their settings are those of a server that uses them. A copy that was broken
    off goes on where it was, and catches up with what has changed in FROM, when it is started again.
    """
    import asyncio

    from fabro_core.server.serving import loop_factory

    if source == target:
        raise click.UsageError("FROM and TO are the same store")
    ours, theirs = _assembled(source, target, config)
    _warn_of_a_server(ours.settings)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        verdict = runner.run(_copied(ours, theirs))
    if verdict.differences:
        _tell_differences(verdict)
        sys.exit(1)
    click.echo(
        f"verified: {verdict.runs:,} runs with {verdict.events:,} events, {verdict.blobs:,} blobs, "
        f"{verdict.documents:,} documents; digest {verdict.digest}"
    )
    click.echo(f"{target} is ready: set kind in [server.store] to it, and start the server.", err=True)


def _assembled(source: str, target: str, config: Path | None) -> tuple[AssembledStore, AssembledStore]:
    """Each of the stores as a server on it would have it. Raises `StartupError` with the faults of both."""
    from fabro_core.boot.assembly import assemble_store
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.config.load import Overrides
    from fabro_core.context import Problem
    from fabro_core.errors import StartupError
    from fabro_core.plugins.kinds import STORE

    reader = SettingsReader()
    assembled, problems = [], list[Problem]()
    for name in (source, target):
        try:
            reading = reader.read(config, Overrides(names={STORE.section.names_key: name}))
            assembled.append(assemble_store(reading))
        except StartupError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise StartupError(problems)
    for each in assembled:
        if not each.store.info().shared:
            message = f"{each.name} is gone with its process; there is nothing to copy"
            raise StartupError([Problem(path=STORE.section.names_key, message=message)])
    ours, theirs = assembled
    return ours, theirs


def _warn_of_a_server(settings: Settings) -> None:
    from fabro_core.server.record import RunDirectory

    if RunDirectory(settings.server.storage.root).is_running():
        click.echo(
            "A server is running here. What it writes may be missed: stop it when this ends, and start this again, "
            "which copies only the rest.",
            err=True,
        )


async def _copied(ours: AssembledStore, theirs: AssembledStore) -> Verdict:
    from contextlib import contextmanager

    from fabro_core.boot.assembly import make_storage_root
    from fabro_core.transfer.moving import copy_store

    @contextmanager
    def stage(label: str, length: int) -> Iterator[Progress]:
        with click.progressbar(length=length, label=f"{label:10}", file=sys.stderr) as bar:
            yield bar.update
            bar.finish()  # there may have been nothing, or less than at first
            bar.render_progress()

    make_storage_root(ours.settings)
    async with ours.store.lifespan(), theirs.store.lifespan():
        return await copy_store(ours.store, theirs.store, ours.clock, stage)


def _tell_differences(verdict: Verdict) -> None:
    named = ", ".join(verdict.differences[:NAMED])
    more = len(verdict.differences) - NAMED
    click.echo(f"The stores differ: {named}{f' and {more:,} more' if more > 0 else ''}.", err=True)
    click.echo("Something wrote to one of them meanwhile. Stop it and start this again: it copies the rest.", err=True)
