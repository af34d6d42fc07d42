"""Where a run is filed by a store whose lists are tables: under which facets, on which shelf, in which counts.

For stores that keep rows and counts with every append, so that each need not work out anew what an append moves. It
knows nothing of SQL: it says what has to be there, and the store writes it down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from fabro_core.models.status import Bucket
from fabro_core.store.records import Record, RunRow

SHELF: Final = frozenset(Bucket) - {Bucket.ARCHIVED, Bucket.REMOVING}
"""The buckets that a list shows when nothing is asked for (runs.md R7.2)."""

LAST_ON_SHELF: Final = max(SHELF)
"""The greatest of them; every bucket up to it is among them."""

ALL_RUNS: Final = "all"
"""The scope of counts that has every run."""


def shelf_of(bucket: int) -> int:
    """Where a facet keeps the runs of a bucket: 0 for all that lists show by default, else by themselves."""
    return max(0, bucket - LAST_ON_SHELF)


def whole_shelves(buckets: frozenset[Bucket]) -> bool:
    """Whether a facet keeps these buckets apart from all others, so that no run has to be left out."""
    shelves = {shelf_of(bucket) for bucket in buckets}
    return buckets == {bucket for bucket in Bucket if shelf_of(bucket) in shelves}


def scope_of_parent(parent_id: str) -> str:
    """The scope of counts that has the children of a run."""
    return f"parent:{parent_id}"


def scope_of_facet(facet: str) -> str:
    """The scope of counts that has the runs with a facet."""
    return f"={facet}"


class Filed(Record, frozen=True):
    """What decides on which lists a run is."""

    id: str
    bucket: int
    parent_id: str | None
    created_ms: int
    facets: tuple[str, ...]

    def scopes(self) -> Iterator[str]:
        """The scopes in which it is counted, each once."""
        yield ALL_RUNS
        if self.parent_id is not None:
            yield scope_of_parent(self.parent_id)
        yield from map(scope_of_facet, self.facets)


def filed(row: RunRow) -> Filed:
    """Where `row` is filed."""
    return Filed(row.id, int(row.bucket), row.parent_id, row.created_ms, row.facets)


def recounted(before: Filed | None, after: Filed | None) -> Mapping[tuple[str, int], int]:
    """By how much each number of runs changes, by scope and bucket, when a run moves; None: it is not stored."""
    change: Counter[tuple[str, int]] = Counter()
    for place, step in ((after, 1), (before, -1)):
        if place is not None:
            for scope in place.scopes():
                change[scope, place.bucket] += step
    return {counted: step for counted, step in change.items() if step}
