"""Serving Fabro below a path of a Litestar application with one line, `plugins=[FabroPlugin(settings)]`.

Other hosts mount what `create_app` returns and enter its `lifespan()` themselves (server.md S13).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from litestar.plugins import InitPlugin

from fabro_core.app import FabroApp, embedded_app
from fabro_core.clock import Clock
from fabro_core.config.load import SettingsSource
from fabro_core.http.asgi import ASGIApp, Receive, Scope, Send
from fabro_core.http.mount import below, below_root_path
from fabro_core.plugins.sources import InlinePlugin

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.config.app import AppConfig
    from litestar.types import ASGIApp as LitestarASGIApp


class FabroPlugin(InitPlugin):
    """Serves a Fabro server below a path of a Litestar host, for as long as the host's own lifespan lasts.

    The server stands in front of the host's router. So it gets nothing but requests below its path, judges their
    credentials itself, and neither the host's middleware, guards and exception handlers nor its own reach across.
    Of the host's hooks only `before_send` sees its answers. (A Litestar mount would also take `/fabrox` for a path
    below `/fabro`, and answer there instead of the host.)
    """

    app: FabroApp
    """The server. It drains by itself at a stop signal; a host that learns of its end in another way calls
    `drain()` (server.md S23)."""

    def __init__(
        self,
        settings: SettingsSource = None,
        path: str = "/fabro",
        *,
        plugins: Sequence[InlinePlugin] = (),
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`path` begins with a slash and names at least one segment; unless settings name a public URL, it becomes
        the end of the public URL. Everything else is as for `create_app`. Raises `StartupError`, and `ValueError` for
        a path at which nothing of the host would be left."""
        self._path = path.rstrip("/")
        if not self._path.startswith("/"):
            raise ValueError(f"expected a path such as /fabro, found {path!r}")
        self.app = embedded_app(settings, plugins, clock=clock, environ=environ, path=self._path)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Litestar calls this while it builds the host."""
        app_config.lifespan.append(self._serve)
        return app_config

    @asynccontextmanager
    async def _serve(self, host: Litestar) -> AsyncIterator[None]:
        behind = host.asgi_handler
        fork = _Fork(self._path, self.app, cast("ASGIApp", behind))
        host.asgi_handler = cast("LitestarASGIApp", fork)
        try:
            async with self.app.lifespan():
                yield
        finally:
            host.asgi_handler = behind


class _Fork:
    """Sends requests below a path to one application and all others to another."""

    def __init__(self, path: str, inside: ASGIApp, outside: ASGIApp) -> None:
        self._path = path
        self._inside = inside
        self._outside = outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inner = below(below_root_path(scope), self._path)
        if inner is None:
            await self._outside(scope, receive, send)
        else:
            await self._inside(inner, receive, send)
