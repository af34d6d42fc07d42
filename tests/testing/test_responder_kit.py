"""The kit of responders: a sound one passes it whole, and one with a bug fails it by the name of the promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.responder_mutants import CAUGHT_BY, Sound
from tests.testing.runs import Run, run_pytest

pytestmark = pytest.mark.slow

SUITES = Path(__file__).with_name("responder_suites.py")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pytest(tmp_path_factory.mktemp("kit"), SUITES)


def test_a_sound_responder_keeps_every_promise(run: Run) -> None:
    assert run.broken_by("TestSound") == {}
    assert any(line.startswith("responder conformance, API 1: Sound ") for line in run.summary)


@pytest.mark.parametrize("mutant", CAUGHT_BY, ids=lambda each: each.__name__)
def test_a_responder_that_breaks_a_promise_is_told_which(run: Run, mutant: type[Sound]) -> None:
    assert f"test_{CAUGHT_BY[mutant]}" in run.broken_by(f"Test{mutant.__name__}")
