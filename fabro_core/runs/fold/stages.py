"""Stages as a fold of a run's events (events.md E21): short facts alone; long texts stay in the log.

Durations of a stage that has not ended are estimated from brackets: a model call is open from `agent.llm.started`
to the message or error that answers it, a batch of tools from its first call until the last one has completed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from fabro_core.models.billing import BillingModelRef
from fabro_core.models.counts import bounded, bounded_sum
from fabro_core.models.events import Envelope, Properties, agents, stages
from fabro_core.models.instant import Instant, ms_of_instant
from fabro_core.models.stage import StageId, StageModelUsage, StageState, StageTiming, told_visit
from fabro_core.runs.fold.stage_table import Stage, Stages, StageTable, ToolBatch, ms_since

Value = TypeVar("Value")


def stages_after(before: dict[str, Stage], event: Envelope, properties: Properties) -> dict[str, Stage]:
    """The stages after an event of any name; `before` itself when it has no effect on any."""
    if not isinstance(properties, _EFFECTIVE):
        return before
    after = StageTable(before)
    if isinstance(properties, agents.AgentSessionEnded):
        for ended in after.working_in(_session(event)):
            after.put(ended, _without_session(after[ended], event))
        return after or before
    key = stage_of(event, properties, highest_visit=after.highest_visit)
    if key is not None:
        stage = after.get(key) or Stage(first_event_seq=event.seq)
        after.put(key, _changed(_scoped(stage, event), event, properties))
    if isinstance(properties, stages.CheckpointCompleted):
        _add_skipped(after, event.seq, properties)
    return after or before  # a table without entries would be stored, where a projection leaves out what is empty


def stages_after_failure(before: Stages, *, cancelled: bool, at: Instant) -> dict[str, Stage]:
    """Nothing goes on in a run that has failed: open stages end with what they have used."""
    now_ms = ms_of_instant(at)
    state: StageState = "cancelled" if cancelled else "failed"

    def ended(stage: Stage) -> Stage:
        timing = stage.timing_at(now_ms) if stage.started_at is not None else stage.timing
        return replace(_without_brackets(stage), state=state, timing=timing)

    return {key: ended(stage) if stage.open else stage for key, stage in before.items()}


def stage_of(event: Envelope, properties: Properties, *, highest_visit: Callable[[str], int]) -> str | None:
    """The id of the stage that an event concerns; None when it concerns none.

    `highest_visit` tells, by a node's id, the highest visit to it that is known, 1 when none is.
    """
    visit = getattr(properties, "visit", None)
    if visit == 0:
        return None
    if event.stage_id is not None:
        return event.stage_id
    if event.node_id is None or isinstance(properties, stages.StageStarted):
        return None
    return str(StageId(event.node_id, visit or highest_visit(event.node_id)))


# -- events ---------------------------------------------------------------------------------------------------------

_EFFECTIVE = (
    stages.StageStarted,
    stages.StageRetrying,
    stages.StageCompleted,
    stages.StageFailed,
    stages.StagePrompt,
    stages.PromptCompleted,
    stages.ParallelBranchStarted,
    stages.ParallelBranchCompleted,
    stages.ParallelCompleted,
    stages.CheckpointCompleted,
    agents.AgentSessionActivated,
    agents.AgentSessionDeactivated,
    agents.AgentSessionEnded,
    agents.AgentToolsAvailable,
    agents.AgentMessage,
    agents.AgentLlmStarted,
    agents.AgentLlmFirstOutput,
    agents.AgentLlmRetry,
    agents.AgentToolStarted,
    agents.AgentToolCompleted,
    agents.AgentError,
    agents.AgentRoundInterrupted,
    agents.AgentSteeringInjected,
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
    agents.AgentAcpCancelled,
    agents.AgentAcpTimedOut,
    agents.CommandStarted,
    agents.CommandCompleted,
    agents.TodoCreated,
    agents.TodoUpdated,
    agents.TodoDeleted,
)
"""They make an entry for their stage when it has none, whether or not they tell more than that it exists; but for the
end of a session, which is of no stage by itself."""


def _changed(stage: Stage, event: Envelope, properties: Properties) -> Stage:
    match properties:
        case stages.StageStarted(handler_type=handler):
            return replace(
                _begun(stage, event, properties.graph_visit, properties.resumed_from_stage_id), handler=handler
            )
        case stages.ParallelBranchStarted():
            return _begun(stage, event, properties.graph_visit, properties.resumed_from_stage_id)
        case stages.StageRetrying():
            return replace(stage, state="retrying")
        case stages.StageCompleted(status=status, timing=timing, billing=billing):
            return replace(_without_brackets(stage), state=status, timing=timing, usage=billing or stage.usage)
        case stages.StageFailed(timing=timing, billing=billing):
            state = _failed_state(stage, properties)
            return replace(_without_brackets(stage), state=state, timing=timing, usage=billing or stage.usage)
        case stages.ParallelBranchCompleted(status=status, duration_ms=duration_ms):
            timing = StageTiming(wall_time_ms=duration_ms, inference_time_ms=0, tool_time_ms=0, active_time_ms=0)
            return replace(_without_brackets(stage), state=status, timing=timing)
        case agents.CommandStarted() | agents.AgentAcpStarted():
            return replace(stage, termination=None, output_seq=None)
        case agents.CommandCompleted(termination=termination):
            return replace(stage, termination=termination, output_seq=event.seq)
        case agents.AgentAcpCompleted():
            return replace(stage, termination="exited", output_seq=event.seq)
        case agents.AgentAcpCancelled():
            return replace(stage, termination="cancelled")
        case agents.AgentAcpTimedOut():
            return replace(stage, termination="timed_out", output_seq=event.seq)
        case _:
            return _agent_changed(stage, event, properties)


def _agent_changed(stage: Stage, event: Envelope, properties: Properties) -> Stage:
    match properties:
        case stages.StagePrompt():
            return replace(stage, provider_used=_prompted(properties))
        case stages.PromptCompleted(provider=provider, model=model, billing=billing):
            model_ref = BillingModelRef(provider=provider, model_id=model)
            return replace(stage, model=model_ref, usage=billing or stage.usage)
        case agents.AgentSessionActivated():
            return replace(stage, provider_used=_activated(properties))
        case agents.AgentSessionDeactivated() | agents.AgentSteeringInjected():
            return replace(stage, agent_control="running")
        case agents.AgentRoundInterrupted():
            return replace(stage, agent_control="waiting_for_steer")
        case agents.AgentLlmStarted():
            return replace(stage, inference={_session(event): event.ts, **stage.inference})
        case agents.AgentMessage(model=model_ref, billing=billing, context_window=window):
            return replace(
                _inference_closed(stage, event),
                model=model_ref,
                usage=billing if stage.usage is None else stage.usage + billing,
                context_window_seq=stage.context_window_seq if window is None else event.seq,
            )
        case agents.AgentError():
            return _inference_closed(stage, event)
        case agents.AgentToolStarted(tool_call_id=call):
            batch = stage.tools.get(_session(event)) or ToolBatch(event.ts, ())
            calls = batch.calls if call in batch.calls else (*batch.calls, call)
            return replace(stage, tools={**stage.tools, _session(event): ToolBatch(batch.opened_at, calls)})
        case agents.AgentToolCompleted(tool_call_id=call):
            return _call_closed(stage, event, call)
        case _:
            return stage


def _begun(stage: Stage, event: Envelope, graph_visit: int | None, resumed_from: str | None) -> Stage:
    return replace(
        _without_brackets(stage),
        state="running",
        started_at=event.ts,
        timing=None,
        termination=None,
        output_seq=None,
        graph_visit=graph_visit if graph_visit is not None else stage.graph_visit,
        resumed_from_stage_id=resumed_from or stage.resumed_from_stage_id,
    )


def _failed_state(stage: Stage, failed: stages.StageFailed) -> StageState:
    if failed.will_retry:
        return "retrying"
    cancelled = failed.failure is not None and failed.failure.category == "canceled"
    return "cancelled" if cancelled and stage.termination != "exited" else "failed"


def _prompted(prompt: stages.StagePrompt) -> StageModelUsage | None:
    if prompt.mode is None and prompt.provider is None and prompt.model is None:
        return None
    return StageModelUsage(
        mode=prompt.mode or "prompt",
        provider=prompt.provider,
        model=prompt.model,
        reasoning_effort=prompt.reasoning_effort,
        speed=prompt.speed,
    )


def _activated(session: agents.AgentSessionActivated) -> StageModelUsage:
    return StageModelUsage(
        mode="agent",
        provider=session.provider,
        model=session.model,
        reasoning_effort=session.reasoning_effort,
        speed=session.speed,
    )


def _scoped(stage: Stage, event: Envelope) -> Stage:
    if event.parallel_group_id is None and event.parallel_branch_id is None:
        return stage
    return replace(
        stage,
        parallel_group_id=event.parallel_group_id or stage.parallel_group_id,
        parallel_branch_id=event.parallel_branch_id or stage.parallel_branch_id,
    )


def _add_skipped(known: StageTable, seq: int, checkpoint: stages.CheckpointCompleted) -> None:
    """Nodes that a checkpoint tells to be skipped and that no event was about."""
    for node, outcome in checkpoint.node_outcomes.items():
        status = outcome.get("status") if isinstance(outcome, dict) else outcome
        if status == "skipped" and not known.has_node(node):
            stage_id = StageId(node, told_visit(checkpoint.node_visits, node))
            known.put(str(stage_id), Stage(first_event_seq=seq, state="skipped"))


# -- brackets -------------------------------------------------------------------------------------------------------


def _inference_closed(stage: Stage, event: Envelope) -> Stage:
    session = _session(event)
    opened = stage.inference.get(session)
    if opened is None:
        return stage
    return replace(
        stage,
        live_inference_ms=bounded(stage.live_inference_ms + ms_since(opened, ms_of_instant(event.ts))),
        inference=_without(stage.inference, session),
    )


def _call_closed(stage: Stage, event: Envelope, call: str) -> Stage:
    session = _session(event)
    batch = stage.tools.get(session)
    if batch is None or call not in batch.calls:
        return stage
    calls = tuple(each for each in batch.calls if each != call)
    if calls:
        return replace(stage, tools={**stage.tools, session: ToolBatch(batch.opened_at, calls)})
    return _batch_closed(stage, event)


def _batch_closed(stage: Stage, event: Envelope) -> Stage:
    session = _session(event)
    batch = stage.tools.get(session)
    if batch is None:
        return stage
    return replace(
        stage,
        live_tool_ms=bounded(stage.live_tool_ms + ms_since(batch.opened_at, ms_of_instant(event.ts))),
        tools=_without(stage.tools, session),
    )


def _without_session(stage: Stage, event: Envelope) -> Stage:
    return _batch_closed(_inference_closed(stage, event), event)


def _without_brackets(stage: Stage) -> Stage:
    return replace(stage, inference={}, tools={}) if stage.works else stage


def _without(mapping: Mapping[str, Value], key: str) -> dict[str, Value]:
    return {each: value for each, value in mapping.items() if each != key}


def _session(event: Envelope) -> str:
    return event.session_id or ""


# -- sums -----------------------------------------------------------------------------------------------------------


def total_usd_micros(known: Iterable[Stage]) -> int | None:
    """What the stages have cost, without start and exit; None when no amount is known (runs.md R5.2)."""
    costs = [
        stage.usage.total_usd_micros
        for stage in known
        if stage.usage is not None
        and stage.usage.total_usd_micros is not None
        and stage.handler not in ("start", "exit")
    ]
    return bounded_sum(costs) if costs else None
