"""Following logs as they grow: one task listens to the store, every follower is woken and reads on from its cursor.

The log is the truth and wake-ups are hints. A hint only makes somebody look; looks also happen at an interval, so a
lost hint costs time, never an event. There is no queue for a follower: however slow it is, it has a cursor, and what
it has not got yet is in the shared window or in the store. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from fabro_core.causes import told
from fabro_core.errors import StoreUnavailable
from fabro_core.redaction import Redact, nothing_secret
from fabro_core.runs.follow.frames import Window, joined
from fabro_core.runs.follow.sources import Fate, FeedSource, PartSource, RunSource, Source, SourcePage
from fabro_core.store.base import RunStore
from fabro_core.store.records import FeedQuery, Wakeup

POLL_SECONDS: Final = 2.0
"""The longest that a lost hint delays an event (events.md E7)."""
POLL_ALONE_SECONDS: Final = 0.5
"""The same for a store that does not announce what other instances append."""
WATCH_AGAIN_SECONDS: Final = 1.0
"""Before the store is listened to again after that came to an end."""
LEAVING_SECONDS: Final = 0.1
"""Between looks at a run that is being deleted; the deletion itself is not announced."""

PAUSE_PER_FOLLOWER_SECONDS: Final = 20e-6
MAX_PAUSE_SECONDS: Final = 0.02
"""Between the end of a waking and the next one: with many followers, waking costs more than what they are woken for,
and on a busy machine it takes longer than a pause, in which those who append must get their turn. The first event after
a pause is not held back."""

Wake = Callable[[], None]

log = logging.getLogger("fabro.streams")


class Follower:
    """A cursor in a log that grows. `wake`, given at the start, is called whenever `take` may have something."""

    def __init__(self, channel: _Channel, position: int, run_ids: frozenset[str] | None, wake: Wake) -> None:
        self._channel = channel
        self._position = position
        self._run_ids = run_ids
        self._page: SourcePage | None = None
        """What was read last; held for as long as its frames are, so that others who are as far behind share it."""
        self._lost = False
        self.wake = wake
        self.lagged = False
        """The follower fell behind what the store keeps, and has ended because of that."""

    def take(self) -> bytes:
        """Frames that follow what was taken before, in one piece; empty when there is nothing now, or `behind`."""
        self._page = None
        window = self._channel.window
        if not window.start <= self._position < window.end or self._lost:
            return b""
        if self._run_ids is None:
            frames, self._position = window.since(self._position)
        else:
            frames, self._position = window.since_of(self._position, self._run_ids)
        return frames

    @property
    def behind(self) -> bool:
        """What follows has to be read from the store."""
        return self._position < self._channel.window.start and not self._lost

    async def read_on(self) -> bytes:
        """Like `take` for who is `behind`; empty also when none of the frames was of a run that is followed.

        Raises `StoreUnavailable`.
        """
        page = await self._channel.page_after(self._position)
        if page.gap or page.position == self._position:  # forgotten by the store, or deleted while we were behind
            self._lost, self.lagged = True, page.gap
            return b""
        self._page, self._position = page, page.position
        return joined(page.frames, self._run_ids)

    @property
    def finished(self) -> bool:
        """Everything was taken, and nothing more will come."""
        channel = self._channel
        return self._lost or (channel.fate in _FINAL and self._position >= channel.window.end)

    def close(self) -> None:
        """Stop following. May be called again."""
        self._channel.leave(self)


class _Channel:
    """One log that somebody follows: its newest frames, and the followers to wake when there are more."""

    def __init__(self, source: Source, position: int, forget: Callable[[], None]) -> None:
        self.source = source
        self.window = Window(position)
        self.fate = Fate.OPEN
        self._forget = forget
        self._followers: set[Follower] = set()
        self._stirred = False
        self._looking: asyncio.Task[None] | None = None
        self._woken_at = 0.0
        self._reading = asyncio.Lock()
        self._pages: WeakValueDictionary[int, SourcePage] = WeakValueDictionary()
        """By the position that they follow: those whose frames somebody is being sent."""

    def follow(self, follower: Follower, *, known: int) -> Follower:
        """Let `follower` in; there are events up to the position `known`."""
        # The first look also finds what was appended before anybody here was told of appends.
        if not self._followers or known > self.window.end:
            self.stir()
        self._followers.add(follower)
        return follower

    async def page_after(self, position: int) -> SourcePage:
        """What follows a position before the window, read once for all who need it at the same time: silent followers
        of large events would otherwise each keep a copy. Raises `StoreUnavailable`."""
        async with self._reading:
            page = self._pages.get(position)
            if page is None:
                page = self._pages[position] = await self.source.read(position)
            return page

    def leave(self, follower: Follower) -> None:
        if follower in self._followers:
            self._followers.remove(follower)
            if not self._followers:
                self.close()
                self._forget()

    def stir(self) -> None:
        """Look whether there is more; once more if that is going on already."""
        self._stirred = True
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="fabro event look")

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        try:
            while self._stirred:
                await self._pause()
                self._stirred = False
                await self._advance()
        except StoreUnavailable as fault:
            log.debug("events cannot be read, streams wait: %s", told(fault))
        except Exception:
            log.exception("events cannot be read, streams wait")
        finally:
            self._looking = None

    async def _pause(self) -> None:
        if self.fate is Fate.LEAVING:
            await asyncio.sleep(LEAVING_SECONDS)
            return
        pause = min(MAX_PAUSE_SECONDS, PAUSE_PER_FOLLOWER_SECONDS * len(self._followers))
        left = self._woken_at + pause - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)

    async def _advance(self) -> None:
        fate_before = self.fate
        page = await self.source.read(self.window.end)
        if page.gap:  # each follower finds out at its own cursor
            self.window = Window(page.position)
        else:
            self.window.extend(page.frames, page.position)
        if page.has_more:
            self._stirred = True
        elif not page.frames or page.turning or fate_before is not Fate.OPEN:
            await self._judge()
        if page.frames or page.gap or self.fate is not fate_before:
            self._wake_all()

    async def _judge(self) -> None:
        fate, newest = await self.source.fate()
        if newest > self.window.end:  # judged by an event that is not read yet
            self._stirred = True
        else:
            self.fate = fate
            self._stirred = self._stirred or fate is Fate.LEAVING

    def _wake_all(self) -> None:
        for follower in self._followers:
            follower.wake()
        # Called after the steps that the followers' tasks are now due to make, each of which hands out its frames.
        asyncio.get_running_loop().call_soon(self._note_woken)

    def _note_woken(self) -> None:
        self._woken_at = asyncio.get_running_loop().time()


_WHOLE_LOG: Final = ""
_VERBATIM_LOG: Final = "verbatim"  # tags have a colon
_NOTHING: Final[dict[str, _Channel]] = {}
_FINAL: Final = frozenset({Fate.ENDED, Fate.GONE})


class Tail:
    """Everything that one application follows. Followers may come and go while `lifespan` is entered.

    `poll_seconds` is how often to look without having been told to; None: what suits the store.
    """

    def __init__(self, store: RunStore, *, poll_seconds: float | None = None, redact: Redact = nothing_secret) -> None:
        self._store = store
        self._redact = redact
        self._poll_seconds = poll_seconds
        self._runs: dict[str, dict[str, _Channel]] = {}
        """What is followed of each run, by tag; the whole log has two keys that are no tags."""
        self._feed: _Channel | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Listen to the store, which must be open, for the length of the context."""
        tasks = [
            asyncio.create_task(self._watch(), name="fabro event watch"),
            asyncio.create_task(self._poll(), name="fabro event poll"),
        ]
        try:
            yield
        finally:
            for channel in self._channels():
                channel.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def follow_run(self, run_id: str, after_seq: int, *, newest_seq: int, wake: Wake) -> Follower:
        """Follow a run from the event after `after_seq`. `newest_seq` is that of the run as the caller has seen it."""
        return self._follow_log(run_id, _WHOLE_LOG, self._redact, after_seq, newest_seq, wake)

    def follow_run_verbatim(self, run_id: str, after_seq: int, *, newest_seq: int, wake: Wake) -> Follower:
        """The same for the run's own worker, which gets what people tell it word by word (events.md E2)."""
        return self._follow_log(run_id, _VERBATIM_LOG, nothing_secret, after_seq, newest_seq, wake)

    def _follow_log(
        self, run_id: str, key: str, redact: Redact, after_seq: int, newest_seq: int, wake: Wake
    ) -> Follower:
        channel = self._channel(run_id, key, newest_seq, lambda: RunSource(self._store, run_id, redact))
        return channel.follow(Follower(channel, after_seq, None, wake), known=newest_seq)

    def follow_part(
        self, run_id: str, tag: str, endings: frozenset[str], after_seq: int, *, newest_seq: int, wake: Wake
    ) -> Follower:
        """Follow what has a tag in a run's log, up to the first of the events named in `endings`; frames have names.

        `newest_seq` is that of the events with the tag as the caller has seen them.
        """
        channel = self._channel(
            run_id, tag, newest_seq, lambda: PartSource(self._store, run_id, tag, endings, self._redact)
        )
        return channel.follow(Follower(channel, after_seq, None, wake), known=newest_seq)

    async def present(self) -> int:
        """Where who follows all runs from now on starts. Raises `StoreUnavailable`."""
        return (await self._store.read_feed(FeedQuery(after=None, limit=1))).position

    def follow_all(self, after: int, *, run_ids: frozenset[str] | None, wake: Wake) -> Follower:
        """Follow every run, or those with these ids, from the position `after` of the feed."""
        if self._feed is None:
            self._feed = _Channel(FeedSource(self._store, self._redact), after, self._forget_feed)
        return self._feed.follow(Follower(self._feed, after, run_ids, wake), known=after)

    def _channel(self, run_id: str, tag: str, newest_seq: int, source: Callable[[], Source]) -> _Channel:
        parts = self._runs.setdefault(run_id, {})
        if tag not in parts:
            parts[tag] = _Channel(source(), newest_seq, lambda: self._forget_part(run_id, tag))
        return parts[tag]

    def _forget_part(self, run_id: str, tag: str) -> None:
        parts = self._runs[run_id]
        del parts[tag]
        if not parts:
            del self._runs[run_id]

    def _forget_feed(self) -> None:
        self._feed = None

    def _channels(self) -> list[_Channel]:
        parts = [channel for parts in self._runs.values() for channel in parts.values()]
        return [*parts, *([self._feed] if self._feed else [])]

    async def _watch(self) -> None:
        while True:
            try:
                async for hint in self._store.watch():
                    self._heed(hint)
            except StoreUnavailable as fault:
                log.debug("the store cannot be listened to: %s", told(fault))
            except Exception:
                log.exception("the store cannot be listened to")
            await asyncio.sleep(WATCH_AGAIN_SECONDS)

    def _heed(self, hint: Wakeup) -> None:
        for channel in self._runs.get(hint.run_id, _NOTHING).values():
            if hint.seq > channel.window.end:
                channel.stir()
        if self._feed is not None:
            self._feed.stir()

    async def _poll(self) -> None:
        told = self._store.info().wakeups
        seconds = self._poll_seconds or (POLL_SECONDS if told else POLL_ALONE_SECONDS)
        while True:
            await asyncio.sleep(seconds)
            for channel in self._channels():
                channel.stir()
                await asyncio.sleep(0)  # let requests in between, however many runs are followed
