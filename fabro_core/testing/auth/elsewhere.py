"""A process that builds a method and tells what it says, for `replicas`.

Its standard input is pickled: the method or what builds it, and the questions. Its standard output is a pickled `Told`.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Awaitable, Mapping

import msgspec

from fabro_core.auth.base import AuthMethod, Bearer, Identity, LoginCallback, LoginOption
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import filled_in, in_time


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked; None: it is not."""

    name: str
    token: str | None
    form: Mapping[str, str] | None
    callback: LoginCallback | None
    people: tuple[Identity, ...]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered; None: nobody, or not asked."""

    option: LoginOption | None
    of_token: Identity | None
    of_form: Identity | None
    of_callback: Identity | None
    permitted: tuple[bool, ...]
    credentials: tuple[str | None, ...]
    """Hashes of them."""


async def answers_of(method: AuthMethod, asked: Questions) -> Told:
    """What an open method says."""
    of_token = of_form = of_callback = None
    if asked.token is not None:
        of_token = await _or_nobody(method.authenticate(Bearer(token=Secret(asked.token))))
    if asked.form is not None:
        of_form = await _or_nobody(method.sign_in(filled_in(asked.form)))
    if asked.callback is not None:
        of_callback = await _or_nobody(method.finish_login(asked.callback))
    credentials = [method.credential_of(person) for person in asked.people]
    return Told(
        option=method.option(),
        of_token=of_token,
        of_form=of_form,
        of_callback=of_callback,
        permitted=tuple([await method.permits(person) for person in asked.people]),
        credentials=tuple(None if each is None else each.hexdigest() for each in credentials),
    )


async def _or_nobody(answer: Awaitable[Identity | None]) -> Identity | None:
    try:
        return await in_time(answer)
    except Exception:  # noqa: BLE001  (whoever is refused is nobody, for whatever reason)
        return None


async def _tell(build: object, asked: Questions) -> Told:
    method = build if isinstance(build, AuthMethod) else build()  # type: ignore[operator]
    assert isinstance(method, AuthMethod)
    method.name = asked.name
    async with method.lifespan():
        return await answers_of(method, asked)


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what a method prints is no answer
    build, asked = pickle.loads(sys.stdin.buffer.read())
    told = asyncio.run(_tell(build, asked))
    with os.fdopen(answers, "wb") as stream:
        pickle.dump(told, stream)


if __name__ == "__main__":
    from fabro_core.testing.auth.elsewhere import main as main_of_the_module  # what is pickled has to be of it

    main_of_the_module()
