"""The mark of a store whose contents are an unfinished copy of another's: no server may start on it.

It says something about the store, not about what is kept there, and so stands below the collections of documents: its
body is a name as it is, whatever was there before is overwritten, and copies ask for it on a store of which they know
nothing else yet.
"""

from __future__ import annotations

from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, DocDelete, DocRef, DocWrite

COLLECTION: Final = "store.copy"
"""Of the mark alone."""

_KEY: Final = "unfinished"


async def unfinished_copy_of(store: RunStore, now_ms: int) -> str | None:
    """The name of the store whose copy was begun here; None when there is no such copy."""
    doc = await store.get_doc(DocRef(collection=COLLECTION, key=_KEY, now_ms=now_ms))
    return None if doc is None else doc.body.decode()


async def mark(store: RunStore, source: str, now_ms: int) -> None:
    """Say that what the store holds is an unfinished copy of `source`."""
    await store.put_doc(DocWrite(collection=COLLECTION, key=_KEY, body=source.encode(), if_revision=ANY, now_ms=now_ms))


async def unmark(store: RunStore, now_ms: int) -> None:
    """Say that the copy is complete."""
    await store.delete_doc(DocDelete(collection=COLLECTION, key=_KEY, if_revision=ANY, now_ms=now_ms))
