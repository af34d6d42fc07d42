"""The reducer: a run's state as a pure fold of its events (events.md E21). No I/O and no clock in here.

`fold` is the only place that changes a projection; it refuses an event that the state machine forbids, so what it
accepts may be written. `counted` sums up what is only asked of the last one of a batch. A projection is stored with
every batch: it holds short facts, and long texts (prompts, answers of models, patches) stay in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec
from msgspec.structs import replace

from fabro_core.errors import Conflict, IllegalTransition
from fabro_core.models import events
from fabro_core.models.counts import bounded_sum
from fabro_core.models.events import Envelope, Properties, TypedEvent, infrastructure
from fabro_core.models.events import stages as stage_events
from fabro_core.models.instant import Instant, ms_of_instant
from fabro_core.models.principal import Principal
from fabro_core.models.run import (
    AutomationRef,
    ControlAction,
    DiffSummary,
    PullRequestCreation,
    PullRequestLink,
    RepositoryRef,
    RunApproval,
    RunSandbox,
    RunTiming,
    WorkflowRef,
)
from fabro_core.models.stage import StageOutcome, told_visit
from fabro_core.models.status import RunStatus, RunStatusSubmitted
from fabro_core.runs.fold.agent_sessions import AgentSession, sessions_after
from fabro_core.runs.fold.pairs import Pair, pairs_after
from fabro_core.runs.fold.pull_requests import creation_after, link_after
from fabro_core.runs.fold.questions import PendingQuestion, questions_after
from fabro_core.runs.fold.repository import repository_ref
from fabro_core.runs.fold.sandbox import planned_sandbox, sandbox_after
from fabro_core.runs.fold.sessions import Session, conversations_after
from fabro_core.runs.fold.stage_table import Stage
from fabro_core.runs.fold.stages import stages_after, stages_after_failure, total_usd_micros
from fabro_core.runs.fold.status import is_terminal
from fabro_core.runs.fold.title import inferred_title
from fabro_core.runs.fold.transitions import status_after


class Start(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker told when it began the work."""

    start_time: Instant
    name: str
    base_branch: str | None = None
    base_sha: str | None = None
    run_branch: str | None = None
    worktree_dir: str | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point of a run from which it can go on; the whole of it is in the log, at `seq`."""

    seq: int
    node: str
    visit: int
    sha: str | None = None
    diff: DiffSummary | None = None


class Projection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything about a run that its log says and that a summary needs. Stored beside the run for the next writer."""

    id: str
    seq: int
    title: str
    goal: str
    workflow: WorkflowRef
    repository: RepositoryRef
    created_by: Principal
    created_at: Instant
    last_event_at: Instant
    status: RunStatus
    status_updated_at: Instant
    automation: AutomationRef | None = None
    labels: dict[str, str] = {}
    source_directory: str | None = None
    parent_id: str | None = None
    retried_from: str | None = None
    superseded_by: str | None = None
    web_url: str | None = None
    sandbox: RunSandbox | None = None
    approval: RunApproval | None = None
    pending_control: ControlAction | None = None
    failure_message: str | None = None
    archived_at: Instant | None = None
    started_at: Instant | None = None
    start: Start | None = None
    completed_at: Instant | None = None
    """Of the conclusion; None once a resume has cleared it."""
    concluded_seq: int | None = None
    """The event that the conclusion is in."""
    timing: RunTiming | None = None
    """The conclusion's, else as of the newest event; None for a run that never started."""
    total_usd_micros: int | None = None
    """The conclusion's, else what the stages have cost."""
    diff: DiffSummary | None = None
    """The conclusion's, else of the newest checkpoint that has one."""
    pull_request: PullRequestLink | None = None
    pull_request_creation: PullRequestCreation | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    stages: dict[str, Stage] = {}
    """By stage id, in the order of their first events."""
    questions: dict[str, PendingQuestion] = {}
    """Those that wait for an answer, by id."""
    agent_sessions: dict[str, AgentSession] = {}
    """Live ones, by id."""
    sessions: dict[str, Session] = {}
    """Conversations of people about the run, by id."""
    pairs: dict[str, Pair] = {}
    """People who work with its agents, or did, by id."""

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    def timing_at(self, now_ms: int) -> RunTiming | None:
        """The run's timing at an instant in milliseconds since the epoch (runs.md R5.7)."""
        if self.completed_at is not None or self.started_at is None:
            return self.timing
        stages = [stage.timing_at(now_ms) for stage in self.stages.values()]
        return RunTiming(
            wall_time_ms=max(0, now_ms - ms_of_instant(self.started_at)),
            inference_time_ms=bounded_sum(stage.inference_time_ms for stage in stages),
            tool_time_ms=bounded_sum(stage.tool_time_ms for stage in stages),
            active_time_ms=bounded_sum(stage.active_time_ms for stage in stages),
        )


