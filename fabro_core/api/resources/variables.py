"""Variables over HTTP (resources.md X7)."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.ids import VariableName
from fabro_core.resources.variables import Variable, VariableValue

variables = partial(operation, tag="Variables")


class VariablePath(PathParams, frozen=True, kw_only=True):
    name: VariableName


class CreateVariableRequest(VariableValue, frozen=True, kw_only=True):
    name: VariableName


class UpdateVariableRequest(VariableValue, frozen=True, kw_only=True):
    pass


class VariableListResponse(msgspec.Struct, frozen=True):
    data: list[Variable]


@variables("GET", "/variables", id="listVariables", summary="List variables", answers={200: VariableListResponse})
async def list_variables(call: Call) -> Reply:
    return json_reply(VariableListResponse(await call.services.resources.variables.all()))


@variables("POST", "/variables", id="createVariable", summary="Set a variable", answers={200: Variable})
async def create_variable(call: Call[None, None, CreateVariableRequest]) -> Reply:
    return json_reply(await call.services.resources.variables.put(call.body.name, call.body))


@variables(
    "GET", "/variables/{name}", id="getVariable", summary="Get a variable", answers={200: Variable}, errors=(404,)
)
async def get_variable(call: Call[VariablePath]) -> Reply:
    return json_reply(await call.services.resources.variables.get(call.path.name))


@variables(
    "PUT", "/variables/{name}", id="updateVariable", summary="Change a variable", answers={200: Variable}, errors=(404,)
)
async def update_variable(call: Call[VariablePath, None, UpdateVariableRequest]) -> Reply:
    return json_reply(await call.services.resources.variables.change(call.path.name, call.body))


@variables(
    "DELETE", "/variables/{name}", id="deleteVariable", summary="Delete a variable", answers={204: None}, errors=(404,)
)
async def delete_variable(call: Call[VariablePath]) -> Reply:
    await call.services.resources.variables.delete(call.path.name)
    return no_content()


ROUTES: Final = (list_variables, create_variable, get_variable, update_variable, delete_variable)
