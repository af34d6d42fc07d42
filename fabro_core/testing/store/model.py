"""Random runs, random queries: every list must equal what runs.md R7 says, computed the plain way.

`expected_page` is the model; a store author may use it in tests of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import RunQuery, RunRow, RunSort
from fabro_core.testing.conformance import takes_long
from fabro_core.testing.store.case import NOW_MS, StoreCase, batch, ids, row, run_id
from fabro_core.testing.store.clearing import clear

QUERIES_AN_EXAMPLE = 8


def expected_page(rows: Sequence[RunRow], query: RunQuery) -> tuple[list[str], int]:
    """The ids of the page and the total, from a list of rows."""
    matching = [each for each in rows if _matches(each, query)]
    matching.sort(key=lambda each: each.id, reverse=True)
    matching.sort(key=lambda each: _key(each, query), reverse=query.direction == "desc")
    return [each.id for each in matching[query.offset : query.offset + query.limit]], len(matching)


def _matches(each: RunRow, query: RunQuery) -> bool:
    return all(
        (
            each.bucket in query.buckets,
            set(query.facets) <= set(each.facets),
            query.created_from_ms is None or each.created_ms >= query.created_from_ms,
            query.created_to_ms is None or each.created_ms < query.created_to_ms,
            all(word in each.title_text for word in query.words),
        )
    )


def _key(each: RunRow, query: RunQuery) -> int | bytes:
    elapsed = query.now_ms - each.begun_ms if each.elapsed_ms is None else each.elapsed_ms
    keys: dict[RunSort, int | bytes] = {
        RunSort.CREATED_AT: each.created_ms,
        RunSort.UPDATED_AT: each.updated_ms,
        RunSort.STATUS: int(each.bucket),
        RunSort.ELAPSED: elapsed,
        RunSort.REPO: each.repo_key.encode(),
        RunSort.TITLE: each.title_key.encode(),
        RunSort.WORKFLOW: each.workflow_key.encode(),
        RunSort.CHANGES: each.changes,
        RunSort.SIZE: each.size,
    }
    return keys[query.sort]


# Few values each, so that most lists have ties; among them the ones that stores get wrong.
_NUMBERS = st.sampled_from([0, 1, 2, 50, 51, 10**12])
_INSTANTS = st.sampled_from([NOW_MS - 51, NOW_MS - 50, NOW_MS, NOW_MS + 1, 0])
_TEXTS = st.sampled_from(["", "\x01", "a", "a\x01", "a\x01b", "A", "b", "é", "\uffff", "\U00010000", "%", "_"])
_PARENTS = st.sampled_from([None, run_id(1), run_id(2)])
_FACETS = st.lists(st.sampled_from(["all", "label:a", "label:a\x01", "label:ä", ""]), unique=True).map(tuple)
_WORDS = st.sampled_from(["a", "ab", "%", "_", "ß", "\U00010000", "[a", "\\", "'"])
_ROWS = st.lists(
    st.builds(
        row,
        st.integers(0, 200).map(run_id),
        bucket=st.sampled_from(Bucket),
        created_ms=_INSTANTS,
        updated_ms=_INSTANTS,
        begun_ms=_INSTANTS,
        elapsed_ms=st.one_of(st.none(), st.sampled_from([-1, 0, 50, 51, 10**12])),
        repo_key=_TEXTS,
        title_key=_TEXTS,
        workflow_key=_TEXTS,
        changes=_NUMBERS,
        size=st.integers(0, 4),
        parent_id=_PARENTS,
        facets=_FACETS,
        title_text=st.lists(_WORDS, max_size=3).map(" ".join),
    ),
    unique_by=lambda each: each.id,
    max_size=30,
)

_UNFILTERED: dict[str, Any] = {
    "buckets": st.one_of(
        st.just(frozenset(Bucket)),
        st.just(frozenset(Bucket) - {Bucket.ARCHIVED, Bucket.REMOVING}),
        st.frozensets(st.sampled_from(Bucket)),
    ),
    "sort": st.sampled_from(RunSort),
    "direction": st.sampled_from(["asc", "desc"]),
    "limit": st.sampled_from([1, 3, 100]),
    "offset": st.sampled_from([0, 1, 5, 3_000]),
    "now_ms": st.sampled_from([NOW_MS, NOW_MS + 1, NOW_MS - 100]),
}
_BOUNDS = st.one_of(st.none(), _INSTANTS)
_QUERIES = st.one_of(
    st.builds(RunQuery, **_UNFILTERED),
    st.builds(RunQuery, **_UNFILTERED, facets=_FACETS.map(lambda facets: facets[:1])),
    st.builds(
        RunQuery,
        **_UNFILTERED,
        facets=_FACETS,
        created_from_ms=_BOUNDS,
        created_to_ms=_BOUNDS,
        words=st.lists(_WORDS, max_size=2).map(tuple),
    ),
)


# Reproducible, so that a third party's failure is ours as well; one store serves all examples. Nothing is shrunk, which
# can take minutes: `_fewest` leaves out what makes no difference, in the time that it has.
_SETTINGS = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REDUCING_SECONDS = 5.0


class ModelConformance(StoreCase):
    @takes_long
    @_SETTINGS
    @given(rows=_ROWS, queries=st.lists(_QUERIES, min_size=QUERIES_AN_EXAMPLE, max_size=QUERIES_AN_EXAMPLE))
    async def test_any_list_equals_the_plain_model(
        self, store: RunStore, rows: list[RunRow], queries: list[RunQuery]
    ) -> None:
        stored = await _fill(store, rows)
        for query in queries:
            await _check(store, rows, stored, query)

    @takes_long
    @_SETTINGS
    @given(before=_ROWS, after=_ROWS, query=_QUERIES)
    async def test_any_list_equals_the_plain_model_after_any_change_of_rows(
        self, store: RunStore, before: list[RunRow], after: list[RunRow], query: RunQuery
    ) -> None:
        appended = [*before, *after]
        await _check(store, appended, await _fill(store, appended), query)


async def _fill(store: RunStore, appended: Sequence[RunRow]) -> list[RunRow]:
    """Append these to an empty store, one after the other; returns the newest of each run.

    That the store is empty is a test of deletes as well.
    """
    await clear(store)
    stored: dict[str, RunRow] = {}
    for each in appended:
        stored[each.id] = replace(each, seq=stored[each.id].seq + 1 if each.id in stored else 1)
        await store.append(batch(stored[each.id]))
    return list(stored.values())


async def _check(store: RunStore, appended: Sequence[RunRow], stored: Sequence[RunRow], query: RunQuery) -> None:
    if await _answer(store, query) == expected_page(stored, query):
        return
    fewest = await _fewest(store, appended, query)
    stored = await _fill(store, fewest)
    found, expected = await _answer(store, query), expected_page(stored, query)
    shown = "\n  ".join(map(_shown, fewest))
    raise AssertionError(
        f"any list equals the plain model\n{query}\nof what these appends leave:\n  {shown}\n"
        f"is {found}\nand should be {expected}, ids and total"
    )


async def _answer(store: RunStore, query: RunQuery) -> tuple[list[str], int]:
    page = await store.list_runs(query)
    return ids(page), page.total


async def _fewest(store: RunStore, appended: Sequence[RunRow], query: RunQuery) -> list[RunRow]:
    """The appends less those without which the answer is as wrong; as far as that is known in time."""
    kept = list(appended)
    deadline = monotonic() + REDUCING_SECONDS
    for each in appended:
        if monotonic() > deadline:
            break
        fewer = [other for other in kept if other is not each]
        stored = await _fill(store, fewer)
        if await _answer(store, query) != expected_page(stored, query):
            kept = fewer
    return kept


def _shown(each: RunRow) -> str:
    """A row in short: its id, and the columns that say something."""
    plain = row(each.id)
    columns = {name: getattr(each, name) for name in each.__struct_fields__}
    said = [f"{name}={value!r}" for name, value in columns.items() if value != getattr(plain, name)]
    return f"{each.id} {' '.join(said)}"
