"""Logs over HTTP (events.md E12): of a run's executor, and what the command of a stage printed."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

import msgspec

from fabro_core.errors import NotFound
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.query import MAX_UNSIGNED, QueryParams, parse_query, refuse_zero
from fabro_core.http.reply import Reply, json_reply
from fabro_core.http.request import FabroRequest


class CommandLogParams(QueryParams, frozen=True, kw_only=True):
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_UNSIGNED)] = 0
    limit: Annotated[int, msgspec.Meta(le=1024 * 1024)] = 64 * 1024


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
    "/runs/{id:str}/logs",
    Operation(
        id="getRunLogs",
        tag="Run Internals",
        summary="Get the log that an executor kept of a run",
        answers={200: str},
        media_type="text/plain; charset=utf-8",
        guard=Guard.SAME_RUN,
        errors=(400, 404),
    ),
)
async def get_run_logs(request: FabroRequest) -> Reply:
    """No executor runs inside this server, so none has kept a log."""
    run_id = request.run_id
    await request.services.runs.get(run_id)
    raise NotFound(f"Run {run_id} has no log.")


@operation(
    "GET",
    "/runs/{id:str}/stages/{stageId:str}/logs/output",
    Operation(
        id="getRunStageCommandLog",
        tag="Run Internals",
        summary="Read what the command of a stage printed",
        answers={200: CommandLogResponse},
        guard=Guard.SAME_RUN,
        query=CommandLogParams,
        errors=(400, 404),
    ),
)
async def get_run_stage_command_log(request: FabroRequest) -> Reply:
    run_id, stage_id = request.run_id, request.stage_id
    params = parse_query(CommandLogParams, request.scope["query_string"])
    refuse_zero("limit", params.limit)
    found = await request.services.runs.outputs.read(run_id, stage_id, offset=params.offset, limit=params.limit)
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