def fold(before: Projection | None, event: TypedEvent) -> Projection:
    """The projection after `event`, not `counted` yet; `before` is None for the first event of a run.

    Raises `IllegalTransition` when the state machine does not allow the event (runs.md R6.2), and another
    `Conflict` for what else the run's state forbids (events.md E3).
    """
    properties = event.properties
    if before is None:
        if not isinstance(properties, events.RunCreated):
            raise IllegalTransition("The first event of a run must be run.created.")
        return _created(event, properties)
    if isinstance(properties, events.RunCreated):
        raise IllegalTransition("The run has been created already.")
    return replace(_changed(before, event, properties), seq=event.seq, last_event_at=event.ts)


def counted(run: Projection) -> Projection:
    """The projection with what a conclusion fixes, counted from stages and checkpoints for as long as there is none."""
    if run.completed_at is not None or not (run.stages or run.checkpoints or run.started_at):
        return run
    return replace(
        run,
        timing=run.timing_at(ms_of_instant(run.last_event_at)),
        total_usd_micros=total_usd_micros(run.stages.values()),
        diff=_newest_diff(run.checkpoints),
    )


def _created(event: Envelope, properties: events.RunCreated) -> Projection:
    graph = msgspec.json.decode(properties.graph, type=events.CreatedGraph)
    settings = msgspec.json.decode(properties.settings, type=events.CreatedSettings)
    return Projection(
        id=event.run_id,
        seq=event.seq,
        title=inferred_title(graph.goal) if properties.title is None else properties.title,
        goal=graph.goal,
        workflow=WorkflowRef(
            slug=properties.workflow_slug,
            name=settings.workflow.name,
            graph_name=graph.name or None,
            node_count=len(graph.nodes),
            edge_count=len(graph.edges),
        ),
        repository=repository_ref(properties.git.origin_url if properties.git else None, properties.source_directory),
        created_by=properties.provenance.subject,
        created_at=event.ts,
        last_event_at=event.ts,
        status=RunStatusSubmitted(),
        status_updated_at=event.ts,
        automation=properties.automation,
        labels=properties.labels,
        source_directory=properties.source_directory,
        parent_id=properties.parent_id,
        retried_from=properties.retried_from,
        web_url=properties.web_url,
        sandbox=planned_sandbox(settings.run.environment),
    )


def _changed(before: Projection, event: Envelope, properties: Properties) -> Projection:
    status = status_after(before.status, properties)
    moved = status is not before.status
    after = replace(before, status=status, status_updated_at=event.ts) if moved else before
    match properties:
        case events.RunCompleted() | events.RunFailed():
            _require_outcome(properties)
            return _concluded(after, event, properties) if moved else before
        case events.RunStartRequested(resume=True):
            return _resumed(after)
        case events.RunPending() if moved:
            approval = RunApproval(state="pending", requested_at=event.ts, decided_at=None, denial_reason=None)
            return replace(after, approval=approval)
        case events.RunApproved():
            return replace(after, approval=_decided(after.approval, event.ts, denied=False, reason=None))
        case events.RunDenied(reason=reason):
            return replace(after, approval=_decided(after.approval, event.ts, denied=True, reason=reason))
        case events.RunStarted():
            return replace(after, started_at=event.ts, start=_start(event, properties))
        case events.RunPaused() | events.RunUnpaused():
            return replace(after, pending_control=None)
        case (
            events.RunCancelRequested(action=action)
            | events.RunPauseRequested(action=action)
            | events.RunUnpauseRequested(action=action)
        ):
            return replace(after, pending_control=action)
        case _:
            return _described(after, event, properties)


