"""The part of the conformance kit of `AuthMethod` about signing in with a browser; see `fabro_core.testing.auth`.

What does not apply to a method, by its own `option()`, is left out and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from fabro_core.auth.base import (
    AuthMethod,
    Bearer,
    Identity,
    LoginAttempt,
    LoginCallback,
    LoginForm,
    LoginOption,
    Redirect,
)
from fabro_core.context import Problem
from fabro_core.errors import CredentialsRejected
from fabro_core.plugins.login_options import login_options
from fabro_core.secret import Secret
from fabro_core.testing.conformance import ConformanceSuite, not_applicable
from fabro_core.testing.io_watch import OPENS, watching

Authorize = Callable[[str], Awaitable[Mapping[str, str]]]
"""Goes where a browser is sent to sign in, agrees there as a person that the method permits, and returns the query with
which the provider sends the browser back: `state` and `code`."""

CALLBACK: Final = "https://fabro.example/auth/callback/conformance-kit"
ODD_TEXTS: Final = ("", " ", "\0", "0", "ü", "\u2028", "\ud800", "%00", "'; --", "x" * 10_000)


@pytest.mark.anyio
class LoginConformance(ConformanceSuite):
    """Every promise of `AuthMethod` about forms and identity providers (auth.md A10 to A12, A16)."""

    @pytest.fixture
    def valid_form(self) -> Mapping[str, str]:
        """Override for a method with a form: the fields, filled in by a person that the method permits."""
        raise NotImplementedError("option() offers a form: override the fixture valid_form")

    @pytest.fixture
    def authorize(self) -> Authorize:
        """Override for a method that redirects: agrees at a provider for tests, such as `FakeIdentityProvider`."""
        raise NotImplementedError("option() offers a redirect: override the fixture authorize")

    @pytest.fixture
    def option(self, named: AuthMethod) -> LoginOption:
        option = named.option()
        if option is None:
            not_applicable("the method has no sign-in with a browser")
        return option

    @pytest.fixture
    async def somebody(self, opened: AuthMethod, valid_token: str | None, request: pytest.FixtureRequest) -> Identity:
        """A person whom the method permits, in whatever way they prove who they are."""
        option = opened.option()
        if valid_token is not None:
            identity = await opened.authenticate(Bearer(token=Secret(valid_token)))
        elif option is None:
            not_applicable("the method lets nobody in")
        elif option.kind == "form":
            identity = await opened.sign_in(filled_in(request.getfixturevalue("valid_form")))
        else:
            identity = await opened.finish_login(await agreed(opened, request.getfixturevalue("authorize")))
        assert isinstance(identity, Identity), "whoever proves who they are is an Identity"
        return identity

    @pytest.fixture
    def form(self, option: LoginOption, request: pytest.FixtureRequest) -> Mapping[str, str]:
        if option.kind != "form":
            not_applicable("the method signs in without a form")
        form: Mapping[str, str] = request.getfixturevalue("valid_form")
        assert form.keys() == {field.name for field in option.fields}, "valid_form fills in the declared fields"
        return form

    @pytest.fixture
    def agree(self, option: LoginOption, request: pytest.FixtureRequest) -> Authorize:
        if option.kind != "redirect":
            not_applicable("the method signs in without an identity provider")
        authorize: Authorize = request.getfixturevalue("authorize")
        return authorize

    # -- what is offered ----------------------------------------------------------------------------------------

    async def test_its_option_can_be_offered(self, opened: AuthMethod, option: LoginOption) -> None:
        problems: list[Problem] = []
        login_options([(opened.name, opened)], web_enabled=True, problems=problems)
        assert [problem.line() for problem in problems] == [], "the core accepts the option"
        for text in (option.label, *(text for field in option.fields for text in (field.name, field.label))):
            assert text.strip(), "label, and name and label of each field, are not empty"

    async def test_its_option_is_the_same_every_time(self, opened: AuthMethod, option: LoginOption) -> None:
        assert opened.option() == option

    # -- forms --------------------------------------------------------------------------------------------------

    async def test_the_right_form_is_a_person_who_is_permitted(
        self, opened: AuthMethod, form: Mapping[str, str]
    ) -> None:
        identity = await opened.sign_in(filled_in(form))
        require_identity(identity)
        assert await opened.permits(identity) is True, "whoever fills in valid_form is permitted"
        assert await opened.sign_in(filled_in(form)) == identity, "the same form is the same person every time"

    async def test_a_form_with_one_field_changed_is_rejected(self, opened: AuthMethod, form: Mapping[str, str]) -> None:
        for name, value in form.items():
            for wrong in (*ODD_TEXTS, f"{value}0", value[:-1], f" {value}", value.swapcase() + "x"):
                if wrong != value:
                    await require_rejection(opened, {**form, name: wrong})

    async def test_what_is_secret_of_a_form_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await opened.sign_in(filled_in(form))
        secrets = [form[field.name] for field in option.fields if field.secret]
        wrong = {**form, **{field.name: f"{form[field.name]}0" for field in option.fields if field.secret}}
        rejection = await require_rejection(opened, wrong) if secrets else ""
        require_unsaid(secrets, [repr(opened), str(opened), rejection, *logged(caplog)])

    # -- identity providers -------------------------------------------------------------------------------------

    async def test_a_browser_is_sent_to_a_url_with_the_state_and_without_the_verifier(
        self, opened: AuthMethod, agree: Authorize
    ) -> None:
        attempt = new_attempt()
        redirect = await opened.start_login(attempt)
        assert isinstance(redirect, Redirect), "start_login returns a Redirect"
        url = urlsplit(redirect.url)
        assert url.scheme in ("http", "https"), "the URL is an absolute http(s) URL"
        assert url.netloc, "the URL is an absolute http(s) URL"
        assert redirect.url.isascii(), "the URL is ASCII without spaces"
        assert redirect.url.isprintable(), "the URL is ASCII without spaces"
        assert " " not in redirect.url, "the URL is ASCII without spaces"
        state = parse_qs(url.query).get("state")
        assert state == [attempt.state.reveal()], "the provider is given the state, to send it back"
        assert attempt.code_verifier.reveal() not in redirect.url, "only a hash of the verifier leaves the server"

    async def test_whoever_agrees_is_a_person_who_is_permitted(self, opened: AuthMethod, agree: Authorize) -> None:
        identity = await opened.finish_login(await agreed(opened, agree))
        require_identity(identity)
        assert await opened.permits(identity) is True, "whom authorize agrees for is permitted"
        assert await opened.finish_login(await agreed(opened, agree)) == identity, "the same person every time"

    async def test_sign_ins_that_overlap_do_not_disturb_each_other(self, opened: AuthMethod, agree: Authorize) -> None:
        first, second = await agreed(opened, agree), await agreed(opened, agree)
        identity = await opened.finish_login(second)
        assert await opened.finish_login(first) == identity, "whatever one sign-in needs comes back in its callback"

    async def test_a_sign_in_outlasts_a_restart(self, named: AuthMethod, agree: Authorize) -> None:
        async with named.lifespan():
            callback = await agreed(named, agree)
        async with named.lifespan():
            require_identity(await named.finish_login(callback))

    async def test_a_code_that_nobody_issued_is_nobody(self, opened: AuthMethod, agree: Authorize) -> None:
        callback = await agreed(opened, agree)
        for code in ("", "never-issued", f"{callback.code.reveal()}0", "\r\n"):
            await require_failure(opened, msgspec.structs.replace(callback, code=Secret(code)))

    async def test_a_code_is_of_no_use_without_its_verifier(self, opened: AuthMethod, agree: Authorize) -> None:
        callback = await agreed(opened, agree)
        await require_failure(opened, msgspec.structs.replace(callback, code_verifier=new_attempt().code_verifier))

    async def test_what_finishes_a_sign_in_is_in_no_text_that_anybody_reads(
        self, opened: AuthMethod, agree: Authorize, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        callbacks = [await agreed(opened, agree) for _ in range(2)]
        caplog.clear()  # the browser of the test has logged where it went
        await opened.finish_login(callbacks[0])
        await require_failure(opened, msgspec.structs.replace(callbacks[1], code_verifier=new_attempt().code_verifier))
        secrets = [secret.reveal() for each in callbacks for secret in (each.code, each.code_verifier)]
        require_unsaid(secrets, [repr(opened), str(opened), *logged(caplog)])

    # -- sessions -----------------------------------------------------------------------------------------------

    async def test_what_sessions_depend_on_is_told_at_once(self, opened: AuthMethod, option: LoginOption) -> None:
        stranger = Identity(issuer="https://nobody.example", subject="0", login="nobody")
        opened.credential_of(stranger)  # whatever is made once, is made here
        with watching(OPENS) as seen:
            credential = opened.credential_of(stranger)
        assert seen == [], "credential_of is asked on every request and does no I/O"
        assert credential is None or isinstance(credential, Secret), "credential_of returns a Secret or None"
        assert opened.credential_of(stranger) == credential, "credential_of changes only with what it is derived from"


def filled_in(form: Mapping[str, str]) -> LoginForm:
    """A form as the core hands it over."""
    return LoginForm(fields={name: Secret(value) for name, value in form.items()})


def new_attempt() -> LoginAttempt:
    """An attempt as the core begins it."""
    return LoginAttempt(callback_url=CALLBACK, state=Secret(token_urlsafe(32)), code_verifier=Secret(token_urlsafe(32)))


async def agreed(method: AuthMethod, authorize: Authorize) -> LoginCallback:
    """What the core makes of a browser that comes back from the provider."""
    attempt = new_attempt()
    redirect = await method.start_login(attempt)
    back = await authorize(redirect.url)
    assert back.get("state") == attempt.state.reveal(), "the provider sends back the state that it was given"
    return LoginCallback(
        callback_url=attempt.callback_url,
        code=Secret(back["code"]),
        code_verifier=attempt.code_verifier,
        kept=redirect.keep,
    )


def require_identity(identity: object) -> None:
    """Fail unless it is a person that the core can work with."""
    assert isinstance(identity, Identity), "whoever proves who they are is an Identity"
    for field in Identity.__struct_fields__:
        assert isinstance(getattr(identity, field), str), f"{field} is a text, empty when unknown"
    for field in ("issuer", "subject", "login"):
        assert getattr(identity, field), f"{field} is not empty"


async def require_rejection(method: AuthMethod, form: Mapping[str, str]) -> str:
    """What can be read of the rejection of a form, which must be rejected."""
    try:
        answer = await method.sign_in(filled_in(form))
    except CredentialsRejected as error:
        return f"{error!s} {error!r}"
    except Exception as error:
        raise AssertionError(
            f"sign_in raised {type(error).__name__}; a wrong form is answered with CredentialsRejected, whatever is "
            "in its fields"
        ) from error
    pytest.fail(f"no other form is good in place of a valid one; it was answered with {type(answer).__name__}")


async def require_failure(method: AuthMethod, callback: LoginCallback) -> None:
    """Fail when a callback is taken for a person's."""
    with suppress(Exception):  # any exception is right; the outcome of `fail` is none
        await method.finish_login(callback)
        pytest.fail("finish_login raises for whatever the provider does not vouch for")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Every text of the log."""
    return [record.getMessage() + repr(record.__dict__) for record in caplog.records]


def require_unsaid(secrets: Sequence[str], texts: Sequence[str]) -> None:
    """Fail when a secret is in a text."""
    for text in texts:
        assert not any(secret in text for secret in secrets), (
            "a secret is never shown: not in a repr, a log or an error"
        )
