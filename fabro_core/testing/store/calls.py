"""One call of every method that asks the store for something, for promises that hold for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    ANY,
    BlobDelete,
    BlobQuery,
    DocDelete,
    DocQuery,
    DocRef,
    DocWrite,
    EventQuery,
    FeedQuery,
    RunIdQuery,
)
from fabro_core.testing.store.case import NOW_MS, batch, blob, list_all, row, run_id

Call = Callable[[RunStore], Awaitable[Any]]

STORED, NEW, WITH_BLOB = run_id(1), run_id(2), run_id(3)
"""A run that tests store before, and those that appends create."""

CALLS: Final[dict[str, Call]] = {
    "ping": lambda store: store.ping(),
    "append": lambda store: store.append(batch(row(NEW))),
    "append with a blob": lambda store: store.append(batch(row(WITH_BLOB), blobs=(blob(b"y"),))),
    "read": lambda store: store.read(EventQuery(run_id=STORED, limit=10)),
    "read, a long page": lambda store: store.read(EventQuery(run_id=STORED, limit=1_000)),
    "read_feed": lambda store: store.read_feed(FeedQuery(after=0, limit=10)),
    "read_feed, the present": lambda store: store.read_feed(FeedQuery(after=None, limit=1)),
    "read_feed, a long page": lambda store: store.read_feed(FeedQuery(after=0, limit=1_000)),
    "get_run": lambda store: store.get_run(STORED),
    "list_runs": list_all,
    "list_runs, deep": lambda store: list_all(store, offset=50_000),
    "list_runs, filtered": lambda store: list_all(store, facets=(STORED,)),
    "list_run_ids": lambda store: store.list_run_ids(RunIdQuery(prefix="0", limit=2)),
    "list_workflows": lambda store: store.list_workflows(),
    "delete_run": lambda store: store.delete_run(STORED),
    "put_blob": lambda store: store.put_blob(blob(b"x")),
    "get_blob": lambda store: store.get_blob("0" * 64),
    "list_blobs": lambda store: store.list_blobs(BlobQuery(limit=10)),
    "delete_blob": lambda store: store.delete_blob(BlobDelete(digest="0" * 64, if_put_before_ms=NOW_MS)),
    "get_doc": lambda store: store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS)),
    "put_doc": lambda store: store.put_doc(DocWrite(collection="c", key="k", body=b"", if_revision=ANY, now_ms=NOW_MS)),
    "delete_doc": lambda store: store.delete_doc(DocDelete(collection="c", key="k", if_revision=ANY, now_ms=NOW_MS)),
    "list_docs": lambda store: store.list_docs(DocQuery(collection="c", now_ms=NOW_MS, limit=10)),
    "list_collections": lambda store: store.list_collections(),
    "purge": lambda store: store.purge(NOW_MS),
}

_WRITING: Final = ("append", "delete_run", "put_blob", "delete_blob", "put_doc", "delete_doc", "purge")

WRITES: Final[dict[str, Call]] = {name: call for name, call in CALLS.items() if name.startswith(_WRITING)}
"""Those of them that may change something."""
