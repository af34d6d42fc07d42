"""The whole of a move: copies that may be repeated while the source is in use, and the last one, which fences it.

The target is marked as provisional from the first copy on, and no server starts on it. `finish` ends the move: behind
the fence nothing is written to the source, so what is copied then is all that was ever acknowledged. Each step can be
done again, so a move that was broken off at any instant goes on with the next call.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import FabroError
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import mark, unfinished_copy_of, unmark
from fabro_core.store.fence import fence, fenced_for, lift_fence
from fabro_core.store.presence import servers_on
from fabro_core.transfer import contents
from fabro_core.transfer.copying import Progress, copy_blobs, copy_documents, copy_runs
from fabro_core.transfer.verifying import Verdict, compare

Stage = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows what is being done, of so many things."""


class MoveRefused(FabroError):
    """One of the stores is in a state in which the move would lose something; nothing was changed."""


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """How much the source had when it was copied."""

    runs: int
    blobs: int
    documents: int


async def copy_store(source: RunStore, target: RunStore, clock: Clock, stage: Stage) -> Copied:
    """Copy what the target does not have yet, and mark it as provisional; both stores are open.

    The source may be in use: what it changes meanwhile comes with the next copy. The target must be empty, or hold a
    provisional copy of the same store, and no server may run on it. Raises `MoveRefused`, `Damaged` or
    `StoreUnavailable`.
    """
    now_ms = epoch_ms(clock.now())
    await _take(source, target, now_ms)
    blobs = sum([len(page) async for page in contents.blobs(source)])
    with stage("Blobs", blobs) as progress:
        await copy_blobs(source, target, now_ms, progress)
    documents = sum([len(page) async for page in contents.documents(source, now_ms)])
    with stage("Documents", documents) as progress:
        await copy_documents(source, target, now_ms, progress)
    runs = await contents.run_count(source, now_ms)
    with stage("Runs", runs) as progress:
        await copy_runs(source, target, now_ms, progress)
    return Copied(runs=runs, blobs=blobs, documents=documents)


async def finish(source: RunStore, target: RunStore, clock: Clock, stage: Stage) -> Verdict:
    """Fence the source, copy the rest, compare everything, and let servers start on the target.

    Where the comparison finds a difference the target stays provisional and the source fenced. A move that is finished
    already is compared again. Raises as `copy_store` does.
    """
    if await _is_finished(source, target, epoch_ms(clock.now())):
        verdict = await _compared(source, target, clock, stage)
        if verdict.differences:
            raise MoveRefused(f"The move to {target.info().name} was finished before, and servers have used it since.")
        return verdict
    await copy_store(source, target, clock, stage)  # before the fence, so that little is left to do behind it
    await fence(source, target.info().name, epoch_ms(clock.now()))
    await copy_store(source, target, clock, stage)
    verdict = await _compared(source, target, clock, stage)
    if not verdict.differences:
        await unmark(target, epoch_ms(clock.now()))
    return verdict


async def unfence(source: RunStore, clock: Clock) -> str | None:
    """Let the source take writes again; the name of the store that it was to move to, None without a fence."""
    now_ms = epoch_ms(clock.now())
    target = await fenced_for(source, now_ms)
    await lift_fence(source, now_ms)
    return target


async def _compared(source: RunStore, target: RunStore, clock: Clock, stage: Stage) -> Verdict:
    now_ms = epoch_ms(clock.now())
    with stage("Verifying", await contents.run_count(source, now_ms)) as progress:
        return await compare(source, target, now_ms, progress)


async def _is_finished(source: RunStore, target: RunStore, now_ms: int) -> bool:
    """Whether only the mark of the target was left to be cleared, and that was done."""
    return (
        await fenced_for(source, now_ms) == target.info().name
        and await unfinished_copy_of(target, now_ms) is None
        and not await _is_empty(target, now_ms)
    )


async def _take(source: RunStore, target: RunStore, now_ms: int) -> None:
    """Mark the target as a copy of the source, if it may be one. Raises `MoveRefused`."""
    ours, theirs = source.info().name, target.info().name
    origin = await unfinished_copy_of(source, now_ms)
    if origin is not None:
        raise MoveRefused(f"The store {ours} holds an unfinished copy of {origin} itself; nothing was copied.")
    goal = await fenced_for(source, now_ms)
    if goal not in (None, theirs):
        raise MoveRefused(f"The store {ours} is fenced, as it moves to {goal}; nothing was copied.")
    if await fenced_for(target, now_ms) is not None:
        raise MoveRefused(f"The store {theirs} is fenced; nothing was copied.")
    begun = await unfinished_copy_of(target, now_ms)
    if begun not in (None, ours):
        raise MoveRefused(f"The store {theirs} holds an unfinished copy of {begun}; nothing was copied.")
    if begun is None and not await _is_empty(target, now_ms):
        raise MoveRefused(f"The store {theirs} is not empty; nothing was copied.")
    await _require_no_server(target, now_ms)
    await mark(target, ours, now_ms)


async def _require_no_server(target: RunStore, now_ms: int) -> None:
    """None starts on a provisional store, but one that was there before would go on writing to it."""
    if count := await servers_on(target, now_ms):
        number = "A server runs" if count == 1 else f"{count} server processes run"
        raise MoveRefused(
            f"{number} on the store {target.info().name}; stop what runs there. One that was killed is believed to be "
            "there for two minutes. Nothing was copied."
        )


async def _is_empty(store: RunStore, now_ms: int) -> bool:
    if await contents.run_count(store, now_ms):
        return False
    return not [page async for page in contents.blobs(store)] and not [
        page async for page in contents.documents(store, now_ms)
    ]
