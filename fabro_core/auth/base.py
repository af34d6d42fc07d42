"""The interface of an auth method. The plugin authenticates; the core authorises and owns routes, cookies,
tokens, state and rate limits (auth.md)."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from fabro_core.context import Problem
from fabro_core.secret import Secret


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as an auth method knows them. Two identities are the same user iff issuer and subject are equal."""

    issuer: str
    subject: str
    login: str
    name: str = ""
    email: str = ""
    avatar_url: str = ""
    user_url: str = ""


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed bearer token whose prefix belongs to the method that gets it (auth.md A4)."""

    token: Secret


class AuthMethod(abc.ABC):
    """One way to prove who you are."""

    name: str
    """The entry-point name, stamped by the core before the first call."""
    token_prefixes: tuple[str, ...] = ()
    """Bearer tokens that start with one of these go to this method and to no other."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        """The identity behind a bearer token; None: not one of mine.

        Raises `CredentialsRejected` for a token of this method that is not valid. Anything else that it raises
        answers 503 `method_unavailable` for this request alone. Must answer within 10 s.
        """
        return None

    async def permits(self, identity: Identity, /) -> bool:
        """Whether the identity may still use the server; asked on every request, so it does no I/O (auth.md A6)."""
        return True

    async def check(self) -> Sequence[Problem]:
        """Faults that can be seen without contacting anybody; called once at start-up, inside `lifespan`."""
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold what the method needs while the server runs."""
        yield
