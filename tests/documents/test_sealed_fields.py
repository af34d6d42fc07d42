"""Fields that a store must not see: what it sees instead, and what of it opens where (auth.md A14)."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.clock import epoch_ms
from fabro_core.documents.collection import Documents
from fabro_core.documents.encoding import Encoding
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.store.records import ANY, Doc, DocRef, DocWrite
from fabro_core.testing.clock import ManualClock

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

OLD, NEW = b"o" * 32, b"n" * 32
COLLECTION = "test.vault"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    value: Secret
    note: Secret | None = None


ENTRY = Entry(label="deploy key", value=Secret("correct horse"), note=Secret("battery staple"))


def vault(store: RunStore, clock: ManualClock, *keys: bytes, collection: str = COLLECTION) -> Documents[Entry]:
    return Documents(store, clock, collection, Entry, seal=Seal(*keys))


async def doc_of(store: RunStore, clock: ManualClock, key: str) -> Doc:
    doc = await store.get_doc(DocRef(collection=COLLECTION, key=key, now_ms=epoch_ms(clock.now())))
    assert doc is not None
    return doc


async def body_of(store: RunStore, clock: ManualClock, key: str) -> bytes:
    return (await doc_of(store, clock, key)).body


async def write(store: RunStore, clock: ManualClock, key: str, body: bytes, *, collection: str = COLLECTION) -> None:
    now_ms = epoch_ms(clock.now())
    await store.put_doc(DocWrite(collection=collection, key=key, body=body, if_revision=ANY, now_ms=now_ms))


async def test_another_server_with_the_key_reads_what_the_store_does_not_see(
    replicas: Replicas, clock: ManualClock
) -> None:
    await vault(replicas[0], clock, NEW).put("k", ENTRY)
    body = await body_of(replicas[1], clock, "k")
    assert b"deploy key" in body
    for secret in (b"horse", b"staple"):
        assert secret not in body
    stored = await vault(replicas[1], clock, NEW).get("k")
    assert stored is not None
    assert stored.body == ENTRY


async def test_the_same_secret_is_never_sealed_to_the_same_bytes(replicas: Replicas, clock: ManualClock) -> None:
    entries = vault(replicas[0], clock, NEW)
    await entries.put("k", ENTRY)
    first = await body_of(replicas[0], clock, "k")
    await entries.put("k", ENTRY)
    assert await body_of(replicas[0], clock, "k") != first


async def test_a_secret_that_is_not_there_stays_so(replicas: Replicas, clock: ManualClock) -> None:
    entries, bare = vault(replicas[0], clock, NEW), Entry(label="l", value=Secret(""))
    await entries.put("k", bare)
    assert json.loads(await body_of(replicas[0], clock, "k"))["note"] is None
    assert [stored.body async for stored in entries.walk()] == [bare]


async def test_a_body_that_was_moved_to_another_key_does_not_open(replicas: Replicas, clock: ManualClock) -> None:
    entries = vault(replicas[0], clock, NEW)
    await entries.put("mine", ENTRY)
    await write(replicas[0], clock, "theirs", await body_of(replicas[0], clock, "mine"))
    with pytest.raises(BadSeal, match=r"test\.vault/theirs/value does not open"):
        await entries.get("theirs")


async def test_a_body_that_was_moved_to_another_collection_does_not_open(
    replicas: Replicas, clock: ManualClock
) -> None:
    await vault(replicas[0], clock, NEW).put("k", ENTRY)
    await write(replicas[0], clock, "k", await body_of(replicas[0], clock, "k"), collection="test.other")
    with pytest.raises(BadSeal):
        await vault(replicas[0], clock, NEW, collection="test.other").get("k")


async def test_a_sealed_value_that_was_moved_to_another_field_does_not_open(
    replicas: Replicas, clock: ManualClock
) -> None:
    entries = vault(replicas[0], clock, NEW)
    await entries.put("k", ENTRY)
    members: dict[str, Any] = json.loads(await body_of(replicas[0], clock, "k"))
    members["value"], members["note"] = members["note"], members["value"]
    await write(replicas[0], clock, "k", json.dumps(members).encode())
    with pytest.raises(BadSeal):
        await entries.get("k")


@pytest.mark.parametrize("forged", ["", "AAAA", "correct horse", "ü" * 60, "A" * 100])
async def test_what_is_not_sealed_does_not_open_and_is_not_repeated(
    replicas: Replicas, clock: ManualClock, forged: str
) -> None:
    await write(replicas[0], clock, "k", json.dumps({"label": "l", "value": forged}).encode())
    with pytest.raises(BadSeal) as failure:
        await vault(replicas[0], clock, NEW).get("k")
    assert not forged or forged not in str(failure.value)


async def test_a_newer_key_seals_and_an_older_one_still_opens(replicas: Replicas, clock: ManualClock) -> None:
    await vault(replicas[0], clock, OLD).put("k", ENTRY)
    rotated = vault(replicas[1], clock, NEW, OLD)

    async def as_it_is(entry: Entry | None) -> Entry:
        assert entry is not None
        return entry

    assert await rotated.update("k", as_it_is) == ENTRY
    with pytest.raises(BadSeal):
        await vault(replicas[0], clock, OLD).get("k")
    stored = await vault(replicas[0], clock, NEW).get("k")
    assert stored is not None
    assert stored.body == ENTRY


async def test_a_document_that_does_not_open_is_not_lost(replicas: Replicas, clock: ManualClock) -> None:
    await vault(replicas[0], clock, OLD).put("k", ENTRY)

    async def replaced(entry: Entry | None) -> Entry:
        return Entry(label="another", value=Secret(""))

    with pytest.raises(BadSeal):
        await vault(replicas[1], clock, NEW).update("k", replaced)
    stored = await vault(replicas[0], clock, OLD).get("k")
    assert stored is not None
    assert stored.body == ENTRY


def test_secrets_are_not_stored_without_a_key(clock: ManualClock) -> None:
    with pytest.raises(TypeError, match=r"test\.vault: value, note"):
        Encoding(COLLECTION, Entry, None)


@given(text=st.text(st.characters(exclude_categories=[])), key=st.text())
def test_every_text_comes_back(text: str, key: str) -> None:
    encoding = Encoding(COLLECTION, Entry, Seal(NEW))
    entry = Entry(label="l", value=Secret(text))
    assert encoding.decode(key, encoding.encode(key, entry)) == entry


def test_foreign_bytes_are_refused_as_what_they_are() -> None:
    with pytest.raises(msgspec.ValidationError):
        Encoding(COLLECTION, Entry, Seal(NEW)).decode("k", b'{"label": "l", "value": 7}')


async def test_what_an_older_key_has_sealed_is_sealed_anew_and_nothing_else_of_it_changes(
    replicas: Replicas, clock: ManualClock
) -> None:
    until = clock.now() + timedelta(minutes=5)
    ages = {"a": (OLD,), "b": (NEW,), "c": (b"x" * 32,), "d": (OLD,)}
    for key, keys in ages.items():
        seal = Seal(*keys)
        kept = Documents(
            replicas[0], clock, COLLECTION, Entry, owner=lambda *_: "ann", expires=lambda *_: until, seal=seal
        )
        await kept.put(key, ENTRY)
    before = {key: await doc_of(replicas[1], clock, key) for key in ages}
    clock.advance(timedelta(minutes=4))
    servers = [vault(store, clock, NEW, OLD) for store in replicas]

    assert sum(await asyncio.gather(*(server.reseal() for server in servers))) == 2

    after = {key: await doc_of(replicas[1], clock, key) for key in ages}
    assert [key for key in ages if after[key].body != before[key].body] == ["a", "d"]
    assert {(doc.owner, doc.expires_ms) for doc in after.values()} == {("ann", epoch_ms(until))}
    newest = vault(replicas[0], clock, NEW)
    for key in ("a", "b", "d"):
        stored = await newest.get(key)
        assert stored is not None
        assert stored.body == ENTRY
    assert [await server.reseal() for server in servers] == [0, 0]
