"""Variables in settings (run-settings.md T7)."""

from __future__ import annotations

import pytest

from fabro_core.runs.settings.variables import MAX_CHARS
from tests.runs.settings.samples import fault, faults, project, run_of, settled, shown, workflow

TOKEN = "{{ vars.A }}"

SEARCHED = """
[run]
metadata = { m = "{{ vars.A }}" }
[run.model.controls]
speed = "{{vars.A}}"
[[run.prepare.steps]]
script = "{{   vars.A}} {{ vars.A }}"
env = { E = "{{ vars.A }}" }
[[run.prepare.steps]]
command = ["x", "{{ vars.A }}"]
[run.checkpoint]
exclude_globs = ["{{ vars.A }}"]
[run.notifications.n]
provider = "{{ vars.A }}"
events = ["{{ vars.A }}"]
slack.channel = "{{ vars.A }}"
[run.interviews]
provider = "{{ vars.A }}"
slack.channel = "{{ vars.A }}"
[run.agent.mcps.s]
type = "stdio"
script = "{{ vars.A }}"
env = { E = "{{ vars.A }}" }
[run.agent.mcps.h]
type = "http"
url = "{{ vars.A }}"
headers = { H = "{{ vars.A }}" }
[[run.hooks]]
event = "run_start"
name = "{{ vars.A }}"
matcher = "{{ vars.A }}"
url = "{{ vars.A }}"
headers = { H = "{{ vars.A }}" }
[[run.hooks]]
event = "run_start"
prompt = "{{ vars.A }}"
model = "{{ vars.A }}"
[[run.hooks]]
event = "run_start"
command = ["{{ vars.A }}", "x"]
[run.scm]
provider = "{{ vars.A }}"
[run.artifacts]
include = ["{{ vars.A }}"]
[run.integrations.github.permissions]
issues = "{{ vars.A }}"
[run.environment]
id = "x"
env = { E = "{{ vars.A }}" }
[environments.x]
provider = "docker"
image = { docker = "{{ vars.A }}", dockerfile = "FROM {{ vars.A }}" }
labels = { L = "{{ vars.A }}" }
"""


def test_variables_are_replaced_in_every_text_that_may_hold_them() -> None:
    run = run_of(SEARCHED, variables={"A": "value"})
    assert run == run_of(SEARCHED.replace("{{   vars.A}}", TOKEN).replace("{{vars.A}}", TOKEN).replace(TOKEN, "value"))
    assert "vars" not in str(run)


LITERAL = """
[project]
name = "{{ vars.A }}"
metadata = { p = "{{ vars.A }}" }
[workflow]
description = "{{ vars.A }}"
[run]
working_dir = "{{ vars.A }}"
inputs = { i = "{{ vars.A }}" }
[run.model]
provider = "{{ vars.A }}"
name = "{{ vars.A }}"
fallbacks = { m = ["{{ vars.A }}"] }
[run.git.author]
name = "{{ vars.A }}"
[run.scm]
owner = "{{ vars.A }}"
repository = "{{ vars.A }}"
[environments.other]
provider = "docker"
env = { E = "{{ vars.A }}" }
"""


def test_every_other_text_stays_as_it_is() -> None:
    assert shown(workflow(LITERAL), variables={"A": "value"}) == shown(workflow(LITERAL))
    assert str(shown(workflow(LITERAL))).count(TOKEN) == LITERAL.count(TOKEN)


@pytest.mark.parametrize(
    "text",
    [
        "{{ secrets.A }}",
        "{{ env.A }}",
        "{{ inputs.A }}",
        "{{ goal }}",
        "{{ vars.a-b }}",
        "{{ vars. }}",
        "{{ vars.A | upper }}",
        "{{ var.A }}",
        "{ vars.A }",
        "{{ .Go }}",
        "${{ github.ref }}",
    ],
)
def test_every_other_brace_is_text(text: str) -> None:
    assert run_of(f"run.metadata.m = '{text}'", variables={"A": "x"})["metadata"] == {"m": text}


def test_what_a_variable_holds_is_not_looked_at_again() -> None:
    source = "run.metadata.m = '{{ vars.A }}{{ vars.B }}'"
    assert run_of(source, variables={"A": "{{ vars.B }}", "B": "b"})["metadata"] == {"m": "{{ vars.B }}b"}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("run.metadata.m = '{{ vars.NOPE }}'", "1:14: run.metadata.m: there is no variable NOPE."),
        ("run.goal = 'In {{ vars.NOPE }}'", "1:5: run.goal: there is no variable NOPE."),
        ("[[run.hooks]]\nevent = 'run_start'\ncommand = ['x',\n'{{ vars.NOPE }}']", "4:1: run.hooks[0].command[1]: th"),
        ("[environments.default.env]\nE = '{{ vars.NOPE }}'", "2:1: run.environment.env.E: there is no variable NOPE."),
    ],
)
def test_an_unknown_variable_is_told_with_its_place(source: str, expected: str) -> None:
    assert fault(source, variables={"OTHER": "x"}).startswith(expected)


def test_all_unknown_variables_are_told() -> None:
    found = faults(workflow("run.metadata = { a = '{{ vars.X }}{{ vars.Y }}', b = '{{ vars.X }}' }"))
    assert [each.reason for each in found] == [f"there is no variable {name}" for name in ("X", "Y", "X")]


def test_a_value_that_has_no_say_is_not_searched() -> None:
    lower = """
    [run]
    metadata = { a = "{{ vars.GONE }}" }
    prepare.steps = [{ script = "{{ vars.GONE }}" }]
    goal = "{{ vars.GONE }}"
    [run.hooks]
    """.replace("[run.hooks]", "[environments.x]\nprovider = 'docker'\nenv = { K = '{{ vars.GONE }}' }")
    higher = "run.metadata.b = '1'\nrun.prepare = {}\nrun.goal = 'x'"
    assert shown(project(lower), workflow(higher))["run"]["metadata"] == {"b": "1"}


def test_a_goal_is_left_to_the_template_that_it_is() -> None:
    goal = "{{ vars.A }} {{ inputs.x }} {{ goal }}"
    assert settled(workflow(f"run.goal = '{goal}'"), variables={"A": "{{ inputs.y }}"}).goal == goal


def test_a_variable_that_would_fill_memory_is_refused() -> None:
    source = "run.metadata.m = '" + TOKEN * 1000 + "'"
    assert fault(source, variables={"A": "x" * 10_000}).endswith(f"come to more than {MAX_CHARS} characters.")


def test_variables_are_bounded_in_all_texts_together() -> None:
    source = "\n".join(f"run.metadata.m{number} = '{TOKEN}'" for number in range(5))
    run_of(source, variables={"A": "x" * (MAX_CHARS // 5)})
    assert "come to more than" in fault(source, variables={"A": "x" * (MAX_CHARS // 4)})
