"""How full a stage's context window was when its agent last spoke (events.md E17)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fabro_core.models.counts import Count

Percent = Annotated[float, msgspec.Meta(ge=0)]


class StageContextWindowBreakdownItem(msgspec.Struct, frozen=True, kw_only=True):
    category: Literal["system_prompt", "tools", "mcp_tools", "skills", "memory", "conversation", "other"]
    tokens: Count
    usage_percent: Percent


class StageContextWindowWarning(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    message: str


class StageContextWindowProjection(msgspec.Struct, frozen=True, kw_only=True):
    """As an agent reports it with a message."""

    provider: str
    model: str
    context_window_tokens: Count
    input_tokens: Count
    usage_percent: Percent
    count_method: Literal["provider_api_scaled_breakdown", "response_usage_scaled_breakdown", "local_estimate"]
    staleness: Literal["live", "stored", "unavailable"]
    generated_at: str
    event_seq: Annotated[int, msgspec.Meta(ge=1)] | None = None
    breakdown: list[StageContextWindowBreakdownItem]
    warnings: list[StageContextWindowWarning]
