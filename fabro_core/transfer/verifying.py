"""Whether two stores hold the same: everything is read back from both, and compared."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from fabro_core.store.base import RunStore
from fabro_core.store.pages import run_ids
from fabro_core.transfer import contents
from fabro_core.transfer.copying import AT_ONCE, Progress, same_document


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in the source, and where the target differs."""

    runs: int
    events: int
    blobs: int
    documents: int
    digest: str
    """SHA-256 over everything that was compared, 64 hex digits; that of the target is the same when nothing differs."""
    differences: tuple[str, ...]
    """What differs, each in a few words."""


async def compare(source: RunStore, target: RunStore, now_ms: int, progress: Progress) -> Verdict:
    """Read both stores to their ends; documents as they are at `now_ms`."""
    comparison = _Comparison(source, target, now_ms)
    await comparison.blobs()
    await comparison.documents()
    await comparison.runs(progress)
    return comparison.verdict()


class _Comparison:
    def __init__(self, source: RunStore, target: RunStore, now_ms: int) -> None:
        self._source = source
        self._target = target
        self._now_ms = now_ms
        self._counts = {"runs": 0, "events": 0, "blobs": 0, "documents": 0}
        self._digest = sha256()
        self._differences: list[str] = []

    async def blobs(self) -> None:
        theirs = {digest async for page in contents.blobs(self._target) for digest in page}
        async for digests in contents.blobs(self._source):
            for digest in digests:
                body = await self._target.get_blob(digest)
                if body is None or sha256(body).hexdigest() != digest:
                    self._differences.append(f"blob {digest}")
                theirs.discard(digest)
                self._digest.update(digest.encode())
            self._counts["blobs"] += len(digests)
        self._differences += [f"blob {digest}" for digest in sorted(theirs)]

    async def documents(self) -> None:
        theirs = {
            (doc.collection, doc.key): doc
            async for page in contents.documents(self._target, self._now_ms)
            for doc in page
        }
        async for docs in contents.documents(self._source, self._now_ms):
            for doc in docs:
                other = theirs.pop((doc.collection, doc.key), None)
                if other is None or not same_document(doc, other):
                    self._differences.append(f"document {doc.collection}/{doc.key}")
                facts = (doc.collection, doc.key, doc.body, doc.owner, doc.expires_ms, doc.updated_ms)
                self._digest.update(msgspec.msgpack.encode(facts))
            self._counts["documents"] += len(docs)
        self._differences += [f"document {collection}/{key}" for collection, key in theirs]

    async def runs(self, progress: Progress) -> None:
        """Compares every run with its log, and what is derived from all of them: their number and their orders."""
        async for ids in run_ids(self._source):
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                await self._some_runs(some)
                progress(len(some))
        total = await contents.run_count(self._target, self._now_ms)
        if total != self._counts["runs"]:
            self._differences.append(f"{self._counts['runs']} runs against {total}")
        elif not self._differences:
            await self._orders()

    async def _some_runs(self, ids: Sequence[str]) -> None:
        ours, theirs = await asyncio.gather(
            asyncio.gather(*(_fingerprint(self._source, run_id) for run_id in ids)),
            asyncio.gather(*(_fingerprint(self._target, run_id) for run_id in ids)),
        )
        for run_id, (digest, events), other in zip(ids, ours, theirs, strict=True):
            if other != (digest, events):
                self._differences.append(f"run {run_id}")
            self._digest.update(digest)
            self._counts["events"] += events
        self._counts["runs"] += len(ids)

    async def _orders(self) -> None:
        for query in contents.orders(self._now_ms):
            ours, theirs = await asyncio.gather(self._source.list_runs(query), self._target.list_runs(query))
            if ours != theirs:
                self._differences.append(f"the list by {query.sort}, {query.direction}")

    def verdict(self) -> Verdict:
        return Verdict(**self._counts, digest=self._digest.hexdigest(), differences=tuple(self._differences))


async def _fingerprint(store: RunStore, run_id: str) -> tuple[bytes, int]:
    """A digest of a run with its state and its whole log, and how many events that has."""
    digest, count = sha256(), 0
    run = await store.get_run(run_id)
    digest.update(msgspec.msgpack.encode(run))
    async for page in contents.events(store, run_id):
        for event in page.events:
            digest.update(msgspec.msgpack.encode(event))
        count += len(page.events)
    return digest.digest(), count
