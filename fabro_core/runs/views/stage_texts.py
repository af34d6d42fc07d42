"""What the log says about a stage beyond the stored projection (events.md E22): texts, and what an agent has at hand.

`fabro_core.runs.fold.stages` folds everything that rules and summaries need, with every event that is written. What is
in here is folded when somebody asks for a run's whole state; it may be as long as the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from fabro_core.models.billing import BillingModelRef
from fabro_core.models.context_window import StageContextWindowProjection
from fabro_core.models.events import Properties, RunEvent, agents, stages
from fabro_core.models.instant import Instant
from fabro_core.models.stage import StageOutcome
from fabro_core.models.stage_state import (
    McpServerProjection,
    ScriptInvocation,
    ScriptTiming,
    SkillsProjection,
    StageCompletion,
    SubAgentProjection,
    TodoListProjection,
)
from fabro_core.runs.views.belongings import (
    servers_after,
    skills_after,
    subagents_after,
    todos_after,
)


class ModelCall(msgspec.Struct, frozen=True, kw_only=True):
    """The newest call of a model in a session; whether it is still open, the projection knows."""

    requested_model: BillingModelRef
    first_output_at: Instant | None = None
    first_output_kind: Literal["reasoning", "text", "tool_call"] | None = None
    retries: int = 0


class StageTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of one visit to a node. A new attempt begins without what the one before has left."""

    prompt: str | None = None
    response: str | None = None
    completion: StageCompletion | None = None
    diff: str | None = None
    script_invocation: ScriptInvocation | None = None
    script_timing: ScriptTiming | None = None
    parallel_results: list[stages.ParallelBranchResult] | None = None
    output: str | None = None
    output_bytes: int | None = None
    live_streaming: bool | None = None
    acp_started_at: Instant | None = None
    permission_level: agents.PermissionLevel | None = None
    context_window: StageContextWindowProjection | None = None
    model_calls: dict[str, ModelCall] = {}
    """By the id of the session."""
    tools: list[agents.AgentToolSummary] = []
    servers: dict[str, McpServerProjection] = {}
    called: frozenset[str] = frozenset()
    """Names of the tools that were called."""
    todos: TodoListProjection | None = None
    subagents: dict[str, SubAgentProjection] = {}
    skills: SkillsProjection | None = None


NO_TEXTS = StageTexts()


def texts_after(before: StageTexts, event: RunEvent, properties: Properties) -> StageTexts:
    """The texts of a stage after an event about it."""
    match properties:
        case stages.StageStarted() | stages.ParallelBranchStarted():
            return _new_attempt(before)
        case stages.StagePrompt(text=text):
            return replace(before, prompt=text)
        case stages.PromptCompleted(response=response):
            return replace(before, response=response)
        case stages.StageCompleted(status=status, notes=notes, failure=failure, response=response):
            completion = _completion(event, status, notes, None if failure is None else failure.message)
            return replace(before, completion=completion, response=before.response if response is None else response)
        case stages.StageFailed(will_retry=False, failure=failure):
            return replace(
                before, completion=_completion(event, "failed", None, None if failure is None else failure.message)
            )
        case stages.ParallelBranchCompleted(status=status):
            return replace(before, completion=_completion(event, status, None, None))
        case stages.ParallelCompleted(results=results):
            return replace(before, parallel_results=results)
        case stages.CheckpointCompleted(diff=diff):
            return before if diff is None else replace(before, diff=diff)
        case _:
            return _agent_texts_after(before, event, properties)


def _agent_texts_after(before: StageTexts, event: RunEvent, properties: Properties) -> StageTexts:
    match properties:
        case agents.AgentSessionActivated(permission_level=level):
            return replace(before, permission_level=level)
        case agents.AgentToolsAvailable(tools=tools):
            return replace(before, tools=tools)
        case agents.AgentToolStarted(tool_name=name):
            return replace(before, called=before.called | {name})
        case agents.AgentMessage(context_window=StageContextWindowProjection() as window):
            return replace(before, context_window=replace(window, event_seq=event.seq))
        case agents.AgentLlmStarted() | agents.AgentLlmFirstOutput() | agents.AgentLlmRetry():
            return replace(before, model_calls=_calls_after(before.model_calls, event, properties))
        case agents.AgentSkillsDiscovered() | agents.AgentSkillActivated():
            return replace(before, skills=skills_after(before.skills, properties))
        case agents.TodoCreated() | agents.TodoUpdated() | agents.TodoDeleted():
            return replace(before, todos=todos_after(before.todos, event, properties))
        case agents.AgentMcpReady() | agents.AgentMcpFailed():
            return replace(before, servers=servers_after(before.servers, properties))
        case (
            agents.AgentSubSpawned()
            | agents.AgentSubTurnStarted()
            | agents.AgentSubCompleted()
            | agents.AgentSubFailed()
            | agents.AgentSubClosed()
        ):
            return replace(before, subagents=subagents_after(before.subagents, event, properties))
        case _:
            return _command_texts_after(before, event, properties)


