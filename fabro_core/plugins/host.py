"""The plugin host: imports selected plugins, verifies them, and asks them for their objects.

The only caller of pluggy, and only at start-up. Every plugin has a manager of its own, so a hook is asked of one
plugin at a time and one module may serve in several groups. No fault of a plugin is raised: each becomes a problem.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import pluggy

from fabro_core import hooks
from fabro_core.config.shapes import check_declaration
from fabro_core.context import Link, PluginContext, Problem
from fabro_core.errors import StartupError
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
    """Loads plugins for one application; every problem goes into the list it was given."""

    def __init__(self, problems: list[Problem], *, kinds: Kinds = KINDS, fence: ApiFence = FENCE) -> None:
        self._problems = problems
        self._kinds = kinds
        self._fence = fence

    def load(self, source: Plugin) -> LoadedPlugin | None:
        """Import and verify a plugin; None when there is a problem."""
        with Attribution(source.label, f"{source.entry} cannot be imported", self._problems):
            return self._verified(source, source.load())
        return None

    def _verified(self, source: Plugin, target: object) -> LoadedPlugin | None:
        manager = pluggy.PluginManager(hooks.PROJECT)
        manager.add_hookspecs(type("HookSpecs", (), dict(self._kinds.hookspecs)))
        kind = self._kinds.of(source.group)
        fault = self._fence.fault(target)
        faults = [fault] if fault else hook_faults(manager, target, kind, self._kinds.hookspecs)
        self._problems += [Problem(path=source.label, message=fault) for fault in faults]
        if faults:
            return None
        manager.register(target, source.name)
        api: int = getattr(target, ATTRIBUTE)
        warning = self._fence.warning(api)
        warnings = (f"{source.label} {warning}",) if warning else ()
        return LoadedPlugin(source, kind, manager, self._problems, api=api, warnings=warnings)


class LoadedPlugin:
    """A plugin that is imported and verified. Its methods record problems instead of raising."""

    def __init__(
        self,
        source: Plugin,
        kind: Kind,
        manager: pluggy.PluginManager,
        problems: list[Problem],
        *,
        api: int,
        warnings: tuple[str, ...],
    ) -> None:
        self.source: Final = source
        self.kind: Final = kind
        self.api: Final = api
        """The plugin API that it was written for."""
        self.warnings: Final = warnings
        """For the operator; nothing in here stops a start."""
        self._manager = manager
        self._problems = problems

    @property
    def name(self) -> str:
        """The entry-point name."""
        return self.source.name

    @property
    def hooks(self) -> tuple[str, ...]:
        """The hooks it implements, sorted."""
        callers = self._manager.get_hookcallers(self._manager.get_plugin(self.name)) or []
        return tuple(sorted(caller.name for caller in callers))

    def settings_type(self) -> type[msgspec.Struct] | None:
        """The Struct of its settings table, `NoSettings` when the plugin names none; None when there is a problem."""
        with self._attributed("fabro_settings"):
            match self._manager.hook.fabro_settings():
                case []:
                    return NoSettings
                case [type() as struct] if issubclass(struct, msgspec.Struct):
                    return self._strict(struct)
                case results:
                    self._wrong_result("fabro_settings", "a msgspec.Struct type", results)
        return None

    def build(self, hook: ObjectHook[T], ctx: PluginContext) -> T | None:
        """The object that a hook of its kind builds; None when the plugin does not implement it, or has a problem."""
        if hook.name not in self.hooks:
            return None
        with self._attributed(hook.name):
            match getattr(self._manager.hook, hook.name)(ctx=ctx):
                case [result] if hook.is_result(result):
                    return result
                case results:
                    self._wrong_result(hook.name, _with_article(hook.result.__name__), results)
        return None

    def links(self, ctx: PluginContext) -> list[Link]:
        """The links it adds to `GET /`; empty when it has none, or a problem."""
        with self._attributed("fabro_discovery_links"):
            links = [link for links in self._manager.hook.fabro_discovery_links(ctx=ctx) for link in links]
            strangers = [link for link in links if not isinstance(link, Link)]
            if not strangers:
                return links
            self._wrong_result("fabro_discovery_links", "Link objects", strangers)
        return []

    def app_init(self, ctx: PluginContext) -> Callable[[AppConfig], None] | None:
        """What is to be called with the application's configuration; None when the plugin adds nothing to it.

        The callable raises `StartupError` for whatever goes wrong in the plugin.
        """
        hook = hooks.fabro_app_init.__name__
        return partial(self._init_app, ctx) if self.kind.asks(hook) and hook in self.hooks else None

    def _init_app(self, ctx: PluginContext, app: AppConfig) -> None:
        problems: list[Problem] = []
        with Attribution(self.source.label, "fabro_app_init failed", problems):
            self._manager.hook.fabro_app_init(ctx=ctx, app=app)
        if problems:
            raise StartupError(problems)

    def _strict(self, struct: type[msgspec.Struct]) -> type[msgspec.Struct] | None:
        check_declaration(struct)
        config = struct.__struct_config__
        if config.frozen and config.forbid_unknown_fields:
            return struct
        self._fault(f"{struct.__qualname__} must be declared with frozen=True, forbid_unknown_fields=True")
        return None

    def _attributed(self, hook: str) -> Attribution:
        return Attribution(self.source.label, f"{hook} failed", self._problems)

    def _wrong_result(self, hook: str, expected: str, results: list[object]) -> None:
        found = type(results[0]).__qualname__ if results else "None"  # pluggy leaves out a result of None
        self._fault(f"{hook} must return {expected}, not {found}")

    def _fault(self, message: str) -> None:
        self._problems.append(Problem(path=self.source.label, message=message))


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
