"""Effective settings: flag over environment over file over default (server.md S14).

Produces a `Draft`, because the start goes on after the first problem: what could be read is there, and the tables of
plugins wait until their plugins are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from fabro_core.config.env_file import read_env_file
from fabro_core.config.files import Unreadable, locate, read_toml
from fabro_core.config.model import Auth, Extensions, Listen, Server, Settings, Storage, Store, Table, UnixListen
from fabro_core.config.secrets import SecretSource, home_directory, variable
from fabro_core.config.tables import TableReader
from fabro_core.config.values import FILE_VERSION, SETTINGS_VERSION
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.plugins.groups import Group

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
    store: str | None = None
    """The kind of the one store."""
    workers: int = 1
    """Processes that share the store; there is no setting for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Settings as far as they could be read."""

    home: Path
    settings: Settings | None
    """None when the core's tables have a problem."""
    selected: Mapping[Group, tuple[str, ...]]
    """Names of the selected plugins, in the order of the settings; empty where the selection has a problem."""
    plugin_tables: Mapping[Group, Mapping[str, object]]
    """Sub-tables that belong to plugins, by name, unread."""
    reader: TableReader
    secrets: SecretSource
    warnings: tuple[str, ...]


class SettingsFile(Table, frozen=True, kw_only=True):
    """The settings file of Fabro Server."""

    server: Server
    version: Annotated[int, SETTINGS_VERSION] = msgspec.field(name="_version", default=FILE_VERSION)
    """The form of the file."""


def load(source: SettingsSource, *, environ: Mapping[str, str], overrides: Overrides, problems: list[Problem]) -> Draft:
    """Read the settings; problems are appended. Raises `StartupError` when there is no document to read."""
    home = home_directory(environ)
    document, path = _document(source, environ, home)
    env_file = read_env_file(home / "server.env")
    problems += env_file.problems
    origins = _overlay(document, environ, overrides)
    _fill_defaults(document, home)
    plugin_tables = _take_plugin_tables(document)
    secrets = SecretSource(environ, env_file.values)
    base = path.parent if path is not None else Path.cwd()
    reader = TableReader(problems, base=base, secrets=secrets, origins=origins)
    file = reader.read(document, SettingsFile, "")
    return Draft(
        home=home,
        settings=Settings(server=file.server, home=home, source=path) if file else None,
        selected=_selected(reader.tables),
        plugin_tables=plugin_tables,
        reader=reader,
        secrets=secrets,
        warnings=env_file.warnings,
    )


def storage_root(config: Path | None, *, environ: Mapping[str, str]) -> Path:
    """The storage root alone, whatever else is wrong: a running server must be found even then.

    Raises `StartupError` when the settings do not say where it is.
    """
    location = locate(config, environ, home_directory(environ))
    is_fresh = location.named_by is None and not location.path.exists()
    problems: list[Problem] = []
    draft = load({} if is_fresh else config, environ=environ, overrides=Overrides(), problems=problems)
    storage = draft.reader.tables.get("server.storage")
    if not isinstance(storage, Storage):
        raise StartupError(problems)
    return storage.root


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
    if overrides.store is not None:
        _put(document, "server.store.kind", overrides.store)
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

_OWN_TABLES: Final[Mapping[Group, type[Table]]] = {Group.AUTH: Auth, Group.STORE: Store, Group.EXT: Extensions}


def core_keys(group: Group) -> frozenset[str]:
    """The core's own keys in the table of a group: no plugin can have one of them as its name."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(_OWN_TABLES[group]))


def _take_plugin_tables(document: dict[str, Any]) -> dict[Group, dict[str, object]]:
    """Remove and return the sub-tables that are not the core's."""
    taken: dict[Group, dict[str, object]] = {}
    server = document.get("server")
    for group in Group:
        parent = server.get(group.table.rpartition(".")[2]) if isinstance(server, dict) else None
        own = core_keys(group)
        tables = parent if isinstance(parent, dict) else {}
        names = [name for name, value in tables.items() if name not in own and isinstance(value, dict)]
        taken[group] = {name: tables.pop(name) for name in names}
    return taken


def _selected(tables: Mapping[str, msgspec.Struct]) -> dict[Group, tuple[str, ...]]:
    selected: dict[Group, tuple[str, ...]] = {}
    for group in Group:
        match tables.get(group.table):
            case Auth(methods=names) | Extensions(enabled=names):
                selected[group] = names
            case Store(kind=name):
                selected[group] = (name,)
            case _:
                selected[group] = ()
    return selected
