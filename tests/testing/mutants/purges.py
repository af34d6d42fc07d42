"""Purges, and deletes of documents: too much, too little, twice, or with something left over."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from examples.stores.dict_store import DictStore, has_expired
from fabro_core.store import records
from fabro_core.testing.store.removing import RemovalConformance
from tests.testing.bugs import breaks

# -- purge -------------------------------------------------------------------------------------------------------------


@breaks("one purge removes all of them and counts them", found_by=RemovalConformance)
class PurgeOfAHundred(DictStore):
    """Removes a batch and is done."""

    async def purge(self, now_ms: int, /) -> int:
        self._writable()
        expired = [place for place, doc in self._docs.items() if has_expired(doc, now_ms)][:100]
        for place in expired:
            del self._docs[place]
        return len(expired)


@breaks("one purge removes all of them and counts them", found_by=RemovalConformance)
class PurgeOfOneCollection(DictStore):
    """Counts the statements, not the documents."""

    async def purge(self, now_ms: int, /) -> int:
        collections = {collection for collection, _ in self._docs}
        return len(collections) if await super().purge(now_ms) else 0


@breaks("a purge counts what it removes", found_by=RemovalConformance)
class PurgeOfTheFuture(DictStore):
    """Rounds up to the next second."""

    async def purge(self, now_ms: int, /) -> int:
        return await super().purge(now_ms + 999)


@breaks("what counts is the expiry that was written last", found_by=RemovalConformance)
class FirstExpiry(DictStore):
    """Has an index of expiries, and writes a key into it once."""

    def __init__(self) -> None:
        super().__init__()
        self._expiries: dict[tuple[str, str], int] = {}

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        doc = await super().put_doc(write)
        if write.expires_ms is not None:
            self._expiries.setdefault((write.collection, write.key), write.expires_ms)
        return doc

    async def purge(self, now_ms: int, /) -> int:
        expired = [place for place, expires_ms in self._expiries.items() if expires_ms <= now_ms]
        for place in expired:
            del self._expiries[place]
        return sum(self._docs.pop(place, None) is not None for place in expired)


@breaks("a document whose expiry was moved or taken away is not purged", found_by=RemovalConformance)
class ExpiryThatStays(FirstExpiry):
    """Follows an expiry that moves, and not one that is taken away."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        if write.expires_ms is not None:
            self._expiries.pop((write.collection, write.key), None)
        return await super().put_doc(write)


@breaks("what was deleted has nothing left that expires", found_by=RemovalConformance)
class ExpiryOfTheDeleted(FirstExpiry):
    """Follows every write, and no delete."""

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        known = (write.collection, write.key) in self._docs
        doc = await super().put_doc(write)
        if known:
            self._expiries.pop((write.collection, write.key), None)
            if write.expires_ms is not None:
                self._expiries[write.collection, write.key] = write.expires_ms
        return doc


@breaks("a purge is about documents alone", found_by=RemovalConformance)
class PurgesRunsToo(DictStore):
    """Removes whatever has the name of a collection that has expired."""

    async def purge(self, now_ms: int, /) -> int:
        for (collection, _), doc in self._docs.items():
            if has_expired(doc, now_ms):
                self._logs.pop(collection, None)
        return await super().purge(now_ms)


@breaks("no write is lost to a purge at the same time", found_by=RemovalConformance)
class SlowPurge(DictStore):
    """Looks for what has expired, and removes it afterwards by its key."""

    async def purge(self, now_ms: int, /) -> int:
        self._writable()
        expired = [place for place, doc in self._docs.items() if has_expired(doc, now_ms)]
        await asyncio.sleep(0)
        return sum(self._docs.pop(place, None) is not None for place in expired)


@breaks("what several purge together is counted once", found_by=RemovalConformance)
class PurgeCountedTwice(DictStore):
    """Counts what has expired before it removes it."""

    async def purge(self, now_ms: int, /) -> int:
        count = sum(has_expired(doc, now_ms) for doc in self._docs.values())
        await asyncio.sleep(0)
        await super().purge(now_ms)
        return count


# -- documents ---------------------------------------------------------------------------------------------------------


@breaks("a delete removes nothing of another collection", found_by=RemovalConformance)
class DeletesByKey(DictStore):
    """Deletes wherever the key is."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        deleted = await super().delete_doc(delete)
        for place in [place for place in self._docs if place[1] == delete.key and deleted]:
            del self._docs[place]
        return deleted


@breaks("a delete removes that document and no other", found_by=RemovalConformance)
class DeletesBeginnings(DictStore):
    """Deletes the keys that begin alike."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        deleted = await super().delete_doc(delete)
        alike = [p for p in self._docs if p[0] == delete.collection and p[1].startswith(delete.key[:-1] or "\0")]
        for place in alike if deleted and len(delete.key) > 3 else []:
            del self._docs[place]
        return deleted


class _Owned(DictStore):
    """Has an index of owners."""

    def __init__(self) -> None:
        super().__init__()
        self._owned: dict[tuple[str, str], set[str]] = {}

    async def put_doc(self, write: records.DocWrite, /) -> records.Doc:
        doc = await super().put_doc(write)
        if write.owner is not None:
            self._owned.setdefault((write.collection, write.owner), set()).add(write.key)
        return doc

    async def list_docs(self, query: records.DocQuery, /) -> records.DocPage:
        if query.owner is None:
            return await super().list_docs(query)
        owned = self._owned.get((query.collection, query.owner), set())
        everything = await super().list_docs(replace(query, owner=None, limit=10_000))
        docs = [doc for doc in everything.docs if doc.key in owned]
        return records.DocPage(docs=tuple(docs[: query.limit]), has_more=len(docs) > query.limit)


@breaks("a document has one owner", found_by=RemovalConformance)
class FormerOwners(_Owned):
    """Lists a document for everybody who ever owned it."""


@breaks("one of a delete and a put on one revision takes effect", found_by=RemovalConformance)
class LateDelete(DictStore):
    """Compares the revision, and deletes afterwards whatever there is."""

    async def delete_doc(self, delete: records.DocDelete, /) -> bool:
        current = self._live(delete)
        if current is None or (isinstance(delete.if_revision, str) and delete.if_revision != current.revision):
            return await super().delete_doc(delete)
        await asyncio.sleep(0)
        return self._docs.pop((delete.collection, delete.key), None) is not None
