"""Command-line logins (auth.md A21): each is a chain of refresh tokens, of which only the newest is good.

The store has hashes of secrets, never a secret. Whatever happens to a chain is one compare-and-set on its document, so
of several uses of one refresh token exactly one succeeds, on however many servers they arrive.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from uuid_utils import uuid4

from fabro_core.auth.base import Identity
from fabro_core.auth.caller import owner_of
from fabro_core.auth.refresh_tokens import RefreshToken, RefreshTokens
from fabro_core.auth.refusals import LoginNotPermitted, Unauthenticated
from fabro_core.auth.sessions import NOTED_EVERY, cleaned
from fabro_core.clock import Clock
from fabro_core.documents.collection import DELETE, Documents, Stored, Verdict
from fabro_core.errors import StoreUnavailable
from fabro_core.store.base import RunStore

LIFETIME: Final = timedelta(days=30)
"""From the last rotation."""
RACE_GRACE: Final = timedelta(seconds=10)
"""How long the token before the newest counts as late, not as stolen: two programs of one person may use it at once."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A command-line login as it is stored."""

    identity: Identity
    method: str
    """The auth method's settings name."""
    user_agent: str | None
    created: datetime
    last_seen: datetime
    current: str
    """Hash of the newest token's secret."""
    previous: str | None
    """Hash of the secret before; None until the first rotation."""
    rotated: datetime
    """When the newest token was issued."""
    revoked: bool = False
    """A token was used that had been replaced; kept until the chain expires, so that every server says so."""

    @property
    def expires(self) -> datetime:
        return self.rotated + LIFETIME


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token that was just issued, and the chain as it is now."""

    token: RefreshToken
    chain: Chain


class RefreshRefused(Unauthenticated):
    """401: the refresh token is not, or no longer, good."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(code, detail=detail, token_was_given=True)


class RefreshReplayed(RefreshRefused):
    """A token was used that had been replaced long ago: somebody has copied it, and the chain has just ended."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        super().__init__("Refresh token revoked", code="refresh_token_revoked")


Admit = Callable[[Chain], Awaitable[None]]
"""Raises the refusal of a person who may not go on."""


class Chains:
    """The command-line logins in one store. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock, tokens: RefreshTokens) -> None:
        self._clock = clock
        self._tokens = tokens
        self._chains = Documents(
            store,
            clock,
            "auth.chain",
            Chain,
            owner=lambda _, chain: owner_of(chain.identity),
            expires=lambda chain, _: chain.expires,
        )

    async def open(self, identity: Identity, method: str, *, user_agent: str | None) -> Issued:
        """A new login of a person, with its first refresh token."""
        now = self._clock.now()
        token = self._tokens.issue(str(uuid4()))
        chain = Chain(
            identity=identity,
            method=method,
            user_agent=cleaned(user_agent),
            created=now,
            last_seen=now,
            current=token.secret.hexdigest(),
            previous=None,
            rotated=now,
        )
        await self._chains.put(token.chain_id, chain)
        return Issued(token=token, chain=chain)

    async def refresh(self, token: RefreshToken, admit: Admit) -> Issued:
        """Exchange the newest refresh token of a chain for the next one (auth.md A21 rows 5 to 10).

        `admit` is asked before anything changes. Raises `RefreshRefused`, and what `admit` raises; a person who is
        not permitted loses the chain.
        """
        successor = self._tokens.issue(token.chain_id)

        async def decide(chain: Chain | None) -> Chain | Verdict:
            found = self._live(token, chain)
            if not self._is_newest(token, found):
                return msgspec.structs.replace(found, revoked=True)
            try:
                await admit(found)
            except LoginNotPermitted:
                return DELETE
            now, current = self._clock.now(), successor.secret.hexdigest()
            return msgspec.structs.replace(found, current=current, previous=found.current, rotated=now, last_seen=now)

        chain = await self._chains.update(token.chain_id, decide)
        if chain is None:
            raise LoginNotPermitted
        if chain.revoked:
            raise RefreshReplayed(chain)
        return Issued(token=successor, chain=chain)

    async def log_out(self, token: RefreshToken) -> Chain | None:
        """End the chain of its newest token, or of the one before; None when there was no such chain."""
        stored = await self._chains.get(token.chain_id)
        if stored is None:
            return None
        presented = token.secret.hexdigest()
        if not (_equal(presented, stored.body.current) or _equal(presented, stored.body.previous)):
            return None
        return stored.body if await self._chains.delete(stored.key) else None

    async def find(self, chain_id: str) -> Stored[Chain] | None:
        """The chain; None when it has ended, has expired or was revoked."""
        stored = await self._chains.get(chain_id)
        return None if stored is None or stored.body.revoked else stored

    async def note_use(self, stored: Stored[Chain]) -> None:
        """Write down that the login is in use, now and then. A chain that changes meanwhile is left alone, and a store
        that takes no writes still lets its readers in."""
        now = self._clock.now()
        if abs(now - stored.body.last_seen) < NOTED_EVERY:
            return
        with suppress(StoreUnavailable):
            seen = msgspec.structs.replace(stored.body, last_seen=now)
            await self._chains.put(stored.key, seen, if_revision=stored.revision)

    async def of_user(self, identity: Identity) -> AsyncIterator[Stored[Chain]]:
        """The live chains of a person."""
        async for stored in self._chains.walk(owner=owner_of(identity)):
            if not stored.body.revoked:
                yield stored

    async def revoke(self, chain_id: UUID, identity: Identity) -> bool:
        """End a chain by its id; False when the person has no such live chain."""
        stored = await self.find(str(chain_id))
        if stored is None or owner_of(stored.body.identity) != owner_of(identity):
            return False
        return await self._chains.delete(stored.key)

    async def is_live(self, chain_id: str) -> bool:
        """Whether the chain has neither ended nor expired, nor was revoked."""
        return await self.find(chain_id) is not None

    def _is_newest(self, token: RefreshToken, chain: Chain) -> bool:
        """Whether it is the newest token, or one that is replayed. Raises `RefreshRefused` for one that was never
        issued: to know the id of a chain is not enough to end it."""
        presented = token.secret.hexdigest()
        if _equal(presented, chain.current):
            return True
        if not _equal(presented, chain.previous) and not self._tokens.has_issued(token):
            raise RefreshRefused("Refresh token expired", code="refresh_token_expired")
        return False

    def _live(self, token: RefreshToken, chain: Chain | None) -> Chain:
        """The chain that a token names, unless that has ended or the token is late. Raises `RefreshRefused`."""
        if chain is None:
            raise RefreshRefused("Refresh token expired", code="refresh_token_expired")
        if chain.revoked:
            raise RefreshRefused("Refresh token revoked", code="refresh_token_revoked")
        if _equal(token.secret.hexdigest(), chain.previous) and self._clock.now() - chain.rotated <= RACE_GRACE:
            raise RefreshRefused("Refresh token was just replaced", code="refresh_token_raced")
        return chain


def _equal(presented: str, stored: str | None) -> bool:
    return stored is not None and hmac.compare_digest(presented, stored)
