"""The kit of auth methods finds what it promises to find: sound methods pass, and one with a single bug does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from fabro_auth_devtoken import DevTokenAuth, new_token
from fabro_core.auth.base import AuthMethod
from fabro_core.secret import Secret
from fabro_core.testing import AuthConformance
from fabro_core.testing.auth.rebuilding import BuildMethod
from tests.auth import mutants
from tests.auth.sound_methods import TOKENS, WORDS
from tests.testing import killing
from tests.testing.bugs import mutants_of
from tests.testing.runs import Run, run_pytest
from tests.testing.turns import in_turn

TOKEN: Final = new_token()


class TestDevToken(AuthConformance):
    @pytest.fixture
    def method(self) -> AuthMethod:
        method = DevTokenAuth(Secret(TOKEN))
        method.name = "dev-token"
        return method

    @pytest.fixture
    def another(self) -> BuildMethod:
        return partial(DevTokenAuth, Secret(TOKEN))

    @pytest.fixture
    def valid_token(self) -> str:
        return TOKEN

    @pytest.fixture
    def valid_form(self) -> Mapping[str, str]:
        return {"token": TOKEN}

    @pytest.fixture
    def rejected_tokens(self) -> Sequence[str]:
        """The token before it was rotated."""
        return [new_token()]

    @pytest.fixture
    def changed_method(self) -> AuthMethod:
        return DevTokenAuth(Secret(new_token()))


SUITES: Final = Path(__file__).with_name("mutant_suites.py")
CHOSEN: Final = in_turn(mutant.name for mutant in mutants_of(mutants))
ALL_MUTANTS_SECONDS: Final = 600

SOUND_METHODS: Final = {"strict": "TestStrict", "cave": "TestCave", "mint": "TestMint"}
"""Their names, and their suites."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The kit's answers to the mutants whose turn it is."""
    suites = [f"{SUITES}::Test{name}" for name in CHOSEN]
    directory = tmp_path_factory.mktemp("mutants")
    return run_pytest(directory, *suites, selection=["-p", killing.__name__], deadline_seconds=ALL_MUTANTS_SECONDS)


@pytest.fixture(scope="module")
def found(run: Run) -> set[str]:
    """The mutants that a test of their class has found."""
    return {value for name, value in run.properties if name == killing.FOUND}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", CHOSEN)
def test_a_method_with_one_bug_fails_with_the_broken_promise(found: set[str], mutant: str) -> None:
    assert mutant in found


@pytest.mark.slow
def test_a_failure_shows_no_secret(run: Run) -> None:
    secrets = [*TOKENS.values(), *WORDS.values()]
    shown = [where for where, message in run.failures.items() if any(secret in message for secret in secrets)]
    assert shown == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The kit's answers to methods without a bug."""
    suites = [f"{SUITES}::{suite}" for suite in SOUND_METHODS.values()]
    return run_pytest(tmp_path_factory.mktemp("sound"), *suites)


@pytest.mark.slow
@pytest.mark.parametrize("method", SOUND_METHODS)
def test_a_method_without_a_bug_passes(sound: Run, method: str) -> None:
    assert sound.broken_by(SOUND_METHODS[method]) == {}
    (line,) = [line for line in sound.summary if f": {method} " in line]
    assert line.endswith(", 0 deviations")
    assert "failed" not in line
