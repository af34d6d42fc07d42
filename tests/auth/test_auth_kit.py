"""The kit of auth methods: the dev token passes it whole, and a method with one bug fails it by name."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fabro_auth_devtoken import DevTokenAuth, new_token
from fabro_core.auth.base import AuthMethod, Bearer, Identity
from fabro_core.context import Problem
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

    @pytest.fixture
    def valid_form(self) -> Mapping[str, str]:
        return {"token": TOKEN}

    @pytest.fixture
    def rejected_tokens(self) -> Sequence[str]:
        """The token before it was rotated."""
        return [new_token()]


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


class Shrugging(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        return await super().authenticate(credential) if credential.token.reveal() == GOOD else None


class Reading(Strict):
    async def permits(self, identity: Identity, /) -> bool:
        return is_on_file()


def is_on_file() -> bool:
    return bool(Path(__file__).read_text())


class Waiting(Strict):
    async def permits(self, identity: Identity, /) -> bool:
        await asyncio.sleep(0)
        return True


class Calling(Strict):
    async def check(self) -> Sequence[Problem]:
        with socket.socket() as line:
            line.connect_ex(("127.0.0.1", 9))
        return ()


class Swallowing(Strict):
    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        with suppress(Exception):
            yield


class Logging(Strict):
    async def authenticate(self, credential: Bearer, /) -> Identity | None:
        logging.getLogger("strict").debug("asked about %s", credential.token.reveal())
        return await super().authenticate(credential)


BROKEN = {
    Lenient: "no other token is good",
    Trimming: "no other token is good",
    Raising: "whatever it looks like",
    Telling: "a token is never shown",
    Forgetful: "same_token_is_the_same_identity",
    Greedy: "which is the core's",
    Shrugging: "not_valid_any_more_is_rejected",
    Reading: "does no I/O",
    Waiting: "permits waited for something",
    Calling: "check contacts nobody",
    Swallowing: "an_error_of_the_server_leaves_its_lifespan_unchanged",
    Logging: "a token is never shown",
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

    @pytest.fixture
    def rejected_tokens(self):
        return ["strict_expired"]
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
    (line,) = [line for line in report if "strict (TestStrict)" in line]
    assert re.search(r" \d+ passed, \d+ not applicable, 0 deviations$", line)
    assert not [line for line in report if line.startswith("FAILED") and "::TestStrict::" in line]


@pytest.mark.parametrize("method", BROKEN, ids=lambda method: method.__name__)
def test_a_method_that_breaks_one_promise_fails_the_kit_by_name(report: list[str], method: type[Strict]) -> None:
    failures = [line for line in report if line.startswith("FAILED") and f"::Test{method.__name__}::" in line]
    assert [line for line in failures if BROKEN[method] in line], failures
