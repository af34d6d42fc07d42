"""Attaching to events over HTTP (events.md E6, E7): where to start, and what is refused before a stream begins."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from fabro_core.errors import InvalidRequest, StreamClosed
from fabro_core.http.guards import Guard
from fabro_core.http.operation import EVENT_STREAM, Operation, event_stream
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, parse_query, parse_unsigned
from fabro_core.http.request import FabroRequest, require_run_id
from fabro_core.http.streams import EventStream

LAST_EVENT_ID: Final = b"last-event-id"

Seq = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNSIGNED)]


class AttachParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq | None = None


class AttachAllParams(QueryParams, frozen=True, kw_only=True):
    run_id: str | None = None


@event_stream(
    "/runs/{id:str}/attach",
    Operation(
        id="attachRunEvents",
        tag="Run Internals",
        summary="Follow a run's events",
        answers={200: str},
        guard=Guard.SAME_RUN,
        media_type=EVENT_STREAM,
        query=AttachParams,
        errors=(400, 404, 410),
    ),
)
async def attach_run_events(request: FabroRequest) -> EventStream:
    run_id = request.run_id
    after_seq = _cursor(request)
    services = request.services
    hit = await services.runs.get(run_id)
    if after_seq is None:
        after_seq = hit.seq
    if not hit.live and hit.seq <= after_seq:
        raise StreamClosed("The run has ended, and its log holds no further event.")
    return services.streams.of_run(run_id, request.caller, after_seq=after_seq, newest_seq=hit.seq)


@event_stream(
    "/attach",
    Operation(
        id="attachEvents",
        tag="System",
        summary="Follow the events of all runs",
        answers={200: str},
        media_type=EVENT_STREAM,
        query=AttachAllParams,
        errors=(400,),
    ),
)
async def attach_events(request: FabroRequest) -> EventStream:
    params = parse_query(AttachAllParams, request.scope["query_string"])
    return await request.services.streams.of_all(_run_ids(params.run_id or ""), request.caller)


def _cursor(request: FabroRequest) -> int | None:
    """The sequence number to go on after; None: the newest. The query wins, and then the header is not read."""
    since_seq = parse_query(AttachParams, request.scope["query_string"]).since_seq
    if since_seq is not None:
        return since_seq - 1
    given = [value.strip() for name, value in request.scope["headers"] if name == LAST_EVENT_ID]
    if len(given) > 1:
        raise InvalidRequest(f"The header Last-Event-ID is given {len(given)} times.")
    if not given or not given[0]:
        return None
    return parse_unsigned("The header Last-Event-ID", given[0].decode("latin-1"))


def _run_ids(listed: str) -> frozenset[str] | None:
    """The ids of a comma-separated list; None when every entry is blank."""
    entries = [entry.strip() for entry in listed.split(",")]
    return frozenset(require_run_id(entry, f'"{entry}" in "run_id"') for entry in entries if entry) or None
