"""Turns that something replies to, over HTTP (resources.md X2, X16 rows 2 and 3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

import pytest

from fabro_core.errors import StartupError
from fabro_core.sessions import Delta, Failure, Message, ReplyPart, ToolCallCompleted, ToolCallStarted, Turn, replies
from fabro_core.sessions.base import FailureCode
from tests.api.conftest import Server, serving
from tests.api.test_contract import check
from tests.api.test_sessions import ask, create, names, shown
from tests.sessions.conftest import Scripted, plugin_of, settings_on, with_responder
from tests.streams.client import Reader, attached, posted

pytestmark = pytest.mark.anyio

BEGUN = ["run.session.turn.started", "run.session.user_message"]
SUCCEEDED = "run.session.turn.succeeded"
FAILED = "run.session.turn.failed"


def asking(server: Server, session: dict[str, Any], text: str = "Why?") -> AbstractAsyncContextManager[Reader]:
    """A turn as a client begins it that may leave before its end."""
    body = json.dumps({"input": text}).encode()
    target = f"/api/v1/sessions/{session['id']}/turns"
    return posted(server.app, target, body, authorization=server.client.headers["authorization"])


async def session_of(server: Server) -> dict[str, Any]:
    return await create(server, (await server.create())["id"])


async def failures(server: Server, session: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["properties"] for each in await server.events_of(session["run_id"], FAILED)]


async def never(turn: Turn) -> AsyncIterator[ReplyPart]:
    yield Delta("Let me see")
    await asyncio.Event().wait()


async def until_told(reader: Reader, name: str) -> list[str]:
    told: list[str] = []
    while not told or told[-1] != name:
        told += names(await reader.block())
    return told


async def test_a_reply_is_told_part_by_part_and_the_stream_ends_with_it(server: Server, scripted: Scripted) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield Delta("Let me ")
        yield ToolCallStarted(tool_name="read", tool_call_id="c1", arguments={"path": "a"})
        yield ToolCallCompleted(tool_name="read", tool_call_id="c1", output=["x"])
        yield Message(text="Let me see. It failed.", usage={"input_tokens": 7}, model="small-1")

    scripted.script = script
    session = await session_of(server)
    answer = await ask(server, session)
    assert answer.status_code == 200
    assert names(answer.text) == [
        *BEGUN,
        "run.session.assistant_delta",
        "run.session.tool_call.started",
        "run.session.tool_call.completed",
        "run.session.assistant_message",
        SUCCEEDED,
    ]
    detail = await shown(server, session)
    assert (detail["status"], detail["active_turn"]) == ("idle", None)
    user, called, returned, said = detail["messages"]
    assert (user["kind"], called["tool_calls"][0]["arguments"], returned["results"][0]["output"]) == (
        "user",
        {"path": "a"},
        ["x"],
    )
    assert (said["content"], said["usage"]) == ("Let me see. It failed.", {"input_tokens": 7})
    (message,) = await server.events_of(session["run_id"], "run.session.assistant_message")
    assert message["actor"] == {"kind": "agent", "session_id": session["id"]}


async def test_a_responder_is_told_what_was_said_before(server: Server, scripted: Scripted) -> None:
    session = await session_of(server)
    await ask(server, session, "First?")
    await ask(server, session, "Second?")
    first, second = scripted.turns
    assert (first.input, list(first.messages), first.run_id) == ("First?", [], session["run_id"])
    assert [(each.kind, each.content) for each in second.messages] == [("user", "First?"), ("assistant", "Because.")]
    assert (second.input, second.session_id) == ("Second?", session["id"])


async def test_of_two_turns_at_once_one_is_refused_with_the_id_of_the_other(server: Server, scripted: Scripted) -> None:
    scripted.script = never
    session = await session_of(server)
    async with asking(server, session) as reader:
        active = reader.headers["x-fabro-turn-id"]
        refused = await ask(server, session)
        assert (refused.status_code, refused.headers["x-fabro-active-turn-id"]) == (409, active)
        assert refused.json()["errors"][0]["code"] == "session_active_turn"
        assert (await shown(server, session))["status"] == "running"
        interrupt = f"/api/v1/sessions/{session['id']}/turns/{active}/interrupt"
        ended = await server.client.post(interrupt)
        assert ended.status_code == 202
        check(ended, "interruptSessionTurn")
        assert (await until_told(reader, "run.session.turn.interrupted"))[:2] == BEGUN
        await reader.ended()
        assert (await server.client.post(interrupt)).status_code == 409
        async with asyncio.timeout(5):
            await scripted.closed.wait()
    scripted.script = never
    assert (await shown(server, session))["status"] == "idle"


async def test_a_client_that_leaves_does_not_stop_the_turn(server: Server, scripted: Scripted) -> None:
    go_on = asyncio.Event()

    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield Delta("Let")
        await go_on.wait()
        yield Message(text="Let me see.")

    scripted.script = script
    session = await session_of(server)
    watching = attached(
        server.app, f"/api/v1/sessions/{session['id']}/attach", authorization=server.client.headers["authorization"]
    )
    async with watching as follower:
        async with asking(server, session) as reader:
            await until_told(reader, "run.session.assistant_delta")
            reader.leave()
            await reader.ended()
        go_on.set()
        await until_told(follower, SUCCEEDED)
        assert not follower.has_ended


async def test_deltas_that_no_message_follows_become_one(server: Server, scripted: Scripted) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        for word in ("It ", "is ", "so."):
            yield Delta(word)

    scripted.script = script
    session = await session_of(server)
    await ask(server, session)
    assert (await shown(server, session))["messages"][-1]["content"] == "It is so."


async def test_many_deltas_are_told_in_few_events(server: Server, scripted: Scripted) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        for number in range(2_000):
            yield Delta(f"{number} ")

    scripted.script = script
    session = await session_of(server)
    began = asyncio.get_running_loop().time()
    await ask(server, session)
    most = 1 + (asyncio.get_running_loop().time() - began) * 10
    deltas = await server.events_of(session["run_id"], "run.session.assistant_delta")
    assert 2 <= len(deltas) <= most
    assert "".join(each["properties"]["delta"] for each in deltas).split() == [str(each) for each in range(2_000)]


async def test_a_failure_ends_the_turn_with_its_code_and_what_was_said(server: Server, scripted: Scripted) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield Delta("Let me")
        yield Failure(error="No sandbox.", code="no_sandbox", retryable=True)
        raise AssertionError("nothing is asked for after a failure")

    scripted.script = script
    session = await session_of(server)
    assert names((await ask(server, session)).text)[-1] == FAILED
    (failed,) = await failures(server, session)
    told = (failed["error"], failed["code"], failed["retryable"], failed["output"])
    assert told == ("No sandbox.", "no_sandbox", True, "Let me")
    assert (await shown(server, session))["status"] == "failed"


async def test_what_a_responder_raises_is_for_the_log_alone(
    server: Server, scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield Delta("Let me")
        raise RuntimeError("hunter2")

    scripted.script = script
    session = await session_of(server)
    answer = await ask(server, session)
    assert names(answer.text)[-1] == FAILED
    (failed,) = await failures(server, session)
    assert (failed["code"], failed["retryable"]) == ("agent_error", False)
    assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    "odd",
    [
        "text",
        None,
        Message(text=cast("str", b"x")),
        Message(text="x", usage=object()),
        Failure(error="x", code=cast("FailureCode", "own")),
    ],
)
async def test_what_is_no_part_of_a_reply_fails_the_turn(server: Server, scripted: Scripted, odd: Any) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        yield odd

    scripted.script = script
    session = await session_of(server)
    await ask(server, session)
    (failed,) = await failures(server, session)
    assert failed["code"] == "agent_error"


@pytest.mark.parametrize(("size", "count"), [(1024 * 1024, 1), (200_000, 6), (1_000_000, 9)])
async def test_a_reply_that_is_too_large_fails(server: Server, scripted: Scripted, size: int, count: int) -> None:
    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        for _ in range(count):
            yield Message(text="x" * size) if size > 200_000 else Delta("x" * size)

    scripted.script = script
    session = await session_of(server)
    await ask(server, session)
    (failed,) = await failures(server, session)
    assert (failed["error"], failed["code"]) == ("The reply is too large.", "agent_error")


async def test_turns_of_different_sessions_are_replied_to_at_the_same_time(server: Server, scripted: Scripted) -> None:
    both = asyncio.Barrier(2)

    async def script(turn: Turn) -> AsyncIterator[ReplyPart]:
        async with asyncio.timeout(5):
            await both.wait()
        yield Message(text="Together.")

    scripted.script = script
    run_id = (await server.create())["id"]
    sessions = [await create(server, run_id) for _ in range(2)]
    answers = await asyncio.gather(*(ask(server, each) for each in sessions))
    assert [names(answer.text)[-1] for answer in answers] == [SUCCEEDED] * 2


async def until_no_claim_is_left(server: Server) -> None:
    replying = [task for task in asyncio.all_tasks() if task.get_name() == "fabro reply"]
    if replying:
        await asyncio.wait(replying, timeout=5)
    assert "session_claims" not in await server.store.list_collections()


async def test_no_claim_is_left_when_a_turn_has_ended_or_was_refused(server: Server, scripted: Scripted) -> None:
    session = await session_of(server)
    await ask(server, session)
    assert (await ask(server, session, " ")).status_code == 400
    await until_no_claim_is_left(server)
    scripted.script = never
    async with asking(server, session) as reader:
        await until_told(reader, "run.session.assistant_delta")
        assert (await ask(server, session)).status_code == 409
        assert "session_claims" in await server.store.list_collections()
        turn = reader.headers["x-fabro-turn-id"]
        await server.client.post(f"/api/v1/sessions/{session['id']}/turns/{turn}/interrupt")
        await reader.ended()
    await until_no_claim_is_left(server)


async def test_a_reply_is_closed_when_its_turn_was_ended_elsewhere(
    server: Server, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "RENEW_SECONDS", 0.05)
    scripted.script = never
    session = await session_of(server)
    async with asking(server, session) as reader:
        await until_told(reader, "run.session.assistant_delta")
        assert (await server.client.delete(f"/api/v1/runs/{session['run_id']}?force=true")).status_code == 204
        await reader.ended()
        async with asyncio.timeout(5):
            await scripted.closed.wait()
    await until_no_claim_is_left(server)


async def test_a_server_that_stops_ends_its_turns(tmp_path: Path, scripted: Scripted, anyio_backend: str) -> None:
    scripted.script = never
    async with with_responder({"kind": "sqlite"}, tmp_path, scripted) as server:
        session = await session_of(server)
        async with asking(server, session) as reader:
            await until_told(reader, "run.session.assistant_delta")
    assert scripted.closed.is_set()
    async with with_responder({"kind": "sqlite"}, tmp_path, scripted) as server:
        assert (await shown(server, session))["status"] == "failed"
        (failed,) = await failures(server, session)
        assert (failed["code"], failed["retryable"], failed["error"]) == ("agent_error", True, replies.STOPPING)
        await until_no_claim_is_left(server)


# -- models ---------------------------------------------------------------------------------------------------------


async def test_a_model_is_stored_by_its_canonical_name_and_an_unknown_one_refused(server: Server) -> None:
    run_id = (await server.create())["id"]
    record = await create(server, run_id, model="small")
    assert (record["model"], record["provider"]) == ("small-1", "acme")
    for body in ({"model": "huge"}, {"model": " "}, {"provider": ""}):
        assert (await server.client.post(f"/api/v1/runs/{run_id}/sessions", json=body)).status_code == 400


async def test_a_run_can_be_asked_about_where_something_replies(server: Server) -> None:
    run = await server.create()
    available = {"available": True, "unavailable_reason": None, "default_model": None}
    assert run["ask_fabro"] == available
    assert (await server.client.get(f"/api/v1/runs/{run['id']}")).json()["ask_fabro"] == available
    (listed,) = (await server.client.get("/api/v1/runs")).json()["data"]
    assert listed["ask_fabro"] == available


async def test_two_extensions_that_reply_stop_the_start(tmp_path: Path, scripted: Scripted) -> None:
    settings = settings_on({"kind": "memory"})
    settings["server"]["extensions"]["enabled"] = ["talker", "other"]
    with pytest.raises(StartupError, match="talker and other each implement fabro_session_responder"):
        async with serving(settings, tmp_path / "home", plugin_of(scripted), plugin_of(Scripted(), "other")):
            pass
