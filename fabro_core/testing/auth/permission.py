"""Who may still use the server, and what their sessions depend on: asked with every request (auth.md A6, A9)."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from time import perf_counter
from typing import Final

import msgspec
import pytest

from fabro_core.auth.base import AuthMethod, Identity
from fabro_core.secret import Secret
from fabro_core.testing.auth.answers import judged, judged_form
from fabro_core.testing.auth.case import AuthCase, BuildMethod, TakeOff
from fabro_core.testing.conformance import not_applicable
from fabro_core.testing.io_watch import OPENS, watching

REPEATS: Final = 1_000
MAX_MILLISECONDS: Final = 5
"""Of the fastest of many answers, which says nothing about a machine that has other things to do."""

BY_THEMSELVES: Final = "each person is permitted by themselves, whoever was asked about before"

STRANGER: Final = Identity(issuer="https://nobody.example", subject="0", login="nobody")
STRANGERS: Final = (
    STRANGER,
    Identity(issuer="x", subject="x" * 255, login="x" * 255, name="ü" * 100, email="x@nobody.example"),
    Identity(issuer="https://nobody.example", subject="None", login="李"),
    Identity(issuer="https://nobody.example", subject="-1", login="%s ' \\ *"),
)


class PermissionConformance(AuthCase):
    """What `permits` and `credential_of` promise."""

    async def test_permission_is_told_as_a_bool_without_waiting(self, opened: AuthMethod, somebody: Identity) -> None:
        for _ in range(REPEATS):
            assert at_once(opened.permits(somebody)) is True, "permits answers True for whoever is let in"

    async def test_permission_is_told_without_opening_anything(self, opened: AuthMethod, somebody: Identity) -> None:
        await opened.permits(somebody)  # whatever is made once, is made here
        with watching(OPENS) as seen:
            await opened.permits(somebody)
        assert seen == [], "permits is asked on every request and does no I/O"

    async def test_permission_is_told_without_delay(self, opened: AuthMethod, somebody: Identity) -> None:
        fastest = []
        for identity in (somebody, STRANGER):
            for _ in range(20):
                began = perf_counter()
                await opened.permits(identity)
                opened.credential_of(identity)
                fastest.append(perf_counter() - began)
        took = min(fastest) * 1_000
        assert took < MAX_MILLISECONDS, (
            f"permits and credential_of are asked on every request; together they took {took:.0f} ms, which blocks it"
        )

    async def test_a_person_nobody_knows_is_no_reason_to_fail(self, opened: AuthMethod) -> None:
        for stranger in STRANGERS:
            try:
                answer: object = await opened.permits(stranger)
            except Exception as error:
                raise AssertionError(f"permits answers for every identity; it raised {type(error).__name__}") from error
            assert isinstance(answer, bool), "permits answers for every identity"

    async def test_permission_does_not_depend_on_who_was_asked_about_before(
        self, opened: AuthMethod, another: BuildMethod, somebody: Identity
    ) -> None:
        fresh = another()
        fresh.name = opened.name
        async with fresh.lifespan():
            strangers_first = [await fresh.permits(each) for each in STRANGERS]
            assert await fresh.permits(somebody) is True, BY_THEMSELVES
        assert await opened.permits(somebody) is True
        afterwards = [await opened.permits(each) for each in STRANGERS]
        assert afterwards == strangers_first, BY_THEMSELVES
        namesake = msgspec.structs.replace(STRANGER, name=somebody.name, email=somebody.email)
        if not strangers_first[0] and somebody.name:
            assert await opened.permits(namesake) is False, "people choose the name that is shown; it lets nobody in"

    async def test_whoever_is_taken_off_the_list_is_out_and_in_again_when_put_back(
        self,
        opened: AuthMethod,
        another: BuildMethod,
        somebody: Identity,
        off_the_list: TakeOff | None,
        valid_token: str | None,
        request: pytest.FixtureRequest,
    ) -> None:
        if off_the_list is None:
            not_applicable("off_the_list is not overridden")
        second = another()
        second.name = opened.name
        async with second.lifespan():
            assert await second.permits(somebody) is True, "another server permits the same people"
            with off_the_list():
                for each in (opened, second):
                    assert await each.permits(somebody) is False, "whoever is taken off the list is out at once"
                    if valid_token is not None and (identity := await judged(each, valid_token)) is not None:
                        assert await each.permits(identity) is False, "a token does not put anybody on the list"
                    option = each.option()
                    if option is not None and option.kind == "form":
                        form: Mapping[str, str] = request.getfixturevalue("valid_form")
                        found = await judged_form(each, form)
                        assert found is None or await each.permits(found) is False, "nor does a form"
                fresh = another()
                fresh.name = opened.name
                async with fresh.lifespan():
                    assert await fresh.permits(somebody) is False, "a restart puts nobody on the list"
            for each in (opened, second):
                assert await each.permits(somebody) is True, "whoever is put back is in again"

    # -- what sessions depend on --------------------------------------------------------------------------------

    async def test_what_sessions_depend_on_is_told_at_once(self, opened: AuthMethod, somebody: Identity) -> None:
        for identity in (somebody, *STRANGERS):
            try:
                opened.credential_of(identity)  # whatever is made once, is made here
            except Exception as error:
                raise AssertionError(
                    f"credential_of answers for every identity; it raised {type(error).__name__}"
                ) from error
            with watching(OPENS) as seen:
                credential: object = opened.credential_of(identity)
            assert seen == [], "credential_of is asked on every request and does no I/O"
            assert credential is None or isinstance(credential, Secret), "credential_of returns a Secret or None"
            assert opened.credential_of(identity) == credential, "credential_of changes only with what it is made of"

    async def test_sessions_end_when_what_they_depend_on_changes(
        self,
        opened: AuthMethod,
        somebody: Identity,
        changed_method: AuthMethod | None,
        valid_token: str | None,
        request: pytest.FixtureRequest,
    ) -> None:
        if changed_method is None:
            not_applicable("changed_method is not overridden")
        changed_method.name = opened.name
        option = opened.option()
        async with changed_method.lifespan():
            if valid_token is not None:
                assert await judged(changed_method, valid_token) is None, "a token that was changed is good no more"
            if option is not None and option.kind == "form":
                form: Mapping[str, str] = request.getfixturevalue("valid_form")
                assert await judged_form(changed_method, form) is None, "a form that was right is right no more"
            if option is not None:
                before, after = opened.credential_of(somebody), changed_method.credential_of(somebody)
                assert before is not None, "sessions depend on what has changed"
                assert after != before, "credential_of is another when what people sign in with has changed"


def at_once(asking: Coroutine[object, None, bool]) -> bool:
    """The result of a coroutine that waits for nothing."""
    try:
        asking.send(None)
    except StopIteration as end:
        answer: bool = end.value
        return answer
    asking.close()
    pytest.fail("permits waited for something; it is asked on every request and must do no I/O")
