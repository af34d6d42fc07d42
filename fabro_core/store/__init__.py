"""What a run store is, what it is asked and what it answers.

Public: the interface `RunStore`, its records and its errors. The reference store (`memory`) and everything else in this
package are the core's own.
"""

from __future__ import annotations

from fabro_core.errors import RevisionConflict, SeqConflict, StoreError, StoreMisconfigured, StoreUnavailable
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    ABSENT,
    ANY,
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
    EventRecord,
    FeedEvent,
    FeedPage,
    FeedQuery,
    Revision,
    RunHit,
    RunIdPage,
    RunIdQuery,
    RunPage,
    RunQuery,
    RunRow,
    RunSort,
    StoredRun,
    StoreInfo,
    Wakeup,
    WorkflowHit,
)
from fabro_core.store.wakeups import WakeupHub

__all__ = [
    "ABSENT",
    "ANY",
    "AppendBatch",
    "Blob",
    "BlobDelete",
    "BlobPage",
    "BlobQuery",
    "Bucket",
    "Doc",
    "DocDelete",
    "DocPage",
    "DocQuery",
    "DocRef",
    "DocWrite",
    "EventPage",
    "EventQuery",
    "EventRecord",
    "FeedEvent",
    "FeedPage",
    "FeedQuery",
    "Revision",
    "RevisionConflict",
    "RunHit",
    "RunIdPage",
    "RunIdQuery",
    "RunPage",
    "RunQuery",
    "RunRow",
    "RunSort",
    "RunStore",
    "SeqConflict",
    "StoreError",
    "StoreInfo",
    "StoreMisconfigured",
    "StoreUnavailable",
    "StoredRun",
    "Wakeup",
    "WakeupHub",
    "WorkflowHit",
]
