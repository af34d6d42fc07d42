"""Finding out whether a store takes writes, with the least that can be written."""

from __future__ import annotations

from typing import Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import ABOUT_THE_STORE, ANY, DocWrite

COLLECTION: Final = f"{ABOUT_THE_STORE}health"
"""Of the one document that is written, with nothing in it."""

KEY: Final = "write"

KEPT_MS: Final = 24 * 3600 * 1000
"""After so long without a further write the document is purged."""


async def try_a_write(store: RunStore, now_ms: int) -> None:
    """Write as little as possible. Raises `StoreUnavailable` when the store takes nothing."""
    write = DocWrite(
        collection=COLLECTION, key=KEY, body=b"", if_revision=ANY, now_ms=now_ms, expires_ms=now_ms + KEPT_MS
    )
    await store.put_doc(write)
