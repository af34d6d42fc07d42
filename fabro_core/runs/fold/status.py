"""The state machine of a run: which status may follow which (runs.md R6.1, R6.2)."""

from __future__ import annotations

from fabro_core.models.status import (
    Bucket,
    RunStatus,
    RunStatusBlocked,
    RunStatusDead,
    RunStatusFailed,
    RunStatusPaused,
    RunStatusPending,
    RunStatusRemoving,
    RunStatusRunnable,
    RunStatusRunning,
    RunStatusStarting,
    RunStatusSubmitted,
    RunStatusSucceeded,
)

_BUCKETS: dict[type[RunStatus], Bucket] = {
    RunStatusSubmitted: Bucket.PENDING,
    RunStatusPending: Bucket.PENDING,
    RunStatusRunnable: Bucket.RUNNABLE,
    RunStatusStarting: Bucket.INITIALIZING,
    RunStatusRunning: Bucket.RUNNING,
    RunStatusPaused: Bucket.RUNNING,
    RunStatusBlocked: Bucket.BLOCKED,
    RunStatusSucceeded: Bucket.SUCCEEDED,
    RunStatusFailed: Bucket.FAILED,
    RunStatusDead: Bucket.FAILED,
    RunStatusRemoving: Bucket.REMOVING,
}

_TERMINAL = (RunStatusSucceeded, RunStatusFailed, RunStatusDead)
_PRE_EXECUTION = (RunStatusSubmitted, RunStatusPending, RunStatusRunnable)

_TARGETS: dict[type[RunStatus], tuple[type[RunStatus], ...]] = {
    RunStatusSubmitted: (RunStatusPending, RunStatusRunnable),
    RunStatusPending: (RunStatusSubmitted, RunStatusRunnable),
    RunStatusRunnable: (RunStatusSubmitted, RunStatusStarting),
    RunStatusStarting: (RunStatusSubmitted, RunStatusRunning),
    RunStatusRunning: (RunStatusSubmitted, RunStatusSucceeded, RunStatusBlocked, RunStatusPaused),
    RunStatusBlocked: (RunStatusSubmitted, RunStatusRunning, RunStatusPaused),
    RunStatusPaused: (RunStatusSubmitted, RunStatusRunning, RunStatusBlocked, RunStatusPaused),
    RunStatusRemoving: (RunStatusSubmitted,),
    RunStatusFailed: (RunStatusSubmitted,),
    RunStatusSucceeded: (),
    RunStatusDead: (),
}
"""Allowed targets besides `removing`, `dead` and `failed`, which depend on more than the kind."""

_FAILURES: dict[type[RunStatus], frozenset[str] | None] = {
    RunStatusSubmitted: frozenset({"cancelled"}),
    RunStatusPending: frozenset({"cancelled", "approval_denied"}),
    RunStatusRunnable: frozenset({"cancelled", "launch_failed", "terminated"}),
    RunStatusStarting: None,
    RunStatusRunning: None,
    RunStatusBlocked: None,
    RunStatusPaused: None,
    RunStatusRemoving: None,
    RunStatusFailed: frozenset(),
    RunStatusSucceeded: frozenset(),
    RunStatusDead: frozenset(),
}
"""The reasons with which a run may fail from each status; None: with any."""


def may_follow(current: RunStatus, target: RunStatus) -> bool:
    """Whether `target` is a legal next status. The very same status again is always legal and changes nothing."""
    if current == target:
        return True
    match target:
        case RunStatusDead():
            return True
        case RunStatusRemoving():
            return True  # `removing` to `removing` is the same status, handled above
        case RunStatusFailed(reason=reason):
            reasons = _FAILURES[type(current)]
            return reasons is None or reason in reasons
        case _:
            return type(target) in _TARGETS[type(current)]


def bucket_of(status: RunStatus, *, archived: bool) -> Bucket:
    """The bucket of a run; the archived overlay outranks every status."""
    return Bucket.ARCHIVED if archived else _BUCKETS[type(status)]


def is_terminal(status: RunStatus) -> bool:
    """The run has ended."""
    return isinstance(status, _TERMINAL)


def is_pre_execution(status: RunStatus) -> bool:
    """No worker has taken the run yet."""
    return isinstance(status, _PRE_EXECUTION)


def needs_force_to_delete(status: RunStatus) -> bool:
    """Active, and not already being removed (runs.md R6.1)."""
    return not is_terminal(status) and not isinstance(status, RunStatusRemoving)
