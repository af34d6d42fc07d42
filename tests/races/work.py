"""What workers and people do to a run, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.conftest import manifest
from tests.runs.samples import SAMPLES

RUNNING = ("run.runnable", "run.starting", "run.started", "run.running")
NOTE = "acme.note"
"""An event that nobody but its writer knows: it moves nothing."""


async def append(client: httpx.AsyncClient, run_id: str, name: str, id_: str = "", **properties: Any) -> int:
    """Append an event, with what one of its name has to say, and return its sequence number."""
    event = {
        "id": id_ or name,
        "ts": "2026-03-02T10:15:30Z",
        "run_id": run_id,
        "event": name,
        "properties": {**SAMPLES.get(name, {}), **properties},
    }
    answer = await client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text
    seq: int = answer.json()["seq"]
    return seq


async def started(client: httpx.AsyncClient) -> str:
    """The id of a new run that is running."""
    answer = await client.post("/api/v1/runs", json=manifest())
    assert answer.status_code == 201, answer.text
    run_id: str = answer.json()["id"]
    for name in RUNNING:
        await append(client, run_id, name)
    return run_id


async def ask(client: httpx.AsyncClient, run_id: str, question_id: str) -> None:
    """Ask a yes-or-no question, and wait for its answer."""
    await append(client, run_id, "interview.started", question_id=question_id, question_type="yes_no")
    await append(client, run_id, "run.blocked")


async def answer(client: httpx.AsyncClient, run_id: str, question_id: str) -> int:
    """Say yes, and return the status."""
    reply = await client.post(f"/api/v1/runs/{run_id}/questions/{question_id}/answer", json={"kind": "yes"})
    return reply.status_code


async def log_of(client: httpx.AsyncClient, run_id: str) -> list[dict[str, Any]]:
    """Every event of a run, oldest first."""
    events: list[dict[str, Any]] = []
    while True:
        query = {"since_seq": len(events) + 1, "limit": 1000}
        page = (await client.get(f"/api/v1/runs/{run_id}/events", params=query)).json()
        events += page["data"]
        if not page["meta"]["has_more"]:
            return events
