"""What the core tells a store and what a store answers: one frozen Struct a call.

A store sees bytes, sequence numbers and typed index columns; it never looks into `body` or `state`. Instants are whole
milliseconds since the epoch (`…_ms`), of the years 1 to 9999, and told by the caller: a store has no clock. The numbers
of a `RunRow`, and `now_ms` - `begun_ms`, are any of signed 64 bits, kept and compared exactly. What a text may be,
`RunStore` says. Fields may be added with defaults; a new required field means a new `PLUGIN_API`.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final, Literal

import msgspec

from fabro_core.models.status import Bucket


class Record(msgspec.Struct, frozen=True):
    """Base of the structs below."""


class StoreInfo(Record, frozen=True, kw_only=True):
    """What a store is and promises."""

    name: str
    """The settings key, such as `sqlite`."""
    version: str
    """Version of the engine behind the store, for operators."""
    durable: bool
    """An acknowledged write survives the loss of the process and of the machine's power."""
    shared: bool
    """Several processes may open the same data at the same time."""
    wakeups: bool
    """`watch()` also announces appends of *other* instances on the same data, within a second."""
    facts: tuple[str, ...] = ()
    """What an operator wants to know of the engine's own configuration, each in a few words; `fabro check` shows it."""


# -- the log ------------------------------------------------------------------------------------------------------


class EventRecord(Record, frozen=True, kw_only=True):
    """One event as stored."""

    seq: int
    """From 1, dense within the run."""
    kind: str
    """The event's dotted name, such as `run.created`."""
    body: bytes
    """The encoded envelope, byte for byte as it goes on the wire."""
    tags: tuple[str, ...] = ()
    """What `EventQuery.tag` can ask for, such as `stage:build@1`."""


class EventQuery(Record, frozen=True, kw_only=True):
    """A page of one run's log."""

    run_id: str
    limit: int
    max_bytes: int | None = None
    """The most that the bodies of a page have together, unless its first one alone has more; None: no bound."""
    after_seq: int = 0
    """Only events with a greater sequence number."""
    before_seq: int | None = None
    """Only events with a smaller sequence number; None: no bound."""
    tag: str | None = None
    reverse: bool = False
    """Newest first."""


class EventPage(Record, frozen=True, kw_only=True):
    """Events of one run, in the order that was asked for."""

    events: tuple[EventRecord, ...]
    has_more: bool
    """Further events match beyond the last one of this page, whichever bound has ended it."""


# -- the feed: the events of all runs ---------------------------------------------------------------------------------


class FeedQuery(Record, frozen=True, kw_only=True):
    """A page of the events of all runs, in the order in which their appends took effect."""

    limit: int
    max_bytes: int | None = None
    """As in `EventQuery`."""
    after: int | None
    """The position to go on from; None: the present, which answers no event but tells the newest position."""


class FeedEvent(Record, frozen=True, kw_only=True):
    """One event in the feed."""

    position: int
    """Assigned by the store; greater than that of every event that could be read before, with gaps."""
    run_id: str
    seq: int
    body: bytes


class FeedPage(Record, frozen=True, kw_only=True):
    """Events of all runs, and where to go on."""

    events: tuple[FeedEvent, ...]
    """In ascending position, without those of runs that have been deleted."""
    position: int
    """Where to go on: every event up to here is on this page or was before it."""
    has_more: bool
    """Further events follow beyond the last one of this page."""
    gap: bool = False
    """The store keeps only the newest part of the feed, and events after the position asked for are no longer in it."""


# -- runs -----------------------------------------------------------------------------------------------------------


