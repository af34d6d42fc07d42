"""Asking auth methods, which are plugins: each within its time, and whatever goes wrong with it has a name of ours.

A method may hang, raise anything, or answer with something else than it promised. What that is to a request is said
here, once (auth.md A4, A6, A10, A12); nobody else calls a method about a credential or an identity.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
from types import NoneType
from typing import Any, Final, TypeVar

from fabro_core.auth.base import AuthMethod, Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.auth.identities import identity_fault
from fabro_core.auth.refusals import IdentityProviderFailed, InvalidCredentials, LoginNotPermitted, MethodUnavailable
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.within import within

TIMEOUT_SECONDS: Final = 10

_WEB_URL: Final = re.compile(r"https?://[!-~]+")
_FAULTS: Final = (Exception, SystemExit)
"""What a method may raise without harm to anybody but the request; libraries for commands raise `SystemExit`."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")

log = logging.getLogger("fabro.auth")


async def identity_of_bearer(method: AuthMethod, credential: Bearer) -> Identity | None:
    """Whose token it is; None: nobody's. Raises `MethodUnavailable`."""
    try:
        return await _answer(method, method.authenticate, credential, (Identity, NoneType))
    except CredentialsRejected:
        return None


async def identity_of_form(method: AuthMethod, form: LoginForm) -> Identity:
    """Whose identity a form proves. Raises `InvalidCredentials` or `MethodUnavailable`."""
    try:
        return await _answer(method, method.sign_in, form, (Identity,))
    except CredentialsRejected as error:
        raise InvalidCredentials from error


async def redirect_of(method: AuthMethod, attempt: LoginAttempt) -> Redirect:
    """Where the identity provider of a method takes people in. Raises `IdentityProviderFailed`."""
    try:
        redirect = await _answer(method, method.start_login, attempt, (Redirect,))
    except (CredentialsRejected, MethodUnavailable) as error:
        raise IdentityProviderFailed(method.name) from error
    url, keep = (getattr(redirect, field) for field in ("url", "keep"))  # a Struct does not check what it is made of
    if not isinstance(url, str) or not _WEB_URL.fullmatch(url):
        log.warning("auth method %s: start_login returned something else than an absolute http(s) URL", method.name)
        raise IdentityProviderFailed(method.name)
    if not isinstance(keep, (Secret, NoneType)):
        log.warning("auth method %s: what start_login asks to keep is no Secret", method.name)
        raise IdentityProviderFailed(method.name)
    return redirect


async def identity_of_callback(method: AuthMethod, callback: LoginCallback) -> Identity:
    """Whom the identity provider of a method vouches for. Raises `IdentityProviderFailed`."""
    try:
        return await _answer(method, method.finish_login, callback, (Identity,))
    except (CredentialsRejected, MethodUnavailable) as error:
        raise IdentityProviderFailed(method.name) from error


async def require_permission(method: AuthMethod, identity: Identity) -> None:
    """Raises `LoginNotPermitted` for somebody whom the method does not let in any more, or `MethodUnavailable`."""
    if not await _answer(method, method.permits, identity, (bool,)):
        raise LoginNotPermitted


def credential_of(method: AuthMethod, identity: Identity) -> Secret | None:
    """What browser sessions of somebody depend on (auth.md A9). Raises `MethodUnavailable`."""
    try:
        credential = method.credential_of(identity)
    except _FAULTS as error:
        raise _failed(method, error) from error
    return _of_kind(method, credential, (Secret, NoneType))


async def _answer(
    method: AuthMethod,
    ask: Callable[[Question], Coroutine[Any, Any, Answer]],
    question: Question,
    kinds: tuple[type, ...],
) -> Answer:
    """The answer, one of `kinds`. Raises `CredentialsRejected` as the method does, for all else `MethodUnavailable`."""
    try:
        answer = await within(TIMEOUT_SECONDS, ask(question))
    except CredentialsRejected:
        raise
    except _FAULTS as error:
        raise _failed(method, error) from error
    answer = _of_kind(method, answer, kinds)
    fault = identity_fault(answer) if isinstance(answer, Identity) else None
    if fault is not None:
        raise _failed(method, ValueError(fault))
    return answer


def _of_kind(method: AuthMethod, answer: Answer, kinds: tuple[type, ...]) -> Answer:
    if not isinstance(answer, kinds):
        raise _failed(method, TypeError(f"expected {kinds[0].__name__}, got {type(answer).__name__}"))
    return answer


def _failed(method: AuthMethod, error: BaseException) -> MethodUnavailable:
    """What a failure is to the request; the log has the cause."""
    log.warning("auth method %s failed", method.name, exc_info=error)
    return MethodUnavailable()
