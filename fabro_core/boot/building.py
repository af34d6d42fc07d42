"""Building: each plugin is asked for its objects, once in the life of a server. Opens nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from fabro_core.boot.reading import ConfiguredPlugin
from fabro_core.clock import Clock
from fabro_core.config.current import CurrentSettings
from fabro_core.context import PluginContext, Problem, ServerInfo
from fabro_core.plugins.claims import add_links
from fabro_core.plugins.kinds import Lifecycle, ObjectHook

if TYPE_CHECKING:
    from litestar.config.app import AppConfig

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

AppInit = tuple[str, Callable[["AppConfig"], None]]
"""A plugin's name and its `fabro_app_init`, bound to its context; raises `StartupError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[T_co]):
    """An object of a server, and the plugin that has built it."""

    object: T_co
    name: str
    """The plugin's name."""
    label: str
    """The plugin in problems of its own."""
    table: str
    """The path of the plugin's settings table."""


class Parts:
    """What the plugins of a server have built."""

    def __init__(self) -> None:
        self._objects: Final[list[tuple[ObjectHook[Any], Part[Any]]]] = []
        self.links: Final[dict[str, str]] = {}
        """For `GET /`: key `<plugin>.<rel>`, value as the plugin gave it."""
        self.app_inits: Final[list[AppInit]] = []
        self.settings: Final[list[CurrentSettings]] = []
        """What plugins look at while they run."""

    def of(self, hook: ObjectHook[T]) -> tuple[Part[T], ...]:
        """The objects that a hook has built, in the order of the settings."""
        return tuple(part for builder, part in self._objects if builder == hook)

    def one(self, hook: ObjectHook[T]) -> Part[T] | None:
        """What a hook has built that builds one object at most; None when nothing builds it."""
        return next(iter(self.of(hook)), None)

    def held_open(self) -> Iterator[Part[Lifecycle]]:
        """The objects that have a lifespan, in the order of building; the store is not one of them."""
        return (part for builder, part in self._objects if builder.is_held_open)

    def add(self, hook: ObjectHook[T], part: Part[T]) -> None:
        self._objects.append((hook, part))


def build(
    plugins: Sequence[ConfiguredPlugin],
    *,
    server: ServerInfo,
    clock: Clock,
    storage_root: Path,
    problems: list[Problem],
) -> Parts:
    """Ask the plugins, one after the other, for everything that they are made for."""
    parts = Parts()
    for each in plugins:
        plugin = each.plugin
        current = CurrentSettings(plugin.kind.section, plugin.name, each.settings)
        parts.settings.append(current)
        ctx = PluginContext(
            name=plugin.name,
            settings=each.settings,
            server=server,
            logger=logging.getLogger(f"fabro.plugins.{plugin.name}"),
            clock=clock,
            storage_root=str(storage_root),
            current=current,
        )
        for hook in plugin.kind.objects:
            built = plugin.build(hook, ctx, problems)
            if built is not None:
                parts.add(hook, Part(object=built, name=plugin.name, label=plugin.source.label, table=plugin.table))
        app_init = plugin.app_init(ctx)
        if app_init is not None:
            parts.app_inits.append((plugin.name, app_init))
        problems += add_links(parts.links, plugin.name, plugin.source.label, plugin.links(ctx, problems))
    return parts
