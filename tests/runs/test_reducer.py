"""The reducer (events.md E21): every event in every status, any sequence of events, and what stages add up to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fabro_core.errors import Conflict, IllegalTransition
from fabro_core.models import status as s
from fabro_core.models.run import PullRequestLink, RunTiming
from fabro_core.models.status import RunStatus
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.wire import row_of, run_body
from tests.runs.folding import CREATED, DRAFT, RUNNING, after, event, fold_logged
from tests.runs.samples import FAILURE, SAMPLES, TIMING, TOKENS

# -- every event in every status ------------------------------------------------------------------------------------

STATUSES: dict[str, RunStatus] = {
    "submitted": s.RunStatusSubmitted(),
    "pending": s.RunStatusPending("approval_required"),
    "runnable": s.RunStatusRunnable(),
    "starting": s.RunStatusStarting(),
    "running": s.RunStatusRunning(),
    "blocked": s.RunStatusBlocked("human_input_required"),
    "paused": s.RunStatusPaused(None),
    "paused+": s.RunStatusPaused("human_input_required"),
    "succeeded": s.RunStatusSucceeded("completed"),
    "partial": s.RunStatusSucceeded("partial_success"),
    "failed": s.RunStatusFailed("workflow_error"),
    "cancelled": s.RunStatusFailed("cancelled"),
    "dead": s.RunStatusDead(),
    "removing": s.RunStatusRemoving(),
}
"""`paused+` remembers a block."""

_LIVE = "submitted pending runnable starting running blocked paused paused+"
EVENTS: dict[str, tuple[str, Any, dict[str, str]]] = {
    "resume": (
        "run.start_requested",
        {"resume": True},
        dict.fromkeys([*_LIVE.split(), "failed", "cancelled", "removing"], "submitted"),
    ),
    "pending": ("run.pending", None, {"submitted": "pending", "pending": "pending"}),
    "runnable": (
        "run.runnable",
        None,
        {"submitted": "runnable", "pending": "runnable", "runnable": "runnable"},
    ),
    "starting": ("run.starting", None, {"runnable": "starting", "starting": "starting"}),
    "running": (
        "run.running",
        None,
        dict.fromkeys(["starting", "running", "blocked", "paused", "paused+"], "running"),
    ),
    "blocked": (
        "run.blocked",
        None,
        {"running": "blocked", "blocked": "blocked", "paused": "paused+", "paused+": "paused+"},
    ),
    "unblocked": (
        "run.unblocked",
        None,
        {"running": "running", "blocked": "running", "paused": "paused", "paused+": "paused"},
    ),
    "paused": (
        "run.paused",
        None,
        {"running": "paused", "blocked": "paused+", "paused": "paused", "paused+": "paused+"},
    ),
    "unpaused": (
        "run.unpaused",
        None,
        {"running": "running", "blocked": "blocked", "paused": "running", "paused+": "blocked"},
    ),
    "completed": ("run.completed", None, {"running": "succeeded", "succeeded": "succeeded"}),
    "failed": (
        "run.failed",
        None,
        dict.fromkeys(["starting", "running", "blocked", "paused", "paused+", "removing", "failed"], "failed"),
    ),
    "cancelled": (
        "run.failed",
        {"failure": {**FAILURE, "reason": "cancelled"}, "timing": TIMING},
        dict.fromkeys([*_LIVE.split(), "removing", "cancelled"], "cancelled"),
    ),
    "removing": ("run.removing", None, dict.fromkeys(STATUSES, "removing")),
}
"""Name, properties, and the status after the event by the status before; a status that is not listed forbids it."""

WITHOUT_STATUS = sorted(SAMPLES.keys() - {name for name, _, _ in EVENTS.values()} - {"run.created"})


@pytest.mark.parametrize(("status", "label"), list(product(STATUSES, EVENTS)))
def test_an_event_leads_where_the_table_says_or_is_illegal(status: str, label: str) -> None:
    name, properties, targets = EVENTS[label]
    before = replace(after(), status=STATUSES[status])
    happens = event(before.seq + 1, name, properties)
    if status not in targets:
        with pytest.raises(IllegalTransition):
            fold_logged(before, happens)
        return
    run = fold_logged(before, happens)
    moved = targets[status] != status
    assert run.status == STATUSES[targets[status]]
    assert run.status_updated_at == (happens.ts if moved else before.status_updated_at)
    assert run.last_event_at == happens.ts


@pytest.mark.parametrize(("status", "name"), list(product(STATUSES, WITHOUT_STATUS)))
def test_every_other_event_leaves_the_status_as_it_is(status: str, name: str) -> None:
    asked = after(("interview.started", None))
    before = replace(asked, status=STATUSES[status])
    run = fold_logged(before, event(before.seq + 1, name))
    assert (run.status, run.status_updated_at) == (before.status, before.status_updated_at)


# -- any sequence ---------------------------------------------------------------------------------------------------

STAGES = st.sampled_from([None, "draft@1", "draft@2", "review@1"])
NODES = st.sampled_from([None, "draft", "review"])
STEPS = st.tuples(st.sampled_from(sorted(SAMPLES.keys() - {"run.created"})), STAGES, NODES, st.booleans())
LIVELY = st.lists(STEPS, max_size=30)


@settings(max_examples=150)
@example(
    begun=False, steps=[("agent.acp.cancelled", None, None, False), ("agent.pair.system_message", None, None, False)]
)
@given(begun=st.booleans(), steps=LIVELY)
def test_folding_stored_states_one_by_one_equals_a_replay_from_scratch(
    begun: bool, steps: Sequence[tuple[str, str | None, str | None, bool]]
) -> None:
    log = [event(1, "run.created", CREATED)]
    stored = row_of(fold_logged(None, log[0]))
    for name, stage_id, node_id, in_session in [*((each, None, None, False) for each in RUNNING if begun), *steps]:
        session = "s" if in_session else None
        following = event(len(log) + 1, name, stage_id=stage_id, node_id=node_id, session_id=session)
        try:
            folded = fold_logged(msgspec.json.decode(stored.state, type=Projection), following)
        except Conflict:
            continue
        log.append(following)
        stored = row_of(folded)
    replayed: Projection | None = None
    for each in log:
        replayed = fold_logged(replayed, each)
    assert replayed is not None
    assert row_of(replayed) == stored


def test_a_state_that_was_stored_before_stages_were_kept_is_still_read() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(after()))
    assert not kept.keys() & {"stages", "checkpoints", "questions", "agent_sessions", "start", "concluded_seq"}
    assert msgspec.convert(kept, Projection) == after()


# -- conclusions ----------------------------------------------------------------------------------------------------


def test_a_completion_fixes_time_cost_and_changes() -> None:
    diff = {"files_changed": 1, "additions": 2, "deletions": 3}
    billing = {**TOKENS, "total_usd_micros": 5}
    run = after(
        *RUNNING,
        (
            "run.completed",
            {**SAMPLES["run.completed"], "total_usd_micros": 7, "diff_summary": diff, "billing": billing},
        ),
        "run.notice",
    )
    assert run.timing == RunTiming(**TIMING)
    assert (run.total_usd_micros, run.completed_at, run.concluded_seq) == (7, "2026-03-02T10:00:06Z", 6)
    assert run.diff is not None
    assert run.diff.deletions == 3


def test_a_completion_with_an_outcome_that_is_none_is_a_conflict() -> None:
    with pytest.raises(Conflict):
        after(*RUNNING, ("run.completed", {**SAMPLES["run.completed"], "status": "splendid"}))


def test_a_resume_clears_the_conclusion_and_keeps_stages_and_checkpoints() -> None:
    run = after(
        *RUNNING,
        ("stage.completed", {**SAMPLES["stage.completed"], "billing": {**TOKENS, "total_usd_micros": 5}}, DRAFT),
        "checkpoint.completed",
        ("agent.session.activated", None, {**DRAFT, "session_id": "s"}),
        "run.failed",
        ("run.start_requested", {"resume": True}),
    )
    assert (run.status, run.completed_at, run.failure_message) == (s.RunStatusSubmitted(), None, None)
    assert (list(run.stages), len(run.checkpoints), run.agent_sessions) == (["draft@1"], 1, {})
    assert run.total_usd_micros == 5
    assert run.timing is not None
    assert run.timing.wall_time_ms == 6000


def test_a_failure_closes_stages_questions_and_controls() -> None:
    run = after(
        *RUNNING,
        ("stage.started", None, DRAFT),
        ("agent.llm.started", None, {**DRAFT, "session_id": "s"}),
        "interview.started",
        "run.cancel.requested",
        ("run.failed", {"failure": {**FAILURE, "reason": "cancelled"}, "timing": TIMING}),
    )
    stage = run.stages["draft@1"]
    assert (run.pending_control, run.questions, stage.state) == (None, {}, "cancelled")
    assert stage.timing is not None
    assert (stage.timing.wall_time_ms, stage.timing.inference_time_ms) == (4000, 3000)


# -- approval, archive ----------------------------------------------------------------------------------------------


def test_an_approval_is_asked_for_and_given() -> None:
    asked = after("run.pending")
    given_ = after("run.pending", "run.approved", "run.runnable")
    denied = after("run.pending", ("run.denied", {"reason": "Too late"}))
    assert asked.approval is not None
    assert (asked.approval.state, asked.approval.requested_at) == ("pending", "2026-03-02T10:00:02Z")
    assert given_.approval is not None
    assert (given_.approval.state, given_.approval.decided_at) == ("approved", "2026-03-02T10:00:03Z")
    assert denied.approval is not None
    assert (denied.approval.state, denied.approval.denial_reason) == ("denied", "Too late")


# -- questions, sandbox, pull request -------------------------------------------------------------------------------


def asked(question_id: str, **changes: Any) -> tuple[str, dict[str, Any]]:
    return "interview.started", {**SAMPLES["interview.started"], "question_id": question_id, **changes}


def test_the_current_question_is_the_earliest_one() -> None:
    run = after(asked("q-2"), asked("q-1", question_type="riddle"), asked(""))
    assert list(run.questions) == ["q-2", "q-1"]
    current = run_body(run).current_question
    assert current is not None
    assert current.id == "q-2"
    assert run.questions["q-1"].question.question_type == "freeform"


@pytest.mark.parametrize("name", ["interview.completed", "interview.timeout", "interview.interrupted"])
def test_a_question_ends_once_and_one_without_an_id_is_nobodys(name: str) -> None:
    ended = after(asked("q-1"), name)
    assert ended.questions == {}
    with pytest.raises(Conflict) as refusal:
        fold_logged(ended, event(4, name))
    assert refusal.value.code == "question_not_pending"
    assert fold_logged(ended, event(4, name, {**SAMPLES[name], "question_id": ""})).questions == {}


def test_a_sandbox_gets_ready_or_fails() -> None:
    ready = after("sandbox.initializing", "sandbox.initialized").sandbox
    failed = after("sandbox.initializing", "sandbox.failed").sandbox
    assert ready is not None
    assert ready.instance is not None
    assert (ready.kind, ready.plan.image, ready.instance.runtime.id) == ("ready", "python:3.12", "c0ffee")
    assert failed is not None
    assert failed.failure is not None
    assert (failed.kind, failed.failure.error) == ("failed", "e")


def test_a_pull_request_is_asked_for_made_and_unlinked() -> None:
    link = PullRequestLink(owner="acme", repo="shop", number=7, html_url="https://github.com/acme/shop/pull/7")
    made = after("pull_request.creation_requested", "pull_request.created")
    assert made.pull_request == link
    assert made.pull_request_creation is not None
    assert (made.pull_request_creation.status, made.pull_request_creation.pull_request) == ("succeeded", link)
    assert fold_logged(made, event(4, "pull_request.unlinked")).pull_request is None


@pytest.mark.parametrize(("creation_id", "status"), [("c", "failed"), ("d", "pending"), (None, "pending")])
def test_a_failure_resolves_the_creation_that_it_names(creation_id: str | None, status: str) -> None:
    failed = ("pull_request.failed", {"error": "e", "creation_id": creation_id})
    creation = after("pull_request.creation_requested", failed).pull_request_creation
    assert creation is not None
    assert creation.status == status


def test_live_agent_sessions_follow_their_events() -> None:
    scope = {**DRAFT, "session_id": "s"}
    live = after(("agent.session.activated", None, scope), ("agent.session.deactivated", None, {"session_id": "other"}))
    assert live.agent_sessions["s"].steerable
    assert fold_logged(live, event(4, "agent.session.deactivated", **scope)).agent_sessions == {}
    assert not after(("agent.acp.started", None, DRAFT)).agent_sessions["draft@1"].steerable
