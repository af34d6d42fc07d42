"""Judging a request's credentials: which one counts, who decides about it, and what a refusal is called
(auth.md A3 to A6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fabro_core.auth.access_tokens import AccessTokens
from fabro_core.auth.asking import credential_of, identity_of_bearer, require_permission
from fabro_core.auth.base import AuthMethod, Bearer
from fabro_core.auth.caller import Caller, SessionRef, User, Worker
from fabro_core.auth.cookies import cookie_values
from fabro_core.auth.refresh_tokens import REFRESH_PREFIX
from fabro_core.auth.refusals import LoginNotPermitted, Unauthenticated
from fabro_core.auth.sessions import COOKIE, BrowserSessions, SessionRecord
from fabro_core.auth.signed_tokens import header_of
from fabro_core.auth.worker_tokens import KEY_ID as WORKER_KEY_ID
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.documents.collection import Stored
from fabro_core.secret import Secret

MAX_TOKEN_BYTES = 8192

_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x7e]+)")
_BLANKS = b" \t"


class Authenticator:
    """Tells which credential of a request counts, and asks the one that it belongs to: an enabled method, or the
    core itself."""

    def __init__(
        self,
        methods: Sequence[AuthMethod],
        workers: WorkerTokens,
        sessions: BrowserSessions | None = None,
        access_tokens: AccessTokens | None = None,
    ) -> None:
        """`sessions` and `access_tokens`: None when people cannot sign in with a browser."""
        self._by_prefix = tuple((prefix, method) for method in methods for prefix in method.token_prefixes)
        self._by_name = {method.name: method for method in methods}
        self._workers = workers
        self._sessions = sessions
        self._access_tokens = access_tokens

    async def authenticate(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """The caller behind a request's headers: an `Authorization` header alone decides, else the session cookie.

        Raises `Unauthenticated`, `LoginNotPermitted`, `MethodUnavailable` or `StoreUnavailable`.
        """
        token = bearer_token(headers)
        if token is not None:
            return await self._bearer(token)
        return await self.user_of_cookies(() if self._sessions is None else cookie_values(headers, COOKIE))

    async def session_of_cookies(self, cookies: Sequence[str]) -> Stored[SessionRecord] | None:
        """The session of the first usable one of several cookies; None when none is.

        Raises `MethodUnavailable` or `StoreUnavailable`.
        """
        for cookie in cookies:
            session = None if self._sessions is None else await self._sessions.find(cookie)
            if session is not None and self._is_usable(session.body):
                return session
        return None

    async def user_of_cookies(self, cookies: Sequence[str]) -> User:
        """The person of the session that `session_of_cookies` finds. Raises as `authenticate` does."""
        session = await self.session_of_cookies(cookies)
        if session is None:
            raise Unauthenticated
        return await self.user_of_session(session)

    async def user_of_session(self, session: Stored[SessionRecord]) -> User:
        """The person of a session that is usable. Raises as `authenticate` does."""
        assert self._sessions is not None, "the session is one of theirs"
        record = session.body
        method = self._by_name.get(record.method)
        if method is None:
            raise Unauthenticated("access_token_invalid")
        await require_permission(method, record.identity)
        await self._sessions.note_use(session)
        return User(identity=record.identity, method=method.name, session=SessionRef("browser", session.key))

    def _is_usable(self, record: SessionRecord) -> bool:
        """Whether what the session was opened with is what its method has now (auth.md A9). One whose method is not
        enabled is usable all the same, and refused for that (auth.md A5)."""
        method = self._by_name.get(record.method)
        if method is None or self._sessions is None:
            return True
        return self._sessions.depends_on(record, credential_of(method, record.identity))

    async def still_admits(self, caller: Caller) -> bool:
        """Whether somebody whose request is still being answered may go on (auth.md A14).

        That an access token has expired meanwhile does not matter; that its login has ended does. Raises
        `StoreUnavailable` or `MethodUnavailable`.
        """
        if isinstance(caller, Worker):
            return True
        method = self._by_name[caller.method]
        try:
            await require_permission(method, caller.identity)
        except LoginNotPermitted:
            return False
        match caller.session:
            case SessionRef(kind="browser", id=sid) if self._sessions is not None:
                return await self._sessions.is_live(sid)
            case SessionRef(kind="cli", id=chain_id) if self._access_tokens is not None:
                return await self._access_tokens.is_live(chain_id)
        return True

    async def _bearer(self, token: str) -> Caller:
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        if token.startswith(REFRESH_PREFIX):
            raise Unauthenticated("unauthorized", token_was_given=True)
        for prefix, method in self._by_prefix:
            if token.startswith(prefix):
                return await _user_of(method, token)
        header = header_of(token)
        if header is not None and header.kid == WORKER_KEY_ID:
            return self._workers.worker_of(token)
        if header is not None and header.kid is None and self._access_tokens is not None:
            return await self._holder(self._access_tokens, token)
        raise Unauthenticated("access_token_invalid", token_was_given=True)

    async def _holder(self, access_tokens: AccessTokens, token: str) -> User:
        user = await access_tokens.user_of(token)
        method = self._by_name.get(user.method)
        if method is None:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        await require_permission(method, user.identity)
        return user


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of the one `Authorization` header (RFC 6750 §2.1, RFC 9110 §11.6.2); None without such a header.

    Raises `Unauthenticated` for anything else.
    """
    values = [value for name, value in headers if name == b"authorization"]
    if not values:
        return None
    match = _BEARER.fullmatch(values[0].strip(_BLANKS)) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated("unauthorized")
    return match[1].decode("ascii")


async def _user_of(method: AuthMethod, token: str) -> User:
    identity = await identity_of_bearer(method, Bearer(token=Secret(token)))
    if identity is None:
        raise Unauthenticated("access_token_invalid", token_was_given=True)
    await require_permission(method, identity)
    return User(identity=identity, method=method.name)
