"""Stages: one visit of a run to a node of its graph (runs.md R3, events.md E10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from fabro_core.models.counts import Count

StageOutcome = Literal["succeeded", "partially_succeeded", "failed", "skipped"]
StageState = Literal[
    "pending", "running", "retrying", "succeeded", "partially_succeeded", "failed", "skipped", "cancelled"
]
ReasoningEffort = Literal["low", "medium", "high", "xhigh", "max"]

_VISIT = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_MAX_VISIT = 10**10 - 1
_INDEX = re.compile(r"[0-9]{1,10}", re.ASCII)


class StageId(NamedTuple):
    """`node@visit`; visits count from 1."""

    node: str
    visit: int

    def __str__(self) -> str:
        return f"{self.node}@{self.visit}"


def parse_stage_id(text: str) -> StageId | None:
    """The parts of a stage id, split at its last `@`; None when it is malformed (runs.md R3)."""
    node, at, visit = text.rpartition("@")
    return StageId(node, int(visit)) if at and node and _VISIT.fullmatch(visit) else None


def told_visit(visits: Mapping[str, Any], node: str) -> int:
    """The visit to a node in what a worker tells of its visits; 1 when that is no number that a stage id can have."""
    visit = visits.get(node)
    return visit if isinstance(visit, int) and 1 <= visit <= _MAX_VISIT else 1


def is_branch_id(text: str) -> bool:
    """Whether this is the id of a parallel branch, `node@visit:index` (runs.md R3)."""
    stage_id, colon, index = text.rpartition(":")
    return bool(colon) and _INDEX.fullmatch(index) is not None and parse_stage_id(stage_id) is not None


class StageTiming(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in milliseconds."""

    wall_time_ms: Count
    inference_time_ms: Count
    tool_time_ms: Count
    active_time_ms: Count


class StageModelUsage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which provider and model a stage used, and how."""

    mode: str
    """`prompt`, `agent` or `acp`."""
    provider: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    speed: str | None = None
