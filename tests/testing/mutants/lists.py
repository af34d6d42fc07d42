"""Lists of runs: order, totals, time."""

from __future__ import annotations

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.listing import ListConformance
from fabro_core.testing.store.runs import RunConformance
from tests.testing.bugs import breaks


@breaks("ties by id descending in both directions", found_by=ListConformance)
class WrongTieBreak(DictStore):
    """Runs with equal keys come by id ascending."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        other_way = "asc" if query.direction == "desc" else "desc"
        whole = await super().list_runs(replace(query, direction=other_way, offset=0, limit=10_000))
        return replace(whole, hits=whole.hits[::-1][query.offset : query.offset + query.limit])


@breaks("no number loses its last digit", found_by=ListConformance)
class RoundedNumbers(DictStore):
    """Keeps numbers as floats."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        return await super().append(replace(batch, row=replace(batch.row, changes=int(float(batch.row.changes)))))


@breaks("every page has the total of the whole list", found_by=ListConformance)
class PageForTotal(DictStore):
    """Counts the runs of the page instead of those that match."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, total=len(page.hits))


@breaks("a live run passes an ended one as time goes on", found_by=ListConformance)
class StoppedClock(DictStore):
    """Measures the elapsed time of live runs at the wrong instant."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        return await super().list_runs(replace(query, now_ms=0))


@breaks("every id is listed once", found_by=RunConformance)
class LastIdLost(DictStore):
    """Leaves out the id at the end."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        page = await super().list_run_ids(query)
        return page if page.has_more else replace(page, ids=page.ids[:-1])
