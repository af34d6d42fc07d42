"""The interface of an auth method. The plugin authenticates; the core authorises and owns routes, cookies,
tokens, state and rate limits (auth.md)."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import msgspec

from fabro_core.context import Problem
from fabro_core.secret import Secret


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as an auth method knows them. Two identities are the same user iff issuer and subject are equal.

    No text has control characters, line ends or others that nobody sees, but joiners of letters. An identity with
    another text than these is not accepted: the method counts as unavailable, its provider as failed (auth.md A1).
    """

    issuer: str
    """Who vouches for the person, such as the URL of a provider. 1 to 255 bytes in UTF-8, no white space around."""
    subject: str
    """The person, for this issuer: the same for ever, and never somebody else's. As `issuer`."""
    login: str
    """What people call them here; may change. As `issuer`."""
    name: str = ""
    """Their full name, up to 255 bytes; empty when unknown, as the following."""
    email: str = ""
    """Up to 320 bytes."""
    avatar_url: str = ""
    """A picture: an absolute http(s) URL of up to 1024 bytes."""
    user_url: str = ""
    """A page about them. As `avatar_url`."""


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """A well-formed bearer token whose prefix belongs to the method that gets it (auth.md A4)."""

    token: Secret
    """1 to 8192 characters of visible ASCII."""


class LoginField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a sign-in form."""

    name: str
    label: str
    secret: bool = False
    """Shown as a password field."""


class LoginOption(msgspec.Struct, frozen=True, kw_only=True):
    """How people sign in with a browser (auth.md A16): with a form here, or at an identity provider."""

    label: str
    """What people are offered, such as `GitHub`."""
    kind: Literal["form", "redirect"]
    fields: tuple[LoginField, ...] = ()
    """Of the form; at least one for the kind `form`, none for `redirect`."""


class LoginForm(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in form as it was filled in."""

    fields: Mapping[str, Secret]
    """Exactly the declared fields, by name."""


class LoginAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in at an identity provider that begins now (RFC 6749 §4.1.1, RFC 7636 §4.1)."""

    callback_url: str
    """Where the provider has to send the browser back to."""
    state: Secret
    code_verifier: Secret


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the browser."""

    url: str
    keep: Secret | None = None
    """Handed back with the callback; kept encrypted."""


class LoginCallback(msgspec.Struct, frozen=True, kw_only=True):
    """The browser is back from the identity provider, and the attempt is its own (RFC 6749 §4.1.2)."""

    callback_url: str
    code: Secret
    code_verifier: Secret
    kept: Secret | None
    """What `start_login` asked to keep."""


class AuthMethod(abc.ABC):
    """One way to prove who you are.

    A method takes bearer tokens, or signs people in with a browser, or both. For a browser it states an `option()`
    and implements `sign_in` (kind `form`), or `start_login` and `finish_login` (kind `redirect`); states, PKCE,
    cookies, rate limits and sessions are the core's.
    """

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

    def option(self) -> LoginOption | None:
        """How people sign in with a browser; None: they do not. Asked once, before `lifespan`."""
        return None

    async def sign_in(self, form: LoginForm, /) -> Identity:
        """The identity that a form proves (kind `form`). Raises `CredentialsRejected`.

        Anything else that it raises answers 503 `method_unavailable`. Must answer within 10 s.
        """
        raise NotImplementedError("a method with a form implements sign_in")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        """Where a browser is sent to sign in (kind `redirect`). Whatever it raises is a failure of the provider."""
        raise NotImplementedError("a method that redirects implements start_login")

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        """The identity that the provider vouches for (kind `redirect`).

        Whatever it raises, and taking more than 10 s, is a failure of the provider (auth.md A12).
        """
        raise NotImplementedError("a method that redirects implements finish_login")

    def credential_of(self, identity: Identity, /) -> Secret | None:
        """What browser sessions of this identity depend on: once it is another secret, they end (auth.md A9).

        None: they depend on nothing. Asked with every request, so it does no I/O.
        """
        return None

    async def permits(self, identity: Identity, /) -> bool:
        """Whether the identity may still use the server; asked on every request, so it does no I/O (auth.md A6)."""
        return True

    async def check(self) -> Sequence[Problem]:
        """Faults that can be seen without contacting anybody; called at start-up and for
        diagnostics (resources.md X14), inside `lifespan`."""
        return ()

    async def check_online(self) -> Sequence[Problem]:
        """Faults that only show when others are contacted; called by `fabro check --online` alone, inside `lifespan`
        (server.md S25). Must answer within 30 s."""
        return ()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold what the method needs while the server runs."""
        yield
