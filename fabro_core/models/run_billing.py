"""What a run, or all runs, used and cost (events.md E11)."""

from __future__ import annotations

import msgspec

from fabro_core.models.billing import BilledTokenCounts, BillingModelRef
from fabro_core.models.counts import Count
from fabro_core.models.instant import Instant
from fabro_core.models.run import RunTiming
from fabro_core.models.stage import StageState, StageTiming


class BillingStageRef(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the run's graph."""

    id: str
    name: str


class RunBillingStage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All visits to one node."""

    stage: BillingStageRef
    model: BillingModelRef | None
    """Of the latest visit that used one."""
    billing: BilledTokenCounts
    timing: StageTiming
    state: StageState
    """Of the highest visit, as is `started_at`."""
    started_at: Instant | None = None


class RunBillingTotals(BilledTokenCounts, frozen=True, kw_only=True, omit_defaults=True):
    """Sums over the stages of a run."""

    timing: RunTiming


class BillingByModel(msgspec.Struct, frozen=True, kw_only=True):
    """What one model was used for."""

    model: BillingModelRef
    stages: Count
    """How many nodes used it."""
    billing: BilledTokenCounts


class RunBilling(msgspec.Struct, frozen=True, kw_only=True):
    stages: list[RunBillingStage]
    """By first appearance, without start and exit."""
    totals: RunBillingTotals
    by_model: list[BillingByModel]


class AggregateBillingTotals(RunBillingTotals, frozen=True, kw_only=True, omit_defaults=True):
    """Sums over runs."""

    runs: Count


class AggregateBilling(msgspec.Struct, frozen=True, kw_only=True):
    totals: AggregateBillingTotals
    by_model: list[BillingByModel]
