"""The boot pipeline: from settings to the objects a server is made of, or to every problem at once (server.md S18).

`assemble` does no I/O beyond reading settings and importing plugins; `Assembly.opened` opens the store and the auth
methods. Neither serves anything.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from fabro_core import __version__
from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.boot.report import in_order
from fabro_core.clock import Clock, SystemClock, epoch_ms
from fabro_core.config.directories import make_private_directory
from fabro_core.config.live_fields import CurrentSettings
from fabro_core.config.load import Draft, Overrides, SettingsSource, load
from fabro_core.config.model import Settings, TcpListen, Web
from fabro_core.config.proxies import TrustedProxies, trusted_proxies
from fabro_core.config.public_url import is_exposed_without_url, public_url
from fabro_core.config.secrets import SecretSource, SecretVariable, from_env, missing, process_environment
from fabro_core.config.shapes import declared_secrets
from fabro_core.config.tables import join
from fabro_core.context import PluginContext, Problem, ServerInfo
from fabro_core.errors import StartupError, StoreMisconfigured
from fabro_core.plugins.attribution import Attribution, closing_logged
from fabro_core.plugins.claims import add_links, prefix_problems
from fabro_core.plugins.discovery import PluginIndex, installed_plugins
from fabro_core.plugins.fence import FENCE, ApiFence
from fabro_core.plugins.groups import Group
from fabro_core.plugins.host import LoadedPlugin, NoSettings, PluginHost
from fabro_core.plugins.login_options import login_options
from fabro_core.plugins.selection import idle_tables, select
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.store.copy_mark import unfinished_copy_of

if TYPE_CHECKING:
    from litestar.config.app import AppConfig

SESSION_SECRET: Final = from_env(
    "SESSION_SECRET",
    expected="at least 32 bytes",
    valid=lambda text: len(text.encode("utf-8", "surrogateescape")) >= 32,
    generate=lambda: secrets.token_hex(32),
)
"""Seals browser sessions (auth.md A14, A27)."""

PLUGIN_STEP_SECONDS: Final = 10
"""What a start-up step of an auth method may take (server.md S10)."""

ONLINE_STEP_SECONDS: Final = 30
"""What an auth method may take to contact its identity provider."""

AppInit = tuple[str, Callable[["AppConfig"], None]]
"""A plugin's name and its `fabro_app_init`, bound to its context; raises `StartupError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """Everything a server is made of, built and checked but not opened."""

    settings: Settings
    tables: Mapping[str, msgspec.Struct]
    """Every settings table by its path, those of selected plugins among them."""
    server: ServerInfo
    session_secret: Secret | None
    """None: there are no browser sessions."""
    store: RunStore
    methods: tuple[AuthMethod, ...]
    """In the order of the settings, each with its name."""
    empty_allow_lists: frozenset[str]
    """The paths of lists of who is let in that let nobody in; a server that starts has none."""
    plugin_settings: Mapping[str, CurrentSettings]
    """What plugins with settings look at while they run, by the path of their table."""
    options: Mapping[str, LoginOption]
    """How people sign in with a browser, by method; empty without pages."""
    links: Mapping[str, str]
    """Of plugins, for `GET /`: key `<plugin>.<rel>`, value as the plugin gave it."""
    app_inits: tuple[AppInit, ...]
    clock: Clock
    trusted_proxies: TrustedProxies
    """For our own listener: an embedding program has its own rules."""
    warnings: tuple[str, ...]
    """For the log; nothing in here stops a start."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Hold the storage root, the store and the auth methods open; close them in reverse order, whatever fails.

        Raises `StoreUnavailable`, or `StartupError` with the faults of configuration that store and methods found.
        """
        self.make_storage_root()
        async with AsyncExitStack() as stack:
            problems: list[Problem] = []
            kind = self.settings.server.store.kind
            try:
                await stack.enter_async_context(closing_logged(f"the store {kind}", self.store.lifespan()))
                problems += await self._copy_problems()
            except StoreMisconfigured as error:
                problems.append(Problem(path=join(Group.STORE.table, kind), message=str(error)))
            for method in self.methods:
                with Attribution(join(Group.AUTH.table, method.name), "cannot be opened", problems):
                    async with asyncio.timeout(PLUGIN_STEP_SECONDS):
                        await stack.enter_async_context(closing_logged(method.name, method.lifespan()))
                        problems += await method.check()
            if problems:
                raise StartupError(in_order(problems))
            yield

    async def _copy_problems(self) -> list[Problem]:
        """Half a copy is no store to serve from."""
        source = await unfinished_copy_of(self.store, epoch_ms(self.clock.now()))
        if source is None:
            return []
        kind = self.settings.server.store.kind
        message = f"{kind} holds an unfinished copy; finish it with: fabro store copy {source} {kind}"
        return [Problem(path="server.store.kind", message=message)]

    async def check_online(self) -> None:
        """Let the auth methods, which are open, contact what they depend on. Raises `StartupError` with every fault."""
        problems: list[Problem] = []
        for method in self.methods:
            with Attribution(join(Group.AUTH.table, method.name), "cannot be checked", problems):
                async with asyncio.timeout(ONLINE_STEP_SECONDS):
                    problems += await method.check_online()
        if problems:
            raise StartupError(in_order(problems))

    def make_storage_root(self) -> None:
        """Create the storage root, private, if it is missing. Raises `StartupError`."""
        root = self.settings.server.storage.root
        try:
            make_private_directory(root)
        except OSError as error:
            message = f"cannot create {error.filename}: {error.strerror}"
            raise StartupError([Problem(path="server.storage.root", message=message)]) from None


