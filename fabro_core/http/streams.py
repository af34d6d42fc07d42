"""Event streams over HTTP (events.md E6, E7): open, keep alive, drain. What they carry comes from `runs.tail`.

A stream is one task that sleeps until its follower, the passing of time or the end wakes it, and then hands whatever
there is to the ASGI server in one piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Final

from fabro_core.auth.caller import Caller, Worker
from fabro_core.auth.refusals import MethodUnavailable
from fabro_core.causes import told
from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import Refusal, StoreUnavailable
from fabro_core.http.asgi import SERVER_SEND, Receive, Scope, Send
from fabro_core.http.reply import RawHeaders
from fabro_core.runs.follow.frames import CHUNK_BYTES
from fabro_core.runs.follow.tail import Follower, Tail, Wake
from fabro_core.upkeep.health import StoreHealth

KEEP_ALIVE_MS: Final = 15_000
ADMISSION_MS: Final = 30_000
"""How often it is asked whether those who follow may still do so (auth.md A14)."""
SWEEP_SECONDS: Final = 0.5
"""How often the passing of time is looked at."""
WRITE_MS: Final = 60_000
"""How long a stream waits for a client to take a piece (server.md S10)."""
PIECE_BYTES: Final = 16 * 1024
"""Of a large event: servers keep a copy, for each client, of what it has not taken yet."""
PATIENCE_SECONDS: Final = 0.25
"""How long a stream that has to end waits for a client that reads nothing."""
ALL_ENDED_SECONDS: Final = 1.0

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_LAGGED: Final = b": lagged\n\n"
_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would collect what is to be seen at once
)

Follow = Callable[[Wake], Follower]
StillAdmits = Callable[[Caller], Awaitable[bool]]

log = logging.getLogger("fabro.streams")


class TooManyStreams(Refusal):
    """A caller follows as much as one may at the same time: 429 `rate_limited`."""

    def __init__(self) -> None:
        super().__init__("Too many event streams are open. Close one, or try again later.", code="rate_limited")


class EventStreams:
    """The event streams of one application.

    `max_seconds` is how long one may last (server.md S10), `per_caller` how many one caller may have at the same time;
    0: as long, and as many, as they like. Time is that of `clock`, looked at every now and then; when the clock is set
    back, no time passes.
    """

    def __init__(
        self,
        tail: Tail,
        clock: Clock,
        health: StoreHealth,
        still_admits: StillAdmits,
        *,
        max_seconds: int,
        per_caller: int,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_open` is called whenever a stream is opened."""
        self._on_open = on_open
        self._tail = tail
        self._still_admits = still_admits
        self._asked_ms = 0
        self._clock = clock
        self._max_ms = max_seconds * 1000
        self._per_caller = per_caller
        self._open: set[EventStream] = set()
        self._counts: Counter[Hashable] = Counter()
        """Of open streams, by who follows."""
        self._draining = False
        self._all_ended: asyncio.Event | None = None
        self._last_ms = 0
        self.health = health
        self.elapsed_ms = 0
        """Time that has passed for streams."""

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Let streams be opened for the length of the context; those that are open then are ended."""
        self._draining = False
        self._last_ms = epoch_ms(self._clock.now())
        sweeping = asyncio.create_task(self._sweep_for_ever(), name="fabro stream time")
        try:
            yield
        finally:
            self.drain()
            await self._until_all_ended()
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    def drain(self) -> None:
        """End every stream, and each that is opened from now on, between two frames (server.md S23)."""
        self._draining = True
        for stream in self._open:
            stream.end()

    def of_run(self, run_id: str, caller: Caller, *, after_seq: int, newest_seq: int) -> EventStream:
        """The stream of a run from the event after `after_seq`; `newest_seq` is that of the run now.

        Raises `TooManyStreams`.
        """
        self.require_room(caller)
        own = isinstance(caller, Worker) and caller.run_id == run_id
        follow = self._tail.follow_run_verbatim if own else self._tail.follow_run
        return EventStream(self, caller, lambda wake: follow(run_id, after_seq, newest_seq=newest_seq, wake=wake))

    def of_part(
        self,
        run_id: str,
        caller: Caller,
        *,
        tag: str,
        after_seq: int,
        newest_seq: int,
        endings: frozenset[str] = frozenset(),
        headers: RawHeaders = (),
    ) -> EventStream:
        """The stream of what has a tag in a run's log, with the names of events; `endings` names the last of them.

        Without such it ends with the run. `newest_seq` is that of the events with the tag now. Raises
        `TooManyStreams`.
        """
        self.require_room(caller)

        def follow(wake: Wake) -> Follower:
            return self._tail.follow_part(run_id, tag, endings, after_seq, newest_seq=newest_seq, wake=wake)

        return EventStream(self, caller, follow, headers)

    async def of_all(self, run_ids: frozenset[str] | None, caller: Caller) -> EventStream:
        """The stream of all runs, or of those with these ids, from now on.

        Raises `TooManyStreams` or `StoreUnavailable`.
        """
        position = await self._tail.present()
        self.require_room(caller)
        return EventStream(self, caller, lambda wake: self._tail.follow_all(position, run_ids=run_ids, wake=wake))

    def sweep(self) -> None:
        """Let the time that has passed take effect: comments that are due, streams that have lasted long enough."""
        now_ms = epoch_ms(self._clock.now())
        self.elapsed_ms += max(0, now_ms - self._last_ms)
        self._last_ms = now_ms
        for stream in self._open:
            if self._max_ms and self.elapsed_ms - stream.opened_ms >= self._max_ms:
                stream.end()
            if stream.writing:
                if self.elapsed_ms - stream.wrote_ms >= WRITE_MS:
                    stream.give_up()
            elif self.elapsed_ms - stream.wrote_ms >= KEEP_ALIVE_MS:
                stream.wake()

    async def ask_again(self) -> None:
        """End the streams of callers who would not be admitted any more; each caller is asked about once."""
        for caller in {stream.caller for stream in self._open}:
            try:
                admitted = await self._still_admits(caller)
            except (StoreUnavailable, MethodUnavailable) as fault:
                log.warning("cannot tell whether a caller may go on following: %s", fault)
                continue
            if not admitted:
                for stream in [each for each in self._open if each.caller == caller]:
                    stream.end()

    def require_room(self, caller: Caller) -> None:
        """Raises `TooManyStreams` for who follows as much as one may."""
        if self._per_caller and self._counts[_follower(caller)] >= self._per_caller:
            raise TooManyStreams

    def opened(self, stream: EventStream) -> None:
        self._on_open()
        self._open.add(stream)
        self._counts[_follower(stream.caller)] += 1
        if self._draining:
            stream.end()

    def closed(self, stream: EventStream) -> None:
        self._open.discard(stream)
        follower = _follower(stream.caller)
        self._counts[follower] -= 1
        if not self._counts[follower]:
            del self._counts[follower]
        if self._all_ended is not None and not self._open:
            self._all_ended.set()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()
            if self.elapsed_ms - self._asked_ms >= ADMISSION_MS:
                self._asked_ms = self.elapsed_ms
                await self.ask_again()

    async def _until_all_ended(self) -> None:
        if not self._open:
            return
        self._all_ended = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(ALL_ENDED_SECONDS):
                await self._all_ended.wait()
        self._all_ended = None


def _follower(caller: Caller) -> Hashable:
    """Who follows, whichever session or token they have come with."""
    return caller.run_id if isinstance(caller, Worker) else (caller.identity.issuer, caller.identity.subject)


class EventStream:
    """The response: a stream that begins when it is called as an ASGI application."""

    def __init__(self, streams: EventStreams, caller: Caller, follow: Follow, headers: RawHeaders = ()) -> None:
        """`headers` come on top of those of every stream."""
        self.caller = caller
        self._headers = headers
        self._streams = streams
        self._follow = follow
        self._ending = False
        self._waiting: asyncio.Future[None] | None = None
        self._patience: asyncio.Timeout | None = None
        self.opened_ms = self.wrote_ms = streams.elapsed_ms
        """When it was opened and when it last wrote, or began to, in the time of `EventStreams`."""
        self.writing = False
        """The client has not taken what was written last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._streams.opened(self)
        try:
            await self._respond(scope, receive, send)
        finally:
            self._streams.closed(self)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *self._headers]})
        # A task of its own, because every step of this one goes through all the layers that have called it; and past
        # those layers, which have nothing to do with the body of a response.
        serving = asyncio.create_task(self._serve(scope.get(SERVER_SEND, send)), name="fabro stream")
        client = asyncio.create_task(self._until_client_leaves(receive), name="fabro stream client")
        try:
            await serving
        finally:
            serving.cancel()
            client.cancel()

    def wake(self) -> None:
        """Have another look at what there is to send."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self) -> None:
        """End soon, between two frames. May be called again."""
        if not self._ending:
            self._ending = True
            self.wake()
            if self._patience is not None:
                self._patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_SECONDS)

    def give_up(self) -> None:
        """End at once, wherever that is: the client reads nothing."""
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time())

    async def _serve(self, send: Send) -> None:
        follower = self._follow(self.wake)
        try:
            # OSError: the client has gone, as some ASGI servers put it; or, a TimeoutError, it reads nothing.
            with suppress(OSError):
                async with asyncio.timeout(None) as self._patience:
                    await self._pass_on_guarded(follower, send)
                    farewell = _LAGGED if follower.lagged else b""
                    await send({"type": "http.response.body", "body": farewell, "more_body": False})
        finally:
            self._patience = None
            follower.close()

    async def _pass_on_guarded(self, follower: Follower, send: Send) -> None:
        try:
            await self._pass_on(follower, send)
        except StoreUnavailable as fault:
            log.warning("an event stream ends early, the store is unavailable: %s", told(fault))
            self._streams.health.suspect(fault)

    async def _pass_on(self, follower: Follower, send: Send) -> None:
        streams = self._streams
        new_future = asyncio.get_running_loop().create_future
        while not self._ending:
            frames = follower.take()
            if not frames:
                if follower.behind:
                    frames = await follower.read_on()
                    if not frames:
                        continue
                elif follower.finished:
                    return
                elif streams.elapsed_ms - self.wrote_ms >= KEEP_ALIVE_MS:
                    frames = _KEEP_ALIVE
                else:
                    self._waiting = new_future()
                    await self._waiting
                    continue
            if len(frames) <= CHUNK_BYTES:
                await self._write(frames, send)
            else:
                for start in range(0, len(frames), PIECE_BYTES):
                    await self._write(frames[start : start + PIECE_BYTES], send)

    async def _write(self, piece: bytes, send: Send) -> None:
        self.wrote_ms = self._streams.elapsed_ms
        self.writing = True
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        self.writing = False
        self.wrote_ms = self._streams.elapsed_ms

    async def _until_client_leaves(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()
