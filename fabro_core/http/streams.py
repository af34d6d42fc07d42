"""Event streams over HTTP (events.md E6, E7): open, keep alive, drain. What they carry comes from `runs.tail`.

A stream is one task that sleeps until its follower, the passing of time or the end wakes it, and then hands whatever
there is to the ASGI server in one piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from fabro_core.auth.caller import Caller
from fabro_core.auth.refusals import MethodUnavailable
from fabro_core.clock import Clock, epoch_ms
from fabro_core.errors import StoreUnavailable
from fabro_core.http.asgi import SERVER_SEND, Receive, Scope, Send
from fabro_core.runs.follow.tail import Follower, Tail, Wake
from fabro_core.upkeep.health import StoreHealth

KEEP_ALIVE_MS: Final = 15_000
ADMISSION_MS: Final = 30_000
"""How often it is asked whether those who follow may still do so (auth.md A14)."""
SWEEP_SECONDS: Final = 0.5
"""How often the passing of time is looked at."""
PATIENCE_SECONDS: Final = 0.25
"""How long a stream that has to end waits for a client that reads nothing."""
ALL_ENDED_SECONDS: Final = 1.0

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_LAGGED: Final = b": lagged\n\n"
_HEADERS: Final = ((b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"))

Follow = Callable[[Wake], Follower]
StillAdmits = Callable[[Caller], Awaitable[bool]]

log = logging.getLogger("fabro.streams")


class EventStreams:
    """The event streams of one application.

    `max_seconds` is how long one may last (server.md S10); 0: as long as it likes. Time is that of `clock`, looked at
    every now and then; when the clock is set back, no time passes.
    """

    def __init__(
        self, tail: Tail, clock: Clock, health: StoreHealth, still_admits: StillAdmits, *, max_seconds: int
    ) -> None:
        self._tail = tail
        self._still_admits = still_admits
        self._asked_ms = 0
        self._clock = clock
        self._max_ms = max_seconds * 1000
        self._open: set[EventStream] = set()
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
        """The stream of a run from the event after `after_seq`; `newest_seq` is that of the run now."""
        return EventStream(
            self, caller, lambda wake: self._tail.follow_run(run_id, after_seq, newest_seq=newest_seq, wake=wake)
        )

    async def of_all(self, run_ids: frozenset[str] | None, caller: Caller) -> EventStream:
        """The stream of all runs, or of those with these ids, from now on. Raises `StoreUnavailable`."""
        position = await self._tail.present()
        return EventStream(self, caller, lambda wake: self._tail.follow_all(position, run_ids=run_ids, wake=wake))

    def sweep(self) -> None:
        """Let the time that has passed take effect: comments that are due, streams that have lasted long enough."""
        now_ms = epoch_ms(self._clock.now())
        self.elapsed_ms += max(0, now_ms - self._last_ms)
        self._last_ms = now_ms
        for stream in self._open:
            if self._max_ms and self.elapsed_ms - stream.opened_ms >= self._max_ms:
                stream.end()
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

    def opened(self, stream: EventStream) -> None:
        self._open.add(stream)
        if self._draining:
            stream.end()

    def closed(self, stream: EventStream) -> None:
        self._open.discard(stream)
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


class EventStream:
    """The response: a stream that begins when it is called as an ASGI application."""

    def __init__(self, streams: EventStreams, caller: Caller, follow: Follow) -> None:
        self.caller = caller
        self._streams = streams
        self._follow = follow
        self._ending = False
        self._waiting: asyncio.Future[None] | None = None
        self._patience: asyncio.Timeout | None = None
        self.opened_ms = self.wrote_ms = streams.elapsed_ms
        """When it was opened and when it last wrote, in the time of `EventStreams`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
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

    async def _serve(self, send: Send) -> None:
        follower = self._follow(self.wake)
        try:
            # OSError: the client has gone, as some ASGI servers put it; or, a TimeoutError, it reads nothing.
            with suppress(OSError):
                async with asyncio.timeout(None) as self._patience:
                    self._streams.opened(self)
                    await self._pass_on_guarded(follower, send)
                    farewell = _LAGGED if follower.lagged else b""
                    await send({"type": "http.response.body", "body": farewell, "more_body": False})
        finally:
            self._patience = None
            follower.close()
            self._streams.closed(self)

    async def _pass_on_guarded(self, follower: Follower, send: Send) -> None:
        try:
            await self._pass_on(follower, send)
        except StoreUnavailable as fault:
            log.warning("an event stream ends early, the store is unavailable: %s", fault)
            self._streams.health.suspect()

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
            await send({"type": "http.response.body", "body": frames, "more_body": True})
            self.wrote_ms = streams.elapsed_ms

    async def _until_client_leaves(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()
