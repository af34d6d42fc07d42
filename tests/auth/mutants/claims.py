"""What methods say about themselves, and how they begin and end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fabro_core.auth.base import Bearer, Identity, LoginField, LoginOption
from fabro_core.testing.auth.claims import ClaimsConformance
from tests.auth.sound_methods import Cave, Strict
from tests.testing.bugs import breaks


@breaks("which is the core's", found_by=ClaimsConformance)
class Greedy(Strict):
    token_prefixes = ("strict_", "fabro_")


@breaks("token_prefixes is a tuple", found_by=ClaimsConformance)
class Listing(Strict):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        prefixes: Any = ["strict_"]
        self.token_prefixes = prefixes


@breaks("without a claimed prefix never reaches the method", found_by=ClaimsConformance)
class Misspelt(Strict):
    token_prefixes = ("stict_",)


@breaks("are not empty", found_by=ClaimsConformance)
class Unlabelled(Cave):
    def option(self) -> LoginOption | None:
        return LoginOption(label=" ", kind="form", fields=(LoginField(name="login", label="Name"),))


@breaks("the core accepts the option", found_by=ClaimsConformance)
class Fieldless(Cave):
    def option(self) -> LoginOption | None:
        return LoginOption(label="Cave", kind="form")


@breaks("its option is the same every time", found_by=ClaimsConformance)
class Moody(Cave):
    asked = 0

    def option(self) -> LoginOption | None:
        self.asked += 1
        return LoginOption(label=f"Cave {self.asked}", kind="form", fields=(LoginField(name="login", label="Name"),))


@breaks("check contacts nobody", found_by=ClaimsConformance)
class Calling(Strict):
    async def check(self) -> Any:
        with socket.socket() as line:
            line.connect_ex(("127.0.0.1", 9))
        return ()


@breaks("check returns a sequence of Problems", found_by=ClaimsConformance)
class SaysNothing(Strict):
    async def check(self) -> Any:
        return None


@breaks("check returns Problems", found_by=ClaimsConformance)
class SaysItInWords(Strict):
    async def check(self) -> Any:
        return ["the key is weak"]


@breaks("an error of the server leaves its lifespan unchanged", found_by=ClaimsConformance)
class Swallowing(Strict):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        with suppress(Exception):
            yield


@breaks("a server that is cancelled leaves its lifespan cancelled", found_by=ClaimsConformance)
class Unstoppable(Strict):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        with suppress(asyncio.CancelledError):
            yield


@breaks("what lifespan begins, it ends", found_by=ClaimsConformance)
class LeavesATask(Strict):
    """Looks after something, and goes on when nobody needs it any more."""

    tasks: list[asyncio.Task[None]]

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        self.tasks = [asyncio.ensure_future(asyncio.sleep(1))]
        yield


@breaks("it serves again after it was closed", found_by=ClaimsConformance)
class OpensOnce(Strict):
    closed = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        yield
        self.closed = True

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        return None if self.closed else await super().authenticate(credential)
