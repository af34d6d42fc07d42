"""What the log says about a stage beyond the stored projection (events.md E22): texts, and what an agent has at hand.

`fabro_core.runs.fold.stages` folds everything that rules and summaries need, with every event that is written. What is
in here is folded when somebody asks for a run's whole state; it may be as long as the log.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from fabro_core.models.billing import BillingModelRef
from fabro_core.models.context_window import StageContextWindowProjection
from fabro_core.models.events import Properties, RunEvent, agents, stages
from fabro_core.models.instant import Instant
from fabro_core.models.stage import StageOutcome
from fabro_core.models.stage_state import (
    ActivatedSkill,
    McpServerProjection,
    ScriptInvocation,
    ScriptTiming,
    SkillsProjection,
    StageCompletion,
    SubAgentProjection,
)
from fabro_core.runs.views.belongings import TodoList, server_of, subagent_after, todos_after


class ModelCall(msgspec.Struct, frozen=True, kw_only=True):
    """The newest call of a model in a session; whether it is still open, the projection knows."""

    requested_model: BillingModelRef
    first_output_at: Instant | None = None
    first_output_kind: Literal["reasoning", "text", "tool_call"] | None = None
    retries: int = 0


class StageTexts:
    """The texts of one visit to a node, in the making. A new attempt begins without what the one before has left.

    An event changes what it tells of and nothing is copied, so a stage costs as much as its events.
    """

    def __init__(self) -> None:
        self.prompt: str | None = None
        self.response: str | None = None
        self.completion: StageCompletion | None = None
        self.diff: str | None = None
        self.script_invocation: ScriptInvocation | None = None
        self.script_timing: ScriptTiming | None = None
        self.parallel_results: list[stages.ParallelBranchResult] | None = None
        self.output: str | None = None
        self.output_bytes: int | None = None
        self.live_streaming: bool | None = None
        self.acp_started_at: Instant | None = None
        self.permission_level: agents.PermissionLevel | None = None
        self.context_window: StageContextWindowProjection | None = None
        self.model_calls: dict[str, ModelCall] = {}
        """The newest of each session, by its id."""
        self.tools: list[agents.AgentToolSummary] = []
        self.servers: dict[str, McpServerProjection] = {}
        self.called: set[str] = set()
        """Names of the tools that were called."""
        self.todos: TodoList | None = None
        self.subagents: dict[str, SubAgentProjection] = {}
        self._skills: list[agents.AgentSkillSummary] | None = None
        self._activated: dict[ActivatedSkill, None] = {}

    @property
    def skills(self) -> SkillsProjection | None:
        """None when no event told any; one that is activated again is listed once."""
        if self._skills is None and not self._activated:
            return None
        return SkillsProjection(available=self._skills or [], activated=list(self._activated))

    def take(self, event: RunEvent, properties: Properties) -> None:
        """Go on with an event about the stage."""
        match properties:
            case stages.StageStarted() | stages.ParallelBranchStarted():
                self._begin_attempt()
            case stages.StagePrompt(text=text):
                self.prompt = text
            case stages.PromptCompleted(response=response):
                self.response = response
            case stages.StageCompleted(status=status, notes=notes, failure=failure, response=response):
                self.completion = _completion(event, status, notes, None if failure is None else failure.message)
                self.response = self.response if response is None else response
            case stages.StageFailed(will_retry=False, failure=failure):
                self.completion = _completion(event, "failed", None, None if failure is None else failure.message)
            case stages.ParallelBranchCompleted(status=status):
                self.completion = _completion(event, status, None, None)
            case stages.ParallelCompleted(results=results):
                self.parallel_results = results
            case stages.CheckpointCompleted(diff=str(diff)):
                self.diff = diff
            case _:
                self._take_of_agent(event, properties)

    def _take_of_agent(self, event: RunEvent, properties: Properties) -> None:
        match properties:
            case agents.AgentSessionActivated(permission_level=level):
                self.permission_level = level
            case agents.AgentToolsAvailable(tools=tools):
                self.tools = tools
            case agents.AgentToolStarted(tool_name=name):
                self.called.add(name)
            case agents.AgentMessage(context_window=StageContextWindowProjection() as window):
                self.context_window = replace(window, event_seq=event.seq)
            case agents.AgentLlmStarted() | agents.AgentLlmFirstOutput() | agents.AgentLlmRetry():
                self._take_call(event, properties)
            case agents.AgentSkillsDiscovered(skills=skills):
                self._skills = skills
            case agents.AgentSkillActivated(skill_name=name, source=source):
                self._activated[ActivatedSkill(name=name, source=source)] = None
            case agents.TodoCreated() | agents.TodoUpdated() | agents.TodoDeleted():
                self.todos = todos_after(self.todos, event, properties)
            case agents.AgentMcpReady() | agents.AgentMcpFailed():
                self.servers[properties.server_name] = server_of(properties)
            case (
                agents.AgentSubSpawned()
                | agents.AgentSubTurnStarted()
                | agents.AgentSubCompleted()
                | agents.AgentSubFailed()
                | agents.AgentSubClosed()
            ):
                known = self.subagents.get(properties.agent_id)
                self.subagents[properties.agent_id] = subagent_after(known, event, properties)
            case _:
                self._take_of_command(event, properties)

    def _take_of_command(self, event: RunEvent, properties: Properties) -> None:
        match properties:
            case agents.CommandStarted(script=script, command=command, language=language, timeout_ms=timeout_ms):
                self._forget_output()
                self.script_invocation = ScriptInvocation(
                    script=script, command=command, language=language, timeout_ms=timeout_ms
                )
            case agents.CommandCompleted():
                self.output = properties.output
                self.output_bytes = properties.output_bytes
                self.live_streaming = properties.live_streaming
                self.script_timing = ScriptTiming(
                    duration_ms=properties.duration_ms,
                    termination=properties.termination,
                    exit_code=properties.exit_code,
                )
            case agents.AgentAcpStarted():
                self._forget_output()
                self.acp_started_at = event.ts
            case agents.AgentAcpCompleted(stdout=stdout, duration_ms=duration_ms):
                self.output = stdout
                self.script_timing = ScriptTiming(duration_ms=duration_ms, termination="exited", exit_code=None)
            case agents.AgentAcpTimedOut(stdout=stdout, duration_ms=duration_ms):
                self.output = stdout
                self.script_timing = ScriptTiming(duration_ms=duration_ms, termination="timed_out", exit_code=None)

    def _take_call(
        self,
        event: RunEvent,
        properties: agents.AgentLlmStarted | agents.AgentLlmFirstOutput | agents.AgentLlmRetry,
    ) -> None:
        """What is said about a call that was never opened is about none."""
        session = event.session_id or ""
        call = self.model_calls.get(session)
        match properties:
            case agents.AgentLlmStarted(requested_model=model):
                self.model_calls[session] = ModelCall(requested_model=model)
            case agents.AgentLlmFirstOutput(kind=kind) if call is not None and call.first_output_at is None:
                self.model_calls[session] = replace(call, first_output_at=event.ts, first_output_kind=kind)
            case agents.AgentLlmRetry() if call is not None:
                self.model_calls[session] = replace(call, retries=call.retries + 1)

    def _begin_attempt(self) -> None:
        self._forget_output()
        self.response = self.completion = self.script_invocation = self.parallel_results = self.acp_started_at = None

    def _forget_output(self) -> None:
        self.output = self.output_bytes = self.live_streaming = self.script_timing = None


def _completion(
    event: RunEvent, outcome: StageOutcome, notes: str | None, failure_reason: str | None
) -> StageCompletion:
    return StageCompletion(outcome=outcome, notes=notes, failure_reason=failure_reason, timestamp=event.ts)


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
"""Names of the events that `StageTexts` looks at."""
