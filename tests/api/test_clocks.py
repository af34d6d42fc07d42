"""Clocks of workers and of the server need not agree, nor go forward: no duration is ever negative (runs.md R5.7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Server
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

BEGIN = ("run.runnable", "run.starting", "run.started", "run.running")
WORK = ("stage.started", "agent.llm.started", "agent.tool.started", "interview.started")
ANSWERS = ("", "/state", "/stages", "/billing", "/timeline", "/questions")

LONG_AGO, EARLY, LATE, FAR_AHEAD = (
    "0001-01-01T00:00:00Z",
    "2026-03-02T10:00:00Z",
    "2026-03-02T11:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)


async def append(server: Server, run_id: str, name: str, ts: str) -> None:
    event = {"id": name, "ts": ts, "run_id": run_id, "event": name, "stage_id": "draft@1", "properties": SAMPLES[name]}
    answer = await server.client.post(f"/api/v1/runs/{run_id}/events", json=event)
    assert answer.status_code == 200, answer.text


async def worked(server: Server, *, begun: str, then: str) -> str:
    """A run whose worker has begun at one instant and gone on at another."""
    run_id: str = (await server.create())["id"]
    for name in (*BEGIN, *WORK):
        await append(server, run_id, name, begun)
    for name in ("agent.tool.completed", "agent.message"):
        await append(server, run_id, name, then)
    return run_id


def durations(answer: Any, name: str = "") -> Iterator[float]:
    """Every number of an answer that says how long something took."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            yield from durations(value, key)
    elif isinstance(answer, list):
        for value in answer:
            yield from durations(value, name)
    elif name.endswith("_ms") and answer is not None:
        yield answer


async def require_durations(server: Server, run_id: str) -> None:
    found: list[float] = []
    for url in (*(f"/api/v1/runs/{run_id}{part}" for part in ANSWERS), "/api/v1/runs?sort=elapsed", "/api/v1/billing"):
        answer = await server.client.get(url)
        assert answer.status_code == 200, answer.text
        found += durations(answer.json())
    assert found
    assert min(found) >= 0


@pytest.mark.parametrize(
    ("begun", "then"), [(LATE, EARLY), (FAR_AHEAD, EARLY), (FAR_AHEAD, LONG_AGO), (LONG_AGO, LATE)]
)
async def test_no_duration_is_negative_whatever_a_worker_takes_the_time_to_be(
    server: Server, begun: str, then: str
) -> None:
    run_id = await worked(server, begun=begun, then=then)
    await require_durations(server, run_id)
    await append(server, run_id, "run.completed", then)
    await require_durations(server, run_id)
    ended = (await server.client.get(f"/api/v1/runs/{run_id}")).json()["timestamps"]
    assert (ended["started_at"], ended["completed_at"]) == (begun, then), "instants are shown as they were told"


async def test_no_duration_is_negative_after_the_servers_clock_went_back(server: Server) -> None:
    run_id = await worked(server, begun=EARLY, then=LATE)
    server.clock.advance(timedelta(days=-400))
    await require_durations(server, run_id)
    answer = await server.client.post(f"/api/v1/runs/{run_id}/cancel")
    assert answer.status_code == 202, answer.text
    await require_durations(server, run_id)


async def test_a_run_that_ended_before_it_began_took_no_time(server: Server) -> None:
    before, at_once = await worked(server, begun=LATE, then=EARLY), await worked(server, begun=EARLY, then=EARLY)
    for run_id in (before, at_once):
        await append(server, run_id, "run.completed", EARLY)
    listed = (await server.client.get("/api/v1/runs", params={"sort": "elapsed", "direction": "asc"})).json()
    assert [run["id"] for run in listed["data"]] == [at_once, before], "equal, and so by id descending"


async def test_a_live_run_that_begins_in_the_future_comes_as_the_shortest(server: Server) -> None:
    ahead = await worked(server, begun=FAR_AHEAD, then=FAR_AHEAD)
    begun = await worked(server, begun=EARLY, then=EARLY)
    listed = (await server.client.get("/api/v1/runs", params={"sort": "elapsed", "direction": "asc"})).json()
    assert [run["id"] for run in listed["data"]] == [ahead, begun]
    assert listed["data"][0]["timing"]["wall_time_ms"] == 0
