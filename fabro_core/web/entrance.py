"""What somebody sees who has not signed in: the login page, and the static files of all pages."""

from __future__ import annotations

from typing import Final

from fabro_core.auth.return_to import checked_return_to
from fabro_core.http.call import Call
from fabro_core.http.endpoint import endpoint
from fabro_core.http.methods import RouteNotFound
from fabro_core.http.path import PathParams, Segment
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, html_reply
from fabro_core.web.assets import served_asset
from fabro_core.web.pages import login_page

_KEPT_FOR_GOOD: Final = (b"cache-control", b"public, max-age=31536000, immutable")


class StaticPath(PathParams, frozen=True, kw_only=True):
    name: Segment


class LoginParams(QueryParams, frozen=True, kw_only=True):
    error: str | None = None
    return_to: str | None = None


@endpoint("GET", "/login")
async def get_login(call: Call[None, LoginParams]) -> Reply:
    """How to sign in (auth.md A16)."""
    services = call.services
    return html_reply(
        login_page(
            options=services.auth.options,
            methods=tuple(services.auth.methods),
            base=services.server_url,
            prefix=services.public_prefix,
            error=call.query.error,
            return_to=checked_return_to(call.query.return_to, prefix=services.public_prefix),
        )
    )


@endpoint("GET", "/static/{name}")
async def get_static(call: Call[StaticPath]) -> Reply:
    """A static file; public, and the one thing here that may be cached (server.md S2, S11)."""
    asset = served_asset(call.path.name)
    if asset is None:
        raise RouteNotFound
    return Reply(200, asset.body, ((b"content-type", asset.media_type), _KEPT_FOR_GOOD))


ROUTES: Final = (get_login, get_static)
