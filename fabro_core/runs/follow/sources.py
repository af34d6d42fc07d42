"""What can be followed: the log of one run, or the feed of all runs. Reads pages of frames; keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from fabro_core.models.status import Bucket
from fabro_core.redaction import Redact
from fabro_core.runs.follow.frames import CHUNK_BYTES, Frame, frame, named_frame
from fabro_core.runs.log.reading import body_without_secrets, without_secrets
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventQuery, FeedQuery

PAGE_EVENTS: Final = 200

_TURNING: Final = frozenset({"run.completed", "run.failed", "run.removing"})
"""Events after which a stream may have to end."""


class Fate(Enum):
    """What is to come after the newest event."""

    OPEN = auto()
    """More events."""
    LEAVING = auto()
    """The run is being deleted: soon nothing."""
    ENDED = auto()
    """Nothing, unless the run is resumed: it is terminal."""
    GONE = auto()
    """Nothing: the run is deleted."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class SourcePage:
    """`PAGE_EVENTS` and `CHUNK_BYTES` at most, or one larger event."""

    frames: list[Frame]
    position: int
    """There is nothing up to here but these frames and what came before them."""
    has_more: bool
    turning: bool = False
    """Look at the fate again."""
    gap: bool = False
    """Events after the position asked for can no longer be read."""


class Source(Protocol):
    async def read(self, after: int) -> SourcePage:
        """A page of what follows the position `after`. Raises `StoreUnavailable`."""
        ...

    async def fate(self) -> tuple[Fate, int]:
        """What is to come, and the position of the newest event it was judged by. Raises `StoreUnavailable`."""
        ...


class RunSource:
    """The log of one run; positions are its sequence numbers. `redact` says what only its own worker may read."""

    def __init__(self, store: RunStore, run_id: str, redact: Redact) -> None:
        self._store = store
        self._redact = redact
        self._run_id = run_id

    async def read(self, after: int) -> SourcePage:
        page = await self._store.read(
            EventQuery(run_id=self._run_id, after_seq=after, limit=PAGE_EVENTS, max_bytes=CHUNK_BYTES)
        )
        page = without_secrets(page, await self._redact())
        return SourcePage(
            frames=[Frame(event.seq, self._run_id, frame(event.seq, event.body)) for event in page.events],
            position=page.events[-1].seq if page.events else after,
            has_more=page.has_more,
            turning=any(event.kind in _TURNING for event in page.events),
        )

    async def fate(self) -> tuple[Fate, int]:
        hit = await self._store.get_run(self._run_id)
        if hit is None:
            return Fate.GONE, 0
        if hit.bucket is Bucket.REMOVING:
            return Fate.LEAVING, hit.seq
        return Fate.OPEN if hit.live else Fate.ENDED, hit.seq


class PartSource:
    """The events of one run that have a tag, with their names; positions are the sequence numbers of the run's log.

    They end with the first of `endings`; without any, with the run, which need not be active.
    """

    def __init__(self, store: RunStore, run_id: str, tag: str, endings: frozenset[str], redact: Redact) -> None:
        self._store = store
        self._redact = redact
        self._run_id = run_id
        self._tag = tag
        self._endings = endings
        self._over = False

    async def read(self, after: int) -> SourcePage:
        page = await self._store.read(
            EventQuery(run_id=self._run_id, tag=self._tag, after_seq=after, limit=PAGE_EVENTS, max_bytes=CHUNK_BYTES)
        )
        page = without_secrets(page, await self._redact())
        turning = any(event.kind in self._endings for event in page.events)
        self._over = self._over or turning
        return SourcePage(
            frames=[
                Frame(event.seq, self._run_id, named_frame(event.seq, event.kind, event.body)) for event in page.events
            ],
            position=page.events[-1].seq if page.events else after,
            has_more=page.has_more,
            turning=turning,
        )

    async def fate(self) -> tuple[Fate, int]:
        if self._over:
            return Fate.ENDED, 0
        hit = await self._store.get_run(self._run_id)
        if hit is None:
            return Fate.GONE, 0
        return Fate.LEAVING if hit.bucket is Bucket.REMOVING else Fate.OPEN, 0


class FeedSource:
    """The events of all runs; never comes to an end. `redact` says what nobody but a run's own worker may read."""

    def __init__(self, store: RunStore, redact: Redact) -> None:
        self._store = store
        self._redact = redact

    async def read(self, after: int) -> SourcePage:
        page = await self._store.read_feed(FeedQuery(after=after, limit=PAGE_EVENTS, max_bytes=CHUNK_BYTES))
        redaction = await self._redact()
        return SourcePage(
            frames=[
                Frame(each.position, each.run_id, frame(each.seq, body_without_secrets(each.body, redaction)))
                for each in page.events
            ],
            position=page.position,
            has_more=page.has_more,
            gap=page.gap,
        )

    async def fate(self) -> tuple[Fate, int]:
        return Fate.OPEN, 0
