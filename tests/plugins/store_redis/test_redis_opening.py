"""What the Redis store refuses to open, and what it says about a server that it has opened."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis.crc import key_slot

from fabro_core.errors import StoreMisconfigured
from fabro_core.secret import Secret
from fabro_core.store.records import RunIdQuery, StoreInfo
from fabro_core.testing.store import opened
from fabro_core.testing.store.calls import CALLS
from fabro_core.testing.store.case import batch, event, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.cli.terminal import wait_until
from tests.docs.documents import blocks
from tests.plugins.store_redis.valkey import DURABLE, Valkey, running
from tests.ports import free_port

pytestmark = pytest.mark.anyio

HALF_OF_THE_SLOTS = 8_192


async def info_of(url: str) -> StoreInfo:
    async with opened(RedisRunStore(RedisSettings(url=url))) as store:
        return store.info()


@pytest.mark.parametrize(
    ("options", "durable"),
    [
        (DURABLE, True),
        (("--appendonly", "yes", "--appendfsync", "everysec"), False),
        (("--appendonly", "yes", "--appendfsync", "no"), False),
        (("--appendonly", "no", "--appendfsync", "always"), False),
    ],
)
async def test_durable_is_what_the_server_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: tuple[str, ...], durable: bool
) -> None:
    caplog.set_level(logging.WARNING)
    with running(tmp_path, *options) as valkey:
        info = await info_of(valkey.url)
    assert info.durable is durable
    assert ("may lose acknowledged writes" in caplog.text) is not durable, "an operator is told, and what to do"
    assert info.version.startswith("Valkey ")
    assert (info.name, info.shared, info.wakeups) == ("redis", True, True)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_drops_data_is_refused_with_the_way_out(tmp_path: Path, policy: str) -> None:
    with running(tmp_path, *DURABLE, "--maxmemory-policy", policy) as valkey:
        with pytest.raises(StoreMisconfigured, match=f"{policy}.*set maxmemory-policy to noeviction"):
            await info_of(valkey.url)
        valkey.ask(b"CONFIG SET maxmemory-policy noeviction")
        assert (await info_of(valkey.url)).durable


async def test_a_replica_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        valkey.ask(b"REPLICAOF 127.0.0.1 1")
        with pytest.raises(StoreMisconfigured, match="replica"):
            await info_of(valkey.url)


async def test_data_of_a_newer_release_are_refused_and_left_alone(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        valkey.ask(b"SET {fabro}:layout 3")
        with pytest.raises(StoreMisconfigured, match="newer release"):
            await info_of(valkey.url)
        assert valkey.ask(b"DBSIZE") == b":1\r\n"


def _with_user(url: str, password: str) -> RedisSettings:
    return RedisSettings(url=url.replace("unix://", "unix://fabro@"), password=Secret(password))


async def test_wrong_credentials_are_refused_with_the_name_of_the_variable(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        valkey.ask(b"ACL SETUSER fabro on >right ~* &* +@all")
        with pytest.raises(StoreMisconfigured, match="FABRO_REDIS_PASSWORD") as raised:
            async with opened(RedisRunStore(_with_user(valkey.url, "wrong"))):
                pass
        assert "wrong" not in str(raised.value)
        async with opened(RedisRunStore(_with_user(valkey.url, "right"))) as store:
            await store.ping()


def _permissions() -> str:
    """The command of the README that makes a user for the store."""
    (command,) = blocks("plugins/store_redis/README.md", "text")
    return command.strip().replace(">PASSWORD", ">right")


@pytest.mark.parametrize(("forbidden", "durable"), [("", True), (" -config|get", False)])
async def test_the_permissions_in_the_readme_are_enough_for_every_call(
    tmp_path: Path, forbidden: str, durable: bool
) -> None:
    with running(tmp_path) as valkey:
        assert valkey.ask(f"{_permissions()}{forbidden}".encode()) == b"+OK\r\n"
        async with opened(RedisRunStore(_with_user(valkey.url, "right"))) as store:
            assert store.info().durable is durable, "who may not ask how the server flushes promises nothing"
            for call in CALLS.values():
                await call(store)


async def test_a_missing_password_is_refused_with_the_name_of_the_variable(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        valkey.ask(b"CONFIG SET requirepass right")
        with pytest.raises(StoreMisconfigured, match="FABRO_REDIS_PASSWORD"):
            await info_of(valkey.url)


async def test_a_user_without_permissions_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        valkey.ask(b"ACL SETUSER fabro on >right ~other:* +@all")
        with pytest.raises(StoreMisconfigured, match="permissions"):
            async with opened(RedisRunStore(_with_user(valkey.url, "right"))):
                pass


async def test_stores_with_different_prefixes_do_not_meet(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        one, two = (RedisRunStore(RedisSettings(url=valkey.url, prefix=prefix)) for prefix in ("one", "two"))
        async with opened(one), opened(two):
            await one.append(batch(row(run_id(1))))
            assert await two.get_run(run_id(1)) is None


async def test_keys_of_a_store_lie_in_one_slot_of_a_cluster_and_none_outlives_its_run(valkey: Valkey) -> None:
    settings = RedisSettings(url=valkey.url, prefix="test")
    async with opened(RedisRunStore(settings)) as store:
        for call in CALLS.values():
            await call(store)
        tagged = event(1, "stage:a@1")
        await store.append(batch(row(run_id(10), parent_id=run_id(2), facets=("nightly",)), tagged))
        kept = await store.list_run_ids(RunIdQuery(limit=100))
        assert {run_id(2), run_id(10)} <= set(kept.ids)
        for each in kept.ids:
            assert await store.delete_run(each)
    found = valkey.ask(b"KEYS *").split(b"\r\n")[2::2]
    assert {key.partition(b":")[0] for key in found} == {b"{test}"}
    names = {key.partition(b":")[2].partition(b":")[0] for key in found}
    assert names <= {b"layout", b"position", b"feed", b"revision", b"blob", b"blobs", b"blob-puts", b"collections"}


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    with running(tmp_path) as valkey:
        yield valkey


async def test_a_server_of_a_cluster_that_has_other_keys_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with cluster_in(tmp_path) as servers:
        with_keys = key_slot(b"{fabro}:layout") // HALF_OF_THE_SLOTS
        assert (await info_of(servers[with_keys].url)).durable
        with pytest.raises(StoreMisconfigured, match="another one has the keys with this prefix; name that one"):
            await info_of(servers[1 - with_keys].url)


@contextmanager
def cluster_in(directory: Path) -> Iterator[tuple[Valkey, Valkey]]:
    """Two servers, each with half of all slots."""
    ports = (free_port(), free_port())
    places = [directory / name for name in ("1", "2")]
    for place in places:
        place.mkdir()
    options = (*DURABLE, "--cluster-enabled", "yes")
    with (
        running(places[0], *options, "--port", str(ports[0])) as first,
        running(places[1], *options, "--port", str(ports[1])) as second,
    ):
        assert first.ask(b"CLUSTER ADDSLOTSRANGE 0 8191") == b"+OK\r\n"
        assert second.ask(b"CLUSTER ADDSLOTSRANGE 8192 16383") == b"+OK\r\n"
        assert second.ask(b"CLUSTER SET-CONFIG-EPOCH 2") == b"+OK\r\n"
        assert first.ask(f"CLUSTER MEET 127.0.0.1 {ports[1]}".encode()) == b"+OK\r\n"
        wait_until(lambda: all(b"cluster_state:ok" in each.ask(b"CLUSTER INFO") for each in (first, second)))
        yield first, second
