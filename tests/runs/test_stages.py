"""Stages of a run (events.md E21): what they add up to, and which events are about which of them."""

from __future__ import annotations

from typing import Any

import pytest

from fabro_core.models.run import RunModel, RunTiming
from fabro_core.runs.fold.wire import run_body
from tests.runs.folding import DRAFT, RUNNING, after, event, fold_logged
from tests.runs.samples import MODEL, SAMPLES, TOKENS

BILLED = {**TOKENS, "total_usd_micros": 1000}
SAID = {**SAMPLES["agent.message"], "billing": BILLED}


def test_messages_add_up_and_the_end_of_the_stage_replaces_the_sum() -> None:
    spoken = after(
        *RUNNING, ("stage.started", None, DRAFT), ("agent.message", SAID, DRAFT), ("agent.message", SAID, DRAFT)
    )
    assert (spoken.total_usd_micros, run_body(spoken).models) == (
        2000,
        [RunModel(provider=MODEL["provider"], name=MODEL["model_id"])],
    )
    ended = fold_logged(
        spoken,
        event(
            9, "stage.completed", {**SAMPLES["stage.completed"], "billing": {**BILLED, "total_usd_micros": 5}}, **DRAFT
        ),
    )
    assert (ended.total_usd_micros, ended.stages["draft@1"].state) == (5, "succeeded")


def test_an_open_stage_counts_model_calls_and_batches_of_tools() -> None:
    call = SAMPLES["agent.tool.started"]
    scope = {**DRAFT, "session_id": "s"}
    run = after(
        *RUNNING,  # 2 to 5
        ("stage.started", None, DRAFT),  # 6
        ("agent.llm.started", None, scope),  # 7
        "run.notice",
        ("agent.message", SAID, scope),  # 9: two seconds of inference
        ("agent.tool.started", {**call, "tool_call_id": "a"}, scope),  # 10
        ("agent.tool.started", {**call, "tool_call_id": "b"}, scope),
        ("agent.tool.completed", {**SAMPLES["agent.tool.completed"], "tool_call_id": "a"}, scope),
        ("agent.tool.completed", {**SAMPLES["agent.tool.completed"], "tool_call_id": "b"}, scope),  # 13
        ("agent.llm.started", None, scope),  # 14
        "run.notice",
    )
    assert run.timing == RunTiming(wall_time_ms=11_000, inference_time_ms=3000, tool_time_ms=3000, active_time_ms=6000)
    ended = fold_logged(run, event(16, "agent.session.ended", session_id="s"))
    assert ended.stages["draft@1"].live_inference_ms == 4000
    assert ended.stages["draft@1"].inference == {}


@pytest.mark.parametrize(
    ("failed", "state"),
    [
        ({"will_retry": True}, "retrying"),
        ({}, "failed"),
        ({"failure": {"message": "m", "category": "canceled"}}, "cancelled"),
        ({"failure": {"message": "m", "category": "deterministic"}}, "failed"),
    ],
)
def test_a_failed_stage_retries_was_cancelled_or_has_failed(failed: dict[str, Any], state: str) -> None:
    run = after(("stage.started", None, DRAFT), ("stage.failed", {**SAMPLES["stage.failed"], **failed}, DRAFT))
    assert run.stages["draft@1"].state == state


def test_a_stage_whose_command_ended_by_itself_was_not_cancelled() -> None:
    failure = {"failure": {"message": "m", "category": "canceled"}}
    run = after(
        ("stage.started", None, DRAFT),
        ("command.completed", None, DRAFT),
        ("stage.failed", {**SAMPLES["stage.failed"], **failure}, DRAFT),
    )
    assert run.stages["draft@1"].state == "failed"


@pytest.mark.parametrize(
    ("name", "properties", "scope", "stage"),
    [
        ("agent.message", SAID, {"node_id": "draft"}, "draft@1"),
        ("agent.message", {**SAID, "visit": 3}, {"node_id": "draft"}, "draft@3"),
        ("agent.message", {**SAID, "visit": 0}, {"node_id": "draft", "stage_id": "draft@2"}, None),
        ("agent.message", {**SAID, "visit": 3}, {"node_id": "draft", "stage_id": "draft@2"}, "draft@2"),
        ("stage.started", None, {"node_id": "draft"}, None),
        ("agent.message", SAID, {}, None),
        ("agent.warning", None, DRAFT, None),
        ("invented", {}, DRAFT, None),
    ],
)
def test_the_stage_of_an_event(name: str, properties: Any, scope: dict[str, Any], stage: str | None) -> None:
    run = after((name, properties, scope))
    assert list(run.stages) == ([] if stage is None else [stage])


def test_an_event_without_a_visit_is_about_the_highest_known_one() -> None:
    again = {"node_id": "draft", "stage_id": "draft@2"}
    run = after(
        ("stage.started", None, DRAFT),
        ("stage.started", None, again),
        ("command.completed", None, {"node_id": "draft"}),
    )
    assert [stage.termination for stage in run.stages.values()] == [None, "exited"]


def test_a_checkpoint_names_its_place_and_the_nodes_that_were_skipped() -> None:
    diff = {"files_changed": 1, "additions": 2, "deletions": 3}
    run = after(
        (
            "checkpoint.completed",
            {
                **SAMPLES["checkpoint.completed"],
                "node_visits": {"draft": 2},
                "node_outcomes": {"draft": {"status": "succeeded"}, "review": {"status": "skipped"}},
                "git_commit_sha": "9f1c2d3",
                "diff_summary": diff,
            },
            DRAFT,
        ),
        "checkpoint.completed",
    )
    first = run.checkpoints[0]
    assert (first.seq, first.node, first.visit, first.sha) == (2, "draft", 2, "9f1c2d3")
    assert run.diff == first.diff
    assert {key: stage.state for key, stage in run.stages.items()} == {"draft@1": "pending", "review@1": "skipped"}
