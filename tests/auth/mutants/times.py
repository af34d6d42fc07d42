"""Methods that everybody on the server notices."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from fabro_core.auth.base import Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.errors import CredentialsRejected
from fabro_core.testing.auth.times import TimeConformance
from fabro_core.testing.auth.tokens import TokenConformance
from tests.auth.sound_methods import TOKENS, WORDS, Cave, Mint, Strict
from tests.testing.bugs import breaks


def block() -> None:
    time.sleep(0.2)


@breaks("authenticate does not block the event loop", found_by=TimeConformance)
class Sleeping(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        block()
        return await super().authenticate(credential)


@breaks("authenticate does not block the event loop", found_by=TimeConformance)
class SleepsOverRefusals(Strict):
    """Makes those wait who guess, and everybody else with them."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        try:
            return await super().authenticate(credential)
        except CredentialsRejected:
            block()
            raise


@breaks("sign_in does not block the event loop", found_by=TimeConformance)
class Stretching(Cave):
    """Stretches passwords where everybody waits for it."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        words = form.fields["words"].reveal().encode("utf-8", "surrogatepass")
        hashlib.pbkdf2_hmac("sha256", words, b"salt", 2_000_000)
        return await super().sign_in(form)


@breaks("start_login does not block the event loop", found_by=TimeConformance)
class AsksFirst(Mint):
    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        block()
        return await super().start_login(attempt)


@breaks("finish_login does not block the event loop", found_by=TimeConformance)
class AsksInTurn(Mint):
    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        block()
        return await super().finish_login(callback)


@breaks("whoever asks waits for a token to be judged", found_by=TimeConformance)
class Slow(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        await asyncio.sleep(2.2)
        return await super().authenticate(credential)


@breaks("a method answers within 10 s", found_by=TokenConformance)
class Endless(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        await asyncio.Event().wait()
        return await super().authenticate(credential)


@breaks("it was compared with an operator", found_by=TimeConformance)
class Equal(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        for login, token in TOKENS.items():
            if credential.token.reveal() == token:
                return self.identity(login)
        raise CredentialsRejected


@breaks("it was compared with an operator", found_by=TimeConformance)
class Unequal(Cave):
    async def sign_in(self, form: LoginForm, /) -> Identity:
        login = form.fields["login"].reveal()
        if WORDS.get(login) != form.fields["words"].reveal():
            raise CredentialsRejected
        return self.identity(login)


@breaks("it was compared with an operator", found_by=TimeConformance)
class AmongOthers(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        if credential.token.reveal() not in list(TOKENS.values()):
            raise CredentialsRejected
        return await super().authenticate(credential)


@breaks("nothing is kept of what strangers send", found_by=TimeConformance)
class Hoarding(Strict):
    """Remembers every answer, whoever asks."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.answers: dict[str, Identity | None] = {}

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        token = credential.token.reveal()
        if token not in self.answers:
            self.answers[token] = None
            self.answers[token] = await super().authenticate(credential)
        return self.answers[token]


@breaks("nothing is kept of what strangers send", found_by=TimeConformance)
class CountsFailures(Cave):
    """Counts how often each name has failed, for ever."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failures: dict[str, int] = {}

    async def sign_in(self, form: LoginForm, /) -> Identity:
        try:
            return await super().sign_in(form)
        except CredentialsRejected:
            login = form.fields["login"].reveal()
            self.failures[login] = self.failures.get(login, 0) + 1
            raise
