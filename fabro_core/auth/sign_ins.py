"""Signing in and out with a browser (auth.md A8, A10 to A12, A15): what is checked, kept and noted, in which order.

A method proves who somebody is; everything else is decided here. The controllers bring the request's parts, set the
cookies and choose between a page and JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from fabro_core.auth.asking import (
    credential_of,
    identity_of_callback,
    identity_of_form,
    redirect_of,
    require_permission,
)
from fabro_core.auth.audit import audit
from fabro_core.auth.base import AuthMethod, Identity, LoginCallback, LoginForm, LoginOption
from fabro_core.auth.caller import SessionRef, User
from fabro_core.auth.login_states import LoginStates, PendingLogin, is_binding
from fabro_core.auth.refusals import (
    AccessDenied,
    IdentityProviderFailed,
    InvalidCredentials,
    LoginNotPermitted,
    LoginStateInvalid,
    MethodDisabled,
)
from fabro_core.auth.return_to import CLI_RESUME, checked_return_to
from fabro_core.auth.sessions import COOKIE, BrowserSessions
from fabro_core.auth.sign_in_limit import LimitKind, SignInLimit, TooManyAttempts, counted_address
from fabro_core.auth.visitor import Visitor
from fabro_core.errors import InvalidRequest, Refusal
from fabro_core.secret import Secret

BINDING_COOKIE: Final = "fabro_oauth_state"
"""Binds a sign-in to the browser that began it, so that nobody can be made to finish somebody else's."""
AFTER_SIGN_IN: Final = "/runs"
RETURN_TO: Final = "return_to"
"""The field of a form, and the parameter of the login page, that says where a sign-in leads to."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in at an identity provider that is under way."""

    url: str
    """Of the provider, where the browser goes next."""
    binding: Secret
    """What the browser has to bring back, in `BINDING_COOKIE`."""


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has signed in."""

    cookie: Secret
    """The value of the session cookie."""
    location: str
    """Where a browser goes next."""


class SignInRefused(Exception):
    """The person is told on a page, and a program by `refusal`."""

    def __init__(self, refusal: Refusal, location: str) -> None:
        self.refusal = refusal
        self.location = location
        """Where a browser goes next."""
        super().__init__(refusal.code)


class SignIns:
    """The sign-ins of one server. Every method that awaits raises `StoreUnavailable`."""

    def __init__(
        self,
        methods: Mapping[str, AuthMethod],
        options: Mapping[str, LoginOption],
        limit: SignInLimit,
        sessions: BrowserSessions,
        states: LoginStates,
        *,
        public_url: str,
        prefix: str,
    ) -> None:
        """`public_url` has no trailing slash, `prefix` is its path."""
        self._methods = methods
        self._options = options
        self._limit = limit
        self._sessions = sessions
        self._states = states
        self._public_url = public_url
        self._prefix = prefix

    async def count(self, kind: LimitKind, visitor: Visitor, *, chain: str | None = None) -> None:
        """Count an attempt, before anything of it is looked at: against the chain that it proves to be of, None:
        against the visitor's address. Raises `TooManyAttempts`."""
        try:
            await self._limit.count(kind, counted_address(visitor.client) if chain is None else chain)
        except TooManyAttempts as refusal:
            audit("rate_limited", visitor, reason=refusal.code)
            raise

    def option_of(self, name: str) -> LoginOption | None:
        """How people sign in with an enabled method; None: not with a browser. Raises `MethodDisabled`."""
        return self._options.get(self._enabled(name).name)

    async def with_form(self, name: str, submitted: Mapping[str, object], visitor: Visitor) -> SignedIn:
        """Sign in with what was submitted to the form of a method.

        Raises `MethodDisabled`, `InvalidRequest`, `SignInRefused` or `MethodUnavailable`.
        """
        method = self._enabled(name)
        form = _form(self._options[name], submitted)
        return_to = self._return_to(submitted.get(RETURN_TO))
        try:
            identity = await identity_of_form(method, form)
            await require_permission(method, identity)
        except (InvalidCredentials, LoginNotPermitted) as refusal:
            audit("login_refused", visitor, method=name, reason=refusal.code)
            error = "invalid_credentials" if isinstance(refusal, InvalidCredentials) else "unauthorized"
            raise SignInRefused(refusal, self._login_page(error, return_to)) from refusal
        return await self._signed_in(method, identity, return_to, visitor)

    async def begin(self, name: str, return_to: str | None, visitor: Visitor) -> Begun:
        """Begin a sign-in at the identity provider of a method.

        Raises `MethodDisabled`, or `SignInRefused` when the provider cannot be asked.
        """
        method = self._enabled(name)
        checked = self._return_to(return_to)
        attempt = self._states.attempt(self._callback_url(name))
        try:
            redirect = await redirect_of(method, attempt)
        except IdentityProviderFailed as refusal:
            raise self._refused(name, refusal, checked, visitor) from refusal
        binding = next(iter(_bindings(visitor)), None) or Secret.random()
        await self._states.remember(attempt, method=name, binding=binding, kept=redirect.keep, return_to=checked)
        return Begun(url=redirect.url, binding=binding)

    async def finish(self, name: str, visitor: Visitor, *, state: Secret, code: Secret, error: str) -> SignedIn:
        """Take a browser back from the identity provider of a method, with what that says: a code, or an error.

        Raises `MethodDisabled`, `LoginStateInvalid`, `SignInRefused` or `MethodUnavailable`. Once the sign-in is found
        it is used up, whatever follows.
        """
        method = self._enabled(name)
        pending = await self._taken(name, state, visitor)
        try:
            identity = await self._vouched_for(method, pending, code=code, error=error)
            await require_permission(method, identity)
        except (AccessDenied, IdentityProviderFailed, LoginNotPermitted) as refusal:
            raise self._refused(name, refusal, pending.return_to, visitor) from refusal
        return await self._signed_in(method, identity, pending.return_to, visitor)

    async def end(self, visitor: Visitor) -> None:
        """End whatever session the browser has: one that stayed behind would sign the person in again."""
        for cookie in visitor.cookies(COOKIE):
            ended = await self._sessions.end(cookie)
            if ended is not None:
                session = SessionRef("browser", ended.key)
                audit("logout", visitor, method=ended.body.method, identity=ended.body.identity, session=session)

    def _enabled(self, name: str) -> AuthMethod:
        method = self._methods.get(name)
        if method is None:
            raise MethodDisabled
        return method

    def _return_to(self, value: object) -> str | None:
        return checked_return_to(value if isinstance(value, str) else None, prefix=self._prefix)

    def _callback_url(self, name: str) -> str:
        return f"{self._public_url}/auth/callback/{name}"

    async def _taken(self, name: str, state: Secret, visitor: Visitor) -> PendingLogin:
        """The sign-in that the state and the browser belong to, used up. Raises `LoginStateInvalid`."""
        bindings = _bindings(visitor)
        pending = await self._states.find(state, method=name, bindings=bindings) if bindings else None
        if pending is None or not await self._states.take(pending):
            refusal = LoginStateInvalid()
            audit("login_refused", visitor, method=name, reason=refusal.code)
            raise refusal
        return pending

    async def _vouched_for(self, method: AuthMethod, pending: PendingLogin, *, code: Secret, error: str) -> Identity:
        """Whom the provider vouches for. Raises `AccessDenied`, `LoginNotPermitted` or `IdentityProviderFailed`."""
        match error:
            case "access_denied":
                raise AccessDenied
            case "unauthorized":
                raise LoginNotPermitted
            case "" if code.reveal():
                callback = LoginCallback(
                    callback_url=self._callback_url(method.name),
                    code=code,
                    code_verifier=pending.code_verifier,
                    kept=pending.kept,
                )
                return await identity_of_callback(method, callback)
        raise IdentityProviderFailed(method.name)

    def _refused(
        self,
        name: str,
        refusal: AccessDenied | IdentityProviderFailed | LoginNotPermitted,
        return_to: str | None,
        visitor: Visitor,
    ) -> SignInRefused:
        """The refusal of a sign-in at a provider: a command-line program that waits for it has to learn of it too."""
        audit("login_refused", visitor, method=name, reason=refusal.code)
        match refusal:
            case AccessDenied():
                error, description = "access_denied", "Authorization denied"
            case LoginNotPermitted():
                error, description = "unauthorized", "Login not permitted"
            case IdentityProviderFailed():
                error, description = "server_error", f"Could not complete {self._options[name].label} sign-in"
        resume = self._prefix + CLI_RESUME
        if return_to == resume:
            query = urlencode({"error": error, "error_description": description}, quote_via=quote)
            return SignInRefused(refusal, f"{resume}?{query}")
        return SignInRefused(refusal, self._login_page(error, None))

    def _login_page(self, error: str, return_to: str | None) -> str:
        """The login page, which says what went wrong."""
        kept = "" if return_to is None else f"&{RETURN_TO}={quote(return_to, safe='/')}"
        return f"{self._prefix}/login?error={error}{kept}"

    async def _signed_in(
        self, method: AuthMethod, identity: Identity, return_to: str | None, visitor: Visitor
    ) -> SignedIn:
        """Open a session for a person who has just proved who they are, in place of the one that the browser had."""
        session, cookie = await self._sessions.open(
            User(identity=identity, method=method.name),
            credential=credential_of(method, identity),
            user_agent=visitor.user_agent,
        )
        for replaced in visitor.cookies(COOKIE):
            await self._sessions.end(replaced)
        audit("login", visitor, method=method.name, identity=identity, session=session)
        return SignedIn(cookie=Secret(cookie), location=return_to or self._prefix + AFTER_SIGN_IN)


def _bindings(visitor: Visitor) -> list[Secret]:
    """What the browser brings along; one for all its tabs, so that each can finish what it began."""
    return [Secret(value) for value in visitor.cookies(BINDING_COOKIE) if is_binding(value)]


def _form(option: LoginOption, submitted: Mapping[str, object]) -> LoginForm:
    """The declared fields, and nothing else. Raises `InvalidRequest`."""
    fields: dict[str, Secret] = {}
    for field in option.fields:
        value = submitted.get(field.name)
        if not isinstance(value, str):
            raise InvalidRequest(f"{field.name}: required, as text.")
        fields[field.name] = Secret(value)
    return_to = submitted.get(RETURN_TO)
    if return_to is not None and not isinstance(return_to, str):
        raise InvalidRequest(f"{RETURN_TO}: expected text.")
    return LoginForm(fields=fields)