class RunRow(Record, frozen=True, kw_only=True):
    """The projection of a run after its newest event: index columns plus two opaque encodings."""

    id: str
    """A ULID, upper case. Its text order is the order of creation."""
    seq: int
    """Sequence number of the newest event that this row contains."""
    bucket: Bucket
    created_ms: int
    updated_ms: int
    begun_ms: int
    """`started_at`, or `created_at` for a run that has not started."""
    elapsed_ms: int | None
    """`completed_at` - `begun`; None while the run has not ended, when its elapsed time is now - `begun_ms`."""
    repo_key: str
    title_key: str
    workflow_key: str
    changes: int
    size: int
    workflow_slug: str | None = None
    workflow_name: str | None = None
    parent_id: str | None = None
    """Counted in the parent's `children_count`; who lists children asks for a facet."""
    facets: tuple[str, ...] = ()
    """What `RunQuery.facets` asks for, each once: some ten, and two for each label."""
    title_text: str = ""
    """The title as `RunQuery.words` are looked for in it: its case is folded."""
    body: bytes
    """The run's JSON object as it goes on the wire, less what changes without an event."""
    state: bytes
    """The projection itself, for the next writer."""


class RunHit(Record, frozen=True, kw_only=True):
    """A stored run as a page shows it."""

    id: str
    seq: int
    bucket: Bucket
    begun_ms: int
    live: bool
    """The run has not ended: its row's `elapsed_ms` is None."""
    body: bytes
    children_count: int
    """Stored runs whose parent is this run, whatever their bucket (runs.md R5.2)."""
    queue_position: int | None
    """1-based rank by id among all runs in `Bucket.RUNNABLE`; None for a run in another bucket (R5.5)."""


class StoredRun(RunHit, frozen=True, kw_only=True):
    """All that is stored of one run but its log."""

    state: bytes
    """As the newest append left it."""


