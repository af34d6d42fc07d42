"""Time is an argument: a clock that goes back, of the callers or of the machine, changes nothing that was promised."""

from __future__ import annotations

import time
from typing import Final

import pytest

from fabro_core.errors import RevisionConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT, ANY, RunSort
from fabro_core.testing.store.blobs import unless_put_since
from fabro_core.testing.store.case import (
    NOW_MS,
    OpenStore,
    StoreCase,
    append_all,
    batch,
    blob,
    ids,
    list_all,
    row,
    run_id,
)
from fabro_core.testing.store.documents import delete, get, keys, put
from fabro_core.testing.store.feed import names, present, since

A, B, C, D = (run_id(n) for n in range(1, 5))

HOUR_MS: Final = 3_600_000
HOUR_SECONDS: Final = 3_600
EARLIER_MS: Final = NOW_MS - HOUR_MS


class ClockConformance(StoreCase):
    async def test_a_document_may_be_replaced_at_an_earlier_instant(self, store: RunStore) -> None:
        first = await put(store, body=b"1")
        second = await put(store, if_revision=first.revision, body=b"2", now_ms=EARLIER_MS)
        assert await get(store) == second, "the newest write counts, whatever its instant"
        assert second.updated_ms == EARLIER_MS, "an instant is the caller's"
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=first.revision, body=b"3", now_ms=NOW_MS + HOUR_MS)
        assert await get(store, now_ms=EARLIER_MS - HOUR_MS) == second, "it is there at every instant"

    async def test_a_revision_is_never_given_twice_at_one_instant_or_an_earlier_one(self, store: RunStore) -> None:
        instants = (NOW_MS, NOW_MS, EARLIER_MS, NOW_MS, EARLIER_MS, EARLIER_MS)
        revisions = [(await put(store, body=b"same", now_ms=instant)).revision for instant in instants]
        await delete(store)
        revisions += [(await put(store, body=b"same", if_revision=ABSENT, now_ms=EARLIER_MS)).revision]
        assert len(set(revisions)) == len(revisions), "a revision does not come from a clock"

    async def test_asking_at_a_later_instant_takes_nothing_from_who_asks_at_an_earlier_one(
        self, store: RunStore
    ) -> None:
        written = await put(store, expires_ms=NOW_MS + 10, owner="o")
        later = NOW_MS + HOUR_MS
        assert await get(store, now_ms=later) is None
        assert await keys(store, now_ms=later) == ([], False)
        assert await delete(store, now_ms=later) is False
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=written.revision, now_ms=later)
        assert await get(store) == written, "a document that has not expired is there, whoever asked later before"
        assert await keys(store, owner="o") == (["k"], False)
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=ABSENT)

    async def test_expiry_is_judged_by_the_caller_and_not_by_the_clock_of_the_machine(self, store: RunStore) -> None:
        now_ms = int(time.time() * 1_000)
        for name, here_ms in (("past", now_ms - 100 * HOUR_MS), ("future", now_ms + 100 * HOUR_MS)):
            await put(store, name, expires_ms=here_ms + 10, now_ms=here_ms)
            assert await get(store, name, now_ms=here_ms + 9) is not None, "a document is there until it expires"
            assert await get(store, name, now_ms=here_ms + 10) is None, "and not after that"
        assert await store.purge(now_ms) == 1, "only what has expired by then is purged"
        assert await get(store, "future", now_ms=now_ms) is not None

    async def test_a_purge_at_an_earlier_instant_removes_less(self, store: RunStore) -> None:
        for name, expires_ms in (("early", EARLIER_MS), ("late", NOW_MS)):
            await put(store, name, expires_ms=expires_ms, now_ms=EARLIER_MS - 1)
        assert await store.purge(EARLIER_MS - 1) == 0, "a purge removes what has expired at its instant"
        assert await store.purge(EARLIER_MS) == 1
        assert await store.purge(EARLIER_MS - 1) == 0
        assert await get(store, "late", now_ms=NOW_MS - 1) is not None

    async def test_bytes_that_were_put_earlier_by_a_clock_that_went_back_keep_their_latest_instant(
        self, store: RunStore
    ) -> None:
        await store.put_blob(blob(b"wanted"))
        await store.append(batch(row(A), blobs=(blob(b"wanted", now_ms=EARLIER_MS),)))
        assert await store.delete_blob(unless_put_since(NOW_MS, blob(b"wanted"))) is False, "the latest instant counts"

    # -- runs and the feed ----------------------------------------------------------------------------------------

    async def test_a_run_may_be_updated_at_an_earlier_instant(self, store: RunStore) -> None:
        await append_all(store, [row(A, updated_ms=NOW_MS), row(B, updated_ms=NOW_MS - 1)])
        assert ids(await list_all(store, sort=RunSort.UPDATED_AT)) == [A, B]
        await store.append(batch(row(A, 2, updated_ms=EARLIER_MS, created_ms=EARLIER_MS, body=b"newest")))
        hit = await store.get_run(A)
        assert hit is not None
        assert (hit.seq, hit.body) == (2, b"newest"), "the newest append counts, whatever its instants"
        assert ids(await list_all(store, sort=RunSort.UPDATED_AT)) == [B, A], "lists go by the instants of the rows"
        assert ids(await list_all(store, sort=RunSort.CREATED_AT)) == [B, A]

    async def test_the_newest_run_of_a_workflow_goes_by_id_and_not_by_instant(self, store: RunStore) -> None:
        early, late = {"created_ms": EARLIER_MS, "updated_ms": EARLIER_MS}, {"created_ms": NOW_MS}
        await append_all(store, [row(A, workflow_slug="w", **late), row(B, workflow_slug="w", **early)])
        (found,) = await store.list_workflows()
        assert found.newest_run_id == B, "the order of ids is the order of creation"

    async def test_the_feed_is_in_the_order_of_appends_and_not_of_instants(self, store: RunStore) -> None:
        start = await present(store)
        for number, run in enumerate((C, B, A)):
            instant = NOW_MS - number * HOUR_MS
            await store.append(batch(row(run, created_ms=instant, updated_ms=instant)))
        assert names(await since(store, start)) == [(C, 1), (B, 1), (A, 1)], "the feed knows no instants"

    async def test_a_clock_of_the_machine_that_goes_back_changes_nothing(
        self, store: RunStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        revisions = []
        for run, hours_back in ((B, 0), (A, 1), (C, 0), (D, 2)):
            _set_back(monkeypatch, hours_back)
            newest = await present(store)
            await store.append(batch(row(run)))
            assert names(await since(store, newest)) == [(run, 1)], "positions ascend by any clock"
            written = await put(store, body=b"same")
            revisions.append(written.revision)
            assert await get(store) == written, "the newest write counts by any clock"
        assert len(set(revisions)) == len(revisions), "a revision is never given twice by any clock"

    async def test_a_clock_that_went_back_while_the_store_was_closed_changes_nothing(
        self, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_store() as store:
            durable = store.info().durable
            await store.append(batch(row(B)))
            newest, before = await present(store), await put(store, expires_ms=NOW_MS + 10)
        if not durable:
            return
        _set_back(monkeypatch, 1)
        async with open_store() as store:
            await store.append(batch(row(A)))
            assert names(await since(store, newest)) == [(A, 1)], "positions ascend by any clock"
            after = await put(store, if_revision=before.revision)
            assert after.revision != before.revision, "a revision is never given twice by any clock"
            assert (await put(store, if_revision=ANY)).revision not in (before.revision, after.revision)


_REAL: Final = (time.time, time.time_ns)


def _set_back(monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """Set the clock of the machine back from what it really shows, as far as this process asks `time` for it."""
    now, now_ns = _REAL
    monkeypatch.setattr(time, "time", lambda: now() - hours * HOUR_SECONDS)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() - hours * HOUR_SECONDS * 1_000_000_000)
