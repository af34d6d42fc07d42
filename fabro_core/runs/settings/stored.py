"""What the server keeps and manifests refer to: variables, environments, MCP servers (resources.md X7 to X9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from fabro_core.models.run_settings import EnvironmentSettings, McpServerSettings


class StoredSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, as of one instant."""

    variables: Mapping[str, str] = {}
    """Values by name."""
    environments: Mapping[str, EnvironmentSettings] = {}
    """By id."""
    mcp_servers: Mapping[str, McpServerSettings] = {}
    """By id. Values of their headers and environments are not looked at."""


ReadStoredSettings = Callable[[], Awaitable[StoredSettings]]
"""Reads it anew for each manifest. Raises `StoreUnavailable`."""


async def nothing_stored() -> StoredSettings:
    """A server that keeps none of it."""
    return StoredSettings()
