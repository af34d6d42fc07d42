"""Events over HTTP (events.md E3 to E5): append, list, look at one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from fabro_core.auth.caller import Worker
from fabro_core.auth.refusals import AccessDenied
from fabro_core.errors import InvalidRequest
from fabro_core.http.body import read_json_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.paging import PageMeta
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, parse_query, parse_unsigned
from fabro_core.http.reply import Reply, json_bytes, json_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.events.catalogue import FOR_USERS
from fabro_core.runs.log.entry import stage_tag
from fabro_core.runs.log.reading import EventContent, page_json
from fabro_core.runs.log.submission import SubmittedEvent, read_submission
from fabro_core.store.records import EventQuery

Seq = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNSIGNED)]
EventLimit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
ContentLength = Annotated[int, msgspec.Meta(ge=1, le=200_000)]


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


class RunEventDetailResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`content` is the property that holds the most, cut to `max_content_length` bytes."""

    event: dict[str, Any]
    properties: dict[str, Any]
    content: EventContent | None = None
    truncated: bool
    redacted: bool
    max_content_length: int


# -- operations -----------------------------------------------------------------------------------------------------


@operation(
    "POST",
    "/runs/{id:str}/events",
    Operation(
        id="appendRunEvent",
        tag="Run Internals",
        summary="Append an event to a run's log",
        answers={200: AppendEventResponse},
        guard=Guard.SAME_RUN,
        body=RunEvent,
        errors=(400, 404, 409),
    ),
)
async def append_run_event(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    entry = read_submission(body, request.run_id)
    if isinstance(request.caller, Worker) and entry.event.event in FOR_USERS:
        raise AccessDenied
    return json_reply(AppendEventResponse(await request.services.runs.submit_event(request.run_id, entry)))


@operation(
    "GET",
    "/runs/{id:str}/events",
    Operation(
        id="listRunEvents",
        tag="Run Internals",
        summary="List a run's events",
        answers={200: PaginatedEventList},
        guard=Guard.TARGET,
        query=ListEventsParams,
        errors=(400, 404),
    ),
)
async def list_run_events(request: FabroRequest) -> Reply:
    run_id = request.run_id
    params = parse_query(ListEventsParams, request.scope["query_string"])
    descending = params.order == "desc"
    if descending and params.since_seq is not None:
        raise InvalidRequest('The query parameter "since_seq" goes with ascending order alone.')
    if not descending and params.before_seq is not None:
        raise InvalidRequest('The query parameter "before_seq" goes with descending order alone.')
    query = EventQuery(
        run_id=run_id,
        after_seq=(params.since_seq or 1) - 1,
        before_seq=params.before_seq,
        reverse=descending,
        limit=params.limit,
    )
    return json_bytes(page_json(await request.services.runs.read_events(run_id, query)))


@operation(
    "GET",
    "/runs/{id:str}/stages/{stageId:str}/events",
    Operation(
        id="listStageEvents",
        tag="Run Internals",
        summary="List the events of a stage",
        answers={200: PaginatedEventList},
        guard=Guard.SAME_RUN,
        query=ListStageEventsParams,
        errors=(400, 404),
    ),
)
async def list_stage_events(request: FabroRequest) -> Reply:
    run_id, stage_id = request.run_id, request.stage_id
    params = parse_query(ListStageEventsParams, request.scope["query_string"])
    query = EventQuery(run_id=run_id, tag=stage_tag(str(stage_id)), after_seq=params.since_seq - 1, limit=params.limit)
    return json_bytes(page_json(await request.services.runs.read_events(run_id, query)))


@operation(
    "GET",
    "/runs/{id:str}/events/{seq:str}",
    Operation(
        id="getRunEventDetail",
        tag="Run Internals",
        summary="Look at one event of a run",
        answers={200: RunEventDetailResponse},
        guard=Guard.SAME_RUN,
        query=EventDetailParams,
        errors=(400, 404),
    ),
)
async def get_run_event_detail(request: FabroRequest) -> Reply:
    run_id = request.run_id
    seq = parse_unsigned("The sequence number in the path", request.path_params["seq"])
    if seq == 0:
        raise InvalidRequest("The sequence number in the path counts from 1.")
    params = parse_query(EventDetailParams, request.scope["query_string"])
    runs = request.services.runs
    return json_reply(await runs.event_detail(run_id, seq, max_content_bytes=params.max_content_length))
