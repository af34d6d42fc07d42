"""Signing in with a form, and signing out (auth.md A10, A15)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final
from urllib.parse import parse_qsl, quote

import msgspec

from fabro_core.auth.audit import AuditEvent, audit
from fabro_core.auth.authenticator import METHOD_TIMEOUT_SECONDS, require_permission
from fabro_core.auth.base import AuthMethod, Identity, LoginForm, LoginOption
from fabro_core.auth.caller import SessionRef, User
from fabro_core.auth.cookies import cookie_value
from fabro_core.auth.refusals import InvalidCredentials, LoginNotPermitted, MethodDisabled, MethodUnavailable
from fabro_core.auth.return_to import checked_return_to
from fabro_core.auth.sessions import COOKIE, LIFETIME
from fabro_core.auth.sign_in_limit import LimitKind, TooManyAttempts
from fabro_core.errors import CredentialsRejected, InvalidRequest, StoreUnavailable
from fabro_core.http.accept import prefers_html
from fabro_core.http.body import Incoming, UnsupportedMediaType, decode_json, is_json, media_type_of
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.csrf import refuse_cross_site
from fabro_core.http.endpoint import endpoint
from fabro_core.http.error_replies import error_reply
from fabro_core.http.methods import MethodNotAllowed, RouteNotFound
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply, see_other
from fabro_core.secret import Secret

AFTER_SIGN_IN: Final = "/runs"
RETURN_TO: Final = "return_to"
FORM: Final = b"application/x-www-form-urlencoded"

log = logging.getLogger("fabro.auth")


class MethodPath(PathParams, frozen=True, kw_only=True):
    method: str
    """The settings name of an auth method."""


class SignedInResponse(msgspec.Struct, frozen=True):
    ok: bool


@endpoint("POST", "/auth/login/{method}")
async def submit_login(call: Call[MethodPath, None, Incoming]) -> Reply:
    """Sign in with the form of a method, sent as JSON or by a page."""
    await count_attempt(call, LimitKind.LOGIN)
    method, option = enabled_option(call)
    if option.kind != "form":
        raise MethodNotAllowed(b"GET, OPTIONS")
    refuse_cross_site(call.headers, call.services.public_origin)
    submitted = await _submitted(call.body)
    form = _form(option, submitted)
    return_to = checked_return_to(submitted.get(RETURN_TO), prefix=call.services.public_prefix)
    try:
        identity = await _identity(method, form)
        await require_permission(method, identity)
    except (InvalidCredentials, LoginNotPermitted) as refusal:
        note(call, "login_refused", method=method.name, reason=refusal.code)
        if not prefers_html(call.headers):
            raise
        error = "invalid_credentials" if isinstance(refusal, InvalidCredentials) else "unauthorized"
        return to_login_page(call, error, return_to)
    return await signed_in(call, method, identity, return_to)


@endpoint("POST", "/auth/logout")
async def submit_logout(call: Call) -> Reply:
    """End the session of the cookie, if there is one; the browser forgets the cookie in any case."""
    services = call.services
    cookie = cookie_value(call.headers, COOKIE)
    if cookie is not None:
        refuse_cross_site(call.headers, services.public_origin)
    forget = services.cookies.clear(COOKIE)
    if cookie is not None:
        try:
            ended = await services.auth.require_browser().sessions.end(cookie)
        except StoreUnavailable as error:
            return error_reply(call.scope, call.services, error, forget)
        if ended is not None:
            session = SessionRef("browser", ended.key)
            note(call, "logout", method=ended.body.method, identity=ended.body.identity, session=session)
    return see_other(f"{services.public_prefix}/login", forget)


# -- shared with sign-ins at an identity provider ------------------------------------------------------------------


async def count_attempt(call: AnyCall, bucket: LimitKind) -> None:
    """Count a request against the limit of its client. Raises `TooManyAttempts`."""
    try:
        await call.services.auth.attempts.count(bucket, call.client)
    except TooManyAttempts as refusal:
        note(call, "rate_limited", reason=refusal.code)
        raise


def enabled_option(call: Call[MethodPath, Any, Any]) -> tuple[AuthMethod, LoginOption]:
    """The method in the path. Raises `MethodDisabled`, or what answers 404 for one without a browser sign-in."""
    services = call.services
    name = call.path.method
    method = services.auth.methods.get(name)
    if method is None:
        raise MethodDisabled
    option = services.auth.options.get(name)
    if option is None:
        raise RouteNotFound
    return method, option


async def signed_in(call: AnyCall, method: AuthMethod, identity: Identity, return_to: str | None) -> Reply:
    """Open a session for a person who has just proved who they are, in place of the one that the browser had."""
    services = call.services
    sessions = services.auth.require_browser().sessions
    session, cookie = await sessions.open(
        User(identity=identity, method=method.name),
        credential=method.credential_of(identity),
        user_agent=call.user_agent,
    )
    replaced = cookie_value(call.headers, COOKIE)
    if replaced is not None:
        await sessions.end(replaced)
    note(call, "login", method=method.name, identity=identity, session=session)
    keep = services.cookies.set(COOKIE, cookie, max_age_seconds=int(LIFETIME.total_seconds()))
    if call.scope["method"] == "POST" and not prefers_html(call.headers):
        return json_reply(SignedInResponse(ok=True), headers=(keep,))
    return see_other(return_to or services.public_prefix + AFTER_SIGN_IN, keep)


def to_login_page(call: AnyCall, error: str, return_to: str | None) -> Reply:
    """Send a browser back to the login page, which says what went wrong."""
    kept = "" if return_to is None else f"&{RETURN_TO}={quote(return_to, safe='/')}"
    return see_other(f"{call.services.public_prefix}/login?error={error}{kept}")


def note(
    call: AnyCall,
    event: AuditEvent,
    *,
    method: str | None = None,
    reason: str | None = None,
    identity: Identity | None = None,
    session: SessionRef | None = None,
) -> None:
    """Write a line of the audit log about a request."""
    audit(
        event,
        client=call.client,
        request_id=call.trace.request_id,
        method=method,
        reason=reason,
        identity=identity,
        session=session,
    )


# -- the form ----------------------------------------------------------------------------------------------------------


async def _submitted(incoming: Incoming) -> dict[str, Any]:
    """The members of a JSON object, or the fields of a form."""
    body = await incoming.read()
    media_type = media_type_of(incoming.headers)
    if media_type == FORM:
        return _decode_form(body)
    if body and media_type is not None and not is_json(media_type):
        raise UnsupportedMediaType
    return decode_json(body, dict[str, Any])


def _decode_form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict")
    except ValueError as error:
        raise InvalidRequest("The request body is not a valid form.") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise InvalidRequest("A field of the form is given twice.")
    return fields


def _form(option: LoginOption, submitted: dict[str, Any]) -> LoginForm:
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


async def _identity(method: AuthMethod, form: LoginForm) -> Identity:
    try:
        async with asyncio.timeout(METHOD_TIMEOUT_SECONDS):
            return await method.sign_in(form)
    except CredentialsRejected as error:
        raise InvalidCredentials from error
    except Exception as error:
        log.exception("auth method %s failed to judge a form", method.name)
        raise MethodUnavailable from error


ROUTES: Final = (submit_login, submit_logout)
