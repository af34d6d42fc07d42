"""Many at once: an answer belongs to whoever has asked, and who gives up or is refused disturbs nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.testing.auth.answers import (
    accepted,
    agreed,
    begun,
    judged,
    judged_form,
    new_attempt,
    signed_in,
    vouched_for,
)
from fabro_core.testing.auth.case import AuthCase, Authorize
from fabro_core.testing.auth.redirects import require_redirect
from fabro_core.testing.auth.variations import changed
from fabro_core.testing.conformance import not_applicable

AT_ONCE: Final = 50
STEPS: Final = (0, 1, 2, 3, 5, 8, 50)
"""How many rounds of the event loop somebody waits before they give up."""
ENDING_SECONDS: Final = 5
"""For a call that is cancelled: less than it may take by itself."""

OWN_ANSWER: Final = "everybody gets their own answer"
STILL_REFUSED: Final = "whoever is refused alone is refused beside others"

Answer = TypeVar("Answer")


class OverlapConformance(AuthCase):
    """What callers see of each other, which is nothing."""

    async def test_many_may_ask_at_once(self, opened: AuthMethod, token: str) -> None:
        expected = await accepted(opened, token)
        wrongs = [text for _, text in _some(list(changed(token)))]
        refused = [text for text in wrongs if await judged(opened, text) is None]
        answers = await asyncio.gather(*(judged(opened, text) for text in _mixed(token, refused)))
        assert all(answer == expected for answer in answers[::2]), OWN_ANSWER
        assert not any(answers[1::2]), "a token that is not valid is refused, whoever else asks"

    async def test_forms_that_overlap_do_not_let_each_other_in(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        expected = await signed_in(opened, form)
        wrongs = [{**form, name: f"{value}0"} for name, value in form.items()]
        wrongs += [dict.fromkeys(form, "0"), {name: value[::-1] for name, value in form.items()}]
        refused = [wrong for wrong in wrongs if await judged_form(opened, wrong) is None]
        for forms in (_mixed(form, refused)[::-1], _mixed(form, refused)):
            answers = await asyncio.gather(*(judged_form(opened, each) for each in forms))
            came_in = [answer for asked, answer in zip(forms, answers, strict=True) if asked != form and answer]
            assert not came_in, f"{STILL_REFUSED}: a form is judged by what is in it alone"
            answers = [answer for asked, answer in zip(forms, answers, strict=True) if asked == form]
            assert all(answer == expected for answer in answers), OWN_ANSWER

    async def test_sign_ins_that_begin_at_once_are_each_their_own(
        self, opened: AuthMethod, claimed_agree: Authorize
    ) -> None:
        attempts = [new_attempt() for _ in range(10)]
        redirects = await asyncio.gather(*(begun(opened, attempt) for attempt in attempts))
        for redirect, attempt in zip(redirects, attempts, strict=True):
            require_redirect(redirect, attempt)

    async def test_sign_ins_that_overlap_do_not_disturb_each_other(self, opened: AuthMethod, agree: Authorize) -> None:
        first, second = await agreed(opened, agree), await agreed(opened, agree)
        identity = await vouched_for(opened, second)
        assert await vouched_for(opened, first) == identity, "whatever one sign-in needs comes back in its callback"
        callbacks = [await agreed(opened, agree) for _ in range(5)]
        answers = await asyncio.gather(*(vouched_for(opened, each) for each in reversed(callbacks)))
        assert answers == [identity] * 5, "whatever one sign-in needs comes back in its callback"

    # -- giving up ----------------------------------------------------------------------------------------------

    async def test_a_caller_who_gives_up_disturbs_nobody(self, opened: AuthMethod, token: str) -> None:
        expected = await accepted(opened, token)
        await given_up(lambda: judged(opened, token))
        await given_up(lambda: judged(opened, f"{token}0"))
        assert await accepted(opened, token) == expected, OWN_ANSWER

    async def test_a_person_who_gives_up_a_form_disturbs_nobody(
        self, opened: AuthMethod, form: Mapping[str, str]
    ) -> None:
        expected = await signed_in(opened, form)
        await given_up(lambda: judged_form(opened, form))
        assert await signed_in(opened, form) == expected, OWN_ANSWER

    async def test_a_person_who_gives_up_at_the_provider_disturbs_nobody(
        self, opened: AuthMethod, agree: Authorize
    ) -> None:
        expected = await vouched_for(opened, await agreed(opened, agree))
        await given_up(lambda: begun(opened, new_attempt()))
        for steps in STEPS:
            callback = await agreed(opened, agree)
            await _given_up_after(steps, partial(vouched_for, opened, callback))
        assert await vouched_for(opened, await agreed(opened, agree)) == expected, OWN_ANSWER

    async def test_a_refusal_disturbs_nobody(self, opened: AuthMethod, token: str) -> None:
        if await judged(opened, f"{token}0") is not None:
            not_applicable("the method accepts another token, which a test of its own says")
        await accepted(opened, token)
        for wrong in (f"{token}0", token[:-1]):
            for _ in range(20):
                await judged(opened, wrong)
        await accepted(opened, token)


async def given_up(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask, and give up: at once, and later and later."""
    for steps in STEPS:
        await _given_up_after(steps, ask)


async def _given_up_after(steps: int, ask: Callable[[], Awaitable[object]]) -> None:
    waiting = asyncio.ensure_future(ask())
    for _ in range(steps):
        await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=ENDING_SECONDS)
    assert done, "a call that is cancelled ends: the core gives up by cancelling it"


def _some(texts: Sequence[Answer]) -> list[Answer]:
    """About as many as ask at once, from all of them."""
    return list(texts[:: max(1, len(texts) // AT_ONCE)])


def _mixed(right: Answer, wrongs: Sequence[Answer]) -> list[Answer]:
    """The right one before each of the wrong ones."""
    return [each for wrong in wrongs for each in (right, wrong)]
