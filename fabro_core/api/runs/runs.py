"""Runs over HTTP (runs.md R7 to R10, R12, R13): parse, call the domain, answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from fabro_core.http.body import decode_json, read_body, read_json_body
from fabro_core.http.guards import Guard
from fabro_core.http.operation import Operation, operation
from fabro_core.http.query import PageLimit, PageOffset, QueryParams, parse_query
from fabro_core.http.reply import Reply, json_bytes, no_content
from fabro_core.http.request import FabroRequest, require_run_id
from fabro_core.models.manifest import RunManifest
from fabro_core.models.run import PaginatedRunList, Run
from fabro_core.models.status import Bucket
from fabro_core.runs.create.provenance import provenance_of
from fabro_core.runs.fold.wire import run_json, run_json_to_the_moment
from fabro_core.runs.views.listing import visible_buckets
from fabro_core.store.records import RunHit, RunQuery, RunSort

BoardColumn = Literal[
    "pending", "runnable", "initializing", "running", "blocked", "succeeded", "failed", "archived", "removing"
]
_BUCKETS = {bucket.label: bucket for bucket in Bucket}

SortKey = Literal["created_at", "updated_at", "status", "elapsed", "repo", "title", "workflow", "changes", "size"]


class ListRunsParams(QueryParams, frozen=True, kw_only=True):
    limit: PageLimit = msgspec.field(default=20, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")
    include_archived: bool = False
    parent_id: str | None = None
    status: tuple[BoardColumn, ...] = ()
    sort: SortKey = "created_at"
    direction: Literal["asc", "desc"] = "desc"


class ResolveParams(QueryParams, frozen=True, kw_only=True):
    selector: str


class DeleteParams(QueryParams, frozen=True, kw_only=True):
    force: bool = False


class UpdateRunRequest(msgspec.Struct, frozen=True):
    title: str


class UpdateRunParentRequest(msgspec.Struct, frozen=True):
    parent_id: str


def _run(request: FabroRequest, hit: RunHit, status: int = 200) -> Reply:
    return json_bytes(run_json(hit, request.services.runs.now_ms()), status)


@operation(
    "GET",
    "/runs",
    Operation(
        id="listRuns",
        tag="Runs",
        summary="List runs",
        answers={200: PaginatedRunList},
        guard=Guard.MANAGEMENT,
        query=ListRunsParams,
    ),
)
async def list_runs(request: FabroRequest) -> Reply:
    params = parse_query(ListRunsParams, request.scope["query_string"])
    runs = request.services.runs
    query = RunQuery(
        buckets=visible_buckets([_BUCKETS[label] for label in params.status], include_archived=params.include_archived),
        sort=RunSort(params.sort),
        direction=params.direction,
        limit=params.limit,
        offset=params.offset,
        now_ms=runs.now_ms(),
        parent_id=require_run_id(params.parent_id, 'The query parameter "parent_id"') if params.parent_id else None,
    )
    return json_bytes(await runs.list_json(query))


@operation(
    "POST",
    "/runs",
    Operation(
        id="createRun",
        tag="Runs",
        summary="Create a run from a manifest",
        answers={201: Run},
        guard=Guard.MANAGEMENT,
        body=RunManifest,
        errors=(400, 404),
    ),
)
async def create_run(request: FabroRequest) -> Reply:
    services = request.services
    provenance = provenance_of(
        request.caller.principal, user_agent=request.headers.get("user-agent"), server_version=services.version
    )
    hit = await services.runs.create(await read_body(request), provenance=provenance)
    return _run(request, hit, 201)


@operation(
    "GET",
    "/runs/resolve",
    Operation(
        id="resolveRun",
        tag="Runs",
        summary="Find a run by the start of its id or by its workflow",
        answers={200: Run},
        guard=Guard.MANAGEMENT,
        query=ResolveParams,
        errors=(400, 404),
    ),
)
async def resolve_run(request: FabroRequest) -> Reply:
    params = parse_query(ResolveParams, request.scope["query_string"])
    return _run(request, await request.services.runs.resolve(params.selector))


@operation(
    "GET",
    "/runs/{id:str}",
    Operation(
        id="retrieveRun", tag="Runs", summary="Get a run", answers={200: Run}, guard=Guard.TARGET, errors=(400, 404)
    ),
)
async def retrieve_run(request: FabroRequest) -> Reply:
    runs = request.services.runs
    return json_bytes(run_json_to_the_moment(await runs.get(request.run_id), runs.now_ms()))


@operation(
    "PATCH",
    "/runs/{id:str}",
    Operation(
        id="updateRun",
        tag="Runs",
        summary="Change a run's title",
        answers={200: Run},
        body=UpdateRunRequest,
        errors=(400, 404),
    ),
)
async def update_run(request: FabroRequest) -> Reply:
    body = await read_body(request)
    run_id = request.run_id
    update = decode_json(body, UpdateRunRequest)
    hit = await request.services.runs.retitle(run_id, update.title, actor=request.caller.principal)
    return _run(request, hit)


@operation(
    "DELETE",
    "/runs/{id:str}",
    Operation(
        id="deleteRun",
        tag="Runs",
        summary="Delete a run",
        answers={204: None},
        query=DeleteParams,
        errors=(400, 409),
    ),
)
async def delete_run(request: FabroRequest) -> Reply:
    run_id = request.run_id
    params = parse_query(DeleteParams, request.scope["query_string"])
    runs = request.services.runs
    delete = runs.delete_by_force if params.force else runs.delete
    await delete(run_id, actor=request.caller.principal)
    return no_content()


@operation(
    "PUT",
    "/runs/{id:str}/parent",
    Operation(
        id="linkRunParent",
        tag="Runs",
        summary="Make another run the parent",
        answers={200: Run},
        guard=Guard.TARGET,
        body=UpdateRunParentRequest,
        errors=(400, 404, 409),
    ),
)
async def link_run_parent(request: FabroRequest) -> Reply:
    body = await read_json_body(request)
    run_id = request.run_id
    link = decode_json(body, UpdateRunParentRequest)
    parent_id = require_run_id(link.parent_id, 'The member "parent_id"')
    hit = await request.services.runs.link_parent(run_id, parent_id, actor=request.caller.principal)
    return _run(request, hit)


@operation(
    "DELETE",
    "/runs/{id:str}/parent",
    Operation(
        id="unlinkRunParent",
        tag="Runs",
        summary="Leave the parent",
        answers={200: Run},
        guard=Guard.TARGET,
        errors=(400, 404),
    ),
)
async def unlink_run_parent(request: FabroRequest) -> Reply:
    hit = await request.services.runs.unlink_parent(request.run_id, actor=request.caller.principal)
    return _run(request, hit)


@operation(
    "POST",
    "/runs/{id:str}/cancel",
    Operation(
        id="cancelRun",
        tag="Runs",
        summary="Cancel a run",
        answers={200: Run, 202: Run},
        guard=Guard.TARGET,
        errors=(400, 404, 409),
    ),
)
async def cancel_run(request: FabroRequest) -> Reply:
    """200: the run had not started and has failed; 202: its worker has been asked to stop (runs.md R13)."""
    hit = await request.services.runs.cancel(request.run_id, actor=request.caller.principal)
    return _run(request, hit, 202 if hit.live else 200)


@operation(
    "POST",
    "/runs/{id:str}/archive",
    Operation(
        id="archiveRun",
        tag="Runs",
        summary="Archive a finished run",
        answers={200: Run},
        guard=Guard.TARGET,
        errors=(400, 404, 409),
    ),
)
async def archive_run(request: FabroRequest) -> Reply:
    return _run(request, (await request.services.runs.archive(request.run_id, actor=request.caller.principal)).hit)


@operation(
    "POST",
    "/runs/{id:str}/unarchive",
    Operation(
        id="unarchiveRun",
        tag="Runs",
        summary="Unarchive a run",
        answers={200: Run},
        guard=Guard.TARGET,
        errors=(400, 404, 409),
    ),
)
async def unarchive_run(request: FabroRequest) -> Reply:
    return _run(request, (await request.services.runs.unarchive(request.run_id, actor=request.caller.principal)).hit)
