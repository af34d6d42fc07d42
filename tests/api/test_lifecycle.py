"""Start, approve, deny, pause, unpause, retry, timeline (runs.md R6.3, R13, R14, R16), on both stores."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, manifest
from tests.api.seeding import STATUSES, Seed, put
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
BLOCKED = (*RUNNING, "interview.started", "run.blocked")
VERBS = ("start", "approve", "deny", "pause", "unpause", "retry")
ALLOWED = {
    "start": {"submitted"},
    "approve": {"pending"},
    "deny": {"pending"},
    "pause": {"running", "blocked"},
    "unpause": {"paused"},
    "retry": {"succeeded", "failed", "dead"},
}


async def verb(server: Server, run_id: str, name: str, body: Any = None) -> httpx.Response:
    content = b"" if body is None else json.dumps(body).encode()
    return await server.client.post(f"/api/v1/runs/{run_id}/{name}", content=content)


async def post(server: Server, run_id: str, *names: str) -> None:
    """Append what a worker would."""
    for name in names:
        event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": SAMPLES[name]}
        answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
        assert answer.status_code == 200, answer.text


async def run_after(server: Server, *names: str) -> str:
    run_id: str = (await server.create())["id"]
    await post(server, run_id, *names)
    return run_id


def code(answer: httpx.Response) -> str | None:
    found: str | None = answer.json()["errors"][0].get("code")
    return found


def lifecycle(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["lifecycle"]
    return found


# -- for all of them ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERBS)
async def test_a_verb_is_for_the_statuses_it_is_meant_for(server: Server, name: str) -> None:
    refused = sorted(STATUSES.keys() - ALLOWED[name])
    await put(server.store, *(Seed(status=status, entropy=index) for index, status in enumerate(refused)))
    answers = [await verb(server, Seed(entropy=index).id, name) for index in range(len(refused))]
    assert [(answer.status_code, code(answer)) for answer in answers] == [(409, "illegal_transition")] * len(refused)


@pytest.mark.parametrize("name", VERBS)
async def test_a_verb_for_no_run_or_an_archived_one_is_refused(server: Server, name: str) -> None:
    archived = (await server.finished())["id"]
    await verb(server, archived, "archive")
    answer = await verb(server, archived, name)
    assert (answer.status_code, code(answer)) == (409, "run_archived")
    assert (await verb(server, UNKNOWN, name)).status_code == 404
    assert (await verb(server, "nope", name)).status_code == 400


@pytest.mark.parametrize(
    ("name", "body"), [("start", "[]"), ("start", '{"resume": 1}'), ("deny", '{"reason": 5}'), ("start", " ")]
)
async def test_an_optional_body_of_another_shape_is_not_valid(server: Server, name: str, body: str) -> None:
    answer = await server.client.post(f"/api/v1/runs/{UNKNOWN}/{name}", content=body)
    assert answer.status_code == 400


# -- start ----------------------------------------------------------------------------------------------------------


async def test_a_start_puts_the_run_into_the_queue(server: Server) -> None:
    first, second = await server.create(), await server.create()
    answer = await verb(server, first["id"], "start")
    assert answer.status_code == 200
    assert (lifecycle(answer)["status"], lifecycle(answer)["queue_position"]) == ({"kind": "runnable"}, 1)
    later = sorted([first["id"], second["id"]]).index(second["id"]) + 1
    assert lifecycle(await verb(server, second["id"], "start", {}))["queue_position"] == later
    assert await server.log_of(first["id"]) == ["run.created", "run.submitted", "run.start_requested", "run.runnable"]
    (runnable,) = await server.events_of(first["id"], "run.runnable")
    assert (runnable["properties"], runnable["actor"]["login"]) == ({"source": "start_requested"}, "dev")
    assert (await verb(server, first["id"], "start")).status_code == 409


async def test_of_two_starts_at_once_one_is_refused(server: Server) -> None:
    run_id = (await server.create())["id"]
    answers = await asyncio.gather(*(verb(server, run_id, "start") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert (await server.log_of(run_id)).count("run.runnable") == 1


async def test_a_failed_run_with_a_checkpoint_can_be_resumed(server: Server) -> None:
    run_id = await run_after(server, *RUNNING, "checkpoint.completed", "run.failed")
    answer = await verb(server, run_id, "start", {"resume": True})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["lifecycle"]["status"], run["lifecycle"]["error"]) == ({"kind": "runnable"}, None)
    assert (run["timestamps"]["completed_at"], run["lifecycle"]["queue_position"]) == (None, 1)
    cancelled = await verb(server, run_id, "cancel")
    assert cancelled.json()["timing"]["wall_time_ms"] == run["timing"]["wall_time_ms"]


async def test_a_run_without_a_checkpoint_or_one_that_succeeded_cannot_be_resumed(server: Server) -> None:
    submitted = await run_after(server)
    failed = await run_after(server, *RUNNING, "run.failed")
    succeeded = await run_after(server, *RUNNING, "checkpoint.completed", "run.completed")
    for run_id in (submitted, failed, succeeded):
        assert (await verb(server, run_id, "start", {"resume": True})).status_code == 409


# -- approve, deny --------------------------------------------------------------------------------------------------


async def test_an_approval_lets_the_run_into_the_queue(server: Server) -> None:
    run_id = await run_after(server, "run.pending")
    answer = await verb(server, run_id, "approve")
    assert lifecycle(answer)["status"] == {"kind": "runnable"}
    assert lifecycle(answer)["approval"]["state"] == "approved"
    assert (await server.events_of(run_id, "run.runnable"))[0]["properties"] == {"source": "approved"}


@pytest.mark.parametrize(
    ("body", "reason"), [(None, None), ({"reason": "  "}, None), ({"reason": "Too late"}, "Too late")]
)
async def test_a_denial_fails_the_run(server: Server, body: Any, reason: str | None) -> None:
    run_id = await run_after(server, "run.pending")
    answer = await verb(server, run_id, "deny", body)
    assert lifecycle(answer)["status"] == {"kind": "failed", "reason": "approval_denied"}
    assert (lifecycle(answer)["approval"]["state"], lifecycle(answer)["approval"]["denial_reason"]) == (
        "denied",
        reason,
    )
    assert answer.json()["timing"]["wall_time_ms"] == 0


# -- pause, unpause -------------------------------------------------------------------------------------------------


async def test_a_running_run_is_asked_to_pause_and_to_go_on(server: Server) -> None:
    run_id = await run_after(server, *RUNNING)
    paused = lifecycle(await verb(server, run_id, "pause"))
    assert (paused["status"], paused["pending_control"]) == ({"kind": "running"}, "pause")
    assert (await verb(server, run_id, "pause")).status_code == 409
    await post(server, run_id, "run.paused")
    asked = lifecycle(await verb(server, run_id, "unpause"))
    assert (asked["status"], asked["pending_control"]) == ({"kind": "paused", "prior_block": None}, "unpause")
    assert (await verb(server, run_id, "unpause")).status_code == 409
    await post(server, run_id, "run.unpaused")
    run = (await server.client.get(f"/api/v1/runs/{run_id}")).json()
    assert (run["lifecycle"]["status"], run["lifecycle"]["pending_control"]) == ({"kind": "running"}, None)


async def test_a_blocked_run_pauses_and_goes_on_at_once(server: Server) -> None:
    run_id = await run_after(server, *BLOCKED)
    paused = lifecycle(await verb(server, run_id, "pause"))
    assert (paused["status"], paused["pending_control"]) == (
        {"kind": "paused", "prior_block": "human_input_required"},
        None,
    )
    blocked = lifecycle(await verb(server, run_id, "unpause"))
    assert (blocked["status"]["kind"], blocked["pending_control"]) == ("blocked", None)
    assert (await server.log_of(run_id))[-4:] == [
        "run.pause.requested",
        "run.paused",
        "run.unpause.requested",
        "run.unpaused",
    ]


async def test_a_cancel_replaces_a_pending_pause(server: Server) -> None:
    run_id = await run_after(server, *RUNNING)
    await verb(server, run_id, "pause")
    answer = await verb(server, run_id, "cancel")
    assert (answer.status_code, lifecycle(answer)["pending_control"]) == (202, "cancel")


# -- retry, timeline ------------------------------------------------------------------------------------------------


async def test_a_retry_is_a_new_run_of_the_same(server: Server) -> None:
    parent = await server.create()
    body = manifest("release", args={"label": ["team=web"]}, title="Ship", parent_id=parent["id"])
    source = (await server.client.post("/api/v1/runs", content=json.dumps(body))).json()
    await verb(server, source["id"], "cancel")
    before = (await server.client.get(f"/api/v1/runs/{source['id']}")).json()
    answer = await verb(server, source["id"], "retry")
    assert answer.status_code == 201
    run = answer.json()
    assert run["id"] != source["id"]
    assert (run["retried_from"], run["lifecycle"]["status"]) == (source["id"], {"kind": "runnable"})
    same = ("title", "goal", "workflow", "labels", "parent_id", "repository", "source_directory", "sandbox")
    assert {key: run[key] for key in same} == {key: source[key] for key in same}
    assert (await server.client.get(f"/api/v1/runs/{source['id']}")).json() == before
    log = ["run.created", "run.submitted", "run.start_requested", "run.runnable"]
    assert await server.log_of(run["id"]) == log
    assert (run["links"]["web"] or run["id"]).endswith(run["id"])


async def test_the_specification_of_a_retry_is_made_out_to_the_new_run(server: Server) -> None:
    source = await server.finished()
    run_id = (await verb(server, source["id"], "retry")).json()["id"]
    specs = []
    for each in (source["id"], run_id):
        (created,) = await server.events_of(each, "run.created")
        body = await server.store.get_blob(created["properties"]["spec_blob"])
        assert body is not None
        specs.append(json.loads(body))
    assert [spec.pop("run_id") for spec in specs] == [source["id"], run_id]
    assert specs[0] == specs[1]


async def test_the_timeline_lists_the_checkpoints_in_order(server: Server) -> None:
    run_id = await run_after(server, *RUNNING, "checkpoint.completed")
    assert (await server.client.get(f"/api/v1/runs/{run_id}/timeline")).json() == [
        {"ordinal": 1, "node_name": "draft", "visit": 1, "checkpoint_seq": 7}
    ]
    fresh = await server.create()
    assert (await server.client.get(f"/api/v1/runs/{fresh['id']}/timeline")).json() == []
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/timeline")).status_code == 404
