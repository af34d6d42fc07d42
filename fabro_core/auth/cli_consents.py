"""A person lets a command-line program in (auth.md A19): begun by the program in a browser, and granted there.

What is checked, kept and noted stands here; controllers bring the request's parts, show the page and set the cookie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote, urlsplit

import msgspec

from fabro_core.auth.audit import audit
from fabro_core.auth.authenticator import Authenticator
from fabro_core.auth.base import AuthMethod
from fabro_core.auth.caller import User
from fabro_core.auth.cli_flows import FLOW_COOKIE, CliFlow, CliFlows
from fabro_core.auth.codes import Codes, Grant
from fabro_core.auth.oauth import back_to_client, is_code_challenge, is_redirect_uri, is_state
from fabro_core.auth.refusals import LoginNotPermitted
from fabro_core.auth.return_to import CLI_RESUME
from fabro_core.auth.sessions import COOKIE
from fabro_core.auth.visitor import Visitor
from fabro_core.errors import InvalidRequest, StoreUnavailable

INVALID_REQUEST: Final = "invalid_request"

FlowError = Literal[
    "access_denied",
    "github_not_configured",
    "github_session_required",
    "invalid_request",
    "server_error",
    "unauthorized",
]

_DESCRIPTIONS: Final[Mapping[FlowError, str]] = {
    "access_denied": "Authorization denied",
    "github_not_configured": "GitHub login is not configured for this server",
    "github_session_required": "Sign in with the browser first",
    "invalid_request": "Invalid PKCE parameters",
    "server_error": "Could not complete GitHub sign-in",
    "unauthorized": "Login not permitted",
}
"""What the program shows is never taken from a query, where anybody could have put it."""


class BegunFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser of a login that begins goes next."""

    location: str
    flow: str | None
    """What it carries along, in `FLOW_COOKIE`; None: the program is told that it does not go on."""

    def __repr__(self) -> str:
        return "BegunFlow(…)"


