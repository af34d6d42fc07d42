"""What may happen to a run and which events say so (runs.md R6.3, R6.4, R9, R13): pure decisions on a projection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fabro_core.errors import Conflict, IllegalTransition, RunArchived
from fabro_core.models import events
from fabro_core.models.events import FailureDetail, Properties, RunFailure
from fabro_core.models.run import RunTiming
from fabro_core.models.status import RunStatusRemoving
from fabro_core.runs.projection import Projection
from fabro_core.runs.status import is_pre_execution, is_terminal, needs_force_to_delete

_NEVER_STARTED = RunTiming(wall_time_ms=0, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)


def cancel(run: Projection) -> Sequence[Properties]:
    """Before execution the run fails at once; a live one is asked to stop (runs.md R13)."""
    if run.archived:
        raise RunArchived
    if is_terminal(run.status) or isinstance(run.status, RunStatusRemoving):
        raise IllegalTransition("The run has ended and cannot be cancelled.")
    if run.pending_control == "cancel":
        return ()
    request = events.RunCancelRequested(action="cancel")
    if not is_pre_execution(run.status):
        return (request,)
    failure = RunFailure(
        reason="cancelled",
        detail=FailureDetail(message="The run was cancelled before it started.", category="canceled"),
    )
    return (request, events.RunFailed(failure=failure, timing=_NEVER_STARTED))


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
