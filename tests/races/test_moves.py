"""A store moves while two servers write to it without a pause, and whoever moves it is killed again and again.

Whatever a server has acknowledged is in the new store afterwards (server.md S25).
"""

from __future__ import annotations

import asyncio
import random
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import manifest
from tests.plugins.store_redis.valkey import Valkey
from tests.races.server_process import DidNotStart, ServerProcess, on_redis, on_sqlite, server_process
from tests.races.work import NOTE
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WRITERS: int = 4
KILLS: int = 3
REFUSALS: int = 3
"""After so many in a row a writer believes that nothing is taken any more."""


@dataclass(frozen=True)
class Place:
    """A store, as settings of a server and as the argument of a move name it."""

    settings: str
    argument: str


@dataclass
class Acknowledged:
    """What servers have said that they did."""

    events: dict[str, set[str]] = field(default_factory=dict)
    """The ids of events by their runs, which exist."""
    deleted: set[str] = field(default_factory=set)
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """There is something of everything."""
    variables: dict[str, str] = field(default_factory=dict)


@pytest.fixture(params=[("sqlite", "redis"), ("redis", "sqlite"), ("sqlite", "sqlite")], ids="-".join)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Place, Place]:
    """Where the store is, and where it moves to."""

    def place(kind: str, name: str) -> Place:
        if kind == "sqlite":
            path = tmp_path / f"{name}.db"
            return Place(on_sqlite(path), f"sqlite:{path}")
        valkey: Valkey = request.getfixturevalue("shared_valkey")
        prefix = secrets.token_hex(8)
        return Place(on_redis(valkey.url, prefix=prefix), f"redis:{prefix}@{valkey.url}")

    source, target = request.param
    return place(source, "first"), place(target, "second")


async def write(client: httpx.AsyncClient, writer: int, told: Acknowledged) -> None:
    """Create runs, append to them, delete some, and set a variable, until a server takes nothing any more."""
    refused = number = 0
    while refused < REFUSALS:
        number += 1
        created = await client.post("/api/v1/runs", json=manifest())
        refused = 0 if created.status_code == 201 else refused + 1
        if created.status_code == 201:
            await _work_on(client, created.json()["id"], told, delete=number % 5 == 0)
        name = f"W{writer}"
        put = await client.put(f"/api/v1/variables/{name}", json={"value": str(number)})
        if put.status_code < 300:
            told.variables[name] = str(number)


async def _work_on(client: httpx.AsyncClient, run_id: str, told: Acknowledged, *, delete: bool) -> None:
    told.events[run_id] = set()
    for event_id in ("one", "two"):
        event = {"id": event_id, "ts": "2026-03-02T10:15:30Z", "run_id": run_id, "event": NOTE}
        sent = await client.post(f"/api/v1/runs/{run_id}/events", json=event | {"properties": {}})
        if sent.status_code == 200:
            told.events[run_id].add(event_id)
    if delete:
        events = told.events.pop(run_id)
        gone = (await client.delete(f"/api/v1/runs/{run_id}?force=true")).status_code == 204
        if gone:
            told.deleted.add(run_id)
            if len(told.deleted) >= WRITERS:
                told.enough.set()
        elif (await client.get(f"/api/v1/runs/{run_id}")).status_code == 200:
            told.events[run_id] = events


def moving(step: str, places: tuple[Place, Place]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.races.mover", step, *(place.argument for place in places)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


async def killed(step: str, places: tuple[Place, Place], chance: random.Random) -> None:
    """Begin a step of the move, and kill it after some of its stages, or somewhere amid them."""
    with moving(step, places) as process:
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 8)):
            await asyncio.to_thread(process.stdout.readline)
        await asyncio.sleep(chance.random() / 50)
        process.kill()


async def completed(step: str, places: tuple[Place, Place]) -> None:
    with moving(step, places) as process:
        output, _ = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, output


@pytest.fixture
async def servers(
    places: tuple[Place, Place], tmp_path: Path, anyio_backend: str
) -> AsyncIterator[list[ServerProcess]]:
    """Two on the store that moves."""
    with (
        server_process(tmp_path / "here", places[0].settings) as here,
        server_process(tmp_path / "there", places[0].settings) as there,
    ):
        yield [here, there]


async def test_what_was_acknowledged_is_in_the_new_store(
    places: tuple[Place, Place], servers: list[ServerProcess], tmp_path: Path
) -> None:
    chance, told = random.Random(7), Acknowledged()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(server.client()) for server in servers]
        writing = asyncio.gather(*(write(clients[number % 2], number, told) for number in range(WRITERS)))
        await told.enough.wait()
        for _ in range(KILLS):
            await killed("copy", places, chance)
        await completed("copy", places)
        assert not writing.done(), "copies that may be repeated disturb nobody"
        with (
            pytest.raises(DidNotStart, match="unfinished copy"),
            server_process(tmp_path / "early", places[1].settings),
        ):
            pass
        for _ in range(KILLS):
            await killed("finish", places, chance)
        await completed("finish", places)
        await writing

        for client in clients:
            assert (await client.get("/api/v1/runs")).status_code == 200, "reads go on"
            assert (await client.post("/api/v1/runs", json=manifest())).status_code == 503

    with server_process(tmp_path / "new", places[1].settings) as server:
        async with server.client() as client:
            await check(client, told)
            assert (await client.post("/api/v1/runs", json=manifest())).status_code == 201


async def check(client: httpx.AsyncClient, told: Acknowledged) -> None:
    """Everything that was acknowledged is there, and nothing of what was deleted."""
    assert len(told.events) > WRITERS
    for run_id, events in told.events.items():
        answer = await client.get(f"/api/v1/runs/{run_id}/events?limit=100")
        assert answer.status_code == 200, answer.text
        assert events <= {event["id"] for event in answer.json()["data"]}
    for run_id in told.deleted:
        assert (await client.get(f"/api/v1/runs/{run_id}")).status_code == 404
    for name, value in told.variables.items():
        found = (await client.get(f"/api/v1/variables/{name}")).json()
        assert int(found["value"]) >= int(value)
