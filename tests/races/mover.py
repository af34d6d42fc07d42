"""Moves a store in a process of its own, to be killed: `python -m tests.races.mover copy|finish SOURCE TARGET`.

A store is `sqlite:PATH` or `redis:PREFIX@URL`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabro_core.clock import SystemClock
from fabro_core.store.base import RunStore
from fabro_core.transfer.copying import Progress
from fabro_core.transfer.moving import copy_store, finish
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_sqlite import SqliteRunStore


def store_at(place: str) -> RunStore:
    """The store, not opened."""
    kind, _, rest = place.partition(":")
    if kind == "sqlite":
        return SqliteRunStore(Path(rest))
    prefix, _, url = rest.partition("@")
    return RedisRunStore(RedisSettings(url=url, prefix=prefix))


@contextmanager
def _told(label: str, length: int) -> Iterator[Progress]:
    print(label, length, flush=True)
    yield lambda number: None


async def move(step: str, source: RunStore, target: RunStore) -> int:
    """Take a step of the move; 0 when it is done."""
    async with source.lifespan(), target.lifespan():
        if step == "copy":
            await copy_store(source, target, SystemClock(), _told)
            return 0
        verdict = await finish(source, target, SystemClock(), _told)
        print(verdict.differences)
        return len(verdict.differences)


if __name__ == "__main__":
    sys.exit(asyncio.run(move(sys.argv[1], *map(store_at, sys.argv[2:]))))
