"""Routes for people who have signed in with a browser: who gets through, and where everybody else is sent.

Pages answer browsers alone; for programs there is no such route (server.md S2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from fabro_core.auth.caller import User
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.http.accept import prefers_html
from fabro_core.http.asgi import Scope
from fabro_core.http.call import AnyCall, Body, Path, Query
from fabro_core.http.endpoint import Endpoint, Gate, Handler, Instead, endpoint
from fabro_core.http.guards import Guard, admit
from fabro_core.http.methods import RouteNotFound
from fabro_core.http.reply import see_other
from fabro_core.http.services import Services
from fabro_core.web.pages import Viewer

_BROWSER: Final = "browser"


def page(path: str) -> Callable[[Handler[Path, Query, Body]], Endpoint]:
    """Make the route of a page. Without a usable session the way leads to the login page and back here."""
    return endpoint("GET", path, gate=_for_people(_address))


def form_target(path: str, *, of_page: str) -> Callable[[Handler[Path, Query, Body]], Endpoint]:
    """Make the route that a form of a page is sent to; forms of other sites are refused (auth.md A7).

    Without a usable session the way leads to the login page and back to `of_page`: what the form said is forgotten.
    """
    return endpoint("POST", path, gate=_for_people(lambda scope: of_page))


def viewer_of(call: AnyCall) -> Viewer:
    """The person who looks at the page."""
    user = call.user
    option = call.services.auth.options.get(user.method)
    return Viewer(user.identity.login, user.method if option is None else option.label)


def _for_people(return_to: Callable[[Scope], str]) -> Gate:
    async def gate(scope: Scope, services: Services) -> User:
        """Raises what `admit` does for people whose session is usable, and sends all others to the login page."""
        if not prefers_html(scope["headers"]):
            raise RouteNotFound
        try:
            caller = await admit(Guard.USER, scope, services)
        except Unauthenticated:
            caller = None
        if isinstance(caller, User) and caller.session is not None and caller.session.kind == _BROWSER:
            return caller
        prefix = services.public_prefix
        raise Instead(see_other(f"{prefix}/login?return_to={quote(prefix + return_to(scope), safe='/')}"))

    return gate


def _address(scope: Scope) -> str:
    """Path and query, as they were asked for."""
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"]) + (f"?{query}" if query else "")