Demands = Callable[[Draft], list[Problem]]
"""Judges settings that could be read."""


def demands_of_a_start(draft: Draft) -> list[Problem]:
    """A list of who is let in has somebody on it (auth.md A13)."""
    message = "expected at least one entry, found an empty array"
    return [Problem(path=path, message=message) for path in draft.reader.empty_allow_lists]


def no_demands(draft: Draft) -> list[Problem]:
    """Of a server that runs: it takes an empty list over, and lets nobody in (server.md S17)."""
    return []


def assemble(
    settings: SettingsSource = None,
    *,
    plugins: Sequence[InlinePlugin] = (),
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Overrides | None = None,
    reserve: Callable[[TcpListen], TcpListen] | None = None,
    path: str = "",
    fence: ApiFence = FENCE,
    demands: Demands = demands_of_a_start,
) -> Assembly:
    """Run the pipeline up to the built objects; raises `StartupError` with every problem, in the order of the report.

    `settings` is a document shaped like the file, the path of a file, or None for the file that server.md S14 finds.
    `environ` replaces the process environment. `reserve` is called with a listener on port 0, once everything else is
    known to be right, and returns it with a port that is bound: the public URL needs it before plugins are built.
    `path` is where a host serves the server; the public URL ends in it unless settings name another. `fence` says for
    which plugin APIs a plugin may have been written. `demands` are what is asked of settings that can be read:
    `no_demands` when a server runs already.
    """
    environ = process_environment() if environ is None else environ
    overrides = overrides or Overrides()
    problems: list[Problem] = []
    draft = load(settings, environ=environ, overrides=overrides, problems=problems)
    index = PluginIndex(installed_plugins(), plugins)
    idle = idle_tables(index, draft.plugin_tables, draft.selected, problems)
    configured = _configure(draft, index, PluginHost(problems, fence), problems)
    problems += demands(draft)
    session_secret = _session_secret(draft, problems)
    proxies = trusted_proxies(environ, problems)
    if draft.settings is None:
        raise StartupError(in_order(problems))
    effective = draft.settings if problems or reserve is None else _with_bound_port(draft.settings, reserve)
    clock = clock or SystemClock()
    server = _server_info(effective, path, fence)
    parts = _build(configured, server, effective, clock, problems)
    problems += _sharing_problems(parts.store, effective, overrides)
    options = login_options(parts.methods, web_enabled=effective.server.web.enabled, problems=problems)
    if problems or parts.store is None:
        raise StartupError(in_order(problems))
    return Assembly(
        settings=effective,
        tables=draft.reader.tables,
        server=server,
        session_secret=session_secret,
        store=parts.store,
        methods=tuple(method for _, method in parts.methods),
        empty_allow_lists=frozenset(draft.reader.empty_allow_lists),
        plugin_settings={each.table: each.current for each in configured if each.current() is not None},
        options=options,
        links=parts.links,
        app_inits=tuple(parts.app_inits),
        clock=clock,
        trusted_proxies=proxies,
        warnings=(
            *draft.warnings,
            *idle,
            *_plugin_warnings(configured),
            *_exposure_warning(effective, server.public_url),
            *_path_warning(path, server.public_url),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Configured:
    """A plugin with its settings: everything it needs to build its objects."""

    plugin: LoadedPlugin
    table: str
    """The path of its table."""
    current: CurrentSettings


def _configure(draft: Draft, index: PluginIndex, host: PluginHost, problems: list[Problem]) -> list[_Configured]:
    configured = []
    for source in select(index, draft.selected, problems):
        plugin = host.load(source)
        struct = plugin.settings_type() if plugin is not None else None
        if plugin is None or struct is None:
            continue
        table = draft.plugin_tables[source.group].get(source.name, {})
        path = join(source.group.table, source.name)
        own = draft.reader.read(table, struct, path)
        if own is not None:
            configured.append(_Configured(plugin, path, CurrentSettings(None if struct is NoSettings else own)))
    return configured


def secret_variables(
    settings: SettingsSource = None, *, environ: Mapping[str, str]
) -> tuple[SecretSource, list[SecretVariable]]:
    """Where secrets come from, and all that core and the selected plugins declare, the core's first.

    Checks only as far as that needs; raises `StartupError`.
    """
    problems: list[Problem] = []
    draft = load(settings, environ=environ, overrides=Overrides(), problems=problems)
    host = PluginHost(problems)
    declared = [SESSION_SECRET]
    for source in select(PluginIndex(installed_plugins()), draft.selected, problems):
        plugin = host.load(source)
        struct = plugin.settings_type() if plugin is not None else None
        declared += declared_secrets(struct) if struct is not None else []
    if problems:
        raise StartupError(in_order(problems))
    return draft.secrets, declared


def _session_secret(draft: Draft, problems: list[Problem]) -> Secret | None:
    found = draft.secrets.find(SESSION_SECRET)
    if isinstance(found, Problem):
        problems.append(found)
        return None
    web = draft.reader.tables.get("server.web")
    if found is None and isinstance(web, Web) and web.enabled:
        problems.append(missing(SESSION_SECRET, "while server.web.enabled is true"))
    return found


def _with_bound_port(settings: Settings, reserve: Callable[[TcpListen], TcpListen]) -> Settings:
    listen = settings.server.listen
    if not (isinstance(listen, TcpListen) and listen.port == 0):
        return settings
    server = msgspec.structs.replace(settings.server, listen=reserve(listen))
    return msgspec.structs.replace(settings, server=server)


def _server_info(settings: Settings, path: str, fence: ApiFence) -> ServerInfo:
    return ServerInfo(
        version=__version__,
        public_url=public_url(settings.server, path),
        web_enabled=settings.server.web.enabled,
        plugin_api=fence.offered,
    )


@dataclass(slots=True)
class _Parts:
    """What plugins have built."""

    store: RunStore | None = None
    methods: list[tuple[str, AuthMethod]] = field(default_factory=list)
    """Each with the label of its plugin."""
    links: dict[str, str] = field(default_factory=dict)
    app_inits: list[AppInit] = field(default_factory=list)


def _build(
    configured: Sequence[_Configured], server: ServerInfo, settings: Settings, clock: Clock, problems: list[Problem]
) -> _Parts:
    parts = _Parts()
    for each in configured:
        plugin = each.plugin
        ctx = PluginContext(
            name=plugin.name,
            settings=each.current(),
            server=server,
            logger=logging.getLogger(f"fabro.plugins.{plugin.name}"),
            clock=clock,
            storage_root=str(settings.server.storage.root),
            current=each.current,
        )
        _build_objects(plugin, ctx, parts)
        problems += add_links(parts.links, plugin.name, plugin.source.label, plugin.links(ctx))
    problems += prefix_problems([(label, method.token_prefixes) for label, method in parts.methods])
    return parts


def _build_objects(plugin: LoadedPlugin, ctx: PluginContext, parts: _Parts) -> None:
    match plugin.source.group:
        case Group.STORE:
            parts.store = plugin.run_store(ctx)
        case Group.AUTH:
            method = plugin.auth_method(ctx)
            if method is not None:
                parts.methods.append((plugin.source.label, method))
        case Group.EXT:
            app_init = plugin.app_init(ctx)
            if app_init is not None:
                parts.app_inits.append((plugin.name, app_init))


def _sharing_problems(store: RunStore | None, settings: Settings, overrides: Overrides) -> list[Problem]:
    """Several processes see the same runs only in a store that they can share (server.md S21)."""
    if overrides.workers == 1 or store is None or store.info().shared:
        return []
    kind = settings.server.store.kind
    message = f"{kind} cannot be shared by processes, found --workers {overrides.workers}; name a store that can be"
    return [Problem(path="server.store.kind", message=message)]


def _plugin_warnings(configured: Sequence[_Configured]) -> list[str]:
    return [warning for each in configured for warning in each.plugin.warnings]


def _exposure_warning(settings: Settings, url: str) -> list[str]:
    if not is_exposed_without_url(settings.server):
        return []
    return [f"others can connect, but no public URL is set; links say {url}"]


def _path_warning(path: str, url: str) -> list[str]:
    """A proxy may give the path another name, so it is no problem."""
    if url.endswith(path):
        return []
    return [f"the server is served below {path}, but the public URL is {url}; links go there"]
