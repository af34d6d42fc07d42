"""What two sides do to one key at the same time, and what each of them was told; `rivals` compares that with the store.

Each side runs the same function. It goes on until it was acknowledged `ROUNDS` times and has met the other often enough
to be refused `MEETINGS` times, or has tried `ATTEMPTS` times: somebody who never meets anybody has an end as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from fabro_core.errors import RevisionConflict, SeqConflict, StoreFenced
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT, ANY, Blob, BlobDelete, DocDelete, DocRef, DocWrite
from fabro_core.testing.store.case import NOW_MS, batch, blob, event, row, run_id

ROUNDS: Final = 25
MEETINGS: Final = 5
ATTEMPTS: Final = 250

RUN: Final = run_id(1)
PARENTS: Final = (run_id(2), run_id(3))
BUCKETS: Final = (Bucket.RUNNING, Bucket.FAILED)
FACETS: Final = ("odd", "even", "third")

Change = tuple[str | None, str | None]
"""Of a document: the revisions before and after. None: it was, or is, not there."""


class Tally:
    """Counts what one side was told, and ends its contest."""

    def __init__(self, times: int = 1) -> None:
        """`times`: how many times as long the contest is as others, for rivals that meet by chance alone."""
        self._times = times
        self._tried = 0
        self._acknowledged = 0
        self._refused = 0

    def attempts(self) -> Iterator[int]:
        """Numbers of attempts, as long as there is reason for another."""
        most, enough, met = (self._times * number for number in (ATTEMPTS, ROUNDS, MEETINGS))
        while self._tried < most and (self._acknowledged < enough or self._refused < met):
            self._tried += 1
            yield self._tried

    def acknowledge(self) -> None:
        self._acknowledged += 1

    def refuse(self) -> None:
        self._refused += 1


def contested_row_at(seq: int) -> tuple[Bucket, str, str]:
    """Bucket, parent and facet of the contested run after `seq`: each append takes it to other lists."""
    return BUCKETS[seq % 2], PARENTS[seq % 2], FACETS[seq % 3]


async def append_on_top(store: RunStore, side: str) -> list[tuple[int, bytes]]:
    """Append to one run whatever was read of it: the sequence numbers and bodies that were acknowledged."""
    tally, acknowledged = Tally(), []
    for attempt in tally.attempts():
        stored = await store.get_run(RUN)
        seq = 1 if stored is None else stored.seq + 1
        body = f"{side} {attempt}".encode()
        bucket, parent, facet = contested_row_at(seq)
        after = row(RUN, seq, body=body, bucket=bucket, parent_id=parent, facets=(facet,))
        try:
            await store.append(batch(after, event(seq, f"stage:{side}@1", body=body), blobs=(blob(body),)))
        except SeqConflict:
            tally.refuse()
        else:
            tally.acknowledge()
            acknowledged.append((seq, body))
    return acknowledged


async def make_and_delete_a_run(store: RunStore, side: str) -> tuple[int, int]:
    """Make one run, append to it, delete it, each whenever it looks possible: how often it was made and deleted."""
    tally, made, deleted = Tally(), 0, 0
    for attempt in tally.attempts():
        stored = await store.get_run(RUN)
        seq = 1 if stored is None else stored.seq + 1
        try:
            if attempt % 3 == 0:
                was_there = await store.delete_run(RUN)
                deleted += was_there
                (tally.acknowledge if was_there else tally.refuse)()
            else:
                await store.append(batch(row(RUN, seq, parent_id=PARENTS[0], facets=(FACETS[0],))))
                made += seq == 1
                tally.acknowledge()
        except SeqConflict:
            tally.refuse()
    return made, deleted


async def make_runs(store: RunStore, first: int) -> None:
    """Make runs that nobody else makes, with a parent and a facet that others have as well."""
    for number in range(first, first + ROUNDS):
        await store.append(batch(row(run_id(number), parent_id=PARENTS[0], facets=(FACETS[0],))))


# -- documents ------------------------------------------------------------------------------------------------------


async def count_up(store: RunStore, key: str) -> int:
    """Add one to the number in a document by compare-and-set: how often that was acknowledged."""
    tally, acknowledged = Tally(), 0
    for _ in tally.attempts():
        current = await store.get_doc(_ref(key))
        number = 0 if current is None else int(current.body)
        try:
            await store.put_doc(_write(key, ABSENT if current is None else current.revision, body=b"%d" % (number + 1)))
        except RevisionConflict:
            tally.refuse()
        else:
            tally.acknowledge()
            acknowledged += 1
    return acknowledged


async def make_and_take(store: RunStore, key: str) -> tuple[list[str], int]:
    """Put a document where there is none and take whatever is there: the revisions that were put, how many were taken.

    As two sign-ins do with a one-time code.
    """
    tally, put, taken = Tally(), [], 0
    for attempt in tally.attempts():
        if attempt % 2:
            try:
                put.append((await store.put_doc(_write(key, ABSENT))).revision)
            except RevisionConflict:
                tally.refuse()
            else:
                tally.acknowledge()
        else:
            was_there = await store.delete_doc(DocDelete(collection="c", key=key, if_revision=ANY, now_ms=NOW_MS))
            taken += was_there
            (tally.acknowledge if was_there else tally.refuse)()
    return put, taken


async def replace_and_delete(store: RunStore, key: str) -> list[Change]:
    """Make, replace and delete one document, each by the revision that was read: the changes that were acknowledged."""
    tally, changes = Tally(times=4), list[Change]()
    for attempt in tally.attempts():
        current = await store.get_doc(_ref(key))
        before = None if current is None else current.revision
        try:
            if before is not None and attempt % 2 == 0:
                delete = DocDelete(collection="c", key=key, if_revision=before, now_ms=NOW_MS)
                after = None
                if not await store.delete_doc(delete):
                    tally.refuse()
                    continue
            else:
                after = (await store.put_doc(_write(key, before or ABSENT))).revision
        except RevisionConflict:
            tally.refuse()
        else:
            tally.acknowledge()
            changes.append((before, after))
    return changes


async def work_under_a_lock(store: RunStore, key: str) -> int:
    """Count in a document that only the holder of a lock writes, the lock being another: how often it was held.

    The lock is taken by putting it where there is none, and given back by its revision.
    """
    tally, held = Tally(), 0
    for _ in tally.attempts():
        try:
            lock = await store.put_doc(_write(f"{key} lock", ABSENT))
        except RevisionConflict:
            tally.refuse()
            continue
        counted = await store.get_doc(_ref(key))
        await store.put_doc(_write(key, ANY, body=b"%d" % (1 if counted is None else int(counted.body) + 1)))
        delete = DocDelete(collection="c", key=f"{key} lock", if_revision=lock.revision, now_ms=NOW_MS)
        try:
            given_back = await store.delete_doc(delete)
        except RevisionConflict:
            given_back = False
        assert given_back, "a document that must be absent is made by one of two: somebody else took the lock"
        tally.acknowledge()
        held += 1
    return held


def _ref(key: str) -> DocRef:
    return DocRef(collection="c", key=key, now_ms=NOW_MS)


def _write(key: str, if_revision: str | object, body: bytes = b"") -> DocWrite:
    return DocWrite(collection="c", key=key, body=body, if_revision=if_revision, now_ms=NOW_MS)  # type: ignore[arg-type]


# -- blobs and the fence ------------------------------------------------------------------------------------------


WANTED: Final[tuple[Blob, ...]] = tuple(blob(b"wanted %d" % number) for number in range(8))
UNTIL_NOW: Final = tuple(BlobDelete(digest=wanted.digest, if_put_before_ms=NOW_MS) for wanted in WANTED)
EVEN_NOW: Final = tuple(BlobDelete(digest=wanted.digest, if_put_before_ms=NOW_MS + 1) for wanted in WANTED)


async def put_again_and_again(store: RunStore) -> None:
    """Put bytes long ago, then now: they are there, whoever deletes what was put long ago."""

    async def put_and_look(wanted: Blob, delete_old: BlobDelete, delete: BlobDelete) -> None:
        for _ in range(ROUNDS):
            await store.put_blob(blob(wanted.body, now_ms=NOW_MS - 1))
            await asyncio.gather(store.put_blob(wanted), store.delete_blob(delete_old))
            assert await store.get_blob(wanted.digest) == wanted.body, "who puts bytes finds them stored"
            assert await store.delete_blob(delete), "nobody deletes what was put since"

    await asyncio.gather(*map(put_and_look, WANTED, UNTIL_NOW, EVEN_NOW))


async def delete_old_bytes(store: RunStore) -> None:
    """Delete the bytes whenever they were not put since."""

    async def delete_again_and_again(delete: BlobDelete) -> None:
        for _ in range(3 * ROUNDS):
            await store.delete_blob(delete)

    await asyncio.gather(*map(delete_again_and_again, UNTIL_NOW))


async def put_and_delete_bytes(store: RunStore) -> int:
    """Put bytes and delete them: how often they were new, less how often they were deleted."""

    async def put_and_delete(wanted: Blob, delete: BlobDelete) -> int:
        balance = 0
        for _ in range(ROUNDS):
            balance += sum(await asyncio.gather(*(store.put_blob(wanted) for _ in range(3))))
            balance -= sum(await asyncio.gather(*(store.delete_blob(delete) for _ in range(3))))
        return balance

    return sum(await asyncio.gather(*map(put_and_delete, WANTED, EVEN_NOW)))


async def purge_all(store: RunStore) -> int:
    """Purge again and again: how many documents were removed."""
    return sum([await store.purge(NOW_MS) for _ in range(3)])


async def append_until_fenced(store: RunStore, first: int) -> list[str]:
    """Make one run after the other until the fence is up: those that were acknowledged."""
    made: list[str] = []
    for number in range(first, first + ATTEMPTS):
        try:
            await store.append(batch(row(run_id(number))))
        except StoreFenced:
            break
        made.append(run_id(number))
    return made
