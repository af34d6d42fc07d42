"""Texts: each comes back as it was given, is found as it is, and is no other one, however alike they look.

What a text may be stands in `fabro_core.store.records`. Here are the ones that engines take for each other, or for
something else: other cases and normal forms, blanks at the ends, wildcards, separators of composed keys, long ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from fabro_core.errors import RevisionConflict
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT, BlobDelete, EventQuery, FeedQuery, RunIdQuery, RunSort, WorkflowHit
from fabro_core.testing.store.case import (
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
from fabro_core.testing.store.documents import delete, get, keys, put
from fabro_core.testing.store.look_alikes import LOOK_ALIKES
from fabro_core.testing.store.values import Values

A = run_id(1)


EVERY_TEXT: Final = tuple(dict.fromkeys(text for texts in LOOK_ALIKES.values() for text in texts))

_LAST: Final = 0x10FFFF
_NO_CHARACTERS: Final = range(0xD800, 0xE000)


def _characters() -> Iterable[str]:
    """Every character of the first plane by itself, of the others some."""
    codes = [*range(1, 0xD800), *range(0xE000, 0x10000), *range(0x10000, _LAST, 257), _LAST]
    return map(chr, codes)


each_kind = pytest.mark.parametrize("kind", LOOK_ALIKES)


class TextConformance(StoreCase):
    @each_kind
    async def test_keys_of_documents_are_told_apart(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                await put(store, text, body=b"%d" % number, if_revision=ABSENT)
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                found = await get(store, text)
                assert found is not None, "a document is found by its key"
                assert (found.key, found.body) == (text, b"%d" % number), "it is a key of its own"
        in_order = sorted(texts)
        with values.trying("the list"):
            listed = await keys(store, limit=1_000)
            assert listed == (in_order, False), "keys come back as given, in order of code points"
        for number, text in enumerate(in_order):
            with values.trying(_shown(text)):
                after, _ = await keys(store, limit=1_000, after_key=text)
                assert after == in_order[number + 1 :], "a page goes on after it"
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                assert await delete(store, text) is True
                assert len((await keys(store, limit=1_000))[0]) == len(texts) - number - 1, "nothing else is deleted"
        values.judge()

    @each_kind
    async def test_collections_are_told_apart(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                await put(store, collection=text, body=b"%d" % number, if_revision=ABSENT)
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                found = await get(store, collection=text)
                assert found is not None, "a document is found in its collection"
                assert (found.collection, found.body) == (text, b"%d" % number), "it is a collection of its own"
                assert await keys(store, collection=text) == (["k"], False), "it has its own documents alone"
        with values.trying("the list"):
            assert set(await store.list_collections()) >= set(texts), "collections come back as given"
        for text in texts:
            with values.trying(_shown(text)):
                assert await delete(store, collection=text) is True, "it is a collection of its own"
        values.judge()

    @each_kind
    async def test_owners_are_told_apart(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                await put(store, f"k{number}", owner=text)
        await put(store, "of nobody")
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                assert await keys(store, owner=text) == ([f"k{number}"], False), "it has its own documents alone"
                found = await get(store, f"k{number}")
                assert found is not None
                assert found.owner == text, "an owner comes back as given"
        with values.trying("nobody"):
            nobodys = await get(store, "of nobody")
            assert nobodys is not None
            assert nobodys.owner is None, "nobody is not the empty owner"
        values.judge()

    async def test_collection_key_and_owner_are_never_taken_together(self, store: RunStore) -> None:
        for separator in (":", "/", "|", "\x1f", "\x01", " ", ".", "-", "_", "}:", "{", ",", '","', "\n", "::"):
            first, second = (f"a{separator}b", "c"), ("a", f"b{separator}c")
            for number, (collection, key) in enumerate((first, second)):
                await put(store, key, collection=collection, owner=f"{key}{separator}", body=b"%d" % number)
            for number, (collection, key) in enumerate((first, second)):
                found = await get(store, key, collection=collection)
                assert found is not None
                assert found.body == b"%d" % number, f"{collection!r} with {key!r} is a place of its own"
                assert await keys(store, collection=collection) == ([key], False), (
                    f"{collection!r} has its own documents"
                )
                owned = await keys(store, collection=collection, owner=f"{key}{separator}")
                assert owned == ([key], False), f"an owner has its documents in {collection!r}"
            for collection, key in (first, second):
                assert await delete(store, key, collection=collection) is True, (
                    f"{collection!r}, {key!r} is its own place"
                )

    @each_kind
    async def test_tags_are_told_apart(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        await store.append(batch(row(A, len(texts)), *(event(seq, text) for seq, text in enumerate(texts, start=1))))
        with values.trying("the log"):
            log = await log_of(store, A)
            assert [each.tags for each in log] == [(text,) for text in texts], "tags come back as given"
        for seq, text in enumerate(texts, start=1):
            with values.trying(_shown(text)):
                page = await store.read(EventQuery(run_id=A, tag=text, limit=100))
                assert [each.seq for each in page.events] == [seq], "a tag finds its own events alone"
        values.judge()

    async def test_runs_and_tags_are_never_taken_together(self, store: RunStore) -> None:
        # Ids that are the beginning of one another would be no ULIDs; tags may hold anything.
        for number, separator in enumerate((":", "/", "|", "\x1f", "\x01", "{", "}", " ", "tag:")):
            one, other = run_id(100 + 2 * number), run_id(101 + 2 * number)
            await store.append(batch(row(one), event(1, f"{separator}{other}", separator)))
            await store.append(batch(row(other), event(1, separator, f"a{separator}")))
            for run, tag, found in (
                (one, separator, 1),
                (one, f"{separator}{other}", 1),
                (one, f"a{separator}", 0),
                (other, separator, 1),
                (other, f"{separator}{other}", 0),
            ):
                page = await store.read(EventQuery(run_id=run, tag=tag, limit=10))
                assert len(page.events) == found, f"a tag with {separator!r} belongs to its run"

    @each_kind
    async def test_kinds_of_events_come_back_as_given(self, store: RunStore, kind: str) -> None:
        texts = LOOK_ALIKES[kind]
        events = [event(seq, kind=text) for seq, text in enumerate(texts, start=1)]
        await store.append(batch(row(A, len(texts)), *events))
        assert [each.kind for each in await log_of(store, A)] == list(texts), "kinds come back as given"

    @each_kind
    async def test_facets_are_told_apart(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        await append_all(store, [row(run_id(n), facets=(text, "all")) for n, text in enumerate(texts)])
        for number, text in enumerate(texts):
            with values.trying(_shown(text)):
                for asked in ((text,), ("all", text)):
                    page = await list_all(store, facets=asked)
                    assert (ids(page), page.total) == ([run_id(number)], 1), "it finds its own runs alone"
                narrowed = await list_all(
                    store, facets=(text,), buckets=frozenset({Bucket.PENDING}), sort=RunSort.TITLE
                )
                assert (ids(narrowed), narrowed.total) == ([run_id(number)], 1), "it finds its own runs alone"
        values.judge()

    @each_kind
    @pytest.mark.parametrize("column", ["repo_key", "title_key", "workflow_key"])
    async def test_keys_of_runs_are_ordered_by_code_point(self, store: RunStore, kind: str, column: str) -> None:
        sorts = {"repo_key": RunSort.REPO, "title_key": RunSort.TITLE, "workflow_key": RunSort.WORKFLOW}
        texts = LOOK_ALIKES[kind]
        await append_all(store, [replace(row(run_id(n)), **{column: text}) for n, text in enumerate(texts)])
        in_order = [run_id(texts.index(text)) for text in sorted(texts)]
        for limit in (100, 3):
            found: list[str] = []
            for offset in range(0, len(texts), limit):
                page = await list_all(store, sort=sorts[column], direction="asc", offset=offset, limit=limit)
                found += ids(page)
            assert found == in_order, "texts are ordered by code point, to their last character"

    @each_kind
    async def test_a_word_is_found_where_it_stands_and_nowhere_else(self, store: RunStore, kind: str) -> None:
        values = Values()
        texts = LOOK_ALIKES[kind]
        await append_all(store, [row(run_id(n), title_text=f"<{text}>") for n, text in enumerate(texts)])
        for text in filter(None, texts):
            with values.trying(_shown(text)):
                page = await list_all(store, words=(text,))
                expected = [run_id(n) for n, title in enumerate(texts) if text in f"<{title}>"][::-1]
                assert (ids(page), page.total) == (expected, len(expected)), "titles with the word and no others"
        values.judge()

    @each_kind
    async def test_workflows_are_told_apart(self, store: RunStore, kind: str) -> None:
        texts = LOOK_ALIKES[kind]
        pairs: list[tuple[str | None, str | None]] = [(text, None) for text in texts]
        pairs += [(None, text) for text in texts] + [(text, texts[0]) for text in texts]
        columns: list[dict[str, Any]] = [{"workflow_slug": slug, "workflow_name": name} for slug, name in pairs]
        await append_all(store, [row(run_id(n), **each) for n, each in enumerate(columns)])
        hits = [WorkflowHit(slug=slug, name=name, newest_run_id=run_id(n)) for n, (slug, name) in enumerate(pairs)]
        found = await store.list_workflows()
        assert len(found) == len(set(found)), "no pair comes twice"
        assert set(found) == set(hits), "each pair of slug and name is one of its own, and None is no text"

    async def test_slug_and_name_of_a_workflow_are_never_taken_together(self, store: RunStore) -> None:
        separators = (":", "/", "|", "\x1f", "\x01", " ", ",", '","', "\n", "@")
        pairs = [pair for each in separators for pair in ((f"a{each}b", "c"), ("a", f"b{each}c"))]
        rows = [row(run_id(n), workflow_slug=slug, workflow_name=name) for n, (slug, name) in enumerate(pairs)]
        await append_all(store, rows)
        found = {(hit.slug, hit.name) for hit in await store.list_workflows()}
        assert found == set(pairs), "each pair of slug and name is one of its own"

    @pytest.mark.parametrize("use", ["key", "collection", "owner", "tag", "kind", "facet", "title_text", "workflow"])
    async def test_every_character_is_kept(self, store: RunStore, use: str) -> None:
        characters = list(_characters())
        parts = ["".join(characters[first : first + 4_000]) for first in range(0, len(characters), 4_000)]
        values = Values()
        for number, part in enumerate(parts):
            with values.trying(f"{_shown(part[0])} to {_shown(part[-1])}"):
                kept = await _KEPT[use](store, run_id(number), part)
                assert kept == part, "no character is lost or changed"
        values.judge()

    async def test_ids_are_found_by_all_that_they_begin_with(self, store: RunStore) -> None:
        first, second, third = "0123456789ABCDEFGHJKMNPQRS", "0123456789ABCDEFGHJKMNPQRT", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
        await append_all(store, [row(third), row(first), row(second)])
        for length in range(1, 26):
            page = await store.list_run_ids(RunIdQuery(prefix=first[:length], limit=10))
            assert page.ids == (first, second), f"the ids that begin with {first[:length]}"
            last = await store.list_run_ids(RunIdQuery(prefix=third[:length], limit=10))
            assert last.ids == (third,), "nothing comes after the greatest id"
        for wild in ("%", "_", "*", "?", "0%", "0_23", "[0-9]", "01*", f"{first}0"):
            page = await store.list_run_ids(RunIdQuery(prefix=wild, limit=10))
            assert page.ids == (), f"no id begins with {wild!r}"

    async def test_ids_and_digests_are_compared_as_they_are(self, store: RunStore) -> None:
        id_, kept = run_id(10 * 32**4 + 11), blob(b"kept")
        written = event(1, "t")
        await store.append(batch(row(id_), written, blobs=(kept,)))
        values = Values()
        for near in (id_.lower(), f"{id_} ", f" {id_}", id_[:-1], f"{id_}0", "%", "_" * 26, "*", "", f"{id_}\n"):
            with values.trying(_shown(near)):
                assert await store.get_run(near) is None, "a run has one id"
                assert await log_of(store, near) == (), "a log has one id"
                assert await store.delete_run(near) is False, "a run is deleted by its id"
        for near in (kept.digest.upper(), f"{kept.digest} ", kept.digest[:-1], f"{kept.digest}0", "%", "_" * 64, ""):
            with values.trying(_shown(near)):
                assert await store.get_blob(near) is None, "a blob has one digest"
                unwanted = BlobDelete(digest=near, if_put_before_ms=NOW_MS + 1)
                assert await store.delete_blob(unwanted) is False, "a blob is deleted by its digest"
        with values.trying("what was written"):
            assert await log_of(store, id_) == (written,), "a run is deleted by its id"
            assert await store.get_blob(kept.digest) == b"kept", "a blob is deleted by its digest"
        values.judge()

    async def test_no_text_is_a_revision_but_the_one_that_was_given(self, store: RunStore) -> None:
        given = await put(store, body=b"kept")
        near = (f"{given.revision} ", f"0{given.revision}", f"{given.revision}.0", given.revision[:-1])
        values = Values()
        for text in ("", " ", "any", "ANY", "Expect.ANY", "absent", "None", "null", "*", "%", "0", "-1", *near):
            with values.trying(_shown(text)):
                for key in ("k", "free"):
                    with pytest.raises(RevisionConflict):
                        await put(store, key, if_revision=text, body=b"no")
                with pytest.raises(RevisionConflict):
                    await delete(store, if_revision=text)
        with values.trying("what was written"):
            assert await get(store) == given, "another revision writes nothing"
            assert await get(store, "free") is None, "a revision needs a document"
        values.judge()

    async def test_a_parent_is_one_run_and_no_pattern(self, store: RunStore) -> None:
        parent = run_id(10 * 32**4)
        near = (parent[:-1], parent.lower(), f"{parent} ", f"{parent}0", "%", "_" * 26, "", "*")
        await append_all(store, [row(run_id(n), parent_id=each) for n, each in enumerate(near)])
        await append_all(store, [row(parent), row(run_id(50), parent_id=parent)])
        found = await store.get_run(parent)
        assert found is not None
        assert found.children_count == 1, "children name their parent exactly"
        (listed,) = [each for each in (await list_all(store)).hits if each.id == parent]
        assert listed.children_count == 1, "children name their parent exactly"

    async def test_texts_are_kept_in_bodies_of_the_feed(self, store: RunStore) -> None:
        start = (await store.read_feed(FeedQuery(after=None, limit=1))).position
        bodies = [text.encode() for text in EVERY_TEXT]
        await store.append(
            batch(row(A, len(bodies)), *(event(seq, body=body) for seq, body in enumerate(bodies, start=1)))
        )
        page = await store.read_feed(FeedQuery(after=start, limit=1_000))
        assert [each.body for each in page.events] == bodies, "bodies are bytes, whatever they hold"


def _shown(text: str) -> str:
    """The text for a message, if need be its two ends."""
    return ascii(text) if len(text) <= 40 else f"{text[:10]!a}…{text[-10:]!a} of {len(text)} characters"


# -- how each text is kept: what was given, as it comes back, None when it is not found ------------------------------


async def _as_key(store: RunStore, _: str, text: str) -> str | None:
    await put(store, text)
    found = await get(store, text)
    return None if found is None else found.key


async def _as_collection(store: RunStore, _: str, text: str) -> str | None:
    await put(store, collection=text)
    found = await get(store, collection=text)
    return found.collection if found is not None and text in await store.list_collections() else None


async def _as_owner(store: RunStore, id_: str, text: str) -> str | None:
    await put(store, id_, owner=text)
    found = await get(store, id_)
    owned, _ = await keys(store, owner=text)
    return found.owner if found is not None and owned == [id_] else None


async def _as_tag(store: RunStore, id_: str, text: str) -> str | None:
    await store.append(batch(row(id_), event(1, text)))
    page = await store.read(EventQuery(run_id=id_, tag=text, limit=1))
    return page.events[0].tags[0] if page.events else None


async def _as_kind(store: RunStore, id_: str, text: str) -> str | None:
    await store.append(batch(row(id_), event(1, kind=text)))
    return (await log_of(store, id_))[0].kind


async def _as_workflow(store: RunStore, id_: str, text: str) -> str | None:
    await store.append(batch(row(id_, workflow_slug=text, workflow_name=text)))
    (found,) = [hit for hit in await store.list_workflows() if hit.newest_run_id == id_]
    return found.slug if found.slug == found.name else None


async def _as_facet(store: RunStore, id_: str, text: str) -> str | None:
    await store.append(batch(row(id_, facets=(text,))))
    return text if ids(await list_all(store, facets=(text,))) == [id_] else None


async def _as_title(store: RunStore, id_: str, text: str) -> str | None:
    await store.append(batch(row(id_, title_text=text, created_ms=NOW_MS)))
    found = [id_ in ids(await list_all(store, words=(word,), limit=1_000)) for word in (text, *text[::97])]
    return text if all(found) else None


_KEPT: Final[dict[str, Callable[[RunStore, str, str], Any]]] = {
    "key": _as_key,
    "collection": _as_collection,
    "kind": _as_kind,
    "workflow": _as_workflow,
    "owner": _as_owner,
    "tag": _as_tag,
    "facet": _as_facet,
    "title_text": _as_title,
}
