"""What a run used and cost, from its stages, and the sum over runs (events.md E11). No I/O in here.

Amounts are those that events told. A visit's use counts for the model that the visit used last; what no model is
known for is in the totals alone.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from fabro_core.models.billing import BilledTokenCounts, BillingModelRef
from fabro_core.models.counts import bounded
from fabro_core.models.run import RunTiming
from fabro_core.models.run_billing import (
    AggregateBilling,
    AggregateBillingTotals,
    BillingByModel,
    BillingStageRef,
    RunBilling,
    RunBillingStage,
    RunBillingTotals,
)
from fabro_core.models.stage import StageTiming
from fabro_core.runs.fold.stage_table import Stage, Stages

_UNBILLED = ("start", "exit")


class Amounts(NamedTuple):
    """Numbers that add up, and that can be taken away again exactly."""

    nodes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    reasoning_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    usd_micros: int = 0
    priced: int = 0
    """Of how many visits the cost is known."""
    wall_time_ms: int = 0
    inference_time_ms: int = 0
    tool_time_ms: int = 0
    active_time_ms: int = 0

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(*map(operator.add, self, other))

    def minus(self, other: Amounts) -> Amounts:
        return Amounts(*map(operator.sub, self, other))

    @property
    def billed(self) -> BilledTokenCounts:
        return BilledTokenCounts(
            input_tokens=bounded(self.input_tokens),
            output_tokens=bounded(self.output_tokens),
            total_tokens=bounded(self.total_tokens),
            reasoning_tokens=bounded(self.reasoning_tokens),
            cache_read_tokens=bounded(self.cache_read_tokens),
            cache_write_tokens=bounded(self.cache_write_tokens),
            total_usd_micros=self.total_usd_micros,
        )

    @property
    def total_usd_micros(self) -> int | None:
        """None when no event told a cost."""
        return bounded(self.usd_micros) if self.priced else None

    @property
    def timing(self) -> RunTiming:
        return RunTiming(
            wall_time_ms=bounded(self.wall_time_ms),
            inference_time_ms=bounded(self.inference_time_ms),
            tool_time_ms=bounded(self.tool_time_ms),
            active_time_ms=bounded(self.active_time_ms),
        )


ByModel = dict[BillingModelRef, Amounts]


class Contribution(msgspec.Struct, frozen=True):
    """What one run adds to a sum over runs."""

    total: Amounts
    by_model: ByModel


def run_billing(stages: Stages, now_ms: int) -> RunBilling:
    """The bill of a run; open stages are counted to an instant in milliseconds since the epoch."""
    nodes = _nodes(stages)
    total = _sum(_node_amounts(visits, now_ms) for _, visits in nodes)
    return RunBilling(
        stages=[_row(node, visits, now_ms) for node, visits in nodes],
        totals=RunBillingTotals(**msgspec.structs.asdict(total.billed), timing=total.timing),
        by_model=_model_rows(_models(nodes)),
    )


def contribution(stages: Stages, now_ms: int) -> Contribution:
    """What a run with these stages adds to the sum over runs."""
    nodes = _nodes(stages)
    return Contribution(_sum(_node_amounts(visits, now_ms) for _, visits in nodes), _models(nodes))


class Tally:
    """A sum over runs that change: a contribution is taken out as cheaply as it was put in."""

    def __init__(self) -> None:
        self._runs = 0
        self._total = Amounts()
        self._by_model: ByModel = {}

    def add(self, each: Contribution) -> None:
        self._runs += 1
        self._total = self._total.plus(each.total)
        for model, amounts in each.by_model.items():
            self._by_model[model] = self._by_model.get(model, Amounts()).plus(amounts)

    def remove(self, each: Contribution) -> None:
        """Take out what was added before."""
        self._runs -= 1
        self._total = self._total.minus(each.total)
        for model, amounts in each.by_model.items():
            left = self._by_model.pop(model).minus(amounts)
            if left.nodes:
                self._by_model[model] = left

    def answer(self) -> AggregateBilling:
        """The bill of the runs that are in the sum."""
        totals = AggregateBillingTotals(
            **msgspec.structs.asdict(self._total.billed), timing=self._total.timing, runs=self._runs
        )
        return AggregateBilling(totals=totals, by_model=_model_rows(self._by_model))


# -- nodes ----------------------------------------------------------------------------------------------------------

_Node = tuple[str, Sequence[Stage]]
"""A node's id and its visits, lowest first."""


def _nodes(stages: Stages) -> list[_Node]:
    """The nodes that are billed, by the first event about any visit to them."""
    visits: dict[str, list[tuple[int, Stage]]] = {}
    for key, stage in sorted(stages.items(), key=lambda each: (each[1].first_event_seq, each[0])):
        node, _, visit = key.rpartition("@")
        visits.setdefault(node, []).append((int(visit), stage))
    ordered = ((node, [stage for _, stage in sorted(each, key=_visit)]) for node, each in visits.items())
    return [(node, each) for node, each in ordered if not any(stage.handler in _UNBILLED for stage in each)]


def _visit(numbered: tuple[int, Stage]) -> int:
    return numbered[0]


def _row(node: str, visits: Sequence[Stage], now_ms: int) -> RunBillingStage:
    newest, amounts = visits[-1], _node_amounts(visits, now_ms)
    return RunBillingStage(
        stage=BillingStageRef(id=node, name=node),
        model=next((visit.model for visit in reversed(visits) if visit.usage is not None), None),
        billing=amounts.billed,
        timing=StageTiming(**msgspec.structs.asdict(amounts.timing)),
        state=newest.state,
        started_at=newest.started_at,
    )


def _node_amounts(visits: Iterable[Stage], now_ms: int) -> Amounts:
    return _sum(_used(visit).plus(_spent(visit, now_ms)) for visit in visits)._replace(nodes=1)


def _used(visit: Stage) -> Amounts:
    usage = visit.usage
    if usage is None:
        return Amounts()
    return Amounts(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        usd_micros=usage.total_usd_micros or 0,
        priced=usage.total_usd_micros is not None,
    )


def _spent(visit: Stage, now_ms: int) -> Amounts:
    timing = visit.timing_at(now_ms)
    return Amounts(
        wall_time_ms=timing.wall_time_ms,
        inference_time_ms=timing.inference_time_ms,
        tool_time_ms=timing.tool_time_ms,
        active_time_ms=timing.active_time_ms,
    )


def _sum(each: Iterable[Amounts]) -> Amounts:
    total = Amounts()
    for amounts in each:
        total = total.plus(amounts)
    return total


# -- models ---------------------------------------------------------------------------------------------------------


def _models(nodes: Iterable[_Node]) -> ByModel:
    sums: ByModel = {}
    for _, visits in nodes:
        of_node: ByModel = {}
        for visit in visits:
            if visit.model is not None and visit.usage is not None:
                of_node[visit.model] = of_node.get(visit.model, Amounts()).plus(_used(visit))
        for model, amounts in of_node.items():
            sums[model] = sums.get(model, Amounts()).plus(amounts._replace(nodes=1))
    return sums


def _model_rows(sums: ByModel) -> list[BillingByModel]:
    ordered = sorted(sums.items(), key=lambda each: (each[0].provider, each[0].model_id, each[0].speed or ""))
    return [BillingByModel(model=model, stages=amounts.nodes, billing=amounts.billed) for model, amounts in ordered]
