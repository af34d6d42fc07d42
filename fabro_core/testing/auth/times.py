"""Time and memory: a method blocks nobody, answers in time, and keeps nothing of what strangers send."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final

from fabro_core.auth.base import AuthMethod, Bearer, LoginForm
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import (
    SLOW_SECONDS,
    agreed,
    begun,
    failure,
    in_time,
    judged,
    judged_form,
    new_attempt,
)
from fabro_core.testing.auth.case import AuthCase, Authorize
from fabro_core.testing.auth.leaks import LEAST_SPELLED

ATTEMPTS: Final = 5
"""The shortest of several counts: a machine that has other things to do does not disturb all of them."""
MAX_BLOCKED_MILLISECONDS: Final = {"authenticate": 50, "sign_in": 150, "start_login": 150, "finish_login": 150}
"""Tokens are judged with every request; a sign-in is rare, and may make ready to ask somebody."""

SENT: Final = 1_000
SENT_CHARS: Final = 8_000
SENT_SECONDS: Final = 5
LEAST_SENT: Final = 100


class TimeConformance(AuthCase):
    """What everybody else on the server notices of a method."""

    async def test_a_token_is_judged_without_delay(self, opened: AuthMethod, claimed_token: str) -> None:
        await require_quick("a token", partial(judged, opened, claimed_token))

    async def test_a_form_is_judged_without_delay(self, opened: AuthMethod, claimed_form: Mapping[str, str]) -> None:
        await require_quick("a form", partial(judged_form, opened, claimed_form))

    async def test_judging_a_token_blocks_nobody(self, opened: AuthMethod, claimed_token: str) -> None:
        for token in (claimed_token, f"{claimed_token}0"):
            await require_unblocked("authenticate", partial(judged, opened, token))

    async def test_judging_a_form_blocks_nobody(self, opened: AuthMethod, claimed_form: Mapping[str, str]) -> None:
        for form in (claimed_form, {name: f"{value}0" for name, value in claimed_form.items()}):
            await require_unblocked("sign_in", partial(judged_form, opened, form))

    async def test_a_sign_in_at_a_provider_blocks_nobody(self, opened: AuthMethod, claimed_agree: Authorize) -> None:
        await require_unblocked("start_login", lambda: begun(opened, new_attempt()))
        callbacks = [await agreed(opened, claimed_agree) for _ in range(ATTEMPTS + 1)]
        await require_unblocked("finish_login", lambda: failure(opened, callbacks.pop()))

    async def test_a_token_is_compared_in_a_time_that_tells_nothing(self, opened: AuthMethod, token: str) -> None:
        given = Watched(token)
        await _asked(opened.authenticate(Bearer(token=Secret(given))))
        require_unequalled(given)

    async def test_what_is_secret_of_a_form_is_compared_in_a_time_that_tells_nothing(
        self, opened: AuthMethod, form: Mapping[str, str]
    ) -> None:
        option = opened.option()
        assert option is not None
        given = {field.name: Watched(form[field.name]) for field in option.fields if field.secret}
        fields = {name: Secret(given.get(name, value)) for name, value in form.items()}
        await _asked(opened.sign_in(LoginForm(fields=fields)))
        for each in given.values():
            require_unequalled(each)

    async def test_nothing_is_kept_of_tokens_that_strangers_send(self, opened: AuthMethod, token: str) -> None:
        prefix = max((each for each in opened.token_prefixes if token.startswith(each)), key=len, default="")
        await require_forgotten(lambda text: judged(opened, prefix + text))

    async def test_nothing_is_kept_of_forms_that_strangers_send(
        self, opened: AuthMethod, form: Mapping[str, str]
    ) -> None:
        await require_forgotten(lambda text: judged_form(opened, dict.fromkeys(form, text)))


# -- blocking -----------------------------------------------------------------------------------------------------


async def require_quick(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Fail when an answer takes long, twice."""
    took = []
    for _ in range(2):
        began = perf_counter()
        await _asked(ask())
        took.append(perf_counter() - began)
    assert min(took) < SLOW_SECONDS, (
        f"whoever asks waits for {what} to be judged, and should not wait {SLOW_SECONDS} s; it took {min(took):.1f} s"
    )


async def require_unblocked(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Fail when a call keeps the event loop from others."""
    began = perf_counter()
    await _asked(ask())  # whatever is made once, is made here
    attempts = ATTEMPTS if perf_counter() - began < SLOW_SECONDS else 1
    shortest = min([await _longest_step(ask) for _ in range(attempts)]) * 1_000
    assert shortest < MAX_BLOCKED_MILLISECONDS[what], (
        f"{what} does not block the event loop, on which everybody waits: it was blocked for {shortest:.0f} ms; "
        "asyncio.to_thread is for what blocks"
    )


async def _longest_step(ask: Callable[[], Awaitable[object]]) -> float:
    """For how many seconds nobody else had a turn."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, perf_counter() - before)

    heart = asyncio.ensure_future(beat())
    try:
        await asyncio.sleep(0)
        await _asked(ask())
        await asyncio.sleep(0)
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
    return longest


async def _asked(call: Awaitable[object]) -> None:
    """Ask; what comes of it is another test's question."""
    try:
        await in_time(call)
    except Exception:  # noqa: BLE001
        return


# -- comparing ----------------------------------------------------------------------------------------------------


class Watched(str):
    """A text that notices when it is compared as a whole, character by character until one differs. A look-up in a dict
    compares hashes first and is let pass."""

    def __new__(cls, text: str) -> Watched:
        watched = super().__new__(cls, text)
        watched.equalled = watched.hashed = False
        return watched

    equalled: bool
    hashed: bool

    def __hash__(self) -> int:
        self.hashed = True
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        equal = super().__eq__(other) is True
        self.equalled |= equal and not self.hashed
        return equal

    def __ne__(self, other: object) -> bool:
        return not self == other


def require_unequalled(text: Watched) -> None:
    """Fail when a text was compared with an operator."""
    is_equalled = text.equalled and len(text) >= LEAST_SPELLED  # outside of the assertion, which shows what it is about
    assert not is_equalled, (
        "a secret is compared with Secret.matches or hmac.compare_digest, in a time that tells nothing; it was "
        "compared with an operator"
    )


# -- remembering --------------------------------------------------------------------------------------------------


async def require_forgotten(send: Callable[[str], Awaitable[object]]) -> None:
    """Fail when most of what was sent is still in memory."""
    numbers = count()

    async def send_one() -> None:
        await _asked(send(f"{next(numbers):010}".ljust(SENT_CHARS, "0")))

    for _ in range(3):
        await send_one()
    tracemalloc.start()
    try:
        until, sent = perf_counter() + SENT_SECONDS, 0
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        while sent < SENT and (sent < LEAST_SENT or perf_counter() < until):
            await send_one()
            sent += 1
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    kept = (after - before) / (sent * SENT_CHARS)
    assert kept < 0.5, (
        f"nothing is kept of what strangers send, or they fill the memory: {kept:.0%} of {sent} wrong ones is still "
        "there"
    )
