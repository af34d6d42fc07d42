"""What can be asked about one run, or all of them, beyond the Run resource (events.md E10, E11, E17; runs.md R8.3)."""

from __future__ import annotations

from functools import partial

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import NotFound
from fabro_core.models.checkpoint import RunCheckpoint
from fabro_core.models.events import RunCreated, RunEvent
from fabro_core.models.events.agents import AgentMessage
from fabro_core.models.graph import Handler
from fabro_core.models.ids import RunId
from fabro_core.models.run_billing import AggregateBilling, RunBilling
from fabro_core.models.run_stage import RunStage, StageContextWindow
from fabro_core.models.run_state import RunProjection
from fabro_core.models.stage import StageId
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.stage_table import Stage
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.log.origin import read_created
from fabro_core.runs.off_loop import OffLoop
from fabro_core.runs.pictures.direction import Direction
from fabro_core.runs.pictures.pictures import Pictures
from fabro_core.runs.views.billing import run_billing
from fabro_core.runs.views.billing_ledger import BillingLedger
from fabro_core.runs.views.checkpoints import read_checkpoint
from fabro_core.runs.views.stage_list import Handlers, context_window, run_stages, told_handler
from fabro_core.runs.views.state import run_state
from fabro_core.runs.workflow.handlers import stored_handlers
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery

_NULL = msgspec.Raw(b"null")


class _SpecOrigins(msgspec.Struct, frozen=True):
    """Of a run's specification, where its settings came from; null in those of older releases."""

    setting_origins: msgspec.Raw = _NULL


class ReadModels:
    """Reads that are more than a page of what is stored.

    Every method raises `StoreUnavailable` when the store cannot answer; those that take a run id raise `NotFound`
    for an unknown one. But for `state`, what a question about one run costs does not depend on how long its log is.
    """

    def __init__(self, store: RunStore, log: RunLog, off_loop: OffLoop, pictures: Pictures, clock: Clock) -> None:
        self._store = store
        self._log = log
        self._off_loop = off_loop
        self._pictures = pictures
        self._clock = clock
        self._ledger = BillingLedger(store)

    async def state(self, run_id: RunId) -> RunProjection:
        """Everything that the run's log adds up to; reads all of the log."""
        return await run_state(self._store, await self._projection(run_id))

    async def stages(self, run_id: RunId) -> list[RunStage]:
        """The run's stages, by their first events."""
        run = await self._projection(run_id)
        handlers = await self._handlers(run_id, *run.stages.values())
        return run_stages(run.stages, handlers, epoch_ms(self._clock.now()))

    async def checkpoint(self, run_id: RunId) -> RunCheckpoint | None:
        """The newest checkpoint; None when there is none."""
        run = await self._projection(run_id)
        if not run.checkpoints:
            return None
        return read_checkpoint(await self._event(run_id, run.checkpoints[-1].seq)).checkpoint

    async def settings_json(self, run_id: RunId) -> bytes:
        """The run's settings, dense, as they were stored (runs.md R8.3)."""
        return bytes((await read_created(self._store, run_id)).settings)

    async def settings_with_origins_json(self, run_id: RunId) -> bytes:
        """JSON of `RunSettingsWithOrigins`: the same with the layer that each setting came from, where it was kept."""
        created = await read_created(self._store, run_id)
        spec = None if created.spec_blob is None else await self._store.get_blob(created.spec_blob)
        kept = _NULL if spec is None else msgspec.json.decode(spec, type=_SpecOrigins).setting_origins
        return msgspec.json.encode({"settings": created.settings, "origins": kept})

    async def graph_source(self, run_id: RunId) -> str:
        """The DOT text as submitted. Raises `NotFound` for a run whose text is not known, too."""
        return _source(run_id, await read_created(self._store, run_id))

    async def graph_svg(self, run_id: RunId, direction: Direction | None) -> bytes:
        """The picture of the run's graph; None: in the direction that the graph asks for.

        Raises `NotFound` like `graph_source`.
        """
        created = await read_created(self._store, run_id)
        _source(run_id, created)
        return await self._pictures.draw(bytes(created.graph), direction)

    async def stage_context_window(self, run_id: RunId, stage_id: StageId) -> StageContextWindow:
        """How full the context window of the stage's agent was at last. Raises `NotFound` for an unknown stage, too."""
        run = await self._projection(run_id)
        stage = run.stages.get(str(stage_id))
        if stage is None:
            raise NotFound(f"Run {run_id} has no stage {stage_id}.")
        seq = stage.context_window_seq
        if seq is not None:
            event = msgspec.json.decode(await self._event(run_id, seq), type=RunEvent)
            message = msgspec.json.decode(event.properties, type=AgentMessage)
            return context_window(str(stage_id), Handler.AGENT, message.context_window, seq)
        handler = told_handler(stage) or (await self._handlers(run_id, stage)).get(stage_id.node, Handler.AGENT)
        return context_window(str(stage_id), handler, None, None)

    async def billing(self, run_id: RunId) -> RunBilling:
        """What the run used and cost so far."""
        run = await self._projection(run_id)
        return run_billing(run.stages, epoch_ms(self._clock.now()))

    async def aggregate_billing(self) -> AggregateBilling:
        """What all runs used and cost that have a checkpoint or a conclusion.

        The first question reads every run; later ones read those that have changed since.
        """
        return await self._ledger.bill()

    async def _projection(self, run_id: RunId) -> Projection:
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)

    async def _event(self, run_id: RunId, seq: int) -> bytes:
        """An event that the run's projection refers to. Raises `NotFound` when the run has been deleted since."""
        page = await self._store.read(EventQuery(run_id=run_id, after_seq=seq - 1, before_seq=seq + 1, limit=1))
        if not page.events:
            raise NotFound(f"Run {run_id} not found.")
        return page.events[0].body

    async def _handlers(self, run_id: RunId, *stages: Stage) -> Handlers:
        """The handlers of the graph, unless events have told that of each of these stages."""
        if all(told_handler(stage) for stage in stages):
            return {}
        graph = bytes((await read_created(self._store, run_id)).graph)
        return await self._off_loop.run(partial(stored_handlers, graph), size=len(graph))


def _source(run_id: RunId, created: RunCreated) -> str:
    if created.workflow_source is None:
        raise NotFound(f"Run {run_id} has no graph source.")
    return created.workflow_source
