"""A server that is killed in the middle of a reply leaves no session stuck (resources.md X2): real processes, a real
SQLite file, a real Redis server."""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import manifest
from tests.plugins.store_redis.valkey import Valkey
from tests.races.server_process import ServerProcess, on_redis, on_sqlite, server_process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WITHIN_SECONDS = 30

SLEEPER = '''
import asyncio

from fabro_core import hookimpl
from fabro_core.sessions import Delta, SessionResponder

FABRO_PLUGIN_API = 1


class Sleeper(SessionResponder):
    """Begins to reply, and never ends."""

    async def respond(self, turn, /):
        yield Delta("Let me see")
        await asyncio.Event().wait()


@hookimpl
def fabro_session_responder(ctx):
    return Sleeper()
'''


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        named = on_sqlite(tmp_path / "fabro.db")
    else:
        valkey: Valkey = request.getfixturevalue("shared_valkey")
        named = on_redis(valkey.url, prefix=secrets.token_hex(8))
    return named + '[server.extensions]\nenabled = ["sleeper"]\n'


@pytest.fixture(autouse=True)
def _sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The responder as servers find it: installed."""
    site = tmp_path / "site"
    info = site / "sleeper-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "sleeper.py").write_text(SLEEPER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeper\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fabro.ext]\nsleeper = sleeper\n")
    monkeypatch.setenv("PYTHONPATH", str(site))


async def told_until(stream: httpx.Response, name: str) -> None:
    async for line in stream.aiter_lines():
        if line == f"event: {name}":
            return
    raise AssertionError(f"the stream ended without {name}")


async def kill_amid_a_reply(server: ServerProcess, client: httpx.AsyncClient, session_id: str) -> None:
    turns = f"/api/v1/sessions/{session_id}/turns"
    async with client.stream("POST", turns, json={"input": "Why?"}) as stream:
        await told_until(stream, "run.session.assistant_delta")
        server.kill()


async def test_a_turn_of_a_server_that_was_killed_is_ended_by_another(store: str, tmp_path: Path) -> None:
    with server_process(tmp_path / "one", store) as one, server_process(tmp_path / "other", store) as other:
        async with one.client() as here, other.client() as there:
            created = await here.post("/api/v1/runs", content=json.dumps(manifest()))
            session = (await here.post(f"/api/v1/runs/{created.json()['id']}/sessions", json={})).json()["id"]
            async with there.stream("GET", f"/api/v1/sessions/{session}/attach?since_seq=1") as following:
                await kill_amid_a_reply(one, here, session)
                async with asyncio.timeout(WITHIN_SECONDS):
                    await told_until(following, "run.session.turn.failed")
            events = (await there.get(f"/api/v1/sessions/{session}/events")).json()["data"]
            failed = [each["properties"] for each in events if each["event"] == "run.session.turn.failed"]
            assert [(each["code"], each["retryable"]) for each in failed] == [("agent_error", True)]
            assert (await there.get(f"/api/v1/sessions/{session}")).json()["status"] == "failed"
