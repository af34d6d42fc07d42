"""Documents: compare-and-set for each key, expiry by the caller's time, pages in key order."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest

from fabro_core.errors import RevisionConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import (
    ABSENT,
    ANY,
    Doc,
    DocDelete,
    DocQuery,
    DocRef,
    DocWrite,
    Expect,
    Revision,
)
from fabro_core.testing.store.case import FIRST_MS, LAST_MS, NOW_MS, StoreCase

OTHER_REVISION = "no such revision"


async def get(store: RunStore, key: str = "k", now_ms: int = NOW_MS, collection: str = "c") -> Doc | None:
    return await store.get_doc(DocRef(collection=collection, key=key, now_ms=now_ms))


async def put(store: RunStore, key: str = "k", if_revision: Revision = ANY, **changes: Any) -> Doc:
    columns: dict[str, Any] = {"collection": "c", "body": b"{}", "now_ms": NOW_MS} | changes
    return await store.put_doc(DocWrite(key=key, if_revision=if_revision, **columns))


async def delete(
    store: RunStore,
    key: str = "k",
    if_revision: str | Literal[Expect.ANY] = ANY,
    now_ms: int = NOW_MS,
    collection: str = "c",
) -> bool:
    return await store.delete_doc(DocDelete(collection=collection, key=key, if_revision=if_revision, now_ms=now_ms))


async def keys(store: RunStore, limit: int = 100, **changes: Any) -> tuple[list[str], bool]:
    columns: dict[str, Any] = {"collection": "c", "now_ms": NOW_MS} | changes
    page = await store.list_docs(DocQuery(limit=limit, **columns))
    return [doc.key for doc in page.docs], page.has_more


class DocumentConformance(StoreCase):
    async def test_a_document_comes_back_as_written(self, store: RunStore) -> None:
        written = await put(store, body=b"\x00\xff", owner="o", expires_ms=NOW_MS + 9)
        assert written == Doc(
            collection="c",
            key="k",
            revision=written.revision,
            body=b"\x00\xff",
            owner="o",
            expires_ms=NOW_MS + 9,
            updated_ms=NOW_MS,
        )
        assert await get(store) == written

    @pytest.mark.parametrize("expires_ms", [FIRST_MS + 1, -1, 0, 1, LAST_MS - 1])
    async def test_a_document_expires_exactly_in_any_year(self, store: RunStore, expires_ms: int) -> None:
        await put(store, now_ms=FIRST_MS, expires_ms=expires_ms)
        assert await get(store, now_ms=expires_ms - 1) is not None
        assert await store.purge(expires_ms - 1) == 0
        assert (await get(store, now_ms=expires_ms), await keys(store, now_ms=expires_ms)) == (None, ([], False))
        assert await store.purge(LAST_MS) == 1

    async def test_an_unknown_document_is_none(self, store: RunStore) -> None:
        await put(store)
        assert await get(store, "other") is None
        assert await get(store, collection="other") is None, "a key belongs to its collection"

    # -- compare-and-set ----------------------------------------------------------------------------------------

    async def test_put_with_the_current_revision_replaces(self, store: RunStore) -> None:
        first = await put(store, body=b"1", owner="o", expires_ms=NOW_MS + 9)
        second = await put(store, if_revision=first.revision, body=b"2", now_ms=NOW_MS + 1)
        assert second.revision != first.revision, "every write has a revision of its own"
        found = await get(store)
        assert found == second
        assert (found.owner, found.expires_ms) == (None, None), "owner and expiry are replaced as well"

    async def test_put_with_a_stale_revision_writes_nothing(self, store: RunStore) -> None:
        first = await put(store, body=b"1")
        second = await put(store, body=b"2")
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=first.revision, body=b"3")
        assert await get(store) == second

    async def test_put_with_a_revision_needs_a_document(self, store: RunStore) -> None:
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=OTHER_REVISION)
        assert await get(store) is None

    async def test_put_if_absent_needs_a_free_key(self, store: RunStore) -> None:
        first = await put(store, if_revision=ABSENT, body=b"1")
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=ABSENT, body=b"2")
        assert await get(store) == first

    async def test_of_concurrent_puts_on_one_revision_exactly_one_wins(self, store: RunStore) -> None:
        first = await put(store)
        rivals = [put(store, if_revision=first.revision, body=b"%d" % n) for n in range(8)]
        outcomes = await asyncio.gather(*rivals, return_exceptions=True)
        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Doc)]
        assert sum(isinstance(outcome, RevisionConflict) for outcome in outcomes) == 7
        assert await get(store) == winner

    async def test_a_revision_is_never_given_twice_for_one_key(self, store: RunStore) -> None:
        revisions = []
        for _ in range(3):
            revisions.append((await put(store)).revision)
            revisions.append((await put(store)).revision)
            await delete(store)
            revisions.append((await put(store, expires_ms=NOW_MS)).revision)
            await store.purge(NOW_MS)
        assert len(set(revisions)) == len(revisions), "not even after a delete or a purge"

    async def test_delete_removes_the_document(self, store: RunStore) -> None:
        await put(store)
        assert await delete(store) is True
        assert await get(store) is None
        assert await delete(store) is False, "there is nothing left to delete"

    async def test_delete_with_the_current_revision_removes(self, store: RunStore) -> None:
        assert await delete(store, if_revision=(await put(store)).revision) is True
        assert await get(store) is None

    async def test_delete_with_another_revision_removes_nothing(self, store: RunStore) -> None:
        written = await put(store)
        with pytest.raises(RevisionConflict):
            await delete(store, if_revision=OTHER_REVISION)
        assert await get(store) == written

    async def test_of_concurrent_deletes_exactly_one_is_true(self, store: RunStore) -> None:
        await put(store)
        outcomes = await asyncio.gather(*(delete(store) for _ in range(8)))
        assert sorted(outcomes) == [False] * 7 + [True], "a one-time code can be used once"

    # -- expiry -------------------------------------------------------------------------------------------------

    async def test_a_document_is_absent_from_the_instant_it_expires(self, store: RunStore) -> None:
        await put(store, expires_ms=NOW_MS + 10)
        assert await get(store, now_ms=NOW_MS + 9) is not None
        assert await get(store, now_ms=NOW_MS + 10) is None, "expires_ms <= now_ms means absent, purged or not"

    async def test_an_expired_document_cannot_be_deleted(self, store: RunStore) -> None:
        written = await put(store, expires_ms=NOW_MS + 10)
        assert await delete(store, now_ms=NOW_MS + 10) is False
        assert await delete(store, if_revision=written.revision, now_ms=NOW_MS + 10) is False

    async def test_an_expired_document_frees_its_key(self, store: RunStore) -> None:
        old = await put(store, expires_ms=NOW_MS + 10)
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=old.revision, now_ms=NOW_MS + 10)
        new = await put(store, if_revision=ABSENT, now_ms=NOW_MS + 10)
        assert await get(store, now_ms=NOW_MS + 11) == new

    async def test_purge_removes_what_has_expired_and_nothing_else(self, store: RunStore) -> None:
        await put(store, "past", expires_ms=NOW_MS - 1)
        await put(store, "now", expires_ms=NOW_MS)
        await put(store, "future", expires_ms=NOW_MS + 1)
        await put(store, "never")
        assert await store.purge(NOW_MS) == 2
        assert await store.purge(NOW_MS) == 0
        assert await keys(store) == (["future", "never"], False)

    # -- pages --------------------------------------------------------------------------------------------------

    async def test_pages_are_in_key_order(self, store: RunStore) -> None:
        names = ["", "\x01", "a", "a\x01", "aa", "b", "é", "\uffff", "😀"]
        for name in reversed(names):
            await put(store, name)
        assert await keys(store) == (names, False), "keys compare by code point"
        assert await keys(store, limit=3) == (names[:3], True)
        assert await keys(store, limit=3, after_key="a") == (names[3:6], True)
        assert await keys(store, limit=6, after_key="a") == (names[3:], False)
        assert await keys(store, after_key="") == (names[1:], False), "the empty key is a key"

    async def test_a_page_has_one_collection_and_one_owner_only(self, store: RunStore) -> None:
        await put(store, "1", owner="o")
        await put(store, "2", owner="p")
        await put(store, "3")
        await put(store, "4", owner="o")
        await put(store, "1", owner="o", collection="other")
        assert await keys(store) == (["1", "2", "3", "4"], False)
        assert await keys(store, owner="o") == (["1", "4"], False)
        assert await keys(store, owner="o", limit=1) == (["1"], True)
        assert await keys(store, owner="o", after_key="1") == (["4"], False)
        assert await keys(store, owner="q") == ([], False)

    async def test_every_collection_with_documents_is_listed_once(self, store: RunStore) -> None:
        for collection in ("c", "d", "d", "e\x01é"):
            await put(store, collection=collection)
        found = await store.list_collections()
        assert sorted(found) == ["c", "d", "e\x01é"], "every collection is listed"

    async def test_a_page_leaves_expired_documents_out(self, store: RunStore) -> None:
        await put(store, "1", expires_ms=NOW_MS)
        await put(store, "2", expires_ms=NOW_MS + 1)
        await put(store, "3", expires_ms=NOW_MS)
        assert await keys(store, limit=1) == (["2"], False), "an expired document is neither listed nor counted"
