"""Connections to the server, each shared by many who ask: what has arrived while it was busy goes out in one piece.

A question whose connection breaks is asked once more. A write is not, as nobody knows whether it took effect. Nothing
is tried again after a timeout: whoever asks has waited long enough. Who gives up waiting leaves the connection as it
is: the answer is read and thrown away. A server may stop being the primary while it is connected to, and would go on
answering questions with what is no longer true, so each connection asks for its role again now and then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from fabro_store_redis.dialing import ASK_ROLE, Dial, is_of_primary
from fabro_store_redis.faults import DRIVER_FAULTS, NoPrimary, TooFewReplicas, has_waited, unavailable
from fabro_store_redis.link import Command, Link, Word
from fabro_store_redis.scripts import Script
from fabro_store_redis.settings import RedisSettings

AT_ONCE: Final = 128
"""Commands that are sent in one piece at most."""

ROLE_SECONDS: Final = 5.0
"""After so long a connection asks again whether it leads to a primary."""


class _Asked(NamedTuple):
    command: Command
    writes: bool
    answer: asyncio.Future[Any]


class Connections:
    """The connections of one store. Lives on one event loop; `close` ends it for good."""

    def __init__(self, settings: RedisSettings) -> None:
        self.dial: Final = Dial(settings)
        self.moves = 0
        """Counts how often the server was found to be no primary any more: older connections lead to the wrong one."""
        self.replicas: Final = settings.wait_for_replicas
        self.timeout_seconds: Final = settings.timeout_seconds
        self._lanes = [_Lane(self) for _ in range(settings.max_connections)]

    def moved(self) -> None:
        """The server is no primary any more: connect anew, whoever asks next."""
        self.moves += 1

    async def ask(self, *command: Word) -> Any:
        """The answer to a command that changes nothing. Raises `StoreUnavailable`."""
        return await self._twice(partial(self._exchange, command, writes=False))

    async def tell(self, *command: Word) -> Any:
        """The answer to a command that may write. Raises `StoreUnavailable`; the write may have taken effect then."""
        return await self._once(partial(self._exchange, command, writes=True))

    async def read(self, script: Script, prefix: str, *arguments: Word) -> Any:
        """What a script answers that changes nothing. Raises `StoreUnavailable`."""
        return await self._twice(partial(self._run, script, prefix, arguments, writes=False))

    async def write(self, script: Script, prefix: str, *arguments: Word) -> Any:
        """What a script answers that writes. Raises `StoreUnavailable`; the write may have taken effect then."""
        return await self._once(partial(self._run, script, prefix, arguments, writes=True))

    async def check_primary(self) -> None:
        """Return when the server answers and takes writes. Raises `StoreUnavailable`."""
        if not is_of_primary(await self.ask(*ASK_ROLE)):
            self.moved()
            raise unavailable(self.dial.server, NoPrimary())

    async def close(self) -> None:
        """Close all connections, without asking the server."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    async def _run(self, script: Script, prefix: str, arguments: tuple[Word, ...], *, writes: bool) -> Any:
        try:
            return await self._exchange(("EVALSHA", script.sha1, 1, prefix, *arguments), writes=writes)
        except NoScriptError:
            # The server was restarted or its scripts were flushed. Nothing has run, so a write may be sent again.
            return await self._exchange(("EVAL", script.source, 1, prefix, *arguments), writes=writes)

    async def _once(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await attempt()
        except DRIVER_FAULTS as fault:
            raise unavailable(self.dial.server, fault) from fault

    async def _twice(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await attempt()
        except DRIVER_FAULTS as fault:
            if not isinstance(fault, LostConnection) or isinstance(fault, NoPrimary) or has_waited(fault):
                raise unavailable(self.dial.server, fault) from fault
        return await self._once(attempt)

    async def _exchange(self, command: Command, *, writes: bool) -> Any:
        asked = _Asked(command, writes, asyncio.get_running_loop().create_future())
        min(self._lanes, key=_load).take(asked)
        async with asyncio.timeout(self.timeout_seconds):
            return await asked.answer


class _Lane:
    """One connection, made when it is needed, and what waits for it."""

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._link: Link | None = None
        self._moves = 0
        self._role_known_until = 0.0
        self._waiting: list[_Asked] = []
        self._under_way = 0
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def load(self) -> int:
        """How many commands wait here or are under way."""
        return len(self._waiting) + self._under_way

    def take(self, asked: _Asked) -> None:
        """Send the command as soon as the connection is free."""
        if self._closed:
            _fail([asked], LostConnection("closed"))
            return
        self._waiting.append(asked)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="fabro redis connection")

    async def close(self) -> None:
        """Close the connection; what still waits is told that it is lost."""
        self._closed = True
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
        _fail(self._waiting, LostConnection("closed"))
        await self._hang_up()

    async def _work(self) -> None:
        """Serve what waits, until nothing does. The driver may lose a cancellation, so `_closed` counts as well."""
        try:
            while self._waiting and not self._closed:
                taken, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                batch = [asked for asked in taken if not asked.answer.done()]
                if batch:
                    self._under_way = len(batch)
                    await self._serve(batch)
                    self._under_way = 0
        finally:
            self._under_way = 0
            self._working = None

    async def _serve(self, batch: Sequence[_Asked]) -> None:
        connected = False
        try:
            link = await self._connected()
            connected = True
            answers = await self._exchange(link, batch)
        except BaseException as fault:
            await self._hang_up()
            told = fault if isinstance(fault, Exception) else LostConnection("closed")
            _fail(batch, told)
            if not connected:  # or each of those that wait would wait for the same fault
                _fail(self._waiting, told)
                self._waiting = []
            if told is not fault:
                raise
            return
        for asked, answer in zip(batch, answers, strict=True):
            _settle(asked, answer)

    async def _connected(self) -> Link:
        if self._link is not None and (self._moves != self._owner.moves or await self._link.has_ended()):
            await self._hang_up()
        if self._link is None:
            self._moves = self._owner.moves
            self._link = await self._owner.dial.link()
            self._role_known_until = time.monotonic() + ROLE_SECONDS
        return self._link

    async def _exchange(self, link: Link, batch: Sequence[_Asked]) -> Sequence[Any]:
        """What the server answers to each, in one go, with what we want to know ourselves around it."""
        commands = [asked.command for asked in batch]
        asks_role = time.monotonic() > self._role_known_until
        if asks_role:
            commands.insert(0, ASK_ROLE)
        waits = bool(self._owner.replicas) and any(asked.writes for asked in batch)
        if waits:
            commands.append(("WAIT", self._owner.replicas, self._owner.timeout_seconds * 500))

        await link.send(*commands)
        answers = [await _answer(link) for _ in commands]

        if asks_role:
            if not is_of_primary(answers.pop(0)):
                self._owner.moved()
                raise LostConnection("The Redis server is a replica now.")
            self._role_known_until = time.monotonic() + ROLE_SECONDS
        if waits:
            reached = answers.pop()
            if not isinstance(reached, int) or reached < self._owner.replicas:
                missed = TooFewReplicas(reached)
                return [
                    missed if asked.writes and not isinstance(answer, Exception) else answer
                    for asked, answer in zip(batch, answers, strict=True)
                ]
        if any(isinstance(answer, ReadOnlyError) for answer in answers):
            self._owner.moved()
        return answers

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()


def _load(lane: _Lane) -> int:
    return lane.load


async def _answer(link: Link) -> Any:
    """What the server says, be it an error that concerns this command alone."""
    try:
        return await link.answer()
    except ResponseError as error:
        return error


def _settle(asked: _Asked, answer: Any) -> None:
    if asked.answer.done():
        return
    if isinstance(answer, Exception):
        asked.answer.set_exception(answer)
    else:
        asked.answer.set_result(answer)


def _fail(several: Sequence[_Asked], fault: Exception) -> None:
    for asked in several:
        _settle(asked, fault)
