"""Two people are two: nobody comes in as somebody else (auth.md A1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fabro_core.auth.base import AuthMethod, Identity, LoginOption
from fabro_core.testing.auth.answers import accepted, agreed, failure, is_same, require_identity, signed_in, vouched_for
from fabro_core.testing.auth.case import OTHER_LOGIN, AuthCase, Authorize, provider_of
from fabro_core.testing.conformance import not_applicable

OWN_SUBJECT = "two people have two subjects"


class PeopleConformance(AuthCase):
    """Who somebody is, beside somebody else, one after the other and both at once."""

    async def test_two_tokens_of_two_people_are_two_identities(
        self, opened: AuthMethod, token: str, other_token: str | None
    ) -> None:
        if other_token is None:
            not_applicable("no other_token is given")
        one, other = await accepted(opened, token), await accepted(opened, other_token)
        require_identity(other)
        assert not is_same(one, other), OWN_SUBJECT
        answers = await asyncio.gather(*(accepted(opened, each) for _ in range(10) for each in (token, other_token)))
        assert answers == [one, other] * 10, "everybody gets their own answer"

    async def test_two_forms_of_two_people_are_two_identities(
        self, opened: AuthMethod, form: Mapping[str, str], option: LoginOption, other_form: Mapping[str, str] | None
    ) -> None:
        if other_form is None:
            not_applicable("no other_form is given")
        one, other = await signed_in(opened, form), await signed_in(opened, other_form)
        require_identity(other)
        assert not is_same(one, other), OWN_SUBJECT
        answers = await asyncio.gather(*(signed_in(opened, each) for _ in range(10) for each in (form, other_form)))
        assert answers == [one, other] * 10, "everybody gets their own answer"

    async def test_two_people_who_agree_are_two_identities(
        self, opened: AuthMethod, agree: Authorize, other_authorize: Authorize | None
    ) -> None:
        if other_authorize is None:
            not_applicable("no other_authorize is given")
        ways = (agree, other_authorize)
        one, other = [await vouched_for(opened, await agreed(opened, way)) for way in ways]
        require_identity(other)
        assert not is_same(one, other), OWN_SUBJECT
        callbacks = await asyncio.gather(*(agreed(opened, way) for _ in range(5) for way in ways))
        answers = await asyncio.gather(*(vouched_for(opened, callback) for callback in callbacks))
        assert answers == [one, other] * 5, "whatever one sign-in needs comes back in its callback"

    async def test_people_of_whom_little_is_known_are_not_one_person(
        self, opened: AuthMethod, agree: Authorize
    ) -> None:
        provider = provider_of(agree)
        if provider is None:
            not_applicable("authorize is another provider than FakeIdentityProvider")
        for missing in ("id", "login", "name", "email"):
            found = []
            for login in (provider.user["login"], OTHER_LOGIN):
                profile = {"id": f"{login}-1", "login": login, "name": login, "email": f"{login}@example.org"}
                known = provider.agreeing_as(**{**profile, missing: None})
                answer = await failure(opened, await agreed(opened, known))
                found += [answer] if isinstance(answer, Identity) else []
            assert len(found) < 2 or not is_same(*found), (
                f"{OWN_SUBJECT}, also when the provider does not tell their {missing}"
            )

    async def test_a_name_lets_its_owner_in_in_any_case(self, opened: AuthMethod, agree: Authorize) -> None:
        provider = provider_of(agree)
        if provider is None:
            not_applicable("authorize is another provider than FakeIdentityProvider")
        for login in (provider.user["login"].upper(), provider.user["login"].title()):
            identity = await vouched_for(opened, await agreed(opened, provider.agreeing_as(login=login)))
            assert await opened.permits(identity) is True, (
                "the provider takes no notice of letter case: whoever is let in is let in however it spells their name"
            )

    async def test_a_person_who_is_renamed_stays_the_same(self, opened: AuthMethod, agree: Authorize) -> None:
        provider = provider_of(agree)
        if provider is None:
            not_applicable("authorize is another provider than FakeIdentityProvider")
        before = await vouched_for(opened, await agreed(opened, agree))
        for change in ({"name": "Another"}, {"email": "another@example.org"}, {"login": OTHER_LOGIN}):
            answer = await failure(opened, await agreed(opened, provider.agreeing_as(**change)))
            (what,) = change
            assert not isinstance(answer, Identity) or is_same(before, answer), (
                f"a person has one subject for ever; it was another when their {what} changed"
            )
