"""Reading a log and the feed: bytes and pages."""

from __future__ import annotations

from msgspec.structs import replace

from examples.stores.dict_store import DictStore
from fabro_core.store import records
from fabro_core.testing.store.feed import FeedConformance
from fabro_core.testing.store.reading import ReadConformance
from tests.testing.bugs import breaks


@breaks("an event comes back byte for byte", found_by=ReadConformance)
class RewrittenBytes(DictStore):
    """Takes the freedom to trim what it stores."""

    async def append(self, batch: records.AppendBatch, /) -> int:
        trimmed = tuple(replace(event, body=event.body.strip()) for event in batch.events)
        return await super().append(replace(batch, events=trimmed))


@breaks("a page has no more bytes than asked for, or one event", found_by=ReadConformance)
class EndlessPage(DictStore):
    """Bounds pages in number alone."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        return await super().read(replace(query, max_bytes=None))


@breaks("no event is too large", found_by=ReadConformance)
class EmptyPage(DictStore):
    """Has no page for an event that is larger than one."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        fits = query.max_bytes is None or sum(len(event.body) for event in page.events) <= query.max_bytes
        return page if fits else replace(page, events=())


@breaks("has_more tells that a page ended because of its bytes", found_by=ReadConformance)
class ShortPageForTheLast(DictStore):
    """Takes a page that ended because of its bytes for the last one."""

    async def read(self, query: records.EventQuery, /) -> records.EventPage:
        page = await super().read(query)
        return replace(page, has_more=page.has_more and len(page.events) == query.limit)


@breaks("a page has no more bytes", found_by=FeedConformance)
class EndlessFeedPage(DictStore):
    """Bounds pages of the feed in number alone."""

    async def read_feed(self, query: records.FeedQuery, /) -> records.FeedPage:
        return await super().read_feed(replace(query, max_bytes=None))
