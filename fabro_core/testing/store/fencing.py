"""A fenced store takes no writes, whoever asks, until the fence is lifted; that is how it is moved without a loss."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.errors import StoreFenced
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABOUT_THE_STORE, ANY, FENCE_COLLECTION, FENCE_KEY, DocDelete, DocRef, DocWrite
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.store.calls import CALLS, STORED, WRITES, Call
from fabro_core.testing.store.case import NOW_MS, OpenStore, StoreCase, batch, blob, ids, list_all, log_of, row, run_id


async def fence(store: RunStore) -> None:
    write = DocWrite(collection=FENCE_COLLECTION, key=FENCE_KEY, body=b"other", if_revision=ANY, now_ms=NOW_MS)
    await store.put_doc(write)


async def lift(store: RunStore) -> bool:
    return await store.delete_doc(DocDelete(collection=FENCE_COLLECTION, key=FENCE_KEY, if_revision=ANY, now_ms=NOW_MS))


class FencingConformance(StoreCase):
    @pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
    async def test_a_fenced_store_refuses_every_write_until_the_fence_is_lifted(
        self, store: RunStore, call: Call
    ) -> None:
        await store.append(batch(row(STORED), blobs=(blob(b"x"),)))
        await fence(store)
        with pytest.raises(StoreFenced):
            await call(store)
        assert await lift(store) is True, "the fence itself can be lifted"
        await call(store)

    @pytest.mark.parametrize("call", [CALLS[name] for name in CALLS if name not in WRITES])
    async def test_a_fenced_store_answers_what_is_asked(self, store: RunStore, call: Call) -> None:
        await store.append(batch(row(STORED)))
        await fence(store)
        await call(store)

    async def test_only_the_one_document_is_the_fence(self, store: RunStore) -> None:
        for collection, key in (
            (FENCE_COLLECTION, "another"),
            (FENCE_COLLECTION, FENCE_KEY.upper()),
            ("c", FENCE_KEY),
            (f"{FENCE_COLLECTION} ", FENCE_KEY),
            (FENCE_COLLECTION.upper(), FENCE_KEY),
            (ABOUT_THE_STORE, FENCE_KEY),
            (f"{FENCE_COLLECTION}.{FENCE_KEY}", ""),
        ):
            await store.put_doc(DocWrite(collection=collection, key=key, body=b"", if_revision=ANY, now_ms=NOW_MS))
        for number, name in enumerate(WRITES):
            (refused,) = await asyncio.gather(WRITES[name](store), return_exceptions=True)
            assert not isinstance(refused, StoreFenced), f"no other document is the fence ({name}, {number})"

    async def test_a_refused_write_leaves_nothing(self, store: RunStore) -> None:
        await store.append(batch(row(STORED), blobs=(blob(b"kept"),)))
        before = (await list_all(store), await log_of(store, STORED))
        await fence(store)
        await asyncio.gather(*(call(store) for call in WRITES.values()), return_exceptions=True)
        await store.put_doc(
            DocWrite(collection=FENCE_COLLECTION, key=FENCE_KEY, body=b"again", if_revision=ANY, now_ms=NOW_MS)
        )
        assert (await list_all(store), await log_of(store, STORED)) == before
        assert await store.get_blob(blob(b"kept").digest) == b"kept"
        assert await store.get_blob(blob(b"x").digest) is None
        assert await store.get_doc(DocRef(collection="c", key="k", now_ms=NOW_MS)) is None

    async def test_an_append_beside_the_fence_is_stored_or_refused(self, store: RunStore) -> None:
        runs = [run_id(number) for number in range(10, 40)]
        appends = [store.append(batch(row(each))) for each in runs]
        outcomes = await asyncio.gather(*appends[:15], fence(store), *appends[15:], return_exceptions=True)
        stored = set(ids(await list_all(store, limit=100)))
        del outcomes[15]
        assert {type(each) for each in outcomes} <= {int, StoreFenced}
        acknowledged = {each for each, outcome in zip(runs, outcomes, strict=True) if outcome == 1}
        assert stored == acknowledged, "what was acknowledged is stored, and nothing else"

    async def test_the_fence_is_still_there_after_reopening(self, open_store: OpenStore) -> None:
        async with open_store() as store:
            if not store.info().durable:
                not_applicable("info().durable is false")
            await fence(store)
        async with open_store() as store:
            with pytest.raises(StoreFenced):
                await store.append(batch(row(STORED)))

    async def test_the_fence_holds_for_every_instance(self, store: RunStore, open_store: OpenStore) -> None:
        if not store.info().shared:
            not_applicable("info().shared is false")
        async with open_store() as other:
            await store.append(batch(row(STORED)))
            await fence(other)
            with pytest.raises(StoreFenced):
                await store.append(batch(row(STORED, 2)))
            await lift(store)
            assert await other.append(batch(row(STORED, 2))) == 2, "lifting it does as well"
