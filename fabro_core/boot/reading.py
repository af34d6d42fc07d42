"""Reading settings: from the file to everything that a server would be built from. Nothing is built (server.md S18).

A start reads, and so do a running server that looks at its file again (S17), `fabro init` (S19), the rotation of a
secret and the commands that tell about settings. Only a start goes on to `fabro_core.boot.assembly`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from fabro_core.boot.report import in_order
from fabro_core.config.files import locate
from fabro_core.config.load import Draft, Overrides, SettingsSource, load
from fabro_core.config.model import Settings, Storage, Web
from fabro_core.config.proxies import TrustedProxies, trusted_proxies
from fabro_core.config.secrets import (
    SecretSource,
    SecretVariable,
    from_env,
    home_directory,
    missing,
    process_environment,
)
from fabro_core.config.sections import Section
from fabro_core.config.shapes import declared_secrets
from fabro_core.context import Problem
from fabro_core.errors import StartupError
from fabro_core.plugins.claims import rival_problems
from fabro_core.plugins.discovery import PluginIndex, installed_plugins
from fabro_core.plugins.fence import FENCE, ApiFence
from fabro_core.plugins.host import LoadedPlugin, NoSettings, PluginHost
from fabro_core.plugins.kinds import KINDS, Kinds
from fabro_core.plugins.selection import idle_tables, select
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret


def _is_long_enough(text: str) -> bool:
    return len(text.encode("utf-8", "surrogateescape")) >= 32


SESSION_SECRET: Final = from_env(
    "SESSION_SECRET",
    expected="at least 32 bytes",
    valid=_is_long_enough,
    generate=lambda: secrets.token_hex(32),
)
"""Seals browser sessions (auth.md A14, A27)."""

SESSION_SECRET_PREVIOUS: Final = from_env(
    "SESSION_SECRET_PREVIOUS", expected="at least 32 bytes", valid=_is_long_enough
)
"""What was SESSION_SECRET before; only opens (auth.md A28)."""

OF_THE_CORE: Final = (SESSION_SECRET, SESSION_SECRET_PREVIOUS)

AS_THE_FILE_SAYS: Final = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredPlugin:
    """A plugin with its settings: everything it needs to build its objects."""

    plugin: LoadedPlugin
    settings: msgspec.Struct | None
    """None: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the settings say, as far as they could be read, and everything that is wrong with them."""

    settings: Settings | None
    """None when the core's tables have a problem."""
    source: Path | None
    """The file that was read; None when the settings were handed over in memory."""
    tables: Mapping[str, msgspec.Struct]
    """Every settings table that could be read by its path, those of selected plugins among them."""
    sections: Mapping[Section, msgspec.Struct]
    """Those of them in which plugins are named."""
    plugins: tuple[ConfiguredPlugin, ...]
    """The selected plugins that can be built from, in the order in which they are asked."""
    empty_allow_lists: tuple[str, ...]
    """The paths of lists of who is let in that let nobody in. No server starts with one (auth.md A13); one that runs
    takes it over."""
    session_secret: Secret | None
    """None: there are no browser sessions."""
    previous_session_secret: Secret | None
    """Opens what it has sealed, and does nothing else; None: everything is sealed with the newest one."""
    trusted_proxies: TrustedProxies
    """For our own listener: an embedding program has its own rules."""
    plugin_api: int
    """What plugins may have been written for."""
    workers: int
    """Processes that are to share the store."""
    warnings: tuple[str, ...]
    """For the log; nothing in here stops a start."""
    problems: tuple[Problem, ...]

    @property
    def secret_names(self) -> frozenset[str]:
        """The variables that the core and the selected plugins declare as their secrets."""
        structs = [type(each.settings) for each in self.plugins if each.settings is not None]
        return frozenset(each.name for each in (*OF_THE_CORE, *chain.from_iterable(map(declared_secrets, structs))))


