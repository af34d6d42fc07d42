"""What events mean for the status of a run (events.md E21). Which may follow which: `fabro_core.runs.fold.status`."""

from __future__ import annotations

from fabro_core.errors import IllegalTransition
from fabro_core.models import events
from fabro_core.models.events import Properties
from fabro_core.models.status import (
    RunStatus,
    RunStatusBlocked,
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
from fabro_core.runs.fold.status import may_follow


def status_after(current: RunStatus, properties: Properties) -> RunStatus:
    """The status after an event; `current` itself when the event leaves it as it is.

    Raises `IllegalTransition` when the state machine forbids the event (runs.md R6.2).
    """
    target = _target(current, properties)
    if target == current:
        return current
    if not may_follow(current, target):
        raise IllegalTransition(f"A run that is {_name(current)} cannot become {_name(target)}.")
    return target


def _target(current: RunStatus, properties: Properties) -> RunStatus:
    match properties:
        case events.RunStartRequested(resume=True):
            return RunStatusSubmitted()
        case events.RunPending(reason=reason):
            return RunStatusPending(reason)
        case events.RunRunnable():
            return RunStatusRunnable()
        case events.RunStarting():
            return RunStatusStarting()
        case events.RunRunning():
            return RunStatusRunning()
        case events.RunCompleted(reason=reason):
            return RunStatusSucceeded(reason)
        case events.RunFailed(failure=failure):
            return RunStatusFailed(failure.reason)
        case events.RunRemoving():
            return RunStatusRemoving()
        case events.RunBlocked() | events.RunUnblocked() | events.RunPaused() | events.RunUnpaused():
            return _held(current, properties)
        case _:
            return current


def _held(
    current: RunStatus, properties: events.RunBlocked | events.RunUnblocked | events.RunPaused | events.RunUnpaused
) -> RunStatus:
    """Blocks and pauses overlay each other: a paused run remembers that it is blocked."""
    match properties, current:
        case events.RunBlocked(blocked_reason=reason), RunStatusPaused():
            return RunStatusPaused(reason)
        case events.RunBlocked(blocked_reason=reason), _:
            return RunStatusBlocked(reason)
        case events.RunUnblocked(), RunStatusPaused():
            return RunStatusPaused(None)
        case events.RunUnblocked(), RunStatusBlocked() | RunStatusRunning():
            return RunStatusRunning()
        case events.RunPaused(), RunStatusPaused():
            return current
        case events.RunPaused(), RunStatusBlocked(blocked_reason=reason):
            return RunStatusPaused(reason)
        case events.RunPaused(), _:
            return RunStatusPaused(None)
        case events.RunUnpaused(), RunStatusPaused(prior_block=reason):
            return RunStatusRunning() if reason is None else RunStatusBlocked(reason)
        case events.RunUnpaused(), RunStatusRunning() | RunStatusBlocked():
            return current
    raise IllegalTransition(f"A run that is {_name(current)} is neither blocked nor paused.")


def _name(status: RunStatus) -> str:
    return str(status.__struct_config__.tag)
