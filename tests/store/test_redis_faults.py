"""The Redis store when its server fails in the ways that servers do, beyond what the conformance kit asks of all."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunPage
from fabro_core.testing.store.calls import CALLS
from fabro_core.testing.store.case import batch, event, ids, list_all, log_of, row, run_id
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import until
from tests.store.valkey import DURABLE, Valkey, open_redis, running

pytestmark = pytest.mark.anyio

A, B, C = (run_id(n) for n in range(1, 4))

WRITES: dict[str, Callable[[RunStore], Awaitable[Any]]] = {
    name: CALLS[name] for name in ("append", "put_doc", "put_blob")
}


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path) as server:
        yield server


@pytest.fixture
async def store(valkey: Valkey, anyio_backend: str) -> AsyncIterator[RunStore]:
    async with open_redis(valkey.url, "test") as store:
        await store.append(batch(row(A)))
        yield store


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_what_was_acknowledged_survives_the_crash_of_the_server(store: RunStore, valkey: Valkey) -> None:
    rows = [row(run_id(n), 2) for n in range(10, 30)]
    await asyncio.gather(*(store.append(batch(each, event(1), event(2, "stage:a@1"))) for each in rows))
    with valkey.away():
        assert {type(each) for each in await outcomes(store.ping(), list_all(store))} == {StoreUnavailable}
    await recovered(store)
    assert (await list_all(store)).total == 21
    for each in rows:
        assert len(await log_of(store, each.id)) == 2
    assert await store.append(batch(row(A, 2))) == 2, "the same instance goes on"


async def test_a_server_that_hangs_is_unavailable_until_it_goes_on(store: RunStore, valkey: Valkey) -> None:
    with valkey.stopped():
        found = await outcomes(store.append(batch(row(B, 2), event(1), event(2))), list_all(store), store.get_run(A))
    assert {type(each) for each in found} == {StoreUnavailable}
    await recovered(store)
    # The server may have got the append and carried it out when it went on; then completely.
    written = len(await log_of(store, B))
    assert written in (0, 2)
    assert set(ids(await list_all(store))) == ({A, B} if written else {A})
    assert await store.append(batch(row(A, 2))) == 2


async def test_a_late_answer_is_not_taken_for_that_of_another_call(store: RunStore) -> None:
    await store.append(batch(row(B)))
    for _ in range(20):
        asked = [asyncio.ensure_future(store.get_run(A)) for _ in range(4)]
        await asyncio.sleep(0)
        for each in asked:
            each.cancel()
        hit = await store.get_run(B)
        assert hit is not None
        assert hit.id == B
    assert ids(await list_all(store)) == [B, A]


async def test_flushed_scripts_are_sent_again(store: RunStore, valkey: Valkey) -> None:
    valkey.ask(b"SCRIPT FLUSH")
    assert await store.append(batch(row(B))) == 1
    valkey.ask(b"SCRIPT FLUSH")
    assert ids(await list_all(store)) == [B, A]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_server_without_memory_left_refuses_writes_and_serves_reads_and_deletes(
    store: RunStore, valkey: Valkey, write: Callable[[RunStore], Awaitable[Any]]
) -> None:
    valkey.ask(b"CONFIG SET maxmemory 100kb")
    with pytest.raises(StoreUnavailable):
        await write(store)
    assert ids(await list_all(store)) == [A], "nothing of it is there"
    assert await store.delete_run(A) is True, "what frees memory works"
    valkey.ask(b"CONFIG SET maxmemory 0")
    await write(store)


async def test_an_append_without_memory_left_leaves_the_run_as_it_was(store: RunStore, valkey: Valkey) -> None:
    before = (await log_of(store, A), await store.get_run(A), await list_all(store))
    valkey.ask(b"CONFIG SET maxmemory 100kb")
    with pytest.raises(StoreUnavailable):
        await store.append(batch(row(A, 2, elapsed_ms=5)))
    assert (await log_of(store, A), await store.get_run(A), await list_all(store)) == before


async def test_a_server_that_becomes_a_replica_is_unavailable_for_writes(store: RunStore, valkey: Valkey) -> None:
    valkey.ask(b"REPLICAOF 127.0.0.1 1")
    with pytest.raises(StoreUnavailable):
        await store.append(batch(row(B)))
    valkey.ask(b"REPLICAOF NO ONE")
    assert await store.append(batch(row(B))) == 1


async def test_who_finds_no_room_shares_what_is_connected_or_is_unavailable(tmp_path: Path) -> None:
    with running(tmp_path, *DURABLE, "--maxclients", "10") as valkey:
        async with open_redis(valkey.url, "test") as store:
            with _no_room(valkey):
                found = await outcomes(*(list_all(store) for _ in range(4)))
                assert {type(each) for each in found} <= {RunPage, StoreUnavailable}
                with pytest.raises(StoreUnavailable):
                    async with open_redis(valkey.url, "test"):
                        pass
            async with open_redis(valkey.url, "test") as other:
                assert len(await asyncio.gather(*(list_all(each) for each in (store, other) * 2))) == 4


@contextmanager
def _no_room(valkey: Valkey) -> Iterator[None]:
    """Others hold so many connections that the server takes no more."""
    with ExitStack() as guests:
        answer = b"+PONG\r\n"
        while answer == b"+PONG\r\n":
            guest = guests.enter_context(socket.socket(socket.AF_UNIX))
            guest.connect(valkey.url.removeprefix("unix://"))
            guest.sendall(b"PING\r\n")
            answer = guest.recv(100)
        yield


async def test_appends_of_others_are_announced_again_after_the_server_was_away(
    store: RunStore, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_redis(valkey.url, "test") as other:
        hints = store.watch()
        with valkey.away():
            await outcomes(other.ping())
        await recovered(other)
        waiting = asyncio.ensure_future(anext(hints))
        seq = 1
        while not waiting.done():  # hints are lost until the channel is back
            seq = await other.append(batch(row(A, seq + 1)))
            await asyncio.wait([waiting], timeout=0.05)
        assert (await waiting).run_id == A
        await other.append(batch(row(A, seq + 1)))
        await until(hints, {A: seq + 1})
    assert "channel of appends is lost" in caplog.text
