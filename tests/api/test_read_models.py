"""Read models of runs over HTTP (events.md E10, E17, E23; runs.md R8.3), on both stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.brittle import EVERYTHING, BrittleStore, plugin_of
from tests.api.conftest import EXAMPLES, Server, in_memory, serving
from tests.api.contract import needs_contract
from tests.api.test_contract import check
from tests.api.working import Worker, at_work
from tests.runs.folding import DRAFT
from tests.runs.samples import MODEL, TIMING, TOKENS

pytestmark = pytest.mark.anyio

UNKNOWN = "01KJQ0QEPA7V9X1B2C4D6F8G0H"
BILLED = {**TOKENS, "total_usd_micros": 1_250_000}
DIFF = {"files_changed": 3, "additions": 41, "deletions": 7}
START = {"node_id": "start", "stage_id": "start@1"}
REACHED = {"git_commit_sha": "9f1c2d3", "diff": "--- a\n+++ b\n", "diff_summary": DIFF, "next_node_id": "review"}
WINDOW = {
    "provider": "anthropic",
    "model": "claude-sonnet-4-5",
    "context_window_tokens": 200_000,
    "input_tokens": 50_000,
    "usage_percent": 25.0,
    "count_method": "local_estimate",
    "staleness": "live",
    "generated_at": "2026-03-02T10:20:00Z",
    "breakdown": [{"category": "tools", "tokens": 50_000, "usage_percent": 25.0}],
    "warnings": [],
}
BARE: dict[str, Any] = {"diff": None, "diff_summary": None, "git_commit_sha": None, "loop_failure_signatures": None}
READ_MODELS = {
    "state": "getRunState",
    "stages": "listRunStages",
    "checkpoint": "retrieveRunCheckpoint",
    "settings": "retrieveRunSettings",
    "billing": "retrieveRunBilling",
}


async def minimum_script(worker: Worker) -> None:
    """What a worker has at least to say (events.md E19), with one stage that costs something."""
    await worker.says("stage.started", {"handler_type": "start"}, **START)
    await worker.says("stage.completed", **START)
    await worker.says("stage.started", **DRAFT)
    await worker.says("stage.prompt", {"text": "Write the notes", "mode": "agent", "model": "m"}, **DRAFT)
    await worker.says("agent.message", {"billing": TOKENS, "context_window": WINDOW}, **DRAFT)
    await worker.says("stage.completed", {"billing": BILLED, "response": "Done."}, **DRAFT)
    await worker.says("checkpoint.completed", REACHED, **DRAFT)
    await worker.says("run.completed", {"final_patch": "--- a\n", "diff_summary": DIFF})


# -- the minimum script (E23 #21) -----------------------------------------------------------------------------------


async def test_the_minimum_script_succeeds_and_the_read_models_agree(server: Server) -> None:
    worker = await at_work(server)
    await minimum_script(worker)
    state, stages, bill = await worker.reads("state"), await worker.reads("stages"), await worker.reads("billing")

    assert state["status"] == {"kind": "succeeded", "reason": "completed"}
    assert {each["id"]: each["status"] for each in stages["data"]} == {
        key: stage["state"] for key, stage in state["stages"].items()
    }
    assert await worker.reads("checkpoint") == state["checkpoints"][-1]["checkpoint"]
    assert [row["stage"]["id"] for row in bill["stages"]] == ["draft"]
    assert bill["stages"][0]["billing"] == state["stages"]["draft@1"]["usage"] == stages["data"][1]["billing"] == BILLED
    assert bill["totals"] == {**BILLED, "timing": TIMING}
    assert bill["by_model"] == [{"model": MODEL, "stages": 1, "billing": BILLED}]


@needs_contract
async def test_every_read_model_is_as_the_contract_says(server: Server) -> None:
    worker = await at_work(server)
    for path, operation_id in READ_MODELS.items():
        check(await worker.get(path), operation_id)
    await minimum_script(worker)
    for path, operation_id in READ_MODELS.items():
        check(await worker.get(path), operation_id)
    check(await worker.get("stages/draft@1/context-window"), "getRunStageContextWindow")
    check(await worker.get("stages/start@1/context-window"), "getRunStageContextWindow")
    check(await server.client.get("/api/v1/billing"), "getAggregateBilling")


# -- state ----------------------------------------------------------------------------------------------------------

ALWAYS = {
    "spec",
    "start",
    "status",
    "status_updated_at",
    "last_event_at",
    "pending_control",
    "checkpoints",
    "conclusion",
    "sandbox",
    "pull_request",
    "superseded_by",
    "pending_interviews",
    "stages",
}
ALWAYS_OF_A_STAGE = {
    "first_event_seq",
    "prompt",
    "response",
    "completion",
    "provider_used",
    "diff",
    "script_invocation",
    "script_timing",
    "parallel_results",
    "output",
    "timing",
    "usage",
    "agent_control",
    "state",
}


async def test_the_state_of_a_new_run_has_exactly_what_is_always_there_and_its_title_and_page(server: Server) -> None:
    run = await server.create()
    state = (await server.client.get(f"/api/v1/runs/{run['id']}/state")).json()
    assert state.keys() == ALWAYS | {"title", "web_url"}
    empty = {key: value for key, value in state.items() if value is None or value in ({}, [])}
    assert empty == {
        "start": None,
        "pending_control": None,
        "checkpoints": [],
        "conclusion": None,
        "pull_request": None,
        "superseded_by": None,
        "pending_interviews": {},
        "stages": {},
    }
    assert (state["sandbox"], state["status"]) == (run["sandbox"], run["lifecycle"]["status"])


async def test_a_stage_that_has_only_begun_has_exactly_what_is_always_there(server: Server) -> None:
    worker = await at_work(server)
    await worker.says("agent.tool.completed", **DRAFT)
    (stage,) = (await worker.reads("state"))["stages"].values()
    assert stage.keys() == ALWAYS_OF_A_STAGE
    assert (stage["state"], stage["usage"], stage["agent_control"]) == (
        "pending",
        {**dict.fromkeys(TOKENS, 0)},
        "running",
    )


async def test_the_state_tells_what_the_run_was_made_of(server: Server) -> None:
    git = {"origin_url": "https://github.com/acme/shop.git", "branch": "main", "sha": None, "dirty": "clean"}
    worker = await at_work(server, git=git, args={"label": ["team=web"]})
    spec = (await worker.reads("state"))["spec"]
    (created,) = await server.events_of(worker.run_id, "run.created")
    (submitted,) = await server.events_of(worker.run_id, "run.submitted")
    assert spec == {
        "run_id": worker.run_id,
        "settings": created["properties"]["settings"],
        "graph": created["properties"]["graph"],
        "graph_source": (EXAMPLES / "release.fabro").read_text(encoding="utf-8"),
        "workflow_slug": "release",
        "labels": {"team": "web"},
        "source_directory": "/projects/shop",
        "provenance": created["properties"]["provenance"],
        "manifest_blob": created["properties"]["manifest_blob"],
        "spec_blob": created["properties"]["spec_blob"],
        "definition_blob": submitted["properties"]["definition_blob"],
        "git": git,
    }


async def test_the_state_tells_how_the_run_ended_until_it_is_resumed(server: Server) -> None:
    worker = await at_work(server)
    await minimum_script(worker)
    assert (await worker.reads("state"))["conclusion"] == {
        "timestamp": "2026-03-02T10:20:12Z",
        "status": "succeeded",
        "timing": TIMING,
        "stages": [],
        "total_retries": 0,
        "diff": {"patch": "--- a\n", "summary": DIFF},
    }
    failed = await at_work(server)
    await failed.says("checkpoint.completed")
    await failed.says("run.failed")
    conclusion = (await failed.reads("state"))["conclusion"]
    assert (conclusion["status"], conclusion["failure"]["reason"]) == ("failed", "workflow_error")
    assert (await server.client.post(f"/api/v1/runs/{failed.run_id}/start", json={"resume": True})).status_code == 200
    assert (await failed.reads("state"))["conclusion"] is None


async def test_the_state_holds_pending_questions_controls_and_the_approval(server: Server) -> None:
    worker = await at_work(server)
    await worker.says("interview.started", {"options": [{"key": "A", "label": "Approve"}]})
    await server.client.post(f"/api/v1/runs/{worker.run_id}/pause")
    state = await worker.reads("state")
    assert state["pending_control"] == "pause"
    assert state["pending_interviews"] == {
        "q-1": {
            "question": (await worker.reads("questions"))["data"][0],
            "started_at": "2026-03-02T10:20:05Z",
        }
    }
    asked = Worker(server, (await server.create())["id"])
    await asked.says("run.pending")
    assert (await asked.reads("state"))["approval"]["state"] == "pending"


async def test_the_values_of_a_checkpoint_are_those_of_its_event(server: Server) -> None:
    worker = await at_work(server)
    assert await worker.reads("checkpoint") is None
    values = {"context_values": {"big": 12345678901234567890, "deep": [{"a": 1.5}]}}
    await worker.says("checkpoint.completed", {**values, **BARE}, **DRAFT)
    await worker.says("checkpoint.completed", {**REACHED, **values}, **DRAFT)
    first, second = (await worker.reads("state"))["checkpoints"]
    assert first == {
        "seq": 7,
        "diff": {"patch": None, "summary": None},
        "checkpoint": {
            "timestamp": "2026-03-02T10:20:05Z",
            "current_node": "draft",
            "completed_nodes": ["start", "draft"],
            "node_retries": {},
            "node_outcomes": {},
            **values,
        },
    }
    assert (second["seq"], second["diff"]) == (8, {"patch": REACHED["diff"], "summary": DIFF})
    assert await worker.reads("checkpoint") == second["checkpoint"]
    assert second["checkpoint"]["git_commit_sha"] == "9f1c2d3"


# -- stages ---------------------------------------------------------------------------------------------------------


async def test_stages_are_listed_by_their_first_events_with_the_handlers_of_the_graph(server: Server) -> None:
    worker = await at_work(server, "review")
    await worker.says("checkpoint.completed", {"node_outcomes": {"settle": {"status": "skipped"}}}, **DRAFT)
    await worker.says("stage.started", {"handler_type": "tool"}, node_id="made_up", stage_id="made_up@1")
    stages = (await worker.reads("stages"))["data"]
    assert [(each["id"], each["handler"], each["status"]) for each in stages] == [
        ("draft@1", "agent", "pending"),
        ("settle@1", "wait", "skipped"),
        ("made_up@1", "command", "running"),
    ]


async def test_a_stage_of_a_parallel_branch_tells_its_place(server: Server) -> None:
    worker = await at_work(server)
    scope = {"parallel_group_id": "fan@1", "parallel_branch_id": "fan@1:2", **DRAFT}
    await worker.says("parallel.branch.started", {"graph_visit": 2, "resumed_from_stage_id": "draft@7"}, **scope)
    await worker.says("stage.prompt", {"mode": "prompt", "provider": "anthropic"}, **DRAFT)
    (stage,) = (await worker.reads("stages"))["data"]
    assert stage.pop("wall_time_ms") >= 0
    assert stage == {
        "id": "draft@1",
        "name": "draft",
        "node_id": "draft",
        "visit": 1,
        "handler": stage["handler"],
        "status": "running",
        "billing": dict.fromkeys(TOKENS, 0),
        "started_at": "2026-03-02T10:20:05Z",
        "graph_visit": 2,
        "resumed_from_stage_id": "draft@7",
        "parallel_group_id": "fan@1",
        "parallel_branch_index": 2,
        "provider_used": {"mode": "prompt", "provider": "anthropic"},
    }


async def test_stages_are_all_listed_unless_a_page_is_asked_for(server: Server) -> None:
    worker = await at_work(server)
    for number in range(25):
        await worker.says("stage.started", node_id="draft", stage_id=f"draft@{number + 1}")
    everything, page = await worker.reads("stages"), await worker.reads("stages?page[limit]=2&page[offset]=3")
    assert (len(everything["data"]), everything["meta"]) == (25, {"has_more": False})
    assert ([each["visit"] for each in page["data"]], page["meta"]) == ([4, 5], {"has_more": True})
    assert (await worker.get("stages?page[limit]=x")).status_code == 400


# -- context window -------------------------------------------------------------------------------------------------


async def test_the_context_window_is_the_one_told_last(server: Server) -> None:
    worker = await at_work(server)
    await worker.says("stage.started", **DRAFT)
    assert (await worker.reads("stages/draft@1/context-window"))["unavailable_reason"] == "not_observed"
    await worker.says("agent.message", {"context_window": WINDOW}, **DRAFT)
    await worker.says("agent.message", {"context_window": {**WINDOW, "input_tokens": 60_000}}, **DRAFT)
    await worker.says("agent.message", **DRAFT)
    assert await worker.reads("stages/draft@1/context-window") == {
        **WINDOW,
        "stage_id": "draft@1",
        "available": True,
        "unavailable_reason": None,
        "input_tokens": 60_000,
        "staleness": "stored",
        "event_seq": 9,
    }


async def test_a_stage_without_an_agent_has_no_context_window(server: Server) -> None:
    worker = await at_work(server, "review")
    await worker.says("checkpoint.completed", {"node_outcomes": {"settle": "skipped"}}, **DRAFT)
    window = await worker.reads("stages/settle@1/context-window")
    assert (window["available"], window["unavailable_reason"]) == (False, "not_agent_stage")


@pytest.mark.parametrize(("stage_id", "status"), [("draft@9", 404), ("draft", 400), ("draft@0", 400)])
async def test_the_context_window_of_no_stage(server: Server, stage_id: str, status: int) -> None:
    worker = await at_work(server)
    assert (await worker.get(f"stages/{stage_id}/context-window")).status_code == status


# -- settings, graph ------------------------------------------------------------------------------------------------


async def test_settings_are_answered_byte_for_byte_as_they_are_stored(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await server.client.get(f"/api/v1/runs/{run_id}/settings")
    (created,) = await server.events_of(run_id, "run.created")
    assert answer.json() == created["properties"]["settings"]
    assert answer.json()["run"]["prepare"] == {"steps": [], "timeout_ms": 300_000}


async def test_the_source_of_the_graph_is_the_text_that_was_submitted(server: Server) -> None:
    run_id = (await server.create())["id"]
    answer = await server.client.get(f"/api/v1/runs/{run_id}/graph/source")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/vnd.graphviz")
    assert answer.content == (EXAMPLES / "hello.fabro").read_bytes()


# -- who may ask, and what is missing -------------------------------------------------------------------------------

PATHS = (*READ_MODELS, "graph", "graph/source", "stages/draft@1/context-window")
FOR_WORKERS = {"state", "stages/draft@1/context-window"}


@pytest.mark.parametrize("path", PATHS)
async def test_a_run_that_is_missing_or_none(server: Server, path: str) -> None:
    assert (await server.client.get(f"/api/v1/runs/{UNKNOWN}/{path}")).status_code == 404
    assert (await server.client.get(f"/api/v1/runs/nope/{path}")).status_code == 400


@pytest.mark.parametrize("path", PATHS)
async def test_a_worker_reads_the_state_and_context_windows_of_its_own_run_alone(server: Server, path: str) -> None:
    worker, other = await at_work(server), await server.create()
    await worker.says("stage.started", **DRAFT)
    issued = await server.client.post(f"/api/v1/runs/{worker.run_id}/worker-token")
    headers = {"Authorization": f"Bearer {issued.json()['token']}"}

    async def ask(run_id: str) -> httpx.Response:
        return await server.anonymous.get(f"/api/v1/runs/{run_id}/{path}", headers=headers)

    expected = (200, 403) if path in FOR_WORKERS else (401, 401)
    assert ((await ask(worker.run_id)).status_code, (await ask(other["id"])).status_code) == expected


async def test_without_its_store_every_read_model_is_unavailable(tmp_path: Path) -> None:
    store = BrittleStore()
    async with serving(in_memory(store={"kind": "brittle"}), tmp_path, plugin_of(store)) as server:
        store.failing = EVERYTHING
        answers = [await server.client.get(f"/api/v1/runs/{UNKNOWN}/{path}") for path in PATHS]
        answers.append(await server.client.get("/api/v1/billing"))
    assert {(each.status_code, each.json()["errors"][0]["code"]) for each in answers} == {(503, "store_unavailable")}
