"""What a failure of the store kit tells, and what it leaves behind: nothing that makes another test fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import FENCE_COLLECTION, FENCE_KEY, BlobQuery, RunIdQuery
from fabro_core.testing.store.case import LAST_MS, NOW_MS, append_all, batch, blob, row, run_id
from fabro_core.testing.store.clearing import clear
from fabro_core.testing.store.documents import put
from fabro_core.testing.store.values import Values
from tests.testing.runs import run_pytest
from tests.testing.test_store_kit import SUITES

pytestmark = pytest.mark.anyio


def test_all_values_are_tried_and_those_that_fail_are_one_failure() -> None:
    values = Values()
    tried = []
    for number in range(4):
        with values.trying(f"the number {number}"):
            tried.append(number)
            assert number % 2 == 0, "numbers are even"
    with values.trying("an unavailable store"):
        _fail()
    with pytest.raises(AssertionError) as failure:
        values.judge()
    assert tried == [0, 1, 2, 3]
    assert str(failure.value).splitlines() == [
        "3 of 5 values fail:",
        "  the number 1: numbers are even",
        "  the number 3: numbers are even",
        "  an unavailable store: The store is away.",
    ]


def _fail() -> None:
    raise StoreUnavailable("The store is away.")


def test_many_values_that_fail_are_counted() -> None:
    values = Values()
    for number in range(100):
        with values.trying(str(number)):
            raise AssertionError("no")
    with pytest.raises(AssertionError, match="100 of 100 values fail") as failure:
        values.judge()
    assert str(failure.value).endswith("and 88 more")


def test_values_that_hold_are_no_failure() -> None:
    values = Values()
    with values.trying("a value"):
        pass
    values.judge()


def test_what_is_no_judgement_of_a_value_ends_the_test() -> None:
    with pytest.raises(ConnectionError), Values().trying("a value"):
        raise ConnectionError


async def test_a_cleared_store_has_nothing_left() -> None:
    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        await append_all(store, [row(run_id(n)) for n in range(250)])
        for number in range(250):
            await store.put_blob(blob(b"%d" % number, now_ms=LAST_MS))
            await put(store, f"k{number}", collection=f"c{number % 2}", expires_ms=NOW_MS if number % 3 else None)
        await put(store, FENCE_KEY, collection=FENCE_COLLECTION)
        await clear(store)
        assert (await store.list_run_ids(RunIdQuery(limit=1))).ids == ()
        assert (await store.list_blobs(BlobQuery(limit=1))).digests == ()
        assert list(await store.list_collections()) == []
        assert await store.append(batch(row(run_id(1)))) == 1, "nor is there a fence"


@pytest.mark.slow
def test_a_wrong_list_is_told_with_the_few_rows_that_show_it(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, f"{SUITES}::TestModelOfTiedLists")
    broken = run.broken_by("TestModelOfTiedLists")
    assert set(broken) == {
        "test_any_list_equals_the_plain_model",
        "test_any_list_equals_the_plain_model_after_any_change_of_rows",
    }
    for message in broken.values():
        before, _, after = message.rpartition("of what these appends leave:\n")
        assert "any list equals the plain model" in before
        query = before.splitlines()[-2]
        assert "RunQuery(" in query, "the query is shown"
        skipped = re.search(r"offset=(\d+)", query)
        assert skipped is not None
        appends, _, _ = after.partition("and should be")
        needed = 2 + int(skipped[1])
        assert 2 <= len(appends.splitlines()[:-2]) <= needed, "a tie needs two runs, behind those that the page skips"
