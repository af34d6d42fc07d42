"""The stages of a run as a list shows them (events.md E10.2), and the context window of one (E17)."""

from __future__ import annotations

from collections.abc import Mapping

from fabro_core.models.billing import NO_TOKENS
from fabro_core.models.context_window import StageContextWindowProjection
from fabro_core.models.graph import Handler
from fabro_core.models.run_stage import RunStage, StageContextWindow
from fabro_core.models.stage import StageId
from fabro_core.runs.fold.stage_table import Stage, Stages
from fabro_core.runs.workflow.handlers import TYPES

Handlers = Mapping[str, Handler]
"""What executes the nodes of a graph, by node id."""


def run_stages(stages: Stages, handlers: Handlers, now_ms: int) -> list[RunStage]:
    """Every stage, by its first event, at an instant in ms since the epoch.

    `handlers` are those of the graph, for stages of which no event told one.
    """
    ordered = sorted(stages.items(), key=lambda each: (each[1].first_event_seq, each[0]))
    return [_run_stage(_parts(key), stage, handlers, now_ms) for key, stage in ordered]


def told_handler(stage: Stage) -> Handler | None:
    """The handler that `stage.started` told; None when there was none, or it told something unknown."""
    return None if stage.handler is None else TYPES.get(stage.handler)


def context_window(
    stage_id: str, handler: Handler, seen: StageContextWindowProjection | None, seen_at: int | None
) -> StageContextWindow:
    """The newest context window that the stage's agent reported, with event `seen_at`; None: it reported none."""
    if seen is None:
        return StageContextWindow(
            stage_id=stage_id,
            available=False,
            unavailable_reason="not_observed" if handler is Handler.AGENT else "not_agent_stage",
            provider=None,
            model=None,
            context_window_tokens=None,
            input_tokens=None,
            usage_percent=None,
            count_method=None,
            staleness="unavailable",
            generated_at=None,
            event_seq=None,
            breakdown=[],
            warnings=[],
        )
    return StageContextWindow(
        stage_id=stage_id,
        available=True,
        unavailable_reason=None,
        provider=seen.provider,
        model=seen.model,
        context_window_tokens=seen.context_window_tokens,
        input_tokens=seen.input_tokens,
        usage_percent=seen.usage_percent,
        count_method=seen.count_method,
        staleness="stored",
        generated_at=seen.generated_at,
        event_seq=seen_at,
        breakdown=seen.breakdown,
        warnings=seen.warnings,
    )


def _run_stage(key: StageId, stage: Stage, handlers: Handlers, now_ms: int) -> RunStage:
    begun = stage.timing is not None or stage.started_at is not None
    return RunStage(
        id=str(key),
        name=key.node,
        handler=told_handler(stage) or handlers.get(key.node, Handler.AGENT),
        status=stage.state,
        node_id=key.node,
        visit=key.visit,
        billing=stage.usage or NO_TOKENS,
        wall_time_ms=stage.timing_at(now_ms).wall_time_ms if begun else None,
        started_at=stage.started_at,
        graph_visit=stage.graph_visit or None,
        resumed_from_stage_id=stage.resumed_from_stage_id,
        parallel_group_id=stage.parallel_group_id,
        parallel_branch_index=_branch_index(stage),
        provider_used=stage.provider_used,
    )


def _branch_index(stage: Stage) -> int | None:
    """The index in `node@visit:index`."""
    return None if stage.parallel_branch_id is None else int(stage.parallel_branch_id.rpartition(":")[2])


def _parts(key: str) -> StageId:
    """Node and visit of a key that the reducer made; a visit there may be greater than a path can ask for."""
    node, _, visit = key.rpartition("@")
    return StageId(node, int(visit))
