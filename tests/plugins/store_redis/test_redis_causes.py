"""What is said of a server that cannot answer: where it is and why, and no secret."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fabro_core.errors import StoreError, StoreMisconfigured, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, DocRef, DocWrite
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import NOW_MS
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.plugins.store_redis.valkey import DURABLE, Valkey, open_redis, running
from tests.ports import free_port

pytestmark = pytest.mark.anyio

WRITE = DocWrite(collection="c", key="k", body=b"x" * 64, if_revision=ANY, now_ms=NOW_MS)
READ = DocRef(collection="c", key="k", now_ms=NOW_MS)


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="fabro-valkey-") as directory, running(Path(directory)) as server:
        yield server


@pytest.fixture
async def store(valkey: Valkey, anyio_backend: str) -> AsyncIterator[RunStore]:
    async with open_redis(valkey.url, "fabro") as store:
        await store.put_doc(WRITE)
        yield store


def tell(valkey: Valkey, command: str) -> None:
    assert valkey.ask(command.encode()).startswith((b"+OK", b"+Background")), command


def fails_to_save(valkey: Valkey) -> None:
    directory = Path(valkey.url.removeprefix("unix://")).parent
    (directory / "dump.rdb" / "occupied").mkdir(parents=True)
    tell(valkey, 'CONFIG SET save "3600 1000000"')
    tell(valkey, "BGSAVE")
    while b"rdb_last_bgsave_status:err" not in valkey.ask(b"INFO persistence"):
        pass


REFUSALS: dict[str, tuple[Callable[[Valkey], None], str]] = {
    "memory": (lambda valkey: tell(valkey, "CONFIG SET maxmemory 1"), "it has no memory left; raise maxmemory"),
    "replicas": (lambda valkey: tell(valkey, "CONFIG SET min-replicas-to-write 1"), "too few replicas are connected"),
    "disk": (fails_to_save, "it cannot save them to its disk"),
    "replica": (lambda valkey: tell(valkey, "REPLICAOF 127.0.0.1 1"), "it is a replica and takes no writes"),
}


@pytest.mark.parametrize(("refuse", "cause"), REFUSALS.values(), ids=REFUSALS)
async def test_a_server_that_takes_no_writes_is_unavailable_for_a_reason(
    valkey: Valkey, store: RunStore, refuse: Callable[[Valkey], None], cause: str
) -> None:
    refuse(valkey)
    with pytest.raises(StoreUnavailable) as raised:
        await store.put_doc(WRITE)
    address = valkey.url.removeprefix("unix://")
    assert str(raised.value).startswith(f"The Redis server at {address} cannot answer: ")
    assert cause in str(raised.value)


async def test_a_server_that_hangs_or_is_gone_is_told_apart(valkey: Valkey, store: RunStore) -> None:
    with valkey.stopped(), pytest.raises(StoreUnavailable, match="there is no answer in time"):
        await store.get_doc(READ)
    with valkey.away(), pytest.raises(StoreUnavailable, match=r"the connection is refused|there is no such socket"):
        await store.get_doc(READ)


async def fault_of(url: str) -> StoreError:
    settings = RedisSettings(url=url, prefix=secrets.token_hex(8), timeout_seconds=1, connect_retries=0)
    with pytest.raises(StoreError) as raised:
        async with opened(RedisRunStore(settings)):
            pass
    return raised.value


async def test_what_cannot_be_reached_is_named_with_its_address_and_without_its_user() -> None:
    port = free_port()
    refused = await fault_of(f"redis://somebody@127.0.0.1:{port}/0")
    assert str(refused) == f"The Redis server at 127.0.0.1:{port} cannot answer: the connection is refused."
    unknown = await fault_of("redis://nobody.invalid:6379/0")
    assert str(unknown) == "The Redis server at nobody.invalid:6379 cannot answer: the host is unknown."
    absent = await fault_of("unix:///nowhere/at/all")
    assert str(absent) == "The Redis server at /nowhere/at/all cannot answer: there is no such socket."


async def test_a_server_without_the_database_is_named() -> None:
    port = free_port()
    options = (*DURABLE, "--port", str(port), "--bind", "127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="fabro-valkey-") as directory, running(Path(directory), *options):
        fault = await fault_of(f"redis://127.0.0.1:{port}/99")
    assert isinstance(fault, StoreMisconfigured)
    assert f"127.0.0.1:{port} has no database of this number" in str(fault)


async def test_a_port_that_speaks_no_tls_is_named() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR what is this?\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        fault = await fault_of(f"rediss://127.0.0.1:{port}/0")
    assert str(fault).startswith(f"The Redis server at 127.0.0.1:{port} cannot answer: TLS fails")
