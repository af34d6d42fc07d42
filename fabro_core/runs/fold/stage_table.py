"""Stages, and the table that a run has of them: with what would otherwise be searched for among them at every event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from fabro_core.models.billing import BilledTokenCounts, BillingModelRef
from fabro_core.models.counts import bounded
from fabro_core.models.instant import Instant, ms_of_instant
from fabro_core.models.stage import StageModelUsage, StageState, StageTiming, parse_stage_id

_OPEN: Final[tuple[StageState, ...]] = ("pending", "running", "retrying")


class ToolBatch(msgspec.Struct, frozen=True):
    """Tools that an agent's session runs at the same time."""

    opened_at: Instant
    calls: tuple[str, ...]
    """Ids of the calls that have not completed."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run's log says about one visit to a node."""

    first_event_seq: int
    state: StageState = "pending"
    handler: str | None = None
    started_at: Instant | None = None
    """Of the newest attempt."""
    timing: StageTiming | None = None
    """None until an attempt has ended."""
    usage: BilledTokenCounts | None = None
    model: BillingModelRef | None = None
    provider_used: StageModelUsage | None = None
    live_inference_ms: int = 0
    live_tool_ms: int = 0
    inference: dict[str, Instant] = {}
    """When the model call of a session, by its id, began."""
    tools: dict[str, ToolBatch] = {}
    """By the id of the session."""
    termination: Literal["exited", "timed_out", "cancelled"] | None = None
    """How the stage's command ended."""
    output_seq: int | None = None
    """The event with the output of the command that ended last; None while another one is running."""
    agent_control: Literal["running", "waiting_for_steer"] = "running"
    context_window_seq: int | None = None
    """The newest message that told a context window."""
    graph_visit: int | None = None
    resumed_from_stage_id: str | None = None
    parallel_group_id: str | None = None
    parallel_branch_id: str | None = None

    @property
    def open(self) -> bool:
        return self.state in _OPEN

    @property
    def works(self) -> bool:
        """Whether a model call or a tool is open in it."""
        return bool(self.inference or self.tools)

    def timing_at(self, now_ms: int) -> StageTiming:
        """Final once an attempt has ended, else an estimate at an instant in milliseconds since the epoch."""
        if self.timing is not None:
            return self.timing
        inference, tool = self.live_inference_ms, self.live_tool_ms
        if self.works:
            inference += sum(ms_since(opened, now_ms) for opened in self.inference.values())
            tool += sum(ms_since(batch.opened_at, now_ms) for batch in self.tools.values())
        return StageTiming(
            wall_time_ms=0 if self.started_at is None else ms_since(self.started_at, now_ms),
            inference_time_ms=bounded(inference),
            tool_time_ms=bounded(tool),
            active_time_ms=bounded(inference + tool),
        )


Stages = Mapping[str, Stage]
"""By stage id, in the order of their first events."""


class StageTable(dict[str, Stage]):
    """The stages of a run, by their ids, in the order of their first events.

    Stored and compared it is the mapping that it is: whatever it knows besides follows from its entries.
    """

    __slots__ = ("_highest", "_working")

    def __init__(self, known: Stages) -> None:
        """A copy of stages."""
        super().__init__(known)
        self._highest: dict[str, int]
        """The highest visit, by node."""
        self._working: dict[str, None]
        """The ids of the stages that work."""
        if isinstance(known, StageTable):
            self._highest, self._working = known._highest.copy(), known._working.copy()
        else:
            self._highest, self._working = {}, {key: None for key, stage in known.items() if stage.works}
            for key in known:
                self._note(key)

    def put(self, key: str, stage: Stage) -> None:
        """Enter a stage, in the place of the one with its id."""
        if key not in self:
            self._note(key)
        self[key] = stage
        if stage.works:
            self._working[key] = None
        else:
            self._working.pop(key, None)

    def highest_visit(self, node: str) -> int:
        """The highest visit to a node that is known, 1 when none is."""
        return self._highest.get(node, 1)

    def has_node(self, node: str) -> bool:
        """Whether a visit to a node is known."""
        return node in self._highest

    def working_in(self, session: str) -> list[str]:
        """The ids of the stages in which something of a session is open."""
        return [key for key in self._working if session in self[key].inference or session in self[key].tools]

    def _note(self, key: str) -> None:
        stage_id = parse_stage_id(key)
        if stage_id is not None:
            self._highest[stage_id.node] = max(stage_id.visit, self._highest.get(stage_id.node, 1))


def ms_since(opened: Instant, now_ms: int) -> int:
    """Milliseconds from an instant to another; 0 when it lies behind that."""
    return max(0, now_ms - ms_of_instant(opened))
