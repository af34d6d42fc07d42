"""One-time codes of the command-line login (auth.md A20, RFC 6749 §4.1.2): what a browser brings to the client, which
exchanges it for tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from fabro_core.auth.base import Identity
from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.secret import Secret
from fabro_core.store.base import RunStore

LIFETIME: Final = timedelta(seconds=60)


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stands for."""

    identity: Identity
    method: str
    """The auth method's settings name."""
    code_challenge: str
    """RFC 7636 §4.2, always of the method S256."""
    redirect_uri: str
    """Where the code is brought to."""


class Codes:
    """The codes in one store, which knows only their hashes. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._grants = Documents(store, clock, "auth.code", Grant, expires=lambda _, now: now + LIFETIME)

    async def issue(self, grant: Grant) -> Secret:
        """A code that is good once, for a minute."""
        code = Secret.random()
        await self._grants.put(code.hexdigest(), grant)
        return code

    async def redeem(self, code: Secret) -> Grant | None:
        """Use a code up; None when it is unknown, was used or has expired. Of several at once one gets the grant."""
        stored = await self._grants.get(code.hexdigest())
        return stored.body if stored is not None and await self._grants.delete(stored.key) else None
