"""Data of an older layout keep what they hold, and are found like new ones."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from fabro_core.store import RunStore
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import append_all, batch, ids, list_all, log_of, row, run_id
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_redis.upgrading import TITLE
from tests.plugins.store_redis.valkey import Valkey, running

pytestmark = pytest.mark.anyio

A, B, C = (run_id(n) for n in range(1, 4))
PREFIX = b"{fabro}:"
RUN = {
    "title": "Ship the STRASSE ß",
    "workflow": {"slug": "Deploy", "name": "Deploy all"},
    "repository": {"name": "Acme/Shop"},
    "created_by": {"login": "Ada", "identity": {"issuer": "https://idp", "subject": "7"}},
    "labels": {"team": "web", "a=b": "c"},
    "automation": {"id": "nightly"},
    "parent_id": C,
}
FACETS = (
    f"parent:{C}",
    "automation:nightly",
    "workflow:deploy",
    "workflow:deploy all",
    "repo:acme/shop",
    "login:ada",
    "person:11:https://idp7",
    "labelled:team",
    "label:4:teamweb",
    "labelled:a=b",
    "label:3:a=bc",
)


def store_at(valkey: Valkey) -> RunStore:
    return RedisRunStore(RedisSettings(url=valkey.url))


async def write_layout_1(valkey: Valkey) -> None:
    """Two runs as the release before has filed them, the first of an automation and with a parent."""
    async with opened(store_at(valkey)) as store:
        await append_all(store, [row(A, body=json.dumps(RUN).encode(), parent_id=C), row(B, body=b"no JSON")])
    client = Redis.from_url(valkey.url)
    for id_ in (A, B):
        run = PREFIX + b"run:" + id_.encode()
        found = await client.hget(run, "index")
        assert isinstance(found, bytes)
        index = msgspec.msgpack.decode(found, type=dict[str, msgspec.Raw])
        del index["facets"]
        older = msgspec.msgpack.encode({**index, "automation": "nightly" if id_ == A else None})
        await client.hset(run, "index", older)
        await client.hdel(run, "title")
    for scope in (f"parent:{C}", "automation:nightly"):
        await client.zadd(PREFIX + f"ids:0:{scope}".encode(), {A: 0})
    await client.set(PREFIX + b"layout", b"1")
    await client.aclose()


async def keys_of(valkey: Valkey) -> set[bytes]:
    client = Redis.from_url(valkey.url)
    found = {key async for key in client.scan_iter(PREFIX + b"*")}
    await client.aclose()
    return found


async def test_runs_of_layout_1_are_found_by_their_facets_and_words(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        await write_layout_1(valkey)
        async with opened(store_at(valkey)) as store:
            for facet in FACETS:
                page = await list_all(store, facets=(facet,))
                assert (ids(page), page.total) == ([A], 1), facet
            assert ids(await list_all(store, words=("strasse", "ss"))) == [A]
            assert sorted(ids(await list_all(store))) == [A, B]
            assert [len(await log_of(store, id_)) for id_ in (A, B)] == [1, 1]


async def test_runs_of_layout_1_go_on_like_new_ones(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        await write_layout_1(valkey)
        async with opened(store_at(valkey)) as store:
            await store.append(batch(row(A, 2, facets=("f",))))
            assert (await list_all(store, facets=("labelled:team",))).total == 0
            assert ids(await list_all(store, facets=("f",))) == [A]
            assert await store.delete_run(A)
            assert await store.delete_run(B)
        left = {key for key in await keys_of(valkey) if b":ids:" in key or b":order:" in key}
        assert left == set(), "nothing of the older lists stays behind"


async def test_an_upgrade_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        await write_layout_1(valkey)
        async with opened(store_at(valkey)):
            pass
        valkey.ask(b"SET {fabro}:layout 1")
        async with opened(store_at(valkey)) as store:
            assert ids(await list_all(store, facets=("repo:acme/shop",))) == [A]
        async with opened(store_at(valkey)):
            pass


async def test_what_an_upgrade_will_do_is_told_and_not_done(tmp_path: Path) -> None:
    with running(tmp_path) as valkey:
        assert list(await store_at(valkey).pending_migrations()) == []
        await write_layout_1(valkey)
        assert list(await store_at(valkey).pending_migrations()) == [TITLE]
        assert b"1" in valkey.ask(b"GET {fabro}:layout").splitlines()
        async with opened(store_at(valkey)):
            pass
        assert list(await store_at(valkey).pending_migrations()) == []
