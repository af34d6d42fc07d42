"""Two servers on one SQLite file: what is appended at one reaches the followers of the other."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.conftest import Server, serving
from tests.streams.client import attached
from tests.streams.following import path_of
from tests.streams.writing import begun

pytestmark = pytest.mark.anyio

SETTINGS = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}


@pytest.fixture
async def servers(tmp_path: Path, anyio_backend: str) -> AsyncIterator[tuple[Server, Server]]:
    async with serving(SETTINGS, tmp_path / "home") as here, serving(SETTINGS, tmp_path / "home") as there:
        yield here, there


def bearer(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.token}"}


async def test_the_life_of_a_run_at_one_server_is_seen_at_the_other(servers: tuple[Server, Server]) -> None:
    here, there = servers
    async with attached(there.app, "/api/v1/attach", **bearer(there)) as everything:
        run = await here.create()
        async with attached(there.app, path_of(run["id"]) + "?since_seq=1", **bearer(there)) as reader:
            await here.client.patch(f"/api/v1/runs/{run['id']}", json={"title": "Renamed"})
            await here.client.post(f"/api/v1/runs/{run['id']}/cancel")
            frames = await reader.rest()
        await here.client.post(f"/api/v1/runs/{run['id']}/archive")
        kinds = await here.log_of(run["id"])
        seen = await everything.frames(len(kinds))
    assert [json.loads(each.data)["event"] for each in frames] == kinds[:-1]
    assert [json.loads(each.data)["event"] for each in seen] == kinds
    assert kinds[-1] == "run.archived"


@pytest.mark.parametrize("seed", range(2))
async def test_followers_that_hop_between_servers_with_last_event_id_see_every_event_once_and_in_order(
    servers: tuple[Server, Server], seed: int
) -> None:
    chance = random.Random(seed)
    run = await begun(servers[0].store)
    total = 300

    async def write() -> None:
        while run.seq < total:
            run.store = chance.choice(servers).store
            await run.append(*["note"] * min(total - run.seq, chance.randint(1, 5)))

    async def read() -> list[int]:
        seen: list[int] = []
        while len(seen) < total:
            server = chance.choice(servers)
            cursor = {"last_event_id": str(seen[-1] if seen else 0)}
            async with attached(server.app, path_of(run.id), **bearer(server), **cursor) as reader:
                for _ in range(min(chance.randint(1, 80), total - len(seen))):
                    seen.append((await reader.frame()).id)
        return seen

    _, *seen = await asyncio.gather(write(), *(read() for _ in range(10)))
    assert seen == [list(range(1, total + 1))] * 10
