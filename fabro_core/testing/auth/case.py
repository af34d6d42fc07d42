"""What the parts of the kit have in common: the fixtures that authors override, and those that tests ask for.

A test about something else than whether anybody is let in at all does not apply to a method that lets nobody in: that
is one broken promise, of a test of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from time import perf_counter
from typing import Final

import pytest

from fabro_core.auth.base import AuthMethod, Identity, LoginOption
from fabro_core.testing.auth.answers import SLOW_SECONDS, Authorize, TooLate, accepted, agreed, signed_in, vouched_for
from fabro_core.testing.auth.rebuilding import BuildMethod, recipe_of
from fabro_core.testing.conformance import ConformanceSuite, name_subject, not_applicable
from fabro_core.testing.identity_provider import FakeIdentityProvider

__all__ = ["AuthCase", "Authorize", "BuildMethod", "TakeOff"]

TakeOff = Callable[[], AbstractContextManager[object]]
"""Takes somebody off whatever list lets them in, for the length of a context."""

STAMPED_NAME: Final = "conformance-kit"
"""The core gives a method the name of its entry point before it calls anything."""
OPENING_SECONDS: Final = 30

OTHER_LOGIN: Final = "other"

_stuck: Final = pytest.StashKey[set[str]]()
"""The classes whose method does not answer in time: waiting for it once is enough."""


@pytest.mark.anyio
class AuthCase(ConformanceSuite):
    """Base of the kit's classes, with the fixtures: `method` and `valid_token` always, the others at need."""

    conformance_kit = "auth"

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    # -- who may come in ----------------------------------------------------------------------------------------

    @pytest.fixture
    def method(self) -> AuthMethod:
        """Override: the method, built and not opened."""
        raise NotImplementedError("override the fixture method")

    @pytest.fixture
    def valid_token(self) -> str | None:
        """Override: a bearer token that the method accepts; None when it accepts none."""
        raise NotImplementedError("override the fixture valid_token")

    @pytest.fixture
    def valid_form(self) -> Mapping[str, str]:
        """Override for a method with a form: the fields, filled in by a person that the method permits."""
        raise NotImplementedError("option() offers a form: override the fixture valid_form")

    @pytest.fixture
    def authorize(self) -> Authorize:
        """Override for a method that redirects: agrees at a provider, as `FakeIdentityProvider.agree` does."""
        raise NotImplementedError("option() offers a redirect: override the fixture authorize")

    # -- what the kit cannot know: each of these adds promises that are asked ---------------------------------------

    @pytest.fixture
    def rejected_tokens(self) -> Sequence[str]:
        """Override: tokens of this method that are not valid (any more), such as an expired and a revoked one."""
        return ()

    @pytest.fixture
    def other_token(self) -> str | None:
        """Override: a valid token of another person."""
        return None

    @pytest.fixture
    def other_form(self) -> Mapping[str, str] | None:
        """Override: the form, rightly filled in by another person."""
        return None

    @pytest.fixture
    def other_authorize(self, request: pytest.FixtureRequest, option: LoginOption) -> Authorize | None:
        """Override: agrees at the provider as another person; known for `FakeIdentityProvider.agree`."""
        if option.kind != "redirect":
            return None
        provider = provider_of(request.getfixturevalue("authorize"))
        return None if provider is None else provider.agreeing_as(id=7, login=OTHER_LOGIN, name="Another")

    @pytest.fixture
    def off_the_list(self) -> TakeOff | None:
        """Override: takes the person of the other fixtures off the list of who is let in, for as long as a context."""
        return None

    @pytest.fixture
    def changed_method(self) -> AuthMethod | None:
        """Override: the method as it is built once the secret has changed with which the person of the other fixtures
        signs in."""
        return None

    @pytest.fixture
    def another(self, method: AuthMethod, request: pytest.FixtureRequest) -> BuildMethod:
        """Override where calling the fixture `method` once more is not enough: builds the method as another server of
        the same settings does. What can be pickled is also called in a process of its own."""
        return recipe_of(self, request)

    # -- what tests ask for -------------------------------------------------------------------------------------

    @pytest.fixture
    def named(self, method: AuthMethod, request: pytest.FixtureRequest) -> AuthMethod:
        """The method with a name: its own, or one that the kit gives it as the core would."""
        method.name = getattr(method, "name", STAMPED_NAME)
        name_subject(request, type(method).__name__ if method.name == STAMPED_NAME else method.name)
        return method

    @pytest.fixture
    async def opened(self, named: AuthMethod, anyio_backend: str) -> AsyncIterator[AuthMethod]:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(OPENING_SECONDS):
                await stack.enter_async_context(named.lifespan())
            yield named

    @pytest.fixture
    def option(self, named: AuthMethod) -> LoginOption:
        option = named.option()
        if option is None:
            not_applicable("the method has no sign-in with a browser")
        return option

    @pytest.fixture
    def claimed_token(self, valid_token: str | None, named: AuthMethod) -> str:
        """The valid token, whatever comes of it."""
        if valid_token is None:
            not_applicable("the method accepts no bearer token")
        return valid_token

    @pytest.fixture
    async def token(self, opened: AuthMethod, claimed_token: str, request: pytest.FixtureRequest) -> str:
        """A token that the method accepts."""
        await require_entrance(request, "the valid token", lambda: accepted(opened, claimed_token))
        return claimed_token

    @pytest.fixture
    def claimed_form(self, option: LoginOption, request: pytest.FixtureRequest) -> Mapping[str, str]:
        """The right form, whatever comes of it."""
        if option.kind != "form":
            not_applicable("the method signs in without a form")
        form: Mapping[str, str] = request.getfixturevalue("valid_form")
        assert form.keys() == {field.name for field in option.fields}, "valid_form fills in the declared fields"
        return form

    @pytest.fixture
    async def form(
        self, opened: AuthMethod, claimed_form: Mapping[str, str], request: pytest.FixtureRequest
    ) -> Mapping[str, str]:
        """A form with which the method lets somebody in."""
        await require_entrance(request, "the right form", lambda: signed_in(opened, claimed_form))
        return claimed_form

    @pytest.fixture
    def claimed_agree(self, option: LoginOption, request: pytest.FixtureRequest) -> Authorize:
        """Agrees at the provider, whatever comes of it."""
        if option.kind != "redirect":
            not_applicable("the method signs in without an identity provider")
        authorize: Authorize = request.getfixturevalue("authorize")
        return authorize

    @pytest.fixture
    async def agree(self, opened: AuthMethod, claimed_agree: Authorize, request: pytest.FixtureRequest) -> Authorize:
        """Agrees at the provider, and is let in."""

        async def let_in() -> Identity:
            return await vouched_for(opened, await agreed(opened, claimed_agree))

        await require_entrance(request, "whoever agrees at the provider", let_in)
        return claimed_agree

    @pytest.fixture
    async def somebody(self, opened: AuthMethod, valid_token: str | None, request: pytest.FixtureRequest) -> Identity:
        """A person whom the method permits, in whatever way they prove who they are."""
        option = opened.option()
        if valid_token is not None:
            return await require_entrance(request, "the valid token", lambda: accepted(opened, valid_token))
        if option is None:
            not_applicable("the method lets nobody in")
        if option.kind == "form":
            form: Mapping[str, str] = request.getfixturevalue("valid_form")
            return await require_entrance(request, "the right form", lambda: signed_in(opened, form))
        authorize: Authorize = request.getfixturevalue("authorize")

        async def let_in() -> Identity:
            return await vouched_for(opened, await agreed(opened, authorize))

        return await require_entrance(request, "whoever agrees at the provider", let_in)


async def require_entrance(
    request: pytest.FixtureRequest, what: str, come_in: Callable[[], Awaitable[Identity]]
) -> Identity:
    """Who comes in; where nobody does, nothing else can be asked."""
    stuck = request.config.stash.setdefault(_stuck, set())
    suite = request.node.nodeid.rpartition("::")[0]
    if suite not in stuck:
        try:
            for _ in range(2):
                began = perf_counter()
                identity = await come_in()
                if perf_counter() - began < SLOW_SECONDS:
                    return identity
            stuck.add(suite)
        except Exception as error:  # noqa: BLE001  (whatever it is, a test of its own says it)
            stuck |= {suite} if isinstance(error, TooLate) else set()
    return not_applicable(f"{what} is not let in, or too slowly, which a test of its own says")


def provider_of(authorize: Authorize) -> FakeIdentityProvider | None:
    """The provider for tests that somebody agrees at; None: it is another one."""
    owner = getattr(authorize, "__self__", None)
    return owner if isinstance(owner, FakeIdentityProvider) else None
