"""Three servers on one Redis behind a round-robin proxy, under load, while one after the other is killed and Redis is
restarted: nothing is lost, nothing is there twice, no list is wrong, every stream is complete."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import RunQuery, RunSort
from fabro_core.testing import FakeIdentityProvider
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import NOW_MS
from fabro_core.transfer.copying import copy_runs
from fabro_store_redis import RedisRunStore, RedisSettings
from tests.plugins.store_redis.valkey import Valkey, running
from tests.ports import free_port
from tests.proxy import round_robin
from tests.races.server_process import DidNotStart, ServerProcess, on_redis, server_process
from tests.soak.caller import Caller
from tests.soak.lanes import Lane
from tests.soak.people import Program, come_and_go

pytestmark = pytest.mark.anyio

SECONDS = float(os.environ.get("FABRO_SOAK_SECONDS", "20"))
SEED = int(os.environ.get("FABRO_SOAK_SEED", str(random.randrange(10_000))))
SERVERS = 3
LANES = 6
PEOPLE = 2
PROGRAMS = 2
KILL_EVERY_SECONDS = 5.0
EXPECTED_ERRORS = ("status=503", "the store is unavailable")


class Replica:
    """One of the servers: killed, and started again as a supervisor does."""

    def __init__(self, home: Path, settings: str, port: int, provider: FakeIdentityProvider) -> None:
        self.home = home
        self.port = port
        self._settings = settings
        self._provider = provider
        self._stack = ExitStack()
        self.process: ServerProcess | None = None

    def start(self) -> None:
        """Start it, again and again while the store is away."""
        while self.process is None:
            try:
                self.process = self._stack.enter_context(
                    server_process(
                        self.home,
                        self._settings,
                        methods=("dev-token", "github"),
                        listen=f"127.0.0.1:{self.port}",
                        secrets={"GITHUB_APP_CLIENT_SECRET": self._provider.client_secret},
                    )
                )
            except DidNotStart as told:
                if not re.match(r"The Redis server at .* cannot answer: ", str(told)):
                    raise
                time.sleep(0.2)

    def kill(self) -> None:
        """`kill -9`."""
        self._stack.close()
        self.process = None

    @property
    def log(self) -> str:
        return (self.home / "stdout.log").read_text()


class Site:
    """Everything that runs."""

    def __init__(self, url: str, valkey: Valkey, replicas: list[Replica], provider: FakeIdentityProvider) -> None:
        self.url = url
        self.valkey = valkey
        self.replicas = replicas
        self.provider = provider

    async def break_things(self, chance: random.Random, counts: Counter[str]) -> None:
        """For `SECONDS`: a server every five, and Redis at a third and at two thirds of the time."""
        began = time.monotonic()
        redis_at = [SECONDS / 3, SECONDS * 2 / 3]
        kill_at = KILL_EVERY_SECONDS
        async with asyncio.TaskGroup() as restarts:
            while (passed := time.monotonic() - began) < SECONDS:
                if redis_at and passed >= redis_at[0]:
                    redis_at.pop(0)
                    await asyncio.to_thread(self._restart_redis)
                    counts["restarts of Redis"] += 1
                if passed >= kill_at:
                    kill_at += KILL_EVERY_SECONDS
                    replica = chance.choice([each for each in self.replicas if each.process is not None])
                    await asyncio.to_thread(replica.kill)
                    restarts.create_task(asyncio.to_thread(replica.start))
                    counts["kills of servers"] += 1
                await asyncio.sleep(0.05)

    def _restart_redis(self) -> None:
        with self.valkey.away():
            time.sleep(1)


@asynccontextmanager
async def site_in(directory: Path) -> AsyncIterator[Site]:
    (directory / "valkey").mkdir()
    ports = [free_port() for _ in range(SERVERS)]
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(running(directory / "valkey"))
        provider = await stack.enter_async_context(FakeIdentityProvider().running())
        url = f"http://127.0.0.1:{await stack.enter_async_context(round_robin(ports))}"
        settings = (
            on_redis(valkey.url, timeout_seconds=1)
            + f"[server.web]\nurl = {json.dumps(url)}\n[server.limits]\nlogin_attempts_per_minute = 1000\n"
            + f'[server.auth.github]\nclient_id = "{provider.client_id}"\nallowed_usernames = ["mona"]\n'
            + f'oauth_url = "{provider.url}"\napi_url = "{provider.url}"\n'
        )
        replicas = [Replica(directory / f"server-{n}", settings, port, provider) for n, port in enumerate(ports)]
        for replica in replicas:
            stack.callback(replica.kill)
        await asyncio.gather(*(asyncio.to_thread(replica.start) for replica in replicas))
        yield Site(url, valkey, replicas, provider)


async def test_nothing_is_lost_doubled_or_wrong_while_servers_and_redis_are_killed(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    async with site_in(tmp_path) as site:
        caller = Caller(site.url, counts)
        lanes = [Lane(caller, number, random.Random(SEED * 100 + number)) for number in range(LANES)]
        over = asyncio.Event()
        async with asyncio.TaskGroup() as actors:
            for lane in lanes:
                actors.create_task(lane.work(over))
            for _ in range(PEOPLE):
                actors.create_task(come_and_go(caller, over))
            for _ in range(PROGRAMS):
                actors.create_task(Program(caller, site.provider).work(over))
            await site.break_things(random.Random(SEED), counts)
            over.set()
        followers = [follower for lane in lanes for follower in lane.followers]
        async with asyncio.timeout(60):
            await asyncio.gather(*followers)
        for lane in lanes:
            await lane.verify()
        await check_every_order(site.valkey.url)
        await caller.close()
        assert [each.process is not None and each.process.process.poll() for each in site.replicas] == [None] * SERVERS
        for replica in site.replicas:
            unexpected = [
                line
                for line in replica.log.splitlines()
                if " ERROR " in line and not any(words in line for words in EXPECTED_ERRORS)
            ]
            assert unexpected == []

    counts["runs"] = sum(len(lane.runs) for lane in lanes)
    counts["events on streams"] = sum(len(run.seen) for lane in lanes for run in lane.runs)
    print(f"\nseed {SEED}, {SECONDS:.0f} s:", ", ".join(f"{number} {name}" for name, number in sorted(counts.items())))
    assert counts["restarts of Redis"] == 2
    assert counts["kills of servers"] >= SECONDS // KILL_EVERY_SECONDS - 1
    assert min(counts[name] for name in ("appends", "answers", "lists", "sessions", "renewals")) > 0
    assert counts["logins"] > PROGRAMS


async def check_every_order(url: str) -> None:
    """Lists of all runs, in every order, are those of a store that is nothing but dicts and sorts."""
    async with opened(RedisRunStore(RedisSettings(url=url))) as store, opened(MemoryRunStore(MemoryData())) as model:
        await copy_runs(store, model, NOW_MS, lambda _: None)
        query = RunQuery(buckets=frozenset(Bucket), limit=1_000, now_ms=NOW_MS)
        for sort in RunSort:
            for each in (replace(query, sort=sort, direction="asc"), replace(query, sort=sort, direction="desc")):
                assert await store.list_runs(each) == await model.list_runs(each), each
