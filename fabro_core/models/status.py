"""The status of a run and the bucket it falls into (runs.md R6.1)."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

import msgspec


class Bucket(IntEnum):
    """A run's place in lists; the value is the rank that `sort=status` uses.

    An archived run is in `ARCHIVED` whatever its status is, so the bucket of a run is one number and every
    visibility rule of runs.md R7.2 is a set of buckets.
    """

    PENDING = 0
    RUNNABLE = 1
    INITIALIZING = 2
    RUNNING = 3
    BLOCKED = 4
    SUCCEEDED = 5
    FAILED = 6
    ARCHIVED = 7
    REMOVING = 8

    @property
    def label(self) -> str:
        """The name on the wire, as in `?status=failed`."""
        return self.name.lower()


PendingReason = Literal["approval_required"]
BlockedReason = Literal["human_input_required"]
SuccessReason = Literal["completed", "partial_success"]
FailureReason = Literal[
    "workflow_error",
    "publish_failed",
    "cancelled",
    "approval_denied",
    "terminated",
    "transient_infra",
    "budget_exhausted",
    "launch_failed",
    "bootstrap_failed",
    "sandbox_init_failed",
]


class RunStatusSubmitted(msgspec.Struct, frozen=True, tag="submitted", tag_field="kind"):
    """Created, not started."""


class RunStatusPending(msgspec.Struct, frozen=True, tag="pending", tag_field="kind"):
    """Waits for an approval."""

    reason: PendingReason


class RunStatusRunnable(msgspec.Struct, frozen=True, tag="runnable", tag_field="kind"):
    """Waits in the queue."""


class RunStatusStarting(msgspec.Struct, frozen=True, tag="starting", tag_field="kind"):
    """A worker has taken it."""


class RunStatusRunning(msgspec.Struct, frozen=True, tag="running", tag_field="kind"):
    """The work goes on."""


class RunStatusPaused(msgspec.Struct, frozen=True, tag="paused", tag_field="kind"):
    """Held by request."""

    prior_block: BlockedReason | None


class RunStatusBlocked(msgspec.Struct, frozen=True, tag="blocked", tag_field="kind"):
    """Waits for a person."""

    blocked_reason: BlockedReason


class RunStatusSucceeded(msgspec.Struct, frozen=True, tag="succeeded", tag_field="kind"):
    """Ended well."""

    reason: SuccessReason


class RunStatusFailed(msgspec.Struct, frozen=True, tag="failed", tag_field="kind"):
    """Ended badly, or was stopped."""

    reason: FailureReason


class RunStatusDead(msgspec.Struct, frozen=True, tag="dead", tag_field="kind"):
    """Part of the protocol; never produced."""


class RunStatusRemoving(msgspec.Struct, frozen=True, tag="removing", tag_field="kind"):
    """Being deleted."""


RunStatus = (
    RunStatusSubmitted
    | RunStatusPending
    | RunStatusRunnable
    | RunStatusStarting
    | RunStatusRunning
    | RunStatusPaused
    | RunStatusBlocked
    | RunStatusSucceeded
    | RunStatusFailed
    | RunStatusDead
    | RunStatusRemoving
)
