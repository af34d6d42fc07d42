"""Events over HTTP (events.md E3 to E5): append, list, look at one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

import msgspec

from fabro_core.api.runs.paths import RunPath, StagePath
from fabro_core.auth.caller import Worker
from fabro_core.auth.refusals import AccessDenied
from fabro_core.errors import InvalidRequest
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.paging import PageMeta
from fabro_core.http.path import EventSeq
from fabro_core.http.query import MAX_UNSIGNED, QueryParams
from fabro_core.http.reply import Reply, json_bytes, json_reply
from fabro_core.models.events.catalogue import FOR_USERS
from fabro_core.models.ids import RunId
from fabro_core.models.instant import Instant
from fabro_core.models.principal import Principal
from fabro_core.runs.log.entry import stage_tag
from fabro_core.runs.log.reading import EventContent, page_json
from fabro_core.runs.log.submission import SubmittedEvent, read_submission
from fabro_core.store.records import EventPage, EventQuery

Seq = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNSIGNED)]
EventLimit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
ContentLength = Annotated[int, msgspec.Meta(ge=1, le=200_000)]

PAGE_BYTES: Final = 2 * 1024 * 1024
"""What a page of events may have, or a single one of any size. A page that ends because of it says `has_more`, and its
reader goes on as from any other."""


class EventPath(RunPath, frozen=True, kw_only=True):
    seq: EventSeq


class ListEventsParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq | None = None
    before_seq: Seq | None = None
    limit: EventLimit = 100
    order: Literal["asc", "desc"] = "asc"


class ListStageEventsParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq = 1
    limit: EventLimit = 100


class EventDetailParams(QueryParams, frozen=True, kw_only=True):
    max_content_length: ContentLength = 20_000


# -- what goes over the wire; unknown keys of events go with it --------------------------------------------------------


class RunEvent(SubmittedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An event as a client appends it."""


class LoggedEvent(RunEvent, frozen=True, kw_only=True):
    """An event of a log."""

    seq: int


class AppendEventResponse(msgspec.Struct, frozen=True):
    seq: int


class PaginatedEventList(msgspec.Struct, frozen=True):
    data: list[LoggedEvent]
    meta: PageMeta


class EventSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which event it is, and what it is about."""

    seq: int
    id: str
    ts: Instant
    run_id: str
    event: str
    actor: Principal | None = None
    session_id: str | None = None
    node_id: str | None = None
    node_label: str | None = None
    stage_id: str | None = None
    tool_call_id: str | None = None


class RunEventDetailResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`content` is the property that holds the most, cut to `max_content_length` bytes."""

    event: EventSummary
    properties: dict[str, Any]
    content: EventContent | None = None
    truncated: bool
    redacted: bool
    max_content_length: int


# -- operations -----------------------------------------------------------------------------------------------------


@operation(
    "POST",
    "/runs/{id}/events",
    id="appendRunEvent",
    tag="Run Internals",
    summary="Append an event to a run's log",
    answers={200: AppendEventResponse},
    guard=Guard.SAME_RUN,
    body=RunEvent,
    errors=(404, 409),
)
async def append_run_event(call: Call[RunPath, None, bytes]) -> Reply:
    entry = read_submission(call.body, call.path.id)
    if isinstance(call.caller, Worker) and entry.event.event in FOR_USERS:
        raise AccessDenied
    return json_reply(AppendEventResponse(await call.services.runs.submit_event(call.path.id, entry)))


@operation(
    "GET",
    "/runs/{id}/events",
    id="listRunEvents",
    tag="Run Internals",
    summary="List a run's events",
    answers={200: PaginatedEventList},
    guard=Guard.TARGET,
    errors=(404,),
)
async def list_run_events(call: Call[RunPath, ListEventsParams]) -> Reply:
    asked = call.query
    descending = asked.order == "desc"
    if descending and asked.since_seq is not None:
        raise InvalidRequest('The query parameter "since_seq" goes with ascending order alone.')
    if not descending and asked.before_seq is not None:
        raise InvalidRequest('The query parameter "before_seq" goes with descending order alone.')
    query = EventQuery(
        run_id=call.path.id,
        after_seq=(asked.since_seq or 1) - 1,
        before_seq=asked.before_seq,
        reverse=descending,
        limit=asked.limit,
        max_bytes=PAGE_BYTES,
    )
    return json_bytes(page_json(await _read(call)(call.path.id, query)))


@operation(
    "GET",
    "/runs/{id}/stages/{stageId}/events",
    id="listStageEvents",
    tag="Run Internals",
    summary="List the events of a stage",
    answers={200: PaginatedEventList},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def list_stage_events(call: Call[StagePath, ListStageEventsParams]) -> Reply:
    query = EventQuery(
        run_id=call.path.id,
        tag=stage_tag(str(call.path.stage_id)),
        after_seq=call.query.since_seq - 1,
        limit=call.query.limit,
        max_bytes=PAGE_BYTES,
    )
    return json_bytes(page_json(await _read(call)(call.path.id, query)))


@operation(
    "GET",
    "/runs/{id}/events/{seq}",
    id="getRunEventDetail",
    tag="Run Internals",
    summary="Look at one event of a run",
    answers={200: RunEventDetailResponse},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_event_detail(call: Call[EventPath, EventDetailParams]) -> Reply:
    path, most = call.path, call.query.max_content_length
    runs = call.services.runs
    detail = runs.event_detail_verbatim if _is_own_worker(call) else runs.event_detail
    return json_reply(await detail(path.id, path.seq, max_content_bytes=most))


def _read(call: AnyCall) -> Callable[[RunId, EventQuery], Awaitable[EventPage]]:
    runs = call.services.runs
    return runs.read_events_verbatim if _is_own_worker(call) else runs.read_events


def _is_own_worker(call: AnyCall) -> bool:
    """Whether the worker of the run asks, which needs what people have told it word by word (events.md E2)."""
    return isinstance(call.caller, Worker) and call.caller.run_id == call.path.id


ROUTES: Final = (
    append_run_event,
    list_run_events,
    list_stage_events,
    get_run_event_detail,
)
