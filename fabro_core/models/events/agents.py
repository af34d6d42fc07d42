"""What happens to agents, commands and their lists of work (events.md E22, table *Agents and commands*)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from fabro_core.models.billing import BilledTokenCounts, BillingModelRef, Speed
from fabro_core.models.context_window import StageContextWindowProjection
from fabro_core.models.counts import Count
from fabro_core.models.events.envelope import JsonObject, Number, Properties, StageProperties, VisitProperties
from fabro_core.models.events.run import ExecOutputTail
from fabro_core.models.stage import ReasoningEffort

PermissionLevel = Literal["read-only", "read-write", "full"]
CommandTermination = Literal["exited", "timed_out", "cancelled"]

# -- sessions -------------------------------------------------------------------------------------------------------


class AgentSessionStarted(StageProperties, frozen=True, kw_only=True):
    event = "agent.session.started"

    provider: str | None = None
    model: str | None = None


class AgentSessionEnded(StageProperties, frozen=True, kw_only=True):
    event = "agent.session.ended"


class AgentSessionActivated(VisitProperties, frozen=True, kw_only=True):
    event = "agent.session.activated"

    capabilities: list[Literal["steer"]]
    thread_id: str | None = None
    provider: str | None = None
    model: str | None = None
    reasoning_effort: ReasoningEffort | None = None
    speed: Speed | None = None
    permission_level: PermissionLevel | None = None


class AgentSessionDeactivated(VisitProperties, frozen=True, kw_only=True):
    event = "agent.session.deactivated"


# -- tools ----------------------------------------------------------------------------------------------------------


class AgentToolSourceNative(msgspec.Struct, frozen=True, tag="native", tag_field="kind"):
    """Built into the agent."""


class AgentToolSourceMcp(msgspec.Struct, frozen=True, kw_only=True, tag="mcp", tag_field="kind"):
    server_name: str
    original_name: str


class AgentToolSourceSkill(msgspec.Struct, frozen=True, tag="skill", tag_field="kind"):
    """Brought by a skill."""


class AgentToolSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    source: AgentToolSourceNative | AgentToolSourceMcp | AgentToolSourceSkill
    category: Literal["read", "write", "shell", "subagent", "other"]
    invoked: bool


class AgentToolsAvailable(VisitProperties, frozen=True, kw_only=True):
    event = "agent.tools.available"

    tools: list[AgentToolSummary]


class AgentToolStarted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.tool.started"

    tool_name: str
    tool_call_id: str
    arguments: Any
    tool_call: Any = None
    turn_id: str | None = None
    parent_message_id: str | None = None


class AgentToolCompleted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.tool.completed"

    tool_name: str
    tool_call_id: str
    output: Any
    is_error: bool
    tool_result: Any = None
    turn_id: str | None = None


class AgentToolProcessCompleted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.tool.process.completed"

    termination: CommandTermination
    duration_ms: Count
    streams_separated: bool
    exit_code: Any = None
    exec_output_tail: ExecOutputTail | None = None


# -- model calls ----------------------------------------------------------------------------------------------------


class ReasoningOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """At least one of both is there."""

    summary: str | None = None
    trace: str | None = None


class AgentMessage(VisitProperties, frozen=True, kw_only=True):
    event = "agent.message"

    text: str
    model: BillingModelRef
    billing: BilledTokenCounts
    tool_call_count: Count
    message: JsonObject | None = None
    context_window: StageContextWindowProjection | None = None
    reasoning: ReasoningOutput | None = None
    cost_source: Literal["authoritative", "estimated"] | None = None


class AgentLlmStarted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.llm.started"

    requested_model: BillingModelRef


class AgentLlmFirstOutput(VisitProperties, frozen=True, kw_only=True):
    event = "agent.llm.first_output"

    kind: Literal["reasoning", "text", "tool_call"]


class AgentLlmRetry(VisitProperties, frozen=True, kw_only=True):
    event = "agent.llm.retry"

    provider: str
    model: str
    attempt: Number
    delay_secs: float
    error: Any
    phase: str | None = None


class AgentError(VisitProperties, frozen=True, kw_only=True):
    event = "agent.error"

    error: Any


class AgentWarning(VisitProperties, frozen=True, kw_only=True):
    event = "agent.warning"

    kind: str
    message: str
    details: Any


# -- steering -------------------------------------------------------------------------------------------------------


class AgentRoundInterrupted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.round.interrupted"

    generation: Number


class AgentSteeringInjected(VisitProperties, frozen=True, kw_only=True):
    event = "agent.steering.injected"

    text: str


class AgentInterruptInjected(VisitProperties, frozen=True, kw_only=True):
    event = "agent.interrupt.injected"


class AgentSteerBuffered(StageProperties, frozen=True, kw_only=True):
    event = "agent.steer.buffered"


class AgentSteerDropped(StageProperties, frozen=True, kw_only=True):
    event = "agent.steer.dropped"

    reason: Literal["queue_full", "run_ended"]
    count: Number


class AgentPairUserMessage(VisitProperties, frozen=True, kw_only=True):
    event = "agent.pair.user_message"

    pair_id: str
    message_id: str
    client_message_id: str | None = None
    text: str


class AgentPairSystemMessage(VisitProperties, frozen=True, kw_only=True):
    event = "agent.pair.system_message"

    pair_id: str
    kind: str
    text: str


# -- what an agent has at hand --------------------------------------------------------------------------------------


class _SubAgent(StageProperties, frozen=True, kw_only=True):
    """Further keys are open."""

    agent_id: str
    depth: Number


class AgentSubSpawned(_SubAgent, frozen=True, kw_only=True):
    event = "agent.sub.spawned"


class AgentSubTurnStarted(_SubAgent, frozen=True, kw_only=True):
    event = "agent.sub.turn.started"


class AgentSubCompleted(_SubAgent, frozen=True, kw_only=True):
    event = "agent.sub.completed"


class AgentSubFailed(_SubAgent, frozen=True, kw_only=True):
    event = "agent.sub.failed"


class AgentSubClosed(_SubAgent, frozen=True, kw_only=True):
    event = "agent.sub.closed"


class AgentMcpToolSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    original_name: str


class AgentMcpReady(VisitProperties, frozen=True, kw_only=True):
    event = "agent.mcp.ready"

    server_name: str
    tool_count: Count
    tools: list[AgentMcpToolSummary] | None = None


class AgentMcpFailed(VisitProperties, frozen=True, kw_only=True):
    event = "agent.mcp.failed"

    server_name: str
    error: str


class AgentSkillSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str


class AgentSkillsDiscovered(StageProperties, frozen=True, kw_only=True):
    event = "agent.skills.discovered"

    skills: list[AgentSkillSummary]


class AgentSkillActivated(StageProperties, frozen=True, kw_only=True):
    event = "agent.skill.activated"

    skill_name: str
    source: Literal["slash", "tool"]


# -- agents behind the Agent Client Protocol, commands, todo lists ---------------------------------------------------


class AgentAcpStarted(VisitProperties, frozen=True, kw_only=True):
    event = "agent.acp.started"

    command: str
    config_name: str | None = None


class AgentAcpCompleted(StageProperties, frozen=True, kw_only=True):
    event = "agent.acp.completed"

    stdout: str
    stderr: str
    stop_reason: str
    duration_ms: Count


class AgentAcpCancelled(StageProperties, frozen=True, kw_only=True):
    """Further keys are open."""

    event = "agent.acp.cancelled"


class AgentAcpTimedOut(StageProperties, frozen=True, kw_only=True):
    event = "agent.acp.timed_out"

    stdout: str
    stderr: str
    duration_ms: Count


class CommandStarted(StageProperties, frozen=True, kw_only=True):
    event = "command.started"

    script: str
    command: str
    language: str
    timeout_ms: Count | None = None


class CommandCompleted(StageProperties, frozen=True, kw_only=True):
    event = "command.completed"

    output: str
    """The text, or `blob://sha256/<hash>`."""
    duration_ms: Count
    termination: CommandTermination
    exit_code: Any = None
    output_bytes: Count | None = None
    live_streaming: bool | None = None


class _Todo(StageProperties, frozen=True, kw_only=True):
    """Further keys are open."""

    list_id: str
    list_kind: Literal["openai_plan", "anthropic_tasks", "kimi_todos"]
    todo_id: str


class TodoCreated(_Todo, frozen=True, kw_only=True):
    event = "todo.created"


class TodoUpdated(_Todo, frozen=True, kw_only=True):
    event = "todo.updated"


class TodoDeleted(_Todo, frozen=True, kw_only=True):
    event = "todo.deleted"


AGENT_EVENTS: tuple[type[Properties], ...] = (
    AgentSessionStarted,
    AgentSessionEnded,
    AgentSessionActivated,
    AgentSessionDeactivated,
    AgentToolsAvailable,
    AgentToolStarted,
    AgentToolCompleted,
    AgentToolProcessCompleted,
    AgentMessage,
    AgentLlmStarted,
    AgentLlmFirstOutput,
    AgentLlmRetry,
    AgentError,
    AgentWarning,
    AgentRoundInterrupted,
    AgentSteeringInjected,
    AgentInterruptInjected,
    AgentSteerBuffered,
    AgentSteerDropped,
    AgentPairUserMessage,
    AgentPairSystemMessage,
    AgentSubSpawned,
    AgentSubTurnStarted,
    AgentSubCompleted,
    AgentSubFailed,
    AgentSubClosed,
    AgentMcpReady,
    AgentMcpFailed,
    AgentSkillsDiscovered,
    AgentSkillActivated,
    AgentAcpStarted,
    AgentAcpCompleted,
    AgentAcpCancelled,
    AgentAcpTimedOut,
    CommandStarted,
    CommandCompleted,
    TodoCreated,
    TodoUpdated,
    TodoDeleted,
)
