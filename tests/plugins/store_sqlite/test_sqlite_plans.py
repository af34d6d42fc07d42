"""The query plans of the SQLite store: no list of buckets may read or sort what is not on its page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from fabro_core.models.status import Bucket
from fabro_core.store.filing import SHELF
from fabro_core.store.records import RunSort
from fabro_store_sqlite import changes, documents, feed, hints, logs, page_sql, run_counts, run_lists
from fabro_store_sqlite.migrations import bring_up_to_date

ALL = frozenset(Bucket)
BUCKET_SETS = [SHELF, ALL, frozenset({Bucket.SUCCEEDED}), frozenset({Bucket.FAILED, Bucket.ARCHIVED})]

# Index order is (bucket, key, id): read backwards it serves every descending page whole. These keys are nearly unique,
# so an ascending page may sort the runs that share one.
SORTS_TIES = {("created_at", "asc"), ("updated_at", "asc")}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("plans") / "fabro.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        bring_up_to_date(connection, path)
        yield connection


class _Anything(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1


def plan(connection: sqlite3.Connection, text: str) -> list[str]:
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", _Anything())]


def on_table(steps: list[str]) -> list[str]:
    """The steps that read the table of runs, less those that fetch the rows of the page by their number."""
    return [step for step in steps if " runs" in step and "INTEGER PRIMARY KEY" not in step]


def assert_bounded_by_the_page(steps: list[str], ties: bool) -> None:
    reads = on_table(steps)
    assert reads, steps
    assert all("COVERING INDEX" in step for step in reads), "pages are picked from indexes alone"
    sorts = [step for step in steps if "TEMP B-TREE" in step]
    assert all("RIGHT PART" in step for step in sorts), "nothing but ties is ever sorted"
    assert ties or not sorts, "ties come from the index in order"


@pytest.mark.parametrize("buckets", BUCKET_SETS, ids=lambda each: "+".join(bucket.label for bucket in sorted(each)))
@pytest.mark.parametrize("sort", [sort for sort in RunSort if sort is not RunSort.ELAPSED])
@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_a_wide_page_costs_what_is_on_it(
    connection: sqlite3.Connection, buckets: frozenset[Bucket], sort: RunSort, direction: page_sql.Direction
) -> None:
    steps = plan(connection, page_sql.wide_page(buckets, sort, direction))
    assert_bounded_by_the_page(steps, ties=(sort, direction) in SORTS_TIES)
    assert any("runs USING INTEGER PRIMARY KEY" in step for step in steps), "bodies are fetched for the page only"


@pytest.mark.parametrize("buckets", BUCKET_SETS, ids=lambda each: "+".join(bucket.label for bucket in sorted(each)))
@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_both_parts_of_sort_elapsed_walk_an_index(
    connection: sqlite3.Connection, buckets: frozenset[Bucket], direction: page_sql.Direction
) -> None:
    ties = direction == "asc"
    assert_bounded_by_the_page(plan(connection, page_sql.wide_ended(buckets, direction)), ties)
    assert_bounded_by_the_page(plan(connection, page_sql.wide_live(buckets, direction)), ties)


def test_the_default_view_is_one_walk_without_any_sort(connection: sqlite3.Connection) -> None:
    steps = plan(connection, page_sql.wide_page(SHELF, RunSort.CREATED_AT, "desc"))
    assert on_table(steps) == ["SCAN runs USING COVERING INDEX runs_on_shelf"]
    assert not any("TEMP B-TREE" in step or "MERGE" in step for step in steps)


@pytest.mark.parametrize("buckets", [SHELF, ALL], ids=["shelf", "all"])
@pytest.mark.parametrize("direction", ["desc", "asc"])
def test_a_page_of_a_facet_by_creation_costs_what_is_on_it(
    connection: sqlite3.Connection, buckets: frozenset[Bucket], direction: page_sql.Direction
) -> None:
    steps = plan(connection, page_sql.facet_walk(buckets, direction))
    assert any("run_facets USING PRIMARY KEY (facet=? AND shelf=?)" in step for step in steps), steps
    sorts = [step for step in steps if "TEMP B-TREE" in step]
    assert not sorts or (direction == "asc" and all("RIGHT PART" in step for step in sorts)), sorts


@pytest.mark.parametrize("sort", list(RunSort))
def test_a_narrow_query_reads_the_runs_of_its_facet(connection: sqlite3.Connection, sort: RunSort) -> None:
    steps = plan(connection, page_sql.narrow_page(sort, "desc"))
    assert any("run_facets USING PRIMARY KEY (facet=?)" in step for step in steps), steps
    assert on_table(steps) == []


@pytest.mark.parametrize("words", [0, 2])
@pytest.mark.parametrize("by_facet", [True, False])
def test_a_search_reads_no_more_runs_than_it_counts(connection: sqlite3.Connection, by_facet: bool, words: int) -> None:
    search = page_sql.Search(by_facet, further_facets=1, words=words)
    start = (
        "run_facets USING PRIMARY KEY (facet=?"
        if by_facet
        else "runs USING COVERING INDEX runs_by_created_ms (bucket=?"
    )
    for text in (page_sql.search_candidates(search), page_sql.search_page(search, RunSort.TITLE, "asc")):
        steps = plan(connection, text)
        assert any(
            step.startswith("SEARCH") and start.replace("COVERING ", "") in step.replace("COVERING ", "")
            for step in steps
        ), steps
        assert not [step for step in steps if step.startswith("SCAN") and _is_table(step)], steps


@pytest.mark.parametrize(
    "text",
    [
        text
        for module in (changes, documents, feed, logs, run_counts, run_lists)
        for text in vars(module).values()
        if isinstance(text, str) and text.startswith("SELECT")
    ],
)
def test_no_other_read_scans_a_table_or_sorts(connection: sqlite3.Connection, text: str) -> None:
    steps = plan(connection, text)
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step and _is_table(step)]
    assert not [step for step in steps if "TEMP B-TREE" in step]


def test_looking_for_new_events_reads_an_index_and_the_runs_they_belong_to(connection: sqlite3.Connection) -> None:
    reads = [step for step in plan(connection, hints.SINCE) if step.startswith("SEARCH")]
    assert reads == [
        "SEARCH events USING COVERING INDEX events_by_change (change_no>?)",
        "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)",
    ]


def _is_table(step: str) -> bool:
    return step.split()[1] in {"runs", "states", "events", "event_tags", "run_counts", "blobs", "documents"}
