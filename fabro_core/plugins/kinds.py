"""The kinds of plugins, as data: how each is found, named in the settings, and asked for its objects.

A new kind is a row here with the Struct of its table, a hookspec in `fabro_core.plugins.hookspecs`, the type that the
hook returns, and a kit that tests it. Nothing else that reads settings, loads plugins or builds what they name knows
any kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final, Generic, Protocol, TypeGuard, TypeVar, get_type_hints, runtime_checkable

from fabro_core.config.model import Name, Table
from fabro_core.config.sections import Section
from fabro_core.config.values import DISTINCT, DISTINCT_NOT_EMPTY
from fabro_core.context import PluginContext, Problem
from fabro_core.plugins import hookspecs

T_co = TypeVar("T_co", covariant=True)
HookSpec = Callable[..., object]


class Group(StrEnum):
    """The entry-point groups of plugins."""

    AUTH = "fabro.auth"
    STORE = "fabro.store"
    EXT = "fabro.ext"


@runtime_checkable
class Lifecycle(Protocol):
    """What an interface has whose objects are held open while the server runs, as `AuthMethod` has."""

    def lifespan(self) -> AbstractAsyncContextManager[None]: ...

    async def check(self) -> Sequence[Problem]: ...

    async def check_online(self) -> Sequence[Problem]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHook(Generic[T_co]):
    """A hook that builds an object: each plugin of the kind is asked once, at start-up."""

    spec: Callable[[PluginContext], T_co]
    """The hookspec; what it is annotated to return is what plugins must return."""
    required: bool = True
    """Whether a plugin of the kind must implement it."""
    single: bool = False
    """Whether at most one of the selected plugins may implement it."""

    @property
    def name(self) -> str:
        return self.spec.__name__

    @property
    def result(self) -> type:
        """The type of the object."""
        found: type = get_type_hints(self.spec)["return"]
        return found

    @property
    def is_held_open(self) -> bool:
        """Whether the object has a lifespan beside the store's, which comes first."""
        return issubclass(self.result, Lifecycle)

    def is_result(self, found: object) -> TypeGuard[T_co]:
        """Whether a plugin has returned what it must."""
        return isinstance(found, self.result)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """A kind of plugin."""

    group: str
    """The entry-point group."""
    section: Section
    """Where settings name such plugins."""
    word: str | None = None
    """What `fabro plugin new` calls it, which has a template of that name; None: it does not write such plugins."""
    objects: tuple[ObjectHook[object], ...] = ()
    """What such plugins build."""
    has_routes: bool = False
    """Whether such plugins may add routes (`fabro_app_init`)."""
    shipped: Mapping[str, str] = field(default_factory=dict)
    """The plugins of this project by name, each with the extra of `fabro-core` that installs it; empty for one that
    comes with the core."""

    def asks(self, hook: str) -> bool:
        """Whether such plugins are asked for a hook."""
        return hook in _hookspecs(self)


class Kinds:
    """All kinds of plugins that a server knows, in the order in which their plugins are asked."""

    def __init__(self, *rows: Kind) -> None:
        self._by_group: Final = {kind.group: kind for kind in rows}
        self.sections: Final = tuple(kind.section for kind in rows)
        """Where settings name plugins."""
        self.hookspecs: Final[Mapping[str, HookSpec]] = _hookspecs(*rows)
        """Every hook by its name."""

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_group.values())

    def of(self, group: str) -> Kind:
        """The kind with this entry-point group."""
        return self._by_group[group]


def _hookspecs(*kinds: Kind) -> dict[str, HookSpec]:
    objects = [each.spec for kind in kinds for each in kind.objects]
    routes = [hookspecs.fabro_app_init] if any(kind.has_routes for kind in kinds) else []
    specs: list[HookSpec] = [hookspecs.fabro_settings, *objects, hookspecs.fabro_discovery_links, *routes]
    return {spec.__name__: spec for spec in specs}


# -- the rows -----------------------------------------------------------------------------------------------------


class Auth(Table, frozen=True, kw_only=True):
    """How callers prove who they are; a table for each method that has settings."""

    methods: Annotated[tuple[Name, ...], DISTINCT_NOT_EMPTY]
    """Enabled auth methods, in the order in which people are offered them (auth.md A16)."""


class Store(Table, frozen=True, kw_only=True):
    """Where runs are kept; a table for the store, if it has settings."""

    kind: Name = "sqlite"
    """The one active store."""


class Extensions(Table, frozen=True, kw_only=True):
    """What plugins add to the server; a table for each extension that has settings."""

    enabled: Annotated[tuple[Name, ...], DISTINCT] = ()
    """Active extensions, in this order."""


AUTH_METHOD: Final = ObjectHook(spec=hookspecs.fabro_auth_method)
RUN_STORE: Final = ObjectHook(spec=hookspecs.fabro_run_store)
SESSION_RESPONDER: Final = ObjectHook(spec=hookspecs.fabro_session_responder, required=False, single=True)
MANIFEST_SOURCE: Final = ObjectHook(spec=hookspecs.fabro_manifest_source, required=False, single=True)

AUTH: Final = Kind(
    group=Group.AUTH,
    word="auth",
    section=Section(name="auth", table=Auth, key="methods"),
    objects=(AUTH_METHOD,),
    shipped={"dev-token": "devtoken", "github": "github"},
)
STORE: Final = Kind(
    group=Group.STORE,
    word="store",
    section=Section(name="store", table=Store, key="kind"),
    objects=(RUN_STORE,),
    shipped={"memory": "", "sqlite": "sqlite", "redis": "redis", "postgres": "postgres"},
)
EXTENSION: Final = Kind(
    group=Group.EXT,
    word="extension",
    section=Section(name="extensions", table=Extensions, key="enabled"),
    objects=(SESSION_RESPONDER, MANIFEST_SOURCE),
    has_routes=True,
)

KINDS: Final = Kinds(AUTH, STORE, EXTENSION)
"""Those of this server."""
