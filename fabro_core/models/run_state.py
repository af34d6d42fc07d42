"""The parts of a run's state as `GET /runs/{id}/state` answers it (events.md E10.1).

Null and missing differ: a member that is always present has no default, one that is left out when unset has one.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.checkpoint import RunCheckpoint
from fabro_core.models.counts import Count
from fabro_core.models.events.created import ForkSourceRef, GitContext
from fabro_core.models.events.run import RunFailure
from fabro_core.models.instant import Instant
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import (
    ApiQuestion,
    AutomationRef,
    ControlAction,
    DiffSummary,
    PullRequestCreation,
    PullRequestLink,
    RunApproval,
    RunSandbox,
    RunTiming,
)
from fabro_core.models.stage import StageOutcome, StageTiming
from fabro_core.models.stage_state import StageProjection
from fabro_core.models.status import RunStatus


class _State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the structs below."""


class RunSpec(_State, frozen=True, kw_only=True):
    """What the run was made of."""

    run_id: str
    settings: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/WorkflowSettings"})]
    """WorkflowSettings (runs.md R8.3), as stored."""
    graph: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]
    """The compiled graph (runs.md R8.4), as stored."""
    labels: dict[str, str]
    provenance: RunProvenance
    graph_source: str | None = None
    workflow_slug: str | None = None
    workflow_version_id: str | None = None
    automation: AutomationRef | None = None
    source_directory: str | None = None
    manifest_blob: str | None = None
    definition_blob: str | None = None
    spec_blob: str | None = None
    git: GitContext | None = None
    fork_source_ref: ForkSourceRef | None = None


class StartRecord(_State, frozen=True, kw_only=True):
    start_time: Instant
    run_branch: str | None = None
    base_sha: str | None = None


class RunDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed; None: nobody told."""

    patch: str | None
    summary: DiffSummary | None


class CheckpointRecord(_State, frozen=True, kw_only=True):
    seq: int
    """Of the event."""
    checkpoint: RunCheckpoint
    diff: RunDiff


class StageSummary(_State, frozen=True, kw_only=True):
    """Part of the protocol; conclusions hold none of them."""

    stage_id: str
    stage_label: str
    timing: StageTiming
    billing_usd_micros: int | None = None
    retries: Count


class Conclusion(_State, frozen=True, kw_only=True):
    """How the run ended."""

    timestamp: Instant
    status: StageOutcome
    timing: RunTiming
    failure: RunFailure | None = None
    final_git_commit_sha: str | None = None
    stages: tuple[StageSummary, ...]
    billing: BilledTokenCounts | None = None
    total_retries: Count
    diff: RunDiff


class PendingInterviewRecord(_State, frozen=True, kw_only=True):
    question: ApiQuestion
    started_at: Instant


class RunProjection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that the run's log adds up to. What has a default is left out when it is unset."""

    spec: RunSpec
    start: StartRecord | None
    status: RunStatus
    status_updated_at: Instant
    last_event_at: Instant
    pending_control: ControlAction | None
    checkpoints: list[CheckpointRecord]
    conclusion: Conclusion | None
    sandbox: RunSandbox | None
    pull_request: PullRequestLink | None
    superseded_by: str | None
    pending_interviews: dict[str, PendingInterviewRecord]
    stages: dict[str, StageProjection]
    title: str | None = None
    parent_id: str | None = None
    web_url: str | None = None
    approval: RunApproval | None = None
    archived_at: Instant | None = None
    pull_request_creation: PullRequestCreation | None = None
    retried_from: str | None = None
