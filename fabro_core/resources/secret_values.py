"""The values of secrets as this process knows them, to take them out of what is shown (events.md E2).

They are opened again only when a secret has changed, and whether one has is looked at now and then: an event costs no
read of the store, and what another server was told a moment ago is known here a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import msgspec

from fabro_core.documents.collection import Documents
from fabro_core.documents.sealing import BadSeal
from fabro_core.redaction import NOTHING_SECRET, Redaction
from fabro_core.resources.secret_model import KeptSecret, SecretMetadata

FRESH_SECONDS: Final = 1.0
"""How long what was found counts as what there is."""


class SecretValues:
    """Those of one store. `sealed`: None when there is no key, and then nothing is kept that could be shown."""

    def __init__(self, shown: Documents[SecretMetadata], sealed: Documents[KeptSecret] | None) -> None:
        self._shown = shown
        self._sealed = sealed
        self._revisions: dict[str, str] = {}
        self._redaction = NOTHING_SECRET
        self._fresh_until = 0.0
        self._looking = asyncio.Lock()

    def changed(self) -> None:
        """A secret was set or deleted here."""
        self._fresh_until = 0.0

    async def redaction(self) -> Redaction:
        """What takes them out. Raises `StoreUnavailable`: without it nothing may be shown."""
        if self._sealed is None or self._now() < self._fresh_until:
            return self._redaction
        async with self._looking:
            if self._now() >= self._fresh_until:
                begun = self._now()
                await self._look(self._sealed)
                self._fresh_until = begun + FRESH_SECONDS
        return self._redaction

    async def _look(self, sealed: Documents[KeptSecret]) -> None:
        revisions = {stored.key: stored.revision async for stored in self._shown.walk()}
        if revisions == self._revisions:
            return
        values: list[str] = []
        for name in revisions:
            try:
                stored = await sealed.get(name)
            except BadSeal:  # nobody here can use it either
                continue
            if stored is not None:
                values += values_of(stored.body)
        self._redaction, self._revisions = Redaction(values), revisions

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def values_of(secret: KeptSecret) -> Iterator[str]:
    """What gives a secret away: its value, without the line break that files end with, and the tokens in an object."""
    value = secret.value.reveal()
    yield value
    yield value.strip()
    if secret.type == "oauth":
        yield from (each for each in msgspec.json.decode(value).values() if isinstance(each, str))
