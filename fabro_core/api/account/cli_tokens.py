"""Tokens for command-line programs: for a one-time code, for a refresh token, and their end (auth.md A20 to A22)."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from fabro_core.api.account.attempts import count_exchange, count_refresh
from fabro_core.auth.cli_logins import Tokens
from fabro_core.auth.oauth import is_redirect_uri
from fabro_core.errors import InvalidRequest
from fabro_core.http.body import Incoming, UnsupportedMediaType, decode_json, read_json
from fabro_core.http.call import Call
from fabro_core.http.forms import MAX_SIGN_IN_BYTES
from fabro_core.http.operation import operation
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


@operation(
    "POST",
    "/auth/cli/token",
    id="exchangeCliCode",
    tag="Auth",
    summary="Exchange a one-time code for tokens",
    answers={200: TokenResponse},
    guard=None,
    gate=count_exchange,
    body=CodeExchange,
    max_body_bytes=MAX_SIGN_IN_BYTES,
    errors=(403, 429, 503),
)
async def exchange_code(call: Call[None, None, Incoming]) -> Reply:
    """Exchange a one-time code."""
    asked = await _code_exchange(call.body)
    tokens = await call.services.auth.require_browser().cli.exchange(
        call.visitor,
        code=Secret(asked.code),
        code_verifier=Secret(asked.code_verifier),
        redirect_uri=asked.redirect_uri,
    )
    return _answer(tokens)


@operation(
    "POST",
    "/auth/cli/refresh",
    id="refreshCliTokens",
    tag="Auth",
    summary="Exchange a refresh token for the next one",
    answers={200: TokenResponse},
    guard=None,
    gate=count_refresh,
    errors=(401, 403, 429, 503),
)
async def refresh_tokens(call: Call) -> Reply:
    """Exchange a refresh token for the next one."""
    return _answer(await call.services.auth.require_browser().cli.refresh(call.visitor))


@operation(
    "POST",
    "/auth/cli/logout",
    id="logoutCli",
    tag="Auth",
    summary="End the login of a refresh token",
    answers={204: None},
    guard=None,
    errors=(403, 503),
)
async def log_out(call: Call) -> Reply:
    """End the login of a refresh token."""
    await call.services.auth.require_browser().cli.end(call.visitor)
    return no_content()


async def _code_exchange(incoming: Incoming) -> CodeExchange:
    """Whatever is wrong with it has one name here (auth.md A20)."""
    try:
        asked = decode_json(await read_json(incoming), CodeExchange)
    except (InvalidRequest, UnsupportedMediaType) as error:
        raise _invalid() from error
    if not asked.is_complete:
        raise _invalid()
    return asked


def _invalid() -> InvalidRequest:
    return InvalidRequest("Invalid request", code="invalid_request")


def _answer(tokens: Tokens) -> Reply:
    identity = tokens.chain.identity
    return json_reply(
        TokenResponse(
            access_token=tokens.access.text.reveal(),
            access_token_expires_at=format_instant(tokens.access.expires_at),
            refresh_token=tokens.refresh.reveal(),
            refresh_token_expires_at=format_instant(tokens.chain.expires),
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
