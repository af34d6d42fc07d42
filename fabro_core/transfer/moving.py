"""The whole of a copy: may it begin, the copying, the comparison, and the mark that stays until all is the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import FabroError
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import mark, unfinished_copy_of, unmark
from fabro_core.transfer import contents
from fabro_core.transfer.copying import Progress, copy_blobs, copy_documents, copy_runs
from fabro_core.transfer.verifying import Verdict, compare

Stage = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows what is being done, of so many things."""


class TargetInUse(FabroError):
    """The target holds something that this copy would mix with."""


async def copy_store(source: RunStore, target: RunStore, clock: Clock, stage: Stage) -> Verdict:
    """Copy everything and compare; both stores are open. What an earlier attempt has copied is not copied again.

    The target must be empty, or hold an unfinished copy of the same store. It is marked as one until the comparison
    finds no difference: a source that was written to meanwhile differs, and another call catches up with it. Raises
    `TargetInUse`, `Damaged` or `StoreUnavailable`.
    """
    now_ms = epoch_ms(clock.now())
    await _take(target, source.info().name, now_ms)
    blobs = sum([len(page) async for page in contents.blobs(source)])
    with stage("Blobs", blobs) as progress:
        await copy_blobs(source, target, now_ms, progress)
    documents = sum([len(page) async for page in contents.documents(source, now_ms)])
    with stage("Documents", documents) as progress:
        await copy_documents(source, target, now_ms, progress)
    runs = await contents.run_count(source, now_ms)
    with stage("Runs", runs) as progress:
        await copy_runs(source, target, now_ms, progress)
    with stage("Verifying", runs) as progress:
        verdict = await compare(source, target, now_ms, progress)
    if not verdict.differences:
        await unmark(target, now_ms)
    return verdict


async def _take(target: RunStore, source_name: str, now_ms: int) -> None:
    """Mark the target, unless it holds something else. Raises `TargetInUse`."""
    begun = await unfinished_copy_of(target, now_ms)
    if begun is None:
        if not await _is_empty(target, now_ms):
            raise TargetInUse(f"The store {target.info().name} is not empty; nothing was copied.")
        await mark(target, source_name, now_ms)
    elif begun != source_name:
        raise TargetInUse(f"The store {target.info().name} holds an unfinished copy of {begun}; nothing was copied.")


async def _is_empty(store: RunStore, now_ms: int) -> bool:
    if await contents.run_count(store, now_ms):
        return False
    return not [page async for page in contents.blobs(store)] and not [
        page async for page in contents.documents(store, now_ms)
    ]
