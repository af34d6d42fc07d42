"""Signing in and out with a browser (auth.md A8, A10 to A12, A15): what is decided, kept and noted, on two servers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from fabro_core.auth.assembly import Authentication, authentication
from fabro_core.auth.base import (
    AuthMethod,
    Identity,
    LoginAttempt,
    LoginCallback,
    LoginField,
    LoginForm,
    LoginOption,
    Redirect,
)
from fabro_core.auth.refusals import (
    AccessDenied,
    IdentityProviderFailed,
    InvalidCredentials,
    LoginNotPermitted,
    LoginStateInvalid,
    MethodDisabled,
    Unauthenticated,
)
from fabro_core.auth.sessions import COOKIE
from fabro_core.auth.sign_in_limit import LimitKind, TooManyAttempts
from fabro_core.auth.sign_ins import BINDING_COOKIE, SignedIn, SignInRefused, SignIns
from fabro_core.auth.visitor import Visitor
from fabro_core.errors import CredentialsRejected, InvalidRequest
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore
from fabro_core.testing.clock import ManualClock
from tests.auth.conftest import LISA, MONA, documents_of

pytestmark = pytest.mark.anyio

Replicas = tuple[RunStore, RunStore]

PUBLIC_URL: Final = "https://fabro.example/fabro"
CODE: Final = Secret("the right code")
PASSWORD: Final = "correct horse"


class Provider(AuthMethod):
    """Vouches for Mona and Lisa by their codes; Lisa is not let in."""

    name = "sso"
    down = False

    def __init__(self) -> None:
        self.verifiers: list[Secret] = []

    def option(self) -> LoginOption:
        return LoginOption(label="Single sign-on", kind="redirect")

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        if self.down:
            raise ConnectionError
        self.verifiers.append(attempt.code_verifier)
        url = f"https://sso.example/?state={attempt.state.reveal()}&back={attempt.callback_url}"
        return Redirect(url=url, keep=Secret("kept"))

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        if (callback.code_verifier, callback.kept) != (self.verifiers[-1], Secret("kept")):
            raise CredentialsRejected
        return {CODE: MONA, Secret("lisa's"): LISA}[callback.code]

    async def permits(self, identity: Identity, /) -> bool:
        return identity != LISA


class Password(AuthMethod):
    """Lets Mona in by a password; what her sessions depend on can be changed."""

    name = "password"

    def option(self) -> LoginOption:
        return LoginOption(
            label="Password", kind="form", fields=(LoginField(name="password", label="Password", secret=True),)
        )

    async def sign_in(self, form: LoginForm, /) -> Identity:
        if form.fields["password"].reveal() != PASSWORD:
            raise CredentialsRejected
        return MONA

    def credential_of(self, identity: Identity, /) -> Secret:
        return Secret(PASSWORD)


class Site:
    """Two servers on one store, with their methods, and browsers that keep cookies."""

    def __init__(self, replicas: Replicas, clock: ManualClock) -> None:
        self.clock = clock
        self.store = replicas[0]
        self.provider, self.password = Provider(), Password()
        methods = (self.provider, self.password)
        options = {"sso": self.provider.option(), "password": self.password.option()}
        self.servers: list[Authentication] = [
            authentication(
                store,
                clock,
                methods,
                options,
                public_url=PUBLIC_URL,
                session_secret=Secret("0123456789abcdef" * 4),
                web_enabled=True,
                attempts_per_minute=3,
            )
            for store in replicas
        ]

    def sign_ins(self, number: int = 0) -> SignIns:
        return self.servers[number].require_browser().sign_ins

    async def begun(self, visitor: Visitor, return_to: str | None = None) -> tuple[Secret, Visitor]:
        """The state of a sign-in that was begun, and the browser as it comes back."""
        begun = await self.sign_ins().begin("sso", return_to, visitor)
        (state,) = parse_qs(urlsplit(begun.url).query)["state"]
        return Secret(state), with_cookie(visitor, BINDING_COOKIE, begun.binding.reveal())

    async def finished(self, state: Secret, visitor: Visitor, *, code: Secret = CODE, error: str = "") -> SignedIn:
        """On the other server."""
        return await self.sign_ins(1).finish("sso", visitor, state=state, code=code, error=error)

    async def documents(self, collection: str) -> int:
        return len(await documents_of(self.store, collection, self.clock))


@pytest.fixture
def site(replicas: Replicas, clock: ManualClock) -> Site:
    return Site(replicas, clock)


BROWSER: Final = Visitor(client="192.0.2.7", request_id="r-1", headers=[(b"user-agent", b"Mozilla/5.0")])


def with_cookie(visitor: Visitor, name: str, value: str) -> Visitor:
    headers = [*visitor.headers, (b"cookie", f"{name}={value}".encode("ascii"))]
    return Visitor(client=visitor.client, request_id=visitor.request_id, headers=headers)


@pytest.fixture
def audited(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """The audit log so far."""
    caplog.set_level(logging.INFO, logger="fabro.audit")
    return lambda: [vars(record)["fabro"] for record in caplog.records if record.name == "fabro.audit"]


Audited = Callable[[], list[dict[str, Any]]]


# -- at an identity provider ----------------------------------------------------------------------------------------


async def test_somebody_comes_back_and_has_a_session(site: Site, audited: Audited) -> None:
    state, back = await site.begun(BROWSER, "/fabro/runs/X")
    signed_in = await site.finished(state, back)
    assert signed_in.location == "/fabro/runs/X"
    user = await site.servers[0].authenticator.user_of_cookies([signed_in.cookie.reveal()])
    assert (user.identity, user.method) == (MONA, "sso")
    assert audited() == [
        {
            "event": "login",
            "client": "192.0.2.7",
            "request_id": "r-1",
            "auth_method": "sso",
            "idp_issuer": MONA.issuer,
            "idp_subject": MONA.subject,
            "session": str(user.session),
        }
    ]


async def test_the_provider_is_told_where_to_send_the_browser_back_to(site: Site) -> None:
    begun = await site.sign_ins().begin("sso", None, BROWSER)
    assert parse_qs(urlsplit(begun.url).query)["back"] == [f"{PUBLIC_URL}/auth/callback/sso"]


@pytest.mark.parametrize(
    "return_to", [None, "", "https://evil.example", "//evil.example", "/runs", "/fabro/auth/logout"]
)
async def test_a_sign_in_leads_to_the_runs_unless_it_may_lead_elsewhere(site: Site, return_to: str | None) -> None:
    assert (await site.finished(*await site.begun(BROWSER, return_to))).location == "/fabro/runs"


async def test_two_tabs_of_a_browser_both_finish(site: Site) -> None:
    first, back = await site.begun(BROWSER)
    verifier = site.provider.verifiers[-1]
    second, back_too = await site.begun(back)
    assert back.cookies(BINDING_COOKIE) * 2 == back_too.cookies(BINDING_COOKIE)
    await site.finished(second, back_too)
    site.provider.verifiers.append(verifier)
    await site.finished(first, back)


async def test_another_browser_finishes_nothing_and_spoils_nothing(site: Site, audited: Audited) -> None:
    state, back = await site.begun(BROWSER)
    for foreign in (BROWSER, with_cookie(BROWSER, BINDING_COOKIE, "b" * 43), with_cookie(BROWSER, BINDING_COOKIE, "b")):
        with pytest.raises(LoginStateInvalid):
            await site.finished(state, foreign)
    assert [(line["event"], line["reason"]) for line in audited()] == [("login_refused", "login_state_invalid")] * 3
    await site.finished(state, back)


async def test_a_binding_of_another_path_hides_none(site: Site) -> None:
    for place in range(2):
        state, back = await site.begun(BROWSER)
        bindings = ["b" * 43, *back.cookies(BINDING_COOKIE)]
        value = f"; {BINDING_COOKIE}=".join(bindings if place else reversed(bindings))
        assert isinstance(await site.finished(state, with_cookie(BROWSER, BINDING_COOKIE, value)), SignedIn)


async def test_of_twenty_callbacks_at_once_one_signs_in(site: Site) -> None:
    state, back = await site.begun(BROWSER)
    results = await asyncio.gather(*(site.finished(state, back) for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results].count(SignedIn) == 1
    assert {type(result) for result in results} == {SignedIn, LoginStateInvalid}
    assert await site.documents("auth.session") == 1


@pytest.mark.parametrize(
    ("code", "error", "refusal", "told"),
    [
        ("", "access_denied", AccessDenied, "access_denied"),
        ("lisa's", "", LoginNotPermitted, "unauthorized"),
        ("", "unauthorized", LoginNotPermitted, "unauthorized"),
        ("a wrong code", "", IdentityProviderFailed, "server_error"),
        ("", "", IdentityProviderFailed, "server_error"),
        (CODE.reveal(), "interaction_required", IdentityProviderFailed, "server_error"),
    ],
)
async def test_a_sign_in_that_is_refused_is_over_and_says_why(
    site: Site, audited: Audited, code: str, error: str, refusal: type[Exception], told: str
) -> None:
    state, back = await site.begun(BROWSER, "/fabro/runs/X")
    with pytest.raises(SignInRefused) as refused:
        await site.finished(state, back, code=Secret(code), error=error)
    assert isinstance(refused.value.refusal, refusal)
    assert refused.value.location == f"/fabro/login?error={told}"
    (line,) = audited()
    assert (line["event"], line["auth_method"], line["reason"]) == ("login_refused", "sso", refused.value.refusal.code)
    assert await site.documents("auth.login") == await site.documents("auth.session") == 0
    with pytest.raises(LoginStateInvalid):
        await site.finished(state, back)


async def test_a_program_that_waits_learns_how_it_ended(site: Site) -> None:
    state, back = await site.begun(BROWSER, "/fabro/auth/cli/resume")
    with pytest.raises(SignInRefused) as refused:
        await site.finished(state, back, code=Secret("a wrong code"))
    assert refused.value.location == (
        "/fabro/auth/cli/resume?error=server_error&error_description=Could%20not%20complete%20Single%20sign-on%20sign-in"
    )


async def test_a_provider_that_cannot_be_asked_leaves_nothing_behind(site: Site, audited: Audited) -> None:
    site.provider.down = True
    with pytest.raises(SignInRefused) as refused:
        await site.begun(BROWSER)
    assert isinstance(refused.value.refusal, IdentityProviderFailed)
    assert refused.value.location == "/fabro/login?error=server_error"
    assert [line["reason"] for line in audited()] == ["identity_provider_error"]
    assert await site.documents("auth.login") == 0


# -- with a form -----------------------------------------------------------------------------------------------------


async def test_a_form_that_is_right_opens_a_session(site: Site, audited: Audited) -> None:
    submitted = {"password": PASSWORD, "return_to": "/fabro/runs?page=2", "extra": 1}
    signed_in = await site.sign_ins().with_form("password", submitted, BROWSER)
    assert signed_in.location == "/fabro/runs?page=2"
    user = await site.servers[1].authenticator.user_of_cookies([signed_in.cookie.reveal()])
    assert (user.identity, user.method) == (MONA, "password")
    assert [line["event"] for line in audited()] == ["login"]


async def test_a_form_that_is_wrong_leads_back_to_the_page_and_on_from_there(site: Site, audited: Audited) -> None:
    submitted = {"password": "guess", "return_to": "/fabro/runs/X"}
    with pytest.raises(SignInRefused) as refused:
        await site.sign_ins().with_form("password", submitted, BROWSER)
    assert isinstance(refused.value.refusal, InvalidCredentials)
    assert refused.value.location == "/fabro/login?error=invalid_credentials&return_to=/fabro/runs/X"
    assert [(line["event"], line["reason"]) for line in audited()] == [("login_refused", "invalid_credentials")]
    assert await site.documents("auth.session") == 0


@pytest.mark.parametrize("submitted", [{}, {"password": 1}, {"password": None}, {"password": PASSWORD, "return_to": 1}])
async def test_a_form_without_its_fields_is_not_judged(
    site: Site, audited: Audited, submitted: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest):
        await site.sign_ins().with_form("password", submitted, BROWSER)
    assert audited() == []


# -- sessions --------------------------------------------------------------------------------------------------------


async def test_a_new_session_takes_the_place_of_the_one_that_the_browser_had(site: Site) -> None:
    first = await site.sign_ins().with_form("password", {"password": PASSWORD}, BROWSER)
    again = with_cookie(BROWSER, COOKIE, first.cookie.reveal())
    second = await site.sign_ins(1).with_form("password", {"password": PASSWORD}, again)
    sessions = site.servers[0].require_browser().sessions
    assert await sessions.find(first.cookie.reveal()) is None
    assert await sessions.find(second.cookie.reveal()) is not None


async def test_signing_out_ends_the_session_on_every_server_and_is_noted_once(site: Site, audited: Audited) -> None:
    signed_in = await site.sign_ins().with_form("password", {"password": PASSWORD}, BROWSER)
    leaving = with_cookie(BROWSER, COOKIE, signed_in.cookie.reveal())
    for number in (1, 0):
        await site.sign_ins(number).end(leaving)
    await site.sign_ins().end(BROWSER)
    await site.sign_ins().end(with_cookie(BROWSER, COOKIE, "no cookie of ours"))
    assert await site.servers[0].require_browser().sessions.find(signed_in.cookie.reveal()) is None
    assert [line["event"] for line in audited()] == ["login", "logout"]


async def test_a_session_of_an_old_credential_hides_no_other(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await site.sign_ins().with_form("password", {"password": PASSWORD}, BROWSER)
    monkeypatch.setattr("tests.auth.test_sign_ins.PASSWORD", "battery staple")
    new = await site.sign_ins().with_form("password", {"password": PASSWORD}, BROWSER)
    authenticator, cookies = site.servers[1].authenticator, [old.cookie.reveal(), new.cookie.reveal()]
    with pytest.raises(Unauthenticated):
        await authenticator.user_of_cookies(cookies[:1])
    assert (await authenticator.user_of_cookies(cookies)).identity == MONA


# -- methods and limits ----------------------------------------------------------------------------------------------


async def test_only_enabled_methods_sign_anybody_in(site: Site) -> None:
    with pytest.raises(MethodDisabled):
        site.sign_ins().option_of("ldap")
    with pytest.raises(MethodDisabled):
        await site.sign_ins().begin("ldap", None, BROWSER)
    with pytest.raises(MethodDisabled):
        await site.sign_ins().with_form("ldap", {}, BROWSER)
    with pytest.raises(MethodDisabled):
        await site.sign_ins().finish("ldap", BROWSER, state=Secret("x"), code=CODE, error="")


async def test_attempts_count_on_all_servers_together_and_a_refused_one_is_noted(site: Site, audited: Audited) -> None:
    for number in (0, 1, 0):
        await site.sign_ins(number).count(LimitKind.LOGIN, BROWSER)
    with pytest.raises(TooManyAttempts):
        await site.sign_ins(1).count(LimitKind.LOGIN, BROWSER)
    await site.sign_ins(1).count(LimitKind.START, BROWSER)
    assert [(line["event"], line["reason"], line["client"]) for line in audited()] == [
        ("rate_limited", "rate_limited", "192.0.2.7")
    ]
    site.clock.advance(timedelta(seconds=60))
    await site.sign_ins().count(LimitKind.LOGIN, BROWSER)


def test_a_visitor_does_not_show_its_cookies() -> None:
    assert "value" not in repr(with_cookie(BROWSER, COOKIE, "value"))
