"""A process that writes to a store without end and prints each acknowledgement, to be killed by `crashing`.

Its standard input is a pickled `OpenStore`; its arguments are the numbers of its first run and of its runs.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from itertools import count

from fabro_core.store.records import ANY, Blob, DocWrite
from fabro_core.testing.store.case import NOW_MS, OpenStore, batch, blob, event, row, run_id

RUN, DOC, BLOB = "run", "doc", "blob"
"""The first word of an acknowledgement; then follow the run and its number, the key, or the text that was stored."""


def blob_of(id_: str, seq: int) -> Blob:
    """The blob that an event refers to."""
    return blob(f"{id_} {seq}".encode())


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

        await asyncio.gather(put(first), *(append(run_id(first + n)) for n in range(runs)))


if __name__ == "__main__":
    opener = pickle.loads(sys.stdin.buffer.read())
    asyncio.run(write_without_end(opener, *map(int, sys.argv[1:])))
