"""What runs used and cost (events.md E11), on both stores."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fabro_core.runs.views.billing_ledger import BillingLedger
from tests.api.brittle import BrittleStore, plugin_of
from tests.api.conftest import Server, in_memory, serving
from tests.api.seeding import Seed, put
from tests.api.working import Worker, at_work
from tests.runs.samples import MODEL, TIMING, TOKENS

pytestmark = pytest.mark.anyio

OTHER_MODEL = {"provider": "anthropic", "model_id": "claude-haiku-4-5", "speed": "fast"}
NO_TOKENS = dict.fromkeys(TOKENS, 0)
NO_TIME = dict.fromkeys(TIMING, 0)


def times(factor: int, numbers: dict[str, int]) -> dict[str, int]:
    return {key: factor * value for key, value in numbers.items()}


async def visit(worker: Worker, node: str, number: int = 1, model: Any = MODEL, usd_micros: int | None = None) -> None:
    """A stage that has used a model."""
    scope = {"node_id": node, "stage_id": f"{node}@{number}"}
    billing = TOKENS if usd_micros is None else {**TOKENS, "total_usd_micros": usd_micros}
    await worker.says("stage.started", **scope)
    await worker.says("agent.message", {"billing": billing, "model": model}, **scope)
    await worker.says("stage.completed", **scope)


async def aggregate(server: Server) -> Any:
    answer = await server.client.get("/api/v1/billing")
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- one run --------------------------------------------------------------------------------------------------------


async def test_a_run_without_stages_has_used_nothing(server: Server) -> None:
    worker = await at_work(server)
    assert await worker.reads("billing") == {"stages": [], "totals": {**NO_TOKENS, "timing": NO_TIME}, "by_model": []}


async def test_visits_add_up_to_one_row_a_node_by_first_appearance(server: Server) -> None:
    worker = await at_work(server)
    await visit(worker, "review", usd_micros=100)
    await visit(worker, "draft", model=OTHER_MODEL)
    await visit(worker, "review", 2, usd_micros=11)
    bill = await worker.reads("billing")
    assert [(row["stage"], row["model"], row["billing"], row["timing"]) for row in bill["stages"]] == [
        (
            {"id": "review", "name": "review"},
            MODEL,
            {**times(2, TOKENS), "total_usd_micros": 111},
            times(2, TIMING),
        ),
        ({"id": "draft", "name": "draft"}, OTHER_MODEL, TOKENS, TIMING),
    ]
    assert bill["totals"] == {**times(3, TOKENS), "total_usd_micros": 111, "timing": times(3, TIMING)}
    assert bill["by_model"] == [
        {"model": OTHER_MODEL, "stages": 1, "billing": TOKENS},
        {"model": MODEL, "stages": 1, "billing": {**times(2, TOKENS), "total_usd_micros": 111}},
    ]


async def test_a_row_has_the_state_of_the_highest_visit_and_the_model_of_the_latest_that_used_one(
    server: Server,
) -> None:
    worker = await at_work(server)
    await visit(worker, "draft", 10, model=OTHER_MODEL)
    await visit(worker, "draft", 9)
    await worker.says("stage.started", node_id="draft", stage_id="draft@11")
    (row,) = (await worker.reads("billing"))["stages"]
    assert (row["state"], row["started_at"], row["model"]) == ("running", "2026-03-02T10:20:11Z", OTHER_MODEL)


async def test_start_and_exit_are_not_billed(server: Server) -> None:
    worker = await at_work(server)
    for handler in ("start", "exit"):
        scope = {"node_id": handler, "stage_id": f"{handler}@1"}
        await worker.says("stage.started", {"handler_type": handler}, **scope)
        await worker.says("stage.completed", {"billing": TOKENS}, **scope)
    assert (await worker.reads("billing"))["totals"] == {**NO_TOKENS, "timing": NO_TIME}


# -- all runs -------------------------------------------------------------------------------------------------------


async def test_without_runs_the_bill_is_empty(server: Server) -> None:
    assert await aggregate(server) == {"totals": {"runs": 0, **NO_TOKENS, "timing": NO_TIME}, "by_model": []}


async def test_the_bill_of_all_runs_counts_those_with_a_checkpoint_or_a_conclusion(server: Server) -> None:
    await server.create()
    await server.finished()
    unreached = await at_work(server)
    await visit(unreached, "draft")
    reached = await at_work(server)
    await visit(reached, "draft", usd_micros=5)
    await reached.says("checkpoint.completed")
    assert await aggregate(server) == {
        "totals": {"runs": 2, **TOKENS, "total_usd_micros": 5, "timing": TIMING},
        "by_model": [{"model": MODEL, "stages": 1, "billing": {**TOKENS, "total_usd_micros": 5}}],
    }


async def test_the_bill_follows_every_event_and_every_delete(server: Server) -> None:
    first, second = await at_work(server), await at_work(server)
    await visit(first, "draft", usd_micros=5)
    await first.says("checkpoint.completed")
    assert (await aggregate(server))["totals"]["total_usd_micros"] == 5
    await visit(first, "review", usd_micros=2)
    await visit(second, "draft", model=OTHER_MODEL)
    await second.says("run.failed")
    both = await aggregate(server)
    assert (both["totals"]["runs"], both["totals"]["total_usd_micros"], len(both["by_model"])) == (2, 7, 2)
    await server.client.delete(f"/api/v1/runs/{first.run_id}?force=true")
    left = await aggregate(server)
    assert left == {
        "totals": {"runs": 1, **TOKENS, "timing": TIMING},
        "by_model": [{"model": OTHER_MODEL, "stages": 1, "billing": TOKENS}],
    }


async def test_a_run_that_is_deleted_while_another_is_created_is_taken_off_the_bill(server: Server) -> None:
    ended = await server.finished()
    assert (await aggregate(server))["totals"]["runs"] == 1
    await server.client.delete(f"/api/v1/runs/{ended['id']}")
    await server.create()
    assert (await aggregate(server))["totals"]["runs"] == 0


async def test_more_runs_than_a_page_holds_are_all_on_the_bill(server: Server) -> None:
    await put(server.store, *(Seed(status="succeeded", entropy=number) for number in range(450)))
    assert (await aggregate(server))["totals"]["runs"] == 450


async def test_a_bill_that_was_followed_is_the_one_that_is_read_from_scratch(server: Server) -> None:
    await aggregate(server)
    workers = [await at_work(server) for _ in range(3)]
    for number, worker in enumerate(workers):
        await visit(worker, "draft", usd_micros=number)
        await worker.says("checkpoint.completed")
        await aggregate(server)
    await visit(workers[0], "draft", 2, model=OTHER_MODEL, usd_micros=9)
    await workers[1].says("run.failed")
    await server.client.delete(f"/api/v1/runs/{workers[1].run_id}")
    afresh = await BillingLedger(server.store).bill()
    followed = await aggregate(server)
    assert (followed["totals"]["runs"], followed["totals"]["total_usd_micros"]) == (
        afresh.totals.runs,
        afresh.totals.total_usd_micros,
    )
    assert [row["stages"] for row in followed["by_model"]] == [row.stages for row in afresh.by_model]


async def test_a_bill_that_failed_in_the_middle_is_begun_anew(tmp_path: Path) -> None:
    store = BrittleStore()
    async with serving(in_memory(store={"kind": "brittle"}), tmp_path, plugin_of(store)) as server:
        await put(store, *(Seed(status="succeeded", entropy=number) for number in range(3)))
        store.failing = frozenset({"get_run"})
        assert (await server.client.get("/api/v1/billing")).status_code == 503
        store.failing = frozenset()
        assert (await aggregate(server))["totals"]["runs"] == 3
        await server.finished()
        store.failing = frozenset({"get_run"})
        assert (await server.client.get("/api/v1/billing")).status_code == 503
        store.failing = frozenset()
        assert (await aggregate(server))["totals"]["runs"] == 4


async def test_bills_that_are_asked_for_at_once_are_all_complete(server: Server) -> None:
    await put(server.store, *(Seed(status="succeeded", entropy=number) for number in range(250)))
    bills = await asyncio.gather(*(aggregate(server) for _ in range(4)))
    assert [bill["totals"]["runs"] for bill in bills] == [250] * 4
