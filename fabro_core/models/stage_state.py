"""A stage as `GET /runs/{id}/state` answers it (events.md E10.1): with every text that the log has about it.

Null and missing differ: a member that is always present has no default, one that is left out when unset has one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from fabro_core.models.billing import BilledTokenCounts, BillingModelRef
from fabro_core.models.context_window import StageContextWindowProjection
from fabro_core.models.counts import Count
from fabro_core.models.events.agents import (
    AgentMcpToolSummary,
    AgentSkillSummary,
    AgentToolSummary,
    CommandTermination,
    PermissionLevel,
)
from fabro_core.models.events.stages import ParallelBranchResult
from fabro_core.models.instant import Instant
from fabro_core.models.stage import StageModelUsage, StageOutcome, StageState, StageTiming


class _State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the structs below."""


# -- what an agent has at hand --------------------------------------------------------------------------------------


TodoStatus = Literal["pending", "in_progress", "completed", "deleted"]
TodoListKind = Literal["openai_plan", "anthropic_tasks", "kimi_todos"]


class TodoProjection(_State, frozen=True, kw_only=True):
    id: str
    status: TodoStatus
    order: Count
    subject: str
    description: str = ""
    active_form: str | None = None
    owner: str | None = None
    blocks: list[str] = []
    blocked_by: list[str] = []
    metadata: dict[str, msgspec.Raw] = {}


class TodoListProjection(_State, frozen=True, kw_only=True):
    kind: TodoListKind
    list_id: str
    items: tuple[TodoProjection, ...]
    """By `order`, and in the order of their first events where that is equal."""


class SubAgentStatusRunning(_State, frozen=True, tag="running", tag_field="kind"):
    """Works, or waits for its next turn."""


class SubAgentStatusCompleted(_State, frozen=True, kw_only=True, tag="completed", tag_field="kind"):
    success: bool
    turns_used: Count


class SubAgentStatusFailed(_State, frozen=True, kw_only=True, tag="failed", tag_field="kind"):
    error: msgspec.Raw
    """Any JSON."""


class SubAgentStatusClosed(_State, frozen=True, tag="closed", tag_field="kind"):
    """Takes no further turn."""


SubAgentStatus = SubAgentStatusRunning | SubAgentStatusCompleted | SubAgentStatusFailed | SubAgentStatusClosed


class SubAgentProjection(_State, frozen=True, kw_only=True):
    agent_id: str
    depth: Count
    task: str
    """Empty when no event told it."""
    status: SubAgentStatus


class ActivatedSkill(_State, frozen=True, kw_only=True):
    name: str
    source: Literal["slash", "tool"]


class SkillsProjection(_State, frozen=True, kw_only=True):
    available: list[AgentSkillSummary]
    activated: list[ActivatedSkill]


class McpServerStatusReady(_State, frozen=True, kw_only=True, tag="ready", tag_field="kind"):
    tools: list[AgentMcpToolSummary]


class McpServerStatusFailed(_State, frozen=True, kw_only=True, tag="failed", tag_field="kind"):
    error: str


class McpServerProjection(_State, frozen=True, kw_only=True):
    server_name: str
    tool_count: Count
    status: McpServerStatusReady | McpServerStatusFailed
    invoked: bool
    """The agent has called one of its tools."""


# -- stages ---------------------------------------------------------------------------------------------------------


class StageCompletion(_State, frozen=True, kw_only=True):
    """How the newest attempt ended."""

    outcome: StageOutcome
    notes: str | None
    failure_reason: str | None
    timestamp: Instant


class ScriptInvocation(_State, frozen=True, kw_only=True):
    """What a command stage runs."""

    script: str
    command: str
    language: str
    timeout_ms: Count | None


class ScriptTiming(_State, frozen=True, kw_only=True):
    """How long the stage's command took, and how it ended."""

    duration_ms: Count
    termination: CommandTermination
    exit_code: Any
    """None when there is none, as after a timeout."""


class StageToolBatchProjection(_State, frozen=True, kw_only=True):
    """Tools that run now."""

    session_id: str
    started_at: Instant
    open_call_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class StageInferenceProjection(_State, frozen=True, kw_only=True):
    """A model call that is open."""

    session_id: str
    started_at: Instant
    requested_model: BillingModelRef
    first_output_at: Instant | None = None
    first_output_kind: Literal["reasoning", "text", "tool_call"] | None = None
    retries: Count


class StageProjection(_State, frozen=True, kw_only=True):
    """One visit to a node."""

    first_event_seq: Annotated[int, msgspec.Meta(ge=1)]
    state: StageState
    prompt: str | None
    response: str | None
    completion: StageCompletion | None
    provider_used: StageModelUsage | None
    diff: str | None
    script_invocation: ScriptInvocation | None
    script_timing: ScriptTiming | None
    parallel_results: list[ParallelBranchResult] | None
    output: str | None
    """The text, or `blob://sha256/<hash>`."""
    timing: StageTiming | None
    usage: BilledTokenCounts
    agent_control: Literal["running", "waiting_for_steer"]
    parallel_branch_id: str | None = None
    output_bytes: Count | None = None
    live_streaming: bool | None = None
    termination: CommandTermination | None = None
    started_at: Instant | None = None
    live_inference_ms: Count = 0
    live_tool_ms: Count = 0
    tool_batch: StageToolBatchProjection | None = None
    inference: StageInferenceProjection | None = None
    model: BillingModelRef | None = None
    todos: TodoListProjection | None = None
    subagents: list[SubAgentProjection] = []
    skills: SkillsProjection | None = None
    permission_level: PermissionLevel | None = None
    agent_tools: list[AgentToolSummary] = []
    mcp_servers: list[McpServerProjection] = []
    context_window: StageContextWindowProjection | None = None
    acp_started_at: Instant | None = None
    graph_visit: Count | None = None
    resumed_from_stage_id: str | None = None
    handler: str | None = None
