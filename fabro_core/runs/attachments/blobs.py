"""Blobs: bytes named by their SHA-256, written for one run and shared by all (events.md E13)."""

from __future__ import annotations

import hashlib

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import NotFound
from fabro_core.models.ids import RunId
from fabro_core.runs.decide.lifecycle import require_unarchived
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.store.base import RunStore
from fabro_core.store.records import Blob


def digest_of(body: bytes) -> str:
    """The name of a blob: 64 lower-case hex digits."""
    return hashlib.sha256(body).hexdigest()


class RunBlobs:
    """The blobs of one store, as the workers of runs write and read them.

    Every method raises `NotFound` for an unknown run and `StoreUnavailable`.
    """

    def __init__(self, store: RunStore, log: RunLog, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._clock = clock

    async def write(self, run_id: RunId, body: bytes) -> str:
        """Store a blob and return its digest; the same bytes again change nothing.

        Raises `Conflict` for an archived run.
        """
        hit = await self._log.get(run_id)
        require_unarchived(msgspec.json.decode(hit.state, type=Projection))
        digest = digest_of(body)
        await self._store.put_blob(Blob(digest=digest, body=body, now_ms=epoch_ms(self._clock.now())))
        return digest

    async def read(self, run_id: RunId, digest: str) -> bytes:
        """The bytes of a blob, whichever run it was written for. Raises `NotFound` also for an unknown blob."""
        await self._log.get(run_id)
        body = await self._store.get_blob(digest)
        if body is None:
            raise NotFound(f"Blob {digest} not found.")
        return body
