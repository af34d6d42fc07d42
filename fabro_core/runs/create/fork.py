"""Forking and rewinding runs (runs.md R14): a new run that begins with another one's history up to a checkpoint."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
from msgspec.structs import replace

from fabro_core.errors import InvalidRequest
from fabro_core.models import events
from fabro_core.models.events import Properties, RunEvent, typed
from fabro_core.models.stage import StageId, parse_stage_id
from fabro_core.runs.fold.projection import Checkpoint, Projection
from fabro_core.runs.log.entry import Entry
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery

_PAGE_EVENTS = 1000
_PAGE_BYTES = 2 * 1024 * 1024
_ORDINAL = re.compile(r"@([1-9][0-9]{0,9})", re.ASCII)
_HISTORY = (
    "stage.",
    "parallel.",
    "prompt.",
    "edge.",
    "loop.",
    "subgraph.",
    "checkpoint.",
    "command.",
    "agent.",
    "todo.",
    "git.",
    "artifact.",
)
"""What a fork takes over: the work, but neither the life of the run nor its questions."""


class ForkPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that another run can begin with."""

    checkpoint: Checkpoint
    ordinal: int
    sha: str

    @property
    def target(self) -> str:
        return str(StageId(self.checkpoint.node, self.checkpoint.visit))


def fork_point(run: Projection, target: str | None) -> ForkPoint:
    """The checkpoint that `target` names: `@N`, a node, `node@visit`, or None for the newest.

    Raises `InvalidRequest` when there is none, when it has no commit, or when the run has no repository.
    """
    is_meant = _meant(run, target)
    numbered = [(ordinal, each) for ordinal, each in enumerate(run.checkpoints, start=1) if is_meant(ordinal, each)]
    if not numbered:
        raise InvalidRequest("target: the run has no such checkpoint.")
    ordinal, checkpoint = numbered[-1]
    if checkpoint.sha is None:
        raise InvalidRequest("target: the checkpoint has no commit to begin with.")
    if not run.repository.origin_url:
        raise InvalidRequest("The run has no repository to fork from.")
    return ForkPoint(checkpoint=checkpoint, ordinal=ordinal, sha=checkpoint.sha)


def _meant(run: Projection, target: str | None) -> Callable[[int, Checkpoint], bool]:
    """Tells whether `target` names a checkpoint with this ordinal."""
    if target is None:
        return lambda ordinal, checkpoint: True
    number = _ORDINAL.fullmatch(target)
    if number is not None:
        wanted = int(number[1])
        return lambda ordinal, checkpoint: ordinal == wanted
    stage = parse_stage_id(target)
    node = _outside(run, target if stage is None else stage.node)
    return lambda ordinal, checkpoint: checkpoint.node == node and (stage is None or checkpoint.visit == stage.visit)


def _outside(run: Projection, node: str) -> str:
    """The parallel node whose section a node is in, else the node itself."""
    for key, stage in run.stages.items():
        parsed = parse_stage_id(key)
        if parsed is not None and parsed.node == node and stage.parallel_group_id is not None:
            group = parse_stage_id(stage.parallel_group_id)
            return node if group is None else group.node
    return node


async def history(store: RunStore, source_id: str, until_seq: int, run_id: str) -> Sequence[Entry]:
    """The work of a run up to an event, as entries of another run's log."""
    return [entry async for entry in _copies(store, source_id, until_seq, run_id)]


async def _copies(store: RunStore, source_id: str, until_seq: int, run_id: str) -> AsyncIterator[Entry]:
    after_seq = 0
    while after_seq < until_seq:
        page = await store.read(
            EventQuery(
                run_id=source_id,
                after_seq=after_seq,
                before_seq=until_seq + 1,
                limit=_PAGE_EVENTS,
                max_bytes=_PAGE_BYTES,
            )
        )
        if not page.events:
            return
        for record in page.events:
            if record.kind.startswith(_HISTORY):
                yield _copy(record.body, run_id)
        after_seq = page.events[-1].seq


def _copy(body: bytes, run_id: str) -> Entry:
    event = typed(msgspec.json.decode(body, type=RunEvent))
    copied = replace(event, id=f"{event.id}-fork-{event.seq}", run_id=run_id)
    raw = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    del raw["seq"]
    raw |= {
        "id": msgspec.Raw(msgspec.json.encode(copied.id)),
        "run_id": msgspec.Raw(msgspec.json.encode(copied.run_id)),
    }
    return Entry(copied, msgspec.json.encode(raw))


def supersede(point: ForkPoint, new_run_id: str) -> Callable[[Projection], Sequence[Properties]]:
    """Put a run away for the one that was forked from it."""

    def decide(run: Projection) -> Sequence[Properties]:
        superseded = events.RunSupersededBy(
            new_run_id=new_run_id,
            target_checkpoint_ordinal=point.ordinal,
            target_node_id=point.checkpoint.node,
            target_visit=point.checkpoint.visit,
        )
        return (superseded, events.RunArchived())

    return decide
