"""Second reads: stores that keep what they have read, or count by themselves, while others write."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store import records
from fabro_core.testing.store.rereading import RereadingConformance
from fabro_store_sqlite import SqliteRunStore
from tests.testing.bugs import breaks

ANEW = "what was read before is read anew"


class KeepsWhatItReads(SqliteRunStore):
    """Not a mutant: forgets it with its own writes, which is all that most of those below do."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.kept: dict[Any, Any] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self.kept.clear()
        return seq

    async def delete_run(self, run_id: str, /) -> bool:
        deleted = await super().delete_run(run_id)
        self.kept.clear()
        return deleted

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        doc = await super().put_doc(write)
        self.kept.clear()
        return doc

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        deleted = await super().delete_doc(delete)
        self.kept.clear()
        return deleted

    async def put_blob(self, blob: records.Blob, /) -> bool:
        stored = await super().put_blob(blob)
        self.kept.clear()
        return stored

    async def delete_blob(self, delete: records.BlobDelete, /) -> bool:
        deleted = await super().delete_blob(delete)
        self.kept.clear()
        return deleted


@breaks(ANEW, found_by=RereadingConformance)
class KeepsRuns(KeepsWhatItReads):
    """Keeps runs."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        if run_id not in self.kept:
            self.kept[run_id] = await super().get_run(run_id)
        found: records.StoredRun | None = self.kept[run_id]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsRunsOfOneLength(KeepsWhatItReads):
    """Keeps a run until it has more events: one that was deleted and made again has as many."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        found = await super().get_run(run_id)
        known: records.StoredRun | None = self.kept.get(run_id)
        if found is None or known is None or found.seq != known.seq:
            if found is not None:
                self.kept[run_id] = found
            return found
        return known


@breaks(ANEW, found_by=RereadingConformance)
class KeepsChildren(KeepsWhatItReads):
    """Counts the children of a run when it is read first."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        found = await super().get_run(run_id)
        if found is None:
            return None
        return replace(found, children_count=self.kept.setdefault(run_id, found.children_count))


@breaks(ANEW, found_by=RereadingConformance)
class KeepsAbsence(KeepsWhatItReads):
    """Remembers which runs there are not."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        if run_id in self.kept:
            return None
        found = await super().get_run(run_id)
        if found is None:
            self.kept[run_id] = True
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsRunsForAMoment(KeepsWhatItReads):
    """Keeps runs for a twentieth of a second."""

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        until, found = self.kept.get(run_id, (0.0, None))
        if time.monotonic() >= until:
            found = await super().get_run(run_id)
            self.kept[run_id] = (time.monotonic() + 0.05, found)
        return found  # type: ignore[no-any-return]  # whatever was kept


@breaks(ANEW, found_by=RereadingConformance)
class KeepsRunsForTheProcess(SqliteRunStore):
    """Keeps runs in the module, where every instance of this process forgets them with its writes, and no other."""

    _kept: ClassVar[dict[Any, Any]] = {}

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._kept.clear()
        return seq

    async def delete_run(self, run_id: str, /) -> bool:
        deleted = await super().delete_run(run_id)
        self._kept.clear()
        return deleted

    async def get_run(self, run_id: str, /) -> records.StoredRun | None:
        place = (self._path, run_id)
        if place not in self._kept:
            self._kept[place] = await super().get_run(run_id)
        found: records.StoredRun | None = self._kept[place]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsLogs(KeepsWhatItReads):
    """Keeps pages of logs."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        if query not in self.kept:
            self.kept[query] = await super().read(query)
        found: records.EventPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsFullLogs(KeepsWhatItReads):
    """Keeps events for ever, as no event ever changes; but its run may be deleted and made again."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        events = tuple(self.kept.setdefault((query.run_id, event.seq), event) for event in page.events)
        return replace(page, events=events)


@breaks(ANEW, found_by=RereadingConformance)
class KeepsTheHead(KeepsWhatItReads):
    """Keeps how long a log is, and reads no further."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        newest = max((event.seq for event in page.events), default=0)
        if newest == 0:
            return page
        head = self.kept.setdefault(query.run_id, newest)
        return replace(page, events=tuple(event for event in page.events if event.seq <= head))


@breaks(ANEW, found_by=RereadingConformance)
class KeepsLists(KeepsWhatItReads):
    """Keeps pages of runs."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if query not in self.kept:
            self.kept[query] = await super().list_runs(query)
        found: records.RunPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsTotals(KeepsWhatItReads):
    """Counts once."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        return replace(page, total=self.kept.setdefault((query.buckets, query.facets, query.words), page.total))


@breaks(ANEW, found_by=RereadingConformance)
class KeepsListsOfOneTotal(KeepsWhatItReads):
    """Takes a list for unchanged while it is as long as before."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        known: records.RunPage = self.kept.setdefault((query, page.total), page)
        return known


