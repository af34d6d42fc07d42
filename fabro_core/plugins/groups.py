"""The entry-point groups, and where the settings speak of each."""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """A kind of plugin; the value is the entry-point group."""

    AUTH = "fabro.auth"
    STORE = "fabro.store"
    EXT = "fabro.ext"

    @property
    def table(self) -> str:
        """The settings table whose sub-tables are those of the plugins."""
        return _TABLES[self]

    @property
    def names_key(self) -> str:
        """The setting that selects plugins by name."""
        return _NAMES_KEYS[self]


_TABLES = {Group.AUTH: "server.auth", Group.STORE: "server.store", Group.EXT: "server.extensions"}
_NAMES_KEYS = {
    Group.AUTH: "server.auth.methods",
    Group.STORE: "server.store.kind",
    Group.EXT: "server.extensions.enabled",
}
