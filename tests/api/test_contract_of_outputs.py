"""Answers about what a run left behind, compared with the API contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Server
from tests.api.contract import needs_contract
from tests.api.test_contract import check
from tests.runs.samples import SAMPLES
from tests.runs.test_patches import ADDED, BINARY, MODIFIED

pytestmark = [pytest.mark.anyio, needs_contract]

EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("run.runnable", {}),
    ("run.starting", {}),
    ("run.started", {"base_sha": "9f1c2d3"}),
    ("run.running", {}),
    ("stage.started", {}),
    ("command.completed", {"output": "hello\n"}),
    ("run.completed", {"final_patch": MODIFIED + ADDED + BINARY}),
)


async def test_what_a_run_left_behind(server: Server) -> None:
    client, run_id = server.client, (await server.create())["id"]
    path = f"/api/v1/runs/{run_id}"
    stage = f"{path}/stages/draft@1"
    check(await client.get(f"{path}/files"), "listRunFiles")
    check(await client.get(f"{path}/commits"), "listRunCommits")
    for name, changes in EVENTS:
        properties = {**SAMPLES[name], **changes}
        event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": properties}
        await client.post(f"{path}/events", json={**event, "node_id": "draft", "stage_id": "draft@1"})
    written = await client.post(f"{path}/blobs", content=b"hello")
    check(written, "writeRunBlob")
    octets = {"content-type": "application/octet-stream"}
    uploaded = await client.post(f"{stage}/artifacts?filename=a&retry=0", content=b"notes", headers=octets)
    check(uploaded, "putStageArtifact")
    check(await client.get(f"{path}/artifacts"), "listRunArtifacts")
    check(await client.get(f"{stage}/artifacts"), "listStageArtifacts")
    check(await client.get(f"{stage}/artifacts/download?filename=b&retry=0"), "getStageArtifact")
    check(await client.get(f"{stage}/logs/output"), "getRunStageCommandLog")
    check(await client.get(f"{path}/logs"), "getRunLogs")
    check(await client.get(f"{path}/files"), "listRunFiles")
