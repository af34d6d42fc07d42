"""What the parts of the kit have in common: the fixtures, and how to make a run, a batch, an event."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any, Final

import msgspec
import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import AppendBatch, Blob, EventQuery, EventRecord, RunPage, RunQuery, RunRow
from fabro_core.testing.conformance import ConformanceSuite, name_subject

OpenStore = Callable[[], AbstractAsyncContextManager[RunStore]]
"""Opens a new instance on the same data with each call."""

BreakDriver = Callable[[], AbstractContextManager[object]]
"""Makes the driver fail for the length of a context."""

StallDriver = Callable[[], AbstractContextManager[object]]
"""Makes the driver answer nothing for the length of a context."""


class NoDriver(str):
    """A store's statement that nothing behind it can fail; the text says why. See `StoreCase.break_driver`."""

    __slots__ = ()


NOW_MS: Final = 1_772_446_530_250
FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999
"""The first instant of the year 1 and the last one of 9999."""
ALL_BUCKETS: Final = frozenset(Bucket)

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH: Final = 26


@asynccontextmanager
async def opened(store: RunStore) -> AsyncIterator[RunStore]:
    """The store, open for the length of the context."""
    async with store.lifespan():
        yield store


@pytest.mark.anyio
class StoreCase(ConformanceSuite):
    """Base of the kit's classes, with the fixtures that authors override: `open_store` always, the others at need."""

    conformance_kit = "store"

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Override: a factory whose every call opens a new instance on the same data."""
        raise NotImplementedError("override the fixture open_store")

    @pytest.fixture
    def break_driver(self) -> BreakDriver | NoDriver | None:
        """Override: what makes the driver fail, or `NoDriver("why nothing can fail")`.

        The result is called while the store is open (or about to be opened), and returns a context: while it is
        entered, every use of the driver by any instance fails; afterwards the driver works again.
        """
        return None

    @pytest.fixture
    def stall_driver(self, break_driver: BreakDriver | NoDriver | None) -> StallDriver | NoDriver | None:
        """Override where the driver may say nothing, neither an answer nor an error: what makes it so.

        The result is called while the store is open, from another thread, and returns a context: while it is entered,
        calls of the driver do not return, as many of them as can be made to; afterwards it answers again.
        """
        return break_driver if isinstance(break_driver, NoDriver) else None

    @pytest.fixture
    def open_elsewhere(self, open_store: OpenStore) -> OpenStore:
        """Override for a durable store whose `open_store` cannot be pickled: one that can, for another process."""
        return open_store

    @pytest.fixture
    async def store(
        self, open_store: OpenStore, request: pytest.FixtureRequest, anyio_backend: str
    ) -> AsyncIterator[RunStore]:
        async with open_store() as store:
            name_subject(request, store.info().name)
            yield store


def run_id(number: int) -> str:
    """A ULID whose order is that of `number`, which is its instant in milliseconds and its chance part in one."""
    digits = []
    for _ in range(_ULID_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def row(id_: str, seq: int = 1, **changes: Any) -> RunRow:
    """A row with unremarkable columns, some of them changed."""
    plain = RunRow(
        id=id_,
        seq=seq,
        bucket=Bucket.PENDING,
        created_ms=NOW_MS,
        updated_ms=NOW_MS,
        begun_ms=NOW_MS,
        elapsed_ms=None,
        repo_key="acme/shop",
        title_key="ship it",
        workflow_key="deploy",
        changes=0,
        size=0,
        body=f'{{"id":"{id_}"}}'.encode(),
        state=b'{"state":1}',
    )
    return msgspec.structs.replace(plain, **changes)


def event(seq: int, *tags: str, kind: str = "run.running", body: bytes | None = None) -> EventRecord:
    return EventRecord(seq=seq, kind=kind, body=b'{"seq":%d}' % seq if body is None else body, tags=tags)


def batch(at: RunRow, *events: EventRecord, blobs: tuple[Blob, ...] = ()) -> AppendBatch:
    """The batch that leads to `at`; without events, one plain event."""
    chosen = events or (event(at.seq),)
    return AppendBatch(run_id=at.id, expected_seq=chosen[0].seq - 1, events=chosen, row=at, blobs=blobs)


async def append_all(store: RunStore, rows: Sequence[RunRow]) -> None:
    for each in rows:
        await store.append(batch(each))


async def log_of(store: RunStore, id_: str) -> tuple[EventRecord, ...]:
    return (await store.read(EventQuery(run_id=id_, limit=1_000))).events


async def list_all(store: RunStore, **changes: Any) -> RunPage:
    """The first 100 runs of all buckets, with some of the query changed."""
    query = RunQuery(buckets=ALL_BUCKETS, limit=100, now_ms=NOW_MS)
    return await store.list_runs(msgspec.structs.replace(query, **changes))


def ids(page: RunPage) -> list[str]:
    return [hit.id for hit in page.hits]


def blob(body: bytes, *, now_ms: int = NOW_MS) -> Blob:
    return Blob(digest=hashlib.sha256(body).hexdigest(), body=body, now_ms=now_ms)
