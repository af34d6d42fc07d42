"""Interactive sessions about runs over HTTP (resources.md X2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from fabro_core.api.runs.attach import AttachParams, cursor
from fabro_core.api.runs.events import PAGE_BYTES, EventLimit, LoggedEvent, PaginatedEventList, Seq
from fabro_core.api.runs.paths import RunPath
from fabro_core.http.call import Call
from fabro_core.http.operation import EVENT_STREAM, operation
from fabro_core.http.paging import DEFAULT_LIMIT, PageMeta
from fabro_core.http.path import PathParams, require_ulid
from fabro_core.http.query import PageLimit, PageOffset, QueryParams
from fabro_core.http.reply import Reply, json_bytes, json_reply
from fabro_core.http.streams import EventStream
from fabro_core.models.ids import SessionId, TurnId
from fabro_core.models.session import SessionDetail, SessionRecord
from fabro_core.runs.log.entry import session_tag, turn_tag
from fabro_core.runs.log.reading import page_json

TURN_ID: Final = b"x-fabro-turn-id"
TURN_ENDINGS: Final = frozenset(
    {"run.session.turn.succeeded", "run.session.turn.failed", "run.session.turn.interrupted"}
)

sessions = partial(operation, tag="Sessions")


class SessionPath(PathParams, frozen=True, kw_only=True):
    id: SessionId


class TurnPath(SessionPath, frozen=True, kw_only=True):
    turn_id: TurnId = msgspec.field(name="turnId")


class ListSessionsParams(QueryParams, frozen=True, kw_only=True):
    limit: PageLimit = msgspec.field(default=DEFAULT_LIMIT, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")
    order: Literal["updated_desc", "created_desc"] = "updated_desc"


class SessionEventsParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq = 1
    limit: EventLimit = 100


class CreateRunSessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    title: str | None = None
    model: str | None = None
    provider: str | None = None


class SubmitTurnRequest(msgspec.Struct, frozen=True, kw_only=True):
    input: str
    turn_id: str | None = None
    """A ULID that no turn of the session has had."""


class PaginatedSessionList(msgspec.Struct, frozen=True):
    data: Sequence[SessionRecord]
    meta: PageMeta


@sessions(
    "GET",
    "/runs/{id}/sessions",
    id="listRunSessions",
    summary="List the sessions about a run",
    answers={200: PaginatedSessionList},
    errors=(404,),
)
async def list_run_sessions(call: Call[RunPath, ListSessionsParams]) -> Reply:
    asked = call.query
    page, has_more = await call.services.runs.sessions.list_page(
        call.path.id, asked.order, limit=asked.limit, offset=asked.offset
    )
    return json_reply(PaginatedSessionList(page, PageMeta(has_more)))


@sessions(
    "POST",
    "/runs/{id}/sessions",
    id="createRunSession",
    summary="Begin a session about a run",
    answers={201: SessionRecord},
    errors=(404, 409),
)
async def create_run_session(call: Call[RunPath, None, CreateRunSessionRequest]) -> Reply:
    wanted = call.body
    record = await call.services.replies.create_session(
        call.path.id, title=wanted.title, model=wanted.model, provider=wanted.provider, actor=call.principal
    )
    return json_reply(record, 201)


@sessions(
    "GET", "/sessions/{id}", id="getSession", summary="Get a session", answers={200: SessionDetail}, errors=(404,)
)
async def get_session(call: Call[SessionPath]) -> Reply:
    return json_reply(await call.services.runs.sessions.detail(call.path.id))


@sessions(
    "GET",
    "/sessions/{id}/events",
    id="listSessionEvents",
    summary="List a session's events",
    answers={200: PaginatedEventList},
    errors=(404,),
)
async def list_session_events(call: Call[SessionPath, SessionEventsParams]) -> Reply:
    page = await call.services.runs.sessions.read_events(
        call.path.id, since_seq=call.query.since_seq, limit=call.query.limit, max_bytes=PAGE_BYTES
    )
    return json_bytes(page_json(page))


@sessions(
    "GET",
    "/sessions/{id}/attach",
    id="attachSessionEvents",
    summary="Follow a session's events",
    answers={200: str},
    media_type=EVENT_STREAM,
    errors=(404,),
)
async def attach_session_events(call: Call[SessionPath, AttachParams]) -> EventStream:
    after_seq = cursor(call.query, call.headers)
    found = await call.services.runs.sessions.find(call.path.id)
    newest_seq = found.session.last_seq
    return call.services.streams.of_part(
        found.run_id,
        call.caller,
        tag=session_tag(call.path.id),
        after_seq=newest_seq if after_seq is None else after_seq,
        newest_seq=newest_seq,
    )


@sessions(
    "POST",
    "/sessions/{id}/turns",
    id="submitSessionTurn",
    summary="Say something in a session",
    answers={200: str},
    media_type=EVENT_STREAM,
    errors=(404, 409),
)
async def submit_session_turn(call: Call[SessionPath, None, SubmitTurnRequest]) -> EventStream:
    given = call.body.turn_id
    turn_id = None if given is None else TurnId(require_ulid(given, "turn_id"))
    streams = call.services.streams
    streams.require_room(call.caller)  # before the turn is: its stream is the answer
    begun = await call.services.replies.begin_turn(call.path.id, call.body.input, turn_id, actor=call.principal)
    return streams.of_part(
        begun.run_id,
        call.caller,
        tag=turn_tag(call.path.id, begun.turn_id),
        endings=TURN_ENDINGS,
        after_seq=begun.first_seq - 1,
        newest_seq=begun.first_seq - 1,
        headers=((TURN_ID, begun.turn_id.encode()),),
    )


@sessions(
    "POST",
    "/sessions/{id}/turns/{turnId}/interrupt",
    id="interruptSessionTurn",
    summary="End a turn",
    answers={202: LoggedEvent},
    errors=(404, 409),
)
async def interrupt_session_turn(call: Call[TurnPath]) -> Reply:
    event = await call.services.replies.interrupt_turn(call.path.id, call.path.turn_id, actor=call.principal)
    return json_bytes(event, status=202)


ROUTES: Final = (
    list_run_sessions,
    create_run_session,
    get_session,
    list_session_events,
    attach_session_events,
    submit_session_turn,
    interrupt_session_turn,
)
