"""The parts of a run's state as `GET /runs/{id}/state` answers it (events.md E10.1), but for its stages.

Null and missing differ: a member that is always present has no default, one that is left out when unset has one.
"""

from __future__ import annotations

import msgspec

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.checkpoint import RunCheckpoint
from fabro_core.models.events.created import ForkSourceRef, GitContext
from fabro_core.models.events.run import RunFailure
from fabro_core.models.instant import Instant
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import ApiQuestion, AutomationRef, Count, DiffSummary, RunTiming
from fabro_core.models.stage import StageOutcome, StageTiming


class _State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the structs below."""


class RunSpec(_State, frozen=True, kw_only=True):
    """What the run was made of."""

    run_id: str
    settings: msgspec.Raw
    """WorkflowSettings (runs.md R8.3), as stored."""
    graph: msgspec.Raw
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
