"""Tables and indexes of the database file, and why each index exists.

Only definitions: `migrations` puts them into a file, `page_sql` and its neighbours query them. Instants are whole
milliseconds since the epoch. Text compares by its UTF-8 bytes (SQLite's BINARY), as `records` asks.
"""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from fabro_core.store import LAST_ON_SHELF

METADATA = MetaData()

RUNS = Table(
    "runs",
    METADATA,
    Column("run", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("updated_ms", Integer, nullable=False),
    Column("begun_ms", Integer, nullable=False),
    Column("elapsed_ms", Integer),
    Column("repo_key", Text, nullable=False),
    Column("title_key", Text, nullable=False),
    Column("workflow_key", Text, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    # Slug and name as one JSON array: a single column without NULL can be walked from one distinct value to the next.
    Column("workflow", Text, nullable=False),
    Column("parent_id", Text),
    Column("children_count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Apart from `runs`, whose rows a list reads: a projection can be many times the size of a body.
STATES = Table(
    "states",
    METADATA,
    Column("run", Integer, primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

# What searches look at, apart for the same reason; facets as a JSON array.
SEARCHED = Table(
    "searched",
    METADATA,
    Column("run", Integer, primary_key=True),
    Column("title_text", Text, nullable=False),
    Column("facets", Text, nullable=False),
)

# The runs of each facet in the order of their creation, those that lists show by default apart from the others.
RUN_FACETS = Table(
    "run_facets",
    METADATA,
    Column("facet", Text, nullable=False),
    Column("shelf", Integer, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("run", Integer, nullable=False),
    PrimaryKeyConstraint("facet", "shelf", "created_ms", "id"),
    sqlite_with_rowid=False,
)

EVENTS = Table(
    "events",
    METADATA,
    # Run and sequence number; see `event_keys`.
    Column("event", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    # A JSON array as appended; NULL for the many events without tags.
    Column("tags", Text),
    Column("body", LargeBinary, nullable=False),
    # From one counter over all runs: the event's place in the feed. NULL for events from before there was one.
    Column("change_no", Integer),
)

EVENT_TAGS = Table(
    "event_tags",
    METADATA,
    Column("run", Integer, nullable=False),
    Column("tag", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("run", "tag", "seq"),
    sqlite_with_rowid=False,
)

# Kept by every append that moves a run, so that no list has to count. Scopes: see `fabro_core.store`.
RUN_COUNTS = Table(
    "run_counts",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("bucket", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("scope", "bucket"),
    sqlite_with_rowid=False,
)

# One row: no deleted event had a `change_no` beyond this one. See `changes`.
DELETED_CHANGES = Table("deleted_changes", METADATA, Column("newest", Integer, nullable=False))

BLOBS = Table(
    "blobs",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# When the bytes of each blob were put last. Apart from them, because it changes and they do not.
BLOB_PUTS = Table(
    "blob_puts",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("put_ms", Integer, nullable=False),
    sqlite_with_rowid=False,
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    # AUTOINCREMENT never gives a number twice, which is what a revision has to promise.
    Column("revision", Integer, primary_key=True),
    Column("collection", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("owner", Text),
    Column("expires_ms", Integer),
    Column("updated_ms", Integer, nullable=False),
    UniqueConstraint("collection", "key"),
    sqlite_autoincrement=True,
)

_R = RUNS.c
_E = EVENTS.c
_D = DOCUMENTS.c

# Ties go by id descending in both directions. Read backwards, (bucket, key, id) gives key and id descending. For an
# ascending page of a key that many runs share there is a second index; where few do, sorting each tie costs less than
# keeping it.
_NEARLY_UNIQUE = (_R.created_ms, _R.updated_ms)
_SHARED = (_R.repo_key, _R.title_key, _R.workflow_key, _R.changes, _R.size)

Index("runs_by_id", _R.id, unique=True)
Index("runs_by_status", _R.bucket, _R.id)
# The page that is asked for most, as one walk rather than a merge of seven.
Index("runs_on_shelf", _R.created_ms, _R.id, _R.bucket, sqlite_where=_R.bucket <= int(LAST_ON_SHELF))
for _key in _NEARLY_UNIQUE:
    Index(f"runs_by_{_key.name}", _R.bucket, _key, _R.id)
for _key in _SHARED:
    Index(f"runs_by_{_key.name}_desc", _R.bucket, _key, _R.id)
    Index(f"runs_by_{_key.name}_asc", _R.bucket, _key, _R.id.desc())
# Ended runs have a fixed duration; that of a live run moves with the clock, but the order among live runs is that of
# `begun_ms`, turned round. `elapsed_ms` stands in the second index only to make it covering.
Index("runs_by_elapsed_ms", _R.bucket, _R.elapsed_ms, _R.id, sqlite_where=_R.elapsed_ms.is_not(None))
Index("runs_by_begun_ms", _R.bucket, _R.begun_ms, _R.id.desc(), _R.elapsed_ms, sqlite_where=_R.elapsed_ms.is_(None))
Index("runs_by_workflow", _R.workflow, _R.id)
# The key of the event stands in it as well: who asks what is new reads nothing else.
Index("events_by_change", _E.change_no, unique=True, sqlite_where=_E.change_no.is_not(None))
Index("documents_by_owner", _D.collection, _D.owner, _D.key)
Index("documents_by_expiry", _D.expires_ms, sqlite_where=_D.expires_ms.is_not(None))
