"""The Redis store when another server takes the place of the primary: nothing acknowledged is lost, or reopened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, list_all, log_of, row, run_id
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import until
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.cli.terminal import wait_until
from tests.plugins.store_redis.valkey import DURABLE, Valkey, running
from tests.ports import free_port
from tests.proxy import round_robin

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

A, B = run_id(1), run_id(2)
PROMOTED_SECONDS = 30
AT_ONCE = ("--repl-diskless-sync-delay", "0")


@dataclass
class Pair:
    """A primary and its replica."""

    primary: Valkey
    primary_port: int
    replica: Valkey
    replica_port: int

    def promote(self) -> None:
        """Make the replica take writes."""
        assert self.replica.ask(b"REPLICAOF NO ONE") == b"+OK\r\n"


@contextmanager
def pair_in(directory: Path) -> Iterator[Pair]:
    ports = (free_port(), free_port())
    places = [directory / name for name in ("p", "r")]
    for place in places:
        place.mkdir()
    with (
        running(places[0], *DURABLE, *AT_ONCE, "--port", str(ports[0])) as primary,
        running(places[1], *DURABLE, "--port", str(ports[1])) as replica,
    ):
        replica.ask(f"REPLICAOF 127.0.0.1 {ports[0]}".encode())
        wait_until(lambda: b"master_link_status:up" in replica.ask(b"INFO replication"))
        yield Pair(primary, ports[0], replica, ports[1])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with pair_in(tmp_path) as pair:
        yield pair


@dataclass
class Forwarder:
    """The address that clients know, as a virtual IP or a proxy has it."""

    url: str
    leads_to: list[int]


@pytest.fixture
async def forwarder(pair: Pair, anyio_backend: str) -> AsyncIterator[Forwarder]:
    leads_to = [pair.primary_port]
    async with round_robin(leads_to) as port:
        yield Forwarder(f"redis://127.0.0.1:{port}/0", leads_to)


@asynccontextmanager
async def replicated(url: str) -> AsyncIterator[RunStore]:
    """A store whose writes wait for one replica."""
    async with opened(RedisRunStore(RedisSettings(url=url, timeout_seconds=2, wait_for_replicas=1))) as store:
        await recovered(store)
        yield store


async def appended(store: RunStore, number: int) -> bool:
    """Whether a new run was acknowledged."""
    try:
        await store.append(batch(row(run_id(number))))
    except StoreUnavailable:
        return False
    return True


async def first_append(store: RunStore, number: int) -> int:
    """The number of the first run that is acknowledged again; others before it may be there as well."""
    async with asyncio.timeout(PROMOTED_SECONDS):
        while not await appended(store, number):
            number += 1
            await asyncio.sleep(0.05)
    return number


async def test_what_was_acknowledged_survives_the_loss_of_the_primary(pair: Pair, forwarder: Forwarder) -> None:
    async with replicated(forwarder.url) as store:
        await first_append(store, 1)
        acknowledged = [n for n in range(100, 200) if await appended(store, n)]
        pair.primary.kill()
        assert not await appended(store, 300)
        pair.promote()
        forwarder.leads_to[:] = [pair.replica_port]
        async with opened(RedisRunStore(RedisSettings(url=forwarder.url))) as elsewhere:
            for number in acknowledged:
                assert len(await log_of(elsewhere, run_id(number))) == 1
        assert len(acknowledged) == 100


async def test_a_store_follows_its_address_to_the_promoted_server(pair: Pair, forwarder: Forwarder) -> None:
    settings = RedisSettings(url=forwarder.url, timeout_seconds=1)
    async with opened(RedisRunStore(settings)) as store, opened(RedisRunStore(settings)) as other:
        hints = store.watch()
        await store.append(batch(row(A)))
        await asyncio.to_thread(wait_until, lambda: pair.primary.ask(b"WAIT 1 100") == b":1\r\n")
        pair.promote()
        forwarder.leads_to[:] = [pair.replica_port]
        # Its old connections stay, to a server that answers questions and refuses writes.
        assert pair.primary.ask(f"REPLICAOF 127.0.0.1 {pair.replica_port}".encode()) == b"+OK\r\n"
        number = await first_append(store, 10)
        assert (await list_all(store)).total == (await list_all(store)).total >= 2
        await first_append(other, 50)
        await until(hints, {A: 1, run_id(number): 1})


async def test_a_write_that_no_replica_has_is_not_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path) as alone:
        settings = RedisSettings(url=alone.url, timeout_seconds=1, wait_for_replicas=1)
        async with opened(RedisRunStore(settings)) as store:
            with pytest.raises(StoreUnavailable):
                await store.append(batch(row(A)))
            assert (await list_all(store)).total == 1, "it may have happened, and has not been promised"


async def test_sentinels_name_the_primary_and_the_next_one(pair: Pair, tmp_path: Path) -> None:
    port = free_port()
    place = tmp_path / "s"
    place.mkdir()
    configuration = place / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nunixsocket {place}/s\n"
        f"sentinel monitor main 127.0.0.1 {pair.primary_port} 1\n"
        "sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000\n"
    )
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{port}/main/0"
    with running(place, sentinel=configuration) as sentinel:
        await asyncio.to_thread(wait_until, lambda: b"slaves=1" in sentinel.ask(b"INFO sentinel"))
        async with opened(RedisRunStore(RedisSettings(url=url, timeout_seconds=1))) as store:
            await store.append(batch(row(B)))
            pair.primary.kill()
            await first_append(store, 10)
            await store.append(batch(row(run_id(99))))
            assert (await list_all(store)).total >= 2
