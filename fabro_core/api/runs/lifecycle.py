"""Starting, approving, pausing and retrying runs over HTTP (runs.md R13, R14); cancel and archive: `api.runs`."""

from __future__ import annotations

import msgspec

from fabro_core.http.body import decode_optional_json, read_json_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.reply import Reply, json_bytes, json_reply
from fabro_core.http.request import FabroRequest
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import Run
from fabro_core.runs.create.provenance import provenance_of
from fabro_core.runs.fold.wire import run_json
from fabro_core.store.records import RunHit


class StartRunRequest(msgspec.Struct, frozen=True):
    resume: bool = False
    """Go on from the newest checkpoint."""


class DenyRunRequest(msgspec.Struct, frozen=True):
    reason: str | None = None


class TimelineEntryResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A checkpoint of a run; `ordinal` counts from 1."""

    ordinal: int
    node_name: str
    visit: int
    checkpoint_seq: int
    run_commit_sha: str | None = None


class ForkRequest(msgspec.Struct, frozen=True):
    target: str | None = None
    """`@N`, a node, or `node@visit`; None: the newest checkpoint."""


class RewindRequest(ForkRequest, frozen=True):
    pass


class ForkResponse(msgspec.Struct, frozen=True, kw_only=True):
    source_run_id: str
    new_run_id: str
    target: str


class RewindResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    source_run_id: str
    new_run_id: str
    target: str
    archived: bool
    archive_error: str | None = None


def _provenance(request: FabroRequest) -> RunProvenance:
    return provenance_of(
        request.caller.principal,
        user_agent=request.headers.get("user-agent"),
        server_version=request.services.version,
    )


def _run(request: FabroRequest, hit: RunHit, status: int = 200) -> Reply:
    return json_bytes(run_json(hit, request.services.runs.now_ms()), status)


@operation(
    "POST",
    "/runs/{id:str}/start",
    Operation(
        id="startRun",
        tag="Runs",
        summary="Start or resume a run",
        answers={200: Run},
        guard=Guard.TARGET,
        body=StartRunRequest,
        body_required=False,
        errors=(400, 404, 409),
    ),
)
async def start_run(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id, runs = request.run_id, request.services.runs
    start = runs.resume if decode_optional_json(body, StartRunRequest).resume else runs.start
    return _run(request, await start(run_id, actor=request.caller.principal))


@operation(
    "POST",
    "/runs/{id:str}/approve",
    Operation(id="approveRun", tag="Runs", summary="Approve a run", answers={200: Run}, errors=(400, 404, 409)),
)
async def approve_run(request: FabroRequest) -> Reply:
    return _run(request, await request.services.runs.approve(request.run_id, actor=request.caller.principal))


@operation(
    "POST",
    "/runs/{id:str}/deny",
    Operation(
        id="denyRun",
        tag="Runs",
        summary="Deny a run its approval",
        answers={200: Run},
        body=DenyRunRequest,
        body_required=False,
        errors=(400, 404, 409),
    ),
)
async def deny_run(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id = request.run_id
    reason = decode_optional_json(body, DenyRunRequest).reason
    return _run(request, await request.services.runs.deny(run_id, reason, actor=request.caller.principal))


@operation(
    "POST",
    "/runs/{id:str}/pause",
    Operation(id="pauseRun", tag="Runs", summary="Pause a run", answers={200: Run}, errors=(400, 404, 409)),
)
async def pause_run(request: FabroRequest) -> Reply:
    return _run(request, await request.services.runs.pause(request.run_id, actor=request.caller.principal))


@operation(
    "POST",
    "/runs/{id:str}/unpause",
    Operation(
        id="unpauseRun", tag="Runs", summary="Let a paused run go on", answers={200: Run}, errors=(400, 404, 409)
    ),
)
async def unpause_run(request: FabroRequest) -> Reply:
    return _run(request, await request.services.runs.unpause(request.run_id, actor=request.caller.principal))


@operation(
    "POST",
    "/runs/{id:str}/retry",
    Operation(
        id="retryRun",
        tag="Runs",
        summary="Run again what has ended",
        answers={201: Run},
        errors=(400, 404, 409),
    ),
)
async def retry_run(request: FabroRequest) -> Reply:
    hit = await request.services.runs.retry(request.run_id, provenance=_provenance(request))
    return _run(request, hit, 201)


@operation(
    "POST",
    "/runs/{id:str}/fork",
    Operation(
        id="forkRun",
        tag="Runs",
        summary="Make a run that begins at a checkpoint of another",
        answers={200: ForkResponse},
        body=ForkRequest,
        body_required=False,
        errors=(400, 404, 409),
    ),
)
async def fork_run(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id = request.run_id
    target = decode_optional_json(body, ForkRequest).target
    fork = await request.services.runs.fork(run_id, target, provenance=_provenance(request))
    return json_reply(ForkResponse(source_run_id=run_id, new_run_id=fork.hit.id, target=fork.point.target))


@operation(
    "POST",
    "/runs/{id:str}/rewind",
    Operation(
        id="rewindRun",
        tag="Runs",
        summary="Replace a run by one that begins at a checkpoint of it",
        answers={200: RewindResponse, 207: RewindResponse},
        body=RewindRequest,
        body_required=False,
        errors=(400, 404, 409),
    ),
)
async def rewind_run(request: FabroRequest) -> Reply:
    """207: the new run is there, the old one could not be archived."""
    body = await read_json_body(request)
    run_id = request.run_id
    target = decode_optional_json(body, RewindRequest).target
    fork = await request.services.runs.rewind(run_id, target, provenance=_provenance(request))
    answer = RewindResponse(
        source_run_id=run_id,
        new_run_id=fork.hit.id,
        target=fork.point.target,
        archived=fork.left_over is None,
        archive_error=fork.left_over,
    )
    return json_reply(answer, 200 if answer.archived else 207)


@operation(
    "GET",
    "/runs/{id:str}/timeline",
    Operation(
        id="getRunTimeline",
        tag="Runs",
        summary="List a run's checkpoints",
        answers={200: list[TimelineEntryResponse]},
        errors=(400, 404),
    ),
)
async def get_run_timeline(request: FabroRequest) -> Reply:
    run = await request.services.runs.projection(request.run_id)
    entries = [
        TimelineEntryResponse(
            ordinal=ordinal,
            node_name=checkpoint.node,
            visit=checkpoint.visit,
            checkpoint_seq=checkpoint.seq,
            run_commit_sha=checkpoint.sha,
        )
        for ordinal, checkpoint in enumerate(run.checkpoints, start=1)
    ]
    return json_reply(entries)
