"""Blobs: the same bytes are stored once and come back exactly, by themselves or with an append, until a delete."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.errors import SeqConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import Blob, BlobDelete, BlobQuery
from fabro_core.testing.store.case import FIRST_MS, LAST_MS, NOW_MS, StoreCase, batch, blob, event, log_of, row, run_id

A = run_id(1)
LATER_MS = NOW_MS + 1_000


async def digests(store: RunStore) -> list[str]:
    page = await store.list_blobs(BlobQuery(limit=100))
    assert not page.has_more
    return list(page.digests)


def unless_put_since(instant_ms: int, unwanted: Blob) -> BlobDelete:
    return BlobDelete(digest=unwanted.digest, if_put_before_ms=instant_ms)


class BlobConformance(StoreCase):
    @pytest.mark.parametrize("body", [b"", b"\x00\xff", bytes(range(256)) * 4_096], ids=["empty", "two", "a MiB"])
    async def test_a_blob_comes_back_byte_for_byte(self, store: RunStore, body: bytes) -> None:
        assert await store.put_blob(blob(body)) is True
        assert await store.get_blob(blob(body).digest) == body

    async def test_the_same_bytes_again_change_nothing(self, store: RunStore) -> None:
        await store.put_blob(blob(b"same"))
        assert await store.put_blob(blob(b"same")) is False, "the same bytes are not stored again"
        assert await store.get_blob(blob(b"same").digest) == b"same"

    async def test_of_concurrent_puts_of_the_same_bytes_one_stores_them(self, store: RunStore) -> None:
        outcomes = await asyncio.gather(*(store.put_blob(blob(b"same")) for _ in range(8)))
        assert sorted(outcomes) == [False] * 7 + [True]

    async def test_an_unknown_digest_is_none(self, store: RunStore) -> None:
        assert await store.get_blob("0" * 64) is None

    async def test_pages_of_digests_are_in_their_order_and_complete(self, store: RunStore) -> None:
        digests = [blob(b"%d" % number).digest for number in range(5)]
        for number in range(5):
            await store.put_blob(blob(b"%d" % number))
        await store.put_blob(blob(b"0"))
        found: list[str] = []
        has_more = True
        while has_more:
            page = await store.list_blobs(BlobQuery(limit=2, after_digest=found[-1] if found else None))
            found += page.digests
            has_more = page.has_more
        assert found == sorted(digests), "every blob is listed once"

    # -- delete_blob --------------------------------------------------------------------------------------------

    async def test_a_deleted_blob_is_gone_and_can_be_put_again(self, store: RunStore) -> None:
        for each in (blob(b"unwanted"), blob(b"kept")):
            await store.put_blob(each)
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"unwanted"))) is True
        assert await store.get_blob(blob(b"unwanted").digest) is None, "the bytes are gone"
        assert await digests(store) == [blob(b"kept").digest], "and so is the digest, and nothing else"
        assert await store.get_blob(blob(b"kept").digest) == b"kept"
        assert await store.put_blob(blob(b"unwanted")) is True, "the same bytes are new again"
        assert await store.get_blob(blob(b"unwanted").digest) == b"unwanted"

    async def test_deleting_what_is_not_stored_is_false(self, store: RunStore) -> None:
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"unknown"))) is False

    async def test_bytes_that_were_put_since_are_not_deleted(self, store: RunStore) -> None:
        await store.put_blob(blob(b"wanted"))
        assert await store.delete_blob(unless_put_since(NOW_MS, blob(b"wanted"))) is False, "put at that very instant"
        await store.put_blob(blob(b"wanted", now_ms=LATER_MS))
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"wanted"))) is False, "put again since"
        assert await store.get_blob(blob(b"wanted").digest) == b"wanted"
        assert await digests(store) == [blob(b"wanted").digest]
        assert await store.delete_blob(unless_put_since(LATER_MS + 1, blob(b"wanted"))) is True

    @pytest.mark.parametrize("put_ms", [FIRST_MS, -1, 0, LAST_MS - 1])
    async def test_when_bytes_were_put_is_known_exactly_in_any_year(self, store: RunStore, put_ms: int) -> None:
        await store.put_blob(blob(b"wanted", now_ms=put_ms))
        assert await store.delete_blob(unless_put_since(put_ms, blob(b"wanted"))) is False
        assert await store.delete_blob(unless_put_since(put_ms + 1, blob(b"wanted"))) is True

    async def test_what_counts_is_the_latest_instant_and_not_the_last_put(self, store: RunStore) -> None:
        await store.put_blob(blob(b"wanted", now_ms=LATER_MS))
        await store.put_blob(blob(b"wanted", now_ms=NOW_MS))
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"wanted"))) is False

    async def test_of_concurrent_deletes_of_one_blob_exactly_one_is_true(self, store: RunStore) -> None:
        await store.put_blob(blob(b"unwanted"))
        delete = unless_put_since(LATER_MS, blob(b"unwanted"))
        assert sorted(await asyncio.gather(*(store.delete_blob(delete) for _ in range(8)))) == [False] * 7 + [True]

    # -- blobs of an append -------------------------------------------------------------------------------------

    async def test_blobs_of_an_append_are_stored_with_it(self, store: RunStore) -> None:
        await store.put_blob(blob(b"known"))
        await store.append(batch(row(A), blobs=(blob(b"new"), blob(b"known"), blob(b"new"), blob(b""))))
        for body in (b"new", b"known", b""):
            assert await store.get_blob(blob(body).digest) == body, "a blob of an acknowledged append is readable"
        assert await digests(store) == sorted(blob(body).digest for body in (b"new", b"known", b""))
        assert await store.put_blob(blob(b"new")) is False

    async def test_blobs_of_an_append_are_put_like_others(self, store: RunStore) -> None:
        await store.put_blob(blob(b"known"))
        await store.append(batch(row(A), blobs=(blob(b"known", now_ms=LATER_MS),)))
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"known"))) is False, "an append puts them anew"

    async def test_a_refused_append_stores_no_blob(self, store: RunStore) -> None:
        await store.append(batch(row(A)))
        await store.put_blob(blob(b"known"))
        with pytest.raises(SeqConflict):
            await store.append(batch(row(A), blobs=(blob(b"new"), blob(b"known", now_ms=LATER_MS))))
        assert await store.get_blob(blob(b"new").digest) is None, "a refused append writes nothing"
        assert await digests(store) == [blob(b"known").digest]
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"known"))) is True, "nor does it put anything"

    async def test_a_cancelled_append_stores_its_blobs_with_its_events_or_not_at_all(self, store: RunStore) -> None:
        first = batch(row(A, 2), event(1), event(2), blobs=(blob(b"one"), blob(b"two")))
        waiting = asyncio.ensure_future(store.append(first))
        others = [asyncio.ensure_future(store.append(batch(row(run_id(n))))) for n in range(10, 20)]
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.gather(*others)
        assert len(await digests(store)) == len(await log_of(store, A)), "blobs and log agree"
