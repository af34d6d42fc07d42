"""A Hypothesis state machine: any sequence of calls answers on a store as it does on the memory store.

It finds what no single promise names: a count that drifts after the third move of a child, a page that is stale after
an append. Part of `StoreConformance`, as one test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from msgspec.structs import replace

from fabro_core.errors import SeqConflict, StoreError
from fabro_core.models.status import Bucket
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import (
    ABSENT,
    ANY,
    BlobDelete,
    BlobQuery,
    Doc,
    DocDelete,
    DocPage,
    DocQuery,
    DocRef,
    DocWrite,
    EventQuery,
    Expect,
    FeedQuery,
    Revision,
    RunIdQuery,
    RunQuery,
    RunSort,
)
from fabro_core.testing.conformance import takes_long
from fabro_core.testing.store.case import NOW_MS, OpenStore, StoreCase, batch, blob, event, row, run_id
from fabro_core.testing.store.clearing import clear
from fabro_core.testing.store.served import Ask, ServedStore

T = TypeVar("T")

RUN_IDS: Final = tuple(run_id(number) for number in range(1, 7))
COLLECTIONS: Final = ("c", "d")
KEYS: Final = ("", "a", "a\x01")

_RUNS: Final = st.sampled_from(RUN_IDS)
_OWNERS: Final = st.sampled_from([None, "o", "p"])
_FACETS: Final = st.sampled_from([(), ("f",), ("g",), ("f", "g")])
_TAGS: Final = st.sampled_from(["stage:a@1", "stage:b@1"])
_TEXTS: Final = st.sampled_from(["", "a", "b", "\U00010000"])
_PICKS: Final = st.integers(0, 6)
"""Choose among the revisions there are: first any, then absent, then the newest ones."""

_COLUMNS: Final = st.fixed_dictionaries(
    {
        "bucket": st.sampled_from([Bucket.PENDING, Bucket.RUNNABLE, Bucket.FAILED, Bucket.ARCHIVED]),
        "created_ms": st.sampled_from([0, NOW_MS]),
        "begun_ms": st.sampled_from([NOW_MS - 50, NOW_MS]),
        "elapsed_ms": st.sampled_from([None, 0, 50]),
        "title_key": _TEXTS,
        "changes": st.integers(0, 2),
        "parent_id": st.one_of(st.none(), _RUNS),
        "facets": _FACETS,
        "title_text": _TEXTS,
        "workflow_slug": st.sampled_from([None, "deploy"]),
        "workflow_name": st.sampled_from([None, "Deploy"]),
    }
)

_EVENT_QUERIES: Final = st.builds(
    EventQuery,
    run_id=_RUNS,
    limit=st.integers(1, 4),
    after_seq=st.integers(0, 4),
    before_seq=st.one_of(st.none(), st.integers(1, 6)),
    tag=st.one_of(st.none(), _TAGS),
    reverse=st.booleans(),
    max_bytes=st.sampled_from([None, 1, 9, 20]),
)

_UNFILTERED: Final[dict[str, Any]] = {
    "buckets": st.one_of(st.just(frozenset(Bucket)), st.frozensets(st.sampled_from(Bucket))),
    "sort": st.sampled_from(RunSort),
    "direction": st.sampled_from(["asc", "desc"]),
    "limit": st.sampled_from([2, 100]),
    "offset": st.sampled_from([0, 1]),
    "now_ms": st.sampled_from([NOW_MS, NOW_MS + 60]),
}
_RUN_QUERIES: Final = st.one_of(
    st.builds(RunQuery, **_UNFILTERED),
    st.builds(RunQuery, **_UNFILTERED, facets=_FACETS, words=st.sampled_from([(), ("a",)])),
)

_ORDERS: Final = st.builds(
    RunQuery,
    buckets=st.just(frozenset(Bucket)),
    sort=st.sampled_from(RunSort),
    direction=st.sampled_from(["asc", "desc"]),
    limit=st.just(100),
    now_ms=st.just(NOW_MS),
)
"""Queries that list every run."""

_PLACES: Final = st.sampled_from([("c", ""), ("c", "a"), ("c", "a\x01"), ("d", "a")])


class StoreMachine(RuleBasedStateMachine):
    """Asks the store under test and a memory store the same, and compares the answers.

    `loop` runs in another thread.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, open_store: OpenStore) -> None:
        super().__init__()
        self._subject = ServedStore(loop, open_store)
        self._subject.ask(clear)
        self._model = MemoryRunStore(MemoryData())
        self._lifespan = self._model.lifespan()
        _at_once(self._lifespan.__aenter__())
        self._now_ms = NOW_MS
        self._newest: dict[str, int] = {}
        self._revisions: dict[tuple[str, str], dict[str, str]] = {}
        """For each document the revisions that the subject has given, and the model's for the same write."""
        self._feed_start = self._subject.ask(_present)

    def teardown(self) -> None:
        self._subject.close()
        _at_once(self._lifespan.__aexit__(None, None, None))

    def _same(self, call: str, *asks: Ask) -> None:
        """Ask both stores the same, one thing after the other, and compare what they answer."""
        ask = partial(_outcomes, asks=asks)
        _compare(call, self._subject.ask(ask), _at_once(ask(self._model)))

    # -- runs ---------------------------------------------------------------------------------------------------

    @rule(
        id_=_RUNS,
        tags=st.lists(st.lists(_TAGS, max_size=2), min_size=1, max_size=3),
        columns=_COLUMNS,
        texts=st.lists(_TEXTS, max_size=2),
        order=_ORDERS,
    )
    def append(
        self, id_: str, tags: list[list[str]], columns: dict[str, Any], texts: list[str], order: RunQuery
    ) -> None:
        newest = self._newest.get(id_, 0)
        events = [event(newest + n, *each) for n, each in enumerate(tags, start=1)]
        self._newest[id_] = events[-1].seq
        written = row(id_, events[-1].seq, updated_ms=self._now_ms, **columns)
        blobs = tuple(blob(text.encode(), now_ms=self._now_ms) for text in texts)
        self._same("append", lambda store: store.append(batch(written, *events, blobs=blobs)), *_views(id_, order))

    @rule(id_=_RUNS, seq=st.integers(1, 9), text=_TEXTS, order=_ORDERS)
    def append_at_any_sequence_number(self, id_: str, seq: int, text: str, order: RunQuery) -> None:
        if seq == self._newest.get(id_, 0) + 1:
            self._newest[id_] = seq
        blobs = (blob(text.encode(), now_ms=self._now_ms),)
        self._same("append", lambda store: store.append(batch(row(id_, seq), blobs=blobs)), *_views(id_, order), _blobs)

    @rule(id_=_RUNS, order=_ORDERS)
    def delete_run(self, id_: str, order: RunQuery) -> None:
        self._newest.pop(id_, None)
        self._same("delete_run", lambda store: store.delete_run(id_), *_views(id_, order))

    @rule(query=_EVENT_QUERIES)
    def read(self, query: EventQuery) -> None:
        self._same("read", lambda store: store.read(query))

    @rule(queries=st.lists(_RUN_QUERIES, min_size=1, max_size=3))
    def list_runs(self, queries: list[RunQuery]) -> None:
        self._same("list_runs", *(partial(_listed, query=query) for query in queries), _ids, _workflows)

    @rule()
    def read_feed(self) -> None:
        found = self._subject.ask(partial(_fed, after=self._feed_start))
        _compare("read_feed", found, _at_once(_fed(self._model, after=0)))

    @rule(text=_TEXTS)
    def put_blob(self, text: str) -> None:
        new = blob(text.encode(), now_ms=self._now_ms)
        self._same("put_blob", lambda store: store.put_blob(new), lambda store: store.get_blob(new.digest))

    @rule(text=_TEXTS, age_ms=st.integers(-1, 20))
    def delete_blob(self, text: str, age_ms: int) -> None:
        delete = BlobDelete(digest=blob(text.encode()).digest, if_put_before_ms=self._now_ms - age_ms)
        self._same("delete_blob", lambda store: store.delete_blob(delete), _blobs)

    # -- documents ----------------------------------------------------------------------------------------------

    @rule(step_ms=st.integers(1, 20))
    def let_time_pass(self, step_ms: int) -> None:
        self._now_ms += step_ms

    @rule(
        place=_PLACES,
        pick=_PICKS,
        text=_TEXTS,
        owner=_OWNERS,
        lifetime_ms=st.sampled_from([None, 0, 10, 30]),
    )
    def put_doc(self, place: tuple[str, str], pick: int, text: str, owner: str | None, lifetime_ms: int | None) -> None:
        known = self._revisions.setdefault(place, {})
        choices: list[Revision] = [ANY, ABSENT, *reversed(known)]
        expires_ms = None if lifetime_ms is None else self._now_ms + lifetime_ms
        self._put(place, choices[pick % len(choices)], text.encode(), owner=owner, expires_ms=expires_ms)

    def _put(self, place: tuple[str, str], if_revision: Revision, body: bytes, **columns: Any) -> None:
        collection, key = place
        known = self._revisions.setdefault(place, {})
        write = DocWrite(
            collection=collection, key=key, body=body, if_revision=if_revision, now_ms=self._now_ms, **columns
        )
        of_model = known[if_revision] if isinstance(if_revision, str) else if_revision
        found = self._subject.ask(partial(_outcome, ask=lambda store: store.put_doc(write)))
        same_write = replace(write, if_revision=of_model)
        expected = _at_once(_outcome(self._model, ask=lambda store: store.put_doc(same_write)))
        if isinstance(found, Doc) and isinstance(expected, Doc):
            assert found.revision not in known, "a revision is never given twice for one key"
            known[found.revision] = expected.revision
        _compare("put_doc", self._translated(found), expected)
        self._compare_document(place)

    @rule(place=_PLACES, pick=_PICKS, again=st.booleans())
    def delete_doc(self, place: tuple[str, str], pick: int, again: bool) -> None:
        collection, key = place
        known = self._revisions.setdefault(place, {})
        choices: list[str | Literal[Expect.ANY]] = [ANY, *reversed(known)]
        if_revision = choices[pick % len(choices)]
        delete = DocDelete(collection=collection, key=key, if_revision=if_revision, now_ms=self._now_ms)
        of_model = known[if_revision] if isinstance(if_revision, str) else if_revision
        same_delete = replace(delete, if_revision=of_model)
        found = self._subject.ask(partial(_outcome, ask=lambda store: store.delete_doc(delete)))
        _compare("delete_doc", found, _at_once(_outcome(self._model, ask=lambda store: store.delete_doc(same_delete))))
        self._compare_document(place)
        if again:
            self._put(place, ABSENT, b"again")

    def _compare_document(self, place: tuple[str, str]) -> None:
        ref = DocRef(collection=place[0], key=place[1], now_ms=self._now_ms)
        found = self._subject.ask(lambda store: store.get_doc(ref))
        _compare("get_doc", self._translated(found), _at_once(self._model.get_doc(ref)))

    @rule(
        collection=st.sampled_from(COLLECTIONS),
        limit=st.sampled_from([1, 2, 100]),
        after_key=st.one_of(st.none(), st.sampled_from(KEYS)),
        owner=_OWNERS,
    )
    def list_docs(self, collection: str, limit: int, after_key: str | None, owner: str | None) -> None:
        query = DocQuery(collection=collection, limit=limit, after_key=after_key, owner=owner, now_ms=self._now_ms)
        found = self._subject.ask(lambda store: store.list_docs(query))
        _compare("list_docs", self._translated(found), _at_once(self._model.list_docs(query)))

    @rule()
    def purge(self) -> None:
        self._subject.ask(lambda store: store.purge(self._now_ms))
        _at_once(self._model.purge(self._now_ms))

    def _translated(self, answer: object) -> object:
        """The answer with the model's revisions in place of the subject's."""
        if isinstance(answer, Doc):
            known = self._revisions.get((answer.collection, answer.key), {})
            return replace(answer, revision=known.get(answer.revision, answer.revision))
        if isinstance(answer, DocPage):
            return replace(answer, docs=tuple(self._translated(each) for each in answer.docs))
        return answer

    # -- instances ----------------------------------------------------------------------------------------------

    @rule()
    def reopen(self) -> None:
        if self._subject.ask(_durable):
            self._subject.reopen()


