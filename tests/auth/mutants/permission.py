"""Who is let in, and what sessions depend on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from fabro_core.auth.base import Identity
from fabro_core.secret import Secret
from fabro_core.testing.auth.permission import PermissionConformance
from tests.auth.sound_methods import Cave, Strict
from tests.testing.bugs import breaks


@breaks("permits is asked on every request and does no I/O", found_by=PermissionConformance)
class Reading(Strict):
    async def permits(self, identity: Identity, /) -> bool:
        return bool(own_text()) and await super().permits(identity)


def own_text() -> str:
    return Path(__file__).read_text(encoding="utf-8")


@breaks("permits waited for something", found_by=PermissionConformance)
class Waiting(Strict):
    async def permits(self, identity: Identity, /) -> bool:
        await asyncio.sleep(0)
        return await super().permits(identity)


@breaks("which blocks it", found_by=PermissionConformance)
class Dawdling(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        time.sleep(0.02)
        return super().credential_of(identity)


@breaks("permits answers for every identity", found_by=PermissionConformance)
class Indignant(Strict):
    async def permits(self, identity: Identity, /) -> bool:
        return {"ann": True}[identity.login]


@breaks("permits answers for every identity", found_by=PermissionConformance)
class SaysWho(Strict):
    async def permits(self, identity: Identity, /) -> Any:
        return await super().permits(identity) or None


@breaks("whoever was asked about before", found_by=PermissionConformance)
class OneForAll(Strict):
    """Remembers one answer."""

    answer: bool | None = None

    async def permits(self, identity: Identity, /) -> bool:
        if self.answer is None:
            self.answer = await super().permits(identity)
        return self.answer


@breaks("it lets nobody in", found_by=PermissionConformance)
class ByTheirName(Strict):
    """Lets in whoever is called like somebody on the list."""

    async def permits(self, identity: Identity, /) -> bool:
        return identity.name.lower() in self._listed


@breaks("whoever is taken off the list is out at once", found_by=PermissionConformance)
class Remembering(Strict):
    """Asks the list once for each person."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.permitted: dict[Identity, bool] = {}

    async def permits(self, identity: Identity, /) -> bool:
        if identity not in self.permitted:
            self.permitted[identity] = await super().permits(identity)
        return self.permitted[identity]


@breaks("whoever is taken off the list is out at once", found_by=PermissionConformance)
class ReadsTheListOnce(Cave):
    """Goes by the list as it was at the start."""

    def __init__(self, words: Any, listed: set[str]) -> None:
        super().__init__(words, set(listed))


@breaks("whoever is put back is in again", found_by=PermissionConformance)
class Unforgiving(Cave):
    """Never lets anybody in again whom it has turned away."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.banned: set[Identity] = set()

    async def permits(self, identity: Identity, /) -> bool:
        if not await super().permits(identity):
            self.banned.add(identity)
        return identity not in self.banned


@breaks("credential_of answers for every identity", found_by=PermissionConformance)
class KnowsEverybody(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return self._words[identity.login]


@breaks("credential_of returns a Secret or None", found_by=PermissionConformance)
class PlainCredential(Cave):
    def credential_of(self, identity: Identity, /) -> Any:
        return "words"


@breaks("credential_of is asked on every request and does no I/O", found_by=PermissionConformance)
class Looking(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return Secret(own_text())


@breaks("credential_of changes only with what it is made of", found_by=PermissionConformance)
class AnotherEachTime(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return Secret.random()


@breaks("credential_of is another when what people sign in with has changed", found_by=PermissionConformance)
class SessionsThatStay(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return Secret(identity.login)


@breaks("sessions depend on what has changed", found_by=PermissionConformance)
class SessionsOfNothing(Cave):
    def credential_of(self, identity: Identity, /) -> Secret | None:
        return None
