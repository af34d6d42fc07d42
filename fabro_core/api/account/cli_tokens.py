"""Tokens for command-line programs: for a one-time code, for a refresh token, and their end (auth.md A20 to A22)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.api.account.sign_in import count_attempt, note
from fabro_core.auth.authenticator import bearer_token, require_permission
from fabro_core.auth.caller import SessionRef
from fabro_core.auth.chains import REFRESH_PREFIX, Chain, Issued, RefreshRefused, RefreshReplayed, RefreshToken
from fabro_core.auth.cli_logins import CliLogins
from fabro_core.auth.codes import Grant
from fabro_core.auth.refusals import CliLoginNotConfigured, LoginNotPermitted, Unauthenticated
from fabro_core.auth.sign_in_limit import LimitKind
from fabro_core.errors import InvalidRequest, Refusal
from fabro_core.http.body import Incoming, UnsupportedMediaType, decode_json, read_json
from fabro_core.http.call import AnyCall, Call
from fabro_core.http.endpoint import endpoint
from fabro_core.http.oauth import is_redirect_uri, proves
from fabro_core.http.reply import Reply, json_reply, no_content
from fabro_core.models.instant import format_instant
from fabro_core.secret import Secret


class CodeExchange(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749 §4.1.3, RFC 7636 §4.5. Not shown, as most of it is secret."""

    grant_type: Literal["authorization_code"]
    code: str
    code_verifier: str
    redirect_uri: str

    @property
    def is_complete(self) -> bool:
        return bool(self.code.strip() and self.code_verifier.strip()) and is_redirect_uri(self.redirect_uri)

    def __repr__(self) -> str:
        return "CodeExchange(…)"


class TokenSubject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the tokens are for."""

    idp_issuer: str
    idp_subject: str
    login: str
    name: str
    email: str


class TokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    access_token_expires_at: str
    refresh_token: str
    refresh_token_expires_at: str
    subject: TokenSubject

    def __repr__(self) -> str:
        return f"TokenResponse(subject={self.subject!r})"


@endpoint("POST", "/auth/cli/token")
async def exchange_code(call: Call[None, None, Incoming]) -> Reply:
    """Exchange a one-time code. Once it is found it is used up, whatever follows."""
    await count_attempt(call, LimitKind.LOGIN)
    cli = _configured(call)
    asked = await _code_exchange(call.body)
    grant = await cli.codes.redeem(Secret(asked.code))
    if grant is None:
        raise _noted(call, InvalidRequest("Invalid authorization code", code="invalid_code"))
    if not proves(Secret(asked.code_verifier), grant.code_challenge):
        raise _noted(call, InvalidRequest("PKCE verification failed", code="pkce_verification_failed"), grant)
    if asked.redirect_uri != grant.redirect_uri:
        raise _noted(call, InvalidRequest("Redirect URI mismatch", code="redirect_uri_mismatch"), grant)
    await _require_permission(call, grant)
    issued = await cli.chains.open(grant.identity, grant.method, user_agent=call.user_agent)
    note(call, "login", method=grant.method, identity=grant.identity, session=_session(issued.token))
    return _tokens(cli, issued)


@endpoint("POST", "/auth/cli/refresh")
async def refresh_tokens(call: Call) -> Reply:
    """Exchange a refresh token for the next one."""
    await count_attempt(call, LimitKind.LOGIN)
    text = _presented(call)
    cli = _configured(call)
    token = RefreshToken.parse(text)
    if token is None:
        raise RefreshRefused("Refresh token expired", code="refresh_token_expired")

    async def admit(chain: Chain) -> None:
        await _require_permission(call, chain)

    try:
        issued = await cli.chains.refresh(token, admit)
    except RefreshReplayed as refusal:
        chain = refusal.chain
        note(
            call,
            "refresh_replayed",
            method=chain.method,
            reason=refusal.code,
            identity=chain.identity,
            session=_session(token),
        )
        raise
    except RefreshRefused as refusal:
        note(call, "login_refused", reason=refusal.code, session=_session(token))
        raise
    return _tokens(cli, issued)


@endpoint("POST", "/auth/cli/logout")
async def log_out(call: Call) -> Reply:
    """End the login of a refresh token. A token that is worth nothing is no fault: it is over, as was asked for."""
    cli = _configured(call)
    try:
        text = bearer_token(call.headers)
    except Unauthenticated:
        text = None
    token = None if text is None else RefreshToken.parse(text)
    chain = None if token is None else await cli.chains.log_out(token)
    if token is not None and chain is not None:
        note(call, "logout", method=chain.method, identity=chain.identity, session=_session(token))
    return no_content()


def _configured(call: AnyCall) -> CliLogins:
    """Raises `CliLoginNotConfigured` without a method that people sign in with at an identity provider."""
    cli = call.services.auth.require_browser().cli
    if cli.method is None:
        raise CliLoginNotConfigured
    return cli


async def _code_exchange(incoming: Incoming) -> CodeExchange:
    try:
        asked = decode_json(await read_json(incoming), CodeExchange)
    except (InvalidRequest, UnsupportedMediaType) as error:
        raise _invalid() from error
    if not asked.is_complete:
        raise _invalid()
    return asked


def _invalid() -> InvalidRequest:
    return InvalidRequest("Invalid request", code="invalid_request")


def _presented(call: AnyCall) -> str:
    """The text that ought to be a refresh token. Raises `Unauthenticated` (auth.md A21 rows 2 and 3)."""
    text = bearer_token(call.headers)
    if text is None:
        raise Unauthenticated("refresh_token_expired", detail="A refresh token is required")
    if not text.startswith(REFRESH_PREFIX):
        raise Unauthenticated("unauthorized", token_was_given=True)
    return text


async def _require_permission(call: AnyCall, of: Grant | Chain) -> None:
    """Raises `CliLoginNotConfigured`, `LoginNotPermitted` or `MethodUnavailable`."""
    method = call.services.auth.methods.get(of.method)
    if method is None:
        raise _noted(call, CliLoginNotConfigured(), of)
    try:
        await require_permission(method, of.identity)
    except LoginNotPermitted as refusal:
        raise _noted(call, refusal, of) from None


def _noted(call: AnyCall, refusal: Refusal, of: Grant | Chain | None = None) -> Refusal:
    """`refusal`, of which the audit log knows."""
    if of is None:
        note(call, "login_refused", reason=refusal.code)
    else:
        note(call, "login_refused", method=of.method, reason=refusal.code, identity=of.identity)
    return refusal


def _session(token: RefreshToken) -> SessionRef:
    return SessionRef("cli", token.chain_id)


def _tokens(cli: CliLogins, issued: Issued) -> Reply:
    identity = issued.chain.identity
    access_token = cli.access_tokens.issue(issued.token.chain_id, issued.chain)
    return json_reply(
        TokenResponse(
            access_token=access_token.text.reveal(),
            access_token_expires_at=format_instant(access_token.expires_at),
            refresh_token=issued.token.reveal(),
            refresh_token_expires_at=format_instant(issued.chain.expires),
            subject=TokenSubject(
                idp_issuer=identity.issuer,
                idp_subject=identity.subject,
                login=identity.login,
                name=identity.name,
                email=identity.email,
            ),
        )
    )


ROUTES: Final = (exchange_code, refresh_tokens, log_out)
