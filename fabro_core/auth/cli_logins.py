"""Logins of command-line programs (auth.md A20 to A22): a one-time code is exchanged for tokens, which are renewed and
ended. What is checked, kept and noted stands here; controllers bring the request's parts and answer.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from fabro_core.auth.access_tokens import AccessToken, AccessTokens
from fabro_core.auth.asking import require_permission
from fabro_core.auth.audit import audit
from fabro_core.auth.authenticator import bearer_token
from fabro_core.auth.base import AuthMethod
from fabro_core.auth.caller import SessionRef
from fabro_core.auth.chains import Chain, Chains, Issued, RefreshRefused, RefreshReplayed
from fabro_core.auth.codes import Codes, Grant
from fabro_core.auth.oauth import proves
from fabro_core.auth.refresh_tokens import REFRESH_PREFIX, RefreshToken, RefreshTokens
from fabro_core.auth.refusals import CliLoginNotConfigured, LoginNotPermitted, Unauthenticated
from fabro_core.auth.visitor import Visitor
from fabro_core.errors import InvalidRequest, Refusal
from fabro_core.secret import Secret


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a program gets."""

    access: AccessToken
    refresh: RefreshToken
    chain: Chain


class CliLogins:
    """The logins of command-line programs at one server. Every method that awaits raises `StoreUnavailable`."""

    def __init__(
        self,
        methods: Mapping[str, AuthMethod],
        codes: Codes,
        chains: Chains,
        refresh_tokens: RefreshTokens,
        access_tokens: AccessTokens,
        *,
        on: bool,
    ) -> None:
        """`on`: people sign in with one of the methods at an identity provider; otherwise programs get no logins."""
        self._methods = methods
        self._codes = codes
        self.chains = chains
        self._refresh_tokens = refresh_tokens
        self.access_tokens = access_tokens
        self._on = on

    def require(self) -> None:
        """Raises `CliLoginNotConfigured` where there are no such logins."""
        if not self._on:
            raise CliLoginNotConfigured

    def chain_of(self, visitor: Visitor) -> str | None:
        """The chain of the refresh token in the `Authorization` header; None unless the token was issued for it."""
        token = _refresh_token(visitor)
        return token.chain_id if token is not None and self._refresh_tokens.has_issued(token) else None

    async def exchange(self, visitor: Visitor, *, code: Secret, code_verifier: Secret, redirect_uri: str) -> Tokens:
        """Exchange a one-time code. Once it is found it is used up, whatever follows.

        Raises `InvalidRequest`, `CliLoginNotConfigured`, `LoginNotPermitted` or `MethodUnavailable`.
        """
        self.require()
        grant = await self._codes.redeem(code)
        if grant is None:
            raise _noted(visitor, InvalidRequest("Invalid authorization code", code="invalid_code"))
        if not proves(code_verifier, grant.code_challenge):
            raise _noted(visitor, InvalidRequest("PKCE verification failed", code="pkce_verification_failed"), grant)
        if redirect_uri != grant.redirect_uri:
            raise _noted(visitor, InvalidRequest("Redirect URI mismatch", code="redirect_uri_mismatch"), grant)
        try:
            await self._require_permission(grant)
        except (CliLoginNotConfigured, LoginNotPermitted) as refusal:
            raise _noted(visitor, refusal, grant) from None
        issued = await self.chains.open(grant.identity, grant.method, user_agent=visitor.user_agent)
        audit("login", visitor, method=grant.method, identity=grant.identity, session=_session(issued.token))
        return self._tokens(issued)

    async def refresh(self, visitor: Visitor) -> Tokens:
        """Exchange the refresh token in the `Authorization` header for the next one.

        Raises `Unauthenticated`, `CliLoginNotConfigured`, `LoginNotPermitted` or `MethodUnavailable`.
        """
        text = _presented(visitor)
        self.require()
        token = RefreshToken.parse(text)
        if token is None:
            raise RefreshRefused("Refresh token expired", code="refresh_token_expired")
        judged: Chain | None = None

        async def admit(chain: Chain) -> None:
            nonlocal judged
            judged = chain
            await self._require_permission(chain)

        try:
            return self._tokens(await self.chains.refresh(token, admit))
        except RefreshReplayed as refusal:
            audit(
                "refresh_replayed",
                visitor,
                method=refusal.chain.method,
                reason=refusal.code,
                identity=refusal.chain.identity,
                session=_session(token),
            )
            raise
        except RefreshRefused as refusal:
            audit("login_refused", visitor, reason=refusal.code, session=_session(token))
            raise
        except (CliLoginNotConfigured, LoginNotPermitted) as refusal:
            raise _noted(visitor, refusal, judged) from None

    async def end(self, visitor: Visitor) -> None:
        """End the login of the refresh token in the `Authorization` header. One that is worth nothing is no fault: it
        is over, as was asked for. Raises `CliLoginNotConfigured`."""
        self.require()
        token = _refresh_token(visitor)
        chain = None if token is None else await self.chains.log_out(token)
        if token is not None and chain is not None:
            audit("logout", visitor, method=chain.method, identity=chain.identity, session=_session(token))

    async def _require_permission(self, of: Grant | Chain) -> None:
        """Raises `CliLoginNotConfigured` for a method that is not enabled any more, `LoginNotPermitted` or
        `MethodUnavailable`."""
        method = self._methods.get(of.method)
        if method is None:
            raise CliLoginNotConfigured
        await require_permission(method, of.identity)

    def _tokens(self, issued: Issued) -> Tokens:
        access = self.access_tokens.issue(issued.token.chain_id, issued.chain)
        return Tokens(access=access, refresh=issued.token, chain=issued.chain)


def _refresh_token(visitor: Visitor) -> RefreshToken | None:
    """What is presented, if it has the form of a refresh token."""
    try:
        text = bearer_token(visitor.headers)
    except Unauthenticated:
        return None
    return None if text is None else RefreshToken.parse(text)


def _presented(visitor: Visitor) -> str:
    """The text that ought to be a refresh token. Raises `Unauthenticated` (auth.md A21 rows 2 and 3)."""
    text = bearer_token(visitor.headers)
    if text is None:
        raise Unauthenticated("refresh_token_expired", detail="A refresh token is required")
    if not text.startswith(REFRESH_PREFIX):
        raise Unauthenticated("unauthorized", token_was_given=True)
    return text


def _noted(visitor: Visitor, refusal: Refusal, of: Grant | Chain | None = None) -> Refusal:
    """`refusal`, of which the audit log knows."""
    if of is None:
        audit("login_refused", visitor, reason=refusal.code)
    else:
        audit("login_refused", visitor, method=of.method, reason=refusal.code, identity=of.identity)
    return refusal


def _session(token: RefreshToken) -> SessionRef:
    return SessionRef("cli", token.chain_id)
