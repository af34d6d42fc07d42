"""The store kit finds what it promises to find: a sound store passes, and one with a single bug does not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.testing import killing, mutants
from tests.testing.bugs import mutants_of
from tests.testing.runs import ROOT, Run, run_pytest
from tests.testing.turns import ALL, TURNS, VARIABLE, in_turn

pytestmark = pytest.mark.slow

SUITES: Final = Path(__file__).with_name("mutant_suites.py")
CHOSEN: Final = in_turn(mutant.name for mutant in mutants_of(mutants))

SOUND_STORES: Final = {"dict": "TestSoundDict", "driven": "TestSoundDriven"}
"""Their names, and their suites."""

ALL_MUTANTS_SECONDS: Final = 1_200

LEFT_OUT: Final = "not sequence_of_calls and not plain_model"
"""The random tests, which sound stores are asked elsewhere."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The mutants that a test of their class has found, among those whose turn it is."""
    suites = [f"{SUITES}::Test{name}" for name in CHOSEN]
    directory = tmp_path_factory.mktemp("mutants")
    run = run_pytest(directory, *suites, selection=["-p", killing.__name__], deadline_seconds=ALL_MUTANTS_SECONDS)
    return {value for name, value in run.properties if name == killing.FOUND}


@pytest.mark.parametrize("mutant", CHOSEN)
def test_a_store_with_one_bug_fails_with_the_broken_promise(found: set[str], mutant: str) -> None:
    assert mutant in found


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The kit's answers to stores without a bug."""
    suites = [f"{SUITES}::{suite}" for suite in SOUND_STORES.values()]
    return run_pytest(tmp_path_factory.mktemp("sound"), *suites, selection=["-k", LEFT_OUT])


@pytest.mark.parametrize("store", SOUND_STORES)
def test_a_store_without_a_bug_passes(sound: Run, store: str) -> None:
    assert sound.broken_by(SOUND_STORES[store]) == {}
    (line,) = [line for line in sound.summary if f": {store} " in line]
    assert line.endswith(", 0 deviations")
    assert "failed" not in line


@pytest.mark.parametrize("store", SOUND_STORES)
def test_the_summary_tells_what_a_page_costs_and_what_all_of_it_took(sound: Run, store: str) -> None:
    (start,) = [number for number, line in enumerate(sound.summary) if f": {store} " in line]
    below = sound.summary[start + 1 :]
    below = below[: next((n for n, line in enumerate(below) if not line.startswith(" ")), len(below))]
    costs = [line for line in below if line.startswith("    cost: a page of 20 runs ")]
    warnings = [line for line in below if line.startswith("    warning: a page of 20 runs ")]
    assert len(costs) == len(warnings) == 2, "dicts are searched through"
    assert "of 20,000 and of 500" in costs[0]
    (time,) = [line for line in below if line.startswith("    time: ")]
    assert time.endswith(" of them without what is marked fabro_long")


def test_every_mutant_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [mutant.name for mutant in mutants_of(mutants)]
    turns = []
    for turn in range(TURNS):
        monkeypatch.setenv(VARIABLE, str(turn))
        turns += in_turn(names)
    assert sorted(turns) == names
    monkeypatch.setenv(VARIABLE, ALL)
    assert in_turn(names) == names


def test_the_state_machine_finds_bugs_by_itself(tmp_path: Path) -> None:
    random = ["RandomlyTiedLists", "RandomlyRepeatedRevisions", "RandomlyDeletedBlobs"]
    run = run_pytest(tmp_path, *(f"{SUITES}::Test{mutant}" for mutant in random), selection=["-k", "sequence_of_calls"])
    assert {class_name.removeprefix("Test") for class_name, _ in run.failures} == set(random)


def test_the_example_store_passes_as_its_author_would_run_it(tmp_path: Path) -> None:
    for name in ("dict_store.py", "test_dict_store.py"):
        (tmp_path / name).write_text((ROOT / "examples" / "stores" / name).read_text())
    run = run_pytest(tmp_path, tmp_path)
    assert (run.status, run.failures) == (0, {}), run.output
    assert run.summary[0].startswith("store conformance, API 1: dict ")
    assert run.summary[0].endswith(", 0 deviations")
