"""Effective settings: flag over environment over file over default (server.md S14).

Produces a `Draft`, because the start goes on after the first problem: what could be read is there, and the tables of
plugins wait until their plugins are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fabro_core.config.env_file import read_env_file
from fabro_core.config.files import Unreadable, locate, read_toml
from fabro_core.config.model import Listen, Settings, UnixListen
from fabro_core.config.secrets import SecretSource, home_directory, variable
from fabro_core.config.sections import Section, settings_file
from fabro_core.config.tables import TableReader
from fabro_core.context import Problem
from fabro_core.errors import StartupError

SettingsSource = Mapping[str, object] | Path | None
"""A document in memory, shaped like the file; the path of a file; or None: the file that S14 finds."""

VARIABLES: Final = {
    "server.storage.root": "FABRO_STORAGE_DIR",
    "server.web.url": "FABRO_WEB_URL",
    "server.logging.level": "FABRO_LOG",
}
"""The settings that an environment variable overrides (server.md S16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What command-line flags say; None: not given (server.md S21)."""

    listen: Listen | None = None
    web_enabled: bool | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Plugins by name, under the setting that selects them, as in `server.store.kind`."""
    workers: int = 1
    """Processes that share the store; there is no setting for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Settings as far as they could be read."""

    settings: Settings | None
    """None when the core's tables have a problem."""
    source: Path | None
    """The file; None when the settings were handed over in memory."""
    selected: Mapping[str, tuple[str, ...]]
    """Names of the selected plugins by the path of the section, in the order of the settings; empty where the selection
    has a problem."""
    plugin_tables: Mapping[str, Mapping[str, object]]
    """Sub-tables that belong to plugins by the path of the section, then by name, unread."""
    reader: TableReader
    secrets: SecretSource
    warnings: tuple[str, ...]


def load(
    source: SettingsSource,
    *,
    sections: Sequence[Section],
    environ: Mapping[str, str],
    overrides: Overrides,
    problems: list[Problem],
) -> Draft:
    """Read the settings; problems are appended. Raises `StartupError` when there is no document to read.

    `sections` are the tables in which plugins are named.
    """
    home = home_directory(environ)
    document, path = _document(source, environ, home)
    env_file = read_env_file(home / "server.env")
    problems += env_file.problems
    origins = _overlay(document, environ, overrides)
    _fill_defaults(document, home)
    plugin_tables = {section.path: _take_plugin_tables(document, section) for section in sections}
    secrets = SecretSource(environ, env_file.values)
    base = path.parent if path is not None else Path.cwd()
    reader = TableReader(problems, base=base, secrets=secrets, origins=origins)
    file = reader.read(document, settings_file(sections), "")
    return Draft(
        settings=Settings(server=file.server, home=home) if file else None,
        source=path,
        selected={section.path: section.named(reader.tables.get(section.path)) for section in sections},
        plugin_tables=plugin_tables,
        reader=reader,
        secrets=secrets,
        warnings=env_file.warnings,
    )


def _document(source: SettingsSource, environ: Mapping[str, str], home: Path) -> tuple[dict[str, Any], Path | None]:
    if isinstance(source, Mapping):
        return {key: _as_toml(value) for key, value in source.items()}, None
    location = locate(source, environ, home)
    try:
        return read_toml(location), location.path
    except Unreadable as error:
        raise StartupError([error.problem]) from None


def _as_toml(value: object) -> object:
    """A copy in the types that TOML has, so that what is handed over in memory is judged like a file."""
    match value:
        case Mapping():
            return {key: _as_toml(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_toml(item) for item in value]
        case Path():
            return str(value)
        case _:
            return value


# -- precedence ---------------------------------------------------------------------------------------------------


def _overlay(document: dict[str, Any], environ: Mapping[str, str], overrides: Overrides) -> dict[str, str]:
    """Lay variables and flags over the file; returns who supplied each overridden setting."""
    origins: dict[str, str] = {}
    for path, name in VARIABLES.items():
        value = variable(environ, name)
        if value is not None:
            _put(document, path, str(Path(value).absolute()) if path == "server.storage.root" else value)
            origins[path] = name
    if overrides.listen is not None:
        _put(document, "server.listen", _listen_table(overrides.listen))
        origins |= {"server.listen.path": "--bind", "server.listen.address": "--bind"}
    if overrides.web_enabled is not None:
        _put(document, "server.web.enabled", overrides.web_enabled)
    for path, plugin in overrides.names.items():
        _put(document, path, plugin)
    return origins


def _listen_table(listen: Listen) -> dict[str, str]:
    if isinstance(listen, UnixListen):
        return {"type": "unix", "path": str(listen.path)}
    return {"type": "tcp", "address": listen.address}


def _put(document: dict[str, Any], path: str, value: object) -> None:
    """Set a value, unless something that is no table stands in the way: reading will report that."""
    *parents, key = path.split(".")
    for parent in parents:
        child = document.setdefault(parent, {})
        if not isinstance(child, dict):
            return
        document = child
    document[key] = value


FILLED_IN: Final = frozenset({"server.listen", "server.listen.path", "server.storage.root"})
"""Required settings of the model that the file may lack, because `_fill_defaults` knows a default."""


def _fill_defaults(document: dict[str, Any], home: Path) -> None:
    """The defaults that depend on the home (server.md S15); all others stand in the Structs."""
    server = document.setdefault("server", {})
    if not isinstance(server, dict):
        return
    listen = server.setdefault("listen", {"type": "unix"})
    if isinstance(listen, dict) and listen.get("type") == "unix":
        listen.setdefault("path", str(home / "fabro.sock"))
    storage = server.setdefault("storage", {})
    if isinstance(storage, dict):
        storage.setdefault("root", str(home / "storage"))


# -- plugins ------------------------------------------------------------------------------------------------------


def _take_plugin_tables(document: dict[str, Any], section: Section) -> dict[str, object]:
    """Remove and return the sub-tables of a section that are not the core's."""
    server = document.get("server")
    found = server.get(section.name) if isinstance(server, dict) else None
    tables = found if isinstance(found, dict) else {}
    names = [name for name, value in tables.items() if name not in section.own_keys and isinstance(value, dict)]
    return {name: tables.pop(name) for name in names}
