"""The reducer: a run's state as a pure fold of its events (events.md E21). No I/O and no clock in here.

`fold` is the only place that changes a projection; it refuses an event that the state machine forbids, so what it
accepts may be written.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from fabro_core.errors import IllegalTransition
from fabro_core.models import events
from fabro_core.models.events import Properties, RunEvent
from fabro_core.models.instant import Instant
from fabro_core.models.principal import Principal
from fabro_core.models.run import (
    AutomationRef,
    ControlAction,
    DiffSummary,
    PullRequestLink,
    RepositoryRef,
    RunApproval,
    RunSandbox,
    RunSandboxPlan,
    RunTiming,
    WorkflowRef,
)
from fabro_core.models.status import RunStatus, RunStatusFailed, RunStatusRemoving, RunStatusSubmitted
from fabro_core.runs.repository import repository_ref
from fabro_core.runs.status import is_terminal, may_follow
from fabro_core.runs.title import inferred_title


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
    completed_at: Instant | None = None
    timing: RunTiming | None = None
    total_usd_micros: int | None = None
    diff: DiffSummary | None = None
    pull_request: PullRequestLink | None = None

    @property
    def archived(self) -> bool:
        return self.archived_at is not None


def fold(before: Projection | None, event: RunEvent) -> Projection:
    """The projection after `event`; `before` is None for the first event of a run.

    Raises `IllegalTransition` when the state machine does not allow the event (runs.md R6.2).
    """
    kind = events.PROPERTIES.get(event.event)
    properties = None if kind is None else msgspec.json.decode(event.properties, type=kind)
    if before is None:
        if not isinstance(properties, events.RunCreated):
            raise IllegalTransition("The first event of a run must be run.created.")
        return _created(event, properties)
    if isinstance(properties, events.RunCreated):
        raise IllegalTransition("The run has been created already.")
    return replace(_changed(before, event, properties), seq=event.seq, last_event_at=event.ts)


def _created(event: RunEvent, properties: events.RunCreated) -> Projection:
    graph = msgspec.json.decode(properties.graph, type=events.CreatedGraph)
    settings = msgspec.json.decode(properties.settings, type=events.CreatedSettings)
    return Projection(
        id=event.run_id,
        seq=event.seq,
        title=properties.title if properties.title is not None else inferred_title(graph.goal),
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
        sandbox=_planned_sandbox(settings.run.environment),
    )


def _planned_sandbox(environment: events.CreatedEnvironment | None) -> RunSandbox | None:
    if environment is None:
        return None
    image = environment.image.docker if environment.provider == "docker" else None
    return RunSandbox(kind="planned", plan=RunSandboxPlan(provider=environment.provider, image=image, snapshot=None))


def _changed(before: Projection, event: RunEvent, properties: Properties | None) -> Projection:
    match properties:
        case events.RunCancelRequested(action=action):
            return replace(before, pending_control=action)
        case events.RunFailed(failure=failure, timing=timing):
            return _failed(before, event, failure, timing)
        case events.RunArchived():
            return (
                before if before.archived or not is_terminal(before.status) else replace(before, archived_at=event.ts)
            )
        case events.RunUnarchived():
            return replace(before, archived_at=None)
        case events.RunRemoving():
            return _moved(before, event, RunStatusRemoving())
        case events.RunTitleUpdated(title=title):
            return replace(before, title=title)
        case events.RunParentLinked(parent_id=parent_id):
            return replace(before, parent_id=parent_id)
        case events.RunParentUnlinked():
            return replace(before, parent_id=None)
        case _:
            return before


def _moved(before: Projection, event: RunEvent, target: RunStatus) -> Projection:
    """`before` in the status `target`; the same status again changes nothing (runs.md R6.2)."""
    if not may_follow(before.status, target):
        raise IllegalTransition(f"A run that is {_name(before.status)} cannot become {_name(target)}.")
    if before.status == target:
        return before
    return replace(before, status=target, status_updated_at=event.ts)


def _failed(before: Projection, event: RunEvent, failure: events.RunFailure, timing: RunTiming) -> Projection:
    after = _moved(before, event, RunStatusFailed(failure.reason))
    if after is before:
        return before
    return replace(
        after,
        completed_at=event.ts,
        timing=timing,
        failure_message=failure.detail.message,
        pending_control=None,
    )


def _name(status: RunStatus) -> str:
    return str(status.__struct_config__.tag)
