"""Signing in with a browser, and signing out (auth.md A10 to A12, A15): with the form of a method, or at its identity
provider, there and back."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.api.account.attempts import count_callback, count_form, count_start
from fabro_core.auth.login_states import LIFETIME as LOGIN_LIFETIME
from fabro_core.auth.sessions import COOKIE, LIFETIME
from fabro_core.auth.sign_ins import BINDING_COOKIE, SignedIn, SignInRefused
from fabro_core.errors import StoreUnavailable
from fabro_core.http.accept import prefers_html
from fabro_core.http.body import Incoming
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.csrf import refuse_cross_site
from fabro_core.http.error_replies import error_reply
from fabro_core.http.forms import MAX_SIGN_IN_BYTES, read_fields
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.query import QueryParams
from fabro_core.http.reply import Reply, json_reply, see_other
from fabro_core.secret import Secret

_SIGN_IN: Final = "/auth"


class MethodPath(PathParams, frozen=True, kw_only=True):
    method: str
    """The settings name of an auth method."""


class StartParams(QueryParams, frozen=True, kw_only=True):
    return_to: str | None = None


class CallbackParams(QueryParams, frozen=True, kw_only=True):
    holds_anything = True  # what a provider says is told to nobody and stored nowhere

    state: str = ""
    code: str = ""
    error: str = ""


class SignedInResponse(msgspec.Struct, frozen=True):
    ok: bool


@operation(
    "POST",
    "/auth/login/{method}",
    id="login{method}",
    tag="Auth",
    summary="Sign in with the form of {method}",
    answers={200: SignedInResponse, 303: None},
    guard=None,
    gate=count_form,
    sign_in="form",
    body=dict[str, str],
    errors=(401, 403, 409, 429, 503),
    max_body_bytes=MAX_SIGN_IN_BYTES,
)
async def submit_login(call: Call[MethodPath, None, Incoming]) -> Reply:
    """Sign in with the form of a method, sent as JSON or by a page."""
    submitted = await read_fields(call.body)
    try:
        signed_in = await call.services.auth.require_browser().sign_ins.with_form(
            call.path.method, submitted, call.visitor
        )
    except SignInRefused as refused:
        return _refused(call, refused)
    if prefers_html(call.headers):
        return see_other(signed_in.location, _session_cookie(call, signed_in))
    return json_reply(SignedInResponse(ok=True), headers=(_session_cookie(call, signed_in),))


@operation(
    "GET",
    "/auth/login/{method}",
    id="start{method}Login",
    tag="Auth",
    summary="Send the browser to sign in with {method}",
    answers={303: None},
    guard=None,
    gate=count_start,
    sign_in="redirect",
    errors=(403, 429, 502, 503),
    no_head=True,
)
async def start_redirect_login(call: Call[MethodPath, StartParams]) -> Reply:
    """Send the browser to the identity provider of a method."""
    sign_ins = call.services.auth.require_browser().sign_ins
    try:
        begun = await sign_ins.begin(call.path.method, call.query.return_to, call.visitor)
    except SignInRefused as refused:
        return _refused(call, refused)
    seconds = int(LOGIN_LIFETIME.total_seconds())
    keep = call.services.cookies.set(BINDING_COOKIE, begun.binding.reveal(), max_age_seconds=seconds, path=_SIGN_IN)
    return see_other(begun.url, keep)


@operation(
    "GET",
    "/auth/callback/{method}",
    id="finish{method}Login",
    tag="Auth",
    summary="Take the browser back from {method}",
    answers={303: None},
    guard=None,
    gate=count_callback,
    sign_in="redirect",
    errors=(403, 429, 502, 503),
    no_head=True,
)
async def finish_redirect_login(call: Call[MethodPath, CallbackParams]) -> Reply:
    """Take the browser back from the identity provider, and sign the person in."""
    sign_ins, params = call.services.auth.require_browser().sign_ins, call.query
    try:
        signed_in = await sign_ins.finish(
            call.path.method, call.visitor, state=Secret(params.state), code=Secret(params.code), error=params.error
        )
    except SignInRefused as refused:
        return _refused(call, refused)
    return see_other(signed_in.location, _session_cookie(call, signed_in))


@operation(
    "POST",
    "/auth/logout",
    id="logout",
    tag="Auth",
    summary="End the session of a browser",
    answers={303: None},
    guard=None,
    errors=(403, 503),
)
async def submit_logout(call: Call) -> Reply:
    """End the session of the cookie, if there is one; the browser forgets the cookie in any case."""
    services, visitor = call.services, call.visitor
    if visitor.cookies(COOKIE):
        refuse_cross_site(call.headers, services.public_origin)
    forget = services.cookies.clear(COOKIE)
    try:
        await services.auth.require_browser().sign_ins.end(visitor)
    except StoreUnavailable as error:
        return error_reply(call.scope, services, error, forget)
    return see_other(f"{services.public_prefix}/login", forget)


def _session_cookie(call: AnyCall, signed_in: SignedIn) -> tuple[bytes, bytes]:
    seconds = int(LIFETIME.total_seconds())
    return call.services.cookies.set(COOKIE, signed_in.cookie.reveal(), max_age_seconds=seconds)


def _refused(call: AnyCall, refused: SignInRefused) -> Reply:
    """Programs get the refusal itself."""
    if prefers_html(call.headers):
        return see_other(refused.location)
    raise refused.refusal


ROUTES: Final = (submit_login, start_redirect_login, finish_redirect_login, submit_logout)