def _compare(call: str, found: object, expected: object) -> None:
    assert found == expected, f"{call} answers as the memory store does"


def _at_once(call: Coroutine[Any, Any, T]) -> T:
    """What a call of the memory store returns: it never waits, so it needs no event loop."""
    try:
        call.send(None)
    except StopIteration as done:
        answer: T = done.value
        return answer
    raise AssertionError("the memory store waits for nothing")


async def _outcome(store: RunStore, *, ask: Ask) -> object:
    """The answer; for an error of the store what can be compared of it."""
    try:
        return await ask(store)
    except SeqConflict as error:
        return SeqConflict, error.expected, error.actual
    except StoreError as error:
        return type(error)


async def _outcomes(store: RunStore, *, asks: Sequence[Ask]) -> object:
    return [await _outcome(store, ask=ask) for ask in asks]


def _views(id_: str, order: RunQuery) -> tuple[Ask, ...]:
    """How a run shows what was written: by itself, in its log, among all runs."""
    return (
        lambda store: store.get_run(id_),
        lambda store: store.read(EventQuery(run_id=id_, limit=100)),
        partial(_listed, query=order),
    )


async def _listed(store: RunStore, *, query: RunQuery) -> object:
    return await store.list_runs(query)


async def _ids(store: RunStore) -> object:
    first = await store.list_run_ids(RunIdQuery(prefix=RUN_IDS[0][:-1], limit=2))
    rest = await store.list_run_ids(RunIdQuery(after_id=RUN_IDS[1], limit=len(RUN_IDS)))
    return first, rest


