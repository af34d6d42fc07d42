"""Events of all runs share one space of keys; no question about a run ever leads out of its own part."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabro_core.runs.log.batch import MAX_EVENTS
from fabro_core.store.records import EventQuery
from fabro_core.testing.store import opened
from fabro_core.testing.store.case import batch, event, log_of, row, run_id
from fabro_store_sqlite import SqliteRunStore
from fabro_store_sqlite.event_keys import MAX_SEQ, event_key

pytestmark = pytest.mark.anyio

RUNS = [run_id(number) for number in (1, 2, 3)]
FAR_BEYOND = 2**63 - 1


@pytest.mark.parametrize("tag", [None, "stage:build@1"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("edge", [MAX_SEQ - 1, MAX_SEQ, MAX_SEQ + 1, FAR_BEYOND])
async def test_a_page_never_reaches_into_the_next_run(
    tmp_path: Path, tag: str | None, reverse: bool, edge: int
) -> None:
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        for id_ in RUNS:
            await store.append(batch(row(id_, 2), event(1, "stage:build@1"), event(2, "stage:build@1")))
        for id_ in RUNS:
            query = EventQuery(run_id=id_, tag=tag, reverse=reverse, before_seq=edge, limit=10)
            page = await store.read(query)
            assert sorted(each.seq for each in page.events) == [1, 2]
            beyond = await store.read(EventQuery(run_id=id_, tag=tag, reverse=reverse, after_seq=edge, limit=10))
            assert beyond.events == ()


async def test_a_deletion_takes_the_events_of_its_run_alone(tmp_path: Path) -> None:
    async with opened(SqliteRunStore(tmp_path / "fabro.db")) as store:
        for id_ in RUNS:
            await store.append(batch(row(id_, 2), event(1), event(2)))
        await store.delete_run(RUNS[1])
        assert [len(await log_of(store, id_)) for id_ in RUNS] == [2, 0, 2]


def test_no_log_is_too_long_for_its_keys() -> None:
    assert MAX_EVENTS * 16 < MAX_SEQ
    assert event_key(1, MAX_SEQ) < event_key(2, 0)


@pytest.mark.parametrize("seq", [-1, MAX_SEQ + 1])
def test_a_sequence_number_that_would_be_another_runs_has_no_key(seq: int) -> None:
    with pytest.raises(OverflowError):
        event_key(1, seq)
