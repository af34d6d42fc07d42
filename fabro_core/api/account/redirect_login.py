"""Signing in at an identity provider (auth.md A11, A12): the way there, and the way back.

The method knows the provider. State, PKCE, the binding to one browser and the session afterwards are the core's, and
so are the words of every failure: nothing that a provider says gets to a client.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from fabro_core.api.account.sign_in import MethodPath, count_attempt, enabled_option, note, signed_in, to_login_page
from fabro_core.auth.authenticator import METHOD_TIMEOUT_SECONDS, require_permission
from fabro_core.auth.base import AuthMethod, Identity, LoginCallback, Redirect
from fabro_core.auth.cookies import cookie_value
from fabro_core.auth.login_states import LIFETIME, LoginStates, PendingLogin, is_binding
from fabro_core.auth.refusals import (
    AccessDenied,
    IdentityProviderFailed,
    LoginNotPermitted,
    LoginStateInvalid,
    MethodDisabled,
)
from fabro_core.auth.return_to import CLI_RESUME, checked_return_to
from fabro_core.auth.sign_in_limit import LimitKind
from fabro_core.http.accept import prefers_html
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.endpoint import endpoint
from fabro_core.http.methods import MethodNotAllowed
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, see_other
from fabro_core.secret import Secret

BINDING_COOKIE: Final = "fabro_oauth_state"
"""Binds a sign-in to the browser that began it, so that nobody can be made to finish somebody else's."""

_SIGN_IN: Final = "/auth"
_ALLOW_OF_FORMS: Final = b"OPTIONS, POST"
_WEB_URL: Final = re.compile(r"https?://[!-~]+")

log = logging.getLogger("fabro.auth")

Answer = TypeVar("Answer")


class StartParams(QueryParams, frozen=True, kw_only=True):
    return_to: str | None = None


class CallbackParams(QueryParams, frozen=True, kw_only=True):
    state: str = ""
    code: str = ""
    error: str = ""


@endpoint("GET", "/auth/login/{method}", no_head=True)
async def start_redirect_login(call: Call[MethodPath, StartParams]) -> Reply:
    """Send the browser to the identity provider of a method."""
    await count_attempt(call, LimitKind.START)
    method, option = enabled_option(call)
    if option.kind != "redirect":
        raise MethodNotAllowed(_ALLOW_OF_FORMS)
    services, states = call.services, _states(call)
    return_to = checked_return_to(call.query.return_to, prefix=services.public_prefix)
    attempt = states.attempt(_callback_url(call, method))
    try:
        redirect = await _asked(method, method.start_login(attempt), Redirect)
        _require_web_url(method, redirect)
    except IdentityProviderFailed as refusal:
        return _refused(call, method, refusal, return_to)
    binding = _binding(call) or Secret.random()
    await states.remember(attempt, method=method.name, binding=binding, kept=redirect.keep, return_to=return_to)
    keep = services.cookies.set(
        BINDING_COOKIE, binding.reveal(), max_age_seconds=int(LIFETIME.total_seconds()), path=_SIGN_IN
    )
    return see_other(redirect.url, keep)


@endpoint("GET", "/auth/callback/{method}", no_head=True)
async def finish_redirect_login(call: Call[MethodPath, CallbackParams]) -> Reply:
    """Take the browser back from the identity provider, and sign the person in."""
    await count_attempt(call, LimitKind.LOGIN)
    method = call.services.auth.methods.get(call.path.method)
    if method is None:
        raise MethodDisabled
    pending = await _taken(call, method, Secret(call.query.state))
    try:
        identity = await _identity(call, method, call.query, pending)
        await require_permission(method, identity)
    except (AccessDenied, IdentityProviderFailed, LoginNotPermitted) as refusal:
        return _refused(call, method, refusal, pending.return_to)
    return await signed_in(call, method, identity, pending.return_to)


def _states(call: AnyCall) -> LoginStates:
    return call.services.auth.require_browser().states


def _callback_url(call: AnyCall, method: AuthMethod) -> str:
    return f"{call.services.server_url}/auth/callback/{method.name}"


def _binding(call: AnyCall) -> Secret | None:
    """What the browser brings along; one for all its tabs, so that each can finish what it began."""
    value = cookie_value(call.headers, BINDING_COOKIE)
    return Secret(value) if value is not None and is_binding(value) else None


async def _taken(call: AnyCall, method: AuthMethod, state: Secret) -> PendingLogin:
    """The sign-in that the state and the browser belong to, used up. Raises `LoginStateInvalid`."""
    states, binding = _states(call), _binding(call)
    pending = None if binding is None else await states.find(state, method=method.name, binding=binding)
    if pending is None or not await states.take(pending):
        refusal = LoginStateInvalid()
        note(call, "login_refused", method=method.name, reason=refusal.code)
        raise refusal
    return pending


async def _identity(call: AnyCall, method: AuthMethod, params: CallbackParams, pending: PendingLogin) -> Identity:
    """Whom the provider vouches for. Raises `AccessDenied`, `LoginNotPermitted` or `IdentityProviderFailed`."""
    match params:
        case CallbackParams(error="access_denied"):
            raise AccessDenied
        case CallbackParams(error="unauthorized"):
            raise LoginNotPermitted
        case CallbackParams(error="", code=code) if code:
            callback = LoginCallback(
                callback_url=_callback_url(call, method),
                code=Secret(code),
                code_verifier=pending.code_verifier,
                kept=pending.kept,
            )
            return await _asked(method, method.finish_login(callback), Identity)
    raise IdentityProviderFailed(method.name)


async def _asked(method: AuthMethod, asking: Awaitable[object], expected: type[Answer]) -> Answer:
    """The method's answer. Whatever goes wrong counts as a failure of the provider: `IdentityProviderFailed`."""
    try:
        async with asyncio.timeout(METHOD_TIMEOUT_SECONDS):
            answer = await asking
    except Exception as error:
        log.warning("auth method %s: the sign-in at the identity provider failed", method.name, exc_info=error)
        raise IdentityProviderFailed(method.name) from error
    if not isinstance(answer, expected):
        log.error("auth method %s: expected %s, got %s", method.name, expected.__name__, type(answer).__name__)
        raise IdentityProviderFailed(method.name)
    return answer


def _require_web_url(method: AuthMethod, redirect: Redirect) -> None:
    if not _WEB_URL.fullmatch(redirect.url):
        log.error("auth method %s: start_login returned something else than an absolute http(s) URL", method.name)
        raise IdentityProviderFailed(method.name)


def _refused(
    call: AnyCall,
    method: AuthMethod,
    refusal: AccessDenied | IdentityProviderFailed | LoginNotPermitted,
    return_to: str | None,
) -> Reply:
    """The refusal for API clients; a browser goes where people, or a waiting command-line program, learn of it."""
    note(call, "login_refused", method=method.name, reason=refusal.code)
    if not prefers_html(call.headers):
        raise refusal
    match refusal:
        case AccessDenied():
            error, description = "access_denied", "Authorization denied"
        case LoginNotPermitted():
            error, description = "unauthorized", "Login not permitted"
        case IdentityProviderFailed():
            label = call.services.auth.options[method.name].label
            error, description = "server_error", f"Could not complete {label} sign-in"
    resume = call.services.public_prefix + CLI_RESUME
    if return_to == resume:
        query = urlencode({"error": error, "error_description": description}, quote_via=quote)
        return see_other(f"{resume}?{query}")
    return to_login_page(call, error, None)


ROUTES: Final = (start_redirect_login, finish_redirect_login)
