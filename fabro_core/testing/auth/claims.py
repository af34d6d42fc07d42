"""What a method says about itself, and how it begins and ends."""

from __future__ import annotations

import asyncio

import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginOption
from fabro_core.config.values import PLUGIN_NAME_PATTERN
from fabro_core.context import Problem
from fabro_core.plugins.claims import RESERVED_PREFIXES
from fabro_core.plugins.login_options import login_options
from fabro_core.testing.auth.answers import accepted
from fabro_core.testing.auth.case import AuthCase
from fabro_core.testing.io_watch import CONTACTS, watching


class ServerFailed(Exception):
    """Stands for any error while the server runs."""


class ClaimsConformance(AuthCase):
    """Name, prefixes, option, problems, and the length of a server's life."""

    async def test_its_name_can_be_a_settings_key(self, opened: AuthMethod) -> None:
        assert PLUGIN_NAME_PATTERN.fullmatch(opened.name), (
            "a name is like dev-token: lower case, digits, single hyphens"
        )

    async def test_its_token_prefixes_are_texts_that_nobody_else_claims(self, opened: AuthMethod) -> None:
        prefixes = opened.token_prefixes
        assert isinstance(prefixes, tuple), "token_prefixes is a tuple"
        for prefix in prefixes:
            assert isinstance(prefix, str), "a token prefix is a text"
            assert prefix, "a token prefix is not empty"
            visible = all("!" <= character <= "~" for character in prefix)
            assert visible, "a token is visible ASCII without spaces, and so is its prefix"
            for reserved in RESERVED_PREFIXES:
                clash = prefix.startswith(reserved) or reserved.startswith(prefix)
                assert not clash, f"the prefix {prefix!r} overlaps {reserved!r}, which is the core's"
        assert opened.token_prefixes == prefixes, "token_prefixes never change: the core reads them once"

    async def test_a_valid_token_begins_with_a_claimed_prefix(self, opened: AuthMethod, claimed_token: str) -> None:
        is_claimed = claimed_token.startswith(opened.token_prefixes)  # outside of the assertion, which shows its parts
        assert is_claimed, "a token without a claimed prefix never reaches the method"

    async def test_its_option_can_be_offered(self, opened: AuthMethod, option: LoginOption) -> None:
        problems: list[Problem] = []
        login_options([(opened.name, opened)], web_enabled=True, problems=problems)
        assert [problem.line() for problem in problems] == [], "the core accepts the option"
        for text in (option.label, *(text for field in option.fields for text in (field.name, field.label))):
            assert isinstance(text, str), "label, and name and label of each field, are texts"
            assert text.strip(), "label, and name and label of each field, are not empty"
            assert text.isprintable(), "label, and name and label of each field, are one line that people can see"

    async def test_its_option_is_the_same_every_time(self, opened: AuthMethod, option: LoginOption) -> None:
        assert opened.option() == option

    async def test_its_check_returns_problems(self, opened: AuthMethod) -> None:
        with watching(CONTACTS) as seen:
            problems = await opened.check()
        assert seen == [], "check contacts nobody: a provider that is down does not stop the start"
        assert isinstance(problems, (list, tuple)), "check returns a sequence of Problems, empty when there are none"
        for problem in problems:
            assert isinstance(problem, Problem), "check returns Problems"

    # -- lifespan -----------------------------------------------------------------------------------------------

    async def test_it_serves_again_after_it_was_closed(self, named: AuthMethod, claimed_token: str) -> None:
        identities: list[Identity] = []
        for _ in range(2):
            async with named.lifespan():
                identities.append(await accepted(named, claimed_token))
        assert identities[0] == identities[1], "a restart does not make another person of the same token"

    async def test_an_error_of_the_server_leaves_its_lifespan_unchanged(self, named: AuthMethod) -> None:
        with pytest.raises(ServerFailed):
            async with named.lifespan():
                raise ServerFailed

    async def test_a_server_that_is_cancelled_leaves_its_lifespan_cancelled(self, named: AuthMethod) -> None:
        with pytest.raises(asyncio.CancelledError):
            async with named.lifespan():
                raise asyncio.CancelledError

    async def test_nothing_goes_on_after_it_was_closed(self, named: AuthMethod) -> None:
        before = asyncio.all_tasks()
        async with named.lifespan():
            pass
        for _ in range(10):  # what has been cancelled may need a moment to end
            await asyncio.sleep(0)
        left = [task.get_name() for task in asyncio.all_tasks() - before if not task.done()]
        assert left == [], "what lifespan begins, it ends: no task goes on after it"
