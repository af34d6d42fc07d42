"""The kit of auth methods: the dev token passes it whole, and a method with one bug fails it by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fabro_auth_devtoken import DevTokenAuth, new_token
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.errors import CredentialsRejected
from fabro_core.secret import Secret
from fabro_core.testing import AuthConformance

TOKEN = new_token()


class TestDevToken(AuthConformance):
    @pytest.fixture
    def method(self) -> AuthMethod:
        method = DevTokenAuth(Secret(TOKEN))
        method.name = "dev-token"
        return method

    @pytest.fixture
    def valid_token(self) -> str:
        return TOKEN


class Strict(AuthMethod):
    """Keeps every promise; the base of methods that break one each."""

    name = "strict"
    token_prefixes: tuple[str, ...] = ("strict_",)

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        if not credential.token.matches(Secret(GOOD)):
            raise CredentialsRejected
        return Identity(issuer="strict", subject="1", login="ann")


GOOD = "strict_0123456789abcdef"


class Lenient(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        return Identity(issuer="strict", subject="1", login="ann")


class Trimming(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        shortened = credential.token.reveal()[: len(GOOD)]
        return await super().authenticate(Bearer(token=Secret(shortened)))


class Raising(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        bytes.fromhex(credential.token.reveal().removeprefix("strict_"))
        return await super().authenticate(credential)


class Telling(Strict):
    def __repr__(self) -> str:
        return f"Telling({GOOD})"


class Forgetful(Strict):
    calls = 0

    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        await super().authenticate(credential)
        type(self).calls += 1
        return Identity(issuer="strict", subject=str(self.calls), login="ann")


class Greedy(Strict):
    token_prefixes = ("strict_", "fabro_")


BROKEN = {
    Lenient: "no other token is good",
    Trimming: "no other token is good",
    Raising: "whatever it looks like",
    Telling: "a token is never shown",
    Forgetful: "same_token_is_the_same_identity",
    Greedy: "which is the core's",
}


def suite_of(method: type[Strict]) -> str:
    return f"""
class Test{method.__name__}(AuthConformance):
    @pytest.fixture
    def method(self):
        return kit.{method.__name__}()

    @pytest.fixture
    def valid_token(self):
        return kit.GOOD
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What pytest prints of all suites, run once in a process of its own."""
    place = tmp_path_factory.mktemp("suites")
    head = f"import pytest\nfrom fabro_core.testing import AuthConformance\nimport {__name__} as kit\n"
    (place / "test_suites.py").write_text(head + "".join(suite_of(method) for method in (Strict, *BROKEN)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(place), str(place)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "500"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=place, timeout=180, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def test_a_method_that_keeps_every_promise_passes(report: list[str]) -> None:
    assert any(line.endswith("strict (TestStrict) 14 passed, 0 deviations") for line in report), report
    assert not [line for line in report if line.startswith("FAILED") and "::TestStrict::" in line]


@pytest.mark.parametrize("method", BROKEN, ids=lambda method: method.__name__)
def test_a_method_that_breaks_one_promise_fails_the_kit_by_name(report: list[str], method: type[Strict]) -> None:
    failures = [line for line in report if line.startswith("FAILED") and f"::Test{method.__name__}::" in line]
    assert [line for line in failures if BROKEN[method] in line], failures
