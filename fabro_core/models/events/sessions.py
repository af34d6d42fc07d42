"""What happens in interactive sessions about a run (resources.md X2). The envelope names the session."""

from __future__ import annotations

from typing import Any, Literal

from fabro_core.models.events.envelope import Properties


class RunSessionCreated(Properties, frozen=True, kw_only=True):
    event = "run.session.created"

    title: str | None = None
    model: str | None = None
    provider: str | None = None


class TurnProperties(Properties, frozen=True, kw_only=True):
    """Properties of an event of one turn."""

    turn_id: str


class RunSessionTurnStarted(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.turn.started"

    input: str


class RunSessionUserMessage(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.user_message"

    text: str


class RunSessionAssistantDelta(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.assistant_delta"

    delta: str


class RunSessionAssistantMessage(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.assistant_message"

    text: str
    usage: Any
    model: str | None = None


class RunSessionToolCallStarted(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.tool_call.started"

    tool_name: str
    tool_call_id: str
    arguments: Any


class RunSessionToolCallCompleted(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.tool_call.completed"

    tool_name: str
    tool_call_id: str
    output: Any
    is_error: bool


class RunSessionTurnSucceeded(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.turn.succeeded"

    output: str | None = None


class RunSessionTurnFailed(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.turn.failed"

    error: str
    code: Literal[
        "no_sandbox", "sandbox_unavailable", "llm_unconfigured", "model_unavailable", "tool_denied", "agent_error"
    ]
    retryable: bool
    output: str | None = None


class RunSessionTurnInterrupted(TurnProperties, frozen=True, kw_only=True):
    event = "run.session.turn.interrupted"

    error: str | None = None


SESSION_EVENTS: tuple[type[Properties], ...] = (
    RunSessionCreated,
    RunSessionTurnStarted,
    RunSessionUserMessage,
    RunSessionAssistantDelta,
    RunSessionAssistantMessage,
    RunSessionToolCallStarted,
    RunSessionToolCallCompleted,
    RunSessionTurnSucceeded,
    RunSessionTurnFailed,
    RunSessionTurnInterrupted,
)
