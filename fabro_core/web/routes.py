"""Routes of the web UI, registered only while it is enabled (server.md S2)."""

from __future__ import annotations

from urllib.parse import quote

from litestar.exceptions import NotFoundException
from litestar.handlers import get

from fabro_core.api.accept import prefers_html
from fabro_core.api.reply import Reply, html_reply, see_other
from fabro_core.api.request import FabroRequest
from fabro_core.web.pages import login_page


@get("/login", include_in_schema=False)
async def get_login(request: FabroRequest) -> Reply:
    """How to sign in."""
    services = request.services
    return html_reply(login_page(services.method_names, services.public_prefix))


@get(["/runs", "/runs/{rest:path}"], include_in_schema=False)
async def get_runs_pages(request: FabroRequest) -> Reply:
    """Pages need a browser session, so the way leads to the sign-in; API clients find no route here."""
    if not prefers_html(request.scope["headers"]):
        raise NotFoundException
    query = request.scope["query_string"].decode("latin-1")
    wanted = request.services.public_prefix + request.scope["path"] + (f"?{query}" if query else "")
    return see_other(f"{request.services.public_prefix}/login?return_to={quote(wanted, safe='/')}")