class FlowEnded(Exception):
    """The login has failed, and the program that waits for it has to hear so."""

    def __init__(self, flow: CliFlow, error: FlowError, cause: StoreUnavailable | None = None) -> None:
        self.location = _told(flow.redirect_uri, flow.state, error)
        """Where the browser brings the news."""
        self.cause = cause
        """The failure of the store that was the reason; None: there was another."""
        super().__init__(error)


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed-in person is asked: whether a program may have a login of its own."""

    login: str
    flow: str
    """What the answer has to name, so that it is the answer to this question."""
    redirect_uri: str
    """Where the program listens."""

    @property
    def address(self) -> str:
        """IP address and port of the program."""
        return urlsplit(self.redirect_uri).netloc

    def __repr__(self) -> str:
        return f"Consent(login={self.login!r}, redirect_uri={self.redirect_uri!r})"


class CliConsents:
    """The logins of one server that browsers carry along. Every method raises `StoreUnavailable`, but `grant`."""

    def __init__(
        self,
        method: AuthMethod | None,
        authenticator: Authenticator,
        flows: CliFlows,
        codes: Codes,
        *,
        prefix: str,
    ) -> None:
        """`method` is the one that people sign in with, None: programs get no logins; `prefix` the path of the public
        URL."""
        self._method = method
        self._authenticator = authenticator
        self._flows = flows
        self._codes = codes
        self._prefix = prefix

    async def begin(
        self, visitor: Visitor, *, redirect_uri: str, state: str, code_challenge: str, code_challenge_method: str
    ) -> BegunFlow:
        """A browser was opened by a program that wants to be logged in.

        Raises `InvalidRequest` when nobody can be told what is wrong.
        """
        if not is_redirect_uri(redirect_uri) or not is_state(state):
            raise InvalidRequest("The parameters redirect_uri and state have to be valid.", code=INVALID_REQUEST)
        if self._method is None:
            return BegunFlow(location=_told(redirect_uri, state, "github_not_configured"), flow=None)
        if not is_code_challenge(code_challenge) or code_challenge_method != "S256":
            return BegunFlow(location=_told(redirect_uri, state, "invalid_request"), flow=None)
        flow = self._flows.begin(redirect_uri=redirect_uri, state=state, code_challenge=code_challenge)
        resume = self._prefix + CLI_RESUME
        if await self._has_session(self._method, visitor):
            return BegunFlow(location=resume, flow=flow)
        sign_in = f"{self._prefix}/auth/login/{self._method.name}?return_to={quote(resume, safe='/')}"
        return BegunFlow(location=sign_in, flow=flow)

    async def ask(self, visitor: Visitor, error: str | None) -> Consent:
        """What the person in the browser is asked. `error` is what the sign-in before ended with, None: well.

        Raises `InvalidRequest` without a flow, `FlowEnded` or `MethodUnavailable`.
        """
        method, flow = self._flow(visitor)
        match error:
            case None:
                user = await self._signed_in(method, flow, visitor)
                return Consent(login=user.identity.login, flow=flow.flow, redirect_uri=flow.redirect_uri)
            case "unauthorized" | "access_denied":
                raise FlowEnded(flow, error)
        raise FlowEnded(flow, "server_error")

    async def grant(self, visitor: Visitor, confirmed: str) -> str:
        """The person agrees to the flow that the page named: the URL that takes a code to the program.

        Raises `InvalidRequest` without a flow or for another one than was `confirmed`, `FlowEnded` or
        `MethodUnavailable`.
        """
        method, flow = self._flow(visitor)
        try:
            user = await self._signed_in(method, flow, visitor)
            if not flow.is_the_one(confirmed):
                audit("login_refused", visitor, method=method.name, reason=INVALID_REQUEST, identity=user.identity)
                raise InvalidRequest("Another login has begun since this page was shown.", code=INVALID_REQUEST)
            grant = Grant(
                identity=user.identity,
                method=user.method,
                code_challenge=flow.code_challenge,
                redirect_uri=flow.redirect_uri,
            )
            code = await self._codes.issue(grant)
        except StoreUnavailable as error:
            raise FlowEnded(flow, "server_error", cause=error) from error
        return back_to_client(flow.redirect_uri, code=code.reveal(), state=flow.state)

    def _flow(self, visitor: Visitor) -> tuple[AuthMethod, CliFlow]:
        """The flow that this browser carries, and what people sign in with. Raises `InvalidRequest`."""
        opened = (self._flows.open(cookie) for cookie in visitor.cookies(FLOW_COOKIE))
        flow = next((each for each in opened if each is not None), None)
        if self._method is None or flow is None:
            raise InvalidRequest("There is no login to go on with. Start it again.", code=INVALID_REQUEST)
        return self._method, flow

    async def _has_session(self, method: AuthMethod, visitor: Visitor) -> bool:
        try:
            return await self._session_user(method, visitor) is not None
        except LoginNotPermitted:
            return True

    async def _signed_in(self, method: AuthMethod, flow: CliFlow, visitor: Visitor) -> User:
        """Who is signed in with the browser. Raises `FlowEnded` for nobody, and for who is not permitted."""
        try:
            user = await self._session_user(method, visitor)
        except LoginNotPermitted as refusal:
            audit("login_refused", visitor, method=method.name, reason=refusal.code)
            raise FlowEnded(flow, "unauthorized") from refusal
        if user is None:
            raise FlowEnded(flow, "github_session_required")
        return user

    async def _session_user(self, method: AuthMethod, visitor: Visitor) -> User | None:
        """The person of a session that was opened with `method`; None without one. Raises `LoginNotPermitted`."""
        session = await self._authenticator.session_of_cookies(visitor.cookies(COOKIE))
        if session is None or session.body.method != method.name:
            return None
        return await self._authenticator.user_of_session(session)


def _told(redirect_uri: str, state: str, error: FlowError) -> str:
    """The URL that tells a program how its login ended."""
    return back_to_client(redirect_uri, error=error, error_description=_DESCRIPTIONS[error], state=state)
