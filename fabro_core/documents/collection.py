"""Collections of documents: everything that is kept besides runs, their logs and blobs, typed, in the store.

A store compares and sets bytes. What is asked again when another server was first, how documents expire, whose they
are and which of their fields a store must not see is the same for all of them, and stands here once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from enum import Enum, auto
from typing import Final, Generic, overload
from weakref import WeakValueDictionary

import msgspec

from fabro_core.clock import Clock, epoch_ms
from fabro_core.documents.encoding import Body, Encoding
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.errors import Contended, RevisionConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT, ANY, Doc, DocDelete, DocQuery, DocRef, DocWrite, Revision

PAGE: Final = 100
MAX_ATTEMPTS: Final = 64
"""How often a change is decided anew because another server was first, before it is refused."""
PATIENCE_SECONDS: Final = 2
"""How long a writer waits for its turn. Turns save attempts and decide nothing, so that whoever waits behind one that a
store keeps hanging goes on without, to learn what the store says."""


class Stored(msgspec.Struct, Generic[Body], frozen=True):
    """A document as it was read."""

    key: str
    body: Body
    revision: str


class Verdict(Enum):
    """What a decision answers that writes no body."""

    LEAVE = auto()
    """Everything stays as it is."""
    DELETE = auto()


LEAVE: Final = Verdict.LEAVE
DELETE: Final = Verdict.DELETE

Decide = Callable[[Body | None], Awaitable[Body]]
"""Given a document as it is now (None: there is none), what it is to be."""
Judge = Callable[[Body | None], Awaitable[Body | Verdict]]
"""A decision that may also be to leave or delete it."""


class Documents(Generic[Body]):
    """One collection. Every method raises `StoreUnavailable`, and `BadSeal` for a document whose sealed fields do not
    open with the keys of `seal`.

    A document is gone from the instant it expires on, by the injected clock.
    """

    def __init__(
        self,
        store: RunStore,
        clock: Clock,
        collection: str,
        body: type[Body],
        *,
        owner: Callable[[str, Body], str] | None = None,
        expires: Callable[[Body, datetime], datetime] | None = None,
        seal: Seal | None = None,
    ) -> None:
        """`owner` names the owner of a document by its key and body, None: nobody owns any; `expires` says when one
        expires that is written now, None: none does.

        The fields of a body that are a `Secret`, or may be, are sealed, and only they: `seal` is then required. Each
        is bound to its collection, key and field, so that it opens nowhere else.
        """
        self._store = store
        self._clock = clock
        self._collection = collection
        self._owner = owner
        self._expires = expires
        self._encoding = Encoding(collection, body, seal)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: str) -> Stored[Body] | None:
        """The document; None when it is absent or has expired."""
        doc = await self._store.get_doc(DocRef(collection=self._collection, key=key, now_ms=self._now_ms()))
        return None if doc is None else self._stored(doc)

    async def put(self, key: str, body: Body, *, if_revision: Revision = ANY) -> bool:
        """Write it; False when another writer was first, and then nothing was written."""
        now = self._clock.now()
        write = DocWrite(
            collection=self._collection,
            key=key,
            body=self._encoding.encode(key, body),
            if_revision=if_revision,
            now_ms=epoch_ms(now),
            owner=None if self._owner is None else self._owner(key, body),
            expires_ms=None if self._expires is None else epoch_ms(self._expires(body, now)),
        )
        try:
            await self._store.put_doc(write)
        except RevisionConflict:
            return False
        return True

    @overload
    async def update(self, key: str, decide: Decide[Body], /) -> Body: ...

    @overload
    async def update(self, key: str, decide: Judge[Body], /) -> Body | None: ...

    async def update(self, key: str, decide: Judge[Body], /) -> Body | None:
        """Let `decide` say what becomes of a document, and return that; None: there is none any more.

        When another server was first, `decide` is asked again about what is there then, so it must do nothing that
        cannot be done twice. What it raises is raised here, and nothing is written. Raises `Contended` when other
        servers were first too often.

        Writers of this process take turns: they are decided one after another, and only those of other processes
        are in the way.
        """
        async with self._turn(key):
            for _ in range(MAX_ATTEMPTS):
                stored = await self.get(key)
                before, revision = (None, ABSENT) if stored is None else (stored.body, stored.revision)
                decided = await decide(before)
                if decided is LEAVE:
                    return before
                if decided is DELETE:
                    if stored is None or await self._deleted(stored):
                        return None
                elif await self.put(key, decided, if_revision=revision):
                    return decided
        raise Contended

    async def delete(self, key: str) -> bool:
        """Delete it, whatever its revision; of several at once exactly one gets True."""
        delete = DocDelete(collection=self._collection, key=key, if_revision=ANY, now_ms=self._now_ms())
        return await self._store.delete_doc(delete)

    async def walk(self, *, owner: str | None = None) -> AsyncIterator[Stored[Body]]:
        """All documents by key, or all of an owner. Those that stay are met once, whatever comes and goes meanwhile."""
        async for doc in self._docs(owner):
            yield self._stored(doc)

    async def reseal(self) -> int:
        """Seal anew whatever an older key has sealed, and change nothing else of it; how many documents that were.

        What no key opens stays as it is. Several servers may do so at once, and a document that changes meanwhile is
        left to whoever changed it.
        """
        resealed = 0
        async for doc in self._docs(None):
            try:
                if self._encoding.is_newest(doc.key, doc.body):
                    continue
                body = self._encoding.decode(doc.key, doc.body)
            except BadSeal:
                continue
            write = DocWrite(
                collection=self._collection,
                key=doc.key,
                body=self._encoding.encode(doc.key, body),
                if_revision=doc.revision,
                now_ms=self._now_ms(),
                owner=doc.owner,
                expires_ms=doc.expires_ms,
            )
            with suppress(RevisionConflict):
                await self._store.put_doc(write)
                resealed += 1
        return resealed

    async def _docs(self, owner: str | None) -> AsyncIterator[Doc]:
        after_key = None
        while True:
            now_ms = self._now_ms()
            page = await self._store.list_docs(
                DocQuery(collection=self._collection, now_ms=now_ms, limit=PAGE, after_key=after_key, owner=owner)
            )
            for doc in page.docs:
                yield doc
            if not page.has_more:
                return
            after_key = page.docs[-1].key

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await turn.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            turn.release()

    async def _deleted(self, stored: Stored[Body]) -> bool:
        """Delete it as it was read; False when it is another by now. Gone already is gone as well."""
        now_ms = self._now_ms()
        delete = DocDelete(collection=self._collection, key=stored.key, if_revision=stored.revision, now_ms=now_ms)
        try:
            await self._store.delete_doc(delete)
        except RevisionConflict:
            return False
        return True

    def _stored(self, doc: Doc) -> Stored[Body]:
        return Stored(doc.key, self._encoding.decode(doc.key, doc.body), doc.revision)

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())
