"""The settings table of the plugin, `[server.store.sqlite]`."""

from __future__ import annotations

from typing import Annotated

import msgspec


class SqliteSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the SQLite store."""

    path: str | None = None
    """The database file; relative to the storage root. None: `fabro.db` in there. Its directory must exist, and
    should not be on a network file system, where SQLite's locks are not reliable."""
    busy_timeout_ms: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 5_000
    """Milliseconds that an operation waits for another process's write before it fails as unavailable."""