def _described(before: Projection, event: Envelope, properties: Properties) -> Projection:
    """The effect of events that say something about the run without moving it."""
    match properties:
        case events.RunArchived():
            archive = is_terminal(before.status) and not before.archived
            return replace(before, archived_at=event.ts) if archive else before
        case events.RunUnarchived():
            return replace(before, archived_at=None)
        case events.RunTitleUpdated(title=title):
            return replace(before, title=title)
        case events.RunParentLinked(parent_id=parent_id):
            return replace(before, parent_id=parent_id)
        case events.RunParentUnlinked():
            return replace(before, parent_id=None)
        case events.RunSupersededBy(new_run_id=new_run_id):
            return replace(before, superseded_by=new_run_id)
        case stage_events.CheckpointCompleted():
            checkpoint = _checkpoint(event, properties)
            stages = stages_after(before.stages, event, properties)
            return replace(before, checkpoints=(*before.checkpoints, checkpoint), stages=stages)
        case (
            infrastructure.SandboxInitializing() | infrastructure.SandboxInitialized() | infrastructure.SandboxFailed()
        ):
            return replace(before, sandbox=sandbox_after(before.sandbox, properties))
        case (
            infrastructure.PullRequestCreationRequested()
            | infrastructure.PullRequestCreated()
            | infrastructure.PullRequestLinked()
            | infrastructure.PullRequestUnlinked()
            | infrastructure.PullRequestFailed()
        ):
            return replace(
                before,
                pull_request=link_after(before.pull_request, properties),
                pull_request_creation=creation_after(before.pull_request_creation, event, properties),
            )
        case _:
            return replace(
                before,
                stages=stages_after(before.stages, event, properties),
                questions=questions_after(before.questions, event, properties),
                agent_sessions=sessions_after(before.agent_sessions, event, properties),
                sessions=conversations_after(before.sessions, event, properties),
                pairs=pairs_after(before.pairs, event, properties),
            )


def _require_outcome(properties: events.RunCompleted | events.RunFailed) -> None:
    if isinstance(properties, events.RunCompleted) and properties.status not in get_args(StageOutcome):
        raise Conflict(f"A run cannot complete with the outcome {properties.status!r}.")


def _concluded(moved: Projection, event: Envelope, properties: events.RunCompleted | events.RunFailed) -> Projection:
    """The end of a run that was `moved` into a terminal status."""
    stages = moved.stages
    failure_message, total = None, properties.billing.total_usd_micros if properties.billing else None
    if isinstance(properties, events.RunFailed):
        failure_message = properties.failure.detail.message
        cancelled = properties.failure.reason == "cancelled"
        stages = stages_after_failure(stages, cancelled=cancelled, at=event.ts)
    elif properties.total_usd_micros is not None:
        total = properties.total_usd_micros
    return replace(
        moved,
        completed_at=event.ts,
        concluded_seq=event.seq,
        timing=properties.timing,
        failure_message=failure_message,
        total_usd_micros=total_usd_micros(stages.values()) if total is None else total,
        diff=properties.diff_summary or _newest_diff(moved.checkpoints),
        pending_control=None,
        stages=stages,
        questions={},
        agent_sessions={},
    )


def _newest_diff(checkpoints: Sequence[Checkpoint]) -> DiffSummary | None:
    return next((each.diff for each in reversed(checkpoints) if each.diff is not None), None)


def _resumed(moved: Projection) -> Projection:
    return replace(
        moved,
        completed_at=None,
        concluded_seq=None,
        timing=None,
        failure_message=None,
        total_usd_micros=None,
        diff=None,
        agent_sessions={},
    )


def _decided(approval: RunApproval | None, at: Instant, *, denied: bool, reason: str | None) -> RunApproval | None:
    """The approval record once somebody has decided; a decision that nobody waits for changes nothing."""
    if approval is None or approval.state != "pending":
        return approval
    return replace(approval, state="denied" if denied else "approved", decided_at=at, denial_reason=reason)


def _start(event: Envelope, started: events.RunStarted) -> Start:
    return Start(
        start_time=event.ts,
        name=started.name,
        base_branch=started.base_branch,
        base_sha=started.base_sha,
        run_branch=started.run_branch,
        worktree_dir=started.worktree_dir,
    )


def _checkpoint(event: Envelope, completed: stage_events.CheckpointCompleted) -> Checkpoint:
    return Checkpoint(
        seq=event.seq,
        node=completed.current_node,
        visit=told_visit(completed.node_visits, completed.current_node),
        sha=completed.git_commit_sha,
        diff=completed.diff_summary,
    )