class RunSort(StrEnum):
    """The closed set of sort keys (runs.md R7.3)."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    STATUS = "status"
    ELAPSED = "elapsed"
    REPO = "repo"
    TITLE = "title"
    WORKFLOW = "workflow"
    CHANGES = "changes"
    SIZE = "size"


class RunQuery(Record, frozen=True, kw_only=True):
    """A page of the runs in `buckets` for which all else that is asked holds as well, ordered by the sort key in
    `direction`, ties by id descending in both directions.

    With one facet, a page by `created_at` costs no more than the page, and any other no more than the runs that have
    the facet. Asking more is a *search*: it may look at `max_rows` runs, and what would need more is `TooBroad`.
    """

    buckets: frozenset[Bucket]
    sort: RunSort = RunSort.CREATED_AT
    direction: Literal["asc", "desc"] = "desc"
    limit: int
    offset: int = 0
    now_ms: int
    """The instant that `sort=elapsed` counts live runs to."""
    facets: tuple[str, ...] = ()
    """Facets that a run must have, all of them."""
    created_from_ms: int | None = None
    """Only runs with this `created_ms` or a later one."""
    created_to_ms: int | None = None
    """Only runs with an earlier `created_ms`."""
    words: tuple[str, ...] = ()
    """Texts that must all occur in `title_text`, none of them empty."""
    max_rows: int = 50_000
    """How many runs a search may look at."""

    @property
    def is_search(self) -> bool:
        """Whether more is asked than buckets and one facet."""
        return len(self.facets) > 1 or bool(self.words) or {self.created_from_ms, self.created_to_ms} != {None}


class RunPage(Record, frozen=True, kw_only=True, weakref=True):
    """Runs of a list, in its order."""

    hits: tuple[RunHit, ...]
    total: int
    """Size of the whole filtered set, from the same snapshot as `hits`."""


class RunIdQuery(Record, frozen=True, kw_only=True):
    """A page of the ids of all runs, in their order."""

    limit: int
    prefix: str = ""
    """Upper case; only ids that start with it."""
    after_id: str | None = None


class RunIdPage(Record, frozen=True, kw_only=True):
    """Ids of runs, in their order."""

    ids: tuple[str, ...]
    has_more: bool
    """Further ids are stored beyond the last one of this page."""


class WorkflowHit(Record, frozen=True, kw_only=True):
    """One distinct pair of workflow slug and name among the stored runs."""

    slug: str | None
    name: str | None
    newest_run_id: str


class AppendBatch(Record, frozen=True, kw_only=True):
    """One atomic step of a run: its new events and the row after them."""

    run_id: str
    expected_seq: int
    """The newest sequence number the decision was taken on; 0: the run must not exist."""
    events: tuple[EventRecord, ...]
    """At least one; sequence numbers `expected_seq + 1` onwards, without a gap."""
    row: RunRow
    blobs: tuple[Blob, ...] = ()
    """What the events refer to, put as `put_blob` does in the same step; bytes that are stored already, or twice among
    these, are no fault."""


class Wakeup(Record, frozen=True, kw_only=True):
    """A hint that `run_id` may now be read up to `seq`. May be lost, repeated or merged with a later one."""

    run_id: str
    seq: int


# -- blobs ----------------------------------------------------------------------------------------------------------


class Blob(Record, frozen=True, kw_only=True):
    """Bytes on their way into a store."""

    digest: str
    """SHA-256 of `body`, 64 lower-case hex digits."""
    body: bytes
    now_ms: int
    """When they are put. A store keeps the latest such instant of a digest, for `BlobDelete`."""


class BlobDelete(Record, frozen=True, kw_only=True):
    """A blob to be deleted, unless somebody has put it again."""

    digest: str
    if_put_before_ms: int
    """Only when nobody has put these bytes at this instant or later."""


class BlobQuery(Record, frozen=True, kw_only=True):
    """A page of the digests of all blobs, in their order as text."""

    limit: int
    after_digest: str | None = None


class BlobPage(Record, frozen=True, kw_only=True):
    """Digests of blobs, in their order."""

    digests: tuple[str, ...]
    has_more: bool
    """Further blobs are stored beyond the last one of this page."""


# -- documents ------------------------------------------------------------------------------------------------------


class Expect(Enum):
    """What a conditional document write accepts when it is not one exact revision."""

    ANY = "any"
    ABSENT = "absent"


Revision = str | Literal[Expect.ANY, Expect.ABSENT]
"""What a conditional write expects to be stored: one exact revision, `ANY` or `ABSENT`."""

ANY: Final = Expect.ANY
"""Whatever is stored, or nothing."""

ABSENT: Final = Expect.ABSENT
"""Nothing: the key must be free. An expired document counts as absent."""

ABOUT_THE_STORE: Final = "store."
"""What the names of collections begin with that say something about the store itself; copies leave them out."""

FENCE_COLLECTION: Final = "store.fence"
"""The collection of the fence. Documents of it are written also while there is one."""

FENCE_KEY: Final = "fence"
"""The document that fences a store: from when it was put until it is deleted, every instance on the data refuses every
write but those to its own collection with `StoreFenced`. Reads go on."""


class Doc(Record, frozen=True, kw_only=True):
    """A document as stored: a value of the core under a key, changed by compare-and-set."""

    collection: str
    key: str
    revision: str
    """Opaque; assigned by the store, never the same twice for one key, not even after a delete."""
    body: bytes
    owner: str | None = None
    expires_ms: int | None = None
    """Absent from this instant on (`expires_ms <= now_ms`); None: never expires."""
    updated_ms: int


class DocRef(Record, frozen=True, kw_only=True):
    """Which document is read."""

    collection: str
    key: str
    now_ms: int


class DocWrite(Record, frozen=True, kw_only=True):
    """A document to be stored, if the revision that is stored is the one that is expected."""

    collection: str
    key: str
    body: bytes
    if_revision: Revision
    now_ms: int
    owner: str | None = None
    expires_ms: int | None = None


class DocDelete(Record, frozen=True, kw_only=True):
    """A document to be deleted, if the revision that is stored is the one that is expected."""

    collection: str
    key: str
    if_revision: str | Literal[Expect.ANY]
    now_ms: int


class DocQuery(Record, frozen=True, kw_only=True):
    """A page of one collection in key order."""

    collection: str
    now_ms: int
    limit: int
    after_key: str | None = None
    owner: str | None = None
    """Only documents of this owner; None: of anybody."""


class DocPage(Record, frozen=True, kw_only=True):
    """Documents of one collection, in key order."""

    docs: tuple[Doc, ...]
    has_more: bool
