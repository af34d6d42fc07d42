"""The interface of a run store. A store is small and dumb: it knows bytes, sequence numbers, index columns and
compare-and-set; folding events, sessions, token rotation and streaming are the core's.

Every method is one promise of the conformance kit (`fabro_core.testing.StoreConformance`). A fault of the driver
surfaces as `StoreUnavailable`, never as the driver's own exception.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from fabro_core.store.records import (
    AppendBatch,
    Blob,
    BlobDelete,
    BlobPage,
    BlobQuery,
    Doc,
    DocDelete,
    DocPage,
    DocQuery,
    DocRef,
    DocWrite,
    EventPage,
    EventQuery,
    FeedPage,
    FeedQuery,
    RunIdPage,
    RunIdQuery,
    RunPage,
    RunQuery,
    StoredRun,
    StoreInfo,
    Wakeup,
    WorkflowHit,
)


class RunStore(abc.ABC):
    """Runs, their logs, blobs and documents. Constructors do no I/O; `lifespan` opens and closes everything.

    A text is any sequence of Unicode characters but U+0000, which the core refuses from every client; there are no
    surrogates. It may be empty, have blanks and line breaks at its ends, and be longer than an engine's index takes. It
    comes back as it was given, and is another one than its upper case, its trimmed and its normal form: whatever is
    folded, the core has folded. Texts compare by code point, which is also the order of their UTF-8 bytes. No character
    is special: `%`, `_`, `*`, `[`, `:`, `/`, backslashes, braces and control characters are found as what they are.
    """

    @abc.abstractmethod
    def info(self) -> StoreInfo:
        """What this store is. Complete once `lifespan` has been entered; `name` and `shared` are asked for earlier."""

    @abc.abstractmethod
    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Open the store for the length of the context, migrating older data first, and logging that.

        Raises `StoreMisconfigured` for what only an operator can mend, `StoreUnavailable` for the rest. May be
        entered again after it was left.
        """

    @abc.abstractmethod
    async def ping(self) -> None:
        """Return when the store answers; raise `StoreUnavailable` when it does not."""

    @abc.abstractmethod
    async def append(self, batch: AppendBatch, /) -> int:
        """Write events, tags, row and blobs as one, and return the new newest sequence number.

        All or nothing; linearizable per run, across processes when the store is shared. Raises `SeqConflict`
        when the run's newest sequence number is not `batch.expected_seq`; then nothing was written. When it
        returns, the batch is durable (if `info().durable`) and readable.
        """

    @abc.abstractmethod
    async def read(self, query: EventQuery, /) -> EventPage:
        """A page of a run's log, strictly ordered, without gaps. An unknown run has an empty log.

        While it reads, no more than a few events are held beyond `query.max_bytes`: each may be megabytes.
        """

    @abc.abstractmethod
    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        """A page of the events of all runs, in an order that holds for every instance on the data.

        Positions become readable in ascending order, so whoever goes on from where a page ended misses nothing: an
        append that returned is in the feed, and nothing ever appears before a position that was readable. At least
        the newest 10,000 events stay in it; a store that forgets older ones says so with `FeedPage.gap`.
        """

    @abc.abstractmethod
    async def get_run(self, run_id: str, /) -> StoredRun | None:
        """The run, as its newest append left it; None when it does not exist."""

    @abc.abstractmethod
    async def list_runs(self, query: RunQuery, /) -> RunPage:
        """Filter, sort, page and count in the store; the page and its total come from one snapshot.

        The cost does not grow with the number of runs that are not on the page, or that do not have the facet which is
        asked for. Raises `TooBroad` for a search that cannot be answered within `query.max_rows`.
        """

    @abc.abstractmethod
    async def list_run_ids(self, query: RunIdQuery, /) -> RunIdPage:
        """A page of the ids of all runs, in ascending order, whatever their buckets.

        The cost does not grow with the number of ids that match and are not on the page.
        """

    @abc.abstractmethod
    async def list_workflows(self) -> Sequence[WorkflowHit]:
        """The distinct (slug, name) pairs of all stored runs, each with its newest run; in no promised order."""

    @abc.abstractmethod
    async def delete_run(self, run_id: str, /) -> bool:
        """Remove row, events and tags; False when there was no such run. Blobs stay, children keep their parent."""

    @abc.abstractmethod
    async def put_blob(self, blob: Blob, /) -> bool:
        """Store a blob; False when the digest was there already: the same bytes, so all that changes is when they were
        put last, unless that was later."""

    @abc.abstractmethod
    async def get_blob(self, digest: str, /) -> bytes | None:
        """The bytes of a blob; None when it is not stored."""

    @abc.abstractmethod
    async def list_blobs(self, query: BlobQuery, /) -> BlobPage:
        """A page of the digests of all blobs, in ascending order. For copies of the store and for collecting what no
        run refers to; no request asks for it."""

    @abc.abstractmethod
    async def delete_blob(self, delete: BlobDelete, /) -> bool:
        """Remove a blob; False when there was none, or when its bytes were put since `delete.if_put_before_ms`.

        Of several concurrent deletes of one blob exactly one returns True. A put and a delete at once happen one after
        the other: whoever puts bytes at or after `if_put_before_ms` finds them stored afterwards, in either order.
        """

    @abc.abstractmethod
    async def get_doc(self, ref: DocRef, /) -> Doc | None:
        """The document; None when absent or expired at `ref.now_ms`."""

    @abc.abstractmethod
    async def put_doc(self, write: DocWrite, /) -> Doc:
        """Write by compare-and-set; raises `RevisionConflict` when `if_revision` does not hold."""

    @abc.abstractmethod
    async def delete_doc(self, delete: DocDelete, /) -> bool:
        """Delete by compare-and-set; False when absent or expired, `RevisionConflict` on another revision.

        Of several concurrent deletes of one document exactly one returns True.
        """

    @abc.abstractmethod
    async def list_docs(self, query: DocQuery, /) -> DocPage:
        """A page of a collection in key order, without expired documents."""

    @abc.abstractmethod
    async def list_collections(self) -> Sequence[str]:
        """The collections that have documents, each once, in no promised order; others may be among them. For copies
        of the store; no request asks for it."""

    @abc.abstractmethod
    async def purge(self, now_ms: int, /) -> int:
        """Remove documents that are expired at `now_ms`; returns how many. Never changes what a read answers."""

    @abc.abstractmethod
    def watch(self) -> AsyncIterator[Wakeup]:
        """Hints about appends from now on, until the iterator is closed. One consumer a process.

        A hint may be lost, repeated or merged; it never names a sequence number that is not yet readable.
        """

    async def pending_migrations(self) -> Sequence[str]:
        """What opening will do to bring older data to this version's layout, one line a step; asked while the store is
        closed, and changes nothing. `fabro check` tells the lines, and leaves the store closed where there are some.
        Default: there are none."""
        return ()
