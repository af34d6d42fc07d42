"""Fork and rewind (runs.md R14, R16), on both stores."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Server, manifest
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
GIT = {"origin_url": "https://github.com/acme/shop.git", "branch": "main", "dirty": "clean"}
CHECKPOINT = SAMPLES["checkpoint.completed"]
DRAFT = {"node_id": "draft", "stage_id": "draft@1"}


async def post(server: Server, run_id: str, name: str, properties: Any = None, **more: Any) -> None:
    given = SAMPLES[name] if properties is None else properties
    event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": given, **more}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text


async def worked(server: Server, *ends: str, **changes: Any) -> str:
    """A run with checkpoints draft@1 (commit aaa), review@1 (none), draft@2 (commit bbb) in events 8, 9 and 11."""
    body = json.dumps(manifest("release", **{"git": GIT, "title": "Ship", **changes}))
    run_id: str = (await server.client.post("/api/v1/runs", content=body)).json()["id"]
    for name in RUNNING:
        await post(server, run_id, name)
    await post(server, run_id, "stage.started", weight=1.50, **DRAFT)
    await post(server, run_id, "checkpoint.completed", {**CHECKPOINT, "git_commit_sha": "aaa"}, **DRAFT)
    await post(server, run_id, "checkpoint.completed", {**CHECKPOINT, "current_node": "review", "node_visits": {}})
    await post(server, run_id, "run.notice")
    again = {**CHECKPOINT, "node_visits": {"draft": 2}, "git_commit_sha": "bbb"}
    await post(server, run_id, "checkpoint.completed", again)
    for name in ends:
        await post(server, run_id, name)
    return run_id


async def verb(server: Server, run_id: str, name: str, body: Any = None) -> httpx.Response:
    content = b"" if body is None else json.dumps(body).encode()
    return await server.client.post(f"/api/v1/runs/{run_id}/{name}", content=content)


async def test_a_fork_begins_with_the_history_up_to_its_checkpoint(server: Server) -> None:
    source = await worked(server)
    answer = await verb(server, source, "fork", {"target": "draft@1"})
    forked = answer.json()["new_run_id"]
    assert (answer.status_code, answer.json()) == (
        200,
        {"source_run_id": source, "new_run_id": forked, "target": "draft@1"},
    )
    kinds = ["run.created", "stage.started", "checkpoint.completed", "run.submitted"]
    assert await server.log_of(forked) == kinds
    (created,) = await server.events_of(forked, "run.created")
    assert not created["properties"].keys() & {"title", "web_url", "parent_id"}
    assert created["properties"]["fork_source_ref"] == {"source_run_id": source, "checkpoint_sha": "aaa"}
    (started,) = await server.events_of(forked, "stage.started")
    assert (started["id"], started["run_id"], started["seq"], started["weight"]) == (
        "stage.started-fork-7",
        forked,
        2,
        1.5,
    )
    run = (await server.client.get(f"/api/v1/runs/{forked}")).json()
    assert run["lifecycle"]["status"] == {"kind": "submitted"}
    stage = await server.client.get(f"/api/v1/runs/{forked}/stages/draft@1/events")
    assert [event["seq"] for event in stage.json()["data"]] == [2, 3]
    resumed = await verb(server, forked, "start", {"resume": True})
    assert resumed.json()["lifecycle"]["status"] == {"kind": "runnable"}


@pytest.mark.parametrize(
    ("target", "found"),
    [(None, "draft@2"), ("draft", "draft@2"), ("draft@1", "draft@1"), ("@1", "draft@1"), ("@3", "draft@2")],
)
async def test_a_target_names_a_checkpoint(server: Server, target: str | None, found: str) -> None:
    source = await worked(server)
    answer = await verb(server, source, "fork", None if target is None else {"target": target})
    assert answer.json()["target"] == found


@pytest.mark.parametrize("target", ["@0", "@4", "@2", "review", "draft@3", "draft@", "nowhere", ""])
async def test_a_target_that_is_unknown_or_has_no_commit_is_not_valid(server: Server, target: str) -> None:
    source = await worked(server)
    assert (await verb(server, source, "fork", {"target": target})).status_code == 400


async def test_a_node_inside_a_parallel_section_means_its_parallel_node(server: Server) -> None:
    source = await worked(server)
    inside = {"node_id": "lint", "stage_id": "lint@1", "parallel_group_id": "draft@1"}
    await post(server, source, "parallel.branch.started", **inside)
    assert (await verb(server, source, "fork", {"target": "lint@1"})).json()["target"] == "draft@1"


async def test_a_run_without_a_repository_or_a_checkpoint_cannot_be_forked(server: Server) -> None:
    assert (await verb(server, await worked(server, git=None), "fork")).status_code == 400
    assert (await verb(server, (await server.create(git=GIT))["id"], "fork")).status_code == 400


@pytest.mark.parametrize("name", ["fork", "rewind"])
async def test_no_run_and_an_archived_one_are_refused(server: Server, name: str) -> None:
    source = await worked(server, "run.completed")
    await verb(server, source, "archive")
    answer = await verb(server, source, name)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "run_archived")
    assert (await verb(server, UNKNOWN, name)).status_code == 404
    assert (await verb(server, UNKNOWN, name, {"target": 5})).status_code == 400


async def test_a_rewind_archives_the_source(server: Server) -> None:
    source = await worked(server, "run.failed")
    answer = await verb(server, source, "rewind", {"target": "@1"})
    forked = answer.json()["new_run_id"]
    assert (answer.status_code, answer.json()) == (
        200,
        {"source_run_id": source, "new_run_id": forked, "target": "draft@1", "archived": True},
    )
    run = (await server.client.get(f"/api/v1/runs/{source}")).json()
    assert (run["superseded_by"], run["lifecycle"]["archived"]) == (forked, True)
    (superseded,) = await server.events_of(source, "run.superseded_by")
    assert superseded["properties"] == {
        "new_run_id": forked,
        "target_checkpoint_ordinal": 1,
        "target_node_id": "draft",
        "target_visit": 1,
    }


async def test_a_run_that_goes_on_cannot_be_rewound(server: Server) -> None:
    source = await worked(server)
    assert (await verb(server, source, "rewind")).status_code == 409
