"""The sign-ins of a person that last (auth.md A18): browser sessions and logins of command-line programs, to be looked
at and ended."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from fabro_core.auth.audit import audit
from fabro_core.auth.caller import SessionRef, User
from fabro_core.auth.chains import Chain, Chains
from fabro_core.auth.sessions import BrowserSessions, SessionRecord
from fabro_core.auth.visitor import Visitor
from fabro_core.documents.collection import Stored
from fabro_core.errors import InvalidRequest, NotFound

CURRENT: Final = "current"
"""Stands for the browser session that authenticated the request."""


class LastingSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A browser session, or the login of a command-line program."""

    ref: SessionRef
    current: bool
    """It authenticated the request that asks."""
    method: str
    """The auth method's settings name."""
    login: str
    user_agent: str | None
    created: datetime
    last_seen: datetime
    expires: datetime

    @property
    def label(self) -> str:
        """What it is, to people."""
        if self.ref.kind == "cli":
            return "Fabro CLI"
        return "This browser" if self.current else "Browser"


class LastingSignIns:
    """Those in one store. Every method raises `StoreUnavailable`."""

    def __init__(self, sessions: BrowserSessions | None, chains: Chains | None) -> None:
        """None for what cannot be signed in with."""
        self._sessions = sessions
        self._chains = chains

    async def of(self, user: User) -> list[LastingSignIn]:
        """Somebody's: the one that authenticated the request first, then by last use, newest first."""
        found: list[LastingSignIn] = []
        if self._sessions is not None:
            found += [_session(session, user) async for session in self._sessions.of_user(user.identity)]
        if self._chains is not None:
            found += [_chain(chain, user) async for chain in self._chains.of_user(user.identity)]
        found.sort(key=lambda each: str(each.ref))
        found.sort(key=lambda each: (each.current, each.last_seen), reverse=True)
        return found

    async def end(self, named: str, user: User, visitor: Visitor) -> bool:
        """End one of somebody's sign-ins, by the text of its `SessionRef` or as `browser:current`; whether it was the
        session of the browser that asks.

        Raises `InvalidRequest` for what names none, `NotFound` for one that is not theirs.
        """
        ref = _named(named, user)
        owned = self._sessions if ref.kind == "browser" else self._chains
        if owned is None or not await owned.revoke(UUID(ref.id), user.identity):
            raise _not_found()
        audit("session_revoked", visitor, method=user.method, identity=user.identity, session=ref)
        return ref == user.session and ref.kind == "browser"


def _session(session: Stored[SessionRecord], user: User) -> LastingSignIn:
    record, ref = session.body, SessionRef("browser", session.key)
    return LastingSignIn(
        ref=ref,
        current=ref == user.session,
        method=record.method,
        login=record.identity.login,
        user_agent=record.user_agent,
        created=record.created,
        last_seen=record.last_seen,
        expires=record.expires,
    )


def _chain(stored: Stored[Chain], user: User) -> LastingSignIn:
    chain, ref = stored.body, SessionRef("cli", stored.key)
    return LastingSignIn(
        ref=ref,
        current=ref == user.session,
        method=chain.method,
        login=chain.identity.login,
        user_agent=chain.user_agent,
        created=chain.created,
        last_seen=chain.last_seen,
        expires=chain.expires,
    )


def _named(text: str, user: User) -> SessionRef:
    """The sign-in that a text names. Raises `InvalidRequest` or `NotFound`."""
    kind, _, key = text.partition(":")
    match kind:
        case "browser" if key == CURRENT:
            if user.session is None or user.session.kind != "browser":
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
