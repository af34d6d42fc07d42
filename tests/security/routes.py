"""Every route that a server has, and whom it admits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from fabro_core.app import FabroApp
from fabro_core.http.endpoint import Endpoint
from fabro_core.http.operation import Operation
from tests.api.guard_table import GUARDS, MANAGEMENT, SAME_RUN, TARGET, USER
from tests.api.guard_table import Row as OperationKind
from tests.security.credentials import ABSENT, INVALID, MALFORMED, MISUSED, OWN, Answered, CallerKind, Credential

Kind = OperationKind | Literal["page", "form", "form of a session", "navigation", "exchange", "refresh"]

ROUTES: Final[dict[tuple[str, str], Kind]] = {
    ("GET", "/login"): "public",
    ("GET", "/static/{name}"): "public",
    ("GET", "/runs"): "page",
    ("GET", "/runs/{id}"): "page",
    ("GET", "/runs/{id}/{rest}"): "page",
    ("GET", "/account"): "page",
    ("POST", "/account/sign-ins/{id}/end"): "page",
    ("GET", "/auth/login/{method}"): "public",
    ("POST", "/auth/login/{method}"): "form",
    ("GET", "/auth/callback/{method}"): "public",
    ("POST", "/auth/logout"): "form of a session",
    ("GET", "/auth/cli/start"): "navigation",
    ("GET", "/auth/cli/resume"): "public",
    ("POST", "/auth/cli/resume"): "form of a session",
    ("POST", "/auth/cli/token"): "exchange",
    ("POST", "/auth/cli/refresh"): "refresh",
    ("POST", "/auth/cli/logout"): "public",
}
"""Routes outside of the API's prefix: pages, and signing in (auth.md A2, server.md S2)."""

ADMITTED: Final = Answered("admitted")
TO_LOGIN: Final = Answered("sent to the login page")
CROSS_SITE: Final = Answered("403", "csrf_rejected")
DENIED: Final = Answered("403", "access_denied")
NOBODY: Final = Answered("401", None, INVALID)
"""A worker where only people are admitted (auth.md A5)."""
NOT_REFRESHED: Final = "refresh_token_expired"

GUARDED: Final[frozenset[Kind | None]] = frozenset({USER, MANAGEMENT, TARGET, SAME_RUN, "page"})
"""What needs a caller."""

SAFE: Final = frozenset({"GET"})

_WORKERS: Final[dict[OperationKind, frozenset[CallerKind]]] = {
    MANAGEMENT: frozenset({"own managing", "other managing"}),
    TARGET: frozenset({"own", "own managing", "other managing"}),
    SAME_RUN: frozenset({"own", "own managing"}),
}
"""Which workers a guard admits (runs.md R2)."""


@dataclass(frozen=True)
class Route:
    """A method of a path."""

    method: str
    path: str
    operation: str | None
    """The `operationId`; None for what is no operation of the API."""

    @property
    def kind(self) -> Kind | None:
        """Whom it admits; None when nobody has said so."""
        if self.operation is None:
            return ROUTES.get((self.method, self.path))
        return GUARDS.get(self.operation)

    @property
    def url(self) -> str:
        """The path with a run in it. What it asks for is not valid where the answer would not end."""
        method = "dev-token" if self.kind == "form" else "sso"
        path = self.path.replace("{id}", OWN).replace("{method}", method)
        return re.sub(r"\{\w+\}", "1", path) + ("?run_id=x" if self.operation == "attachEvents" else "")

    @property
    def accept(self) -> str:
        """Pages are for browsers alone."""
        return "text/html" if self.kind == "page" else "application/json"


def routes_of(app: FabroApp) -> list[Route]:
    """All of them."""
    return [Route(each.method, re.sub(r":\w+\}", "}", each.path), _operation(each)) for each in app.endpoints]


def _operation(endpoint: Endpoint) -> str | None:
    """What signs people in judges credentials itself, so that its row is among the routes."""
    described = isinstance(endpoint.operation, Operation) and not endpoint.path.startswith("/auth/")
    return endpoint.operation.id if described else None


def expected(route: Route, credential: Credential) -> Answered:
    """What has to become of a request. Raises `LookupError` for a route that is in no table."""
    kind = route.kind
    match kind:
        case None:
            raise LookupError(f"{route} is in no table")
        case "public":
            return ADMITTED
        case "form" | "navigation":
            return CROSS_SITE if credential.is_foreign else ADMITTED
        case "form of a session":
            return CROSS_SITE if credential.is_foreign and credential.has_cookie else ADMITTED
        case "exchange":
            return CROSS_SITE if credential.is_foreign and credential.authorization is None else ADMITTED
        case "refresh":
            return _of_a_refresh(credential)
        case "page":
            return _of_a_page(route, credential)
        case "user" | "management" | "target" | "same run":
            return _of_an_operation(kind, route, credential)
        case _:
            assert_never(kind)


def _of_an_operation(kind: OperationKind, route: Route, credential: Credential) -> Answered:
    match credential.stands_for:
        case Answered() as refusal:
            return refusal
        case "person":
            return ADMITTED
        case "person with a browser":
            return CROSS_SITE if credential.is_foreign and route.method not in SAFE else ADMITTED
        case worker if kind == USER:
            return NOBODY
        case worker:
            return ADMITTED if worker in _WORKERS[kind] else DENIED


def _of_a_page(route: Route, credential: Credential) -> Answered:
    """Everybody without a browser session is asked to sign in; a refusal is a page, which has no code."""
    answer = _of_an_operation(USER, route, credential)
    if answer.outcome == "401" or credential.stands_for == "person":
        return TO_LOGIN
    return Answered(answer.outcome)


def _of_a_refresh(credential: Credential) -> Answered:
    """Auth.md A21 rows 2, 3 and 5; a page of another site has no token to send."""
    if credential.authorization is None and credential.is_foreign:
        return CROSS_SITE
    if credential.authorization is None:
        return Answered("401", NOT_REFRESHED, ABSENT.challenge)
    if credential.stands_for == MALFORMED:
        return MALFORMED
    if credential.stands_for == MISUSED:
        return Answered("401", NOT_REFRESHED, INVALID)
    return MISUSED
