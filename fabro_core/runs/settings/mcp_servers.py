"""MCP servers of a run: which there are, and how the snapshot shows them (run-settings.md T6.8, T9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from fabro_core.models.run_settings import McpServerSettings, McpTransportHttp
from fabro_core.near import near_match
from fabro_core.runs.settings.faults import Report, quoted
from fabro_core.runs.settings.kinds import JsonObject
from fabro_core.runs.settings.model_mcps import (
    HttpServer,
    InlineServer,
    McpEntry,
    McpReference,
    SandboxServer,
    StdioServer,
)
from fabro_core.runs.settings.toml_places import Path

PATH: Final[Path] = ("run", "agent", "mcps")
REDACTED: Final = "[REDACTED]"
"""Stands for what the server keeps encrypted."""


def inline_servers(entries: Mapping[str, McpEntry]) -> dict[str, McpEntry]:
    """Those that the files themselves describe and that are not switched off."""
    return {
        name: entry for name, entry in entries.items() if isinstance(entry, InlineServer) and entry.enabled is not False
    }


def referenced_servers(
    entries: Mapping[str, McpEntry], stored: Mapping[str, McpServerSettings], report: Report
) -> dict[str, McpServerSettings]:
    """Those that the server keeps, with the name that the run gives them and without what is secret."""
    found: dict[str, McpServerSettings] = {}
    for name, entry in entries.items():
        if not isinstance(entry, McpReference) or entry.enabled is False:
            continue
        server = stored.get(entry.id)
        if server is None:
            near = near_match(entry.id, stored)
            hint = f"; did you mean {quoted(near)}?" if near else ""
            report((*PATH, name, "id"), f"this server keeps no MCP server {quoted(entry.id)}{hint}")
        else:
            found[name] = _without_secrets(server, name)
    return found


def _without_secrets(server: McpServerSettings, name: str) -> McpServerSettings:
    transport = server.transport
    if isinstance(transport, McpTransportHttp):
        return replace(server, name=name, transport=replace(transport, headers=_redacted(transport.headers)))
    return replace(server, name=name, transport=replace(transport, env=_redacted(transport.env)))


def _redacted(values: Mapping[str, str]) -> dict[str, str]:
    return dict.fromkeys(values, REDACTED)


# -- in the snapshot ----------------------------------------------------------------------------------------------


def shown_server(name: str, server: InlineServer) -> JsonObject:
    """An entry of a file, whose defaults are filled in."""
    return {
        "name": name,
        "transport": _shown_transport(server),
        "startup_timeout_secs": (server.startup_timeout or 0) // 1_000,
        "tool_timeout_secs": (server.tool_timeout or 0) // 1_000,
    }


def _shown_transport(server: InlineServer) -> JsonObject:
    match server:
        case StdioServer():
            return {"type": "stdio", "command": _command(server, "sh"), "env": server.env}
        case SandboxServer():
            command = _command(server, "bash")
            return {
                "type": "sandbox",
                "protocol": server.protocol,
                "command": command,
                "port": server.port,
                "env": server.env,
            }
        case HttpServer():
            return {"type": "http", "protocol": server.protocol, "url": server.url, "headers": server.headers}
        case _:
            raise TypeError(type(server).__name__)


def _command(server: StdioServer | SandboxServer, shell: str) -> list[str]:
    return [shell, "-c", server.script] if server.script is not None else list(server.command or ())
