"""Working with an agent of a run (resources.md X4): what the log tells of it, and what has to hold before it begins.

Nothing here reaches a worker, so nobody is joined with an agent yet: what would be said is judged, and then refused.
"""

from __future__ import annotations

from typing import Never

import msgspec

from fabro_core.errors import WorkerControlUnavailable
from fabro_core.models.ids import PairId, RunId
from fabro_core.models.pair import PairRecord, RunPairStatusResponse
from fabro_core.models.stage import StageId
from fabro_core.runs.decide import pairs as decide
from fabro_core.runs.fold.pairs import Pair, current_pair
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.log.log import RunLog
from fabro_core.runs.views.pair_transcript import TranscriptPage, transcript_page
from fabro_core.store.base import RunStore


class RunPairs:
    """The pairs of one store's runs.

    Every method raises `StoreUnavailable`, and `NotFound` for a run or pair that is not there.
    """

    def __init__(self, store: RunStore, log: RunLog) -> None:
        self._store = store
        self._log = log

    async def status(self, run_id: RunId) -> RunPairStatusResponse:
        """Who works with an agent of the run now, and with which agents one could."""
        run = await self._projection(run_id)
        current = current_pair(run.pairs)
        return RunPairStatusResponse(
            run_id=run_id,
            current_pair=None if current is None else _record(run_id, *current),
            targets=decide.targets(run),
        )

    async def get(self, run_id: RunId, pair_id: PairId) -> PairRecord:
        run = await self._projection(run_id)
        return _record(run_id, pair_id, decide.pair_of(run, pair_id))

    async def transcript(self, run_id: RunId, pair_id: PairId, *, since_seq: int, limit: int) -> TranscriptPage:
        """What was said and done from an event on."""
        pair = decide.pair_of(await self._projection(run_id), pair_id)
        return await transcript_page(self._store, run_id, pair_id, pair, since_seq=since_seq, limit=limit)

    async def start(self, run_id: RunId, stage_id: StageId) -> Never:
        """Raises `Conflict` when nobody can join the agent of the stage, else `WorkerControlUnavailable`."""
        decide.require_startable(await self._projection(run_id), stage_id)
        raise WorkerControlUnavailable

    async def say(self, run_id: RunId, pair_id: PairId, text: str) -> Never:
        """Raises `InvalidRequest` for a text that is blank or too long, `Conflict` when the agent does not listen, else
        `WorkerControlUnavailable`."""
        decide.message_text(text)
        decide.require_listening(await self._projection(run_id), pair_id)
        raise WorkerControlUnavailable

    async def end(self, run_id: RunId, pair_id: PairId) -> Never:
        """Raises `Conflict` for a pair that does not go on, else `WorkerControlUnavailable`."""
        decide.require_endable(await self._projection(run_id), pair_id)
        raise WorkerControlUnavailable

    async def _projection(self, run_id: RunId) -> Projection:
        return msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)


def _record(run_id: RunId, pair_id: str, pair: Pair) -> PairRecord:
    end = pair.end
    return PairRecord(
        pair_id=pair_id,
        run_id=run_id,
        status="active" if end is None else "ended" if end.failure is None else "failed",
        started_at=pair.started_at,
        ended_at=None if end is None else end.at,
        failure_reason=None if end is None else end.failure,
        target=pair.target,
    )
