"""Interactive sessions about runs (resources.md X2): find them, list them, begin and end their turns.

A session is what the log of its run says of it. Beside that there is one document a session, which names its run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from ulid import ULID

from fabro_core.clock import Clock, epoch_ms
from fabro_core.documents.collection import Documents
from fabro_core.errors import Conflict, Contended, NotFound, Refusal, TurnActive
from fabro_core.models.events import Properties, RunEvent
from fabro_core.models.events.sessions import RunSessionCreated, RunSessionTurnStarted, TurnProperties
from fabro_core.models.ids import RunId, SessionId, TurnId
from fabro_core.models.instant import parse_instant
from fabro_core.models.principal import Principal
from fabro_core.models.session import SessionDetail, SessionMessage, SessionRecord, SessionTurn
from fabro_core.redaction import Redact
from fabro_core.runs.decide import sessions as decide
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.sessions import ActiveTurn, Session
from fabro_core.runs.log.entry import session_tag, turn_tag
from fabro_core.runs.log.log import MAX_APPEND_ATTEMPTS, RunLog
from fabro_core.runs.log.reading import read_event, without_secrets
from fabro_core.runs.views.session_messages import session_messages
from fabro_core.store.base import RunStore
from fabro_core.store.records import EventPage, EventQuery

Order = Literal["updated_desc", "created_desc"]


class SessionRun(msgspec.Struct, frozen=True):
    """What names the run of a session."""

    run_id: RunId


class Found(msgspec.Struct, frozen=True):
    """A session, and the run that it is about."""

    run_id: RunId
    session: Session


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that has begun."""

    run_id: RunId
    session_id: SessionId
    turn_id: TurnId
    first_seq: int
    """Of its first event."""
    model: str | None
    """The session's, as is the next."""
    provider: str | None


