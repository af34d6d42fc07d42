"""Signing in with a form: which is right, and that no other is (auth.md A10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from fabro_core.auth.base import AuthMethod, LoginOption
from fabro_core.testing.auth.answers import is_same, judged_form, require_identity, signed_in
from fabro_core.testing.auth.case import AuthCase
from fabro_core.testing.auth.tokens import SHOWN
from fabro_core.testing.auth.variations import Variation, changed, looking_alike, spaced

ODD_TEXTS: Final = ("", " ", "\0", "0", "ü", "\u2028", "\ud800", "%00", "'; --", "x" * 10_000)


class FormConformance(AuthCase):
    """What `sign_in` promises."""

    async def test_the_right_form_is_a_person_who_is_permitted(
        self, opened: AuthMethod, claimed_form: Mapping[str, str]
    ) -> None:
        identity = await signed_in(opened, claimed_form)
        require_identity(identity)
        assert await opened.permits(identity) is True, "whoever fills in valid_form is permitted"
        assert await signed_in(opened, claimed_form) == identity, "the same form is the same person every time"

    async def test_a_form_with_one_field_changed_is_rejected(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        secret = {field.name for field in option.fields if field.secret}
        taken = []
        for name, value in form.items():
            for what, wrong in _wrong(value, is_secret=name in secret):
                if wrong != value and await judged_form(opened, {**form, name: wrong}) is not None:
                    taken.append(f"{name}: {what}")
        if taken:
            more = f", and {len(taken) - SHOWN} more" if len(taken) > SHOWN else ""
            pytest.fail(f"no other form is good in place of a valid one; accepted was {'; '.join(taken[:SHOWN])}{more}")

    async def test_whoever_is_spelled_otherwise_is_the_same_person_or_nobody(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        identity = await signed_in(opened, form)
        public = [field.name for field in option.fields if not field.secret]
        for name in public:
            value = form[name]
            cases = (("upper case", value.upper()), ("lower case", value.lower()), ("a capital", value.capitalize()))
            for what, spelled in (*cases, *looking_alike(value)):
                if spelled != value:
                    found = await judged_form(opened, {**form, name: spelled})
                    assert found is None or is_same(found, identity), (
                        f"one person has one subject, however their name is spelled; {name} was spelled with {what}"
                    )

    async def test_fields_do_not_stand_for_each_other(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        if len(form) < 2:
            return
        values = list(form.values())
        for turn in range(1, len(values)):
            turned = dict(zip(form, values[turn:] + values[:turn], strict=True))
            if turned != form:
                assert await judged_form(opened, turned) is None, "each field is compared with its own"

    async def test_a_right_form_does_not_let_a_wrong_one_in_afterwards(
        self, opened: AuthMethod, option: LoginOption, form: Mapping[str, str]
    ) -> None:
        for field in option.fields:
            wrong = {**form, field.name: f"{form[field.name]}0"}
            if await judged_form(opened, wrong) is None:
                await signed_in(opened, form)
                assert await judged_form(opened, wrong) is None, "each form is judged by itself, whatever came before"
                await signed_in(opened, form)


def _wrong(value: str, *, is_secret: bool) -> Iterator[Variation]:
    for text in ODD_TEXTS:
        yield "an odd text", text
    yield "a character more", f"{value}0"
    yield "its last character left out", value[:-1]
    yield "a space in front", f" {value}"
    yield "in swapped case, and more", value.swapcase() + "x"
    if is_secret and value:
        yield from changed(value)
        yield from spaced(value)
        yield from looking_alike(value)
