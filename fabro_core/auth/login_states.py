"""Sign-ins at an identity provider that are under way (auth.md A11, A12, A14): from the redirect to the callback.

The store has nothing that finishes one: the state and the browser's binding as hashes, everything else sealed.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec

from fabro_core.auth.base import LoginAttempt
from fabro_core.auth.keys import Purpose, SessionSecrets
from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.documents.sealing import BadSeal, Seal, decode_base64url
from fabro_core.secret import RANDOM_BYTES, Secret
from fabro_core.store.base import RunStore

LIFETIME: Final = timedelta(minutes=10)


class LoginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way, as it is stored. Its key is the hash of its state."""

    method: str
    """The auth method's settings name."""
    binding: str
    """Hash of what binds it to one browser."""
    verifier: Secret
    kept: Secret | None
    """None when the method asked to keep nothing."""
    return_to: str | None


class PendingLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in under way, whose callback has come back to the browser that began it."""

    key: str
    code_verifier: Secret
    kept: Secret | None
    return_to: str | None
    """Where the browser is to go afterwards; None: nowhere in particular."""


class LoginStates:
    """The sign-ins under way in one store. Every method that awaits raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock, session_secret: Secret, previous: Secret | None = None) -> None:
        """`previous`: the session secret before, which only opens."""
        self._records = Documents(
            store,
            clock,
            "auth.login",
            LoginRecord,
            expires=lambda _, now: now + LIFETIME,
            seal=Seal(*SessionSecrets(session_secret, previous).keys(Purpose.DOCUMENTS)),
        )

    def attempt(self, callback_url: str) -> LoginAttempt:
        """A fresh state and PKCE verifier; nothing is remembered yet."""
        return LoginAttempt(callback_url=callback_url, state=Secret.random(), code_verifier=Secret.random())

    async def remember(
        self, attempt: LoginAttempt, *, method: str, binding: Secret, kept: Secret | None, return_to: str | None
    ) -> None:
        """Write an attempt down, so that the browser with this binding can finish it within ten minutes."""
        record = LoginRecord(
            method=method,
            binding=binding.hexdigest(),
            verifier=attempt.code_verifier,
            kept=kept,
            return_to=return_to,
        )
        await self._records.put(attempt.state.hexdigest(), record)

    async def find(self, state: Secret, *, method: str, bindings: Sequence[Secret]) -> PendingLogin | None:
        """The sign-in of this method and this browser, which has one of `bindings`; None for any other state. Changes
        nothing."""
        try:
            stored = await self._records.get(state.hexdigest())
        except BadSeal:  # sealed with another session secret than these
            return None
        if stored is None or stored.body.method != method:
            return None
        record = stored.body
        if not any(hmac.compare_digest(record.binding, binding.hexdigest()) for binding in bindings):
            return None
        return PendingLogin(key=stored.key, code_verifier=record.verifier, kept=record.kept, return_to=record.return_to)

    async def reseal(self) -> int:
        """Seal anew what the session secret before has sealed; how many sign-ins that were."""
        return await self._records.reseal()

    async def take(self, pending: PendingLogin) -> bool:
        """Use the sign-in up; of several callbacks at once exactly one gets True."""
        return await self._records.delete(pending.key)


def is_binding(text: str) -> bool:
    """Whether a browser's binding has the form of `Secret.random()`."""
    try:
        return len(decode_base64url(text)) == RANDOM_BYTES
    except ValueError:
        return False
