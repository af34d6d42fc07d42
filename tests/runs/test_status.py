"""The state machine (runs.md R6.1, R6.2)."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from fabro_core.models import status as s
from fabro_core.models.status import Bucket, FailureReason, RunStatus
from fabro_core.runs.fold.status import bucket_of, is_pre_execution, is_terminal, may_follow, needs_force_to_delete

REASONS = get_args(FailureReason)
FAILURES = tuple(s.RunStatusFailed(reason) for reason in REASONS)

EVERY: tuple[RunStatus, ...] = (
    s.RunStatusSubmitted(),
    s.RunStatusPending("approval_required"),
    s.RunStatusRunnable(),
    s.RunStatusStarting(),
    s.RunStatusRunning(),
    s.RunStatusPaused(None),
    s.RunStatusPaused("human_input_required"),
    s.RunStatusBlocked("human_input_required"),
    s.RunStatusSucceeded("completed"),
    s.RunStatusSucceeded("partial_success"),
    s.RunStatusDead(),
    s.RunStatusRemoving(),
    *FAILURES,
)

ALLOWED: dict[str, str] = {
    "submitted": "pending runnable failed:cancelled removing dead",
    "pending": "submitted runnable failed:cancelled failed:approval_denied removing dead",
    "runnable": "submitted starting failed:cancelled failed:launch_failed failed:terminated removing dead",
    "starting": "submitted running failed removing dead",
    "running": "submitted succeeded blocked paused failed removing dead",
    "blocked": "submitted running paused failed removing dead",
    "paused": "submitted running blocked paused failed removing dead",
    "removing": "submitted failed dead",
    "failed": "submitted removing dead",
    "succeeded": "removing dead",
    "dead": "removing",
}


def kind(status: RunStatus) -> str:
    return str(status.__struct_config__.tag)


def described(status: RunStatus) -> set[str]:
    """How the table above may name a status."""
    return {kind(status), f"{kind(status)}:{getattr(status, 'reason', None)}"}


@pytest.mark.parametrize(("current", "target"), list(product(EVERY, EVERY)), ids=repr)
def test_a_transition_is_allowed_exactly_where_the_table_says_so(current: RunStatus, target: RunStatus) -> None:
    allowed = current == target or bool(described(target) & set(ALLOWED[kind(current)].split()))
    assert may_follow(current, target) is allowed


@pytest.mark.parametrize(
    ("status", "bucket"),
    [
        (s.RunStatusSubmitted(), Bucket.PENDING),
        (s.RunStatusPending("approval_required"), Bucket.PENDING),
        (s.RunStatusRunnable(), Bucket.RUNNABLE),
        (s.RunStatusStarting(), Bucket.INITIALIZING),
        (s.RunStatusRunning(), Bucket.RUNNING),
        (s.RunStatusPaused(None), Bucket.RUNNING),
        (s.RunStatusBlocked("human_input_required"), Bucket.BLOCKED),
        (s.RunStatusSucceeded("completed"), Bucket.SUCCEEDED),
        (s.RunStatusFailed("cancelled"), Bucket.FAILED),
        (s.RunStatusDead(), Bucket.FAILED),
        (s.RunStatusRemoving(), Bucket.REMOVING),
    ],
)
def test_each_status_has_one_bucket_and_archived_outranks_it(status: RunStatus, bucket: Bucket) -> None:
    assert bucket_of(status, archived=False) is bucket
    assert bucket_of(status, archived=True) is Bucket.ARCHIVED


def test_terminal_pre_execution_and_forced_statuses() -> None:
    assert {kind(each) for each in EVERY if is_terminal(each)} == {"succeeded", "failed", "dead"}
    assert {kind(each) for each in EVERY if is_pre_execution(each)} == {"submitted", "pending", "runnable"}
    assert {kind(each) for each in EVERY if not needs_force_to_delete(each)} == {
        "succeeded",
        "failed",
        "dead",
        "removing",
    }
