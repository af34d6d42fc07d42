"""Asking a method as the core does, each call within its time; an answer that no method may give is a failed test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import pytest

from fabro_core.auth.base import AuthMethod, Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.auth.identities import identity_fault
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret

Authorize = Callable[[str], Awaitable[Mapping[str, str]]]
"""Goes where a browser is sent to sign in, agrees there as a person that the method permits, and returns the query with
which the provider sends the browser back: `state` and `code`."""

ANSWER_SECONDS: Final = 10
"""What the core waits for an answer (auth.md A4, A10, A12)."""
SLOW_SECONDS: Final = 2
"""What nobody should have to wait for with every request, and what would make the kit take hours."""
CALLBACK: Final = "https://fabro.example/auth/callback/conformance-kit"

Answer = TypeVar("Answer")


class TooLate(AssertionError):
    """A call took longer than the core waits."""


async def in_time(call: Awaitable[Answer]) -> Answer:
    """The answer of a method. Raises what it raises, and `TooLate`."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS) as limit:
            return await call
    except TimeoutError:
        if not limit.expired():
            raise
    raise TooLate(f"a method answers within {ANSWER_SECONDS} s")


async def accepted(method: AuthMethod, token: str) -> Identity:
    """The identity behind a token that must be good."""
    try:
        identity = await in_time(method.authenticate(Bearer(token=Secret(token))))
    except CredentialsRejected:
        raise AssertionError("a valid token is answered with an Identity; it was rejected") from None
    found = type(identity).__name__
    assert isinstance(identity, Identity), f"a valid token is answered with an Identity; it was answered with {found}"
    return identity


async def judged(method: AuthMethod, token: str) -> Identity | None:
    """What the method makes of a token; None when it is refused in one of the two ways there are."""
    try:
        answer: object = await in_time(method.authenticate(Bearer(token=Secret(token))))
    except CredentialsRejected:
        return None
    except (Exception, SystemExit) as error:
        raise AssertionError(
            f"authenticate raised {type(error).__name__}; a token is answered with an Identity, None or "
            "CredentialsRejected, whatever it looks like"
        ) from error
    if answer is None or isinstance(answer, Identity):
        return answer
    pytest.fail(
        f"authenticate answered with {type(answer).__name__}; a token is answered with an Identity, None or "
        "CredentialsRejected, whatever it looks like"
    )


def filled_in(form: Mapping[str, str]) -> LoginForm:
    """A form as the core hands it over."""
    return LoginForm(fields={name: Secret(value) for name, value in form.items()})


async def signed_in(method: AuthMethod, form: Mapping[str, str]) -> Identity:
    """Whose identity a form proves, which must be right."""
    try:
        identity = await in_time(method.sign_in(filled_in(form)))
    except CredentialsRejected:
        raise AssertionError("whoever fills in the form rightly is an Identity; it was rejected") from None
    assert isinstance(identity, Identity), "whoever proves who they are is an Identity"
    return identity


async def judged_form(method: AuthMethod, form: Mapping[str, str]) -> Identity | None:
    """Whose identity a form proves; None when it is rejected."""
    try:
        answer: object = await in_time(method.sign_in(filled_in(form)))
    except CredentialsRejected:
        return None
    except (Exception, SystemExit) as error:
        raise AssertionError(
            f"sign_in raised {type(error).__name__}; a wrong form is answered with CredentialsRejected, whatever is "
            "in its fields"
        ) from error
    assert isinstance(answer, Identity), (
        f"sign_in answered with {type(answer).__name__}; a form is answered with an Identity or CredentialsRejected"
    )
    return answer


def new_attempt() -> LoginAttempt:
    """An attempt as the core begins it."""
    return LoginAttempt(callback_url=CALLBACK, state=Secret.random(), code_verifier=Secret.random())


async def begun(method: AuthMethod, attempt: LoginAttempt) -> Redirect:
    """Where an attempt leads a browser."""
    redirect = await in_time(method.start_login(attempt))
    assert isinstance(redirect, Redirect), "start_login returns a Redirect"
    return redirect


async def agreed(method: AuthMethod, authorize: Authorize) -> LoginCallback:
    """What the core makes of a browser that comes back from the provider."""
    attempt = new_attempt()
    redirect = await begun(method, attempt)
    back = await authorize(redirect.url)
    assert back.get("state") == attempt.state.reveal(), "the provider sends back the state that it was given"
    return LoginCallback(
        callback_url=attempt.callback_url,
        code=Secret(back["code"]),
        code_verifier=attempt.code_verifier,
        kept=redirect.keep,
    )


async def vouched_for(method: AuthMethod, callback: LoginCallback) -> Identity:
    """Whom the provider vouches for, which must be somebody."""
    identity = await in_time(method.finish_login(callback))
    assert isinstance(identity, Identity), "whoever proves who they are is an Identity"
    return identity


async def failure(method: AuthMethod, callback: LoginCallback) -> BaseException | Identity:
    """What comes of a callback that nobody vouches for: what was raised, and an identity only if that is wrong.

    An identity that the core refuses counts as a failure, as it does there.
    """
    try:
        answer: object = await in_time(method.finish_login(callback))
    except TooLate:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever it is, nobody has come in)
        return error
    if isinstance(answer, Identity):
        fault = identity_fault(answer)
        return answer if fault is None else ValueError(fault)
    return TypeError(f"finish_login answered with {type(answer).__name__}")


def require_identity(identity: object) -> None:
    """Fail unless it is a person that the core can work with."""
    assert isinstance(identity, Identity), "whoever proves who they are is an Identity"
    fault = identity_fault(identity)
    assert fault is None, f"the core takes the identity: {fault}"


def is_same(one: Identity, other: Identity) -> bool:
    """Whether two identities are the same user (auth.md A1)."""
    return (one.issuer, one.subject) == (other.issuer, other.subject)
