"""A standby that is promoted takes over: a store with both hosts in its URL goes on there, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from fabro_core.errors import StoreMisconfigured, StoreUnavailable
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, list_all, log_of, row, run_id
from fabro_core.testing.store.faults import recovered
from fabro_core.testing.store.watching import until
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from tests.plugins.store_postgres.server import Postgres, place, programs, running
from tests.ports import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@contextmanager
def pair() -> Iterator[tuple[Postgres, Postgres, str]]:
    """A primary that waits for its standby, the standby, and the URL with the hosts of both."""
    ports = free_port(), free_port()
    listening = [("listen_addresses=127.0.0.1", f"port={port}") for port in ports]
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    with running(*listening[0]) as primary, programs() as found, place() as directory:
        standby = Postgres(directory, found, *listening[1])
        standby.copy_from(primary, port=ports[0])
        standby.start()
        try:
            primary.configure("synchronous_standby_names = '*'", "synchronous_commit = remote_apply")
            yield primary, standby, f"postgresql://fabro@{hosts}/postgres"
        finally:
            standby.kill()


async def test_a_store_goes_on_at_a_promoted_standby_and_has_all_that_was_acknowledged() -> None:
    with pair() as (primary, standby, url):
        async with opened(PostgresRunStore(PostgresSettings(url=url, timeout_seconds=4))) as store:
            ids = [run_id(n) for n in range(1, 40)]
            await asyncio.gather(*(store.append(batch(row(each))) for each in ids))
            hints = store.watch()
            primary.kill()
            with pytest.raises(StoreUnavailable):
                await store.append(batch(row(ids[0], 2)))
            with pytest.raises(StoreUnavailable, match="standby"):
                await list_all(store)
            standby.promote()
            await recovered(store)
            assert (await list_all(store)).total == len(ids)
            assert await store.append(batch(row(ids[0], 2))) == 2
            assert len(await log_of(store, ids[0])) == 2
            await until(hints, {ids[0]: 2})


async def test_of_several_hosts_the_one_that_takes_writes_is_used_wherever_it_stands() -> None:
    with pair() as (_, standby, url):
        scheme, _, rest = url.partition("@")
        hosts, _, database = rest.partition("/")
        first, second = hosts.split(",")
        turned = f"{scheme}@{second},{first}/{database}"
        async with opened(PostgresRunStore(PostgresSettings(url=turned, timeout_seconds=4))) as store:
            assert await store.append(batch(row(run_id(1)))) == 1
        with standby.stopped():  # it takes connections and says nothing
            async with opened(PostgresRunStore(PostgresSettings(url=turned, timeout_seconds=4))) as store:
                assert (await list_all(store)).total == 1
        with pytest.raises(StoreMisconfigured, match="is a standby and takes no writes"):
            async with opened(PostgresRunStore(PostgresSettings(url=f"{scheme}@{second}/{database}"))):
                pass
