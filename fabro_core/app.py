"""The application: an ASGI callable put together from an `Assembly`, or from settings with `create_app`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cached_property, partial
from urllib.parse import urlsplit

from msgspec.structs import replace

from fabro_core.api.routes import endpoints
from fabro_core.api.server import discovery
from fabro_core.auth.assembly import authentication
from fabro_core.auth.cookies import Cookies
from fabro_core.auth.keys import Purpose, seal_of
from fabro_core.automation.schedules import Schedules
from fabro_core.automation.starting import AutomationRuns
from fabro_core.boot.assembly import Assembly, assemble
from fabro_core.boot.live import Apply, LiveSettings, ReadAgain, live_plugin_settings
from fabro_core.boot.reading import SettingsReader
from fabro_core.clock import Clock
from fabro_core.config.in_force import LogDestination, ServerSettings, settings_in_force
from fabro_core.config.load import SettingsSource
from fabro_core.config.model import LogLevel
from fabro_core.errors import FabroError
from fabro_core.http.access import RequestLog
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from fabro_core.http.canonical_host import CanonicalHost
from fabro_core.http.edge import Edge, transport_security
from fabro_core.http.extensions import extension_routers
from fabro_core.http.failures import Failure
from fabro_core.http.openapi import api_document
from fabro_core.http.origins import origin_of
from fabro_core.http.routing import Application
from fabro_core.http.services import Services
from fabro_core.http.streams import EventStreams
from fabro_core.plugins.kinds import MANIFEST_SOURCE, SESSION_RESPONDER
from fabro_core.plugins.sources import InlinePlugin
from fabro_core.resources.assembly import resources
from fabro_core.resources.catalogue import Catalogue
from fabro_core.runs.follow.tail import Tail
from fabro_core.runs.service import Runs
from fabro_core.sessions.claims import Claims
from fabro_core.sessions.replies import Replies, needs_of
from fabro_core.upkeep.diagnostics import Diagnostics
from fabro_core.upkeep.health import StoreHealth
from fabro_core.upkeep.housekeeping import Housekeeping
from fabro_core.upkeep.machine import Machine
from fabro_core.upkeep.resealing import seal_anew
from fabro_core.upkeep.stop_signals import StopNotice
from fabro_core.upkeep.uptime import Uptime
from fabro_core.web.pages import error_page

log = logging.getLogger("fabro.server")


def create_app(
    settings: SettingsSource = None,
    *,
    plugins: Sequence[InlinePlugin] = (),
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> FabroApp:
    """A server for a program to embed; it serves once the program has entered `async with fabro.lifespan():`.

    `settings` is a mapping shaped like the settings file, the path of a file, or None for the file that a server
    process would read. Settings select plugins by name, among the installed ones and `plugins`. `clock` and `environ`
    replace the machine's clock and the process environment. Opens nothing; raises `StartupError` with every failure
    (server.md S13, S18).
    """
    return embedded_app(settings, plugins, clock=clock, environ=environ)


def embedded_app(
    settings: SettingsSource,
    plugins: Sequence[InlinePlugin],
    *,
    clock: Clock | None,
    environ: Mapping[str, str] | None,
    path: str = "",
) -> FabroApp:
    """As `create_app`, for a host that serves it below `path`."""
    reader = SettingsReader(plugins, environ=environ)
    reading = reader.read(settings)
    return FabroApp(
        assemble(reading, clock=clock, path=path), read_again=partial(reader.read_valid, reading.source or settings)
    )


def _edge(assembly: Assembly, application: ASGIApp) -> Edge:
    """What every request goes through before `application`: the host of the pages, and the headers of an answer."""
    web = assembly.settings.server.web
    public_url = assembly.server.public_url
    secured = urlsplit(public_url).scheme == "https" and web.hsts_seconds > 0
    hsts = transport_security(seconds=web.hsts_seconds, subdomains=web.hsts_subdomains)
    return Edge(CanonicalHost(application, public_url) if web.enabled else application, *((hsts,) if secured else ()))


class FabroApp:
    """A Fabro server as an ASGI application.

    The host enters `lifespan()` before the first request; until then every request is answered with 503.
    """

    def __init__(
        self,
        assembly: Assembly,
        *,
        read_again: ReadAgain | None = None,
        set_log_level: Callable[[LogLevel], None] | None = None,
    ) -> None:
        """`read_again` reads the settings anew; what has changed in their file takes effect while the server runs. Not
        used for settings that come from no file. `set_log_level` applies a changed level: None in a host, whose logging
        is its own."""
        self.assembly = assembly
        self.read_again = read_again
        self._set_log_level = set_log_level
        self.log_level = assembly.settings.server.logging.level
        self.log_destination: LogDestination = "stdout"
        self._stop_notice = StopNotice(self.drain)
        self._health = StoreHealth(assembly.store, assembly.clock)
        self._uptime = Uptime(assembly.clock)
        self.auth = authentication(
            assembly.store,
            assembly.clock,
            assembly.methods,
            assembly.options,
            public_url=assembly.server.public_url,
            session_secret=assembly.reading.session_secret,
            previous_session_secret=assembly.reading.previous_session_secret,
            web_enabled=assembly.settings.server.web.enabled,
            attempts_per_minute=assembly.settings.server.limits.login_attempts_per_minute,
        )
        self._resources = resources(
            assembly.store,
            assembly.clock,
            seal=seal_of(Purpose.SECRETS, assembly.reading.session_secret, assembly.reading.previous_session_secret),
            reserved=assembly.reading.secret_names,
        )
        self._housekeeping = Housekeeping(assembly.store, assembly.clock)
        responder = assembly.parts.one(SESSION_RESPONDER)
        self._runs = Runs(
            assembly.store,
            assembly.clock,
            web_url=assembly.server.public_url if assembly.settings.server.web.enabled else None,
            read_stored=self._resources.stored_settings,
            responder=None if responder is None else needs_of(responder.object),
            redact=self._resources.secrets.redaction,
        )
        source = assembly.parts.one(MANIFEST_SOURCE)
        self._automation_runs = AutomationRuns(self._runs, None if source is None else source.object)
        self.schedules = Schedules(
            assembly.store,
            assembly.clock,
            self._resources.automations,
            self._automation_runs,
            version=assembly.server.version,
        )
        claims = Claims(assembly.store, assembly.clock, self._runs.sessions)
        self._replies = Replies(
            self._runs, claims, None if responder is None else responder.object, self._resources.secrets.redaction
        )
        self._tail = Tail(assembly.store, redact=self._resources.secrets.redaction)
        self._streams = EventStreams(
            self._tail,
            assembly.clock,
            self._health,
            self.auth.authenticator.still_admits,
            max_seconds=assembly.settings.server.limits.sse_max_seconds,
            per_caller=assembly.settings.server.limits.streams_per_caller,
            on_open=self._stop_notice.renew,
        )
        self._prefix = urlsplit(assembly.server.public_url).path.rstrip("/")
        self._extensions = extension_routers(assembly.parts.app_inits)
        self.endpoints = endpoints(web_enabled=assembly.settings.server.web.enabled)
        application = Application(self.endpoints, self._extensions, self._services())
        self.litestar = application.litestar
        self._edge = _edge(assembly, application)
        self._entered = False
        self._draining = False
        self._live_settings = (
            LiveSettings(assembly.reading, read_again, self.live)
            if read_again is not None and assembly.reading.source is not None
            else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._speak_lifespan(receive, send)
        else:
            await self._edge(scope, receive, send)

    def log_requests_with(self, request_log: RequestLog) -> None:
        """Have requests logged otherwise than with `logging`."""
        self._edge.request_log = request_log

    def refusing(self, failure: Failure) -> ASGIApp:
        """An application that answers every request with `failure`, with the headers of all other answers."""
        return self._edge.refusing(failure)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open the store and the auth methods, serve, and close them in reverse order once requests have finished.
        Meanwhile the settings file is followed, and event streams end at a stop signal.

        May be entered again after it was left, also on another event loop. Raises `StartupError`,
        `StoreMisconfigured` or `StoreUnavailable`; `RuntimeError` when it is entered already.
        """
        async with self.opened():
            with self._stop_notice.given():
                yield

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """As `lifespan`, for a process that gets the stop signals itself, and drains."""
        with self._entered_once():
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.assembly.opened())
                await stack.enter_async_context(self._health.lifespan())
                await stack.enter_async_context(self._housekeeping.lifespan())
                if self.assembly.reading.previous_session_secret is not None:
                    await seal_anew((*self.auth.sealed, *self._resources.sealed))
                self._uptime.begin()
                await stack.enter_async_context(self._replies.lifespan())
                await stack.enter_async_context(self.schedules.lifespan())
                await stack.enter_async_context(self._tail.lifespan())
                await stack.enter_async_context(self._edge.serving())
                await stack.enter_async_context(self._streams.lifespan())
                for warning in self.assembly.warnings:
                    log.warning("%s", warning)
                if self._live_settings is not None:
                    await stack.enter_async_context(self._live_settings.followed())
                yield

    @contextmanager
    def _entered_once(self) -> Iterator[None]:
        if self._entered:
            raise RuntimeError("The lifespan of this server is entered already; a host or its ASGI server has done it.")
        self._entered = True
        try:
            yield
        finally:
            self._entered = False
            self._draining = False

    def drain(self) -> None:
        """Take no new work: readiness turns 503, replies in sessions and event streams end at once (server.md S23)."""
        self._draining = True
        self._replies.drain()
        self._streams.drain()

    @property
    def live(self) -> Mapping[str, Apply]:
        """What applies each live setting, by its path (server.md S17)."""
        return {
            "server.logging.level": self._apply_log_level,
            "server.limits.login_attempts_per_minute": self._apply_login_attempts,
            **live_plugin_settings(self.assembly.parts.settings),
        }

    def _apply_log_level(self, level: LogLevel) -> None:
        self.log_level = level
        if self._set_log_level is not None:
            self._set_log_level(level)

    def _apply_login_attempts(self, limit: int) -> None:
        self.auth.attempts.limit = limit

    def read_settings_again(self) -> None:
        """Look at the settings file soon, changed or not. Does nothing when there is none."""
        if self._live_settings is not None:
            self._live_settings.ask()

    @cached_property
    def _api_document(self) -> bytes:
        return api_document(
            self.endpoints, options=self.assembly.options, extensions=self._extensions, prefix=self._prefix
        )

    def _services(self) -> Services:
        assembly = self.assembly
        settings = assembly.settings.server
        return Services(
            version=assembly.server.version,
            store_name=assembly.store_name,
            storage_root=settings.storage.root,
            web_enabled=settings.web.enabled,
            server_url=assembly.server.public_url,
            public_origin=origin_of(assembly.server.public_url),
            public_prefix=self._prefix,
            discovery=discovery.discovery_document(
                prefix=self._prefix, api_url=settings.api.url, links=assembly.parts.links
            ),
            api_document=lambda: self._api_document,
            auth=self.auth,
            cookies=Cookies(prefix=self._prefix, secure=urlsplit(assembly.server.public_url).scheme == "https"),
            health=self._health,
            is_draining=lambda: self._draining,
            uptime=self._uptime,
            machine=Machine(settings.storage.root),
            diagnostics=Diagnostics(
                assembly.store,
                assembly.clock,
                session_secret=assembly.reading.session_secret,
                methods={name: method.check for name, method in self.auth.methods.items()},
            ),
            runs=self._runs,
            replies=self._replies,
            resources=self._resources,
            automation_runs=self._automation_runs,
            catalogue=Catalogue(),
            streams=self._streams,
            max_body_bytes=settings.limits.max_body_bytes,
            search_rows=settings.limits.search_rows,
            error_page=self._error_page if settings.web.enabled else None,
            settings_in_force=self.settings_in_force,
        )

    def _error_page(self, failure: Failure, request_id: str) -> bytes:
        return error_page(
            status=failure.status,
            title=failure.title,
            detail=failure.detail,
            code=failure.code,
            request_id=request_id,
            prefix=self._prefix,
        )

    def settings_in_force(self) -> ServerSettings:
        """What `GET /api/v1/settings` shows: the settings, as far as they can change as they are now (server.md S8)."""
        settings = self.assembly.settings.server
        return settings_in_force(
            replace(
                settings,
                logging=replace(settings.logging, level=self.log_level),
                limits=replace(settings.limits, login_attempts_per_minute=self.auth.attempts.limit),
            ),
            sections=self.assembly.reading.sections,
            plugins=self.assembly.parts.settings,
            public_url=self.assembly.server.public_url,
            log_destination=self.log_destination,
        )

    async def _speak_lifespan(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan protocol, for servers that run this application as their outermost one."""
        await receive()
        phase = "startup"
        try:
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:
            await send({"type": f"lifespan.{phase}.failed", "message": _report(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def _report(error: Exception) -> str:
    """What the operator reads in the log of the ASGI server, most of which print nothing but this."""
    if isinstance(error, FabroError) and str(error):
        return str(error)
    return "".join(traceback.format_exception(error))
