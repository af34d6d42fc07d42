"""A process that writes to a store without end and prints each acknowledgement, to be killed by `crashing`.

Its standard input is a pickled `OpenStore`; its arguments are the numbers of its first run and of its runs.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from itertools import count

from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, Blob, BlobDelete, DocDelete, DocWrite
from fabro_core.testing.store.case import FIRST_MS, NOW_MS, OpenStore, batch, blob, event, row, run_id

RUN, DOC, BLOB, GONE = "run", "doc", "blob", "gone"
"""The first word of an acknowledgement; then follow the run and its number, the key, the text that was stored, or the
number of what was removed."""

LATE = "late"
"""The collection of the documents that expire."""


def blob_of(id_: str, seq: int) -> Blob:
    """The blob that an event refers to."""
    return blob(f"{id_} {seq}".encode())


def removed_run(number: int) -> str:
    """The run that is written and deleted under a number."""
    return run_id(100_000 + number)


async def write_removable(store: RunStore, number: int) -> None:
    """A run, two documents and a blob."""
    name = f"{GONE}{number}"
    await store.append(batch(row(removed_run(number))))
    for collection, expires_ms in ((GONE, None), (LATE, NOW_MS)):
        write = DocWrite(
            collection=collection, key=name, body=b"", if_revision=ANY, now_ms=FIRST_MS, expires_ms=expires_ms
        )
        await store.put_doc(write)
    await store.put_blob(blob(name.encode()))


async def remove_all_of(store: RunStore, number: int) -> None:
    """Remove what `write_removable` has written, in each of the four ways there are."""
    name = f"{GONE}{number}"
    await store.delete_run(removed_run(number))
    await store.delete_doc(DocDelete(collection=GONE, key=name, if_revision=ANY, now_ms=NOW_MS))
    await store.delete_blob(BlobDelete(digest=blob(name.encode()).digest, if_put_before_ms=NOW_MS + 1))
    await store.purge(NOW_MS)


async def write_without_end(open_store: OpenStore, first: int, runs: int) -> None:
    async with open_store() as store:

        async def append(id_: str) -> None:
            for seq in count(1):
                written = event(seq, f"stage:s{seq % 3}@1")
                await store.append(batch(row(id_, seq), written, blobs=(blob_of(id_, seq),)))
                sys.stdout.write(f"{RUN} {id_} {seq}\n")
                sys.stdout.flush()

        async def put(start: int) -> None:
            for number in count(start):
                key = f"k{number}"
                write = DocWrite(collection="c", key=key, body=key.encode(), if_revision=ANY, now_ms=NOW_MS)
                await store.put_doc(write)
                sys.stdout.write(f"{DOC} {key}\n")
                await store.put_blob(blob(key.encode()))
                sys.stdout.write(f"{BLOB} {key}\n")
                sys.stdout.flush()

        async def remove(start: int) -> None:
            for number in count(start):
                await write_removable(store, number)
                await remove_all_of(store, number)
                sys.stdout.write(f"{GONE} {number}\n")
                sys.stdout.flush()

        await asyncio.gather(put(first), remove(first), *(append(run_id(first + n)) for n in range(runs)))


if __name__ == "__main__":
    opener = pickle.loads(sys.stdin.buffer.read())
    asyncio.run(write_without_end(opener, *map(int, sys.argv[1:])))
