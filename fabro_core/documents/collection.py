"""Documents of one collection, decoded: what sign-ins need of a store (auth.md A14). Changes are compare-and-set."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, Generic, TypeVar

import msgspec

from fabro_core.auth.base import Identity
from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import RevisionConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, Doc, DocDelete, DocQuery, DocRef, DocWrite, Revision

Body = TypeVar("Body", bound=msgspec.Struct)

PAGE: Final = 100


class Stored(msgspec.Struct, Generic[Body], frozen=True):
    """A document as it was read."""

    key: str
    body: Body
    revision: str


class Documents(Generic[Body]):
    """One collection. Every method raises `StoreUnavailable`.

    A document is gone from the instant it expires on, by the injected clock.
    """

    def __init__(self, store: RunStore, clock: Clock, collection: str, body: type[Body]) -> None:
        self._store = store
        self._clock = clock
        self._collection = collection
        self._body = body

    def place(self, key: str) -> str:
        """Names a document among all others; for sealing parts of it."""
        return f"{self._collection}/{key}"

    async def get(self, key: str) -> Stored[Body] | None:
        """The document; None when it is absent or has expired."""
        doc = await self._store.get_doc(DocRef(collection=self._collection, key=key, now_ms=self._now_ms()))
        return None if doc is None else self._decoded(doc)

    async def put(
        self, key: str, body: Body, *, if_revision: Revision, expires: datetime, owner: str | None = None
    ) -> bool:
        """Write it; False when another writer was first, and then nothing was written."""
        write = DocWrite(
            collection=self._collection,
            key=key,
            body=msgspec.json.encode(body),
            if_revision=if_revision,
            now_ms=self._now_ms(),
            owner=owner,
            expires_ms=epoch_ms(expires),
        )
        try:
            await self._store.put_doc(write)
        except RevisionConflict:
            return False
        return True

    async def take(self, key: str) -> bool:
        """Delete it, whatever its revision; of several at once exactly one gets True."""
        delete = DocDelete(collection=self._collection, key=key, if_revision=ANY, now_ms=self._now_ms())
        return await self._store.delete_doc(delete)

    async def of_owner(self, owner: str) -> AsyncIterator[Stored[Body]]:
        """All documents of an owner, by key."""
        after_key, has_more = None, True
        while has_more:
            query = DocQuery(
                collection=self._collection, now_ms=self._now_ms(), limit=PAGE, after_key=after_key, owner=owner
            )
            page = await self._store.list_docs(query)
            for doc in page.docs:
                yield self._decoded(doc)
            has_more = page.has_more
            after_key = page.docs[-1].key if page.docs else after_key

    def _decoded(self, doc: Doc) -> Stored[Body]:
        return Stored(doc.key, msgspec.json.decode(doc.body, type=self._body), doc.revision)

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())


def owner_of(identity: Identity) -> str:
    """The owner of a person's documents: the same for whatever is the same user (auth.md A1)."""
    return hashlib.sha256(msgspec.json.encode((identity.issuer, identity.subject))).hexdigest()
