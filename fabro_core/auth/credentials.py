"""Judging a request's credentials: which one counts, who decides about it, and what a refusal is called
(auth.md A3 to A6)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence

from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.auth.caller import Caller, User
from fabro_core.auth.refusals import LoginNotPermitted, MethodUnavailable, Unauthenticated
from fabro_core.auth.signed_tokens import header_of
from fabro_core.auth.worker_tokens import KEY_ID as WORKER_KEY_ID
from fabro_core.auth.worker_tokens import WorkerTokens
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret

MAX_TOKEN_BYTES = 8192
METHOD_TIMEOUT_SECONDS = 10
RESERVED_PREFIX = "fabro_refresh_"
"""Refresh tokens: never good as a bearer token."""

_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x7e]+)")
_BLANKS = b" \t"

log = logging.getLogger("fabro.auth")


class Authenticator:
    """Tells whose a token is, and asks the one that it belongs to: an enabled method, or the core itself."""

    def __init__(self, methods: Sequence[AuthMethod], workers: WorkerTokens) -> None:
        self._by_prefix = tuple((prefix, method) for method in methods for prefix in method.token_prefixes)
        self._workers = workers

    async def authenticate(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller:
        """The caller behind a request's headers.

        Raises `Unauthenticated`, `LoginNotPermitted` or `MethodUnavailable`.
        """
        token = _bearer_token([value for name, value in headers if name == b"authorization"])
        if token.startswith(RESERVED_PREFIX):
            raise Unauthenticated("unauthorized", token_was_given=True)
        for prefix, method in self._by_prefix:
            if token.startswith(prefix):
                return await _user_of(method, token)
        header = header_of(token)
        if header is not None and header.kid == WORKER_KEY_ID:
            return self._workers.worker_of(token)
        raise Unauthenticated("access_token_invalid", token_was_given=True)


def _bearer_token(values: list[bytes]) -> str:
    """The token of the one `Authorization` header (RFC 6750 §2.1, RFC 9110 §11.6.2)."""
    if not values:
        raise Unauthenticated
    match = _BEARER.fullmatch(values[0].strip(_BLANKS)) if len(values) == 1 else None
    if match is None:
        raise Unauthenticated("unauthorized")
    token = match[1]
    if len(token) > MAX_TOKEN_BYTES:
        raise Unauthenticated("access_token_invalid", token_was_given=True)
    return token.decode("ascii")


async def _user_of(method: AuthMethod, token: str) -> User:
    identity = await _ask(method, Bearer(token=Secret(token)))
    if identity is None:
        raise Unauthenticated("access_token_invalid", token_was_given=True)
    await _require_permission(method, identity)
    return User(identity=identity, method=method.name)


async def _ask(method: AuthMethod, credential: Bearer) -> Identity | None:
    try:
        async with asyncio.timeout(METHOD_TIMEOUT_SECONDS):
            return await method.authenticate(credential)
    except CredentialsRejected:
        return None
    except Exception as error:
        log.exception("auth method %s failed to judge a bearer token", method.name)
        raise MethodUnavailable from error


async def _require_permission(method: AuthMethod, identity: Identity) -> None:
    try:
        permitted = await method.permits(identity)
    except Exception as error:
        log.exception("auth method %s failed to tell whether an identity is permitted", method.name)
        raise MethodUnavailable from error
    if not permitted:
        raise LoginNotPermitted
