"""Gates of routes that judge credentials of somebody who is not signed in: every attempt is counted before anything of
it is looked at (auth.md A3, A8)."""

from __future__ import annotations

from typing import Literal

from fabro_core.auth.sign_in_limit import LimitKind
from fabro_core.http.asgi import Scope
from fabro_core.http.call import visitor_of
from fabro_core.http.endpoint import Gate
from fabro_core.http.methods import MethodNotAllowed, RouteNotFound
from fabro_core.http.services import Services


async def count_login(scope: Scope, services: Services) -> None:
    """Raises `TooManyAttempts`."""
    await services.auth.require_browser().sign_ins.count(LimitKind.LOGIN, visitor_of(scope))


async def count_callback(scope: Scope, services: Services) -> None:
    """Raises `TooManyAttempts`, or `MethodDisabled` for the method that the path names."""
    await count_login(scope, services)
    services.auth.require_browser().sign_ins.option_of(scope["path_params"]["method"])


def counted_login(limit: LimitKind, kind: Literal["form", "redirect"], *, allow: bytes) -> Gate:
    """Admits those who sign in with a method of a kind, which the path names. `allow` is what other methods take."""

    async def gate(scope: Scope, services: Services) -> None:
        """Raises `TooManyAttempts`, `MethodDisabled`, `RouteNotFound` or `MethodNotAllowed`."""
        sign_ins = services.auth.require_browser().sign_ins
        await sign_ins.count(limit, visitor_of(scope))
        option = sign_ins.option_of(scope["path_params"]["method"])
        if option is None:
            raise RouteNotFound
        if option.kind != kind:
            raise MethodNotAllowed(allow)

    return gate
