"""What a server acknowledged is there after kill -9 (server.md S27): a real process, a real socket, a real file."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabro_auth_devtoken import new_token
from tests.api.conftest import manifest

pytestmark = pytest.mark.anyio

FABRO = (sys.executable, "-c", "from fabro_core.cli import main; main()")
LISTENING = "Fabro server listening on "
WRITERS = 8
KILLED_AFTER = 60


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with a home, whose server keeps its runs in SQLite."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "settings.toml").write_text('[server.auth]\nmethods = ["dev-token"]\n')
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    return {**kept, "FABRO_HOME": str(home), "FABRO_DEV_TOKEN": new_token(), "SESSION_SECRET": "s" * 64}


@contextmanager
def running(environ: dict[str, str], log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process on a free port and its address; killed at the end if it still runs."""
    command = [*FABRO, "server", "start", "--foreground", "--bind", "127.0.0.1:0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith(LISTENING), line + process.stderr.read()
            yield process, f"http://{line.removeprefix(LISTENING).strip()}"
        finally:
            process.kill()


def client_of(address: str, environ: dict[str, str]) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {environ['FABRO_DEV_TOKEN']}"}
    return httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30)


async def create(client: httpx.AsyncClient, **changes: Any) -> str:
    answer = await client.post("/api/v1/runs", content=json.dumps(manifest(**changes)))
    assert answer.status_code == 201, answer.text
    created: str = answer.json()["id"]
    return created


async def every_run(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = []
    while True:
        page = (await client.get(f"/api/v1/runs?page[limit]=50&page[offset]={len(runs)}")).json()
        runs += page["data"]
        if not page["meta"]["has_more"]:
            assert page["meta"]["total"] == len(runs)
            return runs


async def test_every_acknowledged_run_survives_kill_9_and_the_counts_agree(
    environ: dict[str, str], tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    with running(environ, tmp_path / "first.log") as (process, address):
        async with client_of(address, environ) as client:
            parent = await create(client)

            async def write_until_the_server_dies() -> None:
                with suppress(httpx.TransportError):
                    while True:
                        acknowledged.append(await create(client, parent_id=parent))
                        if len(acknowledged) == KILLED_AFTER:
                            process.kill()

            await asyncio.gather(*(write_until_the_server_dies() for _ in range(WRITERS)))

    with running(environ, tmp_path / "second.log") as (process, address):
        async with client_of(address, environ) as client:
            assert (await client.get("/health/ready")).status_code == 200
            runs = {run["id"]: run for run in await every_run(client)}
            children = runs.keys() - {parent}
            assert set(acknowledged) <= children
            assert len(children) <= len(acknowledged) + WRITERS
            assert runs[parent]["children_count"] == len(children)
            assert {run["lifecycle"]["status"]["kind"] for run in runs.values()} == {"submitted"}
            for run_id in acknowledged[-WRITERS:]:
                assert (await client.get(f"/api/v1/runs/{run_id}")).json() == runs[run_id]
                assert (await client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 200
        process.terminate()
        assert process.wait(timeout=30) == 0
