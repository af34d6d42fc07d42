"""Events over HTTP (events.md E3, E4, E5, E23), on both stores."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, serving
from tests.api.seeding import Seed, put
from tests.runs.samples import FAILURE, SAMPLES, TIMING

pytestmark = [pytest.mark.anyio, pytest.mark.every_store]

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
DRAFT = {"node_id": "draft", "stage_id": "draft@1"}


def event(run_id: str, name: str, properties: Any = None, **more: Any) -> dict[str, Any]:
    given = SAMPLES.get(name, {}) if properties is None else properties
    return {
        "id": f"e-{name}",
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": name,
        "properties": given,
        **more,
    }


async def post(server: Server, run_id: str, name: str, properties: Any = None, **more: Any) -> httpx.Response:
    return await server.client.post(f"/api/v1/runs/{run_id}/events", json=event(run_id, name, properties, **more))


async def running(server: Server) -> str:
    """A run that is running, with 6 events."""
    run_id: str = (await server.create())["id"]
    for name in RUNNING:
        assert (await post(server, run_id, name)).status_code == 200
    return run_id


async def listed(server: Server, run_id: str, query: str = "") -> dict[str, Any]:
    answer = await server.client.get(f"/api/v1/runs/{run_id}/events{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def code(answer: httpx.Response) -> str | None:
    found: str | None = answer.json()["errors"][0].get("code")
    return found


# -- append ---------------------------------------------------------------------------------------------------------


async def test_a_worker_s_events_drive_a_run_to_its_end(server: Server) -> None:
    run_id = await running(server)
    assert (await post(server, run_id, "stage.started", **DRAFT)).json() == {"seq": 7}
    assert (await post(server, run_id, "stage.completed", **DRAFT)).json() == {"seq": 8}
    assert (await post(server, run_id, "run.completed")).json() == {"seq": 9}
    run = (await server.client.get(f"/api/v1/runs/{run_id}")).json()
    assert run["lifecycle"]["status"] == {"kind": "succeeded", "reason": "completed"}
    assert run["timing"] == TIMING


async def test_what_is_stored_is_what_was_sent(server: Server) -> None:
    run_id = (await server.create())["id"]
    sent = f'''{{
      "run_id": "{run_id}", "seq": 99, "shape": {{"corners": [1.50, 12345678901234567890]}}, "node_id": null,
      "ts": "2026-03-02T11:20:00.123456789+01:00", "id": "mine", "event": "weather.changed",
      "properties": {{"wind": "\\u00e9 north", "deep": {{"er": null}}}}
    }}'''
    assert (await server.client.post(f"/api/v1/runs/{run_id}/events", content=sent)).json() == {"seq": 3}
    answer = await server.client.get(f"/api/v1/runs/{run_id}/events?since_seq=3")
    assert answer.json()["data"] == [
        {
            "seq": 3,
            "id": "mine",
            "ts": "2026-03-02T10:20:00.123456Z",
            "run_id": run_id,
            "event": "weather.changed",
            "shape": {"corners": [1.5, 12345678901234567890]},
            "properties": {"wind": "é north", "deep": {"er": None}},
        }
    ]
    assert b"[1.50,12345678901234567890]" in answer.content
    assert b"\n" not in answer.content


async def test_extra_keys_of_a_known_event_are_kept_and_absent_properties_are_an_empty_object(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert (
        await post(server, run_id, "run.runnable", {"source": "start_requested", "why": "because"})
    ).status_code == 200
    bare = {key: value for key, value in event(run_id, "weather.changed").items() if key != "properties"}
    assert (await server.client.post(f"/api/v1/runs/{run_id}/events", json=bare)).status_code == 200
    runnable, changed = (await listed(server, run_id, "?since_seq=3"))["data"]
    assert (runnable["properties"]["why"], changed["properties"]) == ("because", {})


@pytest.mark.parametrize(
    "change",
    [
        {"id": 5},
        {"id": ""},
        {"ts": "yesterday"},
        {"ts": "0001-01-01T00:00:00+09:00"},
        {"event": None},
        {"run_id": UNKNOWN},
        {"stage_id": "draft"},
        {"stage_id": "draft@0"},
        {"parallel_branch_id": "draft@1"},
        {"actor": {"kind": "ghost"}},
        {"node_id": 7},
        {"properties": []},
        {"properties": None},
        {"event": "run.title.updated", "properties": {"title": "Mine"}},
        {"event": "run.archived"},
        {"event": "run.steer", "properties": {"text": "Left"}},
        {"event": "stage.started", "properties": {}},
        {"event": "stage.started", "properties": {**SAMPLES["stage.started"], "attempt": -1}},
    ],
)
async def test_a_malformed_or_reserved_event_is_not_valid(server: Server, change: dict[str, Any]) -> None:
    run_id = (await server.create())["id"]
    answer = await server.client.post(
        f"/api/v1/runs/{run_id}/events", json={**event(run_id, "weather.changed"), **change}
    )
    assert answer.status_code == 400, answer.text
    assert len(await server.log_of(run_id)) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"text"', b'{"id": "\xff"}', b'{"x": ' + b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_not_valid(server: Server, body: bytes) -> None:
    run_id = (await server.create())["id"]
    assert (await server.client.post(f"/api/v1/runs/{run_id}/events", content=body)).status_code == 400


async def test_the_run_id_in_the_body_is_compared_as_text(server: Server) -> None:
    run_id = (await server.create())["id"]
    lower = {**event(run_id, "weather.changed"), "run_id": run_id.lower()}
    path = f"/api/v1/runs/{run_id.lower()}/events"
    assert (await server.client.post(path, json=lower)).status_code == 400
    assert (await server.client.post(path, json=event(run_id, "weather.changed"))).status_code == 200


async def test_too_large_an_event_is_refused(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await post(server, run_id, "weather.changed", {"text": "x" * 2_097_152})
    assert answer.status_code == 413


async def test_an_event_of_an_unknown_run_is_not_found_unless_it_is_not_valid(server: Server) -> None:
    assert (await post(server, UNKNOWN, "weather.changed")).status_code == 404
    assert (await post(server, UNKNOWN, "run.archived")).status_code == 400


async def test_an_archived_run_takes_no_event(server: Server) -> None:
    run_id = (await server.finished())["id"]
    await server.client.post(f"/api/v1/runs/{run_id}/archive")
    answer = await post(server, run_id, "weather.changed")
    assert (answer.status_code, code(answer)) == (409, "run_archived")


async def test_an_illegal_transition_is_a_conflict_and_leaves_the_log_as_it_was(server: Server) -> None:
    run_id = (await server.create())["id"]
    await post(server, run_id, "run.runnable")
    refused = [
        await post(server, run_id, "run.completed"),
        await post(server, run_id, "run.created"),
        await post(server, run_id, "interview.completed"),
    ]
    assert [(answer.status_code, code(answer)) for answer in refused] == [
        (409, "illegal_transition"),
        (409, "illegal_transition"),
        (409, "question_not_pending"),
    ]
    assert len(await server.log_of(run_id)) == 3
    launch_failed = {"failure": {**FAILURE, "reason": "launch_failed"}, "timing": TIMING}
    assert (await post(server, run_id, "run.failed", launch_failed)).status_code == 200


async def test_an_outcome_that_is_none_is_a_conflict(server: Server) -> None:
    run_id = await running(server)
    answer = await post(server, run_id, "run.completed", {**SAMPLES["run.completed"], "status": "splendid"})
    assert (answer.status_code, code(answer)) == (409, None)


async def test_a_full_log_takes_no_event(server: Server) -> None:
    await put(server.store, Seed(status="running", started=0, seq=999_999))
    run_id = Seed().id
    assert (await post(server, run_id, "weather.changed")).status_code == 409
    assert (await server.client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 409


async def test_a_run_with_a_full_log_can_be_deleted(tmp_path: Path, anyio_backend: str) -> None:
    settings = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "sqlite"}}}
    async with serving(settings, tmp_path / "home") as server:
        await put(server.store, Seed(status="running", started=0, seq=999_999))
        assert (await server.client.delete(f"/api/v1/runs/{Seed().id}?force=true")).status_code == 204


async def test_a_run_that_has_grown_to_its_limit_can_only_end(server: Server) -> None:
    run_id = await running(server)
    asked = [{**SAMPLES["interview.started"], "question_id": f"q{n}", "question": "x" * 1_500_000} for n in range(4)]
    assert [(await post(server, run_id, "interview.started", each)).status_code for each in asked] == [
        200,
        200,
        200,
        409,
    ]
    assert (await post(server, run_id, "stage.started", **DRAFT)).status_code == 409
    timed_out = {**SAMPLES["interview.timeout"], "question_id": "q0"}
    assert (await post(server, run_id, "interview.timeout", timed_out)).status_code == 200
    assert (await post(server, run_id, "stage.started", **DRAFT)).status_code == 200, "it has become smaller"
    assert (await post(server, run_id, "interview.started", asked[3])).status_code == 200
    assert (await post(server, run_id, "run.completed")).status_code == 200


async def test_appends_at_once_all_get_their_own_number(server: Server) -> None:
    run_id = (await server.create())["id"]
    answers = await asyncio.gather(*(post(server, run_id, "weather.changed", {"n": n}) for n in range(40)))
    assert sorted(answer.json()["seq"] for answer in answers) == list(range(3, 43))
    data = (await listed(server, run_id))["data"]
    assert [each["seq"] for each in data] == list(range(1, 43))


# -- list -----------------------------------------------------------------------------------------------------------


async def test_pages_follow_each_other_in_both_directions(server: Server) -> None:
    run_id = await running(server)
    seqs: list[list[int]] = []
    for query in (
        "?limit=4",
        "?since_seq=5&limit=4",
        "?since_seq=7",
        "?since_seq=0&limit=1",
        "?order=desc&limit=4",
        "?order=desc&before_seq=3",
        "?order=desc&before_seq=1",
        "?order=desc&before_seq=9999&limit=0",
    ):
        seqs.append([each["seq"] for each in (await listed(server, run_id, query))["data"]])
    assert seqs == [[1, 2, 3, 4], [5, 6], [], [1], [6, 5, 4, 3], [2, 1], [], [6]]
    assert (await listed(server, run_id, "?limit=4"))["meta"] == {"has_more": True}
    assert (await listed(server, run_id, "?order=desc&before_seq=3"))["meta"] == {"has_more": False}


@pytest.mark.parametrize(
    "query",
    [
        "order=desc&since_seq=1",
        "before_seq=3",
        "order=asc&before_seq=3",
        "order=up",
        "limit=-1",
        "since_seq=x",
        "limit=",
    ],
)
async def test_a_list_with_parameters_that_do_not_fit_is_not_valid(server: Server, query: str) -> None:
    run_id = (await server.create())["id"]
    assert (await server.client.get(f"/api/v1/runs/{run_id}/events?{query}")).status_code == 400


async def test_a_stage_has_the_events_that_name_it_and_those_of_its_node_on_the_first_visit(server: Server) -> None:
    run_id = await running(server)
    again = {"node_id": "draft", "stage_id": "draft@2"}
    for scope in (DRAFT, {"node_id": "draft"}, again, {"node_id": "review"}, {}):
        await post(server, run_id, "weather.changed", **scope)

    async def seqs(stage: str, query: str = "") -> list[int]:
        answer = await server.client.get(f"/api/v1/runs/{run_id}/stages/{stage}/events{query}")
        assert answer.status_code == 200
        return [each["seq"] for each in answer.json()["data"]]

    assert await seqs("draft@1") == [7, 8]
    assert await seqs("draft%402") == [9]
    assert await seqs("draft@1", "?since_seq=8") == [8]
    assert await seqs("nowhere@1") == []
    assert (await server.client.get(f"/api/v1/runs/{run_id}/stages/draft/events")).status_code == 400
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/stages/draft@1/events")).status_code == 404


# -- detail ---------------------------------------------------------------------------------------------------------


async def detail(server: Server, run_id: str, seq: object, query: str = "") -> httpx.Response:
    return await server.client.get(f"/api/v1/runs/{run_id}/events/{seq}{query}")


async def test_the_content_of_an_event_stands_apart(server: Server) -> None:
    run_id = await running(server)
    said = {**SAMPLES["agent.tool.completed"], "output": "# Notes", "text": None}
    actor = {"kind": "worker", "run_id": run_id}
    await post(server, run_id, "agent.tool.completed", said, actor=actor, session_id="s", beyond=1, **DRAFT)
    answer = (await detail(server, run_id, 7)).json()
    assert answer["event"] == {
        "seq": 7,
        "id": "e-agent.tool.completed",
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": "agent.tool.completed",
        "actor": actor,
        "session_id": "s",
        **DRAFT,
    }
    assert answer["content"] == {"kind": "text", "value": "null"}
    assert "text" not in answer["properties"]
    assert answer["properties"]["output"] == "# Notes"
    assert (answer["truncated"], answer["redacted"], answer["max_content_length"]) == (False, False, 20_000)


@pytest.mark.parametrize(
    ("properties", "length", "content", "truncated"),
    [
        ({"output": "aé€"}, 1, "a", True),
        ({"output": "aé€"}, 2, "a", True),
        ({"output": "aé€"}, 3, "aé", True),
        ({"output": "aé€"}, 6, "aé€", False),
        ({"arguments": {"path": "a", "n": [1, 2]}}, 200_000, '{"path":"a","n":[1,2]}', False),
        ({"details": "x" * 30_000}, 0, "x", True),
        ({"error": "x" * 30_000}, 999_999, "x" * 30_000, False),
    ],
)
async def test_content_is_cut_to_whole_characters(
    server: Server, properties: dict[str, Any], length: int, content: str, truncated: bool
) -> None:
    run_id = (await server.create())["id"]
    await post(server, run_id, "weather.changed", properties)
    answer = (await detail(server, run_id, 3, f"?max_content_length={length}")).json()
    assert (answer["content"]["value"], answer["truncated"]) == (content, truncated)
    assert answer["max_content_length"] == min(max(length, 1), 200_000)


async def test_an_event_without_content_has_none(server: Server) -> None:
    run_id = (await server.create())["id"]
    assert "content" not in (await detail(server, run_id, 2)).json()


async def test_an_event_that_is_not_there(server: Server) -> None:
    run_id = (await server.create())["id"]
    missing = await detail(server, run_id, 3)
    assert (missing.status_code, code(missing)) == (404, "event_not_found")
    unknown = await detail(server, UNKNOWN, 1)
    assert (unknown.status_code, code(unknown)) == (404, None)
    for seq in ("0", "-1", "x", "1.5"):
        assert (await detail(server, run_id, seq)).status_code == 400
    assert (await detail(server, run_id, 1, "?max_content_length=x")).status_code == 400


async def test_a_single_run_counts_open_work_to_the_moment(server: Server) -> None:
    run_id = await running(server)
    await post(server, run_id, "stage.started", **DRAFT)
    await post(server, run_id, "agent.llm.started", session_id="s", **DRAFT)
    now = server.clock.now().replace(hour=10, minute=20, second=0)
    server.clock.advance(now - server.clock.now())
    server.clock.advance(now.replace(second=5) - now)
    timing = (await server.client.get(f"/api/v1/runs/{run_id}")).json()["timing"]
    assert timing == {
        "wall_time_ms": 5000,
        "inference_time_ms": 5000,
        "tool_time_ms": 0,
        "active_time_ms": 5000,
    }
    assert json.loads((await server.client.get("/api/v1/runs")).content)["data"][0]["timing"]["wall_time_ms"] == 5000
