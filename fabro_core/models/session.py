"""Interactive sessions about a run, as they go over the wire (resources.md X2)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from fabro_core.models.instant import Instant

SessionStatus = Literal["idle", "running", "failed"]


class SessionTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that is active."""

    id: str
    started_at: Instant
    input: str


class SessionMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody in a session has said: a person, the model, a tool, or the system."""

    kind: Literal["user", "assistant", "tool_results", "system", "steering"]
    content: str | UnsetType = UNSET
    timestamp: Instant
    tool_calls: list[Any] = []
    usage: Any = None
    """What the model took for it."""
    results: list[Any] = []


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    run_id: str
    title: str | None
    status: SessionStatus
    """`failed` when the last turn has failed."""
    model: str | None
    provider: str | None
    active_turn: SessionTurn | None
    created_at: Instant
    updated_at: Instant


class SessionDetail(SessionRecord, frozen=True, kw_only=True):
    messages: list[SessionMessage]
    last_seq: int
    """Of its newest event, in the run's log."""
