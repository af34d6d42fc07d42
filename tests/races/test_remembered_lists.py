"""What a server process remembers of lists is new once another process has acknowledged a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import manifest
from tests.plugins.store_redis.valkey import Valkey
from tests.races.server_process import on_redis, on_sqlite, server_process
from tests.races.work import NOTE, append
from tests.replicas import shared_valkey as shared_valkey  # a fixture

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LISTS = ("", "?include_archived=true&sort=title", "?sort=status&direction=asc", "?page[limit]=1", "?parent_id={parent}")
ROUNDS = 10


@pytest.fixture(params=["sqlite", "redis"])
async def clients(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two server processes on one store."""
    if request.param == "sqlite":
        store = on_sqlite(tmp_path / "fabro.db")
    else:
        valkey: Valkey = request.getfixturevalue("shared_valkey")
        store = on_redis(valkey.url, prefix=tmp_path.name)
    async with AsyncExitStack() as stack:
        servers = [stack.enter_context(server_process(tmp_path / name, store)) for name in ("here", "there")]
        yield [await stack.enter_async_context(server.client()) for server in servers]


async def created(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post("/api/v1/runs", json=manifest(**changes))
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    return run_id


async def shown(client: httpx.AsyncClient, parent: str) -> list[Any]:
    """What each of the lists shows, without what moves with the clock; asked twice, so that it can be remembered."""
    seen = []
    for path in LISTS:
        url = f"/api/v1/runs{path.format(parent=parent)}"
        pages = [(await client.get(url)).raise_for_status().json() for _ in range(2)]
        rows = [
            [(run["id"], run["title"], run["lifecycle"], run["timestamps"]["last_event_at"]) for run in page["data"]]
            for page in pages
        ]
        assert rows[0] == rows[1]
        seen.append((rows[0], pages[0]["meta"]))
    return seen


async def test_a_change_that_was_acknowledged_elsewhere_is_in_the_next_list(clients: list[httpx.AsyncClient]) -> None:
    parent = await created(clients[0])
    for number in range(ROUNDS):
        here, there = clients[number % 2], clients[1 - number % 2]
        new = f"/api/v1/runs/{await created(there, parent_id=parent)}"
        run_id = new.rpartition("/")[2]
        before = await shown(here, parent)
        assert run_id in str(before), "a new run"
        for change in (
            append(there, run_id, NOTE, f"note {number}"),
            there.patch(new, json={"title": f"Title {number}"}),
            there.post(f"{new}/cancel"),
            there.post(f"{new}/archive"),
            there.delete(f"{new}?force=true"),
        ):
            await change
            after = await shown(here, parent)
            assert after != before
            assert after == await shown(there, parent)
            before = after
        assert run_id not in str(before)
