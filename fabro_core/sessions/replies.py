"""Replies in sessions (resources.md X2): turns that somebody begins are replied to beside the request that began them.

A client that leaves does not stop a reply. An interrupt does, and so does a server that stops: it ends its turns, and
those of one that cannot any more are ended by another (`fabro_core.sessions.claims`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final

import msgspec
from msgspec.structs import replace

from fabro_core.errors import InvalidRequest, NotFound, Overloaded, Refusal, StoreUnavailable
from fabro_core.models.events.sessions import RunSessionTurnFailed, TurnProperties
from fabro_core.models.ids import RunId, SessionId, TurnId
from fabro_core.models.principal import Principal, PrincipalAgent
from fabro_core.models.session import SessionMessage, SessionRecord
from fabro_core.redaction import Redact
from fabro_core.runs.decide.sessions import TurnOver
from fabro_core.runs.fold.ask_fabro import ResponderNeeds
from fabro_core.runs.service import Runs
from fabro_core.runs.sessions import Begun
from fabro_core.sessions.base import ModelChoice, SessionResponder, Turn
from fabro_core.sessions.claims import RENEW_SECONDS, WATCHDOG, Claim, Claims
from fabro_core.sessions.reading import StoredRunReader
from fabro_core.sessions.telling import AGENT_ERROR, told

MAX_REPLIES: Final = 200
"""Of one process at the same time."""
REPLY_SECONDS: Final = 3600
CHOICE_SECONDS: Final = 10
ENDING_SECONDS: Final = 2
"""What ending all turns may take when the server stops; another server ends what is left."""

STOPPING: Final = "The server stops. Say it again."
TOO_LONG: Final = "The reply took too long."

log = logging.getLogger("fabro.sessions")


class _Reply(msgspec.Struct, frozen=True):
    """A turn that is replied to here."""

    begun: Begun
    input: str
    key: str
    """Of the claim."""
    claim: Claim


class Replies:
    """What is replied to here. Every method raises `StoreUnavailable` and what `RunSessions` raises."""

    def __init__(self, runs: Runs, claims: Claims, responder: SessionResponder | None, redact: Redact) -> None:
        """`responder`: None when nothing replies."""
        self._runs = runs
        self._sessions = runs.sessions
        self._claims = claims
        self._responder = responder
        self._redact = redact
        self._replies: dict[tuple[str, str], asyncio.Task[None]] = {}
        """By session and turn."""
        self._draining = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Reply for the length of the context, and end what others have left; what goes on then is ended."""
        self._draining = False
        async with self._claims.watched():
            try:
                yield
            finally:
                self.drain()
                if self._replies:
                    await asyncio.wait(self._replies.values(), timeout=ENDING_SECONDS)

    def drain(self) -> None:
        """End every turn that is replied to here, and each that begins from now on."""
        self._draining = True
        for reply in self._replies.values():
            _cancel(reply)

    async def create_session(
        self, run_id: RunId, *, title: str | None, model: str | None, provider: str | None, actor: Principal
    ) -> SessionRecord:
        """Begin a session. Raises `InvalidRequest` for a model or provider that is blank, or that whatever replies here
        does not know or cannot use."""
        chosen = ModelChoice(model=model, provider=provider)
        if self._responder is not None and not any(each is not None and not each.strip() for each in (model, provider)):
            chosen = await _chosen(self._responder, chosen)
        return await self._sessions.create(
            run_id, title=title, model=chosen.model, provider=chosen.provider, actor=actor
        )

    async def begin_turn(self, session_id: SessionId, text: str, turn_id: TurnId | None, *, actor: Principal) -> Begun:
        """Say something in a session, which is replied to from now on; where nothing replies, the turn has failed.

        Raises `Overloaded` when too much is being replied to.
        """
        chosen = self._sessions.new_turn_id() if turn_id is None else turn_id
        if self._responder is None:
            return await self._sessions.begin_unanswered_turn(session_id, text, chosen, actor=actor)
        if len(self._replies) >= MAX_REPLIES:
            raise Overloaded("Too many replies are under way. Try again.")
        await self._sessions.require_free(session_id, text)
        claim = Claim(session_id=session_id, turn_id=chosen)
        key = await self._claims.make(claim)  # first: a turn that is in the log is somebody's
        try:
            begun = await self._sessions.begin_turn(session_id, text, chosen, actor=actor)
        except Refusal:  # and not when the store was lost, for then it may have begun, and will be ended
            await self._claims.drop(key)
            raise
        self._start(_Reply(begun, text, key, claim), self._responder)
        return begun

    async def interrupt_turn(self, session_id: SessionId, turn_id: TurnId, *, actor: Principal) -> bytes:
        """End a turn; the event that says so, encoded."""
        event = await self._sessions.interrupt_turn(session_id, turn_id, actor=actor)
        reply = self._replies.get((session_id, turn_id))
        if reply is not None:
            reply.cancel()
        return event

    def _start(self, reply: _Reply, responder: SessionResponder) -> None:
        place = (reply.begun.session_id, reply.begun.turn_id)
        task = self._replies[place] = asyncio.create_task(self._see_through(reply, responder), name="fabro reply")
        task.add_done_callback(lambda _: self._replies.pop(place, None))
        if self._draining:
            _cancel(task)

    async def _see_through(self, reply: _Reply, responder: SessionResponder) -> None:
        """Reply until the turn has ended, whoever ends it. The claim stays when nobody can tell."""
        this = asyncio.current_task()
        assert this is not None
        renewing = asyncio.create_task(self._renew_for_ever(reply, this), name="fabro reply claim")
        try:
            await self._tell_in_time(reply, responder)
        except asyncio.CancelledError:
            if self._draining:
                await self._fail(reply, STOPPING)
            await self._claims.drop(reply.key)
            raise
        except (TurnOver, NotFound):  # interrupted, or the run was deleted
            await self._claims.drop(reply.key)
        except StoreUnavailable as fault:
            log.warning("a reply ends early, the store is unavailable: %s", fault)
        except Exception:
            log.exception("a reply ends early")
        else:
            await self._claims.drop(reply.key)
        finally:
            renewing.cancel()

    async def _tell_in_time(self, reply: _Reply, responder: SessionResponder) -> None:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                async with aclosing(told(responder, await self._turn(reply))) as events:
                    async for event in events:
                        await self._note(reply, event)
        except TimeoutError:
            await self._fail(reply, TOO_LONG)

    async def _turn(self, reply: _Reply) -> Turn:
        begun = reply.begun
        redaction = await self._redact()
        messages = [
            msgspec.convert(redaction.value(msgspec.to_builtins(each)), SessionMessage)
            for each in await self._sessions.said_before(begun)
        ]
        return Turn(
            session_id=begun.session_id,
            turn_id=begun.turn_id,
            run_id=begun.run_id,
            input=redaction.text(reply.input),
            messages=messages,
            model=begun.model,
            provider=begun.provider,
            run=StoredRunReader(self._runs, begun.run_id, self._redact),
        )

    async def _note(self, reply: _Reply, event: TurnProperties) -> None:
        begun = reply.begun
        agent = PrincipalAgent(session_id=begun.session_id, model=begun.model)
        await self._sessions.go_on(begun.run_id, begun.session_id, event, actor=agent)

    async def _fail(self, reply: _Reply, error: str) -> None:
        failed = RunSessionTurnFailed(turn_id=reply.begun.turn_id, error=error, code=AGENT_ERROR, retryable=True)
        with suppress(TurnOver, NotFound):
            await self._sessions.go_on(reply.begun.run_id, reply.begun.session_id, failed, actor=WATCHDOG)

    async def _renew_for_ever(self, reply: _Reply, task: asyncio.Task[None]) -> None:
        """Tell that somebody replies; once the turn has ended elsewhere, nobody does."""
        claim = reply.claim
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if not await self._sessions.is_active(reply.begun):
                    task.cancel()
                    return
                claim = replace(claim, renewed=claim.renewed + 1)
                await self._claims.renew(reply.key, claim)
            except StoreUnavailable as fault:
                log.debug("the claim of a session cannot be renewed: %s", fault)


def needs_of(responder: SessionResponder) -> ResponderNeeds:
    """What runs tell of it (runs.md R5.8)."""
    return ResponderNeeds(
        needs_sandbox=responder.needs_sandbox,
        needs_model=responder.needs_model,
        default_model=responder.default_model,
    )


async def _chosen(responder: SessionResponder, wanted: ModelChoice) -> ModelChoice:
    """What a responder calls the model that is asked for. Raises `InvalidRequest`, and `Overloaded` if it fails."""
    try:
        async with asyncio.timeout(CHOICE_SECONDS):
            return await responder.choose_model(wanted)
    except InvalidRequest:
        raise
    except Exception as error:
        log.exception("a session responder cannot choose a model")
        raise Overloaded("What replies on this server cannot tell which models there are. Try again.") from error


def _cancel(task: asyncio.Task[None]) -> None:
    """Soon, so that one which was only just made has begun: it has something to end."""
    asyncio.get_running_loop().call_soon(task.cancel)
