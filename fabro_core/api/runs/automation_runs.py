"""The runs of automations over HTTP (resources.md X10)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.api.runs.replies import provenance, run_reply
from fabro_core.errors import Conflict
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.query import PageLimit, PageOffset, QueryParams
from fabro_core.http.reply import Reply, json_bytes
from fabro_core.models.ids import ResourceId
from fabro_core.models.run import PaginatedRunList, Run
from fabro_core.resources.automations import MANUAL
from fabro_core.runs.fold.facets import of_automation
from fabro_core.runs.views.listing import EVERYTHING
from fabro_core.store.records import RunQuery, RunSort


class AutomationPath(PathParams, frozen=True, kw_only=True):
    id: ResourceId


class AutomationRunsParams(QueryParams, frozen=True, kw_only=True):
    limit: PageLimit = msgspec.field(default=20, name="page[limit]")
    offset: PageOffset = msgspec.field(default=0, name="page[offset]")


@operation(
    "GET",
    "/automations/{id}/runs",
    id="listAutomationRuns",
    tag="Automations",
    summary="List the runs of an automation",
    answers={200: PaginatedRunList},
    errors=(404,),
)
async def list_automation_runs(call: Call[AutomationPath, AutomationRunsParams]) -> Reply:
    automation = await call.services.resources.automations.get(call.path.id)
    runs = call.services.runs
    query = RunQuery(
        buckets=EVERYTHING,
        sort=RunSort.CREATED_AT,
        direction="desc",
        limit=call.query.limit,
        offset=call.query.offset,
        now_ms=runs.now_ms(),
        facets=(of_automation(automation.id),),
        max_rows=call.services.search_rows,
    )
    return json_bytes(await runs.list_json(query))


@operation(
    "POST",
    "/automations/{id}/runs",
    id="createAutomationRun",
    tag="Automations",
    summary="Run what an automation runs",
    answers={201: Run},
    guard=Guard.MANAGEMENT,
    errors=(404, 409, 422, 501, 502),
)
async def create_automation_run(call: Call[AutomationPath]) -> Reply:
    automation = await call.services.resources.automations.get(call.path.id)
    if not automation.is_for_the_api:
        raise Conflict(
            f"Automation {automation.id} has no enabled trigger of the type api.",
            code="automation_api_trigger_disabled",
        )
    runs, made_by = call.services.automation_runs, provenance(call)
    run = await runs.create(automation, MANUAL, provenance=made_by)
    reply = run_reply(call, run, 201)
    await runs.start(run, provenance=made_by)
    return reply


ROUTES: Final = (list_automation_runs, create_automation_run)
