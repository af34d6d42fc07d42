"""The part of a command-line login that happens in the browser (auth.md A19): begin it, confirm it, and take a
one-time code back to the program."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fabro_core.api.account.sign_in import note
from fabro_core.auth.base import AuthMethod
from fabro_core.auth.caller import User
from fabro_core.auth.cli_logins import FLOW_COOKIE, FLOW_LIFETIME, CliFlow
from fabro_core.auth.codes import Grant
from fabro_core.auth.cookies import cookie_value
from fabro_core.auth.refusals import LoginNotPermitted, Unauthenticated
from fabro_core.auth.return_to import CLI_RESUME, CLI_START
from fabro_core.auth.sessions import COOKIE
from fabro_core.errors import InvalidRequest, StoreUnavailable
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.csrf import refuse_cross_site
from fabro_core.http.edge import CONTENT_SECURITY_POLICY
from fabro_core.http.endpoint import endpoint
from fabro_core.http.error_replies import note_store_failure
from fabro_core.http.oauth import back_to_client, is_code_challenge, is_redirect_uri, is_state
from fabro_core.http.query import QueryParams, query_parser
from fabro_core.http.reply import Reply, html_reply, see_other
from fabro_core.web.pages import cli_confirm_page

_COOKIE_PATH: Final = "/auth"

_DESCRIPTIONS: Final = {
    "access_denied": "Authorization denied",
    "github_not_configured": "GitHub login is not configured for this server",
    "github_session_required": "Sign in with the browser first",
    "invalid_request": "Invalid PKCE parameters",
    "server_error": "Could not complete GitHub sign-in",
    "unauthorized": "Login not permitted",
}
"""By error. What the program shows is never taken from a query, where anybody could have put it."""


class CliStartParams(QueryParams, frozen=True, kw_only=True):
    redirect_uri: str = ""
    state: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""

    def __repr__(self) -> str:
        return f"CliStartParams(redirect_uri={self.redirect_uri!r})"


_parse_start: Final = query_parser(CliStartParams)
"""In the handler, because what is wrong with these parameters has a code of its own."""


class CliResumeParams(QueryParams, frozen=True, kw_only=True):
    error: str | None = None


class _Ended(Exception):
    """The flow has failed, and the program that waits for it has to hear so."""

    def __init__(self, error: str) -> None:
        self.error = error


@endpoint("GET", CLI_START)
async def start_cli_login(call: Call) -> Reply:
    """A browser was opened by a program that wants to be logged in."""
    cli = call.services.auth.require_browser().cli
    asked = _asked(call)
    if not is_redirect_uri(asked.redirect_uri) or not is_state(asked.state):
        raise InvalidRequest("The parameters redirect_uri and state have to be valid.", code="invalid_request")
    if cli.method is None:
        return see_other(_failed(asked.redirect_uri, asked.state, "github_not_configured"))
    if not is_code_challenge(asked.code_challenge) or asked.code_challenge_method != "S256":
        return see_other(_failed(asked.redirect_uri, asked.state, "invalid_request"))
    flow = cli.flows.begin(redirect_uri=asked.redirect_uri, state=asked.state, code_challenge=asked.code_challenge)
    keep = call.services.cookies.set(
        FLOW_COOKIE, flow, max_age_seconds=int(FLOW_LIFETIME.total_seconds()), path=_COOKIE_PATH
    )
    prefix = call.services.public_prefix
    if await _has_session(call, cli.method):
        return see_other(prefix + CLI_RESUME, keep)
    return see_other(f"{prefix}/auth/login/{cli.method.name}?return_to={quote(prefix + CLI_RESUME, safe='/')}", keep)


@endpoint("GET", CLI_RESUME)
async def confirm_cli_login(call: Call[None, CliResumeParams]) -> Reply:
    """Ask the person who is signed in whether the program may have a login of its own."""
    method, flow = _flow(call)
    error = call.query.error
    try:
        if error is not None:
            raise _Ended(error if error in ("unauthorized", "access_denied") else "server_error")
        user = await _signed_in(call, method)
    except _Ended as ended:
        return _end(call, flow, ended.error)
    action = call.services.public_prefix + CLI_RESUME
    page = cli_confirm_page(login=user.identity.login, action=action, prefix=call.services.public_prefix)
    return html_reply(page, headers=((b"content-security-policy", _policy(flow)),))


@endpoint("POST", CLI_RESUME)
async def resume_cli_login(call: Call) -> Reply:
    """The person agrees: the program gets a code."""
    if cookie_value(call.headers, COOKIE) is not None:
        refuse_cross_site(call.headers, call.services.public_origin)
    method, flow = _flow(call)
    try:
        user = await _signed_in(call, method)
        grant = Grant(
            identity=user.identity,
            method=user.method,
            code_challenge=flow.code_challenge,
            redirect_uri=flow.redirect_uri,
        )
        code = await call.services.auth.require_browser().cli.codes.issue(grant)
    except _Ended as ended:
        return _end(call, flow, ended.error)
    except StoreUnavailable as error:
        note_store_failure(call.scope, call.services, error)
        return _end(call, flow, "server_error")
    return see_other(back_to_client(flow.redirect_uri, code=code.reveal(), state=flow.state), _forget(call))


def _asked(call: AnyCall) -> CliStartParams:
    try:
        return _parse_start(call.scope["query_string"])
    except InvalidRequest as error:
        raise InvalidRequest(error.detail, code="invalid_request") from error


def _flow(call: AnyCall) -> tuple[AuthMethod, CliFlow]:
    """The flow that this browser carries, and what people sign in with. Raises `InvalidRequest`."""
    cli = call.services.auth.require_browser().cli
    cookie = cookie_value(call.headers, FLOW_COOKIE)
    flow = None if cookie is None else cli.flows.open(cookie)
    if cli.method is None or flow is None:
        raise InvalidRequest("There is no login to go on with. Start it again.", code="invalid_request")
    return cli.method, flow


async def _has_session(call: AnyCall, method: AuthMethod) -> bool:
    try:
        return await _session_user(call, method) is not None
    except LoginNotPermitted:
        return True


async def _signed_in(call: AnyCall, method: AuthMethod) -> User:
    """Who is signed in with the browser. Raises `_Ended` for nobody, and for a person who is not permitted."""
    try:
        user = await _session_user(call, method)
    except LoginNotPermitted as refusal:
        note(call, "login_refused", method=method.name, reason=refusal.code)
        raise _Ended("unauthorized") from refusal
    if user is None:
        raise _Ended("github_session_required")
    return user


async def _session_user(call: AnyCall, method: AuthMethod) -> User | None:
    """The person of a session that was opened with `method`; None without one. Raises `LoginNotPermitted`."""
    services = call.services
    cookie = cookie_value(call.headers, COOKIE)
    session = None if cookie is None else await services.auth.require_browser().sessions.find(cookie)
    if cookie is None or session is None or session.body.method != method.name:
        return None
    try:
        return await services.auth.authenticator.user_of_cookie(cookie)
    except Unauthenticated:
        return None


def _end(call: AnyCall, flow: CliFlow, error: str) -> Reply:
    return see_other(_failed(flow.redirect_uri, flow.state, error), _forget(call))


def _failed(redirect_uri: str, state: str, error: str) -> str:
    return back_to_client(redirect_uri, error=error, error_description=_DESCRIPTIONS[error], state=state)


def _forget(call: AnyCall) -> tuple[bytes, bytes]:
    return call.services.cookies.clear(FLOW_COOKIE, path=_COOKIE_PATH)


def _policy(flow: CliFlow) -> bytes:
    """The content security policy of the page, whose form ends in a redirect to the program (server.md S11)."""
    ours = "form-action 'self'; "
    to_client = "form-action 'self' http://127.0.0.1:*; " if flow.redirect_uri.startswith("http://127.") else ""
    return CONTENT_SECURITY_POLICY.replace(ours, to_client).encode("ascii")


ROUTES: Final = (start_cli_login, confirm_cli_login, resume_cli_login)