class SettingsReader:
    """Reads settings as often as it is asked to. A plugin is imported, and asked for its Struct, by the first reading
    that selects it and not again: a process has one reader for a server."""

    def __init__(
        self,
        plugins: Sequence[InlinePlugin] = (),
        *,
        environ: Mapping[str, str] | None = None,
        kinds: Kinds = KINDS,
        fence: ApiFence = FENCE,
    ) -> None:
        """`plugins` are those that a program hands over in memory. `environ` replaces the process environment. `kinds`
        are the kinds of plugins, `fence` says for which plugin APIs a plugin may have been written."""
        self.environ: Final = process_environment() if environ is None else environ
        self._inline = tuple(plugins)
        self._kinds = kinds
        self._fence = fence
        self._host = PluginHost(kinds=kinds, fence=fence)

    def read(self, settings: SettingsSource = None, overrides: Overrides = AS_THE_FILE_SAYS) -> Reading:
        """Read `settings`: a document shaped like the file, the path of a file, or None for the file that server.md S14
        finds. Raises `StartupError` when there is none, or it is not TOML; every other problem is in the reading."""
        problems: list[Problem] = []
        draft = self._draft(settings, overrides, problems)
        index = self._index()
        idle = idle_tables(index, self._kinds, draft.plugin_tables, draft.selected, problems)
        loaded = self._selected(draft, index, problems)
        configured = [each for plugin, struct in loaded for each in _configured(draft, plugin, struct)]
        problems += rival_problems([plugin for plugin, _ in loaded])
        tables = draft.reader.tables
        return Reading(
            settings=draft.settings,
            source=draft.source,
            tables=tables,
            sections={section: tables[section.path] for section in self._kinds.sections if section.path in tables},
            plugins=tuple(configured),
            empty_allow_lists=tuple(draft.reader.empty_allow_lists),
            session_secret=_session_secret(draft, problems),
            previous_session_secret=_found(draft, SESSION_SECRET_PREVIOUS, problems),
            trusted_proxies=trusted_proxies(self.environ, problems),
            plugin_api=self._fence.offered,
            workers=overrides.workers,
            warnings=(*draft.warnings, *idle, *(line for plugin, _ in loaded for line in plugin.warnings)),
            problems=tuple(problems),
        )

    def read_valid(self, settings: SettingsSource = None, overrides: Overrides = AS_THE_FILE_SAYS) -> Reading:
        """As `read`, but raises `StartupError` with every problem."""
        reading = self.read(settings, overrides)
        if reading.problems:
            raise StartupError(in_order(reading.problems))
        return reading

    def secret_variables(self, settings: SettingsSource = None) -> tuple[SecretSource, list[SecretVariable]]:
        """Where secrets come from, and all that core and the selected plugins declare, the core's first.

        Checks only as far as that needs; raises `StartupError`.
        """
        problems: list[Problem] = []
        draft = self._draft(settings, AS_THE_FILE_SAYS, problems)
        loaded = self._selected(draft, self._index(), problems)
        if problems:
            raise StartupError(in_order(problems))
        return draft.secrets, [*OF_THE_CORE, *(each for _, struct in loaded for each in declared_secrets(struct))]

    def selected_names(self, settings: SettingsSource = None) -> set[tuple[str, str]]:
        """Group and name of the plugins that are selected, as far as the settings can be read; imports none of them."""
        try:
            draft = self._draft(settings, AS_THE_FILE_SAYS, [])
        except StartupError:
            return set()
        return {(kind.group, name) for kind in self._kinds for name in draft.selected[kind.section.path]}

    def storage_root(self, config: Path | None) -> Path:
        """The storage root alone, whatever else is wrong: a running server must be found even then.

        Raises `StartupError` when the settings do not say where it is.
        """
        is_fresh = locate(config, self.environ, home_directory(self.environ)).is_fresh
        problems: list[Problem] = []
        draft = self._draft({} if is_fresh else config, AS_THE_FILE_SAYS, problems)
        storage = draft.reader.tables.get("server.storage")
        if not isinstance(storage, Storage):
            raise StartupError(problems)
        return storage.root

    def _draft(self, settings: SettingsSource, overrides: Overrides, problems: list[Problem]) -> Draft:
        sections = self._kinds.sections
        return load(settings, sections=sections, environ=self.environ, overrides=overrides, problems=problems)

    def _index(self) -> PluginIndex:
        return PluginIndex(installed_plugins(self._kinds), self._inline)

    def _selected(
        self, draft: Draft, index: PluginIndex, problems: list[Problem]
    ) -> list[tuple[LoadedPlugin, type[msgspec.Struct]]]:
        """The selected plugins that can be loaded, each with the Struct of its settings."""
        loaded = []
        for source in select(index, self._kinds, draft.selected, problems):
            plugin = self._host.load(source, problems)
            struct = plugin.settings_type(problems) if plugin is not None else None
            if plugin is not None and struct is not None:
                loaded.append((plugin, struct))
        return loaded


def _configured(draft: Draft, plugin: LoadedPlugin, struct: type[msgspec.Struct]) -> list[ConfiguredPlugin]:
    """The plugin with its settings; empty when they have a problem."""
    table = draft.plugin_tables[plugin.kind.section.path].get(plugin.name, {})
    own = draft.reader.read(table, struct, plugin.table)
    return [] if own is None else [ConfiguredPlugin(plugin=plugin, settings=None if struct is NoSettings else own)]


def _session_secret(draft: Draft, problems: list[Problem]) -> Secret | None:
    before = len(problems)
    found = _found(draft, SESSION_SECRET, problems)
    if len(problems) > before:
        return None
    web = draft.reader.tables.get("server.web")
    if found is None and isinstance(web, Web) and web.enabled:
        problems.append(missing(SESSION_SECRET, "while server.web.enabled is true"))
    return found


def _found(draft: Draft, declared: SecretVariable, problems: list[Problem]) -> Secret | None:
    """The secret of the core; None, with a problem, when it is malformed, and None when there is none."""
    found = draft.secrets.find(declared)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    return found
