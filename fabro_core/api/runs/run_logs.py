"""Logs over HTTP (events.md E12): of a run's executor, and what the command of a stage printed."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Final

import msgspec

from fabro_core.api.runs.paths import RunPath, StagePath
from fabro_core.errors import NotFound
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, refuse_zero
from fabro_core.http.reply import Reply, json_reply


class CommandLogParams(QueryParams, frozen=True, kw_only=True):
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_UNSIGNED)] = 0
    limit: Annotated[int, msgspec.Meta(le=1024 * 1024, extra_json_schema={"minimum": 1})] = 64 * 1024


class CommandLogResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of an output; offsets and sizes in bytes."""

    offset: int
    next_offset: int
    total_bytes: int
    bytes_base64: str
    eof: bool
    """The output will not grow."""
    cas_ref: str | None
    """The blob that the output is in, as `blob://sha256/<hash>`."""
    live_streaming: bool


@operation(
    "GET",
    "/runs/{id}/logs",
    id="getRunLogs",
    tag="Run Internals",
    summary="Get the log that an executor kept of a run",
    answers={200: str},
    media_type="text/plain; charset=utf-8",
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_logs(call: Call[RunPath]) -> Reply:
    """No executor runs inside this server, so none has kept a log."""
    await call.services.runs.get(call.path.id)
    raise NotFound(f"Run {call.path.id} has no log.")


@operation(
    "GET",
    "/runs/{id}/stages/{stageId}/logs/output",
    id="getRunStageCommandLog",
    tag="Run Internals",
    summary="Read what the command of a stage printed",
    answers={200: CommandLogResponse},
    guard=Guard.SAME_RUN,
    errors=(404,),
)
async def get_run_stage_command_log(call: Call[StagePath, CommandLogParams]) -> Reply:
    refuse_zero("limit", call.query.limit)
    found = await call.services.runs.outputs.read(
        call.path.id, call.path.stage_id, offset=call.query.offset, limit=call.query.limit
    )
    return json_reply(
        CommandLogResponse(
            offset=found.offset,
            next_offset=found.offset + len(found.content),
            total_bytes=found.total_bytes,
            bytes_base64=b64encode(found.content).decode(),
            eof=found.complete,
            cas_ref=found.blob_ref,
            live_streaming=found.live_streaming,
        )
    )


ROUTES: Final = (
    get_run_logs,
    get_run_stage_command_log,
)
