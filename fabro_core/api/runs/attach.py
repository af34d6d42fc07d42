"""Attaching to events over HTTP (events.md E6, E7): where to start, and what is refused before a stream begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.errors import InvalidRequest, StreamClosed
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import EVENT_STREAM, operation
from fabro_core.http.path import require_run_id
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, parse_unsigned
from fabro_core.http.streams import EventStream

LAST_EVENT_ID: Final = b"last-event-id"

Seq = Annotated[int, msgspec.Meta(ge=1, le=MAX_UNSIGNED)]


class AttachParams(QueryParams, frozen=True, kw_only=True):
    since_seq: Seq | None = None


class AttachAllParams(QueryParams, frozen=True, kw_only=True):
    run_id: str | None = None


@operation(
    "GET",
    "/runs/{id}/attach",
    id="attachRunEvents",
    tag="Run Internals",
    summary="Follow a run's events",
    answers={200: str},
    guard=Guard.SAME_RUN,
    media_type=EVENT_STREAM,
    errors=(404, 410),
)
async def attach_run_events(call: Call[RunPath, AttachParams]) -> EventStream:
    after_seq = cursor(call.query, call.headers)
    services = call.services
    hit = await services.runs.get(call.path.id)
    if after_seq is None:
        after_seq = hit.seq
    if not hit.live and hit.seq <= after_seq:
        raise StreamClosed("The run has ended, and its log holds no further event.")
    return services.streams.of_run(call.path.id, call.caller, after_seq=after_seq, newest_seq=hit.seq)


@operation(
    "GET",
    "/attach",
    id="attachEvents",
    tag="System",
    summary="Follow the events of all runs",
    answers={200: str},
    media_type=EVENT_STREAM,
)
async def attach_events(call: Call[None, AttachAllParams]) -> EventStream:
    return await call.services.streams.of_all(_run_ids(call.query.run_id or ""), call.caller)


def cursor(asked: AttachParams, headers: Sequence[tuple[bytes, bytes]]) -> int | None:
    """The sequence number to go on after; None: the newest. The query wins, and then the header is not read."""
    if asked.since_seq is not None:
        return asked.since_seq - 1
    given = [value.strip() for name, value in headers if name == LAST_EVENT_ID]
    if len(given) > 1:
        raise InvalidRequest(f"The header Last-Event-ID is given {len(given)} times.")
    if not given or not given[0]:
        return None
    return parse_unsigned("The header Last-Event-ID", given[0].decode("latin-1"))


def _run_ids(listed: str) -> frozenset[str] | None:
    """The ids of a comma-separated list; None when every entry is blank."""
    entries = [entry.strip() for entry in listed.split(",")]
    return frozenset(require_run_id(entry, f'"{entry}" in "run_id"') for entry in entries if entry) or None


ROUTES: Final = (
    attach_run_events,
    attach_events,
)
