"""Sessions over two servers on one store, SQLite and Redis (resources.md X16, rows 1 to 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fabro_core.sessions import Delta, Message, ReplyPart, Turn, replies
from tests.api.conftest import Server, serving
from tests.api.test_sessions import UNANSWERED, ask, create, following, listed, names, shown
from tests.sessions.conftest import Scripted, with_responder
from tests.sessions.test_replies import BEGUN, SUCCEEDED, asking, never, until_told

pytestmark = pytest.mark.anyio

Servers = tuple[Server, Server]


@pytest.fixture
async def servers(
    shared_store: dict[str, Any], scripted: Scripted, tmp_path: Path, anyio_backend: str
) -> AsyncIterator[Servers]:
    home = tmp_path / "home"
    async with (
        with_responder(shared_store, home, scripted) as here,
        with_responder(shared_store, home, scripted) as there,
    ):
        yield here, there


async def test_without_a_responder_each_turn_fails_at_either_server(
    shared_store: dict[str, Any], tmp_path: Path, anyio_backend: str
) -> None:
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": shared_store}}
    async with serving(settings, tmp_path / "home") as here, serving(settings, tmp_path / "home") as there:
        session = await create(here, (await here.create())["id"])
        for server in (there, here):
            assert names((await ask(server, session)).text) == UNANSWERED
            assert (await shown(here, session))["status"] == "failed"


async def test_of_two_turns_at_once_at_two_servers_one_is_begun(servers: Servers, scripted: Scripted) -> None:
    here, there = servers
    scripted.script = never
    session = await create(here, (await here.create())["id"])
    async with asking(here, session) as one, asking(there, session) as other:
        assert sorted((one.status, other.status)) == [200, 409]
        winner, loser = (one, other) if one.status == 200 else (other, one)
        active = winner.headers["x-fabro-turn-id"]
        assert loser.headers["x-fabro-active-turn-id"] == active
        interrupt = f"/api/v1/sessions/{session['id']}/turns/{active}/interrupt"
        assert (await there.client.post(interrupt)).status_code == 202
        assert (await here.client.post(interrupt)).status_code == 409
        assert (await until_told(winner, "run.session.turn.interrupted"))[:2] == BEGUN
        await winner.ended()


async def test_a_reply_at_one_server_is_followed_at_the_other(servers: Servers, scripted: Scripted) -> None:
    here, there = servers

    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield Delta("Let me")
        yield Message(text="Let me see.")

    scripted.script = script
    session = await create(here, (await here.create())["id"])
    async with following(there, session) as follower:
        assert names((await ask(here, session)).text)[-1] == SUCCEEDED
        told = await until_told(follower, SUCCEEDED)
        assert told == [*BEGUN, "run.session.assistant_delta", "run.session.assistant_message", SUCCEEDED]
        assert not follower.has_ended
    assert (await shown(there, session))["messages"][-1]["content"] == "Let me see."


async def test_an_interrupt_at_one_server_stops_the_reply_at_the_other(
    servers: Servers, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "RENEW_SECONDS", 0.05)
    here, there = servers
    scripted.script = never
    session = await create(here, (await here.create())["id"])
    async with asking(here, session) as reader:
        turn = reader.headers["x-fabro-turn-id"]
        answer = await there.client.post(f"/api/v1/sessions/{session['id']}/turns/{turn}/interrupt")
        assert answer.status_code == 202
        async with asyncio.timeout(5):
            await scripted.closed.wait()
        await reader.ended()


async def test_sessions_are_listed_alike_and_go_with_their_run_at_every_server(servers: Servers) -> None:
    here, there = servers
    run_id = (await here.finished())["id"]
    first, second = [await create(here, run_id) for _ in range(2)]
    assert (await here.client.post(f"/api/v1/runs/{run_id}/archive")).status_code == 200
    assert names((await ask(there, first)).text)[-1] == SUCCEEDED
    assert set(await listed(here, run_id)) == {first["id"], second["id"]}
    assert await listed(here, run_id) == await listed(there, run_id)
    assert (await here.client.delete(f"/api/v1/runs/{run_id}")).status_code == 204
    assert (await there.client.get(f"/api/v1/sessions/{first['id']}")).status_code == 404
