"""Environments over HTTP (resources.md X5, X8)."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from fabro_core.api.resources.revisioned import ResourcePath, shown
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.ids import ResourceId
from fabro_core.resources.environments import Environment, EnvironmentDefinition

environments = partial(operation, tag="Environments")


class CreateEnvironmentRequest(EnvironmentDefinition, frozen=True, kw_only=True):
    id: ResourceId


class ReplaceEnvironmentRequest(EnvironmentDefinition, frozen=True, kw_only=True):
    pass


class EnvironmentListMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    total: int


class EnvironmentListResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: list[Environment]
    meta: EnvironmentListMeta


@environments(
    "GET", "/environments", id="listEnvironments", summary="List environments", answers={200: EnvironmentListResponse}
)
async def list_environments(call: Call) -> Reply:
    data = await call.services.resources.environments.all()
    return json_reply(EnvironmentListResponse(data, EnvironmentListMeta(len(data))))


@environments(
    "POST",
    "/environments",
    id="createEnvironment",
    summary="Create an environment",
    answers={201: Environment},
    unprocessable=True,
    etag=True,
    errors=(409,),
)
async def create_environment(call: Call[None, None, CreateEnvironmentRequest]) -> Reply:
    created = await call.services.resources.environments.create(call.body.id, call.body)
    return shown(created, 201)


@environments(
    "GET",
    "/environments/{id}",
    id="retrieveEnvironment",
    summary="Get an environment",
    answers={200: Environment},
    etag=True,
    errors=(404,),
)
async def retrieve_environment(call: Call[ResourcePath]) -> Reply:
    found = await call.services.resources.environments.get(call.path.id)
    return shown(found)


@environments(
    "PUT",
    "/environments/{id}",
    id="replaceEnvironment",
    summary="Replace an environment",
    answers={200: Environment},
    unprocessable=True,
    if_match=True,
    etag=True,
    errors=(404, 409),
)
async def replace_environment(call: Call[ResourcePath, None, ReplaceEnvironmentRequest]) -> Reply:
    replaced = await call.services.resources.environments.replace(call.path.id, call.body, call.revision)
    return shown(replaced)


@environments(
    "DELETE",
    "/environments/{id}",
    id="deleteEnvironment",
    summary="Delete an environment",
    answers={204: None},
    if_match=True,
    errors=(404, 409),
)
async def delete_environment(call: Call[ResourcePath]) -> Reply:
    await call.services.resources.environments.delete(call.path.id, call.revision)
    return no_content()


ROUTES: Final = (list_environments, create_environment, retrieve_environment, replace_environment, delete_environment)
