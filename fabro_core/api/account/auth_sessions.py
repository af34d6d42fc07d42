"""The caller's sign-ins over HTTP: list them, end one (auth.md A18)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from fabro_core.api.account.sign_in import note
from fabro_core.auth.caller import SessionRef, User
from fabro_core.auth.chains import Chain
from fabro_core.auth.sessions import COOKIE, SessionRecord
from fabro_core.documents.collection import Stored
from fabro_core.errors import InvalidRequest, NotFound
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.instant import format_instant

BROWSER, CLI = "browser", "cli"
CURRENT = "current"
"""Stands for the browser session that authenticated the request."""


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
    return json_reply(AuthSessionsResponse(await sessions_of(call)))


async def sessions_of(call: AnyCall) -> list[AuthSession]:
    """The caller's sign-ins: the one that authenticated the request first, then by last use, newest first."""
    browser, user = call.services.auth.browser, call.user
    found: list[tuple[datetime, AuthSession]] = []
    if browser is not None:
        found += [_browser(session, user) async for session in browser.sessions.of_user(user.identity)]
        found += [_cli(chain, user) async for chain in browser.cli.chains.of_user(user.identity)]
    found.sort(key=lambda each: each[1].id)
    found.sort(key=lambda each: (each[1].current, each[0]), reverse=True)
    return [session for _, session in found]


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
    return no_content(services.cookies.clear(COOKIE)) if await end_session(call) else no_content()


async def end_session(call: Call[SessionPath, Any, Any]) -> bool:
    """End the caller's sign-in that the path names; whether it was that of the request's own cookie.

    Raises `InvalidRequest` for an id that is none, `NotFound` for one that is not the caller's.
    """
    browser, user = call.services.auth.browser, call.user
    session = _named(call.path.id, user)
    if browser is None:
        raise _not_found()
    owned = browser.sessions if session.kind == BROWSER else browser.cli.chains
    if not await owned.revoke(UUID(session.id), user.identity):
        raise _not_found()
    note(call, "session_revoked", method=user.method, identity=user.identity, session=session)
    return session == user.session and session.kind == BROWSER


def _named(text: str, user: User) -> SessionRef:
    """The session that an id in the path names. Raises `InvalidRequest` or `NotFound`."""
    kind, _, key = text.partition(":")
    match kind:
        case "browser" if key == CURRENT:
            if user.session is None or user.session.kind != BROWSER:
                raise _not_found()
            return user.session
        case "browser":
            return SessionRef("browser", _uuid(key))
        case "cli":
            return SessionRef("cli", _uuid(key))
    raise _not_found()


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidRequest("Malformed auth session id.") from None


def _not_found() -> NotFound:
    return NotFound("Auth session not found.")


def _browser(session: Stored[SessionRecord], user: User) -> tuple[datetime, AuthSession]:
    record, ref = session.body, SessionRef("browser", session.key)
    current = ref == user.session
    return record.last_seen, AuthSession(
        id=str(ref),
        kind=ref.kind,
        current=current,
        provider=record.method,
        login=record.identity.login,
        label="This browser" if current else "Browser",
        user_agent=record.user_agent,
        created_at=format_instant(record.created),
        last_seen_at=format_instant(record.last_seen),
        expires_at=format_instant(record.expires),
        revocable=True,
    )


def _cli(stored: Stored[Chain], user: User) -> tuple[datetime, AuthSession]:
    chain, ref = stored.body, SessionRef("cli", stored.key)
    return chain.last_seen, AuthSession(
        id=str(ref),
        kind=ref.kind,
        current=ref == user.session,
        provider=chain.method,
        login=chain.identity.login,
        label="Fabro CLI",
        user_agent=chain.user_agent,
        created_at=format_instant(chain.created),
        last_seen_at=format_instant(chain.last_seen),
        expires_at=format_instant(chain.expires),
        revocable=True,
    )


ROUTES: Final = (
    list_auth_sessions,
    delete_auth_session,
)
