"""What happens to stages and between them (events.md E22, table *Stages and flow*)."""

from __future__ import annotations

import msgspec

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.counts import Count
from fabro_core.models.events.envelope import JsonObject, Number, Properties, StageProperties, VisitProperties
from fabro_core.models.events.run import ExecOutputTail, FailureDetail
from fabro_core.models.run import DiffSummary, InterviewOption, ReviewTarget
from fabro_core.models.stage import StageOutcome, StageTiming


class StageStarted(StageProperties, frozen=True, kw_only=True):
    event = "stage.started"

    index: Number
    handler_type: str
    attempt: Number
    max_attempts: Number
    graph_visit: Number | None = None
    resumed_from_stage_id: str | None = None


class StageRetrying(StageProperties, frozen=True, kw_only=True):
    event = "stage.retrying"

    index: Number
    attempt: Number
    max_attempts: Number
    delay_ms: Count


class StageCompleted(StageProperties, frozen=True, kw_only=True):
    event = "stage.completed"

    index: Number
    timing: StageTiming
    status: StageOutcome
    attempt: Number
    max_attempts: Number
    preferred_label: str | None = None
    suggested_next_ids: list[str] | None = None
    billing: BilledTokenCounts | None = None
    failure: FailureDetail | None = None
    notes: str | None = None
    files_touched: list[str] | None = None
    context_updates: JsonObject | None = None
    jump_to_node: str | None = None
    context_values: JsonObject | None = None
    node_visits: JsonObject | None = None
    loop_failure_signatures: JsonObject | None = None
    restart_failure_signatures: JsonObject | None = None
    response: str | None = None


class StageFailed(StageProperties, frozen=True, kw_only=True):
    event = "stage.failed"

    index: Number
    will_retry: bool
    timing: StageTiming
    failure: FailureDetail | None = None
    billing: BilledTokenCounts | None = None


class StagePrompt(VisitProperties, frozen=True, kw_only=True):
    event = "stage.prompt"

    text: str
    mode: str | None = None
    provider: str | None = None
    model: str | None = None
    reasoning_effort: str | None = None
    speed: str | None = None


class PromptCompleted(StageProperties, frozen=True, kw_only=True):
    event = "prompt.completed"

    response: str
    model: str
    provider: str
    billing: BilledTokenCounts | None = None


# -- parallel sections ----------------------------------------------------------------------------------------------


class ParallelBranchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    index: Number | None = None
    item_label: str | None = None
    status: StageOutcome
    context_updates: JsonObject


class ParallelStarted(VisitProperties, frozen=True, kw_only=True):
    event = "parallel.started"

    branch_count: Count


class ParallelBranchStarted(StageProperties, frozen=True, kw_only=True):
    event = "parallel.branch.started"

    index: Number
    item_label: str | None = None
    graph_visit: Number | None = None
    resumed_from_stage_id: str | None = None


class ParallelBranchCompleted(StageProperties, frozen=True, kw_only=True):
    event = "parallel.branch.completed"

    index: Number
    item_label: str | None = None
    duration_ms: Count
    status: StageOutcome


class ParallelCompleted(VisitProperties, frozen=True, kw_only=True):
    event = "parallel.completed"

    duration_ms: Count
    success_count: Count
    failure_count: Count
    results: list[ParallelBranchResult] | None = None


# -- flow -----------------------------------------------------------------------------------------------------------


class EdgeSelected(Properties, frozen=True, kw_only=True):
    event = "edge.selected"

    from_node: str
    to_node: str
    reason: str
    stage_status: str
    is_jump: bool
    label: str | None = None
    condition: str | None = None
    preferred_label: str | None = None
    suggested_next_ids: list[str] | None = None


class LoopRestart(Properties, frozen=True, kw_only=True):
    event = "loop.restart"

    from_node: str
    to_node: str


class SubgraphStarted(Properties, frozen=True, kw_only=True):
    event = "subgraph.started"

    start_node: str


class SubgraphCompleted(Properties, frozen=True, kw_only=True):
    event = "subgraph.completed"

    steps_executed: Number
    status: str
    duration_ms: Count


class CheckpointCompleted(StageProperties, frozen=True, kw_only=True):
    event = "checkpoint.completed"

    status: str
    current_node: str
    completed_nodes: list[str]
    node_retries: JsonObject
    context_values: JsonObject
    node_outcomes: JsonObject
    node_visits: JsonObject
    next_node_id: str | None = None
    git_commit_sha: str | None = None
    loop_failure_signatures: JsonObject | None = None
    restart_failure_signatures: JsonObject | None = None
    diff: str | None = None
    diff_summary: DiffSummary | None = None
    graph_visit: Number | None = None
    resumed_from_stage_id: str | None = None


class CheckpointFailed(Properties, frozen=True, kw_only=True):
    event = "checkpoint.failed"

    error: str
    exec_output_tail: ExecOutputTail | None = None


# -- questions ------------------------------------------------------------------------------------------------------


class InterviewStarted(Properties, frozen=True, kw_only=True):
    event = "interview.started"

    question_id: str
    question: str
    stage: str
    question_type: str
    allow_freeform: bool
    options: list[InterviewOption] | None = None
    timeout_seconds: float | None = None
    context_display: str | None = None
    review_target: ReviewTarget | None = None


class InterviewCompleted(Properties, frozen=True, kw_only=True):
    event = "interview.completed"

    question_id: str
    question: str
    answer: str
    duration_ms: Count
    submission: JsonObject | None = None


class InterviewTimeout(Properties, frozen=True, kw_only=True):
    event = "interview.timeout"

    question_id: str
    question: str
    stage: str
    duration_ms: Count


class InterviewInterrupted(Properties, frozen=True, kw_only=True):
    event = "interview.interrupted"

    question_id: str
    question: str
    stage: str
    duration_ms: Count
    reason: str


STAGE_EVENTS: tuple[type[Properties], ...] = (
    StageStarted,
    StageRetrying,
    StageCompleted,
    StageFailed,
    StagePrompt,
    PromptCompleted,
    ParallelStarted,
    ParallelBranchStarted,
    ParallelBranchCompleted,
    ParallelCompleted,
    EdgeSelected,
    LoopRestart,
    SubgraphStarted,
    SubgraphCompleted,
    CheckpointCompleted,
    CheckpointFailed,
    InterviewStarted,
    InterviewCompleted,
    InterviewTimeout,
    InterviewInterrupted,
)
