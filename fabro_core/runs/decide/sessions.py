"""Beginning sessions about a run, and their turns (resources.md X2): pure decisions. An archived run takes them too.

Whether a turn is active is decided by the run's log alone, so that of two that begin at once one is refused, whichever
servers they are asked of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fabro_core.errors import Conflict, InvalidRequest, NotFound, TurnActive
from fabro_core.models.events import Properties
from fabro_core.models.events.sessions import (
    RunSessionCreated,
    RunSessionTurnFailed,
    RunSessionTurnInterrupted,
    RunSessionTurnStarted,
    RunSessionUserMessage,
    TurnProperties,
)
from fabro_core.models.ids import SessionId, TurnId
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.sessions import Session
from fabro_core.runs.log.entry import Place, PlacedChange

Decide = Callable[[Projection], Sequence[PlacedChange]]

UNCONFIGURED: Final = "llm_unconfigured"
NO_RESPONDER: Final = "Nothing on this server answers: no session responder is installed."


class TurnOver(Exception):
    """The turn has ended already, whoever has ended it."""


class SessionMoved(Exception):
    """The session has another newest event than the one that was judged by."""


def create(session_id: SessionId, created: RunSessionCreated) -> Decide:
    """Begin a session. Raises `InvalidRequest` for a blank model or provider."""
    for name in ("model", "provider"):
        value = getattr(created, name)
        if value is not None and not value.strip():
            raise InvalidRequest(f"{name}: must not be blank.")

    def decide(_: Projection) -> Sequence[PlacedChange]:
        return (_of(session_id, created),)

    return decide


def require_input(text: str) -> None:
    """Raises `InvalidRequest` for a blank one."""
    if not text.strip():
        raise InvalidRequest("input: must not be blank.")


def begin(session_id: SessionId, said: Sequence[Properties], *, judged_seq: int | None) -> Decide:
    """A turn begins, with `said`.

    The decision raises `NotFound`, `TurnActive`, and `SessionMoved` unless `judged_seq` is the session's newest event;
    None: whichever that is.
    """

    def decide(run: Projection) -> Sequence[PlacedChange]:
        session = session_of(run, session_id)
        if session.turn is not None:
            raise TurnActive(session.turn.id)
        if judged_seq is not None and session.last_seq != judged_seq:
            raise SessionMoved
        return tuple(_of(session_id, each) for each in said)

    return decide


def opening(turn_id: TurnId, text: str) -> tuple[Properties, ...]:
    """What every turn begins with."""
    return (
        RunSessionTurnStarted(turn_id=turn_id, input=text),
        RunSessionUserMessage(turn_id=turn_id, text=text),
    )


def unanswered(turn_id: TurnId, text: str) -> tuple[Properties, ...]:
    """The whole of a turn to which nobody replies: it has failed as soon as it has begun."""
    failed = RunSessionTurnFailed(turn_id=turn_id, error=NO_RESPONDER, code=UNCONFIGURED, retryable=False)
    return (*opening(turn_id, text), failed)


def go_on(session_id: SessionId, said: TurnProperties) -> Decide:
    """Something happens in a turn, its end perhaps. The decision raises `TurnOver` when the turn is not active."""

    def decide(run: Projection) -> Sequence[PlacedChange]:
        session = run.sessions.get(session_id)
        if session is None or session.turn is None or session.turn.id != said.turn_id:
            raise TurnOver
        return (_of(session_id, said),)

    return decide


def interrupt(session_id: SessionId, turn_id: TurnId) -> Decide:
    """End a turn. The decision raises `NotFound`, and `Conflict` when the turn is not active."""

    def decide(run: Projection) -> Sequence[PlacedChange]:
        active = session_of(run, session_id).turn
        if active is None or active.id != turn_id:
            raise Conflict("The turn is not active.")
        return (_of(session_id, RunSessionTurnInterrupted(turn_id=turn_id)),)

    return decide


def session_of(run: Projection, session_id: SessionId) -> Session:
    """Raises `NotFound`."""
    session = run.sessions.get(session_id)
    if session is None:
        raise unknown_session(session_id)
    return session


def unknown_session(session_id: SessionId) -> NotFound:
    return NotFound(f"Session {session_id} not found.")


def _of(session_id: SessionId, properties: Properties) -> PlacedChange:
    return PlacedChange(properties, Place(session_id=session_id))
