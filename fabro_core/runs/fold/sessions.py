"""Interactive sessions about a run (resources.md X2), as a fold of its events. What was said stays there."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fabro_core.models.events import Envelope, Properties, sessions
from fabro_core.models.instant import Instant


class ActiveTurn(msgspec.Struct, frozen=True):
    """A turn that has begun and not ended."""

    id: str
    started_at: Instant
    seq: int
    """Of the event that has its input."""


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What rules and lists need of a session."""

    created_at: Instant
    updated_at: Instant
    last_seq: int
    """Of its newest event."""
    title: str | None = None
    model: str | None = None
    provider: str | None = None
    turn: ActiveTurn | None = None
    failed: bool = False
    """How the last turn ended."""


Sessions = dict[str, Session]
"""By session id."""


def conversations_after(known: Sessions, event: Envelope, properties: Properties) -> Sessions:
    """The sessions after an event; one of a session that was never created changes nothing."""
    session_id = event.session_id
    if session_id is None:
        return known
    session = known.get(session_id)
    if session is not None:
        moved = replace(session, updated_at=event.ts, last_seq=event.seq)
        return {**known, session_id: _turned(moved, event, properties)}
    match properties:
        case sessions.RunSessionCreated(title=title, model=model, provider=provider):
            created = Session(
                created_at=event.ts,
                updated_at=event.ts,
                last_seq=event.seq,
                title=title,
                model=model,
                provider=provider,
            )
            return {**known, session_id: created}
        case _:
            return known


def _turned(session: Session, event: Envelope, properties: Properties) -> Session:
    """A turn begins or ends; the end of one that is not active changes nothing."""
    match properties:
        case sessions.RunSessionTurnStarted(turn_id=turn_id):
            return replace(session, turn=ActiveTurn(turn_id, event.ts, event.seq), failed=False)
        case (
            sessions.RunSessionTurnSucceeded(turn_id=turn_id)
            | sessions.RunSessionTurnFailed(turn_id=turn_id)
            | sessions.RunSessionTurnInterrupted(turn_id=turn_id)
        ) if session.turn is not None and session.turn.id == turn_id:
            failed = isinstance(properties, sessions.RunSessionTurnFailed)
            return replace(session, turn=None, failed=failed)
        case _:
            return session
