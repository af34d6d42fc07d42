"""Pages of runs: what a list shows (runs.md R7.2) and how its answer is put together from stored bytes."""

from __future__ import annotations

from collections.abc import Collection

from fabro_core.models.status import Bucket
from fabro_core.runs.wire import run_json_parts
from fabro_core.store.records import RunPage

EVERYTHING = frozenset(Bucket)
_NOT_REMOVING = EVERYTHING - {Bucket.REMOVING}
_VISIBLE = _NOT_REMOVING - {Bucket.ARCHIVED}


def visible_buckets(statuses: Collection[Bucket] | None, *, include_archived: bool) -> frozenset[Bucket]:
    """The buckets of a list; with `statuses` exactly those, whatever `include_archived` says."""
    if statuses:
        return frozenset(statuses)
    return _NOT_REMOVING if include_archived else _VISIBLE


def page_json(page: RunPage, *, offset: int, now_ms: int) -> bytes:
    """The body of a list answer. Nothing stored is decoded, and every byte is copied once or twice."""
    parts = [b'{"data":[']
    for hit in page.hits:
        parts += run_json_parts(hit, now_ms)
        parts.append(b",")
    if page.hits:
        parts.pop()
    has_more = b"true" if offset + len(page.hits) < page.total else b"false"
    parts.append(b'],"meta":{"has_more":%b,"total":%d}}' % (has_more, page.total))
    return b"".join(parts)
