"""A reply as events of its turn: deltas are told together, every reply has one end, and all of it is bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing
from typing import Any, Final, TypeVar

import msgspec

from fabro_core.errors import StoreUnavailable
from fabro_core.models.events.sessions import (
    RunSessionAssistantDelta,
    RunSessionAssistantMessage,
    RunSessionToolCallCompleted,
    RunSessionToolCallStarted,
    RunSessionTurnFailed,
    RunSessionTurnSucceeded,
    TurnProperties,
)
from fabro_core.sessions.base import (
    Delta,
    Failure,
    FailureCode,
    Message,
    ReplyPart,
    SessionResponder,
    ToolCallCompleted,
    ToolCallStarted,
    Turn,
)

DELTA_SECONDS: Final = 0.1
"""Between two events of deltas (resources.md X2)."""
CLOSING_SECONDS: Final = 2
"""What a responder may take to let go of what it waits for."""
MAX_PART_BYTES: Final = 1024 * 1024
"""Of one part, and of the deltas of one message."""
MAX_REPLY_BYTES: Final = 8 * 1024 * 1024

AGENT_ERROR: Final = "agent_error"
"""The code of what goes wrong with whatever replies, and not with what it needs."""
FAILED: Final = "What replies on this server has failed."
TOO_LARGE: Final = "The reply is too large."

T = TypeVar("T")

_END: Final = object()

log = logging.getLogger("fabro.sessions")


class _Broken(Exception):
    """The reply cannot go on; the text is for whoever asked."""


async def told(responder: SessionResponder, turn: Turn) -> AsyncGenerator[TurnProperties, None]:
    """The events of a reply, its end included, which are there when they are to be written. Who leaves closes it."""
    reply = _Reply(turn.turn_id)
    try:
        async with aclosing(reply.events(responder.respond(turn))) as events:
            async for event in events:
                yield event
    except _Broken as fault:
        yield reply.failed(str(fault))
    except StoreUnavailable as fault:
        log.warning("a reply has failed, the store is unavailable: %s", fault)
        yield reply.failed(FAILED, retryable=True)
    except Exception:
        log.exception("a session responder has failed")
        yield reply.failed(FAILED)


class _Reply:
    def __init__(self, turn_id: str) -> None:
        self._turn_id = turn_id
        self._bytes = 0
        self._untold: list[str] = []
        """Deltas that no event has told yet."""
        self._unsaid: list[str] = []
        """Deltas since the last message."""
        self._unsaid_bytes = 0
        self._due = 0.0
        """When the next event of deltas may be told, in the time of the event loop."""

    async def events(self, parts: AsyncIterator[ReplyPart]) -> AsyncGenerator[TurnProperties, None]:
        """Raises what `parts` raises, and `_Broken`."""
        coming: asyncio.Future[Any] | None = None
        try:
            while True:
                if coming is None:
                    coming = asyncio.ensure_future(_awaited(anext(parts, _END)))
                await asyncio.wait({coming}, timeout=self._until_due() if self._untold else None)
                if not coming.done():
                    yield self._delta()
                    continue
                part, coming = coming.result(), None
                if part is not _END:
                    self._judge(part)
                if isinstance(part, Delta):
                    self._take(part.text)
                    if not self._until_due():
                        yield self._delta()
                    continue
                if self._untold:
                    await asyncio.sleep(self._until_due())
                    yield self._delta()
                for event in self._ending() if part is _END else self._events_of(part):
                    yield event
                if part is _END or isinstance(part, Failure):
                    return
        finally:
            if coming is not None and not coming.done():
                coming.cancel()
                await asyncio.wait({coming}, timeout=CLOSING_SECONDS)
            await _close(parts)

    def failed(self, error: str, *, code: FailureCode = AGENT_ERROR, retryable: bool = False) -> TurnProperties:
        """The end of a reply that goes wrong, with what was said of it."""
        output = "".join(self._unsaid) or None
        return RunSessionTurnFailed(turn_id=self._turn_id, error=error, code=code, retryable=retryable, output=output)

    def _ending(self) -> list[TurnProperties]:
        said = "".join(self._unsaid)
        whole = [RunSessionAssistantMessage(turn_id=self._turn_id, text=said, usage=None)] if said else []
        return [*whole, RunSessionTurnSucceeded(turn_id=self._turn_id)]

    def _events_of(self, part: ReplyPart) -> list[TurnProperties]:
        turn_id = self._turn_id
        match part:
            case Message(text=text, usage=usage, model=model):
                self._unsaid.clear()
                self._unsaid_bytes = 0
                return [RunSessionAssistantMessage(turn_id=turn_id, text=text, usage=usage, model=model)]
            case ToolCallStarted(tool_name=name, tool_call_id=call_id, arguments=arguments):
                return [
                    RunSessionToolCallStarted(
                        turn_id=turn_id, tool_name=name, tool_call_id=call_id, arguments=arguments
                    )
                ]
            case ToolCallCompleted(tool_name=name, tool_call_id=call_id, output=output, is_error=is_error):
                return [
                    RunSessionToolCallCompleted(
                        turn_id=turn_id, tool_name=name, tool_call_id=call_id, output=output, is_error=is_error
                    )
                ]
            case Failure(error=error, code=code, retryable=retryable):
                return [self.failed(error, code=code, retryable=retryable)]
            case _:
                return []

    def _take(self, text: str) -> None:
        self._untold.append(text)
        self._unsaid.append(text)
        self._unsaid_bytes += len(text.encode())
        if self._unsaid_bytes > MAX_PART_BYTES:
            raise _Broken(TOO_LARGE)

    def _judge(self, part: object) -> None:
        """A part by its type, its fields and its size. Raises `_Broken`."""
        if not isinstance(part, ReplyPart):
            log.error("a session responder has yielded %s, which is no part of a reply", type(part).__qualname__)
            raise _Broken(FAILED)
        try:
            msgspec.convert(msgspec.structs.asdict(part), type(part))
            encoded = msgspec.json.encode(part)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as fault:
            log.error("a session responder has yielded a %s that cannot be told: %s", type(part).__name__, fault)
            raise _Broken(FAILED) from fault
        self._bytes += len(encoded)
        if len(encoded) > MAX_PART_BYTES or self._bytes > MAX_REPLY_BYTES:
            raise _Broken(TOO_LARGE)

    def _until_due(self) -> float:
        return max(0.0, self._due - asyncio.get_running_loop().time())

    def _delta(self) -> TurnProperties:
        told = RunSessionAssistantDelta(turn_id=self._turn_id, delta="".join(self._untold))
        self._untold.clear()
        self._due = asyncio.get_running_loop().time() + DELTA_SECONDS
        return told


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def _close(parts: AsyncIterator[ReplyPart]) -> None:
    """Let a generator clean up; what goes wrong then concerns nobody who asks."""
    close = getattr(parts, "aclose", None)
    if close is not None:
        try:
            await close()
        except Exception:
            log.exception("a session responder has failed while it was closed")
