"""Ids, digests and revisions that are taken for others, and documents that are taken for the fence."""

from __future__ import annotations

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import StoreFenced
from fabro_core.store import records
from fabro_core.store.wakeups import WakeupHub
from fabro_core.testing.store.crowds import CrowdConformance
from fabro_core.testing.store.fencing import FencingConformance
from fabro_core.testing.store.removing import RemovalConformance
from fabro_core.testing.store.texts import TextConformance
from tests.testing.bugs import breaks


@breaks("a run has one id", found_by=TextConformance)
class IdsWithoutCase(DictStore):
    """Finds runs without regard to case."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        return await super().get_run(run_id.upper())


@breaks("a log has one id", found_by=TextConformance)
class TrimmedIds(DictStore):
    """Reads the log of an id with blanks."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        return await super().read(replace(query, run_id=query.run_id.strip()))


@breaks("a run is deleted by its id", found_by=TextConformance)
class DeletesByBeginning(DictStore):
    """Deletes the runs whose keys begin with an id."""

    async def delete_run(self, run_id: str, /) -> bool:
        known = [each for each in self._rows if each.startswith(run_id or " ")]
        return any([await super(DeletesByBeginning, self).delete_run(each) for each in known])


@breaks("a blob has one digest", found_by=TextConformance)
class DigestsWithoutCase(DictStore):
    """Keeps digests as bytes, and so without case."""

    async def get_blob(self, digest: str, /) -> bytes | None:
        return await super().get_blob(digest.lower())


@breaks("no text is a revision but the one that was given", found_by=TextConformance)
class NumberedRevisions(DictStore):
    """Compares revisions as numbers."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, if_revision=numbered(write.if_revision)))


@breaks("no text is a revision but the one that was given", found_by=TextConformance)
class WordsForRevisions(DictStore):
    """Has a word for any revision."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        return await super().put_doc(replace(write, if_revision=records.ANY) if write.if_revision == "any" else write)


@breaks("no text is a revision but the one that was given", found_by=TextConformance)
class NoRevisionIsAny(DictStore):
    """Takes the empty text for no condition."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        return await super().delete_doc(delete if delete.if_revision else replace(delete, if_revision=records.ANY))


def numbered(revision: records.Revision) -> records.Revision:
    if not isinstance(revision, str):
        return revision
    try:
        return str(int(float(revision)))
    except ValueError:
        return revision


@breaks("only the one document is the fence", found_by=FencingConformance)
class FencesOfAllKinds(DictStore):
    """Takes any document of the collection for the fence."""

    def _writable(self, collection: str = "") -> WakeupHub:
        if collection != records.FENCE_COLLECTION and any(place[0] == records.FENCE_COLLECTION for place in self._docs):
            raise StoreFenced
        return super()._writable(collection)


@breaks("only the one document is the fence", found_by=FencingConformance)
class FencesByKey(DictStore):
    """Takes a document of that key for the fence, wherever it is."""

    def _writable(self, collection: str = "") -> WakeupHub:
        if collection != records.FENCE_COLLECTION and any(
            place[1] == records.FENCE_KEY and place[0] == "c" for place in self._docs
        ):
            raise StoreFenced
        return super()._writable(collection)


@breaks("every id that begins so is listed once", found_by=CrowdConformance)
class PagesBeyondTheBeginning(DictStore):
    """Goes on after an id, and forgets what the others began with."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        page = await super().list_run_ids(query)
        if query.after_id is None or not query.prefix:
            return page
        beyond = await super().list_run_ids(replace(query, prefix=""))
        return replace(page, ids=beyond.ids)


@breaks("no facet is left, however many there were", found_by=RemovalConformance)
class AHundredFacetsLeave(DictStore):
    """Counts off a hundred facets of a run that is deleted."""

    def __init__(self) -> None:
        super().__init__()
        self._left: dict[str, int] = {}

    async def delete_run(self, run_id: str, /) -> bool:
        row = self._rows.get(run_id)
        for facet in () if row is None else row.facets[100:]:
            self._left[facet] = self._left.get(facet, 0) + 1
        return await super().delete_run(run_id)

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        more = self._left.get(query.facets[0], 0) if len(query.facets) == 1 else 0
        return replace(page, total=page.total + more)


@breaks("one purge removes all of them and counts them", found_by=RemovalConformance)
class PurgeOfAThousand(DictStore):
    """Purges what one statement takes."""

    async def purge(self, now_ms: int, /) -> int:
        later = dict(list(self._docs.items())[1_000:])
        self._docs = dict(list(self._docs.items())[:1_000])
        purged = await super().purge(now_ms)
        self._docs |= later
        return purged
