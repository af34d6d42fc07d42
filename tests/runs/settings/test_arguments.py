"""The options of the command line as the topmost layer (run-settings.md T5)."""

from __future__ import annotations

import pytest

from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import ManifestArgs
from fabro_core.runs.settings.arguments import read_arguments
from tests.runs.settings.samples import project, run_of, settled, shown, stored_environment, workflow

FILE = """
[run]
metadata = { team = "old", kept = "yes" }
inputs = { a = "w", b = 1 }
[run.model]
name = "m1"
provider = "p1"
[run.execution]
mode = "dry_run"
approval = "auto"
[run.environment.lifecycle]
preserve = true
"""


def test_options_win_over_every_file() -> None:
    args = ManifestArgs(model="m2", provider="p2", environment="ci", dry_run=True, auto_approve=True)
    run = shown(project(FILE), workflow(FILE), args=args, environments={"ci": stored_environment()})["run"]
    assert (run["model"]["name"], run["model"]["provider"]) == ("m2", "p2")
    assert (run["execution"]["mode"], run["execution"]["approval"]) == ("dry_run", "auto")
    assert run["environment"]["id"] == "ci"


def test_options_that_are_not_given_leave_the_files_alone() -> None:
    run = run_of(FILE, args=ManifestArgs())
    assert run["execution"] == {"mode": "dry_run", "approval": "auto"}
    assert run["environment"]["lifecycle"]["preserve"] is True
    assert run["metadata"] == {"team": "old", "kept": "yes"}
    assert run["inputs"] == {"a": "w", "b": 1}


@pytest.mark.parametrize("given", [True, False])
def test_an_option_sets_the_opposite_of_true_when_it_is_false(given: bool) -> None:
    run = run_of(FILE, args=ManifestArgs(dry_run=given, auto_approve=given, preserve_sandbox=given))
    assert run["execution"] == {
        "mode": "dry_run" if given else "normal",
        "approval": "auto" if given else "prompt",
    }
    assert run["environment"]["lifecycle"]["preserve"] is given


def test_verbose_sets_nothing() -> None:
    assert run_of(FILE, args=ManifestArgs(verbose=True)) == run_of(FILE)


# -- labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "metadata"),
    [
        (("team=web", "dropped", "eq=a=b", "team=app", "empty="), {"team": "app", "eq": "a=b", "empty": ""}),
        (("dropped",), {"team": "old", "kept": "yes"}),
    ],
)
def test_labels_replace_those_of_the_files_as_one_layer(labels: tuple[str, ...], metadata: dict[str, str]) -> None:
    assert run_of(FILE, args=ManifestArgs(label=labels))["metadata"] == metadata


# -- inputs ---------------------------------------------------------------------------------------------------------


def test_inputs_are_laid_over_those_of_the_files_one_by_one() -> None:
    assert run_of(FILE, args=ManifestArgs(input=("a=5", "c=x", "a=6")))["inputs"] == {"a": 6, "b": 1, "c": "x"}


def test_inputs_do_not_come_back_that_a_file_has_cleared() -> None:
    cleared = shown(project(FILE), workflow("[run.inputs]"), args=ManifestArgs(input=("c=1",)))
    assert cleared["run"]["inputs"] == {"c": 1}


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("k=4.2", 4.2),
        ("k=42", 42),
        ("k=-1", -1),
        ("k=1_000", 1000),
        ("k=0x1f", 31),
        ("k=true", True),
        ("k=True", "True"),
        ('k="42"', "42"),
        ("k='a\\b'", "a\\b"),
        ("k=", ""),
        ("k=web", "web"),
        ("k=a=b", "a=b"),
        ("k= 42 ", 42),
        ("k= web ", " web "),
        ("k=v4.2", "v4.2"),
        ("k=1.2.3", "1.2.3"),
        ("k=fix #12", "fix #12"),
        ("k=12 # twelve", "12 # twelve"),
        ("k=1\nx = 2", "1\nx = 2"),
        ("k=1, x = 2", "1, x = 2"),
        ("k=1 } #", "1 } #"),
        ("k=[draft] notes", "[draft] notes"),
        ('k="open', '"open'),
        ("k=inf", "inf"),
        ("k=nan", "nan"),
        ("k=99999999999999999999", "99999999999999999999"),
        ("k=" + "[" * 5000, "[" * 5000),
        ("k={a" + ".a" * 5000 + "=1}", "{a" + ".a" * 5000 + "=1}"),
    ],
)
def test_an_input_that_is_a_toml_scalar_keeps_its_type(entry: str, value: object) -> None:
    inputs = settled(args=ManifestArgs(input=(entry,))).settings.run.inputs
    assert inputs == {"k": value}
    assert type(inputs["k"]) is type(value)


@pytest.mark.parametrize("entry", ["k=[1, 2]", "k={a = 1}", "k=2026-03-02", "k=10:15:00", "k=2026-03-02T10:15:00Z"])
def test_an_input_that_is_an_array_a_table_or_a_date_is_refused(entry: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^args\.input\[1\]: an input must be"):
        read_arguments(ManifestArgs(input=("x=1", entry)))


@pytest.mark.parametrize("entry", ["k", "", "=v", " =v"])
def test_an_input_that_is_not_key_and_value_is_refused(entry: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^args\.input\[0\]: must be KEY=VALUE\.$"):
        read_arguments(ManifestArgs(input=(entry,)))


def test_more_than_a_thousand_inputs_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than 1000"):
        read_arguments(ManifestArgs(input=("a=1",) * 1001))
