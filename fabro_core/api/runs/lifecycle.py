"""Starting, approving, pausing and retrying runs over HTTP (runs.md R13, R14); cancel and archive: `api.runs`."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.api.runs.paths import RunPath
from fabro_core.api.runs.replies import provenance, run_reply
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.run import Run


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


@operation(
    "POST",
    "/runs/{id}/start",
    id="startRun",
    tag="Runs",
    summary="Start or resume a run",
    answers={200: Run},
    guard=Guard.TARGET,
    body_required=False,
    errors=(404, 409),
)
async def start_run(call: Call[RunPath, None, StartRunRequest]) -> Reply:
    runs = call.services.runs
    start = runs.resume if call.body.resume else runs.start
    return run_reply(call, await start(call.path.id, actor=call.principal))


@operation(
    "POST",
    "/runs/{id}/approve",
    id="approveRun",
    tag="Runs",
    summary="Approve a run",
    answers={200: Run},
    errors=(404, 409),
)
async def approve_run(call: Call[RunPath]) -> Reply:
    return run_reply(call, await call.services.runs.approve(call.path.id, actor=call.principal))


@operation(
    "POST",
    "/runs/{id}/deny",
    id="denyRun",
    tag="Runs",
    summary="Deny a run its approval",
    answers={200: Run},
    body_required=False,
    errors=(404, 409),
)
async def deny_run(call: Call[RunPath, None, DenyRunRequest]) -> Reply:
    runs = call.services.runs
    return run_reply(call, await runs.deny(call.path.id, call.body.reason, actor=call.principal))


@operation(
    "POST", "/runs/{id}/pause", id="pauseRun", tag="Runs", summary="Pause a run", answers={200: Run}, errors=(404, 409)
)
async def pause_run(call: Call[RunPath]) -> Reply:
    return run_reply(call, await call.services.runs.pause(call.path.id, actor=call.principal))


@operation(
    "POST",
    "/runs/{id}/unpause",
    id="unpauseRun",
    tag="Runs",
    summary="Let a paused run go on",
    answers={200: Run},
    errors=(404, 409),
)
async def unpause_run(call: Call[RunPath]) -> Reply:
    return run_reply(call, await call.services.runs.unpause(call.path.id, actor=call.principal))


@operation(
    "POST",
    "/runs/{id}/retry",
    id="retryRun",
    tag="Runs",
    summary="Run again what has ended",
    answers={201: Run},
    errors=(404, 409),
)
async def retry_run(call: Call[RunPath]) -> Reply:
    hit = await call.services.runs.retry(call.path.id, provenance=provenance(call))
    return run_reply(call, hit, 201)


@operation(
    "POST",
    "/runs/{id}/fork",
    id="forkRun",
    tag="Runs",
    summary="Make a run that begins at a checkpoint of another",
    answers={200: ForkResponse},
    body_required=False,
    errors=(404, 409),
)
async def fork_run(call: Call[RunPath, None, ForkRequest]) -> Reply:
    fork = await call.services.runs.fork(call.path.id, call.body.target, provenance=provenance(call))
    return json_reply(ForkResponse(source_run_id=call.path.id, new_run_id=fork.hit.id, target=fork.point.target))


@operation(
    "POST",
    "/runs/{id}/rewind",
    id="rewindRun",
    tag="Runs",
    summary="Replace a run by one that begins at a checkpoint of it",
    answers={200: RewindResponse, 207: RewindResponse},
    body_required=False,
    errors=(404, 409),
)
async def rewind_run(call: Call[RunPath, None, RewindRequest]) -> Reply:
    """207: the new run is there, the old one could not be archived."""
    fork = await call.services.runs.rewind(call.path.id, call.body.target, provenance=provenance(call))
    answer = RewindResponse(
        source_run_id=call.path.id,
        new_run_id=fork.hit.id,
        target=fork.point.target,
        archived=fork.left_over is None,
        archive_error=fork.left_over,
    )
    return json_reply(answer, 200 if answer.archived else 207)


@operation(
    "GET",
    "/runs/{id}/timeline",
    id="getRunTimeline",
    tag="Runs",
    summary="List a run's checkpoints",
    answers={200: list[TimelineEntryResponse]},
    errors=(404,),
)
async def get_run_timeline(call: Call[RunPath]) -> Reply:
    run = await call.services.runs.projection(call.path.id)
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


ROUTES: Final = (
    start_run,
    approve_run,
    deny_run,
    pause_run,
    unpause_run,
    retry_run,
    fork_run,
    rewind_run,
    get_run_timeline,
)
