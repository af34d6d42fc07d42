"""Tables and indexes of the schema, and why each index exists.

Columns whose name ends in `_id` have texts as `long_texts` folds them, as do facets, tags and scopes. Only definitions:
`migrations` puts them into a database, `list_sql` and its neighbours query them. Instants are whole
milliseconds since the epoch. Text compares by its UTF-8 bytes (the collation "C"), as `records` asks.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    literal_column,
)

from fabro_core.store import LAST_ON_SHELF
from fabro_store_postgres.long_texts import is_long, is_short

METADATA = MetaData()


def _text() -> Text:
    return Text(collation="C")


# What places a run in lists. It changes when the run moves, which most events do not do: PostgreSQL writes an entry
# into every index of a table for each row that changes in one of its indexed columns.
RUNS = Table(
    "runs",
    METADATA,
    Column("id", _text(), primary_key=True),
    Column("bucket", SmallInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
    Column("elapsed_ms", BigInteger),
    Column("repo_key", _text(), nullable=False),
    Column("title_key", _text(), nullable=False),
    Column("workflow_key", _text(), nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    # Slug and name as one JSON array; folded, it can be walked from one distinct value to the next.
    Column("workflow", _text(), nullable=False),
    Column("workflow_id", _text(), nullable=False),
    Column("parent_id", _text()),
    Column("title_text", _text(), nullable=False),
    # A JSON array.
    Column("facets", _text(), nullable=False),
)

# What a page shows of a run, rewritten with every event.
HEADS = Table(
    "heads",
    METADATA,
    Column("id", _text(), primary_key=True),
    Column("bucket", SmallInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("begun_ms", BigInteger, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Apart from `heads`, whose rows a list reads: a projection can be many times the size of a body.
STATES = Table(
    "states",
    METADATA,
    Column("id", _text(), primary_key=True),
    Column("state", LargeBinary, nullable=False),
)

# The runs of each facet in the order of their creation, those that lists show by default apart from the others.
RUN_FACETS = Table(
    "run_facets",
    METADATA,
    Column("facet", _text(), nullable=False),
    Column("shelf", SmallInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("id", _text(), nullable=False),
    PrimaryKeyConstraint("facet", "shelf", "created_ms", "id"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("run_id", _text(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", _text(), nullable=False),
    # A JSON array as appended; NULL for the many events without tags.
    Column("tags", _text()),
    Column("body", LargeBinary, nullable=False),
    # Its place among the events of all runs.
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
)

EVENT_TAGS = Table(
    "event_tags",
    METADATA,
    Column("run_id", _text(), nullable=False),
    Column("tag", _text(), nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_id", "tag", "seq"),
)

# Kept by every append that moves a run, so that no list has to count. Scopes: see `fabro_core.store`.
RUN_COUNTS = Table(
    "run_counts",
    METADATA,
    Column("scope", _text(), nullable=False),
    Column("bucket", SmallInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "bucket"),
)

# One row: the newest position that was given. Who writes runs locks it until the commit, so that positions become
# readable in their order.
POSITIONS = Table("positions", METADATA, Column("newest", BigInteger, nullable=False))

BLOBS = Table(
    "blobs",
    METADATA,
    Column("digest", _text(), primary_key=True),
    Column("put_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# A sequence never gives a number twice, which is what a revision has to promise.
REVISIONS = Sequence("revisions", metadata=METADATA, data_type=BigInteger)

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("collection", _text(), nullable=False),
    Column("key", _text(), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("owner", _text()),
    Column("expires_ms", BigInteger),
    Column("updated_ms", BigInteger, nullable=False),
    Column("collection_id", _text(), nullable=False),
    Column("key_id", _text(), nullable=False),
    Column("owner_id", _text()),
    PrimaryKeyConstraint("collection_id", "key_id"),
)

# One row: the version of all this.
LAYOUT = Table("layout", METADATA, Column("version", BigInteger, nullable=False))

_R = RUNS.c
_H = HEADS.c
_D = DOCUMENTS.c

# Ties go by id descending in both directions. Read backwards, (bucket, key, id) gives key and id descending. For an
# ascending page of a key that many runs share there is a second index; where few do, sorting each tie costs less than
# keeping it.
_SHARED_NUMBERS = (_R.changes, _R.size)
_SHARED_TEXTS = (_R.repo_key, _R.title_key, _R.workflow_key)

Index("runs_by_status", _R.bucket, _R.id)
# The page that is asked for most, as one walk rather than a merge of seven.
Index("runs_on_shelf", _R.created_ms, _R.id, postgresql_where=_R.bucket <= literal_column(str(int(LAST_ON_SHELF))))
Index("runs_by_created_ms", _R.bucket, _R.created_ms, _R.id)
Index("heads_by_updated_ms", _H.bucket, _H.updated_ms, _H.id)
for _number in _SHARED_NUMBERS:
    Index(f"runs_by_{_number.name}_desc", _R.bucket, _number, _R.id)
    Index(f"runs_by_{_number.name}_asc", _R.bucket, _number, _R.id.desc())
for _key in _SHARED_TEXTS:
    Index(f"runs_by_{_key.name}_desc", _R.bucket, _key, _R.id, postgresql_where=is_short(_key))
    Index(f"runs_by_{_key.name}_asc", _R.bucket, _key, _R.id.desc(), postgresql_where=is_short(_key))
    Index(f"runs_with_long_{_key.name}", _R.bucket, postgresql_where=is_long(_key))
# Ended runs have a fixed duration; that of a live run moves with the clock, but the order among live runs is that of
# `begun_ms`, turned round.
Index("runs_by_elapsed_ms_desc", _R.bucket, _R.elapsed_ms, _R.id, postgresql_where=_R.elapsed_ms.is_not(None))
Index("runs_by_elapsed_ms_asc", _R.bucket, _R.elapsed_ms, _R.id.desc(), postgresql_where=_R.elapsed_ms.is_not(None))
Index("runs_by_begun_ms_asc", _R.bucket, _R.begun_ms, _R.id.desc(), postgresql_where=_R.elapsed_ms.is_(None))
Index("runs_by_begun_ms_desc", _R.bucket, _R.begun_ms, _R.id, postgresql_where=_R.elapsed_ms.is_(None))
Index("runs_by_workflow", _R.workflow_id, _R.id)
Index("events_by_position", EVENTS.c.position, unique=True)
Index("documents_by_key", _D.collection_id, _D.key, postgresql_where=is_short(_D.key))
Index("documents_by_owner", _D.collection_id, _D.owner_id, _D.key, postgresql_where=is_short(_D.key))
Index("documents_with_long_keys", _D.collection_id, postgresql_where=is_long(_D.key))
Index("documents_by_expiry", _D.expires_ms, postgresql_where=_D.expires_ms.is_not(None))

STORAGE = (
    # Bodies of up to a page stay in their row: a list reads them with it, not one by one from where long values are.
    "ALTER TABLE heads SET (toast_tuple_target = 8160)",
    "ALTER TABLE events SET (toast_tuple_target = 8160)",
    # Compressing a projection with each event would cost more than writing it.
    "ALTER TABLE states ALTER COLUMN state SET STORAGE EXTERNAL",
    # Rows that are rewritten often find room beside what they were.
    "ALTER TABLE run_counts SET (fillfactor = 50)",
    "ALTER TABLE positions SET (fillfactor = 20)",
)
"""What is said of tables beside their columns."""
