"""What the texts of an identity may be: the edges of each rule, and that what keeps them fits where it is put."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from fabro_core.auth.access_tokens import AccessTokens
from fabro_core.auth.authenticator import MAX_TOKEN_BYTES
from fabro_core.auth.base import Identity
from fabro_core.auth.caller import User
from fabro_core.auth.chains import Chains
from fabro_core.auth.identities import MAX_BYTES, REQUIRED, identity_fault
from fabro_core.auth.keys import KEY_BYTES
from fabro_core.auth.sessions import COOKIE, BrowserSessions
from fabro_core.secret import Secret
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import MONA, TOKENS

MAX_COOKIE_BYTES: Final = 4096
ATTRIBUTES: Final = "=; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"
PUBLIC_URL: Final = "https://fabro.example/".ljust(200, "x")


def changed(**texts: Any) -> Identity:
    return msgspec.structs.replace(MONA, **texts)


def longest(field: str) -> str:
    """The longest text, of what its JSON has to escape where that is allowed."""
    if field.endswith("_url"):
        return "https://e.example/".ljust(MAX_BYTES[field], "x")
    return '"' * MAX_BYTES[field]


@pytest.mark.parametrize("field", MAX_BYTES)
def test_a_text_has_its_length_and_no_more(field: str) -> None:
    assert identity_fault(changed(**{field: longest(field)})) is None
    assert identity_fault(changed(**{field: longest(field) + "x"})) == (
        f"Identity.{field} has more than {MAX_BYTES[field]} bytes"
    )


def test_lengths_are_counted_in_bytes() -> None:
    assert identity_fault(changed(login="ü" * 127)) is None
    assert identity_fault(changed(login="ü" * 128)) == "Identity.login has more than 255 bytes"


@pytest.mark.parametrize("field", MAX_BYTES)
def test_what_identifies_somebody_is_not_empty(field: str) -> None:
    fault = identity_fault(changed(**{field: ""}))
    assert fault == (f"Identity.{field} is empty" if field in REQUIRED else None)


@pytest.mark.parametrize("field", MAX_BYTES)
@pytest.mark.parametrize("value", [None, 90210, b"mona", True])
def test_nothing_else_is_a_text(field: str, value: object) -> None:
    assert identity_fault(changed(**{field: value})) == f"Identity.{field} is no text, but {type(value).__name__}"


@pytest.mark.parametrize("field", [field for field in MAX_BYTES if not field.endswith("_url")])
@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_nothing_unseen_is_in_a_text(field: str, character: str) -> None:
    fault = identity_fault(changed(**{field: f"mo{character}na"}))
    assert fault == f"Identity.{field} has a control character, or another that nobody sees"


@pytest.mark.parametrize("text", ["mona", "Zoë", "李雷", "\u0646\u06cc\u0645\u200c\u0641", "👩\u200d🔬", "O'Hara; --"])
def test_names_of_all_languages_are_texts(text: str) -> None:
    assert identity_fault(changed(login=text, name=text)) is None


@pytest.mark.parametrize("field", sorted(REQUIRED))
def test_what_identifies_somebody_has_no_white_space_around_it(field: str) -> None:
    for text in (" mona", "mona ", "\u00a0mona"):
        assert identity_fault(changed(**{field: text})) == f"Identity.{field} begins or ends with white space"


@pytest.mark.parametrize("field", ["avatar_url", "user_url"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "/mona", "//e.example/", "https://", "https://e.example/a b"])
def test_a_page_about_somebody_is_on_the_web(field: str, url: str) -> None:
    assert identity_fault(changed(**{field: url})) == f"Identity.{field} is no absolute http(s) URL"


def widest(letter: str) -> Identity:
    """An identity with the longest texts, made of one letter where that is allowed."""
    return changed(
        **{
            field: longest(field) if field.endswith("_url") else letter * (most // len(letter.encode()))
            for field, most in MAX_BYTES.items()
        }
    )


@pytest.mark.anyio
@pytest.mark.parametrize("letter", ["x", '"', "ü", "李"])
async def test_a_cookie_of_the_widest_identity_is_one_that_browsers_keep(letter: str) -> None:
    store = MemoryRunStore(MemoryData())
    user = User(identity=widest(letter), method="a-method-whose-name-is-long")
    async with store.lifespan():
        sessions = BrowserSessions(store, ManualClock(), Secret("0123456789abcdef" * 4))
        _, cookie = await sessions.open(user, credential=None, user_agent=None)
    assert len(COOKIE) + len(cookie) + len(ATTRIBUTES) <= MAX_COOKIE_BYTES


@pytest.mark.anyio
@pytest.mark.parametrize("letter", ["x", '"', "ü", "李"])
async def test_an_access_token_of_the_widest_identity_is_one_that_the_server_takes(letter: str) -> None:
    store, clock = MemoryRunStore(MemoryData()), ManualClock()
    async with store.lifespan():
        chains = Chains(store, clock, TOKENS)
        login = await chains.open(widest(letter), "a-method-whose-name-is-long", user_agent=None)
        tokens = AccessTokens(b"k" * KEY_BYTES, clock=clock, issuer=PUBLIC_URL, chains=chains)
        token = tokens.issue(login.token.chain_id, login.chain).text.reveal()
        assert (await tokens.user_of(token)).identity == widest(letter)
    assert len(token) <= MAX_TOKEN_BYTES
