"""Following logs below HTTP: hints that are lost, doubled or late, a store that fails, followers that come and go."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fabro_core.errors import StoreUnavailable
from fabro_core.runs.follow.tail import MAX_PAUSE_SECONDS, Follower, Tail
from fabro_core.store.base import RunStore
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import EventPage, EventQuery, FeedPage, FeedQuery, Wakeup
from fabro_store_sqlite import SqliteRunStore
from tests.streams.client import PATIENCE_SECONDS
from tests.streams.writing import Writer, begun

pytestmark = pytest.mark.anyio

AT_ONCE = 0.002
"""A poll interval that makes hints superfluous, in seconds."""
NEVER = 3600.0
"""One that makes them indispensable."""
CROWD = 1_000
"""So many followers that the pause between two wakings is the longest."""
NO_HINTS: tuple[Wakeup, ...] = ()


class Following:
    """What a client would be: takes whenever it is woken."""

    def __init__(self, follow: Callable[[Callable[[], None]], Follower]) -> None:
        self._stirred = asyncio.Event()
        self.follower = follow(self._stirred.set)

    async def seqs(self, count: int) -> list[int]:
        """The sequence numbers of the next events, at least so many."""
        return [event["seq"] for event in await self.events(count)]

    async def events(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < count:
                self._stirred.clear()
                frames = await self._next()
                found += [json.loads(each.split(b"data: ")[1]) for each in frames.split(b"\n\n") if each]
                if not frames and not self.follower.behind:
                    await self._stirred.wait()
        return found

    async def finished(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.follower.finished:
                self._stirred.clear()
                if not await self._next() and not self.follower.finished:
                    await self._stirred.wait()

    async def _next(self) -> bytes:
        return await self.follower.read_on() if self.follower.behind else self.follower.take()


def of_run(tail: Tail, run: Writer, after: int, newest: int | None = None) -> Following:
    return Following(
        lambda wake: tail.follow_run(run.id, after, newest_seq=run.seq if newest is None else newest, wake=wake)
    )


async def of_all(tail: Tail) -> Following:
    position = await tail.present()
    return Following(lambda wake: tail.follow_all(position, run_ids=None, wake=wake))


@asynccontextmanager
async def tailing(store: RunStore, poll_seconds: float = NEVER) -> AsyncIterator[Tail]:
    tail = Tail(store, poll_seconds=poll_seconds)
    async with store.lifespan(), tail.lifespan():
        yield tail


class Hinting(MemoryRunStore):
    """Keeps its events in memory; the classes below give other hints than it would. `down`: no log can be read."""

    def __init__(self) -> None:
        super().__init__(MemoryData())
        self.watched_three_times = asyncio.Event()
        self.down = False
        self._watches = 0

    def note_watch(self) -> None:
        self._watches += 1
        if self._watches == 3:
            self.watched_three_times.set()

    async def read(self, query: EventQuery, /) -> EventPage:
        if self.down:
            raise StoreUnavailable("down")
        return await super().read(query)


class Silent(Hinting):
    async def watch(self) -> AsyncIterator[Wakeup]:
        await asyncio.Event().wait()
        for hint in NO_HINTS:
            yield hint


class Ending(Hinting):
    async def watch(self) -> AsyncIterator[Wakeup]:
        self.note_watch()
        for hint in NO_HINTS:
            yield hint


class Failing(Hinting):
    failure: Exception = StoreUnavailable("down")

    async def watch(self) -> AsyncIterator[Wakeup]:
        self.note_watch()
        for hint in NO_HINTS:
            yield hint
        raise self.failure


class Unforeseen(Failing):
    failure = RuntimeError("a plugin with a bug")


async def settled() -> None:
    """Let everything go on that waits for nothing but its turn."""
    for _ in range(10):
        await asyncio.sleep(0)


# -- hints ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Silent, Ending, Failing, Unforeseen])
async def test_without_any_hint_every_event_comes_by_the_poll(kind: type[Hinting]) -> None:
    store = kind()
    async with tailing(store, AT_ONCE) as tail:
        run = await begun(store)
        following, everything = of_run(tail, run, 0), await of_all(tail)
        await run.append_many(50)
        assert await following.seqs(51) == list(range(1, 52))
        assert await everything.seqs(50) == list(range(2, 52))


async def test_a_watch_that_ended_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fabro_core.runs.follow.tail.WATCH_AGAIN_SECONDS", 0)
    store = Ending()
    async with tailing(store), asyncio.timeout(PATIENCE_SECONDS):
        await store.watched_three_times.wait()


async def test_hints_that_are_doubled_late_or_wrong_change_nothing() -> None:
    class Confused(Hinting):
        async def watch(self) -> AsyncIterator[Wakeup]:
            async for hint in super().watch():
                for seq in (hint.seq, hint.seq, 1, hint.seq + 1_000):
                    yield Wakeup(run_id=hint.run_id, seq=seq)

    store = Confused()
    async with tailing(store) as tail:
        run = await begun(store)
        following = of_run(tail, run, 0)
        await run.append_many(50)
        assert await following.seqs(51) == list(range(1, 52))


async def test_a_pause_begins_when_every_follower_has_had_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    now = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: now[0])
    store = MemoryRunStore(MemoryData())
    async with tailing(store) as tail:
        run = await begun(store)
        woken = asyncio.Event()
        for _ in range(CROWD):
            follower = tail.follow_run(run.id, run.seq, newest_seq=run.seq, wake=woken.set)
        await settled()
        await run.append("note")
        await woken.wait()
        woken.clear()
        assert follower.take().count(b"data: ") == 1
        now[0] += 10 * MAX_PAUSE_SECONDS  # what handing it to the crowd has taken
        for _ in range(20):
            await run.append("note")
            await settled()
        assert not woken.is_set(), "others had their turn meanwhile"
        now[0] += MAX_PAUSE_SECONDS
        await settled()
        assert follower.take().count(b"data: ") == 20


async def test_an_append_between_the_reading_of_the_run_and_the_follow_is_seen() -> None:
    store = Silent()
    async with tailing(store) as tail:
        run = await begun(store, events=3)
        await run.append("note")
        following = of_run(tail, run, 3, newest=3)
        assert await following.seqs(1) == [4]


async def test_who_joins_others_with_newer_knowledge_makes_them_look() -> None:
    store = Silent()
    async with tailing(store) as tail:
        run = await begun(store)
        first = of_run(tail, run, 0)
        assert await first.seqs(1) == [1]
        await run.append("note")
        second = of_run(tail, run, 1)
        assert await second.seqs(1) == [2]
        assert await first.seqs(1) == [2]


async def test_an_event_of_another_instance_on_the_same_file_arrives(tmp_path: Path) -> None:
    path = tmp_path / "fabro.db"
    here, there = SqliteRunStore(path), SqliteRunStore(path)
    async with tailing(here) as tail, there.lifespan():
        run = await begun(there)
        following, everything = of_run(tail, run, 0), await of_all(tail)
        assert await following.seqs(1) == [1]
        await run.append_many(20)
        assert await following.seqs(20) == list(range(2, 22))
        assert await everything.seqs(20) == list(range(2, 22))


# -- failures -------------------------------------------------------------------------------------------------------


async def test_a_store_that_is_down_for_a_while_is_waited_for() -> None:
    store = Silent()
    async with tailing(store, AT_ONCE) as tail:
        run = await begun(store)
        following = of_run(tail, run, 1)
        await run.append("note")
        store.down = True
        await asyncio.sleep(5 * AT_ONCE)
        store.down = False
        assert await following.seqs(1) == [2]


async def test_a_replay_that_cannot_be_read_is_an_error_of_its_follower() -> None:
    store = Silent()
    async with tailing(store) as tail:
        run = await begun(store, events=3)
        following = of_run(tail, run, 0)
        store.down = True
        with pytest.raises(StoreUnavailable):
            await following.follower.read_on()


async def test_a_follower_whose_run_is_deleted_during_the_replay_ends() -> None:
    store = Silent()
    async with tailing(store) as tail:
        run = await begun(store, events=100)
        following = of_run(tail, run, 0)
        assert await following.follower.read_on()
        await store.delete_run(run.id)
        await following.finished()
        assert not following.follower.lagged


class Forgetful(MemoryRunStore):
    """Keeps only the newest event in its feed."""

    async def read_feed(self, query: FeedQuery, /) -> FeedPage:
        page = await super().read_feed(query)
        if query.after is None or page.position - query.after < 2:
            return page
        return FeedPage(events=page.events[-1:], position=page.position, has_more=False, gap=True)


async def test_who_falls_behind_what_a_store_keeps_is_told_so() -> None:
    store = Forgetful(MemoryData())
    async with tailing(store) as tail:
        behind = await of_all(tail)
        run = await begun(store, events=3)
        await behind.finished()
        assert behind.follower.lagged
        behind.follower.close()
        present = await of_all(tail)
        await run.append("note")
        assert await present.seqs(1) == [4]


# -- followers that come and go -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_followers_that_leave_and_resume_at_random_see_every_event_once_and_in_order(
    tmp_path: Path, kind: str, seed: int
) -> None:
    chance = random.Random(seed)
    store: RunStore = MemoryRunStore(MemoryData()) if kind == "memory" else SqliteRunStore(tmp_path / "fabro.db")
    total = 400
    async with tailing(store, AT_ONCE) as tail:
        run = await begun(store)

        async def write() -> None:
            while run.seq < total:
                await run.append(*["note"] * min(total - run.seq, chance.randint(1, 9)), size=chance.randint(0, 2_000))
                await asyncio.sleep(0)

        async def read() -> list[int]:
            seen: list[int] = []
            while len(seen) < total:
                last = seen[-1] if seen else 0
                following = of_run(tail, run, last, newest=chance.randint(last, max(last, run.seq)))
                for _ in range(chance.randint(1, 6)):
                    if len(seen) < total:
                        seen += await following.seqs(1)
                following.follower.close()
                await asyncio.sleep(0)
            return seen

        readers = [read() for _ in range(12)]
        _, *seen = await asyncio.gather(write(), *readers)
        assert seen == [list(range(1, total + 1))] * 12
        assert len(asyncio.all_tasks()) < 8, "nothing runs for followers that have left"
