"""A stage of a run as lists show it (events.md E10.2), and its context window (E17)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.context_window import (
    Percent,
    StageContextWindowBreakdownItem,
    StageContextWindowWarning,
)
from fabro_core.models.counts import Count
from fabro_core.models.graph import Handler
from fabro_core.models.instant import Instant
from fabro_core.models.stage import StageModelUsage, StageState

Visit = Annotated[int, msgspec.Meta(ge=1)]


class RunStage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One visit of a run to a node of its graph. What is None is left out."""

    id: str
    name: str
    """The node's id."""
    handler: Handler
    status: StageState
    node_id: str
    visit: Visit
    billing: BilledTokenCounts
    wall_time_ms: Count | None = None
    """Of the newest attempt, counted to the moment while the stage is open; None before the first one."""
    started_at: Instant | None = None
    graph_visit: Visit | None = None
    resumed_from_stage_id: str | None = None
    parallel_group_id: str | None = None
    parallel_branch_index: Count | None = None
    provider_used: StageModelUsage | None = None


class StageContextWindow(msgspec.Struct, frozen=True, kw_only=True):
    """How full the context window was; everything is None, or empty, when that is not known."""

    stage_id: str
    available: bool
    unavailable_reason: Literal["not_agent_stage", "not_observed", "provider_unconfigured"] | None
    provider: str | None
    model: str | None
    context_window_tokens: Count | None
    input_tokens: Count | None
    usage_percent: Percent | None
    count_method: Literal["provider_api_scaled_breakdown", "response_usage_scaled_breakdown", "local_estimate"] | None
    staleness: Literal["live", "stored", "unavailable"]
    generated_at: str | None
    event_seq: Annotated[int, msgspec.Meta(ge=1)] | None
    """The event that told it."""
    breakdown: list[StageContextWindowBreakdownItem]
    warnings: list[StageContextWindowWarning]
