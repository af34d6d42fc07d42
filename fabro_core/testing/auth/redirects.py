"""Signing in at an identity provider: there, back, and only with what the provider vouches for (auth.md A11, A12)."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, get_args
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginAttempt, LoginCallback, Redirect
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import (
    CALLBACK,
    agreed,
    begun,
    failure,
    new_attempt,
    require_identity,
    vouched_for,
)
from fabro_core.testing.auth.case import AuthCase, Authorize, provider_of
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.identity_provider import FakeIdentityProvider, Mood

BAD_DAYS: Final = ("failing", "babbling", "withholding", "moving", "garrulous", "disowning", "anonymous")
"""The moods in which a provider vouches for nobody."""
assert set(BAD_DAYS) <= set(get_args(Mood))


class RedirectConformance(AuthCase):
    """What `start_login` and `finish_login` promise."""

    @pytest.fixture
    def provider(self, agree: Authorize) -> FakeIdentityProvider:
        provider = provider_of(agree)
        if provider is None:
            not_applicable("authorize is another provider than FakeIdentityProvider")
        return provider

    async def test_a_browser_is_sent_to_a_url_with_the_state_and_without_the_verifier(
        self, opened: AuthMethod, claimed_agree: Authorize
    ) -> None:
        attempt = new_attempt()
        redirect = await begun(opened, attempt)
        require_redirect(redirect, attempt)
        other = new_attempt()
        require_redirect(await begun(opened, other), other)

    async def test_whoever_agrees_is_a_person_who_is_permitted(
        self, opened: AuthMethod, claimed_agree: Authorize
    ) -> None:
        identity = await vouched_for(opened, await agreed(opened, claimed_agree))
        require_identity(identity)
        assert await opened.permits(identity) is True, "whom authorize agrees for is permitted"
        assert await vouched_for(opened, await agreed(opened, claimed_agree)) == identity, "the same person every time"

    async def test_a_sign_in_outlasts_a_restart(self, named: AuthMethod, claimed_agree: Authorize) -> None:
        async with named.lifespan():
            callback = await agreed(named, claimed_agree)
        async with named.lifespan():
            require_identity(await vouched_for(named, callback))

    async def test_a_code_that_nobody_issued_is_nobody(self, opened: AuthMethod, agree: Authorize) -> None:
        for code in ("", "never-issued", "\r\n", "&code=x", "ü", "0" * 10_000):
            callback = msgspec.structs.replace(await agreed(opened, agree), code=Secret(code))
            await require_nobody(opened, callback, "a code that it never issued")
        callback = await agreed(opened, agree)
        for code in (f"{callback.code.reveal()}0", callback.code.reveal()[:-1], callback.code.reveal().swapcase()):
            await require_nobody(opened, msgspec.structs.replace(callback, code=Secret(code)), "another code")

    async def test_a_code_is_of_no_use_without_its_verifier(self, opened: AuthMethod, agree: Authorize) -> None:
        callback = await agreed(opened, agree)
        other = msgspec.structs.replace(callback, code_verifier=new_attempt().code_verifier)
        await require_nobody(opened, other, "a code of another sign-in")

    async def test_a_code_is_of_no_use_at_another_address(
        self, opened: AuthMethod, agree: Authorize, provider: FakeIdentityProvider
    ) -> None:
        callback = msgspec.structs.replace(await agreed(opened, agree), callback_url=f"{CALLBACK}/other")
        await require_nobody(opened, callback, "a code that was sent elsewhere")

    async def test_a_code_is_good_once(
        self, opened: AuthMethod, agree: Authorize, provider: FakeIdentityProvider
    ) -> None:
        callback = await agreed(opened, agree)
        await vouched_for(opened, callback)
        await require_nobody(opened, callback, "a code that was used before")

    @pytest.mark.parametrize("mood", BAD_DAYS)
    async def test_a_provider_on_a_bad_day_vouches_for_nobody(
        self, opened: AuthMethod, agree: Authorize, provider: FakeIdentityProvider, mood: Mood
    ) -> None:
        callback = await agreed(opened, agree)
        identity = await vouched_for(opened, await agreed(opened, agree))
        provider.mood = mood
        try:
            answer = await failure(opened, callback)
        finally:
            provider.mood = "helpful"
        assert not isinstance(answer, Identity), (
            f"finish_login raises for whatever the provider does not vouch for; it was {mood}"
        )
        assert await vouched_for(opened, await agreed(opened, agree)) == identity, "and works again afterwards"


def require_redirect(redirect: Redirect, attempt: LoginAttempt) -> None:
    """Fail unless a browser may be sent there for this attempt."""
    assert isinstance(redirect.url, str), "the URL is a text"
    url = urlsplit(redirect.url)
    assert url.scheme in ("http", "https"), "the URL is an absolute http(s) URL"
    assert url.netloc, "the URL is an absolute http(s) URL"
    assert redirect.url.isascii(), "the URL is ASCII without spaces"
    assert redirect.url.isprintable(), "the URL is ASCII without spaces"
    assert " " not in redirect.url, "the URL is ASCII without spaces"
    assert redirect.keep is None or isinstance(redirect.keep, Secret), "what is kept is a Secret, or None"
    query = parse_qs(url.query)
    assert query.get("state") == [attempt.state.reveal()], "the provider is given the state, to send it back"
    verifier = attempt.code_verifier.reveal()
    assert verifier not in redirect.url, "only a hash of the verifier leaves the server"
    if "code_challenge" in query:
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        assert query["code_challenge"] == [digest], "the challenge is the hash of the verifier (RFC 7636 §4.2)"
        assert query.get("code_challenge_method") == ["S256"], "the challenge is the hash of the verifier"
    if "redirect_uri" in query:
        assert query["redirect_uri"] == [attempt.callback_url], "the provider is given the callback_url, to go back to"


async def require_nobody(method: AuthMethod, callback: LoginCallback, what: str) -> None:
    """Fail when a callback is taken for a person's."""
    assert not isinstance(await failure(method, callback), Identity), (
        f"finish_login raises for whatever the provider does not vouch for; it was {what}"
    )
