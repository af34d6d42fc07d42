"""Telling the agent of a running run something, or stopping what it does (resources.md X3): pure decisions.

A request is an event that the run's worker reads (events.md E9). It is never refused because no worker listens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fabro_core.errors import Conflict, InvalidRequest
from fabro_core.models.events import Properties
from fabro_core.models.events.run import RunInterrupt, RunSteer
from fabro_core.models.status import RunStatusBlocked, RunStatusRemoving, RunStatusRunning
from fabro_core.runs.decide.lifecycle import require_unarchived
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.status import is_terminal

MAX_TEXT_CHARS: Final = 8192


def steer(text: str) -> Callable[[Projection], Sequence[Properties]]:
    """Tell the agent `text`; without any agent the worker keeps it for the next. Raises `InvalidRequest`."""
    said = RunSteer(text=_valid(text))

    def decide(run: Projection) -> Sequence[Properties]:
        _require_running(run)
        _require_no_deaf_agent(run)
        return (said,)

    return decide


def redirect(text: str) -> Callable[[Projection], Sequence[Properties]]:
    """Interrupt the agent, and tell it `text`. Raises `InvalidRequest`."""
    said = RunSteer(text=_valid(text))

    def decide(run: Projection) -> Sequence[Properties]:
        _require_running(run)
        _require_agent(run)
        return (RunInterrupt(), said)

    return decide


def interrupt(run: Projection) -> Sequence[Properties]:
    """Stop the agent's round."""
    require_unarchived(run)
    if is_terminal(run.status) or isinstance(run.status, RunStatusRemoving):
        raise Conflict("The run has ended; there is nothing to interrupt.", code="run_not_interruptible")
    _require_running(run)
    _require_agent(run)
    return (RunInterrupt(),)


def _valid(text: str) -> str:
    if not text.strip():
        raise InvalidRequest("text: must not be blank.")
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidRequest(f"text: must not be longer than {MAX_TEXT_CHARS} characters.")
    return text


def _require_running(run: Projection) -> None:
    require_unarchived(run)
    if isinstance(run.status, RunStatusBlocked):
        raise Conflict("The run waits for an answer to its question.", code="use_answer_endpoint")
    if not isinstance(run.status, RunStatusRunning):
        raise Conflict("Only a running run can be steered.", code="run_not_steerable")


def _require_agent(run: Projection) -> None:
    """Some agent takes instructions."""
    _require_no_deaf_agent(run)
    if not run.agent_sessions:
        raise Conflict("No agent that can be interrupted works in the run.", code="no_active_steerable_session")


def _require_no_deaf_agent(run: Projection) -> None:
    """Agents work, and none of them takes instructions."""
    if run.agent_sessions and not any(session.steerable for session in run.agent_sessions.values()):
        raise Conflict("No agent that works in the run takes instructions.", code="agent_not_steerable")
