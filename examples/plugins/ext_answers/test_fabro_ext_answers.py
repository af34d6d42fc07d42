"""The kit of responders, and a conversation with a server that answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fabro_core import Group, InlinePlugin, create_app
from fabro_core.sessions import SessionResponder
from fabro_core.testing import ResponderConformance

import fabro_ext_answers
from fabro_ext_answers.answers import Answers

TOKEN = f"fabro_dev_{'0' * 64}"
WORKFLOW = 'digraph Build { start [shape=Mdiamond] build [script="make"] exit [shape=Msquare] start -> build -> exit }'
MANIFEST = {
    "version": 1,
    "cwd": "/projects/shop",
    "target": {"path": "build.fabro"},
    "workflows": {"build.fabro": {"source": WORKFLOW}},
}
TIMING = {"wall_time_ms": 9, "inference_time_ms": 0, "tool_time_ms": 0, "active_time_ms": 9}
FAILURE = {"message": "Error 2", "category": "deterministic"}
PATCH = "diff --git a/shop.py b/shop.py\n--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-old\n+new\n"
LOG: list[tuple[str, dict[str, Any]]] = [
    ("run.runnable", {"source": "start_requested"}),
    ("run.starting", {}),
    ("run.started", {"name": "Build", "base_sha": "a" * 40}),
    ("run.running", {}),
    ("stage.started", {"index": 1, "handler_type": "command", "attempt": 1, "max_attempts": 1}),
    ("command.completed", {"output": "linking\n", "duration_ms": 9, "termination": "exited", "exit_code": 2}),
    ("stage.failed", {"index": 1, "will_retry": False, "timing": TIMING, "failure": FAILURE}),
    (
        "run.failed",
        {"timing": TIMING, "failure": {"reason": "workflow_error", "detail": FAILURE}, "final_patch": PATCH},
    ),
]


class TestAnswers(ResponderConformance):
    @pytest.fixture
    def responder(self) -> SessionResponder:
        return Answers(output_chars=2000)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def client(tmp_path: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = {
        "server": {
            "auth": {"methods": ["dev-token"]},
            "store": {"kind": "memory"},
            "web": {"enabled": False},
            "extensions": {"enabled": ["answers"], "answers": {"output_chars": 5}},
        }
    }
    plugin = InlinePlugin(group=Group.EXT, name="answers", target=fabro_ext_answers)
    fabro = create_app(settings, plugins=[plugin], environ={"FABRO_HOME": str(tmp_path), "FABRO_DEV_TOKEN": TOKEN})
    transport = httpx.ASGITransport(fabro)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        fabro.lifespan(),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:3000/api/v1", headers=headers) as client,
    ):
        yield client


async def failed_run(client: httpx.AsyncClient) -> str:
    run_id: str = (await client.post("/runs", content=json.dumps(MANIFEST))).json()["id"]
    for name, properties in LOG:
        event = {"id": name, "ts": "2026-03-02T10:20:00Z", "run_id": run_id, "event": name, "properties": properties}
        scope = {} if name.startswith("run.") else {"stage_id": "build@1", "node_id": "build"}
        answer = await client.post(f"/runs/{run_id}/events", json={**event, **scope})
        assert answer.status_code == 200, answer.text
    return run_id


async def answer_to(client: httpx.AsyncClient, session_id: str, question: str) -> str:
    answer = await client.post(f"/sessions/{session_id}/turns", json={"input": question})
    assert "event: run.session.turn.succeeded" in answer.text
    said: str = (await client.get(f"/sessions/{session_id}")).json()["messages"][-1]["content"]
    return said


@pytest.mark.anyio
async def test_somebody_asks_about_a_run_that_failed(client: httpx.AsyncClient) -> None:
    run_id = await failed_run(client)
    assert (await client.get(f"/runs/{run_id}")).json()["ask_fabro"]["available"] is True
    session = (await client.post(f"/runs/{run_id}/sessions", json={})).json()["id"]
    told = await answer_to(client, session, "What went wrong?")
    assert told == "The run failed (workflow_error): Error 2.\nbuild@1 failed: Error 2."
    assert await answer_to(client, session, "Which files did it change?") == "It changed:\nmodified shop.py (+1 -1)"
    assert await answer_to(client, session, "The last output?") == "build@1 printed last:\n\n…king"
    assert await answer_to(client, session, "Status?") == "The run is failed. build@1 is failed."
    whole = await answer_to(client, session, "Tell me everything.")
    assert all(part in whole for part in ("The run is failed.", "Error 2", "shop.py", "printed last"))
