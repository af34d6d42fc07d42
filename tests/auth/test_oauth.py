"""What a command-line login checks before anything is sent anywhere (auth.md A19, RFC 7636, RFC 8252)."""

from __future__ import annotations

import pytest

from fabro_core.auth.oauth import back_to_client, is_code_challenge, is_redirect_uri, is_state, proves
from fabro_core.secret import Secret

REDIRECT_URI = "http://127.0.0.1:41000/callback"


@pytest.mark.parametrize(
    "text",
    [
        REDIRECT_URI,
        "http://127.0.0.1:1/callback",
        "http://127.0.0.1:65535/callback",
        "http://[::1]:41000/callback",
    ],
)
def test_a_program_on_the_same_machine_is_redirected_to(text: str) -> None:
    assert is_redirect_uri(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://localhost:41000/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:80/callback",
        "http://127.0.0.1:080/callback",
        "http://127.0.0.1:+41000/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:4\u0661000/callback",
        "http://127.0.0.1:41000",
        "http://127.0.0.1:41000/",
        "http://127.0.0.1:41000/callback/",
        "http://127.0.0.1:41000/other",
        "http://127.0.0.1:41000/../callback",
        "http://127.0.0.1:41000//callback",
        "http://127.0.0.1:41000/callback?",
        "http://127.0.0.1:41000/callback?x=1",
        "http://127.0.0.1:41000/callback#x",
        "http://127.0.0.1:41000/callback\n",
        " http://127.0.0.1:41000/callback",
        "http://me@127.0.0.1:41000/callback",
        "http://127.0.0.1:41000@evil.example/callback",
        "http://127.0.0.1.evil.example:41000/callback",
        "http://127.0.0.2:41000/callback",
        "http://127.1:41000/callback",
        "http://2130706433:41000/callback",
        "http://[::2]:41000/callback",
        "http://[0:0:0:0:0:0:0:1]:41000/callback",
        "http://::1:41000/callback",
        "http:/127.0.0.1:41000/callback",
        "http:\\\\127.0.0.1:41000/callback",
        "https://127.0.0.1:41000/callback",
        "HTTP://127.0.0.1:41000/callback",
        "fabro://127.0.0.1:41000/callback",
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert not is_redirect_uri(text)


def test_a_state_is_long_enough_and_needs_no_escaping() -> None:
    assert is_state("a" * 16)
    assert is_state("-_Z9" * 128)
    for text in ("", "a" * 15, "a" * 513, "a" * 16 + "+", "a" * 16 + "\n", "\u0661" * 16):
        assert not is_state(text)


def test_a_challenge_has_the_length_of_a_hash() -> None:
    assert is_code_challenge("-_Z9" * 10 + "abc")
    for text in ("", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 43 + "\n"):
        assert not is_code_challenge(text)


def test_the_verifier_of_the_standard_proves_its_challenge_and_no_other() -> None:
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")  # RFC 7636, appendix B
    assert proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert not proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cN")
    assert not proves(Secret("\u00fcnicode"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


def test_what_is_brought_back_is_escaped() -> None:
    assert back_to_client(REDIRECT_URI, error="x", note="a b&c=d") == f"{REDIRECT_URI}?error=x&note=a+b%26c%3Dd"
