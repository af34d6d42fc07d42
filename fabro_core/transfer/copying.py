"""Copying a store into another one, from wherever an earlier attempt ended.

Every step looks at what the target has already, so the copy may be broken off at any instant and begun again, and what
the source has changed meanwhile is caught up with. Blobs and documents come first: a run that is there is complete as
soon as its log is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from fabro_core.errors import FabroError
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.pages import run_ids
from fabro_core.store.records import (
    ANY,
    AppendBatch,
    Blob,
    BlobDelete,
    Doc,
    DocDelete,
    DocRef,
    DocWrite,
    RunRow,
    StoredRun,
)
from fabro_core.transfer import contents

AT_ONCE: Final = 16
"""Runs, blobs or documents that are under way."""

Item = TypeVar("Item")

Progress = Callable[[int], None]
"""Is told of how many more things were dealt with."""


class Damaged(FabroError):
    """What a store holds contradicts itself, so it cannot be copied."""


async def copy_blobs(source: RunStore, target: RunStore, now_ms: int, progress: Progress) -> None:
    """Make the target's blobs those of the source. Raises `Damaged` for bytes that have another digest."""
    known: set[str] = set()

    async def copy(digest: str) -> None:
        if await target.get_blob(digest) is not None:
            return
        body = await source.get_blob(digest)
        if body is None:  # deleted since it was listed
            return
        if sha256(body).hexdigest() != digest:
            raise Damaged(f"The bytes of blob {digest} are not those that it is named after.")
        await target.put_blob(Blob(digest=digest, body=body, now_ms=now_ms))

    async def drop(digest: str) -> None:
        await target.delete_blob(BlobDelete(digest=digest, if_put_before_ms=now_ms))

    async for digests in contents.blobs(source):
        known.update(digests)
        await _each(copy, digests)
        progress(len(digests))
    async for digests in contents.blobs(target):
        await _each(drop, set(digests) - known)


async def copy_documents(source: RunStore, target: RunStore, now_ms: int, progress: Progress) -> None:
    """Make the target's documents those that the source has at `now_ms`."""

    async def copy(doc: Doc) -> None:
        found = await target.get_doc(DocRef(collection=doc.collection, key=doc.key, now_ms=now_ms))
        if found is None or not same_document(doc, found):
            await target.put_doc(
                DocWrite(
                    collection=doc.collection,
                    key=doc.key,
                    body=doc.body,
                    owner=doc.owner,
                    expires_ms=doc.expires_ms,
                    if_revision=ANY,
                    now_ms=doc.updated_ms,
                )
            )

    async def drop(doc: Doc) -> None:
        if await source.get_doc(DocRef(collection=doc.collection, key=doc.key, now_ms=now_ms)) is None:
            await target.delete_doc(DocDelete(collection=doc.collection, key=doc.key, if_revision=ANY, now_ms=now_ms))

    async for docs in contents.documents(source, now_ms):
        await _each(copy, docs)
        progress(len(docs))
    async for docs in contents.documents(target, now_ms):
        await _each(drop, docs)


def same_document(one: Doc, other: Doc) -> bool:
    """Whether they are equal in all that a copy keeps: a revision is the store's own."""
    return replace(one, revision="") == replace(other, revision="")


async def copy_runs(source: RunStore, target: RunStore, now_ms: int, progress: Progress) -> None:
    """Bring every log in the target to the end that it has in the source. Raises `Damaged`."""

    async def copy(run_id: str) -> None:
        run = await source.get_run(run_id)
        if run is not None:  # not deleted since it was listed
            await _copy_run(source, target, run)

    async def drop(run_id: str) -> None:
        if await source.get_run(run_id) is None:
            await target.delete_run(run_id)

    async for ids in run_ids(source):
        await _each(copy, ids)
        progress(len(ids))
    if await contents.run_count(target, now_ms) > await contents.run_count(source, now_ms):
        async for ids in run_ids(target):
            await _each(drop, ids)


async def _copy_run(source: RunStore, target: RunStore, run: StoredRun) -> None:
    present = await target.get_run(run.id)
    seq = 0 if present is None else present.seq
    if seq >= run.seq:
        return
    row = _row(run)
    async for page in contents.events(source, run.id, seq):
        events = tuple(event for event in page.events if event.seq <= run.seq)
        if events:  # those that came after the run was read belong to a later row
            last = events[-1].seq
            batch = AppendBatch(run_id=run.id, expected_seq=seq, events=events, row=replace(row, seq=last))
            seq = await target.append(batch)
    if seq != run.seq and await source.get_run(run.id) is not None:  # not deleted meanwhile
        raise Damaged(f"The log of run {run.id} ends at event {seq}, its row says {run.seq}.")


def _row(run: StoredRun) -> RunRow:
    """The row of a run: its columns follow from its state, its bytes stay as they are."""
    try:
        projection = msgspec.json.decode(run.state, type=Projection)
    except msgspec.DecodeError as error:
        raise Damaged(f"The state of run {run.id} cannot be read: {error}.") from error
    return replace(row_of(projection), body=run.body, state=run.state)


async def _each(act: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Act on each, some at a time; the first fault ends all."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> None:
        async with places:
            await act(item)

    try:
        async with asyncio.TaskGroup() as tasks:
            for item in items:
                tasks.create_task(one(item))
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
