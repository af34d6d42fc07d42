"""Interactive sessions about runs, without anything that replies (resources.md X2, X16 rows 1 to 4), on both stores."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server
from tests.api.test_contract import check
from tests.runs.samples import SAMPLES
from tests.streams.client import Reader, attached

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
TURN = "01KJQ13BSMP4P5P6P7P8P9P0P1"
ASKED = "What went wrong?"
UNANSWERED = ["run.session.turn.started", "run.session.user_message", "run.session.turn.failed"]


async def create(server: Server, run_id: str, **body: Any) -> dict[str, Any]:
    answer = await server.client.post(f"/api/v1/runs/{run_id}/sessions", json=body)
    assert answer.status_code == 201, answer.text
    check(answer, "createRunSession")
    session: dict[str, Any] = answer.json()
    return session


async def shown(server: Server, session: dict[str, Any]) -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/sessions/{session['id']}")
    assert answer.status_code == 200, answer.text
    check(answer, "getSession")
    detail: dict[str, Any] = answer.json()
    return detail


async def ask(server: Server, session: dict[str, Any], text: str = ASKED, **more: Any) -> httpx.Response:
    return await server.client.post(f"/api/v1/sessions/{session['id']}/turns", json={"input": text, **more})


async def listed(server: Server, run_id: str, query: str = "") -> list[str]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/sessions{query}")
    assert answer.status_code == 200, answer.text
    check(answer, "listRunSessions")
    return [each["id"] for each in answer.json()["data"]]


async def says(server: Server, session: dict[str, Any], name: str, **changes: Any) -> None:
    """Append an event of a session, as something that replies would."""
    run_id = session["run_id"]
    event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "session_id": session["id"]}
    properties = {**SAMPLES[name], **changes}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json={**event, "properties": properties})
    assert answer.status_code == 200, answer.text


async def with_turn(server: Server) -> dict[str, Any]:
    """A session in which a turn is active."""
    session = await create(server, (await server.create())["id"])
    await says(server, session, "run.session.turn.started", turn_id=TURN, input=ASKED)
    return session


def following(server: Server, session: dict[str, Any], query: str = "") -> AbstractAsyncContextManager[Reader]:
    target = f"/api/v1/sessions/{session['id']}/attach{query}"
    return attached(server.app, target, authorization=server.client.headers["authorization"])


def names(blocks: str) -> list[str]:
    """The events of a stream, each of whose frames has the three lines of a session."""
    frames = [block.split("\n") for block in blocks.split("\n\n") if block]
    assert [[line.partition(": ")[0] for line in frame] for frame in frames] == [["id", "event", "data"]] * len(frames)
    return [frame[1].removeprefix("event: ") for frame in frames]


# -- sessions -------------------------------------------------------------------------------------------------------


async def test_a_session_is_created_and_shown(server: Server) -> None:
    run_id = (await server.create())["id"]
    record = await create(server, run_id, title="Why did it fail?", model="any", provider="some")
    assert record == {
        "id": record["id"],
        "run_id": run_id,
        "title": "Why did it fail?",
        "status": "idle",
        "model": "any",
        "provider": "some",
        "active_turn": None,
        "created_at": record["created_at"],
        "updated_at": record["created_at"],
    }
    last_seq = len(await server.log_of(run_id))
    assert await shown(server, record) == {**record, "messages": [], "last_seq": last_seq}
    assert (await server.log_of(run_id))[-1] == "run.session.created"


async def test_a_blank_title_counts_as_none_and_a_blank_model_is_refused(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (await create(server, run_id, title="  "))["title"] is None
    for name in ("model", "provider"):
        answer = await server.client.post(f"/api/v1/runs/{run_id}/sessions", json={name: " "})
        assert answer.status_code == 400
    assert len(await listed(server, run_id)) == 1


async def test_sessions_are_listed_by_their_last_change_or_their_creation(server: Server) -> None:
    run_id = (await server.create())["id"]
    sessions = []
    for _ in range(3):
        server.clock.advance(timedelta(seconds=1))
        sessions.append(await create(server, run_id))
    server.clock.advance(timedelta(milliseconds=1500))
    await ask(server, sessions[0])
    first, second, third = (each["id"] for each in sessions)
    assert await listed(server, run_id) == [first, third, second]
    assert await listed(server, run_id, "?order=created_desc") == [third, second, first]
    assert await listed(server, run_id, "?page[limit]=1&page[offset]=1") == [third]
    page = await server.client.get(f"/api/v1/runs/{run_id}/sessions?page[limit]=2")
    assert page.json()["meta"] == {"has_more": True}
    assert (await server.client.get(f"/api/v1/runs/{run_id}/sessions?order=updated_asc")).status_code == 400


async def test_what_is_unknown_is_not_found_and_what_is_malformed_is_refused(server: Server) -> None:
    sessions = "/api/v1/sessions"
    requests = (("GET", ""), ("GET", "/events"), ("GET", "/attach"), ("POST", f"/turns/{TURN}/interrupt"))
    for method, path in requests:
        assert (await server.client.request(method, f"{sessions}/{UNKNOWN}{path}")).status_code == 404
        assert (await server.client.request(method, f"{sessions}/nonsense{path}")).status_code == 400
    assert (await server.client.post(f"{sessions}/{UNKNOWN}/turns", json={"input": "x"})).status_code == 404
    assert (await server.client.post(f"/api/v1/runs/{UNKNOWN}/sessions", json={})).status_code == 404
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/sessions")).status_code == 404


async def test_a_session_goes_with_its_run_and_nothing_of_it_is_left(server: Server) -> None:
    run_id = (await server.create())["id"]
    session = await create(server, run_id)
    assert "run_sessions" in await server.store.list_collections()
    assert (await server.client.delete(f"/api/v1/runs/{run_id}?force=true")).status_code == 204
    assert (await server.client.get(f"/api/v1/sessions/{session['id']}")).status_code == 404
    assert (await ask(server, session)).status_code == 404
    assert "run_sessions" not in await server.store.list_collections()


# -- turns ----------------------------------------------------------------------------------------------------------


async def test_without_a_responder_a_turn_fails_as_soon_as_it_has_begun(server: Server) -> None:
    session = await create(server, (await server.create())["id"])
    answer = await ask(server, session)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert names(answer.text) == UNANSWERED
    (failed,) = await server.events_of(session["run_id"], UNANSWERED[-1])
    assert failed["session_id"] == session["id"]
    properties = failed["properties"]
    assert properties["turn_id"] == answer.headers["x-fabro-turn-id"]
    assert (properties["code"], properties["retryable"]) == ("llm_unconfigured", False)
    detail = await shown(server, session)
    assert (detail["status"], detail["active_turn"], detail["last_seq"]) == ("failed", None, failed["seq"])
    (message,) = detail["messages"]
    assert (message["kind"], message["content"]) == ("user", ASKED)


async def test_a_turn_is_not_begun_with_nothing_or_with_an_id_that_is_none_or_was_used(server: Server) -> None:
    session = await create(server, (await server.create())["id"])
    assert (await ask(server, session, " ")).status_code == 400
    assert (await ask(server, session, turn_id="mine")).status_code == 400
    first = await ask(server, session, turn_id=TURN.lower())
    assert (first.status_code, first.headers["x-fabro-turn-id"]) == (200, TURN)
    assert (await ask(server, session, turn_id=TURN)).status_code == 409
    assert (await ask(server, session)).status_code == 200


async def test_of_several_turns_with_one_id_exactly_one_is_begun(server: Server) -> None:
    session = await create(server, (await server.create())["id"])
    answers = await asyncio.gather(*(ask(server, session, turn_id=TURN) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert len(await server.events_of(session["run_id"], "run.session.turn.started")) == 1


async def test_while_a_turn_is_active_there_is_no_other_until_it_is_interrupted(server: Server) -> None:
    session = await with_turn(server)
    detail = await shown(server, session)
    assert (detail["status"], detail["active_turn"]["id"], detail["active_turn"]["input"]) == ("running", TURN, ASKED)
    refused = await ask(server, session)
    assert (refused.status_code, refused.headers["x-fabro-active-turn-id"]) == (409, TURN)
    assert refused.json()["errors"][0]["code"] == "session_active_turn"
    interrupt = f"/api/v1/sessions/{session['id']}/turns/{TURN}/interrupt"
    ended = await server.client.post(interrupt)
    assert ended.status_code == 202
    check(ended, "interruptSessionTurn")
    assert (ended.json()["event"], ended.json()["properties"]) == ("run.session.turn.interrupted", {"turn_id": TURN})
    assert (await shown(server, session))["status"] == "idle"
    assert (await server.client.post(interrupt)).status_code == 409


async def test_turns_are_taken_about_an_archived_run(server: Server) -> None:
    run_id = (await server.finished())["id"]
    assert (await server.client.post(f"/api/v1/runs/{run_id}/archive")).status_code == 200
    assert (await ask(server, await create(server, run_id))).status_code == 200


async def test_messages_have_the_calls_of_the_reply_and_their_results(server: Server) -> None:
    session = await with_turn(server)
    turn = {"turn_id": TURN}
    await says(server, session, "run.session.tool_call.started", **turn, tool_call_id="one")
    await says(server, session, "run.session.tool_call.completed", **turn, tool_call_id="one")
    await says(server, session, "run.session.assistant_message", **turn, usage={"input_tokens": 3})
    await says(server, session, "run.session.tool_call.started", **turn, tool_call_id="two")
    await says(server, session, "run.session.turn.succeeded", **turn)
    detail = await shown(server, session)
    told = [
        (
            each["kind"],
            each.get("content"),
            [call["tool_call_id"] for call in each.get("tool_calls", [])],
            [result["output"] for result in each.get("results", [])],
        )
        for each in detail["messages"]
    ]
    assert told == [
        ("assistant", None, ["one"], []),
        ("tool_results", None, [], ["a.txt"]),
        ("assistant", "Because.", ["two"], []),
    ]
    assert detail["messages"][-1]["usage"] == {"input_tokens": 3}
    assert detail["status"] == "idle"


# -- events ---------------------------------------------------------------------------------------------------------


async def test_the_events_of_a_session_are_its_own_with_the_numbers_of_the_run(server: Server) -> None:
    run_id = (await server.create())["id"]
    session, other = await create(server, run_id), await create(server, run_id)
    await ask(server, other)
    await ask(server, session)
    path = f"/api/v1/sessions/{session['id']}/events"
    answer = await server.client.get(path)
    check(answer, "listSessionEvents")
    events = answer.json()["data"]
    assert [each["event"] for each in events] == ["run.session.created", *UNANSWERED]
    rest = (await server.client.get(f"{path}?since_seq={events[0]['seq'] + 1}&limit=2")).json()
    assert (rest["data"], rest["meta"]) == (events[1:3], {"has_more": True})


async def test_attaching_is_live_only_without_a_cursor_and_does_not_end(server: Server) -> None:
    session = await create(server, (await server.finished())["id"])
    async with following(server, session) as live, following(server, session, "?since_seq=1") as whole:
        await live.begun()
        await ask(server, session)
        assert names("\n\n".join([await live.block() for _ in range(3)])) == UNANSWERED
        assert names("\n\n".join([await whole.block() for _ in range(4)])) == ["run.session.created", *UNANSWERED]
        await ask(server, session)
        assert names(await live.block()) == UNANSWERED[:1]
        assert not whole.has_ended


async def test_attaching_ends_when_the_run_is_deleted(server: Server) -> None:
    session = await create(server, (await server.finished())["id"])
    async with following(server, session) as live:
        await live.begun()
        assert (await server.client.delete(f"/api/v1/runs/{session['run_id']}")).status_code == 204
        await live.ended()
        assert live.complete


async def test_the_stream_of_a_turn_that_goes_on_is_that_of_the_turn_alone(server: Server) -> None:
    run_id = (await server.create())["id"]
    session, other = await create(server, run_id), await create(server, run_id)
    answers = await asyncio.gather(ask(server, session), ask(server, other), ask(server, session))
    assert {answer.status_code for answer in answers} == {200}
    assert [names(answer.text) for answer in answers] == [UNANSWERED] * 3


async def test_an_event_cannot_forge_a_frame_by_its_name(server: Server) -> None:
    session = await create(server, (await server.create())["id"])
    forged = {"id": "1", "ts": "2026-03-02T10:20:00Z", "run_id": session["run_id"], "event": "a\n\nid: 9\rdata: {}"}
    answer = await server.client.post(
        f"/api/v1/runs/{session['run_id']}/events", json={**forged, "session_id": session["id"]}
    )
    async with following(server, session, f"?since_seq={answer.json()['seq']}") as reader:
        assert names(await reader.block()) == ["a  id: 9 data: {}"]
