"""Events put into a store below the API, as workers would have posted them."""

from __future__ import annotations

import json

from msgspec.structs import replace

from fabro_core.runs.fold.wire import row_of
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, EventRecord
from tests.api.seeding import Seed, projection_of


class Writer:
    """The only one who appends to a run."""

    def __init__(self, store: RunStore, number: int = 0) -> None:
        self.store = store
        self.seq = 0
        self._number = number
        self.id = Seed(entropy=number).id

    async def append(self, *kinds: str, status: str = "running", size: int = 0) -> None:
        """One event of each kind in one batch; `status` is that of the run afterwards, `size` that of each event."""
        events = tuple(
            EventRecord(seq=seq, kind=kind, body=self.body(seq, kind, size))
            for seq, kind in enumerate(kinds, start=self.seq + 1)
        )
        seed = Seed(status=status, entropy=self._number, started=0)
        row = replace(row_of(projection_of(seed)), seq=events[-1].seq)
        await self.store.append(AppendBatch(run_id=self.id, expected_seq=self.seq, events=events, row=row))
        self.seq = events[-1].seq

    async def append_many(self, count: int, *, batch: int = 1) -> None:
        """`count` events that change nothing, `batch` at a time."""
        for _ in range(count // batch):
            await self.append(*["note"] * batch)

    def body(self, seq: int, kind: str = "note", size: int = 0) -> bytes:
        """The event as it goes over the wire."""
        properties = {"text": "x" * size} if size else {}
        event = {"seq": seq, "id": f"e{seq}", "run_id": self.id, "event": kind, "properties": properties}
        return json.dumps(event, separators=(",", ":")).encode()


async def begun(store: RunStore, number: int = 0, events: int = 1) -> Writer:
    """The writer of a running run with this many events."""
    writer = Writer(store, number)
    await writer.append("run.created", *["note"] * (events - 1))
    return writer
