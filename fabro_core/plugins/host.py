"""The plugin host: imports selected plugins, verifies them, and asks them for their objects.

The only caller of pluggy, and only at start-up. Every plugin has a manager of its own, so a hook is asked of one
plugin at a time and one module may serve in several groups. No fault of a plugin is raised: each becomes a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec
import pluggy

from fabro_core import hooks
from fabro_core.config.shapes import check_declaration
from fabro_core.config.tables import join
from fabro_core.context import Link, PluginContext, Problem
from fabro_core.errors import StartupError
from fabro_core.plugins import hookspecs
from fabro_core.plugins.attribution import Attribution
from fabro_core.plugins.fence import ATTRIBUTE, FENCE, ApiFence
from fabro_core.plugins.kinds import KINDS, Kind, Kinds, ObjectHook
from fabro_core.plugins.sources import Plugin
from fabro_core.plugins.verify import hook_faults

if TYPE_CHECKING:
    from litestar.config.app import AppConfig

T = TypeVar("T")


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings table of a plugin that has none: any key in it is unknown."""


class PluginHost:
    """Loads the plugins of one server, each once: whoever asks again gets what the first one got, problems included."""

    def __init__(self, *, kinds: Kinds = KINDS, fence: ApiFence = FENCE) -> None:
        self._kinds = kinds
        self._fence = fence
        self._outcomes: dict[tuple[str, str, str], _Outcome] = {}

    def load(self, source: Plugin, problems: list[Problem]) -> LoadedPlugin | None:
        """Import and verify a plugin; None when there is a problem."""
        key = (source.group, source.name, source.origin)
        if key not in self._outcomes:
            found: list[Problem] = []
            self._outcomes[key] = _Outcome(self._imported(source, found), found)
        outcome = self._outcomes[key]
        problems += outcome.problems
        return outcome.plugin

    def _imported(self, source: Plugin, problems: list[Problem]) -> LoadedPlugin | None:
        with Attribution(source.label, f"{source.entry} cannot be imported", problems):
            return self._verified(source, source.load(), problems)
        return None

    def _verified(self, source: Plugin, target: object, problems: list[Problem]) -> LoadedPlugin | None:
        manager = pluggy.PluginManager(hooks.PROJECT)
        manager.add_hookspecs(type("HookSpecs", (), dict(self._kinds.hookspecs)))
        kind = self._kinds.of(source.group)
        fault = self._fence.fault(target)
        faults = [fault] if fault else hook_faults(manager, target, kind, self._kinds.hookspecs)
        problems += [Problem(path=source.label, message=fault) for fault in faults]
        if faults:
            return None
        manager.register(target, source.name)
        api: int = getattr(target, ATTRIBUTE)
        warning = self._fence.warning(api)
        warnings = (f"{source.label} {warning}",) if warning else ()
        return LoadedPlugin(source, kind, manager, api=api, warnings=warnings)


class LoadedPlugin:
    """A plugin that is imported and verified. Its methods add problems to the list they are given, and do not raise."""

    def __init__(
        self, source: Plugin, kind: Kind, manager: pluggy.PluginManager, *, api: int, warnings: tuple[str, ...]
    ) -> None:
        self.source: Final = source
        self.kind: Final = kind
        self.api: Final = api
        """The plugin API that it was written for."""
        self.warnings: Final = warnings
        """For the operator; nothing in here stops a start."""
        self._manager = manager

    @property
    def name(self) -> str:
        """The entry-point name."""
        return self.source.name

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks it implements, sorted."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(self.name)) or []
        return tuple(sorted(caller.name for caller in callers))

    @property
    def table(self) -> str:
        """The path of its settings table."""
        return join(self.kind.section.path, self.name)

    def settings_type(self, problems: list[Problem]) -> type[msgspec.Struct] | None:
        """The Struct of its settings table, `NoSettings` when the plugin names none; None when there is a problem.

        The plugin is asked once.
        """
        struct, found = self._settings_type
        problems += found
        return struct

    @cached_property
    def _settings_type(self) -> tuple[type[msgspec.Struct] | None, list[Problem]]:
        problems: list[Problem] = []
        with self._attributed("fabro_settings", problems):
            match self._manager.hook.fabro_settings():
                case []:
                    return NoSettings, problems
                case [type() as struct] if issubclass(struct, msgspec.Struct):
                    check_declaration(struct)
                    if _is_strict(struct):
                        return struct, problems
                    fault = f"{struct.__qualname__} must be declared with frozen=True, forbid_unknown_fields=True"
                    problems.append(self._problem(fault))
                case results:
                    problems.append(self._wrong_result("fabro_settings", "a msgspec.Struct type", results))
        return None, problems

    def build(self, hook: ObjectHook[T], ctx: PluginContext, problems: list[Problem]) -> T | None:
        """The object that a hook of its kind builds; None when the plugin does not implement it, or has a problem."""
        if hook.name not in self.hooks:
            return None
        with self._attributed(hook.name, problems):
            match getattr(self._manager.hook, hook.name)(ctx=ctx):
                case [result] if hook.is_result(result):
                    return result
                case results:
                    problems.append(self._wrong_result(hook.name, _with_article(hook.result.__name__), results))
        return None

    def links(self, ctx: PluginContext, problems: list[Problem]) -> list[Link]:
        """The links it adds to `GET /`; empty when it has none, or a problem."""
        with self._attributed("fabro_discovery_links", problems):
            links = [link for links in self._manager.hook.fabro_discovery_links(ctx=ctx) for link in links]
            strangers = [link for link in links if not isinstance(link, Link)]
            if not strangers:
                return links
            problems.append(self._wrong_result("fabro_discovery_links", "Link objects", strangers))
        return []

    def app_init(self, ctx: PluginContext) -> Callable[[AppConfig], None] | None:
        """What is to be called with the application's configuration; None when the plugin adds nothing to it.

        The callable raises `StartupError` for whatever goes wrong in the plugin.
        """
        hook = hookspecs.fabro_app_init.__name__
        return partial(self._init_app, ctx) if self.kind.asks(hook) and hook in self.hooks else None

    def _init_app(self, ctx: PluginContext, app: AppConfig) -> None:
        problems: list[Problem] = []
        with self._attributed(hookspecs.fabro_app_init.__name__, problems):
            self._manager.hook.fabro_app_init(ctx=ctx, app=app)
        if problems:
            raise StartupError(problems)

    def _attributed(self, hook: str, problems: list[Problem]) -> Attribution:
        return Attribution(self.source.label, f"{hook} failed", problems)

    def _wrong_result(self, hook: str, expected: str, results: list[object]) -> Problem:
        found = type(results[0]).__qualname__ if results else "None"  # pluggy leaves out a result of None
        return self._problem(f"{hook} must return {expected}, not {found}")

    def _problem(self, message: str) -> Problem:
        return Problem(path=self.source.label, message=message)


class _Outcome(NamedTuple):
    """What came of loading a plugin."""

    plugin: LoadedPlugin | None
    problems: Sequence[Problem]


def _is_strict(struct: type[msgspec.Struct]) -> bool:
    return struct.__struct_config__.frozen and struct.__struct_config__.forbid_unknown_fields


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
