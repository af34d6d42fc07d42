"""Many writers at one run over two instances of one store (events.md E23 #1, #17; runs.md R16 #12)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from fabro_core.errors import Conflict
from fabro_core.models.ids import RunId
from fabro_core.models.status import RunStatusRunnable, RunStatusRunning
from fabro_core.runs.log.submission import read_submission
from fabro_core.runs.service import Runs
from fabro_core.store.base import RunStore
from tests.runs.conftest import ANN, events_of, new_run, projection_of, service
from tests.runs.folding import RUNNING
from tests.runs.samples import SAMPLES

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]


async def submit(runs: Runs, run_id: RunId, name: str, number: int = 0) -> int:
    event = {
        "id": f"{name}-{number}",
        "ts": "2026-03-02T10:20:00Z",
        "run_id": run_id,
        "event": name,
        "properties": SAMPLES.get(name, {}),
    }
    return await runs.submit_event(run_id, read_submission(msgspec.json.encode(event), run_id))


async def test_of_twenty_answers_at_once_one_is_taken(replicas: Replicas) -> None:
    servers = [service(store) for store in replicas]
    run_id = await new_run(servers[0])
    for name in (*RUNNING, "interview.started", "run.blocked"):
        await submit(servers[0], run_id, name)
    results = await asyncio.gather(
        *(servers[n % 2].answer(run_id, "q-1", {"kind": "yes", "number": n}, actor=ANN) for n in range(20)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Conflict)]
    assert (len(refused), results.count(None)) == (19, 1)
    assert {refusal.code for refusal in refused} <= {"question_not_pending"}
    kinds = [event.kind for event in await events_of(replicas[1], run_id)]
    assert kinds[8:] == ["interview.completed", "run.unblocked"]
    assert (await projection_of(replicas[1], run_id)).status == RunStatusRunning()


async def test_events_appended_at_once_are_numbered_densely(replicas: Replicas) -> None:
    servers = [service(store) for store in replicas]
    run_id = await new_run(servers[0])
    seqs = await asyncio.gather(*(submit(servers[n % 2], run_id, "weather.changed", n) for n in range(32)))
    assert sorted(seqs) == list(range(3, 35))
    log = [msgspec.json.decode(event.body) for event in await events_of(replicas[1], run_id)]
    assert [event["seq"] for event in log] == list(range(1, 35))
    assert {event["id"]: event["seq"] for event in log[2:]} == {
        f"weather.changed-{number}": seq for number, seq in enumerate(seqs)
    }


async def test_of_two_starts_at_once_on_two_servers_one_is_refused(replicas: Replicas) -> None:
    servers = [service(store) for store in replicas]
    run_id = await new_run(servers[0])
    results = await asyncio.gather(*(runs.start(run_id, actor=ANN) for runs in servers), return_exceptions=True)
    assert [isinstance(result, Conflict) for result in results].count(True) == 1
    assert (await projection_of(replicas[0], run_id)).status == RunStatusRunnable()