async def _blobs(store: RunStore) -> object:
    page = await store.list_blobs(BlobQuery(limit=100))
    return page, [await store.get_blob(digest) for digest in page.digests]


async def _workflows(store: RunStore) -> object:
    return sorted(await store.list_workflows(), key=msgspec.json.encode)


async def _present(store: RunStore) -> int:
    return (await store.read_feed(FeedQuery(after=None, limit=1))).position


async def _fed(store: RunStore, *, after: int) -> object:
    page = await store.read_feed(FeedQuery(after=after, limit=1_000))
    return [(each.run_id, each.seq, each.body) for each in page.events]


async def _durable(store: RunStore) -> bool:
    return store.info().durable


# Reproducible, so that a third party's failure is ours as well.
# Nothing is shrunk, which can take minutes: short sequences come first, and what they find explains itself.
_SETTINGS: Final = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
_LENGTHS: Final = (5, 40)
"""How many calls a sequence has."""


class MachineConformance(StoreCase):
    @takes_long
    async def test_any_sequence_of_calls_is_answered_as_the_memory_store_answers_it(
        self, open_store: OpenStore
    ) -> None:
        loop = asyncio.get_running_loop()

        class Machine(StoreMachine):
            def __init__(self) -> None:
                super().__init__(loop, open_store)

        for steps in _LENGTHS:
            chosen = settings(_SETTINGS, stateful_step_count=steps)
            await asyncio.to_thread(run_state_machine_as_test, Machine, settings=chosen)