class RunSessions:
    """The sessions about the runs of one store.

    Every method raises `StoreUnavailable`, and `NotFound` for a session or run that is not there.
    """

    def __init__(self, store: RunStore, log: RunLog, clock: Clock, redact: Redact) -> None:
        self._redact = redact
        self._store = store
        self._log = log
        self._clock = clock
        self._index = Documents(store, clock, "run_sessions", SessionRun, owner=_owner)

    async def create(
        self, run_id: RunId, *, title: str | None, model: str | None, provider: str | None, actor: Principal
    ) -> SessionRecord:
        """Begin a session; a blank title counts as none. Raises `InvalidRequest` for a blank model or provider."""
        session_id = SessionId(self._new_id())
        named = title if title is not None and title.strip() else None
        change = decide.create(session_id, RunSessionCreated(title=named, model=model, provider=provider))
        await self._log.get(run_id)
        await self._index.put(session_id, SessionRun(run_id))  # first: a session that is in the log can be found
        try:
            outcome = await self._log.change(run_id, change, actor=actor)
        except Refusal:  # and not when the store was lost, for then it may be in the log
            await self._index.delete(session_id)
            raise
        run = msgspec.json.decode(outcome.hit.state, type=Projection)
        return await self._record(run_id, session_id, decide.session_of(run, session_id))

    async def find(self, session_id: SessionId) -> Found:
        """The session as it is now."""
        stored = await self._index.get(session_id)
        if stored is None:
            raise decide.unknown_session(session_id)
        run_id = stored.body.run_id
        hit = await self._store.get_run(run_id)
        if hit is None:  # the run is gone, and the session with it
            raise decide.unknown_session(session_id)
        return Found(run_id, decide.session_of(msgspec.json.decode(hit.state, type=Projection), session_id))

    async def list_page(
        self, run_id: RunId, order: Order, *, limit: int, offset: int
    ) -> tuple[Sequence[SessionRecord], bool]:
        """Sessions of a run, newest first, those of one instant by falling id, and whether there are more."""
        run = msgspec.json.decode((await self._log.get(run_id)).state, type=Projection)

        def place(session_id: str) -> tuple[object, str]:
            session = run.sessions[session_id]
            at = session.updated_at if order == "updated_desc" else session.created_at
            return parse_instant(at), session_id

        ids = sorted(run.sessions, key=place, reverse=True)
        page = [await self._record(run_id, each, run.sessions[each]) for each in ids[offset : offset + limit]]
        return page, len(ids) > offset + limit

    async def detail(self, session_id: SessionId) -> SessionDetail:
        """The session with everything that was said."""
        found = await self.find(session_id)
        record = await self._record(found.run_id, session_id, found.session)
        last_seq = found.session.last_seq
        messages = await session_messages(self._store, found.run_id, session_id, last_seq=last_seq)
        return SessionDetail(**msgspec.structs.asdict(record), messages=messages, last_seq=last_seq)

    async def read_events(self, session_id: SessionId, *, since_seq: int, limit: int, max_bytes: int) -> EventPage:
        """A page of the session's events, which have the numbers of the run's log."""
        found = await self.find(session_id)
        query = EventQuery(
            run_id=found.run_id,
            tag=session_tag(session_id),
            after_seq=since_seq - 1,
            limit=limit,
            max_bytes=max_bytes,
        )
        return without_secrets(await self._store.read(query), await self._redact())

    def new_turn_id(self) -> TurnId:
        return TurnId(self._new_id())

    async def require_free(self, session_id: SessionId, text: str) -> None:
        """Raises what would be in the way of a turn now: `InvalidRequest` for a blank text, `TurnActive`."""
        decide.require_input(text)
        turn = (await self.find(session_id)).session.turn
        if turn is not None:
            raise TurnActive(turn.id)

    async def begin_turn(self, session_id: SessionId, text: str, turn_id: TurnId, *, actor: Principal) -> Begun:
        """Say something in a session.

        Raises `InvalidRequest` for a blank text, `TurnActive`, and `Conflict` for the id of a turn that there was.
        """
        decide.require_input(text)
        return await self._begin(session_id, turn_id, decide.opening(turn_id, text), actor)

    async def begin_unanswered_turn(
        self, session_id: SessionId, text: str, turn_id: TurnId, *, actor: Principal
    ) -> Begun:
        """As `begin_turn`, where nothing replies: the turn has ended as well."""
        decide.require_input(text)
        return await self._begin(session_id, turn_id, decide.unanswered(turn_id, text), actor)

    async def go_on(self, run_id: RunId, session_id: SessionId, said: TurnProperties, *, actor: Principal) -> None:
        """Note what happens in a turn, its end perhaps. Raises `TurnOver` when the turn has ended already."""
        await self._log.change(run_id, decide.go_on(session_id, said), actor=actor)

    async def is_active(self, turn: Begun) -> bool:
        """Whether the turn has not ended."""
        try:
            active = (await self.find(turn.session_id)).session.turn
        except NotFound:
            return False
        return active is not None and active.id == turn.turn_id

    async def said_before(self, turn: Begun) -> list[SessionMessage]:
        """The messages of the session before a turn."""
        return await session_messages(self._store, turn.run_id, turn.session_id, last_seq=turn.first_seq - 1)

    async def interrupt_turn(self, session_id: SessionId, turn_id: TurnId, *, actor: Principal) -> bytes:
        """End a turn; the event that says so, encoded. Raises `Conflict` when it is not active."""
        found = await self.find(session_id)
        outcome = await self._log.change(found.run_id, decide.interrupt(session_id, turn_id), actor=actor)
        assert outcome.last_seq is not None
        return await read_event(self._store, found.run_id, outcome.last_seq)

    async def forget_all(self, run_id: RunId) -> None:
        """Forget the sessions about a run that is being deleted."""
        async for stored in self._index.walk(owner=run_id):
            await self._index.delete(stored.key)

    async def _begin(
        self, session_id: SessionId, turn_id: TurnId, said: Sequence[Properties], actor: Principal
    ) -> Begun:
        for _ in range(MAX_APPEND_ATTEMPTS):
            found = await self.find(session_id)
            judged_seq = None
            if found.session.turn is None:
                judged_seq = found.session.last_seq
                await self._require_unused(found.run_id, session_id, turn_id)
            change = decide.begin(session_id, said, judged_seq=judged_seq)
            try:
                outcome = await self._log.change(found.run_id, change, actor=actor)
            except decide.SessionMoved:
                continue
            assert outcome.last_seq is not None
            return Begun(
                run_id=found.run_id,
                session_id=session_id,
                turn_id=turn_id,
                first_seq=outcome.last_seq - len(said) + 1,
                model=found.session.model,
                provider=found.session.provider,
            )
        raise Contended

    async def _require_unused(self, run_id: RunId, session_id: SessionId, turn_id: TurnId) -> None:
        tag = turn_tag(session_id, turn_id)
        if (await self._store.read(EventQuery(run_id=run_id, tag=tag, limit=1))).events:
            raise Conflict("The session has had a turn of this id.")

    async def _record(self, run_id: RunId, session_id: str, session: Session) -> SessionRecord:
        turn = session.turn
        return SessionRecord(
            id=session_id,
            run_id=run_id,
            title=session.title,
            status="failed" if session.failed else "idle" if turn is None else "running",
            model=session.model,
            provider=session.provider,
            active_turn=None if turn is None else await self._active(run_id, turn),
            created_at=session.created_at,
            updated_at=session.updated_at,
        )

    async def _active(self, run_id: RunId, turn: ActiveTurn) -> SessionTurn:
        """A turn with its input, which only the log has."""
        event = msgspec.json.decode(await read_event(self._store, run_id, turn.seq), type=RunEvent)
        started = msgspec.json.decode(event.properties, type=RunSessionTurnStarted)
        return SessionTurn(id=turn.id, started_at=turn.started_at, input=started.input)

    def _new_id(self) -> str:
        return str(ULID.from_timestamp(epoch_ms(self._clock.now())))


def _owner(_: str, index: SessionRun) -> str:
    return index.run_id
