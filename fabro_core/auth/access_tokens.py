"""Access tokens of command-line logins (auth.md A23): short-lived, signed, and good only while their chain lives."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import msgspec
from uuid_utils import uuid4

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import SessionRef, User
from fabro_core.auth.chains import Chain, Chains
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.auth.signed_tokens import BadToken, TokenSigner
from fabro_core.clock import Clock
from fabro_core.secret import Secret

AUDIENCE: Final = "fabro-cli"
LIFETIME: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=5)
"""How far clocks of servers may be apart."""


class AccessClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token says; times in seconds since the epoch (RFC 7519 §4.1)."""

    iss: str
    aud: str
    sub: str
    iat: int
    exp: int
    jti: str
    sid: str
    """The chain."""
    idp_issuer: str
    idp_subject: str
    login: str
    name: str
    email: str
    avatar_url: str
    user_url: str
    auth_method: str
    """In its snake spelling (auth.md A1)."""


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was just issued."""

    text: Secret
    expires_at: datetime


class AccessTokens:
    """Issues and judges access tokens; servers with one key, one public URL and one store accept each other's."""

    def __init__(self, newest: bytes, *older: bytes, clock: Clock, issuer: str, chains: Chains) -> None:
        """Keys of 32 bytes each: the newest signs, and what an older one has signed counts as expired, so that programs
        ask for another (auth.md A28). `issuer` is the public URL, without a trailing slash."""
        self._signer = TokenSigner(newest)
        self._older = tuple(TokenSigner(key) for key in older)
        self._clock = clock
        self._issuer = issuer
        self._chains = chains

    def issue(self, chain_id: str, chain: Chain) -> AccessToken:
        """A token of a chain's person, good for ten minutes."""
        now = self._clock.now().replace(microsecond=0)
        expires_at = now + LIFETIME
        identity = chain.identity
        claims = AccessClaims(
            iss=self._issuer,
            aud=AUDIENCE,
            sub=identity.subject,
            iat=int(now.timestamp()),
            exp=int(expires_at.timestamp()),
            jti=str(uuid4()),
            sid=chain_id,
            idp_issuer=identity.issuer,
            idp_subject=identity.subject,
            login=identity.login,
            name=identity.name,
            email=identity.email,
            avatar_url=identity.avatar_url,
            user_url=identity.user_url,
            auth_method=chain.method.replace("-", "_"),
        )
        return AccessToken(text=Secret(self._signer.sign(claims)), expires_at=expires_at)

    async def user_of(self, token: str) -> User:
        """The person who holds a token, whatever their method says about them now.

        Raises `Unauthenticated` or `StoreUnavailable`.
        """
        claims = self._claims(token)
        stored = await self._chains.find(claims.sid)
        if stored is None:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        await self._chains.note_use(stored)
        identity = Identity(
            issuer=claims.idp_issuer,
            subject=claims.idp_subject,
            login=claims.login,
            name=claims.name,
            email=claims.email,
            avatar_url=claims.avatar_url,
            user_url=claims.user_url,
        )
        method = claims.auth_method.replace("_", "-")
        return User(identity=identity, method=method, session=SessionRef("cli", claims.sid))

    async def is_live(self, chain_id: str) -> bool:
        """Whether a login has not ended. Raises `StoreUnavailable`."""
        return await self._chains.is_live(chain_id)

    def _claims(self, token: str) -> AccessClaims:
        """What a token says, if it is one of ours and its time is not over."""
        try:
            claims: AccessClaims = self._signer.verify(token, AccessClaims)
        except BadToken as error:
            code = "access_token_expired" if self._was_signed_before(token) else "access_token_invalid"
            raise Unauthenticated(code, token_was_given=True) from error
        now, leeway = self._clock.now().timestamp(), LEEWAY.total_seconds()
        if claims.iss != self._issuer or claims.aud != AUDIENCE or claims.iat > now + leeway:
            raise Unauthenticated("access_token_invalid", token_was_given=True)
        if now - leeway >= claims.exp:
            raise Unauthenticated("access_token_expired", token_was_given=True)
        return claims

    def _was_signed_before(self, token: str) -> bool:
        """Whether it was one of ours until the key was replaced."""
        for signer in self._older:
            with suppress(BadToken):
                claims: AccessClaims = signer.verify(token, AccessClaims)
                return claims.iss == self._issuer and claims.aud == AUDIENCE
        return False