def _command_texts_after(before: StageTexts, event: RunEvent, properties: Properties) -> StageTexts:
    match properties:
        case agents.CommandStarted(script=script, command=command, language=language, timeout_ms=timeout_ms):
            invocation = ScriptInvocation(script=script, command=command, language=language, timeout_ms=timeout_ms)
            return replace(_without_output(before), script_invocation=invocation)
        case agents.CommandCompleted(output=output):
            return replace(
                before,
                output=output,
                output_bytes=properties.output_bytes,
                live_streaming=properties.live_streaming,
                script_timing=ScriptTiming(
                    duration_ms=properties.duration_ms,
                    termination=properties.termination,
                    exit_code=properties.exit_code,
                ),
            )
        case agents.AgentAcpStarted():
            return replace(_without_output(before), acp_started_at=event.ts)
        case agents.AgentAcpCompleted(stdout=stdout, duration_ms=duration_ms):
            timing = ScriptTiming(duration_ms=duration_ms, termination="exited", exit_code=None)
            return replace(before, output=stdout, script_timing=timing)
        case agents.AgentAcpTimedOut(stdout=stdout, duration_ms=duration_ms):
            timing = ScriptTiming(duration_ms=duration_ms, termination="timed_out", exit_code=None)
            return replace(before, output=stdout, script_timing=timing)
        case _:
            return before


def _new_attempt(before: StageTexts) -> StageTexts:
    return replace(
        _without_output(before),
        response=None,
        completion=None,
        script_invocation=None,
        parallel_results=None,
        acp_started_at=None,
    )


def _without_output(before: StageTexts) -> StageTexts:
    return replace(before, output=None, output_bytes=None, live_streaming=None, script_timing=None)


def _completion(
    event: RunEvent, outcome: StageOutcome, notes: str | None, failure_reason: str | None
) -> StageCompletion:
    return StageCompletion(outcome=outcome, notes=notes, failure_reason=failure_reason, timestamp=event.ts)


def _calls_after(
    before: Mapping[str, ModelCall],
    event: RunEvent,
    properties: agents.AgentLlmStarted | agents.AgentLlmFirstOutput | agents.AgentLlmRetry,
) -> dict[str, ModelCall]:
    """The newest call of each session; what is said about a call that was never opened is about none."""
    session = event.session_id or ""
    call = before.get(session)
    match properties:
        case agents.AgentLlmStarted(requested_model=model):
            call = ModelCall(requested_model=model)
        case agents.AgentLlmFirstOutput(kind=kind) if call is not None and call.first_output_at is None:
            call = replace(call, first_output_at=event.ts, first_output_kind=kind)
        case agents.AgentLlmRetry() if call is not None:
            call = replace(call, retries=call.retries + 1)
    return {**before} if call is None else {**before, session: call}


TEXTUAL: Final = frozenset(
    kind.event
    for kind in (
        stages.StageStarted,
        stages.StageCompleted,
        stages.StageFailed,
        stages.StagePrompt,
        stages.PromptCompleted,
        stages.ParallelBranchStarted,
        stages.ParallelBranchCompleted,
        stages.ParallelCompleted,
        stages.CheckpointCompleted,
        agents.AgentSessionActivated,
        agents.AgentToolsAvailable,
        agents.AgentMessage,
        agents.AgentLlmStarted,
        agents.AgentLlmFirstOutput,
        agents.AgentLlmRetry,
        agents.AgentToolStarted,
        agents.AgentSubSpawned,
        agents.AgentSubTurnStarted,
        agents.AgentSubCompleted,
        agents.AgentSubFailed,
        agents.AgentSubClosed,
        agents.AgentMcpReady,
        agents.AgentMcpFailed,
        agents.AgentSkillsDiscovered,
        agents.AgentSkillActivated,
        agents.AgentAcpStarted,
        agents.AgentAcpCompleted,
        agents.AgentAcpTimedOut,
        agents.CommandStarted,
        agents.CommandCompleted,
        agents.TodoCreated,
        agents.TodoUpdated,
        agents.TodoDeleted,
    )
)
"""Names of the events that `texts_after` looks at."""
