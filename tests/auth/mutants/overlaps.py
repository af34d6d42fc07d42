"""Callers who get in each other's way."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from fabro_core.auth.base import Bearer, Identity, LoginAttempt, LoginCallback, LoginForm, Redirect
from fabro_core.errors import CredentialsRejected
from fabro_core.testing.auth.overlaps import OverlapConformance
from tests.auth.sound_methods import Cave, Mint, Strict
from tests.testing.bugs import breaks


@breaks("a form is judged by what is in it alone", found_by=OverlapConformance)
class SharedForm(Cave):
    """Judges the form that came last."""

    async def sign_in(self, form: LoginForm, /) -> Identity:
        self.form = form
        await asyncio.sleep(0)
        return await super().sign_in(self.form)


@breaks("a form is judged by what is in it alone", found_by=OverlapConformance)
class SharedAnswer(Cave):
    """Whoever has the same name waits for the same answer."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: dict[str, asyncio.Future[Identity]] = {}

    async def sign_in(self, form: LoginForm, /) -> Identity:
        login = form.fields["login"].reveal()
        if (under_way := self.asked.get(login)) is not None:
            return await under_way
        answer: asyncio.Future[Identity] = asyncio.get_running_loop().create_future()
        self.asked[login] = answer
        answer.add_done_callback(lambda answer: answer.exception())
        try:
            await asyncio.sleep(0)
            answer.set_result(await super().sign_in(form))
        except CredentialsRejected as error:
            answer.set_exception(error)
        finally:
            del self.asked[login]
        return await answer


@breaks("everybody gets their own answer", found_by=OverlapConformance)
class SharedToken(Strict):
    """Judges the token that came last."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        self.newest = credential
        await asyncio.sleep(0)
        return await super().authenticate(self.newest)


@breaks("the provider is given the state", found_by=OverlapConformance)
class SharedAttempt(Mint):
    """Begins the attempt that came last."""

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.attempt = attempt
        await asyncio.sleep(0)
        return await super().start_login(self.attempt)


@breaks("GitHubFailed", found_by=OverlapConformance)
class OneVerifier(Mint):
    """Keeps the newest verifier to itself."""

    async def start_login(self, attempt: LoginAttempt, /) -> Redirect:
        self.newest = attempt.code_verifier
        return await super().start_login(attempt)

    async def finish_login(self, callback: LoginCallback, /) -> Identity:
        return await super().finish_login(msgspec.structs.replace(callback, code_verifier=self.newest))


class Locking(Strict):
    """Judges one token at a time; the base of mutants that do not let go."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lock = asyncio.Semaphore(1)


@breaks("a caller who gives up disturbs nobody", found_by=OverlapConformance)
class HoldsOn(Locking):
    """Does not let go when the caller gives up."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        await self.lock.acquire()
        try:
            await asyncio.sleep(0.001)
            answer = await super().authenticate(credential)
        except Exception:
            self.lock.release()
            raise
        self.lock.release()
        return answer


@breaks("a refusal disturbs nobody", found_by=OverlapConformance)
class LocksUp(Locking):
    """Does not let go when a token is refused."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        await self.lock.acquire()
        answer = await super().authenticate(credential)
        self.lock.release()
        return answer


@breaks("a call that is cancelled ends", found_by=OverlapConformance)
class Stubborn(Strict):
    """Goes on until it is done, whoever has given up."""

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        for _ in range(3):
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                await asyncio.sleep(60)
        return await super().authenticate(credential)


@breaks("a person who gives up a form disturbs nobody", found_by=OverlapConformance)
class Suspicious(Cave):
    """Turns everybody away while somebody has not finished."""

    busy = False

    async def sign_in(self, form: LoginForm, /) -> Identity:
        if self.busy:
            raise CredentialsRejected
        self.busy = True
        await asyncio.sleep(0.001)
        self.busy = False
        return await super().sign_in(form)
