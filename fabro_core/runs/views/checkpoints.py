"""Checkpoints as they stand in a run's log: read from the one event that each of them is (events.md E10)."""

from __future__ import annotations

import msgspec

from fabro_core.models.checkpoint import CheckpointFacts, RunCheckpoint
from fabro_core.models.instant import Instant
from fabro_core.models.run import DiffSummary


class _Reached(CheckpointFacts, frozen=True, kw_only=True):
    """The properties of `checkpoint.completed`, values undecoded."""

    diff: str | None = None
    diff_summary: DiffSummary | None = None


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    ts: Instant
    properties: _Reached


class LoggedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint with what had changed by then."""

    checkpoint: RunCheckpoint
    patch: str | None
    summary: DiffSummary | None


def read_checkpoint(body: bytes) -> LoggedCheckpoint:
    """The checkpoint in a stored `checkpoint.completed`, which has been checked when it was appended."""
    event = msgspec.json.decode(body, type=_Event)
    reached = event.properties
    facts = {name: getattr(reached, name) for name in CheckpointFacts.__struct_fields__}
    checkpoint = RunCheckpoint(timestamp=event.ts, **facts)
    return LoggedCheckpoint(checkpoint=checkpoint, patch=reached.diff, summary=reached.diff_summary)
