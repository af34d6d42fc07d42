"""Checkpoints as they stand in a run's log: read from the one event that each of them is (events.md E10)."""

from __future__ import annotations

import msgspec

from fabro_core.models.checkpoint import JsonMembers, RunCheckpoint
from fabro_core.models.instant import Instant
from fabro_core.models.run import DiffSummary


class _Reached(msgspec.Struct, frozen=True, kw_only=True):
    """The properties of `checkpoint.completed`, values undecoded."""

    current_node: str
    completed_nodes: list[str]
    node_retries: JsonMembers
    context_values: JsonMembers
    node_outcomes: JsonMembers
    next_node_id: str | None = None
    git_commit_sha: str | None = None
    loop_failure_signatures: JsonMembers | None = None
    restart_failure_signatures: JsonMembers | None = None
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
    checkpoint = RunCheckpoint(
        timestamp=event.ts,
        current_node=reached.current_node,
        completed_nodes=reached.completed_nodes,
        node_retries=reached.node_retries,
        context_values=reached.context_values,
        node_outcomes=reached.node_outcomes,
        next_node_id=reached.next_node_id,
        git_commit_sha=reached.git_commit_sha,
        loop_failure_signatures=reached.loop_failure_signatures,
        restart_failure_signatures=reached.restart_failure_signatures,
    )
    return LoggedCheckpoint(checkpoint=checkpoint, patch=reached.diff, summary=reached.diff_summary)
