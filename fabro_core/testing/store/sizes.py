"""Sizes and numbers: bytes of every length, batches of thousands, numbers and instants at all their edges."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import pytest

from fabro_core.errors import SeqConflict, StoreUnavailable
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, BlobDelete, DocQuery, EventQuery, FeedQuery, RunHit, RunSort
from fabro_core.testing.conformance import takes_long
from fabro_core.testing.store.case import (
    FIRST_MS,
    LAST_MS,
    NOW_MS,
    StoreCase,
    append_all,
    batch,
    blob,
    event,
    ids,
    list_all,
    log_of,
    row,
    run_id,
)
from fabro_core.testing.store.documents import get, keys, put
from fabro_core.testing.store.values import Values

A, B = run_id(1), run_id(2)
KIB: Final = 1_024
MIB: Final = 1_024 * KIB

LENGTHS: Final = (0, 1, 255, 256, 4_095, 65_535, 65_536, 65_537, MIB + 1)
"""Around what one, two and three bytes count."""

LARGEST: Final = 16 * MIB + 1
"""More than a packet, a column or a message of some engines takes by itself."""

ATTEMPTS: Final = 5

INSTANTS: Final = (FIRST_MS, FIRST_MS + 1, -(2**31) - 1, -1_001, -1_000, -999, -1, 0, 1, 999, 1_001, 2**31 - 1, 2**31)
"""Those of the past, among them the ones that lose their fraction, or get another, when seconds are made of them."""

FAR_INSTANTS: Final = (2**32, 2**32 + 1, NOW_MS, NOW_MS + 1, 4_294_967_296_001, LAST_MS - 1, LAST_MS)

SIXTY_FOUR_BITS: Final = (-(2**63), -(2**63) + 1, -(2**53) - 1, -(2**31) - 1, -1, 0, 2**31, 2**32, 2**53 + 1, 2**63 - 1)


def _bytes(length: int) -> bytes:
    """Bytes that no engine makes shorter; the same for the same length."""
    return hashlib.shake_128(b"%d" % length).digest(length)


class SizeConformance(StoreCase):
    # -- sizes --------------------------------------------------------------------------------------------------

    async def test_bytes_of_every_length_come_back_as_they_were(self, store: RunStore) -> None:
        values = Values()
        for number, length in enumerate(LENGTHS):
            body, id_ = _bytes(length), run_id(number)
            with values.trying(f"{length:,} bytes"):
                appended = batch(row(id_, body=body, state=body), event(1, "t", body=body), blobs=(blob(body),))
                assert await store.append(appended) == 1
                await put(store, body=body, collection=f"c{number}")
        for number, length in enumerate(LENGTHS):
            with values.trying(f"{length:,} bytes"):
                await _check_bytes(store, run_id(number), f"c{number}", _bytes(length))
        values.judge()

    @takes_long
    @pytest.mark.parametrize("place", ["event", "row", "state", "blob", "document"])
    async def test_sixteen_mebibytes_come_back_as_they_were(self, store: RunStore, place: str) -> None:
        body = _bytes(LARGEST)
        found = await _patiently(lambda: _written_and_read(store, place, body))
        assert len(found) == LARGEST, "no byte is lost, however many there are"
        assert hashlib.sha256(found).digest() == hashlib.sha256(body).digest(), "large bytes come back as they were"

    async def test_a_large_batch_is_written_whole_with_everything_in_it(self, store: RunStore) -> None:
        count = 3_000
        events = tuple(event(seq, f"t{seq % 5}", "common", kind=f"k{seq % 3}") for seq in range(1, count + 1))
        blobs = tuple(blob(b"%d" % number) for number in range(500))
        start = (await store.read_feed(FeedQuery(after=None, limit=1))).position
        assert await store.append(batch(row(A, count), *events, blobs=blobs)) == count
        found = [*await log_of(store, A)]
        while len(found) < count:
            page = await store.read(EventQuery(run_id=A, after_seq=found[-1].seq, limit=1_000))
            assert page.events, "no event of a large batch is lost"
            found += page.events
        assert tuple(found) == events, "no event of a large batch is lost or changed"
        tagged = await store.read(EventQuery(run_id=A, tag="t3", limit=1_000))
        assert [each.seq for each in tagged.events] == [seq for seq in range(1, count + 1) if seq % 5 == 3]
        for each in (blobs[0], blobs[-1]):
            assert await store.get_blob(each.digest) == each.body, "no blob of a large batch is lost"
        fed = await store.read_feed(FeedQuery(after=start, limit=5_000))
        assert [each.seq for each in fed.events] == list(range(1, count + 1)), "the feed has a large batch whole"
        with pytest.raises(SeqConflict) as conflict:
            await store.append(batch(row(A, 2_000), event(2_000)))
        assert conflict.value.actual == count, "the newest sequence number is that of the last event"

    async def test_a_run_has_as_many_facets_and_an_event_as_many_tags_as_they_are_given(self, store: RunStore) -> None:
        facets, tags = tuple(f"f{n}" for n in range(300)), tuple(f"t{n}" for n in range(300))
        await store.append(batch(row(A, facets=facets), event(1, *tags)))
        await store.append(batch(row(B, facets=facets[:1])))
        for number in (0, 1, 9, 10, 63, 64, 127, 128, 255, 256, 299):
            page = await list_all(store, facets=(facets[number],))
            assert (ids(page), page.total) == ([B, A] if number == 0 else [A], 2 if number == 0 else 1), (
                "every facet counts"
            )
            tagged = await store.read(EventQuery(run_id=A, tag=tags[number], limit=1))
            assert len(tagged.events) == 1, "every tag finds its event"
        assert (await log_of(store, A))[0].tags == tags, "every tag comes back, in order"
        everything = await list_all(store, facets=facets)
        assert (ids(everything), everything.total) == ([A], 1), "all facets may be asked for at once"

    async def test_a_page_is_bounded_by_bytes_beyond_thirty_one_bits(self, store: RunStore) -> None:
        await store.append(batch(row(A, 3), *(event(seq, body=b"x" * 100_000) for seq in range(1, 4))))
        values = Values()
        for bound in (2**31 - 1, 2**31, 2**32, 2**32 + 1, 2**53 + 1, 2**63 - 1):
            with values.trying(f"{bound:,} bytes"):
                page = await store.read(EventQuery(run_id=A, limit=10, max_bytes=bound))
                assert (len(page.events), page.has_more) == (3, False), "a page of so many bytes has all three"
                fed = await store.read_feed(FeedQuery(after=0, limit=10, max_bytes=bound))
                assert (len(fed.events), fed.has_more) == (3, False), "a page of so many bytes has all three"
        values.judge()

    # -- numbers ------------------------------------------------------------------------------------------------

    async def test_numbers_of_a_row_are_exact_at_the_edges_of_64_bits(self, store: RunStore) -> None:
        for number, value in enumerate(SIXTY_FOUR_BITS):
            await store.append(batch(row(run_id(number), begun_ms=value, elapsed_ms=value, changes=value, size=value)))
        values = Values()
        with values.trying("the list"):
            page = await list_all(store, sort=RunSort.CHANGES, direction="asc")
            assert [hit.begun_ms for hit in page.hits] == list(SIXTY_FOUR_BITS), "no number loses its last digit"
        for number, value in enumerate(SIXTY_FOUR_BITS):
            with values.trying(f"{value:,}"):
                found = await store.get_run(run_id(number))
                assert found is not None
                assert found.begun_ms == value, "no number loses its last digit"
        values.judge()

    @pytest.mark.parametrize("sort", [RunSort.CREATED_AT, RunSort.UPDATED_AT, RunSort.SIZE, RunSort.CHANGES])
    async def test_neighbours_in_64_bits_are_told_apart_with_a_facet_as_without(
        self, store: RunStore, sort: RunSort
    ) -> None:
        column = {"created_at": "created_ms", "updated_at": "updated_ms"}.get(sort, str(sort))
        values = [base + step for base in (-(2**62), 2**53, 2**62) for step in (0, 1, 2, 3)]
        rows = [row(run_id(n), facets=("f",), **{column: value}) for n, value in enumerate(values)]
        await append_all(store, rows[::-1])
        for facets in ((), ("f",)):
            page = await list_all(store, sort=sort, direction="asc", facets=facets)
            assert ids(page) == [each.id for each in rows], (
                f"numbers that follow each other are ordered, facets {facets}"
            )

    async def test_an_instant_of_any_year_is_kept_to_the_millisecond(self, store: RunStore) -> None:
        values = Values()
        for number, instant in enumerate((*INSTANTS, *FAR_INSTANTS)):
            with values.trying(f"{instant:,} ms"):
                await _check_instant_of_run(store, run_id(number), instant)
            with values.trying(f"{instant:,} ms"):
                await _check_instant_of_document(store, f"k{number}", instant)
            with values.trying(f"{instant:,} ms"):
                put_then = blob(b"%d" % number, now_ms=instant)
                await store.put_blob(put_then)
                for before, deleted in ((instant, False), (instant + 1, True)):
                    unwanted = BlobDelete(digest=put_then.digest, if_put_before_ms=before)
                    found = await store.delete_blob(unwanted)
                    assert found is deleted, "when bytes were put is known to the millisecond"
        values.judge()

    async def test_live_runs_are_measured_to_any_instant(self, store: RunStore) -> None:
        starts = {A: NOW_MS, B: NOW_MS - 1}
        await append_all(store, [row(id_, begun_ms=begun) for id_, begun in starts.items()])
        await append_all(store, [row(run_id(9), elapsed_ms=0), row(run_id(8), elapsed_ms=-1)])
        for now_ms, expected in (
            (NOW_MS, [run_id(8), run_id(9), A, B]),
            (NOW_MS - 1, [run_id(8), A, run_id(9), B]),
            (NOW_MS - 2, [A, run_id(8), B, run_id(9)]),
            (LAST_MS, [run_id(8), run_id(9), A, B]),
            (FIRST_MS, [A, B, run_id(8), run_id(9)]),
        ):
            page = await list_all(store, sort=RunSort.ELAPSED, direction="asc", now_ms=now_ms)
            assert ids(page) == expected, f"elapsed times are those of {now_ms}, also before a run has begun"

    @pytest.mark.parametrize("bound", [2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1])
    async def test_bounds_of_a_page_may_be_any_of_64_bits(self, store: RunStore, bound: int) -> None:
        await store.append(batch(row(A, 2), event(1, "t"), event(2, "t")))
        asks: tuple[tuple[dict[str, Any], int], ...] = (
            ({"after_seq": bound}, 0),
            ({"before_seq": bound}, 2),
            ({"after_seq": bound, "reverse": True}, 0),
            ({"before_seq": bound, "reverse": True, "tag": "t"}, 2),
            ({"after_seq": 1, "before_seq": bound}, 1),
        )
        for asked, count in asks:
            page = await store.read(EventQuery(run_id=A, limit=10, **asked))
            assert len(page.events) == count, f"{asked} of a log of two"
        fed = await store.read_feed(FeedQuery(after=0, limit=10))
        assert len(fed.events) == 2
        assert (await list_all(store, offset=min(bound, 2**31))).hits == ()

    async def test_zero_and_nothing_are_told_apart(self, store: RunStore) -> None:
        await append_all(store, [row(A, elapsed_ms=0, begun_ms=0, created_ms=0), row(B, elapsed_ms=None, begun_ms=0)])
        hits: dict[str, RunHit] = {hit.id: hit for hit in (await list_all(store)).hits}
        assert (hits[A].live, hits[B].live) == (False, True), "an elapsed time of 0 is one"
        assert (await list_all(store, created_from_ms=0)).total == 2, "a bound of 0 is one"
        assert (await list_all(store, created_to_ms=0)).total == 0, "a bound of 0 is one"
        await put(store, now_ms=-1, expires_ms=0)
        assert await get(store, now_ms=0) is None, "an expiry of 0 is one"
        assert await keys(store, now_ms=-1) == (["k"], False)
        page = await store.list_docs(DocQuery(collection="c", now_ms=NOW_MS, limit=1))
        assert page.docs == (), "an expiry of 0 is one"
        assert await store.purge(0) == 1, "an expiry of 0 is one"
        await put(store, "", owner="", body=b"", if_revision=ANY)
        found = await get(store, "")
        assert found is not None
        assert (found.owner, found.body, found.expires_ms) == ("", b"", None), "empty is not nothing"
        assert await keys(store, owner="") == ([""], False), "the empty owner is an owner"


async def _patiently(call: Callable[[], Awaitable[bytes]]) -> bytes:
    """What the call returns. On a busy machine so many bytes may take longer than a store waits for them."""
    for _ in range(ATTEMPTS - 1):
        with suppress(StoreUnavailable):
            return await call()
    return await call()


async def _written_and_read(store: RunStore, place: str, body: bytes) -> bytes:
    """The bytes as they come back from `place`, where an earlier attempt may have put them."""
    match place:
        case "event":
            with suppress(SeqConflict):
                await store.append(batch(row(A), event(1, body=body)))
            (read,) = (await store.read(EventQuery(run_id=A, limit=1))).events
            return read.body
        case "row" | "state":
            columns: dict[str, Any] = {"body" if place == "row" else "state": body}
            with suppress(SeqConflict):
                await store.append(batch(row(A, **columns)))
            stored = await store.get_run(A)
            assert stored is not None
            return stored.body if place == "row" else stored.state
        case "blob":
            await store.put_blob(blob(body))
            return await store.get_blob(blob(body).digest) or b""
        case _:
            await put(store, body=body)
            doc = await get(store)
            assert doc is not None
            return doc.body


async def _check_instant_of_run(store: RunStore, id_: str, instant: int) -> None:
    await store.append(batch(row(id_, created_ms=instant, updated_ms=instant, begun_ms=instant, facets=(id_,))))
    found = await store.get_run(id_)
    assert found is not None
    assert found.begun_ms == instant, "an instant comes back to the millisecond"
    bounds: tuple[tuple[dict[str, int], int], ...] = (
        ({"created_from_ms": instant}, 1),
        ({"created_from_ms": instant + 1}, 0),
        ({"created_to_ms": instant + 1}, 1),
        ({"created_to_ms": instant}, 0),
        ({"created_from_ms": instant, "created_to_ms": instant + 1}, 1),
    )
    for asked, total in bounds:
        page = await list_all(store, facets=(id_,), **asked)
        assert page.total == total, f"the bounds {asked} are meant to the millisecond"
    alone = await list_all(store, created_from_ms=instant, created_to_ms=instant + 1)
    assert ids(alone) == [id_], "the bounds of a range are meant to the millisecond"


async def _check_instant_of_document(store: RunStore, key: str, instant: int) -> None:
    written = await put(store, key, now_ms=instant, expires_ms=instant + 1, collection=key)
    assert (written.updated_ms, written.expires_ms) == (instant, instant + 1), "an instant is kept to the millisecond"
    assert await get(store, key, now_ms=instant, collection=key) == written, "an instant comes back to the millisecond"
    assert await get(store, key, now_ms=instant + 1, collection=key) is None, "an expiry is one to the millisecond"
    assert await keys(store, now_ms=instant, collection=key) == ([key], False), "an expiry is one to the millisecond"
    assert await store.purge(instant) == 0, "an expiry is one to the millisecond"
    assert await store.purge(instant + 1) == 1, "an expiry is one to the millisecond"


async def _check_bytes(store: RunStore, id_: str, collection: str, body: bytes) -> None:
    where = f"of {len(body)} bytes"
    assert [each.body for each in await log_of(store, id_)] == [body], f"an event {where} comes back as it was"
    tagged = await store.read(EventQuery(run_id=id_, tag="t", limit=1))
    assert [each.body for each in tagged.events] == [body], f"an event {where} comes back as it was"
    stored = await store.get_run(id_)
    assert stored is not None
    assert stored.body == body, f"a row {where} comes back as it was"
    assert stored.state == body, f"a state {where} comes back as it was"
    assert await store.get_blob(blob(body).digest) == body, f"a blob {where} comes back as it was"
    found = await get(store, collection=collection)
    assert found is not None
    assert found.body == body, f"a document {where} comes back as it was"
    page = await store.list_docs(DocQuery(collection=collection, now_ms=NOW_MS, limit=1))
    assert [each.body for each in page.docs] == [body], f"a document {where} is listed as it was"
