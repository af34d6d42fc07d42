"""`fabro store …`: moving what a store holds into another one, while servers use it (server.md S25)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from contextlib import AbstractContextManager
    from typing import Any

    from fabro_core.boot.assembly import AssembledStore
    from fabro_core.transfer.copying import Progress
    from fabro_core.transfer.moving import Copied
    from fabro_core.transfer.verifying import Verdict

Result = TypeVar("Result")

NAMED = 5
"""Differences that are named; the rest is counted."""


@click.group()
def store() -> None:
    """Look after what stores hold."""


@store.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--final", is_flag=True, help="Let FROM take no more writes, copy the rest, compare, and make TO ready.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
def copy(source: str, target: str, final: bool, config: Path | None) -> None:
    """Copy everything from the store FROM into the empty store TO.

    Both are names such as sqlite and redis; their settings are those of a server that uses them. Servers may go on
    using FROM: each further copy catches up with what they have changed. TO is provisional, and no server starts on it,
    until --final has ended the move. From then on FROM refuses writes, those of running servers included. What was
    broken off goes on where it was when it is started again.
    """
    if source == target:
        raise click.UsageError("FROM and TO are the same store")
    ours, theirs = _assembled((source, target), config)
    if not final:
        _tell_of_a_copy(_run(_copied(ours, theirs)), source, target)
        return
    verdict = _run(_finished(ours, theirs))
    if verdict.differences:
        _tell_differences(verdict, source)
        sys.exit(1)
    click.echo(
        f"verified: {verdict.runs:,} runs with {verdict.events:,} events, {verdict.blobs:,} blobs, "
        f"{verdict.documents:,} documents; digest {verdict.digest}"
    )
    click.echo(
        f"{target} is ready: set kind in [server.store] to it, and restart the servers. "
        f"Those that still run on {source} answer reads, and refuse writes.",
        err=True,
    )


@store.command()
@click.argument("name", metavar="STORE")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.")
def unfence(name: str, config: Path | None) -> None:
    """Let STORE take writes again after a copy with --final, if servers are to stay with it.

    What has been written to the other store since is not in STORE.
    """
    (fenced,) = _assembled((name,), config)
    target = _run(_lifted(fenced))
    if target is None:
        click.echo(f"{name} is not fenced.", err=True)
    else:
        click.echo(f"{name} takes writes again. What was written to {target} since the move is not in it.", err=True)


def _assembled(names: tuple[str, ...], config: Path | None) -> list[AssembledStore]:
    """Each of the stores as a server on it would have it. Raises `StartupError` with the faults of all."""
    from fabro_core.boot.assembly import assemble_store, make_storage_root
    from fabro_core.boot.reading import SettingsReader
    from fabro_core.config.load import Overrides
    from fabro_core.context import Problem
    from fabro_core.errors import StartupError
    from fabro_core.plugins.kinds import STORE

    reader = SettingsReader()
    assembled, problems = [], list[Problem]()
    for name in names:
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
    make_storage_root(assembled[0].settings)
    return assembled


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    import asyncio

    from fabro_core.server.serving import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


async def _copied(ours: AssembledStore, theirs: AssembledStore) -> Copied:
    from fabro_core.transfer.moving import copy_store

    async with ours.store.lifespan(), theirs.store.lifespan():
        return await copy_store(ours.store, theirs.store, ours.clock, _bar)


async def _finished(ours: AssembledStore, theirs: AssembledStore) -> Verdict:
    from fabro_core.transfer.moving import finish

    async with ours.store.lifespan(), theirs.store.lifespan():
        return await finish(ours.store, theirs.store, ours.clock, _bar)


async def _lifted(fenced: AssembledStore) -> str | None:
    from fabro_core.transfer.moving import unfence

    async with fenced.store.lifespan():
        return await unfence(fenced.store, fenced.clock)


def _bar(label: str, length: int) -> AbstractContextManager[Progress]:
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Iterator[Progress]:
        with click.progressbar(length=length, label=f"{label:10}", file=sys.stderr) as bar:
            yield bar.update
            bar.finish()  # there may have been nothing, or less than at first
            bar.render_progress()

    return shown()


def _tell_of_a_copy(copied: Copied, source: str, target: str) -> None:
    click.echo(f"copied: {copied.runs:,} runs, {copied.blobs:,} blobs, {copied.documents:,} documents")
    click.echo(
        f"{target} is provisional, and no server starts on it. Started again, this copies what {source} has changed. "
        f"The last time add --final: {source} then takes no more writes, and {target} becomes ready.",
        err=True,
    )


def _tell_differences(verdict: Verdict, source: str) -> None:
    named = ", ".join(verdict.differences[:NAMED])
    more = len(verdict.differences) - NAMED
    click.echo(f"The stores differ: {named}{f' and {more:,} more' if more > 0 else ''}.", err=True)
    click.echo(
        f"{source} stays fenced. Start this again, or let servers stay with {source}: fabro store unfence {source}",
        err=True,
    )
