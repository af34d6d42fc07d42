"""Automations over HTTP (resources.md X5, X10); their runs are in `fabro_core.api.runs.automation_runs`."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from fabro_core.api.resources.revisioned import ResourcePath, shown
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.ids import ResourceId
from fabro_core.resources.automations import Automation, AutomationDefinition

automations = partial(operation, tag="Automations")


class CreateAutomationRequest(AutomationDefinition, frozen=True, kw_only=True):
    id: ResourceId


class ReplaceAutomationRequest(AutomationDefinition, frozen=True, kw_only=True):
    pass


class AutomationListMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    total: int


class AutomationListResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: list[Automation]
    meta: AutomationListMeta


@automations(
    "GET", "/automations", id="listAutomations", summary="List automations", answers={200: AutomationListResponse}
)
async def list_automations(call: Call) -> Reply:
    data = await call.services.resources.automations.all()
    return json_reply(AutomationListResponse(data, AutomationListMeta(len(data))))


@automations(
    "POST",
    "/automations",
    id="createAutomation",
    summary="Create an automation",
    answers={201: Automation},
    unprocessable=True,
    etag=True,
    errors=(409,),
)
async def create_automation(call: Call[None, None, CreateAutomationRequest]) -> Reply:
    created = await call.services.resources.automations.create(call.body.id, call.body)
    return shown(created, 201)


@automations(
    "GET",
    "/automations/{id}",
    id="retrieveAutomation",
    summary="Get an automation",
    answers={200: Automation},
    etag=True,
    errors=(404,),
)
async def retrieve_automation(call: Call[ResourcePath]) -> Reply:
    found = await call.services.resources.automations.get(call.path.id)
    return shown(found)


@automations(
    "PUT",
    "/automations/{id}",
    id="replaceAutomation",
    summary="Replace an automation",
    answers={200: Automation},
    unprocessable=True,
    if_match=True,
    etag=True,
    errors=(404, 409),
)
async def replace_automation(call: Call[ResourcePath, None, ReplaceAutomationRequest]) -> Reply:
    replaced = await call.services.resources.automations.replace(call.path.id, call.body, call.revision)
    return shown(replaced)


@automations(
    "DELETE",
    "/automations/{id}",
    id="deleteAutomation",
    summary="Delete an automation",
    answers={204: None},
    if_match=True,
    errors=(404, 409),
)
async def delete_automation(call: Call[ResourcePath]) -> Reply:
    await call.services.resources.automations.delete(call.path.id, call.revision)
    return no_content()


ROUTES: Final = (list_automations, create_automation, retrieve_automation, replace_automation, delete_automation)
