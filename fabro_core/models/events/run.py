"""What happens to a run as a whole (events.md E22, table *Run*)."""

from __future__ import annotations

from typing import Literal

import msgspec

from fabro_core.models.billing import BilledTokenCounts
from fabro_core.models.counts import Count
from fabro_core.models.events.envelope import Number, Properties
from fabro_core.models.run import ControlAction, DiffSummary, RunTiming
from fabro_core.models.status import BlockedReason, FailureReason, PendingReason, SuccessReason

FailureCategory = Literal[
    "transient_infra", "deterministic", "budget_exhausted", "compilation_loop", "canceled", "structural"
]


class ExecOutputTail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of what a command wrote."""

    stdout: str | None = None
    stderr: str | None = None
    stdout_truncated: bool = False
    stderr_truncated: bool = False


class FailureDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    message: str
    category: FailureCategory
    causes: list[str] = []
    system_actor: Literal["engine", "watchdog", "timeout"] | None = None
    signature: str | None = None
    exec_output_tail: ExecOutputTail | None = None


class RunFailure(msgspec.Struct, frozen=True, kw_only=True):
    reason: FailureReason
    detail: FailureDetail


# -- status ---------------------------------------------------------------------------------------------------------


class RunStartRequested(Properties, frozen=True, kw_only=True):
    event = "run.start_requested"

    resume: bool


class RunPending(Properties, frozen=True, kw_only=True):
    event = "run.pending"

    reason: PendingReason


class RunApproved(Properties, frozen=True):
    event = "run.approved"


class RunDenied(Properties, frozen=True, kw_only=True):
    event = "run.denied"

    reason: str | None = None


class RunRunnable(Properties, frozen=True, kw_only=True):
    event = "run.runnable"

    source: Literal["start_requested", "approved"]


class RunStarting(Properties, frozen=True):
    event = "run.starting"


class RunStarted(Properties, frozen=True, kw_only=True):
    event = "run.started"

    name: str
    base_branch: str | None = None
    base_sha: str | None = None
    run_branch: str | None = None
    worktree_dir: str | None = None
    goal: str | None = None


class RunRunning(Properties, frozen=True):
    event = "run.running"


class RunBlocked(Properties, frozen=True, kw_only=True):
    event = "run.blocked"

    blocked_reason: BlockedReason


class RunUnblocked(Properties, frozen=True):
    event = "run.unblocked"


class RunPaused(Properties, frozen=True):
    event = "run.paused"


class RunUnpaused(Properties, frozen=True):
    event = "run.unpaused"


class RunRemoving(Properties, frozen=True):
    event = "run.removing"


class RunCompleted(Properties, frozen=True, kw_only=True):
    event = "run.completed"

    timing: RunTiming
    artifact_count: Count
    status: str
    """A stage outcome; the reducer, which knows the run, refuses any other text (events.md E3)."""
    reason: SuccessReason
    total_usd_micros: Count | None = None
    final_git_commit_sha: str | None = None
    final_patch: str | None = None
    diff_summary: DiffSummary | None = None
    billing: BilledTokenCounts | None = None


class RunFailed(Properties, frozen=True, kw_only=True):
    event = "run.failed"

    failure: RunFailure
    timing: RunTiming
    final_git_commit_sha: str | None = None
    final_patch: str | None = None
    diff_summary: DiffSummary | None = None
    billing: BilledTokenCounts | None = None


# -- control requests -------------------------------------------------------------------------------------------------


class RunCancelRequested(Properties, frozen=True, kw_only=True):
    event = "run.cancel.requested"

    action: ControlAction


class RunPauseRequested(Properties, frozen=True, kw_only=True):
    event = "run.pause.requested"

    action: ControlAction


class RunUnpauseRequested(Properties, frozen=True, kw_only=True):
    event = "run.unpause.requested"

    action: ControlAction


class RunSteer(Properties, frozen=True, kw_only=True):
    event = "run.steer"

    text: str


class RunInterrupt(Properties, frozen=True):
    event = "run.interrupt"


# -- around the work --------------------------------------------------------------------------------------------------


class RunSupersededBy(Properties, frozen=True, kw_only=True):
    event = "run.superseded_by"

    new_run_id: str
    target_checkpoint_ordinal: Number
    target_node_id: str
    target_visit: Number


class RunArchived(Properties, frozen=True):
    event = "run.archived"


class RunUnarchived(Properties, frozen=True):
    event = "run.unarchived"


class RunTitleUpdated(Properties, frozen=True, kw_only=True):
    event = "run.title.updated"

    title: str


class RunParentLinked(Properties, frozen=True, kw_only=True):
    event = "run.parent.linked"

    previous_parent_id: str | None = None
    parent_id: str


class RunParentUnlinked(Properties, frozen=True, kw_only=True):
    event = "run.parent.unlinked"

    previous_parent_id: str


class RunNotice(Properties, frozen=True, kw_only=True):
    event = "run.notice"

    level: Literal["info", "warn", "error"]
    code: str
    message: str
    exec_output_tail: ExecOutputTail | None = None


# -- pairs (resources.md X4) ------------------------------------------------------------------------------------------


class PairTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's stage that a person works with."""

    stage_id: str
    node_label: str


class RunPairStarted(Properties, frozen=True, kw_only=True):
    event = "run.pair.started"

    pair_id: str
    target: PairTarget


class RunPairEnded(Properties, frozen=True, kw_only=True):
    event = "run.pair.ended"

    pair_id: str
    reason: Literal["user_requested", "run_ended", "session_ended"]


class RunPairFailed(Properties, frozen=True, kw_only=True):
    event = "run.pair.failed"

    pair_id: str
    reason: Literal["worker_gone", "runtime_failed", "session_failed", "run_failed"]
    message: str


RUN_EVENTS: tuple[type[Properties], ...] = (
    RunStartRequested,
    RunPending,
    RunApproved,
    RunDenied,
    RunRunnable,
    RunStarting,
    RunStarted,
    RunRunning,
    RunBlocked,
    RunUnblocked,
    RunPaused,
    RunUnpaused,
    RunRemoving,
    RunCompleted,
    RunFailed,
    RunCancelRequested,
    RunPauseRequested,
    RunUnpauseRequested,
    RunSteer,
    RunInterrupt,
    RunSupersededBy,
    RunArchived,
    RunUnarchived,
    RunTitleUpdated,
    RunParentLinked,
    RunParentUnlinked,
    RunNotice,
    RunPairStarted,
    RunPairEnded,
    RunPairFailed,
)
