"""A process that appends to a few runs until it is stopped, and prints `<run id> <seq>` for each acknowledgement.

python appending_process.py <database> <number of its first run> <runs> <appends a run>
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fabro_core.testing.store.case import batch, event, row, run_id
from fabro_store_sqlite import SqliteRunStore


async def main(path: Path, first: int, runs: int, appends: int) -> None:
    store = SqliteRunStore(path)

    async def write(id_: str) -> None:
        for seq in range(1, appends + 1):
            await store.append(batch(row(id_, seq, body=b"x" * 2_000), event(seq, f"stage:s{seq % 3}@1")))
            print(id_, seq, flush=True)

    async with store.lifespan():
        await asyncio.gather(*(write(run_id(first + n)) for n in range(runs)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
