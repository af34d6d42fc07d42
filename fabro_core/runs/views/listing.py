"""Pages of runs: what a list shows (runs.md R7.2) and how its answer is put together from stored bytes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterable, Sequence

from fabro_core.models.status import Bucket
from fabro_core.runs.fold.wire import Part, joined, run_parts
from fabro_core.store.records import RunHit, RunPage

EVERYTHING = frozenset(Bucket)
_NOT_REMOVING = EVERYTHING - {Bucket.REMOVING}
_VISIBLE = _NOT_REMOVING - {Bucket.ARCHIVED}


def visible_buckets(statuses: Collection[Bucket] | None, *, include_archived: bool) -> frozenset[Bucket]:
    """The buckets of a list; with `statuses` exactly those, whatever `include_archived` says."""
    if statuses:
        return frozenset(statuses)
    return _NOT_REMOVING if include_archived else _VISIBLE


class PageEncoder:
    """Turns pages of runs into JSON. Nothing stored is decoded.

    What of a page does not change with the clock is joined once and kept as long as the page itself lives: a store
    that answers the same page again, because nothing has changed, spares everybody the work. Then only the wall times
    of live runs are written anew.
    """

    def __init__(self, completed: Callable[[bytes], bytes] | None = None) -> None:
        """`completed` puts into the JSON of a run what is no fact of it; None: nothing is."""
        self._completed = completed
        self._prepared: dict[int, tuple[weakref.ref[RunPage], Sequence[Part]]] = {}

    def encode(self, page: RunPage, *, offset: int, now_ms: int) -> bytes:
        """The body of a list answer; `offset` is the one the page was asked for with."""
        has_more = b"true" if offset + len(page.hits) < page.total else b"false"
        tail = b'],"meta":{"has_more":%b,"total":%d}}' % (has_more, page.total)
        return joined((b'{"data":[', *self._parts(page), tail), now_ms)

    def _parts(self, page: RunPage) -> Sequence[Part]:
        key = id(page)
        known = self._prepared.get(key)
        if known is not None and known[0]() is page:
            return known[1]
        parts = _prepare(page.hits, self._completed)
        self._prepared[key] = weakref.ref(page, lambda _: self._prepared.pop(key, None)), parts
        return parts


def _prepare(hits: Iterable[RunHit], completed: Callable[[bytes], bytes] | None) -> Sequence[Part]:
    """The runs of a page with commas between them; what stands side by side is joined."""
    parts: list[Part] = []
    standing: list[bytes] = []
    for number, hit in enumerate(hits):
        if number:
            standing.append(b",")
        for part in run_parts(hit):
            if isinstance(part, bytes):
                standing.append(part if completed is None else completed(part))
            else:
                parts += (b"".join(standing), part)
                standing = []
    return (*parts, b"".join(standing))
