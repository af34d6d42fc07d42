"""Working with an agent of a run, as it goes over the wire (resources.md X4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from fabro_core.models.counts import Count
from fabro_core.models.events.run import PairTarget
from fabro_core.models.instant import Instant

PairStatus = Literal["active", "ended", "failed"]


class PairRecord(msgspec.Struct, frozen=True, kw_only=True):
    pair_id: str
    run_id: str
    status: PairStatus
    started_at: Instant
    ended_at: Instant | None
    failure_reason: str | None
    """The `reason` of `run.pair.failed`; None unless it has failed."""
    target: PairTarget


class RunPairStatusResponse(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str
    current_pair: PairRecord | None
    targets: Sequence[PairTarget]
    """The stages whose agents take instructions now."""


class PairMessageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was said to the agent."""

    message_id: str
    client_message_id: str | None
    pair_id: str
    run_id: str
    stage_id: str
    text: str
    accepted_at: Instant


# -- the transcript -------------------------------------------------------------------------------------------------


class PairTranscriptDetailRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where in the run's log the whole of it is."""

    seq: int
    tool_call_id: str | None = None


class TranscriptEntry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of the entries; each is told by one event."""

    seq: int
    event_id: str
    ts: Instant
    pair_id: str
    target: PairTarget


class PairTranscriptUserMessage(TranscriptEntry, frozen=True, kw_only=True, tag="user_message"):
    message_id: str
    client_message_id: str | None
    text: str


class PairTranscriptSystemMessage(TranscriptEntry, frozen=True, kw_only=True, tag="system_message"):
    system_message_kind: Literal["human_joined", "human_left"]
    text: str


class PairTranscriptAssistantMessage(
    TranscriptEntry, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="assistant_message"
):
    text: str
    tool_call_count: Count


class PairTranscriptToolCall(TranscriptEntry, frozen=True, kw_only=True, tag="tool_call"):
    tool_call_id: str
    tool_name: str
    status: Literal["started", "completed"]
    summary: str
    """The beginning of its arguments, or of its output."""
    is_error: bool
    truncated: bool
    """There is more than the summary."""
    detail_ref: PairTranscriptDetailRef


class PairTranscriptError(TranscriptEntry, frozen=True, kw_only=True, tag="error"):
    message: str
    detail_ref: PairTranscriptDetailRef


class PairTranscriptWarning(TranscriptEntry, frozen=True, kw_only=True, tag="warning"):
    warning_kind: str
    message: str
    detail_ref: PairTranscriptDetailRef


PairTranscriptEntry = (
    PairTranscriptUserMessage
    | PairTranscriptSystemMessage
    | PairTranscriptAssistantMessage
    | PairTranscriptToolCall
    | PairTranscriptError
    | PairTranscriptWarning
)
