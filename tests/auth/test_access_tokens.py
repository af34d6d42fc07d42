"""Access tokens of command-line logins: issued, judged, tampered with (auth.md A23, A29 37)."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from fabro_core.auth.access_tokens import AccessTokens
from fabro_core.auth.caller import SessionRef
from fabro_core.auth.chains import Chains, Issued
from fabro_core.auth.refusals import Unauthenticated
from fabro_core.documents.sealing import decode_base64url, encode_base64url
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import MONA, TOKENS

pytestmark = pytest.mark.anyio

KEY = b"k" * 32
ISSUER = "https://fabro.example/base"
HEADER = {"alg": "HS256", "typ": "JWT"}


@pytest.fixture
def chains(replicas: tuple[RunStore, RunStore], clock: ManualClock) -> Chains:
    return Chains(replicas[0], clock, TOKENS)


@pytest.fixture
def tokens(chains: Chains, clock: ManualClock) -> AccessTokens:
    return AccessTokens(KEY, clock=clock, issuer=ISSUER, chains=chains)


@pytest.fixture
async def login(chains: Chains) -> Issued:
    return await chains.open(MONA, "my-github", user_agent=None)


def issued(tokens: AccessTokens, login: Issued) -> str:
    return tokens.issue(login.token.chain_id, login.chain).text.reveal()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode_base64url(token.split(".")[1]))
    return claims


def forged(header: dict[str, Any], claims: dict[str, Any], key: bytes = KEY, digest: str = "sha256") -> str:
    """A token with any header and claims, signed by somebody who may have the key."""
    signed = ".".join(encode_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{encode_base64url(hmac.new(key, signed.encode(), digest).digest())}"


async def refusal(tokens: AccessTokens, token: str) -> tuple[str | None, bool]:
    with pytest.raises(Unauthenticated) as refused:
        await tokens.user_of(token)
    return refused.value.code, refused.value.token_was_given


async def test_a_token_tells_who_its_holder_is(tokens: AccessTokens, login: Issued) -> None:
    user = await tokens.user_of(issued(tokens, login))
    assert (user.identity, user.method) == (MONA, "my-github")
    assert user.session == SessionRef("cli", login.token.chain_id)


async def test_a_token_says_exactly_this(tokens: AccessTokens, login: Issued, clock: ManualClock) -> None:
    token = issued(tokens, login)
    claims, now = claims_of(token), int(clock.now().timestamp())
    assert json.loads(decode_base64url(token.split(".")[0])) == HEADER
    assert len(claims.pop("jti")) == 36
    assert claims == {
        "iss": ISSUER,
        "aud": "fabro-cli",
        "sub": "90210",
        "iat": now,
        "exp": now + 600,
        "sid": login.token.chain_id,
        "idp_issuer": "https://github.com",
        "idp_subject": "90210",
        "login": "mona",
        "name": "Mona L.",
        "email": "mona@example.org",
        "avatar_url": "",
        "user_url": "",
        "auth_method": "my_github",
    }


async def test_a_token_is_good_for_ten_minutes_and_five_seconds(
    tokens: AccessTokens, login: Issued, clock: ManualClock
) -> None:
    token = issued(tokens, login)
    clock.advance(timedelta(minutes=10, seconds=4))
    assert (await tokens.user_of(token)).identity == MONA
    clock.advance(timedelta(seconds=1))
    assert await refusal(tokens, token) == ("access_token_expired", True)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {**HEADER, "crit": ["exp"]},
    ],
    ids=["none", "hs512", "rs256", "critical"],
)
async def test_another_header_is_refused_even_with_the_key(
    tokens: AccessTokens, login: Issued, header: dict[str, Any]
) -> None:
    digest = "sha512" if header["alg"] == "HS512" else "sha256"
    token = forged(header, claims_of(issued(tokens, login)), digest=digest)
    assert await refusal(tokens, token) == ("access_token_invalid", True)


async def test_a_token_without_a_signature_is_refused(tokens: AccessTokens, login: Issued) -> None:
    signed = forged({"alg": "none"}, claims_of(issued(tokens, login))).rpartition(".")[0]
    for token in (f"{signed}.", f"{signed}.AA", signed):
        assert await refusal(tokens, token) == ("access_token_invalid", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"aud": "fabro"},
        {"aud": ["fabro-cli"]},
        {"exp": "tomorrow"},
        {"iat": None},
        {"sid": "6f1f0a52-0d2e-4a55-9d0e-3a4f4f3c9b11"},
    ],
    ids=["issuer", "slash", "audience", "audiences", "exp", "iat", "chain"],
)
async def test_other_claims_are_refused_even_with_the_key(
    tokens: AccessTokens, login: Issued, changes: dict[str, Any]
) -> None:
    token = forged(HEADER, claims_of(issued(tokens, login)) | changes)
    assert await refusal(tokens, token) == ("access_token_invalid", True)


async def test_a_time_beyond_all_clocks_is_just_far_away(tokens: AccessTokens, login: Issued) -> None:
    claims = claims_of(issued(tokens, login)) | {"exp": 10**400}
    assert (await tokens.user_of(forged(HEADER, claims))).identity == MONA


async def test_every_claim_is_needed(tokens: AccessTokens, login: Issued) -> None:
    claims = claims_of(issued(tokens, login))
    assert (await tokens.user_of(forged(HEADER, claims))).identity == MONA
    for missing in claims:
        token = forged(HEADER, {name: value for name, value in claims.items() if name != missing})
        assert await refusal(tokens, token) == ("access_token_invalid", True), missing


async def test_a_token_from_the_future_is_refused_beyond_the_leeway(
    tokens: AccessTokens, login: Issued, clock: ManualClock
) -> None:
    token = issued(tokens, login)
    clock.advance(timedelta(seconds=-5))
    assert (await tokens.user_of(token)).identity == MONA
    clock.advance(timedelta(seconds=-1))
    assert await refusal(tokens, token) == ("access_token_invalid", True)


async def test_a_foreign_signature_is_refused(tokens: AccessTokens, login: Issued) -> None:
    claims = claims_of(issued(tokens, login))
    foreign = hashlib.sha256(b"another server").digest()
    assert await refusal(tokens, forged(HEADER, claims, foreign)) == ("access_token_invalid", True)


async def test_every_changed_byte_is_noticed(tokens: AccessTokens, login: Issued) -> None:
    token = issued(tokens, login)
    for place in range(0, len(token) - 1, 7):  # the last character has bits that no byte depends on
        changed = "A" if token[place] != "A" else "B"
        assert await refusal(tokens, token[:place] + changed + token[place + 1 :]) == ("access_token_invalid", True)


async def test_a_token_ends_with_its_chain(tokens: AccessTokens, chains: Chains, login: Issued) -> None:
    token = issued(tokens, login)
    await chains.log_out(login.token)
    assert await refusal(tokens, token) == ("access_token_invalid", True)


async def test_its_use_is_noted_in_the_chain(
    tokens: AccessTokens, chains: Chains, login: Issued, clock: ManualClock
) -> None:
    token = issued(tokens, login)
    clock.advance(timedelta(minutes=5))
    await tokens.user_of(token)
    stored = await chains.find(login.token.chain_id)
    assert stored is not None
    assert stored.body.last_seen == clock.now()


async def test_what_an_older_key_has_signed_has_expired_and_nothing_of_another_is(
    tokens: AccessTokens, chains: Chains, login: Issued, clock: ManualClock
) -> None:
    token = issued(tokens, login)
    rotated = AccessTokens(b"n" * 32, KEY, clock=clock, issuer=ISSUER, chains=chains)
    assert await refusal(rotated, token) == ("access_token_expired", True)
    for other in (
        forged(HEADER, claims_of(token), b"x" * 32),
        forged({"alg": "none"}, claims_of(token)),
        forged(HEADER, claims_of(token) | {"aud": "somebody else"}),
        forged(HEADER, claims_of(token) | {"iss": "https://elsewhere.example"}),
    ):
        assert await refusal(rotated, other) == ("access_token_invalid", True)
    assert (await rotated.user_of(issued(rotated, login))).identity == MONA
