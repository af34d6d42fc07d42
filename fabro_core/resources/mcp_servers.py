"""MCP servers, kept for manifests that name them (resources.md X9). What their headers and environments hold is sealed
in the store, and never shown: views have the names alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.documents.sealing import BadSeal, Seal
from fabro_core.errors import SecretsUnavailable
from fabro_core.models.ids import ResourceId
from fabro_core.models.run_settings import (
    Count,
    McpHttpProtocol,
    McpServerSettings,
    McpTransportHttp,
    McpTransportSandbox,
    McpTransportStdio,
    StringMap,
)
from fabro_core.resources.revisioned import Closed, Kept, RevisionedDocuments, defined
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore

Command = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class StdioTransport(Closed, frozen=True, kw_only=True, tag="stdio", tag_field="type"):
    command: Command
    env: StringMap


class HttpTransport(Closed, frozen=True, kw_only=True, tag="http", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    url: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]
    headers: StringMap

    def __post_init__(self) -> None:
        if not _is_http_url(self.url):
            raise ValueError("url must be one of HTTP, as in https://mcp.example.com/")


class SandboxTransport(Closed, frozen=True, kw_only=True, tag="sandbox", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    command: Command
    port: Port
    env: StringMap


Transport = StdioTransport | HttpTransport | SandboxTransport


class McpTransportViewStdio(Closed, frozen=True, kw_only=True, tag="stdio", tag_field="type"):
    command: Command
    env_keys: tuple[str, ...]


class McpTransportViewHttp(Closed, frozen=True, kw_only=True, tag="http", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    url: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uri"})]
    header_keys: tuple[str, ...]


class McpTransportViewSandbox(Closed, frozen=True, kw_only=True, tag="sandbox", tag_field="type"):
    protocol: McpHttpProtocol = "streamable_http"
    command: Command
    port: Port
    env_keys: tuple[str, ...]


TransportView = McpTransportViewStdio | McpTransportViewHttp | McpTransportViewSandbox


class McpServerDefinition(Closed, frozen=True, kw_only=True):
    """What somebody sets."""

    display_name: str
    description: str | None = None
    transport: Transport
    startup_timeout_secs: Count
    tool_timeout_secs: Count


class McpServer(Closed, frozen=True, kw_only=True):
    """As it is shown."""

    id: ResourceId
    revision: str
    """Of the definition, values included."""
    display_name: str
    description: str | None
    transport: TransportView
    startup_timeout_secs: Count
    tool_timeout_secs: Count


class KeptMcpServer(Kept[McpServer], frozen=True, kw_only=True):
    """As it is stored."""

    values: Secret
    """Of the headers or the environment: a JSON object, by name."""


class McpServers:
    """The MCP servers that one store keeps. Every method raises `StoreUnavailable`.

    What is shown is read beside what is sealed, so that it can be read without any key.
    """

    def __init__(self, store: RunStore, clock: Clock, seal: Seal | None) -> None:
        """`seal`: None when there is no key, and then nothing can be set."""
        shown = Documents(store, clock, "mcp_servers", Kept[McpServer])
        self._shown: RevisionedDocuments[McpServer] = RevisionedDocuments(shown, "MCP server")
        self.sealed = None if seal is None else Documents(store, clock, "mcp_servers", KeptMcpServer, seal=seal)
        self._kept: RevisionedDocuments[McpServer] | None = (
            None if self.sealed is None else RevisionedDocuments(self.sealed, "MCP server")
        )

    async def all(self) -> list[McpServer]:
        """All of them, by id."""
        return await self._shown.all()

    async def get(self, id_: str) -> McpServer:
        """Raises `NotFound`."""
        return await self._shown.get(id_)

    async def create(self, id_: str, definition: McpServerDefinition) -> McpServer:
        """Raises `Conflict` when there is one with this id, or `SecretsUnavailable`."""
        return await self._writable().create(_kept(id_, definition))

    async def replace(self, id_: str, definition: McpServerDefinition, revision: str) -> McpServer:
        """Replace the one with this revision. Raises `NotFound`, `Conflict` or `SecretsUnavailable`."""
        try:
            return await self._writable().replace(_kept(id_, definition), revision)
        except BadSeal as error:
            raise SecretsUnavailable(f"Another session secret sealed MCP server {id_}; delete it first.") from error

    async def delete(self, id_: str, revision: str) -> None:
        """Delete the one with this revision. Raises `NotFound` or `Conflict`."""
        await self._shown.delete(id_, revision)

    def _writable(self) -> RevisionedDocuments[McpServer]:
        if self._kept is None:
            raise SecretsUnavailable
        return self._kept


def server_settings(server: McpServer) -> McpServerSettings:
    """As settings of runs refer to it; what is sealed is empty there."""
    return McpServerSettings(
        name=server.id,
        transport=_settings_of(server.transport),
        startup_timeout_secs=server.startup_timeout_secs,
        tool_timeout_secs=server.tool_timeout_secs,
    )


def _settings_of(view: TransportView) -> McpTransportStdio | McpTransportHttp | McpTransportSandbox:
    match view:
        case McpTransportViewStdio():
            return McpTransportStdio(command=view.command, env=dict.fromkeys(view.env_keys, ""))
        case McpTransportViewHttp():
            headers = dict.fromkeys(view.header_keys, "")
            return McpTransportHttp(protocol=view.protocol, url=view.url, headers=headers)
        case McpTransportViewSandbox():
            env = dict.fromkeys(view.env_keys, "")
            return McpTransportSandbox(protocol=view.protocol, command=view.command, port=view.port, env=env)


def _kept(id_: str, definition: McpServerDefinition) -> KeptMcpServer:
    members = defined(McpServerDefinition, id_, definition)
    view, values = _parted(definition.transport)
    return KeptMcpServer(
        shown=McpServer(**{**members, "transport": view}),
        values=Secret(msgspec.json.encode(values).decode()),
    )


def _parted(transport: Transport) -> tuple[TransportView, Mapping[str, str]]:
    """What of it may be shown, and what may not."""
    match transport:
        case StdioTransport(command=command, env=env):
            return McpTransportViewStdio(command=command, env_keys=tuple(sorted(env))), env
        case HttpTransport(protocol=protocol, url=url, headers=headers):
            return McpTransportViewHttp(protocol=protocol, url=url, header_keys=tuple(sorted(headers))), headers
        case SandboxTransport(protocol=protocol, command=command, port=port, env=env):
            keys = tuple(sorted(env))
            return McpTransportViewSandbox(protocol=protocol, command=command, port=port, env_keys=keys), env


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
