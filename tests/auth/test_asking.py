"""Whatever an auth method does when it is asked, a request gets a refusal of ours (auth.md A4, A6, A9, A10, A12)."""

from __future__ import annotations

import ast
import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import fabro_core
from fabro_core.auth import asking
from fabro_core.auth.asking import (
    credential_of,
    identity_of_bearer,
    identity_of_callback,
    identity_of_form,
    redirect_of,
    require_permission,
)
from fabro_core.auth.base import AuthMethod, Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.auth.refusals import IdentityProviderFailed, InvalidCredentials, LoginNotPermitted, MethodUnavailable
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from tests.auth.conftest import MONA

pytestmark = pytest.mark.anyio

SECRET: Final = Secret("what nobody may see")
CALLBACK_URL: Final = "https://fabro.example/auth/callback/odd"

Behaviour = Callable[[], Any]
"""What a call to the method does: it raises, or gives back what is then awaited."""


class Odd(AuthMethod):
    """Does whatever a test wants when it is asked anything."""

    name = "odd"

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    def authenticate(self, credential: Bearer, /) -> Any:
        return self._behaviour()

    def sign_in(self, form: LoginForm, /) -> Any:
        return self._behaviour()

    def start_login(self, attempt: LoginAttempt, /) -> Any:
        return self._behaviour()

    def finish_login(self, callback: LoginCallback, /) -> Any:
        return self._behaviour()

    def permits(self, identity: Identity, /) -> Any:
        return self._behaviour()

    def credential_of(self, identity: Identity, /) -> Any:
        return self._behaviour()


def bearer(method: AuthMethod) -> Awaitable[object]:
    return identity_of_bearer(method, Bearer(token=SECRET))


def form(method: AuthMethod) -> Awaitable[object]:
    return identity_of_form(method, LoginForm(fields={"token": SECRET}))


def start(method: AuthMethod) -> Awaitable[object]:
    return redirect_of(method, LoginAttempt(callback_url=CALLBACK_URL, state=SECRET, code_verifier=SECRET))


def finish(method: AuthMethod) -> Awaitable[object]:
    callback = LoginCallback(callback_url=CALLBACK_URL, code=SECRET, code_verifier=SECRET, kept=None)
    return identity_of_callback(method, callback)


def permission(method: AuthMethod) -> Awaitable[object]:
    return require_permission(method, MONA)


QUESTIONS: Final[dict[Callable[[AuthMethod], Awaitable[object]], type[Exception]]] = {
    bearer: MethodUnavailable,
    form: MethodUnavailable,
    start: IdentityProviderFailed,
    finish: IdentityProviderFailed,
    permission: MethodUnavailable,
}
"""Each question, with what its failure is to a request."""


def answering(answer: object) -> Behaviour:
    async def answered() -> object:
        return answer

    return answered


def raising(error: BaseException) -> Behaviour:
    async def raised() -> object:
        raise error

    return raised


def raising_before_it_is_awaited() -> object:
    raise LookupError("out of order")


async def never() -> object:
    await asyncio.Event().wait()
    return None


FAILURES: Final[dict[str, Behaviour]] = {
    "raises": raising(LookupError("out of order")),
    "raises before it is awaited": raising_before_it_is_awaited,
    "hangs": never,
    "answers with something else": answering({"login": "mona"}),
    "is no coroutine": lambda: MONA,
    "gives up by itself": raising(TimeoutError()),
    "ends the process": raising(SystemExit(1)),
}


@pytest.mark.parametrize("behaviour", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize(("ask", "refusal"), QUESTIONS.items(), ids=[ask.__name__ for ask in QUESTIONS])
async def test_a_method_that_fails_is_a_refusal_of_this_request_alone(
    ask: Callable[[AuthMethod], Awaitable[object]],
    refusal: type[Exception],
    behaviour: Behaviour,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT_SECONDS", 0.01)
    with pytest.raises(refusal):
        await ask(Odd(behaviour))
    (record,) = [record for record in caplog.records if record.name == "fabro.auth"]
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "auth method odd failed")
    assert record.exc_info is not None
    assert SECRET.reveal() not in logging.Formatter().format(record)


@pytest.mark.parametrize("ask", QUESTIONS, ids=[ask.__name__ for ask in QUESTIONS])
async def test_a_request_that_is_cancelled_is_no_failure_of_the_method(
    ask: Callable[[AuthMethod], Awaitable[object]], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await ask(Odd(raising(asyncio.CancelledError())))
    assert caplog.records == []


async def test_a_rejected_credential_is_nobodys_and_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    rejecting = Odd(raising(CredentialsRejected()))
    assert await identity_of_bearer(rejecting, Bearer(token=SECRET)) is None
    with pytest.raises(InvalidCredentials):
        await form(rejecting)
    for ask in (start, finish):
        with pytest.raises(IdentityProviderFailed):
            await ask(rejecting)
    assert caplog.records == []


async def test_right_answers_come_through() -> None:
    assert await identity_of_bearer(Odd(answering(MONA)), Bearer(token=SECRET)) == MONA
    assert await identity_of_bearer(Odd(answering(None)), Bearer(token=SECRET)) is None
    assert await form(Odd(answering(MONA))) == MONA
    assert await finish(Odd(answering(MONA))) == MONA
    redirect = Redirect(url="https://idp.example/authorize?state=x")
    assert await start(Odd(answering(redirect))) == redirect
    await permission(Odd(answering(True)))
    with pytest.raises(LoginNotPermitted):
        await permission(Odd(answering(False)))


@pytest.mark.parametrize("url", ["", "/authorize", "javascript:alert(1)", "https://idp.example/a\r\nx: y", "http://"])
async def test_browsers_are_sent_to_web_pages_alone(url: str) -> None:
    with pytest.raises(IdentityProviderFailed):
        await start(Odd(answering(Redirect(url=url))))


@pytest.mark.parametrize("redirect", [Redirect(url=None), Redirect(url="https://idp.example/", keep="kept")])  # type: ignore[arg-type]
async def test_a_redirect_of_other_types_is_a_failure_of_the_provider(redirect: Redirect) -> None:
    with pytest.raises(IdentityProviderFailed):
        await start(Odd(answering(redirect)))


@pytest.mark.parametrize("ask", [bearer, form, finish], ids=["bearer", "form", "finish"])
async def test_an_identity_that_no_method_may_give_is_nobodys(
    ask: Callable[[AuthMethod], Awaitable[object]], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(QUESTIONS[ask]):
        await ask(Odd(answering(msgspec.structs.replace(MONA, subject=SECRET.reveal() + "\n"))))
    (record,) = [record for record in caplog.records if record.name == "fabro.auth"]
    assert "Identity.subject has a control character" in logging.Formatter().format(record)
    assert SECRET.reveal() not in logging.Formatter().format(record)


def test_a_credential_that_cannot_be_told_is_a_refusal_too() -> None:
    assert credential_of(Odd(lambda: SECRET), MONA) == SECRET
    assert credential_of(Odd(lambda: None), MONA) is None
    for behaviour in (raising_before_it_is_awaited, SECRET.reveal):
        with pytest.raises(MethodUnavailable):
            credential_of(Odd(behaviour), MONA)


def test_nobody_else_asks_a_method() -> None:
    core = Path(fabro_core.__file__).parent
    questions = {"authenticate", "sign_in", "start_login", "finish_login", "permits", "credential_of"}
    asking_ones = {
        str(path.relative_to(core))
        for path in core.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in questions and ast.unparse(node.value).endswith("method")
    }
    assert {path for path in asking_ones if not path.startswith("testing/")} == {"auth/asking.py"}
