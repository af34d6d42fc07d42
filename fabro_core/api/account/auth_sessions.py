"""The caller's sign-ins over HTTP: list them, end one (auth.md A18)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.auth.lasting import LastingSignIn
from fabro_core.auth.sessions import COOKIE
from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.instant import format_instant


class SessionPath(PathParams, frozen=True, kw_only=True):
    id: str
    """As lists name it, or `browser:current`."""


class AuthSession(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A sign-in that lasts."""

    id: str
    kind: Literal["browser", "cli"]
    current: bool
    """It authenticated this request."""
    provider: str
    """The auth method's settings name."""
    login: str
    label: str
    user_agent: str | None
    created_at: str
    last_seen_at: str
    expires_at: str
    revocable: bool


class AuthSessionsResponse(msgspec.Struct, frozen=True):
    sessions: list[AuthSession]


@operation(
    "GET",
    "/auth/sessions",
    id="listAuthSessions",
    tag="Auth",
    summary="List the caller's sign-ins",
    answers={200: AuthSessionsResponse},
)
async def list_auth_sessions(call: Call) -> Reply:
    found = await call.services.auth.lasting.of(call.user)
    return json_reply(AuthSessionsResponse([_shown(each) for each in found]))


@operation(
    "DELETE",
    "/auth/sessions/{id}",
    id="deleteAuthSession",
    tag="Auth",
    summary="End a sign-in",
    answers={204: None},
    errors=(400, 404),
)
async def delete_auth_session(call: Call[SessionPath]) -> Reply:
    services = call.services
    if await services.auth.lasting.end(call.path.id, call.user, call.visitor):
        return no_content(services.cookies.clear(COOKIE))
    return no_content()


def _shown(sign_in: LastingSignIn) -> AuthSession:
    return AuthSession(
        id=str(sign_in.ref),
        kind=sign_in.ref.kind,
        current=sign_in.current,
        provider=sign_in.method,
        login=sign_in.login,
        label=sign_in.label,
        user_agent=sign_in.user_agent,
        created_at=format_instant(sign_in.created),
        last_seen_at=format_instant(sign_in.last_seen),
        expires_at=format_instant(sign_in.expires),
        revocable=True,
    )


ROUTES: Final = (
    list_auth_sessions,
    delete_auth_session,
)
