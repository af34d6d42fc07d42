"""A server whose disk is full, or whose database is gone or says nothing, as clients and the log see it (server.md S5,
S7, S10, S27)."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import manifest
from tests.disks import Disk
from tests.disks import small_disk as small_disk  # a fixture
from tests.plugins.store_redis.valkey import Valkey, running
from tests.races.server_process import ServerProcess, on_sqlite, server_process
from tests.races.work import started

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 40
STORE_SECONDS = 1
MEBIBYTE = 1024 * 1024


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fabro-outage-") as directory:
        yield Path(directory) / "home"


async def becomes_ready(client: httpx.AsyncClient) -> None:
    """By itself, as its health is checked every second."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await client.get("/health/ready")).status_code != 200:  # each answer takes its time
            pass


async def check_unavailable(client: httpx.AsyncClient) -> None:
    """Writes are refused, and health says so from then on."""
    refused = await client.post("/api/v1/runs", json=manifest())
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "store_unavailable")
    assert refused.headers["retry-after"] == "5"
    assert (await client.get("/health/ready")).status_code == 503
    assert (await client.get("/health")).json() == {"status": "degraded", "store": "unavailable"}


def told(home: Path) -> list[str]:
    """What the log says of the store."""
    lines = (home / "stdout.log").read_text().splitlines()
    return [line[line.index("the store is") :] for line in lines if "the store is" in line]


async def test_a_full_disk_is_told_once_and_its_end_as_well(small_disk: Disk, home: Path) -> None:
    database = small_disk.path / "fabro.db"
    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            run_id = await started(client)
            with small_disk.full(server.process.pid):
                await check_unavailable(client)
                await check_unavailable(client)
                assert (await client.get(f"/api/v1/runs/{run_id}")).status_code == 200, "reads go on"
            await becomes_ready(client)
            assert (await client.post("/api/v1/runs", json=manifest())).status_code == 201
    begun, ended = told(home)
    assert begun.startswith(f"the store is unavailable: The database {database} ")
    assert "its disk is full" in begun or "SQLITE_IOERR" in begun
    assert ended == "the store is available again"


async def test_a_database_that_is_taken_away_takes_no_writes_until_it_is_back(home: Path, tmp_path: Path) -> None:
    database = tmp_path / "fabro.db"
    with server_process(home, on_sqlite(database)) as server:
        async with server.client() as client:
            run_id = await started(client)
            database.rename(tmp_path / "elsewhere.db")
            await check_unavailable(client)
            (tmp_path / "elsewhere.db").rename(database)
            await becomes_ready(client)
            assert (await client.get(f"/api/v1/runs/{run_id}")).status_code == 200
    assert f"The database {database} was removed or replaced while it was in use" in told(home)[0]


async def test_an_upload_without_room_for_it_is_503(small_disk: Disk, home: Path, tmp_path: Path) -> None:
    with server_process(home, on_sqlite(tmp_path / "fabro.db"), secrets={"TMPDIR": str(small_disk.path)}) as server:
        async with server.client() as client:
            run_id = await started(client)
            entries = json.dumps({"entries": [{"part": "file", "path": "out.bin"}]})

            path = f"/api/v1/runs/{run_id}/stages/draft@1/artifacts?retry=1"
            form = {"manifest": ("m", entries.encode()), "file": ("f", bytes(MEBIBYTE))}
            assert (await client.post(path, files=form)).status_code == 204
            with small_disk.full(server.process.pid):
                answer = await client.post(path, files=form)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
    (entry,) = answer.json()["errors"]
    assert entry["code"] == "storage_full"
    assert "No space left on device" in (home / "stdout.log").read_text() or os.geteuid() != 0


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="fabro-valkey-") as directory, running(Path(directory)) as server:
        yield server


async def check_given_up(server: ServerProcess, method: str, path: str) -> None:
    """Many requests that nothing answers end in time, and together."""
    async with server.client() as client, asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*(client.request(method, path, json=manifest()) for _ in range(20)))
    assert {(answer.status_code, answer.headers.get("retry-after")) for answer in answers} == {(503, "5")}


async def test_a_redis_that_never_answers_is_given_up(home: Path, valkey: Valkey) -> None:
    table = f'kind = "redis"\n[server.store.redis]\nurl = {json.dumps(valkey.url)}\ntimeout_seconds = 300\n'
    limit = f"[server.limits]\nstore_seconds = {STORE_SECONDS}\n"
    with server_process(home, f"[server.store]\n{table}{limit}") as server:
        async with server.client() as client:
            run_id = await started(client)
            with valkey.stopped():
                await check_given_up(server, "GET", f"/api/v1/runs/{run_id}")
            await becomes_ready(client)
            assert (await client.get(f"/api/v1/runs/{run_id}")).status_code == 200
    assert f"The store has not answered within {STORE_SECONDS} s." in told(home)[0]


async def test_writes_behind_a_lock_that_stays_are_given_up_and_not_done_later(home: Path, tmp_path: Path) -> None:
    database = tmp_path / "fabro.db"
    table = f'kind = "sqlite"\n[server.store.sqlite]\npath = {json.dumps(str(database))}\nbusy_timeout_ms = 600000\n'
    limit = f"[server.limits]\nstore_seconds = {STORE_SECONDS}\n"
    with server_process(home, f"[server.store]\n{table}{limit}") as server:
        async with server.client() as client:
            await started(client)
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                await check_given_up(server, "POST", "/api/v1/runs")
                other.execute("ROLLBACK")
            await becomes_ready(client)
            assert (await client.get("/api/v1/runs")).json()["meta"]["total"] == 1
            assert (await client.post("/api/v1/runs", json=manifest())).status_code == 201
