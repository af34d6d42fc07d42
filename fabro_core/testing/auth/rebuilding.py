"""Building a method once more, as another server of the same settings does: in this process, and in one of its own."""

from __future__ import annotations

import inspect
import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from fabro_core.auth.base import AuthMethod
from fabro_core.secret import Secret
from fabro_core.testing.conformance import ConformanceSuite, not_applicable
from fabro_core.testing.identity_provider import FakeIdentityProvider

_NO_PLAIN_FUNCTIONS: Final = (inspect.isgeneratorfunction, inspect.isasyncgenfunction, inspect.iscoroutinefunction)

BuildMethod = Callable[[], AuthMethod]
"""Each call builds the method anew, not opened."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The fixture `method` of a suite, with what it was given."""

    suite: type[ConformanceSuite]
    arguments: dict[str, object]

    def __call__(self) -> AuthMethod:
        method: AuthMethod = _fixture(self.suite)(self.suite(), **self.arguments)
        return method


def recipe_of(suite: ConformanceSuite, request: pytest.FixtureRequest) -> Recipe:
    """How the fixture `method` of a suite builds it. Ends the test when it cannot be called once more."""
    fixture = _fixture(type(suite))
    if any(is_no_plain(fixture) for is_no_plain in _NO_PLAIN_FUNCTIONS):
        not_applicable("the fixture method cannot be called once more, and another is not overridden")
    names = list(inspect.signature(fixture).parameters)[1:]
    return Recipe(type(suite), {name: request.getfixturevalue(name) for name in names})


def _fixture(suite: type[ConformanceSuite]) -> Callable[..., Any]:
    fixture: Callable[..., Any] = inspect.unwrap(inspect.getattr_static(suite, "method"))
    return fixture


def pickled(thing: object) -> bytes:
    """For a process of our own, with the secrets that the method is built of, which nothing else can pickle. Raises
    as `pickle` does."""
    buffer = io.BytesIO()
    _Pickler(buffer).dump(thing)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: object) -> Any:
        if isinstance(thing, Secret):
            return Secret, (thing.reveal(),)
        if isinstance(thing, FakeIdentityProvider):  # it goes on in this process, at its URL
            return _provider_at, (thing.client_id, thing.client_secret, thing.url)
        return NotImplemented


def _provider_at(client_id: str, client_secret: str, url: str) -> FakeIdentityProvider:
    return FakeIdentityProvider(client_id=client_id, client_secret=client_secret, url=url)
