"""What may happen to a run and which events say so (runs.md R6.3, R6.4, R9, R13): pure decisions on a projection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from fabro_core.errors import Conflict, IllegalTransition, RunArchived
from fabro_core.models import events
from fabro_core.models.events import FailureDetail, Properties, RunFailure
from fabro_core.models.principal import Principal, PrincipalWorker
from fabro_core.models.run import RunTiming
from fabro_core.models.status import (
    RunStatusBlocked,
    RunStatusFailed,
    RunStatusPaused,
    RunStatusPending,
    RunStatusRemoving,
    RunStatusRunning,
    RunStatusSubmitted,
)
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.status import is_pre_execution, is_terminal, needs_force_to_delete

_NEVER_STARTED = RunTiming(wall_time_ms=0, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)


def start(actor: Principal) -> Callable[[Projection], Sequence[Properties]]:
    """Put a new run into the queue (runs.md R13); one that its parent's worker starts needs an approval first."""

    def decide(run: Projection) -> Sequence[Properties]:
        require_unarchived(run)
        if not isinstance(run.status, RunStatusSubmitted):
            raise IllegalTransition("The run has been started already.")
        if isinstance(actor, PrincipalWorker) and actor.run_id == run.parent_id:
            return (events.RunStartRequested(resume=False), events.RunPending(reason="approval_required"))
        return (events.RunStartRequested(resume=False), events.RunRunnable(source="start_requested"))

    return decide


def require_workable(run: Projection) -> None:
    """Refuse a run that no worker can do anything for any more (events.md E18)."""
    require_unarchived(run)
    if is_terminal(run.status) or isinstance(run.status, RunStatusRemoving):
        raise Conflict("The run has ended; there is no work left.")


def resume(run: Projection) -> Sequence[Properties]:
    """Let a run that has failed, or was forked, go on from its newest checkpoint."""
    require_unarchived(run)
    if not isinstance(run.status, RunStatusFailed | RunStatusSubmitted):
        raise IllegalTransition("Only a run that has failed or was not started can be resumed.")
    if not run.checkpoints:
        raise Conflict("The run has no checkpoint to resume from.")
    return (events.RunStartRequested(resume=True), events.RunRunnable(source="start_requested"))


def approve(run: Projection) -> Sequence[Properties]:
    """Let a run that waits for an approval into the queue."""
    _require_pending(run)
    return (events.RunApproved(), events.RunRunnable(source="approved"))


def deny(reason: str | None) -> Callable[[Projection], Sequence[Properties]]:
    """Fail a run that waits for an approval; a blank reason is none."""
    told = reason if reason is not None and reason.strip() else None

    def decide(run: Projection) -> Sequence[Properties]:
        _require_pending(run)
        message = "The run was denied." if told is None else f"The run was denied: {told}"
        return (events.RunDenied(reason=told), _failed(run, "approval_denied", message))

    return decide


def cancel(run: Projection) -> Sequence[Properties]:
    """Before execution the run fails at once; a live one is asked to stop (runs.md R13)."""
    require_unarchived(run)
    if is_terminal(run.status) or isinstance(run.status, RunStatusRemoving):
        raise IllegalTransition("The run has ended and cannot be cancelled.")
    if run.pending_control == "cancel":
        return ()
    request = events.RunCancelRequested(action="cancel")
    if not is_pre_execution(run.status):
        return (request,)
    return (request, _failed(run, "cancelled", "The run was cancelled before it started."))


def pause(run: Projection) -> Sequence[Properties]:
    """Ask the worker of a running run to hold; a blocked one does nothing and is paused at once."""
    require_unarchived(run)
    if not isinstance(run.status, RunStatusRunning | RunStatusBlocked):
        raise IllegalTransition("Only a run that is running or blocked can be paused.")
    _refuse_second_control(run)
    request = events.RunPauseRequested(action="pause")
    return (request,) if isinstance(run.status, RunStatusRunning) else (request, events.RunPaused())


def unpause(run: Projection) -> Sequence[Properties]:
    """Ask the worker of a paused run to go on; one that waits for a person is blocked again at once."""
    require_unarchived(run)
    if not isinstance(run.status, RunStatusPaused):
        raise IllegalTransition("Only a paused run can be unpaused.")
    _refuse_second_control(run)
    request = events.RunUnpauseRequested(action="unpause")
    return (request,) if run.status.prior_block is None else (request, events.RunUnpaused())


def archive(run: Projection) -> Sequence[Properties]:
    """Only a run that has ended can be archived; again is no change."""
    if not is_terminal(run.status):
        raise Conflict("Only a finished run can be archived.")
    return () if run.archived else (events.RunArchived(),)


def unarchive(run: Projection) -> Sequence[Properties]:
    """Only a run that has ended can be unarchived; one that is not archived stays as it is."""
    if not is_terminal(run.status):
        raise Conflict("Only a finished run can be unarchived.")
    return (events.RunUnarchived(),) if run.archived else ()


def retitle(title: str) -> Callable[[Projection], Sequence[Properties]]:
    """Give the run a (valid) title; the same title again is no change."""

    def decide(run: Projection) -> Sequence[Properties]:
        return () if run.title == title else (events.RunTitleUpdated(title=title),)

    return decide


def link_parent(parent_id: str) -> Callable[[Projection], Sequence[Properties]]:
    """Make `parent_id` the parent; the same parent again is no change (runs.md R10)."""

    def decide(run: Projection) -> Sequence[Properties]:
        if run.parent_id == parent_id:
            return ()
        return (events.RunParentLinked(previous_parent_id=run.parent_id, parent_id=parent_id),)

    return decide


def unlink_parent(run: Projection) -> Sequence[Properties]:
    """Leave the parent; without one nothing changes."""
    return () if run.parent_id is None else (events.RunParentUnlinked(previous_parent_id=run.parent_id),)


def remove(run: Projection) -> Sequence[Properties]:
    """Mark the run as being deleted; refused while it is active (runs.md R9)."""
    if needs_force_to_delete(run.status):
        raise Conflict("The run is still active. Cancel it first, or delete it with force.")
    return remove_by_force(run)


def remove_by_force(run: Projection) -> Sequence[Properties]:
    """Mark the run as being deleted, whatever it is doing."""
    return () if isinstance(run.status, RunStatusRemoving) else (events.RunRemoving(),)


def require_retryable(run: Projection) -> None:
    """Raises `Conflict` unless the run has ended and is not archived: then another may take its place (R14)."""
    require_unarchived(run)
    if not is_terminal(run.status):
        raise IllegalTransition("The run has not ended.")


def require_unarchived(run: Projection) -> None:
    """Raises `RunArchived` for a run that is put away (runs.md R6.4)."""
    if run.archived:
        raise RunArchived


def _require_pending(run: Projection) -> None:
    require_unarchived(run)
    if not isinstance(run.status, RunStatusPending):
        raise IllegalTransition("The run does not wait for an approval.")


def _refuse_second_control(run: Projection) -> None:
    if run.pending_control is not None:
        raise Conflict(f"The run has been asked to {run.pending_control}; its worker has not answered yet.")


def _failed(run: Projection, reason: Literal["cancelled", "approval_denied"], message: str) -> Properties:
    """The end of a run that no worker has; one that was resumed keeps the time it took before."""
    failure = RunFailure(reason=reason, detail=FailureDetail(message=message, category="canceled"))
    return events.RunFailed(failure=failure, timing=run.timing or _NEVER_STARTED)
