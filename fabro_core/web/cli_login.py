"""The part of a command-line login that happens in the browser (auth.md A19): begin it, confirm it, and take a
one-time code back to the program."""

from __future__ import annotations

from typing import Final

from fabro_core.auth.cli_consents import FlowEnded
from fabro_core.auth.cli_flows import FLOW_COOKIE, FLOW_LIFETIME
from fabro_core.auth.return_to import CLI_RESUME, CLI_START
from fabro_core.auth.sessions import COOKIE
from fabro_core.errors import InvalidRequest
from fabro_core.http.asgi import Scope
from fabro_core.http.body import Incoming, UnsupportedMediaType
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.csrf import refuse_cross_site, refuse_foreign_navigation
from fabro_core.http.edge import CONTENT_SECURITY_POLICY
from fabro_core.http.endpoint import endpoint
from fabro_core.http.error_replies import note_store_failure
from fabro_core.http.forms import MAX_SIGN_IN_BYTES, read_fields
from fabro_core.http.query import QueryParams, query_parser
from fabro_core.http.reply import Reply, html_reply, see_other
from fabro_core.http.services import Services
from fabro_core.web.pages import cli_confirm_page

_COOKIE_PATH: Final = "/auth"


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


async def _refuse_other_sites(scope: Scope, services: Services) -> None:
    """Raises `CrossSiteRequest`: another page must neither begin a login here nor put one in the place of another."""
    refuse_foreign_navigation(scope["headers"])


@endpoint("GET", CLI_START, gate=_refuse_other_sites)
async def start_cli_login(call: Call) -> Reply:
    """A browser was opened by a program that wants to be logged in."""
    asked = _asked(call)
    begun = await call.services.auth.require_browser().consents.begin(
        call.visitor,
        redirect_uri=asked.redirect_uri,
        state=asked.state,
        code_challenge=asked.code_challenge,
        code_challenge_method=asked.code_challenge_method,
    )
    if begun.flow is None:
        return see_other(begun.location)
    seconds = int(FLOW_LIFETIME.total_seconds())
    keep = call.services.cookies.set(FLOW_COOKIE, begun.flow, max_age_seconds=seconds, path=_COOKIE_PATH)
    return see_other(begun.location, keep)


@endpoint("GET", CLI_RESUME)
async def confirm_cli_login(call: Call[None, CliResumeParams]) -> Reply:
    """Ask the person who is signed in whether the program may have a login of its own."""
    prefix = call.services.public_prefix
    try:
        consent = await call.services.auth.require_browser().consents.ask(call.visitor, call.query.error)
    except FlowEnded as ended:
        return _end(call, ended.location)
    page = cli_confirm_page(
        login=consent.login, address=consent.address, flow=consent.flow, action=prefix + CLI_RESUME, prefix=prefix
    )
    return html_reply(page, headers=((b"content-security-policy", _policy(consent.redirect_uri)),))


@endpoint("POST", CLI_RESUME, max_body_bytes=MAX_SIGN_IN_BYTES)
async def resume_cli_login(call: Call[None, None, Incoming]) -> Reply:
    """The person agrees: the program gets a code."""
    visitor = call.visitor
    if visitor.cookies(COOKIE):
        refuse_cross_site(call.headers, call.services.public_origin)
    confirmed = await _confirmed(call.body)
    try:
        location = await call.services.auth.require_browser().consents.grant(visitor, confirmed)
    except FlowEnded as ended:
        if ended.cause is not None:
            note_store_failure(call.scope, call.services, ended.cause)
        return _end(call, ended.location)
    return _end(call, location)


async def _confirmed(incoming: Incoming) -> str:
    """The flow that the form names; empty for what names none, which confirms nothing."""
    try:
        flow = (await read_fields(incoming)).get("flow")
    except (InvalidRequest, UnsupportedMediaType):
        return ""
    return flow if isinstance(flow, str) else ""


def _asked(call: AnyCall) -> CliStartParams:
    try:
        return _parse_start(call.scope["query_string"])
    except InvalidRequest as error:
        raise InvalidRequest(error.detail, code="invalid_request") from error


def _end(call: AnyCall, location: str) -> Reply:
    """The browser goes to the program, and forgets the flow."""
    return see_other(location, call.services.cookies.clear(FLOW_COOKIE, path=_COOKIE_PATH))


def _policy(redirect_uri: str) -> bytes:
    """The content security policy of the page, whose form ends in a redirect to the program (server.md S11)."""
    ours = "form-action 'self'; "
    to_client = "form-action 'self' http://127.0.0.1:*; " if redirect_uri.startswith("http://127.") else ""
    return CONTENT_SECURITY_POLICY.replace(ours, to_client).encode("ascii")


ROUTES: Final = (start_cli_login, confirm_cli_login, resume_cli_login)
