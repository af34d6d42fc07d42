"""The fence of a store whose contents move to another one: while it stands, the store takes no writes (server.md S25).

Stores refuse the writes themselves, inside the transaction of each (`FENCE_COLLECTION`). What is left to do here is to
put the fence up, to lift it, and to say where the contents went.
"""

from __future__ import annotations

from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, FENCE_COLLECTION, FENCE_KEY, DocDelete, DocRef, DocWrite


async def fenced_for(store: RunStore, now_ms: int) -> str | None:
    """The name of the store that the contents move to; None when the store is not fenced."""
    doc = await store.get_doc(DocRef(collection=FENCE_COLLECTION, key=FENCE_KEY, now_ms=now_ms))
    return None if doc is None else doc.body.decode()


async def fence(store: RunStore, target: str, now_ms: int) -> None:
    """Let no instance write any more, as the contents move to `target`. What was acknowledged can be read now."""
    write = DocWrite(collection=FENCE_COLLECTION, key=FENCE_KEY, body=target.encode(), if_revision=ANY, now_ms=now_ms)
    await store.put_doc(write)


async def lift_fence(store: RunStore, now_ms: int) -> bool:
    """Take writes again, in every instance; False when there was no fence."""
    return await store.delete_doc(DocDelete(collection=FENCE_COLLECTION, key=FENCE_KEY, if_revision=ANY, now_ms=now_ms))
