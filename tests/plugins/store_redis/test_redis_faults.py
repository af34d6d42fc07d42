"""The Redis store when its server fails in the ways that servers do, beyond what the conformance kit asks of all."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.asyncio import Connection
from redis.exceptions import ConnectionError as LostConnection

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import BlobDelete, RunPage
from fabro_core.testing.store import opened
from fabro_core.testing.store.calls import CALLS
from fabro_core.testing.store.case import NOW_MS, batch, blob, event, ids, list_all, log_of, row, run_id
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import until
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_redis.link import Link
from tests.cli.terminal import wait_until
from tests.plugins.store_redis.valkey import DURABLE, Valkey, open_redis, running

pytestmark = pytest.mark.anyio

GIVE_UP_SECONDS = 60

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, object]]:
    """Either event loop: they tell differently of what breaks, and a server uses uvloop where it exists."""
    return "asyncio", {"loop_factory": LOOPS[request.param]}


A, B, C = (run_id(n) for n in range(1, 4))

WRITES: dict[str, Callable[[RunStore], Awaitable[Any]]] = {
    name: CALLS[name] for name in ("append", "append with a blob", "put_doc", "put_blob")
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
    await store.put_blob(blob(b"unwanted"))
    valkey.ask(b"CONFIG SET maxmemory 100kb")
    with pytest.raises(StoreUnavailable):
        await write(store)
    assert ids(await list_all(store)) == [A], "nothing of it is there"
    assert await store.delete_run(A) is True, "what frees memory works"
    unwanted = BlobDelete(digest=blob(b"unwanted").digest, if_put_before_ms=NOW_MS + 1)
    assert await store.delete_blob(unwanted) is True
    valkey.ask(b"CONFIG SET maxmemory 0")
    await write(store)


async def test_a_store_opens_on_a_server_without_memory_left_so_that_runs_can_be_deleted(
    store: RunStore, valkey: Valkey
) -> None:
    valkey.ask(b"CONFIG SET maxmemory 100kb")
    async with open_redis(valkey.url, "test") as other:
        assert await other.delete_run(A) is True


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
        while _is_served(guests.enter_context(socket.socket(socket.AF_UNIX)), valkey):
            pass
        yield


def _is_served(guest: socket.socket, valkey: Valkey) -> bool:
    """Whether the server answers; who finds no room may be hung up on before having asked."""
    guest.connect(valkey.url.removeprefix("unix://"))
    try:
        guest.sendall(b"PING\r\n")
        return guest.recv(100) == b"+PONG\r\n"
    except ConnectionError:
        return False


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


async def test_a_channel_carries_on_after_a_line_that_is_no_hint(store: RunStore, valkey: Valkey) -> None:
    async with open_redis(valkey.url, "test") as other:
        hints = store.watch()
        for line in (b"", b"nobody", b"nobody x y", b"\xff 1", b"ab " + b"9" * 5_000 + b" X"):
            valkey.ask(b'PUBLISH {test}:appends "' + line + b'"')
        await other.append(batch(row(B)))
        await until(hints, {B: 1})


async def test_after_each_loss_of_the_channel_the_store_says_anew_how_durable_it_is(
    store: RunStore, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.info().durable
    assert "may lose acknowledged writes" not in caplog.text
    valkey.ask(b"CONFIG SET appendfsync everysec")
    valkey.ask(b"CLIENT KILL TYPE pubsub")
    await asyncio.to_thread(wait_until, lambda: not store.info().durable)
    assert "may lose acknowledged writes" in caplog.text

    valkey.ask(b"CONFIG SET maxmemory-policy allkeys-lru")
    valkey.ask(b"CLIENT KILL TYPE pubsub")
    await asyncio.to_thread(wait_until, lambda: "not fit to keep runs" in caplog.text)
    assert (await list_all(store)).total == 1, "it serves on"


@pytest.mark.parametrize(("retries", "reached"), [(0, False), (20, True)])
async def test_a_refused_connection_is_tried_again_as_often_as_the_settings_say(
    tmp_path: Path, retries: int, reached: bool
) -> None:
    with running(tmp_path) as valkey:
        settings = RedisSettings(url=valkey.url, timeout_seconds=30, connect_retries=retries)
        async with opened(RedisRunStore(settings)) as store:
            with valkey.away():
                asking = asyncio.ensure_future(store.ping())
                await asyncio.wait([asking], timeout=0.5 if reached else GIVE_UP_SECONDS)
                assert asking.done() is not reached
            (outcome,) = await outcomes(asking)
    assert (outcome is None) is reached


async def test_a_connection_that_was_reset_is_lost_for_whoever_asks_next(anyio_backend: object) -> None:
    async def greet_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = b""
        while b"PING" not in received:
            received = await reader.read(1_000)
            writer.write(b"+OK\r\n" * received.count(b"*"))
            await writer.drain()
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with await asyncio.start_server(greet_and_reset, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        link = Link(Connection(port=port, protocol=2, socket_timeout=5))
        await link.connect()
        await link.send(("PING",))
        assert await link.answer() == b"OK"
        await asyncio.sleep(0.1)
        with pytest.raises(LostConnection):
            await link.send(("PING",))
        await link.close()
