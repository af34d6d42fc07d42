"""The Run resource as it goes on the wire (runs.md R5)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from fabro_core.models.counts import Count
from fabro_core.models.instant import Instant
from fabro_core.models.principal import Principal
from fabro_core.models.status import RunStatus

ControlAction = Literal["cancel", "pause", "unpause"]
SandboxProvider = Literal["local", "docker", "daytona"]


class WorkflowRef(msgspec.Struct, frozen=True, kw_only=True):
    slug: str | None
    name: str | None
    graph_name: str | None
    node_count: int
    edge_count: int

    @property
    def display_name(self) -> str:
        """What lists sort and match by (runs.md R5.3)."""
        return self.name or self.graph_name or self.slug or ""


class AutomationRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    name: str | None
    trigger_id: str | None = None


class RepositoryRef(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    origin_url: str | None
    provider: Literal["github", "git", "unknown"]


class RunOrigin(msgspec.Struct, frozen=True, tag="api", tag_field="kind"):
    """Where runs come from: always the API."""


class RunApproval(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["pending", "approved", "denied"]
    requested_at: Instant
    decided_at: Instant | None
    denial_reason: str | None


class RunError(msgspec.Struct, frozen=True, kw_only=True):
    message: str


class RunLifecycle(msgspec.Struct, frozen=True, kw_only=True):
    status: RunStatus
    approval: RunApproval | None
    pending_control: ControlAction | None
    error: RunError | None
    archived: bool
    archived_at: Instant | None
    queue_position: int | None


class RunSandboxPlan(msgspec.Struct, frozen=True, kw_only=True):
    provider: SandboxProvider
    image: str | None
    snapshot: str | None


class RunSandboxRuntime(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    working_directory: str
    repo_cloned: bool | None
    clone_origin_url: str | None
    clone_branch: str | None
    workspace_root: str | None
    repos_root: str | None
    primary_repo_path: str | None
    primary_repo_link: str | None


class RunSandboxInstance(msgspec.Struct, frozen=True, kw_only=True):
    provider: SandboxProvider
    image: str | None
    snapshot: str | None
    runtime: RunSandboxRuntime


class RunSandboxFailure(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    error: str
    causes: list[str]
    duration_ms: Count


class RunSandbox(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    kind: Literal["planned", "initializing", "ready", "failed"]
    plan: RunSandboxPlan
    instance: RunSandboxInstance | None = None
    failure: RunSandboxFailure | None = None


class RunModel(msgspec.Struct, frozen=True, kw_only=True):
    provider: str | None
    name: str


class RunTimestamps(msgspec.Struct, frozen=True, kw_only=True):
    created_at: Instant
    started_at: Instant | None
    last_event_at: Instant | None
    completed_at: Instant | None


class RunTiming(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in milliseconds; `wall_time_ms` of a live run is counted to the moment of the answer (R5.7)."""

    wall_time_ms: Count
    inference_time_ms: Count
    tool_time_ms: Count
    active_time_ms: Count


class RunBillingSummary(msgspec.Struct, frozen=True, kw_only=True):
    total_usd_micros: int | None


class AskFabro(msgspec.Struct, frozen=True, kw_only=True):
    available: bool
    unavailable_reason: Literal["no_sandbox", "sandbox_not_ready", "llm_unconfigured"] | None
    default_model: str | None


class DiffSummary(msgspec.Struct, frozen=True, kw_only=True):
    files_changed: Count
    additions: Count
    deletions: Count


class PullRequestLink(msgspec.Struct, frozen=True, kw_only=True):
    owner: str
    repo: str
    number: Count
    html_url: str


class PullRequestCreation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The newest request to make a pull request."""

    id: str
    status: Literal["pending", "succeeded", "failed"]
    model: str
    force: bool
    requested_at: Instant
    updated_at: Instant
    pull_request: PullRequestLink | None = None
    error: str | None = None


class InterviewOption(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: str
    label: str
    description: str | None = None
    preview: str | None = None


class ReviewTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a question is about; the URL is one of http or https."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048, pattern="^https?://")]
    kind: Literal["document"]


QuestionType = Literal["yes_no", "multiple_choice", "multi_select", "freeform", "confirmation"]


class ApiQuestion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that waits for an answer (events.md E8)."""

    id: str
    text: str
    stage: str
    question_type: QuestionType
    options: list[InterviewOption]
    allow_freeform: bool
    timeout_seconds: float | None = None
    context_display: str | None = None
    review_target: ReviewTarget | None = None


class RunLinks(msgspec.Struct, frozen=True, kw_only=True):
    web: str | None


RunSize = Literal["XS", "S", "M", "L", "XL"]


class RunBody(msgspec.Struct, frozen=True, kw_only=True):
    """A Run less `children_count`: everything that only an event of the run changes.

    `timing.wall_time_ms` and `lifecycle.queue_position` hold what the newest event left; `fabro_core.runs.fold.wire`
    freshens them when it answers. These two come first, so that they are found at once.
    """

    id: str
    timing: RunTiming | None
    lifecycle: RunLifecycle
    parent_id: str | msgspec.UnsetType = msgspec.UNSET
    title: str
    goal: str
    workflow: WorkflowRef
    automation: AutomationRef | None
    repository: RepositoryRef
    created_by: Principal
    origin: RunOrigin
    labels: dict[str, str]
    sandbox: RunSandbox | None
    models: list[RunModel]
    source_directory: str | None
    timestamps: RunTimestamps
    billing: RunBillingSummary | None
    size: RunSize
    ask_fabro: AskFabro
    diff: DiffSummary | None
    pull_request: PullRequestLink | None
    current_question: ApiQuestion | None
    superseded_by: str | None
    retried_from: str | None
    links: RunLinks


class Run(RunBody, frozen=True, kw_only=True):
    """One execution of a workflow graph. Every key is always present, except `parent_id` when unset (R5.2)."""

    children_count: Count


class PaginationMeta(msgspec.Struct, frozen=True, kw_only=True):
    has_more: bool
    total: Count


class PaginatedRunList(msgspec.Struct, frozen=True, kw_only=True):
    data: list[Run]
    meta: PaginationMeta
