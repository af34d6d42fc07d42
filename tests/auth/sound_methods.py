"""Three sound auth methods, for tokens, with a form and with a redirect; and what the kit has to know to ask them, or a
method that is derived from one of them, everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

import msgspec
import pytest

from fabro_auth_github import GitHubAuth
from fabro_auth_github.settings import GitHubSettings
from fabro_core.auth.base import AuthMethod, Bearer, Identity, LoginField, LoginForm, LoginOption
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing import Authorize, FakeIdentityProvider
from fabro_core.testing.auth import AuthCase
from fabro_core.testing.auth.case import TakeOff
from tests.github import github_settings

TOKENS: Final = {"ann": "strict_0123456789abcdefGHIJ", "bob": "strict_fedcba9876543210KLMN"}
WORDS: Final = {"ali": "open sesame, please", "baba": "forty thieves in jars"}


class Strict(AuthMethod):
    """Lets people in by a token each."""

    name = "strict"
    token_prefixes: tuple[str, ...] = ("strict_",)

    def __init__(self, tokens: Mapping[str, str], listed: set[str]) -> None:
        """`listed`: who is let in, as it is now."""
        self._tokens = {login: Secret(token) for login, token in tokens.items()}
        self._listed = listed

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        found = [login for login, token in self._tokens.items() if token.matches(credential.token)]
        if not found:
            raise CredentialsRejected
        return self.identity(found[0])

    async def permits(self, identity: Identity, /) -> bool:
        return identity.issuer == self.name and identity.login in self._listed

    def identity(self, login: str) -> Identity:
        return Identity(issuer=self.name, subject=login, login=login, name=login.title())


class Cave(AuthMethod):
    """Opens for people who say their words."""

    name = "cave"

    def __init__(self, words: Mapping[str, str], listed: set[str]) -> None:
        """`listed`: who is let in, as it is now."""
        self._words = {login: Secret(each) for login, each in words.items()}
        self._listed = listed

    def option(self) -> LoginOption | None:
        return LoginOption(
            label="Cave",
            kind="form",
            fields=(LoginField(name="login", label="Name"), LoginField(name="words", label="Words", secret=True)),
        )

    async def sign_in(self, form: LoginForm, /) -> Identity:
        login = form.fields["login"].reveal()
        words = self._words.get(login)
        if words is None or not words.matches(form.fields["words"]):
            raise CredentialsRejected
        return self.identity(login)

    def credential_of(self, identity: Identity, /) -> Secret | None:
        return self._words.get(identity.login)

    async def permits(self, identity: Identity, /) -> bool:
        return identity.issuer == self.name and identity.login in self._listed

    def identity(self, login: str) -> Identity:
        return Identity(issuer=self.name, subject=login, login=login, name=login.title())


class Mint(GitHubAuth):
    """Signs people in at the provider for tests."""

    name = "mint"

    def __init__(self, provider: FakeIdentityProvider, listed: set[str]) -> None:
        """`listed`: who is let in, as it is now."""
        settings = github_settings(provider)
        self.settings = settings

        def live() -> GitHubSettings:
            return msgspec.structs.replace(settings, allowed_usernames=tuple(listed))

        super().__init__(live)


class Fixtures(AuthCase):
    """Of methods whose list of who is let in is a set."""

    make: ClassVar[type]
    somebodys_login: ClassVar[str]

    @pytest.fixture
    def listed(self) -> set[str]:
        return {self.somebodys_login}

    @pytest.fixture
    def valid_token(self) -> str | None:
        return None

    @pytest.fixture
    def off_the_list(self, listed: set[str]) -> TakeOff:
        @contextmanager
        def off_the_list() -> Iterator[None]:
            listed.discard(self.somebodys_login)
            yield
            listed.add(self.somebodys_login)

        return off_the_list


class TokenFixtures(Fixtures):
    somebodys_login = "ann"

    @pytest.fixture
    def method(self, listed: set[str]) -> AuthMethod:
        method: AuthMethod = self.make(TOKENS, listed)
        return method

    @pytest.fixture
    def valid_token(self) -> str:
        return TOKENS["ann"]

    @pytest.fixture
    def other_token(self) -> str:
        return TOKENS["bob"]

    @pytest.fixture
    def rejected_tokens(self) -> Sequence[str]:
        return ["strict_expired"]

    @pytest.fixture
    def changed_method(self, listed: set[str]) -> AuthMethod:
        method: AuthMethod = self.make({**TOKENS, "ann": TOKENS["ann"][::-1]}, listed)
        return method


class FormFixtures(Fixtures):
    somebodys_login = "ali"

    @pytest.fixture
    def method(self, listed: set[str]) -> AuthMethod:
        method: AuthMethod = self.make(WORDS, listed)
        return method

    @pytest.fixture
    def valid_form(self) -> Mapping[str, str]:
        return {"login": "ali", "words": WORDS["ali"]}

    @pytest.fixture
    def other_form(self) -> Mapping[str, str]:
        return {"login": "baba", "words": WORDS["baba"]}

    @pytest.fixture
    def changed_method(self, listed: set[str]) -> AuthMethod:
        method: AuthMethod = self.make({**WORDS, "ali": "open barley"}, listed)
        return method


class RedirectFixtures(Fixtures):
    somebodys_login = "mona"

    @pytest.fixture
    async def provider(self, anyio_backend: str) -> AsyncIterator[FakeIdentityProvider]:
        async with FakeIdentityProvider().running() as provider:
            yield provider

    @pytest.fixture
    def method(self, provider: FakeIdentityProvider, listed: set[str]) -> AuthMethod:
        method: AuthMethod = self.make(provider, listed)
        return method

    @pytest.fixture
    def authorize(self, provider: FakeIdentityProvider) -> Authorize:
        return provider.agree


def fixtures_of(method: type[AuthMethod]) -> type[Fixtures]:
    """What the kit has to know about a method that is derived from a sound one."""
    kinds: dict[type[AuthMethod], type[Fixtures]] = {Strict: TokenFixtures, Cave: FormFixtures, Mint: RedirectFixtures}
    (fixtures,) = [fixtures for kind, fixtures in kinds.items() if issubclass(method, kind)]
    return fixtures
