"""A checkpoint as read models show it (events.md E10); its values stay as they are stored, undecoded."""

from __future__ import annotations

import msgspec

from fabro_core.models.instant import Instant

JsonMembers = dict[str, msgspec.Raw]
"""A JSON object whose values are not looked into."""


class CheckpointFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker tells of a checkpoint, as its event has it. What is None is left out."""

    current_node: str
    completed_nodes: list[str]
    node_retries: JsonMembers
    context_values: JsonMembers
    node_outcomes: JsonMembers
    next_node_id: str | None = None
    git_commit_sha: str | None = None
    loop_failure_signatures: JsonMembers | None = None
    restart_failure_signatures: JsonMembers | None = None


class RunCheckpoint(CheckpointFacts, frozen=True, kw_only=True, omit_defaults=True):
    """Where a run can go on."""

    timestamp: Instant
