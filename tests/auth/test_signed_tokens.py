"""Signing and verifying tokens with one algorithm (RFC 7515, RFC 7519)."""

from __future__ import annotations

import json
import string
from typing import Any

import msgspec
import pytest

from fabro_core.auth.remembered import REMEMBERED
from fabro_core.auth.signed_tokens import BadToken, Header, TokenSigner, header_of
from tests.auth.forging import decoded, forged, is_signed_with

KEY = b"k" * 32
HEADER: dict[str, Any] = {"alg": "HS256", "typ": "JWT", "kid": "ours"}
CLAIMS = {"sub": "one"}
ALPHABET = string.ascii_letters + string.digits + "-_.=~!"


class Claims(msgspec.Struct, frozen=True):
    sub: str


SIGNER = TokenSigner(KEY, kid="ours")


def refused(token: str) -> bool:
    try:
        SIGNER.verify(token, Claims)
    except BadToken:
        return True
    return False


def test_what_is_signed_is_verified_with_the_same_key_alone() -> None:
    token = SIGNER.sign(Claims("one"))
    assert decoded(token) == (HEADER, CLAIMS)
    assert is_signed_with(token, KEY)
    assert SIGNER.verify(token, Claims) == Claims("one")
    with pytest.raises(BadToken):
        TokenSigner(b"K" * 32, kid="ours").verify(token, Claims)


def test_a_token_that_was_verified_before_vouches_for_no_other() -> None:
    signer, token = TokenSigner(KEY, kid="ours"), SIGNER.sign(Claims("one"))
    assert signer.verify(token, Claims) == signer.verify(token, Claims) == Claims("one")
    for other in (token[:-1], token + "=", token.swapcase(), SIGNER.sign(Claims("two"))[:-2] + token[-2:]):
        with pytest.raises(BadToken):
            signer.verify(other, Claims)
    with pytest.raises(BadToken):
        TokenSigner(b"K" * 32, kid="ours").verify(token, Claims)


def test_more_tokens_than_are_remembered_are_verified_all_the_same() -> None:
    signer = TokenSigner(KEY)
    tokens = {str(number): signer.sign(Claims(str(number))) for number in range(REMEMBERED + 2)}
    for _ in range(2):
        assert {signer.verify(token, Claims).sub for token in tokens.values()} == tokens.keys()


def test_a_token_made_elsewhere_by_the_same_rules_is_accepted() -> None:
    assert SIGNER.verify(forged(HEADER, json.dumps(CLAIMS).encode(), KEY), Claims) == Claims("one")


def test_a_key_without_a_name_has_none_in_the_header() -> None:
    assert decoded(TokenSigner(KEY).sign(Claims("one")))[0] == {"alg": "HS256", "typ": "JWT"}


def test_no_change_of_one_character_is_accepted() -> None:
    token = SIGNER.sign(Claims("one"))
    changed = [
        token[:index] + character + token[index + 1 :]
        for index in range(len(token))
        for character in ALPHABET
        if character != token[index]
    ]
    assert [each for each in changed if not refused(each)] == []


def test_no_part_of_a_token_is_accepted_and_nothing_more_than_it() -> None:
    token = SIGNER.sign(Claims("one"))
    assert all(refused(token[:length]) for length in range(len(token)))
    assert all(refused(token + more) for more in ("=", "==", ".", ".a", " ", "\n", "A", "\u0667"))


@pytest.mark.parametrize("alg", ["none", "None", "HS384", "HS512", "RS256", "ES256", "hs256", "", "HS256 "])
def test_another_algorithm_is_refused_whatever_the_signature(alg: str) -> None:
    payload = json.dumps(CLAIMS).encode()
    tokens = [forged({**HEADER, "alg": alg}, payload, KEY, digest=digest) for digest in ("sha256", "sha384", "sha512")]
    unsigned = tokens[0].rpartition(".")[0] + "."
    assert all(refused(token) for token in (*tokens, unsigned))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": None},
        {"alg": 5},
        {"alg": ["HS256"]},
        {"typ": 5},
        {"kid": 5},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": "b64"},
        {"jwk": 5},
        {"x5c": "a"},
        {"zip": "DEF"},
    ],
)
def test_a_header_that_asks_for_anything_else_is_refused(header: dict[str, Any]) -> None:
    assert refused(forged({**HEADER, **header}, json.dumps(CLAIMS).encode(), KEY))


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b'"one"', b"{}", b'{"sub": 5}', b"\xff", b'{"sub": "\xff"}', b"[" * 100_000]
)
def test_a_payload_that_is_not_the_claims_is_refused(payload: bytes) -> None:
    assert refused(forged(HEADER, payload, KEY))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ({"alg": "HS256", "kid": "ours"}, Header("HS256", "ours")),
        ({"alg": "none", "more": [1]}, Header("none")),
        ({"kid": "ours"}, None),
        ({"alg": 5}, None),
        ({"alg": "HS256", "kid": 5}, None),
    ],
)
def test_a_header_is_read_without_being_believed(header: dict[str, Any], found: Header | None) -> None:
    assert header_of(forged(header, b"{}", b"another key")) == found


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "!.b.c", "a.b.c", "e30.e30.e30"]
)
def test_text_that_is_no_token_has_no_header(text: str) -> None:
    assert header_of(text) is None
