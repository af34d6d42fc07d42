"""What a plugin is handed and what it hands back at start-up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from fabro_core.clock import Clock


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One fault that stops the start (server.md S18).

    `path` is a TOML path (`server.auth.methods[1]`), the name of an environment variable, or a plugin's name;
    `message` says what is wrong and the way out, and never repeats a secret.
    """

    path: str
    message: str
    trace: str | None = None
    """The traceback of a plugin's own exception, shown after the report; None when there is none."""

    def line(self) -> str:
        return f"{self.path}: {self.message}"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of `GET /`: the key is `<plugin>.<rel>` (server.md S6)."""

    rel: str
    href: str
    """An absolute path, which gets the public prefix, or an absolute http(s) URL, which stays as it is."""


class ServerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the server that is being assembled."""

    version: str
    public_url: str
    """Public origin plus prefix, without a trailing slash (server.md S1)."""
    web_enabled: bool
    plugin_api: int


class PluginContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a plugin gets when it is asked to build its object. The store, the application and the process
    environment are deliberately not in here."""

    name: str
    """The entry-point name, which is also the settings key."""
    settings: Any
    """An instance of the Struct that the plugin returned from `fabro_settings`; None when it returned none."""
    server: ServerInfo
    logger: logging.Logger
    """Bound to the plugin: `fabro.plugins.<name>`."""
    clock: Clock
    storage_root: str
    """Directory for files of the plugin's own (server.md S1); exists once the server runs."""
    current: Callable[[], Any] | None = None
    """Where the core keeps `live_settings()`; None: nothing changes while the server runs."""

    def live_settings(self) -> Any:
        """`settings` as they are now: fields that they declare live may have changed since (server.md S17).

        Keep the method, not its result, and ask at each use: one call gives one consistent state.
        """
        return self.settings if self.current is None else self.current()
