"""What the feed keeps: events that are forgotten in silence, bodies left out, positions given twice."""

from __future__ import annotations

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.errors import SeqConflict
from fabro_core.store import records
from fabro_core.testing.store.feed_history import FeedHistoryConformance, SharedFeedConformance
from fabro_store_sqlite import SqliteRunStore, run_writes
from fabro_store_sqlite.writer import Transaction
from tests.testing.bugs import breaks


class Forgetful(DictStore):
    """Not a mutant: forgets what is older than the newest `kept` events, and says so."""

    kept = 10_000

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        del self._feed[: -self.kept]
        return seq

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        oldest = self._feed[0].position if self._feed else self._position + 1
        return replace(page, gap=query.after is not None and query.after < oldest - 1)


@breaks("the newest 10,000 events stay in the feed", found_by=FeedHistoryConformance)
class KeepsAThousand(Forgetful):
    """Keeps a thousand events, and says so."""

    kept = 1_000


@breaks("the newest 10,000 events stay in the feed", found_by=FeedHistoryConformance)
class KeepsAlmostAll(Forgetful):
    """Keeps one event less than it must."""

    kept = 9_999


@breaks("a gap is reported when events are missing", found_by=FeedHistoryConformance)
class ForgetsInSilence(Forgetful):
    """Forgets old events and does not say so."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        return replace(await super().read_feed(query), gap=False)


@breaks("there is no gap where nothing is missing", found_by=FeedHistoryConformance)
class AlwaysAGap(Forgetful):
    """Reports a gap to whoever is not at the present."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        return replace(await super().read_feed(query), gap=query.after is not None and query.after < self._position)


@breaks("what was deleted is not what was forgotten", found_by=FeedHistoryConformance)
class TakesDeletedForForgotten(DictStore):
    """Reports a gap wherever a position is missing."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        missing = (
            query.after is not None and (page.events[0].position if page.events else page.position) > query.after + 1
        )
        return replace(page, gap=missing)


@breaks("what the feed forgets are its oldest events", found_by=FeedHistoryConformance)
class ForgetsTheNewest(DictStore):
    """Takes no more events once there are enough."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        del self._feed[11_000:]
        return seq


@breaks("with their bodies", found_by=FeedHistoryConformance)
class LeavesBodiesOut(DictStore):
    """Tells that there was an event, and not which."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        return replace(page, events=tuple(replace(event, body=b"") for event in page.events))


@breaks("an event is in the feed byte for byte", found_by=FeedHistoryConformance)
class CutsBodies(DictStore):
    """Keeps the first 64 KiB of a body for the feed."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        return replace(page, events=tuple(replace(event, body=event.body[:65_536]) for event in page.events))


@breaks("an event is in the feed byte for byte", found_by=FeedHistoryConformance)
class DecodesBodies(DictStore):
    """Takes bodies for text on their way into the feed."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        events = (replace(event, body=event.body.decode(errors="replace").encode()) for event in page.events)
        return replace(page, events=tuple(events))


@breaks("every event of the feed has a position of its own", found_by=FeedHistoryConformance)
class OnePositionABatch(DictStore):
    """Gives the events of a batch one position."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        count, position = len(self._feed), self._position
        seq = await super().append(batch)
        self._feed[count:] = [replace(event, position=position + 1) for event in self._feed[count:]]
        return seq


@breaks("an event keeps its position", found_by=FeedHistoryConformance)
class CountsFromThePage(DictStore):
    """Numbers events by where they are on a page."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        first = (query.after or 0) + 1
        if page.has_more:
            return page
        shifted = (replace(event, position=first + number * 2) for number, event in enumerate(page.events))
        return replace(page, events=tuple(shifted))


@breaks("in the order of the appends", found_by=FeedHistoryConformance)
class SortsByRun(DictStore):
    """Keeps the events of a run together."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        return replace(page, events=tuple(sorted(page.events, key=lambda event: (event.run_id, event.seq))))


@breaks("nothing was appended", found_by=FeedHistoryConformance)
class FeedsTheRefused(DictStore):
    """Puts events into the feed before it looks whether they are refused."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        try:
            return await super().append(batch)
        except SeqConflict:
            self._position += 1
            refused = batch.events[0]
            entry = records.FeedEvent(position=self._position, run_id=batch.run_id, seq=refused.seq, body=refused.body)
            self._feed.append(entry)
            raise


@breaks("the feed does not lead back after everything was deleted", found_by=FeedHistoryConformance)
class PositionsOfWhatIsThere(SqliteRunStore):
    """The newest position is that of the newest event, also when newer ones were deleted."""

    async def delete_run(self, run_id: str, /) -> bool:
        def delete(transaction: Transaction) -> bool:
            noted = transaction.execute("SELECT newest FROM deleted_changes").fetchall()
            deleted = run_writes.delete_run(transaction, run_id)
            transaction.executemany("UPDATE deleted_changes SET newest = ?", noted)
            return deleted

        return await self._open().writer.run(delete)


@breaks("who goes on from where it was misses nothing", found_by=SharedFeedConformance)
class PositionsOfWhatIsThereForOthers(PositionsOfWhatIsThere):
    """As above, but it remembers what it has seen itself."""

    _seen = 0

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        self._seen = max(self._seen, page.position)
        return replace(page, position=page.position if page.has_more else self._seen)


@breaks("every event is in the feed once", found_by=SharedFeedConformance)
class FeedsItsOwn(SqliteRunStore):
    """Has the events in its feed that this instance has appended."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)  # type: ignore[arg-type]  # handed on
        self._own: set[tuple[str, int]] = set()

    async def append(self, batch: records.AppendBatch, /) -> int:
        seq = await super().append(batch)
        self._own |= {(batch.run_id, event.seq) for event in batch.events}
        return seq

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        page = await super().read_feed(query)
        return replace(page, events=tuple(event for event in page.events if (event.run_id, event.seq) in self._own))


@breaks("nothing appears before a position that was readable", found_by=SharedFeedConformance)
class DrawsPositionsEarly(SqliteRunStore):
    """Takes the numbers of a batch from a sequence, and commits when it comes to that."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        def draw(transaction: Transaction) -> int:
            newest: int = transaction.next_changes(len(batch.events) + 1)
            transaction.execute("UPDATE deleted_changes SET newest = max(newest, ?)", (newest,))
            return newest - len(batch.events)

        first = await self._open().writer.run(draw)

        def write(transaction: Transaction) -> int:
            transaction.first_change, transaction.last_change = first, first - 1
            return run_writes.append(transaction, batch)

        return await self._open().writer.run(write)
