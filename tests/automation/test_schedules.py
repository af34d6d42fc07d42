"""Schedules: every due time makes one run, on one of the servers that notice it (resources.md X10)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fabro_auth_devtoken import new_token
from fabro_core import FabroApp, create_app, hookimpl
from fabro_core.automation.schedules import NOTICED
from fabro_core.hooks import PLUGIN_API
from fabro_core.plugins.kinds import Group
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing import ManualClock
from tests.api.conftest import SESSION_SECRET, manifest
from tests.automation.test_runs import PATH, TARGET, Checkouts
from tests.automation.test_runs import plugin_of as source_plugin

pytestmark = pytest.mark.anyio

START = datetime.fromisoformat("2026-03-02T10:15:30Z")


class Replicas:
    """Servers on one store, with one clock, and a client of the first."""

    def __init__(self, apps: list[FabroApp], clock: ManualClock, client: httpx.AsyncClient) -> None:
        self.apps = apps
        self.clock = clock
        self.client = client

    async def automated(self, id_: str, expression: str, *, enabled: bool = True) -> None:
        trigger = {"id": "t", "type": "schedule", "enabled": enabled, "expression": expression}
        body = {"id": id_, "name": id_, "target": TARGET, "triggers": [trigger]}
        assert (await self.client.post(PATH, json=body)).status_code == 201

    async def look_at(self, at: str) -> None:
        """All of them look at this time of the first day."""
        moment = datetime.fromisoformat(f"2026-03-02T{at}Z")
        self.clock.advance(moment - self.clock.now())
        await asyncio.gather(*(app.schedules.look() for app in self.apps))
        await asyncio.gather(*(app.schedules.settled() for app in self.apps))

    async def runs(self) -> Counter[str]:
        """How many runs each automation has."""
        counted: Counter[str] = Counter()
        offset, more = 0, True
        while more:
            page = (await self.client.get("/api/v1/runs", params={"page[limit]": 100, "page[offset]": offset})).json()
            counted.update(run["automation"]["id"] for run in page["data"])
            offset, more = offset + 100, page["meta"]["has_more"]
        return counted


def store_plugin(data: MemoryData) -> InlinePlugin:
    @hookimpl
    def fabro_run_store() -> RunStore:
        return MemoryRunStore(data, name="shared")

    target = SimpleNamespace(FABRO_PLUGIN_API=PLUGIN_API, fabro_run_store=fabro_run_store)
    return InlinePlugin(group=Group.STORE, name="shared", target=target)


@asynccontextmanager
async def replicas(tmp_path: Any, number: int = 2, *, source: bool = True) -> AsyncIterator[Replicas]:
    data, clock, token = MemoryData(), ManualClock(), new_token()
    enabled = ["checkouts"] if source else []
    settings = {
        "server": {
            "auth": {"methods": ["dev-token"]},
            "store": {"kind": "shared"},
            "extensions": {"enabled": enabled},
            "web": {"enabled": False},
        }
    }
    apps = []
    for index in range(number):
        environ = {"FABRO_HOME": str(tmp_path / str(index)), "FABRO_DEV_TOKEN": token, "SESSION_SECRET": SESSION_SECRET}
        plugins = [store_plugin(data), source_plugin(Checkouts())]
        apps.append(create_app(settings, plugins=plugins, clock=clock, environ=environ))
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(apps[0])
    async with httpx.AsyncClient(transport=transport, base_url="http://fabro.test", headers=headers) as client:
        lifespans = [app.lifespan() for app in apps]
        for lifespan in lifespans:
            await lifespan.__aenter__()
        try:
            yield Replicas(apps, clock, client)
        finally:
            for lifespan in lifespans:
                await lifespan.__aexit__(None, None, None)


async def test_500_schedules_that_are_due_in_one_minute_fire_once_each_on_two_servers(tmp_path: Any) -> None:
    async with replicas(tmp_path) as servers:
        for number in range(500):
            await servers.automated(f"a{number}", "16 10 * * *")
        for at in ("10:15:55", "10:16:05", "10:16:20", "10:17:10"):
            await servers.look_at(at)
        assert await servers.runs() == {f"a{number}": 1 for number in range(500)}


async def test_every_due_time_fires_in_utc(tmp_path: Any) -> None:
    async with replicas(tmp_path) as servers:
        await servers.automated("quarter", "*/15 * * * *")
        await servers.automated("noon", "0 12 * * *")
        await servers.automated("off", "* * * * *", enabled=False)
        for at in ("10:29:59", "10:30:00", "10:30:30", "10:45:10", "10:59:59", "11:00:01"):
            await servers.look_at(at)
        assert await servers.runs() == {"quarter": 3}


async def test_missed_times_are_not_made_up(tmp_path: Any) -> None:
    async with replicas(tmp_path, 1) as servers:
        await servers.automated("often", "* * * * *")
        await servers.look_at("10:16:01")
        await servers.look_at("12:00:30")
        assert await servers.runs() == {"often": 2}, f"what became due in the last {NOTICED} counts"


async def test_what_was_due_before_the_start_does_not_count(tmp_path: Any) -> None:
    async with replicas(tmp_path, 1) as servers:
        await servers.automated("before", "15 10 * * *")
        await servers.look_at("10:15:40")
        assert await servers.runs() == {}


async def test_a_clock_that_goes_back_fires_nothing_twice(tmp_path: Any) -> None:
    async with replicas(tmp_path) as servers:
        await servers.automated("often", "* * * * *")
        for at in ("10:16:05", "10:15:50", "10:16:05", "10:17:00"):
            await servers.look_at(at)
        assert await servers.runs() == {"often": 2}


async def test_a_run_of_a_schedule_says_so_and_is_started(tmp_path: Any) -> None:
    async with replicas(tmp_path) as servers:
        await servers.automated("nightly", "16 10 * * *")
        await servers.look_at("10:16:00")
        (run,) = (await servers.client.get(f"{PATH}/nightly/runs")).json()["data"]
    assert run["automation"] == {"id": "nightly", "name": "nightly", "trigger_id": "t"}
    assert run["created_by"] == {"kind": "system", "system_kind": "engine"}
    assert run["lifecycle"]["status"]["kind"] == "runnable"


async def test_a_source_that_fails_costs_that_run_alone(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with replicas(tmp_path, 1) as servers:
        await servers.automated("nightly", "16 10 * * *")
        source = servers.apps[0].schedules._runs._source
        assert isinstance(source, Checkouts)
        source.answer = OSError("away")
        await servers.look_at("10:16:00")
        assert "the automation nightly was due at 2026-03-02 10:16:00+00:00 and not run" in caplog.text
        source.answer = json.dumps(manifest()).encode()
        await servers.automated("later", "17 10 * * *")
        await servers.look_at("10:17:00")
        assert await servers.runs() == {"later": 1}


async def test_nothing_is_looked_at_without_a_source(tmp_path: Any) -> None:
    async with replicas(tmp_path, 1, source=False):
        assert "fabro schedules" not in {task.get_name() for task in asyncio.all_tasks()}
    async with replicas(tmp_path, 1):
        assert "fabro schedules" in {task.get_name() for task in asyncio.all_tasks()}


def test_a_look_comes_at_least_every_30_seconds() -> None:
    from fabro_core.automation.schedules import LOOK_SECONDS

    assert timedelta(seconds=LOOK_SECONDS) <= timedelta(seconds=30) < NOTICED
