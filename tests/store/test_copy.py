"""Copies of whole stores, between SQLite files, a real Valkey and a real PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from fabro_core.app import create_app
from fabro_core.clock import epoch_ms
from fabro_core.errors import StartupError, StoreFenced
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import unfinished_copy_of
from fabro_core.store.fence import fenced_for, lift_fence
from fabro_core.store.pages import run_ids
from fabro_core.store.presence import BELIEVED_MS, Presence
from fabro_core.store.records import ANY, DocDelete, DocRef, DocWrite, RunPage, RunQuery, RunSort, StoredRun
from fabro_core.testing.clock import ManualClock
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import NOW_MS, blob
from fabro_core.transfer import contents
from fabro_core.transfer.copying import Progress
from fabro_core.transfer.moving import MoveRefused, copy_store, finish
from fabro_core.transfer.verifying import Verdict
from fabro_store_postgres import PostgresRunStore, PostgresSettings
from fabro_store_redis import RedisRunStore, RedisSettings
from fabro_store_sqlite import SqliteRunStore
from tests.api.conftest import SESSION_SECRET, manifest
from tests.plugins.store_postgres.server import Postgres
from tests.plugins.store_redis.valkey import Valkey
from tests.races.work import NOTE, append, started
from tests.replicas import shared_postgres as shared_postgres  # another
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = pytest.mark.anyio

TOKEN = "fabro_dev_" + "0" * 64
MANY_EVENTS = 2 * contents.EVENTS + 10


class Site:
    """Settings of stores that servers and copies use."""

    def __init__(self, home: Path, valkey: Valkey) -> None:
        self.home = home
        self.clock = ManualClock()
        self.bars: list[tuple[int, int]] = []
        """How far each stage of each copy was shown to have come, and its length."""
        self.redis = {"url": valkey.url, "prefix": secrets.token_hex(8)}

    def sqlite_store(self, name: str) -> RunStore:
        return SqliteRunStore(self.home / name)

    def redis_store(self) -> RunStore:
        return RedisRunStore(RedisSettings(url=self.redis["url"], prefix=self.redis["prefix"]))

    def postgres_store(self, postgres: Postgres) -> RunStore:
        return PostgresRunStore(PostgresSettings(**self.postgres(postgres)))

    def postgres(self, postgres: Postgres) -> dict[str, Any]:
        """The settings of a store in a schema of its own."""
        return {"url": postgres.url, "schema": f"copy_{self.redis['prefix']}"}

    def server(self, kind: str, **table: Any) -> Any:
        settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": kind, kind: table}}}
        environ = {"FABRO_HOME": str(self.home), "FABRO_DEV_TOKEN": TOKEN, "SESSION_SECRET": SESSION_SECRET}
        return create_app(settings, clock=self.clock, environ=environ)

    async def copy(self, source: RunStore, target: RunStore) -> None:
        async with opened(source) as ours, opened(target) as theirs:
            await copy_store(ours, theirs, self.clock, self._stage)

    async def move(self, source: RunStore, target: RunStore) -> Verdict:
        async with opened(source) as ours, opened(target) as theirs:
            return await finish(ours, theirs, self.clock, self._stage)

    async def unfence(self, store: RunStore) -> bool:
        async with opened(store) as fenced:
            return await lift_fence(fenced, NOW_MS)

    @contextmanager
    def _stage(self, label: str, length: int) -> Iterator[Progress]:
        done: list[int] = []
        yield done.append
        self.bars.append((sum(done), length))


@pytest.fixture
def site(tmp_path: Path, shared_valkey: Valkey) -> Site:
    return Site(tmp_path, shared_valkey)


async def client_of(stack: AsyncExitStack, app: Any) -> httpx.AsyncClient:
    await stack.enter_async_context(app.lifespan())
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return await stack.enter_async_context(
        httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
    )


async def fill(client: httpx.AsyncClient) -> str:
    """Runs with parents, a long log, blobs, and a session; returns the id of the long one."""
    run_id = await started(client)
    for number in range(MANY_EVENTS):
        await append(client, run_id, NOTE, str(number))
    for _ in range(3):
        await client.post("/api/v1/runs", json={**manifest(), "parent_id": run_id})
    archived = (await client.post("/api/v1/runs", json=manifest())).json()["id"]
    await client.post(f"/api/v1/runs/{archived}/cancel")
    await client.post(f"/api/v1/runs/{archived}/archive")
    return run_id


async def seen(client: httpx.AsyncClient, run_id: str, cookie: dict[str, str]) -> list[bytes]:
    """What a server answers, byte for byte."""
    paths = (
        "/api/v1/runs?include_archived=true&sort=title",
        f"/api/v1/runs?parent_id={run_id}",
        f"/api/v1/runs/{run_id}",
        f"/api/v1/runs/{run_id}/state",
        f"/api/v1/runs/{run_id}/events?limit=1000",
    )
    answers = [await client.get(path) for path in paths]
    client.cookies.clear()
    headers = {"Authorization": ""} | cookie
    answers.append(await client.get("/api/v1/user", headers={k: v for k, v in headers.items() if v}))
    assert [answer.status_code for answer in answers] == [200] * len(answers), [answer.text for answer in answers]
    return [answer.content for answer in answers]


async def test_a_server_on_the_copy_answers_the_same_bytes_and_the_way_back_has_the_same_digest(site: Site) -> None:
    async with AsyncExitStack() as stack:
        client = await client_of(stack, site.server("sqlite", path=str(site.home / "first.db")))
        run_id = await fill(client)
        signed_in = await client.post("/auth/login/dev-token", json={"token": TOKEN})
        cookie = {"Cookie": f"__fabro_session={signed_in.cookies['__fabro_session']}"}
        before = await seen(client, run_id, cookie)

    there = await site.move(site.sqlite_store("first.db"), site.redis_store())
    async with AsyncExitStack() as stack:
        client = await client_of(stack, site.server("redis", **site.redis))
        assert await seen(client, run_id, cookie) == before
    back = await site.move(site.redis_store(), site.sqlite_store("second.db"))

    assert there == back
    assert there.differences == ()
    assert (there.runs, there.blobs > 0, there.documents > 0) == (5, True, True)
    assert there.events > MANY_EVENTS
    assert all(done == length for done, length in site.bars)


async def test_copies_from_and_to_postgres_have_the_digest_of_where_they_began(
    site: Site, shared_postgres: Postgres
) -> None:
    """SQLite to PostgreSQL, on to Redis, back to PostgreSQL, back to SQLite."""
    async with AsyncExitStack() as stack:
        client = await client_of(stack, site.server("sqlite", path=str(site.home / "first.db")))
        run_id = await fill(client)
        before = await seen(client, run_id, {"Authorization": f"Bearer {TOKEN}"})

    verdicts = [await site.move(site.sqlite_store("first.db"), site.postgres_store(shared_postgres))]
    async with AsyncExitStack() as stack:
        client = await client_of(stack, site.server("postgres", **site.postgres(shared_postgres)))
        assert await seen(client, run_id, {"Authorization": f"Bearer {TOKEN}"}) == before
    verdicts.append(await site.move(site.postgres_store(shared_postgres), site.redis_store()))
    await shared_postgres.empty(site.postgres(shared_postgres)["schema"])
    verdicts.append(await site.move(site.redis_store(), site.postgres_store(shared_postgres)))
    verdicts.append(await site.move(site.postgres_store(shared_postgres), site.sqlite_store("second.db")))
    assert [each.differences for each in verdicts] == [()] * 4
    assert all(each == verdicts[0] for each in verdicts)


@pytest.fixture
async def source(site: Site, anyio_backend: str) -> str:
    """A file with runs."""
    async with AsyncExitStack() as stack:
        client = await client_of(stack, site.server("sqlite", path=str(site.home / "first.db")))
        await fill(client)
    return "first.db"


async def test_a_target_that_holds_something_is_left_alone(site: Site, source: str) -> None:
    async with opened(site.redis_store()) as target:
        await target.put_blob(blob(b"precious"))
    with pytest.raises(MoveRefused, match="is not empty"):
        await site.copy(site.sqlite_store(source), site.redis_store())
    async with opened(site.redis_store()) as target:
        assert await contents.run_count(target, NOW_MS) == 0
        assert await unfinished_copy_of(target, NOW_MS) is None


@pytest.mark.parametrize("kind", ["redis", "sqlite"])
async def test_a_store_that_a_server_runs_on_is_not_copied_to_though_it_is_empty(
    site: Site, source: str, kind: str
) -> None:
    table = site.redis if kind == "redis" else {"path": str(site.home / "second.db")}
    target = site.redis_store if kind == "redis" else partial(site.sqlite_store, "second.db")
    server = site.server(kind, **table)
    async with AsyncExitStack() as stack:
        client = await client_of(stack, server)
        with pytest.raises(MoveRefused, match=f"A server runs on the store {kind}; stop what runs there"):
            await site.copy(site.sqlite_store(source), target())
        assert (await client.get("/api/v1/runs")).json()["data"] == [], "nothing was copied"

    await site.copy(site.sqlite_store(source), target())  # it has taken its leave


async def test_a_server_that_was_killed_is_not_waited_for_for_ever(site: Site, source: str) -> None:
    async with opened(site.redis_store()) as target:
        await Presence(target).say_so(epoch_ms(site.clock.now()))
    with pytest.raises(MoveRefused, match="A server runs on the store redis"):
        await site.copy(site.sqlite_store(source), site.redis_store())
    site.clock.advance(timedelta(milliseconds=BELIEVED_MS))
    await site.copy(site.sqlite_store(source), site.redis_store())


class MisfiledStore(SqliteRunStore):
    """A target that keeps everything, and one list in another order."""

    async def list_runs(self, query: RunQuery, /) -> RunPage:
        page = await super().list_runs(query)
        return page if query.sort is not RunSort.TITLE else replace(page, hits=page.hits[::-1])


async def test_lists_in_another_order_are_noticed(site: Site, source: str) -> None:
    verdict = await site.move(site.sqlite_store(source), MisfiledStore(site.home / "second.db"))
    assert verdict.differences == ("the list by title, asc", "the list by title, desc")
    async with opened(site.sqlite_store("second.db")) as target:
        assert await unfinished_copy_of(target, NOW_MS) == "sqlite"


class ServedStore(SqliteRunStore):
    """A source in use: somebody deletes each run as soon as it has been looked at."""

    async def get_run(self, run_id: str, /) -> StoredRun | None:
        run = await super().get_run(run_id)
        await self.delete_run(run_id)
        return run


async def test_runs_that_are_deleted_while_they_are_copied_are_not_damaged(site: Site, source: str) -> None:
    await site.copy(ServedStore(site.home / source), site.redis_store())
    async with opened(site.redis_store()) as target:
        assert await contents.run_count(target, NOW_MS) == 0


async def test_copies_catch_up_with_the_source_until_the_last_one_fences_it(site: Site, source: str) -> None:
    ref = DocRef(collection="c", key="k", now_ms=NOW_MS)
    put = DocWrite(collection="c", key="k", body=b"1", if_revision=ANY, now_ms=NOW_MS)
    async with opened(site.sqlite_store(source)) as store:
        first, *_, last = [run_id for page in [page async for page in run_ids(store)] for run_id in page]
        await store.put_doc(put)
        await site.copy(site.sqlite_store(source), site.redis_store())

        await store.delete_run(last)
        await store.delete_doc(DocDelete(collection="c", key="k", if_revision=ANY, now_ms=NOW_MS))
        await store.put_blob(blob(b"late"))
        async with opened(site.redis_store()) as target:
            assert await target.get_run(last) is not None
            assert await target.get_doc(ref) is not None
        with pytest.raises(
            StartupError, match="unfinished copy; finish it with: fabro store copy sqlite redis --final"
        ):
            async with site.server("redis", **site.redis).lifespan():
                pass

        assert (await site.move(site.sqlite_store(source), site.redis_store())).differences == ()
        with pytest.raises(StoreFenced):
            await store.put_doc(put)
        assert await store.get_run(first) is not None
    async with opened(site.redis_store()) as target:
        assert await target.get_run(first) is not None
        assert await target.get_run(last) is None
        assert await target.get_doc(ref) is None
        assert await target.get_blob(blob(b"late").digest) == b"late"


@pytest.fixture
async def moved(site: Site, source: str) -> Verdict:
    """The file has been moved to Redis."""
    return await site.move(site.sqlite_store(source), site.redis_store())


async def test_a_move_that_is_finished_is_compared_again_as_long_as_nothing_has_used_the_target(
    site: Site, source: str, moved: Verdict
) -> None:
    assert await site.move(site.sqlite_store(source), site.redis_store()) == moved
    async with opened(site.redis_store()) as target:
        await target.put_blob(blob(b"precious"))
    with pytest.raises(MoveRefused, match="was finished before, and servers have used it since"):
        await site.move(site.sqlite_store(source), site.redis_store())
    async with opened(site.redis_store()) as target:
        assert await target.get_blob(blob(b"precious").digest) == b"precious"


async def test_no_server_starts_on_what_was_moved_until_the_fence_is_lifted(
    site: Site, source: str, moved: Verdict
) -> None:
    server = site.server("sqlite", path=str(site.home / source))
    with pytest.raises(StartupError, match=r"moves to redis; name redis, or .*: fabro store unfence sqlite"):
        async with server.lifespan():
            pass
    assert await site.unfence(site.sqlite_store(source)) is True
    async with AsyncExitStack() as stack:
        client = await client_of(stack, server)
        assert (await client.post("/api/v1/runs", json=manifest())).status_code == 201


async def test_a_fenced_store_is_neither_copied_elsewhere_nor_copied_over(
    site: Site, source: str, moved: Verdict
) -> None:
    other = SqliteRunStore(site.home / "other.db", name="other")
    with pytest.raises(MoveRefused, match="sqlite is fenced, as it moves to redis"):
        await site.move(site.sqlite_store(source), other)
    with pytest.raises(MoveRefused, match="sqlite is fenced"):
        await site.move(site.redis_store(), site.sqlite_store(source))
    async with opened(other) as store:
        assert await unfinished_copy_of(store, NOW_MS) is None


async def test_half_a_copy_is_not_copied_on(site: Site, source: str) -> None:
    await site.copy(site.sqlite_store(source), site.redis_store())
    with pytest.raises(MoveRefused, match="holds an unfinished copy of sqlite itself"):
        await site.move(site.redis_store(), site.sqlite_store("second.db"))
    async with opened(site.redis_store()) as store:
        assert await fenced_for(store, NOW_MS) is None
