"""MCP servers over HTTP (resources.md X5, X9)."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from fabro_core.api.resources.revisioned import ResourcePath, shown
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.ids import ResourceId
from fabro_core.resources.mcp_servers import McpServer, McpServerDefinition

mcp_servers = partial(operation, tag="MCP Servers")


class CreateMcpServerRequest(McpServerDefinition, frozen=True, kw_only=True):
    id: ResourceId


class ReplaceMcpServerRequest(McpServerDefinition, frozen=True, kw_only=True):
    pass


class McpServerListMeta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    total: int


class McpServerListResponse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: list[McpServer]
    meta: McpServerListMeta


@mcp_servers(
    "GET", "/mcp-servers", id="listMcpServers", summary="List MCP servers", answers={200: McpServerListResponse}
)
async def list_mcp_servers(call: Call) -> Reply:
    data = await call.services.resources.mcp_servers.all()
    return json_reply(McpServerListResponse(data, McpServerListMeta(len(data))))


@mcp_servers(
    "POST",
    "/mcp-servers",
    id="createMcpServer",
    summary="Create an MCP server",
    answers={201: McpServer},
    unprocessable=True,
    etag=True,
    errors=(409,),
)
async def create_mcp_server(call: Call[None, None, CreateMcpServerRequest]) -> Reply:
    created = await call.services.resources.mcp_servers.create(call.body.id, call.body)
    return shown(created, 201)


@mcp_servers(
    "GET",
    "/mcp-servers/{id}",
    id="retrieveMcpServer",
    summary="Get an MCP server",
    answers={200: McpServer},
    etag=True,
    errors=(404,),
)
async def retrieve_mcp_server(call: Call[ResourcePath]) -> Reply:
    found = await call.services.resources.mcp_servers.get(call.path.id)
    return shown(found)


@mcp_servers(
    "PUT",
    "/mcp-servers/{id}",
    id="replaceMcpServer",
    summary="Replace an MCP server",
    answers={200: McpServer},
    unprocessable=True,
    if_match=True,
    etag=True,
    errors=(404, 409),
)
async def replace_mcp_server(call: Call[ResourcePath, None, ReplaceMcpServerRequest]) -> Reply:
    replaced = await call.services.resources.mcp_servers.replace(call.path.id, call.body, call.revision)
    return shown(replaced)


@mcp_servers(
    "DELETE",
    "/mcp-servers/{id}",
    id="deleteMcpServer",
    summary="Delete an MCP server",
    answers={204: None},
    if_match=True,
    errors=(404, 409),
)
async def delete_mcp_server(call: Call[ResourcePath]) -> Reply:
    await call.services.resources.mcp_servers.delete(call.path.id, call.revision)
    return no_content()


ROUTES: Final = (list_mcp_servers, create_mcp_server, retrieve_mcp_server, replace_mcp_server, delete_mcp_server)
