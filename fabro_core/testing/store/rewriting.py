"""Second writes: what an instance writes is judged by what somebody else has written, not by what it remembers.

Only for a store whose `info().shared` is true; `rereading` is about what it reads.
"""

from __future__ import annotations

import pytest

from fabro_core.errors import RevisionConflict, SeqConflict
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT
from fabro_core.testing.store.blobs import unless_put_since
from fabro_core.testing.store.case import NOW_MS, batch, blob, list_all, log_of, row, run_id
from fabro_core.testing.store.documents import delete, get, put
from fabro_core.testing.store.elsewhere import Elsewhere, ElsewhereCase

A, B = run_id(1), run_id(2)
LATER_MS = NOW_MS + 5


async def append(store: RunStore, seq: int, body: bytes = b"theirs") -> None:
    await store.append(batch(row(A, seq, body=body, facets=("f",))))


async def delete_a(store: RunStore) -> bool:
    return await store.delete_run(A)


async def put_theirs(store: RunStore) -> str:
    return (await put(store, body=b"theirs")).revision


async def delete_theirs(store: RunStore) -> bool:
    return await delete(store)


async def put_bytes(store: RunStore, now_ms: int) -> bool:
    return await store.put_blob(blob(b"bytes", now_ms=now_ms))


async def delete_bytes(store: RunStore) -> bool:
    return await store.delete_blob(unless_put_since(LATER_MS + 1, blob(b"bytes")))


class RewritingConformance(ElsewhereCase):
    async def test_an_append_is_judged_by_what_others_have_appended(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        for seq in (1, 2):
            await append(store, seq)
        await elsewhere.do(append, 3)
        with pytest.raises(SeqConflict) as conflict:
            await append(store, 3, b"mine")
        assert (conflict.value.expected, conflict.value.actual) == (2, 3), "the conflict names the newest number"
        await append(store, 4, b"mine")
        await elsewhere.do(append, 5)
        assert [event.seq for event in await log_of(store, A)] == [1, 2, 3, 4, 5], "the sequence is dense"
        assert (await list_all(store, facets=("f",))).total == 1, "one run is counted once"

    async def test_an_append_is_judged_by_what_others_have_deleted(self, store: RunStore, elsewhere: Elsewhere) -> None:
        for seq in (1, 2):
            await append(store, seq)
        assert await elsewhere.do(delete_a) is True
        with pytest.raises(SeqConflict) as conflict:
            await append(store, 3)
        assert (conflict.value.expected, conflict.value.actual) == (2, 0), "what others have deleted is not there"
        assert await store.delete_run(A) is False, "nor is it there to be deleted"
        await append(store, 1, b"mine")
        found = await store.get_run(A)
        assert found is not None
        assert (found.seq, found.body) == (1, b"mine"), "and it can be made again"
        assert await elsewhere.do(delete_a) is True
        await append(store, 1, b"again")
        assert (await list_all(store, facets=("f",))).total == 1

    async def test_children_are_counted_whoever_has_stored_their_parent(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        await store.append(batch(row(B, parent_id=A)))
        await elsewhere.do(append, 1)
        await store.append(batch(row(run_id(3), parent_id=A)))
        await elsewhere.do(delete_a)
        await elsewhere.do(append, 1)
        parent = await store.get_run(A)
        assert parent is not None
        assert parent.children_count == 2, "children may be stored before their parent, by anybody"

    async def test_a_document_is_written_over_what_others_have_written(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        mine = await put(store, body=b"mine")
        theirs = await elsewhere.do(put_theirs)
        assert theirs != mine.revision, "a revision is never given twice"
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=mine.revision)
        with pytest.raises(RevisionConflict):
            await delete(store, if_revision=mine.revision)
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=ABSENT)
        found = await get(store)
        assert found is not None
        assert (found.revision, found.body) == (theirs, b"theirs"), "a refused write writes nothing"
        again = await put(store, if_revision=theirs, body=b"mine")
        assert await elsewhere.do(delete_theirs) is True
        with pytest.raises(RevisionConflict):
            await put(store, if_revision=again.revision)
        assert await delete(store) is False, "what others have deleted is not there to be deleted"
        assert (await put(store, if_revision=ABSENT)).revision not in (mine.revision, theirs, again.revision)

    async def test_bytes_are_put_over_what_others_have_put_and_deleted(
        self, store: RunStore, elsewhere: Elsewhere
    ) -> None:
        assert await put_bytes(store, NOW_MS) is True
        assert await elsewhere.do(put_bytes, LATER_MS) is False, "they are known, whoever has put them"
        assert await store.delete_blob(unless_put_since(LATER_MS, blob(b"bytes"))) is False, (
            "others have put them since"
        )
        assert await elsewhere.do(delete_bytes) is True
        assert await delete_bytes(store) is False, "what others have deleted is not there to be deleted"
        await store.append(batch(row(A), blobs=(blob(b"bytes"),)))
        assert await store.get_blob(blob(b"bytes").digest) == b"bytes", "who puts bytes again finds them stored"
        assert await elsewhere.do(delete_bytes) is True
        assert await put_bytes(store, NOW_MS) is True, "they are new when others have deleted them"
        assert await store.get_blob(blob(b"bytes").digest) == b"bytes", "who puts bytes again finds them stored"
