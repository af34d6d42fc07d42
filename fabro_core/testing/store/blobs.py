"""Blobs: the same bytes are stored once and come back exactly."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.store.base import RunStore
from fabro_core.store.records import BlobQuery
from fabro_core.testing.store.case import StoreCase, blob


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
