"""Which server processes use a store: each says so now and then, for those who must not come between (server.md S25).

It is also the least that can be written, which shows that a store takes writes.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import ABOUT_THE_STORE, ANY, DocDelete, DocQuery, DocWrite

COLLECTION: Final = f"{ABOUT_THE_STORE}servers"
"""A document of each process, with nothing in it."""

BELIEVED_MS: Final = 100_000
"""How long a process counts as there after it has said so: more than three times what passes until it says it again."""

_COUNTED: Final = 100


class Presence:
    """That of one process."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self.key: Final = token_hex(16)
        """Of its document."""

    async def say_so(self, now_ms: int) -> None:
        """Say that it is there. Raises `StoreUnavailable` when the store takes no writes."""
        write = DocWrite(
            collection=COLLECTION,
            key=self.key,
            body=b"",
            if_revision=ANY,
            now_ms=now_ms,
            expires_ms=now_ms + BELIEVED_MS,
        )
        await self._store.put_doc(write)

    async def take_back(self, now_ms: int) -> None:
        """Say that it has gone. Raises `StoreUnavailable`; it is believed all the same after a while."""
        await self._store.delete_doc(DocDelete(collection=COLLECTION, key=self.key, if_revision=ANY, now_ms=now_ms))


async def servers_on(store: RunStore, now_ms: int) -> int:
    """How many processes use the store, as far as they can be counted."""
    page = await store.list_docs(DocQuery(collection=COLLECTION, now_ms=now_ms, limit=_COUNTED))
    return len(page.docs)
