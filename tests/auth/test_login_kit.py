"""The kit's questions about signing in with a browser: sound methods pass, and one with a bug fails by name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fabro_core.auth.base import AuthMethod
from tests.auth import login_mutants as kit

pytestmark = pytest.mark.slow

FORMS: Mapping[type[AuthMethod], tuple[str, str]] = {
    kit.Unlabelled: ("test_its_option_can_be_offered", "are not empty"),
    kit.Fieldless: ("test_its_option_can_be_offered", "the core accepts the option"),
    kit.Moody: ("test_its_option_is_the_same_every_time", "Cave"),
    kit.Generous: ("test_a_form_with_one_field_changed_is_rejected", "no other form is good"),
    kit.Stumbling: ("test_a_form_with_one_field_changed_is_rejected", "whatever is in its fields"),
    kit.Chatty: ("test_what_is_secret_of_a_form_is_in_no_text_that_anybody_reads", "a secret is never shown"),
    kit.Choosy: ("test_the_right_form_is_a_person_who_is_permitted", "whoever fills in valid_form is permitted"),
    kit.Looking: ("test_what_sessions_depend_on_is_told_at_once", "does no I/O"),
}
REDIRECTS: Mapping[type[AuthMethod], tuple[str, str]] = {
    kit.Stateless: ("test_a_browser_is_sent_to_a_url_with_the_state", "the provider is given the state"),
    kit.Revealing: ("test_a_browser_is_sent_to_a_url_with_the_state", "only a hash of the verifier leaves the server"),
    kit.Relative: ("test_a_browser_is_sent_to_a_url_with_the_state", "the URL is an absolute http(s) URL"),
    kit.Remembering: ("test_sign_ins_that_overlap_do_not_disturb_each_other", "GitHubFailed"),
    kit.Trusting: ("test_a_code_that_nobody_issued_is_nobody", "whatever the provider does not vouch for"),
    kit.Telling: ("test_what_finishes_a_sign_in_is_in_no_text", "a secret is never shown"),
    kit.Nameless: ("test_whoever_agrees_is_a_person_who_is_permitted", "subject is not empty"),
}
BROKEN = {**FORMS, **REDIRECTS}
"""For each mutant a test that it fails, by the beginning of its name, and words of the message."""

HEAD = """
import pytest
from fabro_core.testing import AuthConformance, FakeIdentityProvider
from tests.auth import login_mutants as kit


class FormSuite(AuthConformance):
    @pytest.fixture
    def valid_token(self):
        return None

    @pytest.fixture
    def valid_form(self):
        return {"login": "ali", "words": kit.PASSWORD}


class RedirectSuite(AuthConformance):
    @pytest.fixture
    def valid_token(self):
        return None

    @pytest.fixture
    async def provider(self, anyio_backend):
        async with FakeIdentityProvider().running() as provider:
            yield provider

    @pytest.fixture
    def authorize(self, provider):
        return provider.agree
"""


def form_suite(method: type[AuthMethod]) -> str:
    return f"""
class Test{method.__name__}(FormSuite):
    @pytest.fixture
    def method(self):
        return kit.{method.__name__}()
"""


def redirect_suite(method: type[AuthMethod]) -> str:
    return f"""
class Test{method.__name__}(RedirectSuite):
    @pytest.fixture
    def method(self, provider):
        return kit.{method.__name__}(provider)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What pytest prints of each mutant's test and of all tests of sound methods, in a process of its own."""
    place = tmp_path_factory.mktemp("suites")
    forms: list[type[AuthMethod]] = [kit.Cave, *FORMS]
    redirects: list[type[AuthMethod]] = [kit.Mint, *REDIRECTS]
    suites = [*map(form_suite, forms), *map(redirect_suite, redirects)]
    (place / "test_suites.py").write_text(HEAD + "".join(suites))
    chosen = [f"(Test{method.__name__} and {test})" for method, (test, _) in BROKEN.items()]
    selection = ["-k", " or ".join(["TestCave", "TestMint", *chosen]), "--rootdir", str(place), str(place)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selection]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "500"}
    ran = subprocess.run(command, capture_output=True, text=True, env=environ, cwd=place, timeout=300, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def failures(report: list[str], suite: str) -> list[str]:
    return [line for line in report if line.startswith(("FAILED", "ERROR")) and f"::Test{suite}::" in line]


@pytest.mark.parametrize("method", [kit.Cave, kit.Mint], ids=lambda method: method.__name__)
def test_a_method_that_keeps_every_promise_passes(report: list[str], method: type[AuthMethod]) -> None:
    assert failures(report, method.__name__) == []
    (line,) = [line for line in report if f"{method.name} (Test{method.__name__})" in line]
    assert line.endswith(", 0 deviations")


@pytest.mark.parametrize("method", BROKEN, ids=lambda method: method.__name__)
def test_a_method_that_breaks_one_promise_fails_the_kit_by_name(report: list[str], method: type[AuthMethod]) -> None:
    test, words = BROKEN[method]
    (line,) = failures(report, method.__name__)
    assert test in line
    assert words in line
