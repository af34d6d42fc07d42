"""Answers about a run that works, asks and ends, compared with the API contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Server, manifest
from tests.api.contract import needs_contract
from tests.api.test_contract import check
from tests.runs.folding import DRAFT, RUNNING
from tests.runs.samples import SAMPLES, TOKENS

pytestmark = [pytest.mark.anyio, needs_contract]

GIT = {"origin_url": "https://github.com/acme/shop.git", "branch": "main", "dirty": "clean"}
BEFORE_THE_QUESTION: tuple[tuple[str, dict[str, Any]], ...] = (
    *((name, {}) for name in RUNNING),
    ("sandbox.initializing", {}),
    ("sandbox.initialized", {}),
    ("stage.started", {}),
    ("agent.llm.started", {}),
    ("agent.message", {"billing": {**TOKENS, "total_usd_micros": 30_000_000}}),
    ("checkpoint.completed", {"git_commit_sha": "9f1c2d3"}),
    ("pull_request.created", {}),
    ("interview.started", {"options": [{"key": "A", "label": "Approve"}]}),
    ("run.blocked", {}),
)


async def test_a_run_that_works_asks_and_ends(server: Server) -> None:
    client = server.client
    run_id = (await client.post("/api/v1/runs", content=json.dumps(manifest("release", git=GIT)))).json()["id"]
    path = f"/api/v1/runs/{run_id}"

    async def append(name: str, changes: dict[str, Any]) -> None:
        properties = {**SAMPLES[name], **changes}
        event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": properties}
        check(await client.post(f"{path}/events", json={**event, **DRAFT}), "appendRunEvent")

    for name, changes in BEFORE_THE_QUESTION:
        await append(name, changes)
    run = await client.get(path)
    assert run.json()["size"] == "S"
    check(run, "retrieveRun")
    check(await client.get("/api/v1/runs"), "listRuns")
    check(await client.get(f"{path}/events"), "listRunEvents")
    check(await client.get(f"{path}/events/11"), "getRunEventDetail")
    check(await client.get(f"{path}/stages/draft@1/events"), "listStageEvents")
    check(await client.get(f"{path}/questions"), "listRunQuestions")
    check(await client.post(f"{path}/pause"), "pauseRun")
    check(await client.post(f"{path}/unpause"), "unpauseRun")
    check(await client.post(f"{path}/questions/q-1/answer", json={"kind": "yes"}), "submitRunAnswer")
    await append("run.failed", {})
    check(await client.get(f"{path}/timeline"), "getRunTimeline")
    check(await client.post(f"{path}/retry"), "retryRun")
    check(await client.post(f"{path}/fork"), "forkRun")
    check(await client.post(f"{path}/rewind"), "rewindRun")


@pytest.mark.parametrize(("verb", "operation_id"), [("approve", "approveRun"), ("deny", "denyRun")])
async def test_a_run_that_waits_for_an_approval(server: Server, verb: str, operation_id: str) -> None:
    run_id = (await server.create())["id"]
    asked = {
        "id": "e",
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": "run.pending",
        "properties": SAMPLES["run.pending"],
    }
    check(await server.client.post(f"/api/v1/runs/{run_id}/events", json=asked), "appendRunEvent")
    check(await server.client.get(f"/api/v1/runs/{run_id}"), "retrieveRun")
    check(await server.client.post(f"/api/v1/runs/{run_id}/{verb}"), operation_id)


async def test_a_run_that_is_started(server: Server) -> None:
    check(await server.client.post(f"/api/v1/runs/{(await server.create())['id']}/start"), "startRun")
