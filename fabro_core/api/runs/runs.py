"""Runs over HTTP (runs.md R7 to R10, R12, R13): parse, call the domain, answer."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.api.runs.narrowing import NarrowingParams, facets_asked, instant_asked, words_asked
from fabro_core.api.runs.paths import RunPath
from fabro_core.api.runs.replies import provenance, run_reply
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.path import require_run_id
from fabro_core.http.query import PageLimit, PageOffset, QueryParams
from fabro_core.http.reply import Reply, json_bytes, no_content
from fabro_core.models.manifest import RunManifest
from fabro_core.models.run import PaginatedRunList, Run
from fabro_core.models.status import Bucket
from fabro_core.runs.views.listing import visible_buckets
from fabro_core.store.records import RunQuery, RunSort


class ListRunsParams(NarrowingParams, frozen=True, kw_only=True):
    limit: PageLimit = msgspec.field(default=20, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")
    include_archived: bool = False
    status: tuple[Bucket, ...] = ()
    sort: RunSort = RunSort.CREATED_AT
    direction: Literal["asc", "desc"] = "desc"


class ResolveParams(QueryParams, frozen=True, kw_only=True):
    selector: str


class DeleteParams(QueryParams, frozen=True, kw_only=True):
    force: bool = False


class UpdateRunRequest(msgspec.Struct, frozen=True):
    title: str


class UpdateRunParentRequest(msgspec.Struct, frozen=True):
    parent_id: str


@operation(
    "GET",
    "/runs",
    id="listRuns",
    tag="Runs",
    summary="List runs",
    answers={200: PaginatedRunList},
    guard=Guard.MANAGEMENT,
)
async def list_runs(call: Call[None, ListRunsParams]) -> Reply:
    runs, asked = call.services.runs, call.query
    query = RunQuery(
        buckets=visible_buckets(asked.status, include_archived=asked.include_archived),
        sort=asked.sort,
        direction=asked.direction,
        limit=asked.limit,
        offset=asked.offset,
        now_ms=runs.now_ms(),
        facets=facets_asked(asked, call.principal),
        created_from_ms=instant_asked("created_from", asked.created_from),
        created_to_ms=instant_asked("created_to", asked.created_to),
        words=words_asked(asked.q),
        max_rows=call.services.search_rows,
    )
    return json_bytes(await runs.list_json(query))


@operation(
    "POST",
    "/runs",
    id="createRun",
    tag="Runs",
    summary="Create a run from a manifest",
    answers={201: Run},
    guard=Guard.MANAGEMENT,
    body=RunManifest,
    errors=(404,),
    any_media_type=True,
)
async def create_run(call: Call[None, None, bytes]) -> Reply:
    hit = await call.services.runs.create(call.body, provenance=provenance(call))
    return run_reply(call, hit, 201)


@operation(
    "GET",
    "/runs/resolve",
    id="resolveRun",
    tag="Runs",
    summary="Find a run by the start of its id or by its workflow",
    answers={200: Run},
    guard=Guard.MANAGEMENT,
    errors=(404,),
)
async def resolve_run(call: Call[None, ResolveParams]) -> Reply:
    return run_reply(call, await call.services.runs.resolve(call.query.selector))


@operation(
    "GET",
    "/runs/{id}",
    id="retrieveRun",
    tag="Runs",
    summary="Get a run",
    answers={200: Run},
    guard=Guard.TARGET,
    errors=(404,),
)
async def retrieve_run(call: Call[RunPath]) -> Reply:
    runs = call.services.runs
    return json_bytes(runs.json_to_the_moment(await runs.get(call.path.id)))


@operation(
    "PATCH",
    "/runs/{id}",
    id="updateRun",
    tag="Runs",
    summary="Change a run's title",
    answers={200: Run},
    any_media_type=True,
    errors=(404,),
)
async def update_run(call: Call[RunPath, None, UpdateRunRequest]) -> Reply:
    hit = await call.services.runs.retitle(call.path.id, call.body.title, actor=call.principal)
    return run_reply(call, hit)


@operation(
    "DELETE", "/runs/{id}", id="deleteRun", tag="Runs", summary="Delete a run", answers={204: None}, errors=(409,)
)
async def delete_run(call: Call[RunPath, DeleteParams]) -> Reply:
    runs = call.services.runs
    delete = runs.delete_by_force if call.query.force else runs.delete
    await delete(call.path.id, actor=call.principal)
    return no_content()


@operation(
    "PUT",
    "/runs/{id}/parent",
    id="linkRunParent",
    tag="Runs",
    summary="Make another run the parent",
    answers={200: Run},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def link_run_parent(call: Call[RunPath, None, UpdateRunParentRequest]) -> Reply:
    link = call.body
    parent_id = require_run_id(link.parent_id, 'The member "parent_id"')
    hit = await call.services.runs.link_parent(call.path.id, parent_id, actor=call.principal)
    return run_reply(call, hit)


@operation(
    "DELETE",
    "/runs/{id}/parent",
    id="unlinkRunParent",
    tag="Runs",
    summary="Leave the parent",
    answers={200: Run},
    guard=Guard.TARGET,
    errors=(404,),
)
async def unlink_run_parent(call: Call[RunPath]) -> Reply:
    hit = await call.services.runs.unlink_parent(call.path.id, actor=call.principal)
    return run_reply(call, hit)


@operation(
    "POST",
    "/runs/{id}/cancel",
    id="cancelRun",
    tag="Runs",
    summary="Cancel a run",
    answers={200: Run, 202: Run},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def cancel_run(call: Call[RunPath]) -> Reply:
    """200: the run had not started and has failed; 202: its worker has been asked to stop (runs.md R13)."""
    hit = await call.services.runs.cancel(call.path.id, actor=call.principal)
    return run_reply(call, hit, 202 if hit.live else 200)


@operation(
    "POST",
    "/runs/{id}/archive",
    id="archiveRun",
    tag="Runs",
    summary="Archive a finished run",
    answers={200: Run},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def archive_run(call: Call[RunPath]) -> Reply:
    return run_reply(call, (await call.services.runs.archive(call.path.id, actor=call.principal)).hit)


@operation(
    "POST",
    "/runs/{id}/unarchive",
    id="unarchiveRun",
    tag="Runs",
    summary="Unarchive a run",
    answers={200: Run},
    guard=Guard.TARGET,
    errors=(404, 409),
)
async def unarchive_run(call: Call[RunPath]) -> Reply:
    return run_reply(call, (await call.services.runs.unarchive(call.path.id, actor=call.principal)).hit)


ROUTES: Final = (
    list_runs,
    create_run,
    resolve_run,
    retrieve_run,
    update_run,
    delete_run,
    link_run_parent,
    unlink_run_parent,
    cancel_run,
    archive_run,
    unarchive_run,
)
