"""The tables of the settings in which plugins are named: one for each kind of plugin (server.md S15).

What kinds there are is not decided here: whoever reads settings says in which tables to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from fabro_core.config.model import Server, SettingsFile, Table

StructT = TypeVar("StructT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table below `[server]`. One key of it names plugins; its sub-tables, other than the core's own, are theirs."""

    name: str
    """As in `auth`, for the table `[server.auth]`."""
    table: type[Table]
    """The core's own keys."""
    key: str
    """The key that names plugins: one of them, or an array."""
    nothing: str | None = None
    """The value of `key` that names no plugin; None: there is no such value."""

    @property
    def path(self) -> str:
        """As in `server.auth`."""
        return f"server.{self.name}"

    @property
    def names_key(self) -> str:
        """The path of the setting that selects, as in `server.auth.methods`."""
        return f"{self.path}.{self.key}"

    @property
    def own_keys(self) -> frozenset[str]:
        """The core's own keys: no plugin can have one of them as its name."""
        return frozenset(field.encode_name for field in msgspec.structs.fields(self.table))

    @property
    def reserved(self) -> frozenset[str]:
        """What no plugin can be called."""
        return self.own_keys | ({self.nothing} if self.nothing is not None else set())

    def named(self, table: msgspec.Struct | None) -> tuple[str, ...]:
        """The plugins that the table names, in its order; none when it could not be read."""
        if not isinstance(table, self.table):
            return ()
        found: str | tuple[str, ...] = getattr(table, self.key)
        names = (found,) if isinstance(found, str) else found
        return tuple(name for name in names if name != self.nothing)


def settings_file(sections: Sequence[Section]) -> type[SettingsFile]:
    """The Struct of a whole settings file: the core's tables, and these."""
    server = _extended(Server, [(section.name, section.table) for section in sections])
    return _extended(SettingsFile, [("server", server)])


def _extended(base: type[StructT], fields: list[tuple[str, type[msgspec.Struct]]]) -> type[StructT]:
    """A Struct that is the base with further tables; the reader reads a missing one as an empty one."""
    made = msgspec.defstruct(
        base.__name__, fields, bases=(base,), namespace={"__doc__": base.__doc__}, frozen=True, kw_only=True
    )
    assert issubclass(made, base)
    return made
