"""Gates of routes that judge credentials of somebody who is not signed in: every attempt is counted before anything of
it is looked at, but for what a page of another site makes a browser send, which is refused and counts against nobody
(auth.md A3, A7, A8)."""

from __future__ import annotations

from fabro_core.auth.sign_in_limit import LimitKind
from fabro_core.http.asgi import Scope
from fabro_core.http.call import visitor_of
from fabro_core.http.csrf import refuse_cross_site, refuse_embedding
from fabro_core.http.methods import MethodNotAllowed, RouteNotFound
from fabro_core.http.services import Services


async def count_form(scope: Scope, services: Services) -> None:
    """Admits to the form of the method that the path names.

    Raises `CrossSiteRequest`, `TooManyAttempts`, `MethodDisabled`, `RouteNotFound` or `MethodNotAllowed`.
    """
    refuse_cross_site(scope["headers"], services.public_origin)
    await _count_method(scope, services, LimitKind.LOGIN, "form", allow=b"GET, OPTIONS")


async def count_start(scope: Scope, services: Services) -> None:
    """Admits to the identity provider of the method that the path names. Raises as `count_form` does."""
    refuse_embedding(scope["headers"])
    await _count_method(scope, services, LimitKind.START, "redirect", allow=b"OPTIONS, POST")


async def count_callback(scope: Scope, services: Services) -> None:
    """Raises `CrossSiteRequest`, `TooManyAttempts`, or `MethodDisabled` for the method that the path names."""
    refuse_embedding(scope["headers"])
    sign_ins = services.auth.require_browser().sign_ins
    await sign_ins.count(LimitKind.LOGIN, visitor_of(scope))
    sign_ins.option_of(scope["path_params"]["method"])


async def count_exchange(scope: Scope, services: Services) -> None:
    """Raises `CrossSiteRequest`, `TooManyAttempts` or `CliLoginNotConfigured` (auth.md A20)."""
    _refuse_pages(scope, services)
    browser = services.auth.require_browser()
    await browser.sign_ins.count(LimitKind.LOGIN, visitor_of(scope))
    browser.cli.require()


async def count_refresh(scope: Scope, services: Services) -> None:
    """Raises `CrossSiteRequest` or `TooManyAttempts`."""
    _refuse_pages(scope, services)
    browser, visitor = services.auth.require_browser(), visitor_of(scope)
    await browser.sign_ins.count(LimitKind.REFRESH, visitor, chain=browser.cli.chain_of(visitor))


async def _count_method(scope: Scope, services: Services, limit: LimitKind, kind: str, *, allow: bytes) -> None:
    """`allow` is what methods of another `kind` take."""
    sign_ins = services.auth.require_browser().sign_ins
    await sign_ins.count(limit, visitor_of(scope))
    option = sign_ins.option_of(scope["path_params"]["method"])
    if option is None:
        raise RouteNotFound
    if option.kind != kind:
        raise MethodNotAllowed(allow)


def _refuse_pages(scope: Scope, services: Services) -> None:
    """Programs are no pages, and a page of another site cannot send a token. Raises `CrossSiteRequest`."""
    headers = scope["headers"]
    if not any(name == b"authorization" for name, _ in headers):
        refuse_cross_site(headers, services.public_origin)
