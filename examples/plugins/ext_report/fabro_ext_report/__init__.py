"""An extension that reports on the server: links in `GET /`, a summary for users, a badge for everybody.

An example of a plugin by somebody else: it imports nothing but the public names of `fabro_core`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from xml.sax.saxutils import escape

import msgspec
from fabro_core import Link, PluginContext, epoch_ms, hookimpl
from fabro_core.settings import HTTP_URL
from litestar import get

if TYPE_CHECKING:
    from litestar.config.app import AppConfig
    from litestar.handlers import HTTPRouteHandler

__all__ = ["ReportSettings", "Summary", "fabro_app_init", "fabro_discovery_links", "fabro_settings"]

FABRO_PLUGIN_API = 1

_BADGE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="20" role="img" aria-label="{label}">'
    '<rect width="120" height="20" rx="3" fill="#2b6cb0"/>'
    '<text x="60" y="14" font-family="sans-serif" font-size="11" fill="#fff" text-anchor="middle">{label}</text></svg>'
)


class ReportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the report points to."""

    handbook: Annotated[str, HTTP_URL] | None = None
    """Where the users of this server find help; None: there is no such link."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What `/ext/report/summary` answers."""

    version: str
    url: str
    """The public URL, without a trailing slash."""
    web_enabled: bool
    age_seconds: int
    """Whole seconds since the server was put together."""


@hookimpl
def fabro_settings() -> type[ReportSettings]:
    return ReportSettings


@hookimpl
def fabro_discovery_links(ctx: PluginContext) -> list[Link]:
    links = [Link(rel="summary", href=_path(ctx, "summary")), Link(rel="badge", href=_path(ctx, "badge.svg"))]
    if ctx.settings.handbook is not None:
        links.append(Link(rel="handbook", href=ctx.settings.handbook))
    return links


@hookimpl
def fabro_app_init(ctx: PluginContext, app: AppConfig) -> None:
    app.route_handlers += [_summary_route(ctx), _badge_route(ctx)]


def _path(ctx: PluginContext, leaf: str) -> str:
    return f"/ext/{ctx.name}/{leaf}"


def _summary_route(ctx: PluginContext) -> HTTPRouteHandler:
    began_ms = epoch_ms(ctx.clock.now())

    @get(_path(ctx, "summary"))
    async def get_summary() -> Summary:
        return Summary(
            version=ctx.server.version,
            url=ctx.server.public_url,
            web_enabled=ctx.server.web_enabled,
            age_seconds=max(0, epoch_ms(ctx.clock.now()) - began_ms) // 1000,
        )

    return get_summary


def _badge_route(ctx: PluginContext) -> HTTPRouteHandler:
    badge = _BADGE.format(label=escape(f"Fabro {ctx.server.version}"))

    @get(_path(ctx, "badge.svg"), media_type="image/svg+xml", opt={"public": True})
    async def get_badge() -> str:
        return badge

    return get_badge