@breaks(ANEW, found_by=RereadingConformance)
class KeepsSearches(KeepsWhatItReads):
    """Keeps what a search has found, as searching is dear."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        if not query.is_search:
            return await super().list_runs(query)
        if query not in self.kept:
            self.kept[query] = await super().list_runs(query)
        found: records.RunPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsIds(KeepsWhatItReads):
    """Keeps pages of ids."""

    async def list_run_ids(self, query: records.RunIdQuery, /) -> records.RunIdPage:
        if query not in self.kept:
            self.kept[query] = await super().list_run_ids(query)
        found: records.RunIdPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsWorkflows(KeepsWhatItReads):
    """Keeps which workflows there are."""

    async def list_workflows(self) -> list[records.WorkflowHit]:
        if "workflows" not in self.kept:
            self.kept["workflows"] = list(await super().list_workflows())
        found: list[records.WorkflowHit] = self.kept["workflows"]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsTheFeed(KeepsWhatItReads):
    """Keeps pages of the feed."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        if query not in self.kept:
            self.kept[query] = await super().read_feed(query)
        found: records.FeedPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsDocuments(KeepsWhatItReads):
    """Keeps documents."""

    async def get_doc(self, ref: records.DocRef, /) -> records.Doc | None:
        if ref not in self.kept:
            self.kept[ref] = await super().get_doc(ref)
        found: records.Doc | None = self.kept[ref]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsPagesOfDocuments(KeepsWhatItReads):
    """Keeps pages of documents."""

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        if query not in self.kept:
            self.kept[query] = await super().list_docs(query)
        found: records.DocPage = self.kept[query]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsCollections(KeepsWhatItReads):
    """Keeps which collections there are."""

    async def list_collections(self) -> list[str]:
        if "collections" not in self.kept:
            self.kept["collections"] = list(await super().list_collections())
        found: list[str] = self.kept["collections"]
        return found


@breaks(ANEW, found_by=RereadingConformance)
class KeepsBlobs(KeepsWhatItReads):
    """Keeps bytes for ever, as those of a digest never change; but they may be deleted."""

    async def get_blob(self, digest: str, /) -> bytes | None:
        body = await super().get_blob(digest) if digest not in self.kept else self.kept[digest]
        if body is not None:
            self.kept[digest] = body
        return body


@breaks(ANEW, found_by=RereadingConformance)
class KeepsDigests(KeepsWhatItReads):
    """Keeps which blobs there are."""

    async def list_blobs(self, query: records.BlobQuery, /) -> records.BlobPage:
        if query not in self.kept:
            self.kept[query] = await super().list_blobs(query)
        found: records.BlobPage = self.kept[query]
        return found


# -- pages of two moments -------------------------------------------------------------------------------------------


@breaks("page and total come from one snapshot", found_by=RereadingConformance)
class CountsAfterwards(SqliteRunStore):
    """Reads a page, then counts."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        page = await super().list_runs(query)
        counted = await super().list_runs(replace(query, offset=query.offset + 10_000))
        return replace(page, total=counted.total)


@breaks("a run that moves is neither missing nor doubled", found_by=RereadingConformance)
class ReadsBucketByBucket(SqliteRunStore):
    """Reads one bucket after the other."""

    async def list_runs(self, query: records.RunQuery, /) -> records.RunPage:
        pages = [
            await super(ReadsBucketByBucket, self).list_runs(replace(query, buckets=frozenset({bucket})))
            for bucket in Bucket
            if bucket in query.buckets
        ]
        hits = sorted((hit for page in pages for hit in page.hits), key=lambda hit: hit.id)
        return records.RunPage(hits=tuple(hits), total=sum(page.total for page in pages))


@breaks("a batch is readable as a whole or not at all", found_by=RereadingConformance)
class WritesEventByEvent(SqliteRunStore):
    """Commits each event of a batch by itself."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = batch.expected_seq
        for event in batch.events:
            one = replace(batch, expected_seq=seq, events=(event,), row=replace(batch.row, seq=event.seq))
            seq = await super().append(one)
        return seq
