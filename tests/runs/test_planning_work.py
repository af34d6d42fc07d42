"""What is settled and compiled once for many runs is what would have been worked out for each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import Judgement, judge, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.settings.stored import StoredSettings
from tests.corpus.cases import Case, cases

PATH = "flows/deploy/workflow.fabro"
PLAIN = 'digraph D { start a [prompt="Do it"] exit start -> a -> exit }'
FILLED = 'digraph D { start a [prompt="Do {{ goal }}"] exit start -> a -> exit }'


def manifest(source: str = PLAIN, **members: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": PATH},
        "workflows": {PATH: {"source": source, **members.pop("workflow", {})}},
        **members,
    }


def goal(text: str) -> dict[str, Any]:
    return {"type": "value", "text": text}


def files(**contents: str) -> dict[str, Any]:
    ref = {"type": "file_inline", "original": "@file"}
    return {"files": {f"flows/deploy/{name}.md": {"content": text, "ref": ref} for name, text in contents.items()}}


def judged(work: PlanningWork, body: Mapping[str, Any], variables: Mapping[str, str] = {}) -> Judgement:
    draft = settle(read_manifest(json.dumps(body).encode()), StoredSettings(variables=variables), work)
    return judge(draft, work)


def outcome(work: PlanningWork, body: Mapping[str, Any], variables: Mapping[str, str] = {}) -> object:
    """All that comes of a manifest, byte by byte, or why nothing does."""
    try:
        judgement = judged(work, body, variables)
    except InvalidRequest as refusal:
        return str(refusal)
    workflow = judgement.workflow
    return msgspec.json.encode((judgement.settings, judgement.settled.origins, workflow.graph, judgement.diagnostics))


def is_shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    work = PlanningWork()
    return judged(work, one).workflow.graph.nodes is judged(work, other).workflow.graph.nodes


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"title": "Another title"},
        {"goal": goal("Another goal")},
        {"args": {"label": ["team=core"]}},
        {"args": {"input": ["ticket=4711"]}},
    ],
    ids=["nothing", "title", "goal", "labels", "inputs"],
)
def test_runs_of_one_workflow_share_its_compilation(other: dict[str, Any]) -> None:
    first = manifest(goal=goal("A goal"))
    assert is_shared(first, {**first, **other})


def test_each_run_has_the_goal_it_asks_for() -> None:
    work = PlanningWork()
    goals = [judged(work, manifest(goal=goal(text))).workflow.graph.goal for text in ("One", "Another", "", "One")]
    assert goals == ["One", "Another", "", "One"]


def test_the_same_settings_are_settled_once() -> None:
    work = PlanningWork()
    body = manifest(workflow={"config": {"path": "flows/deploy/workflow.toml", "source": "[run.metadata]\na = 'b'"}})
    first, second = (
        settle(read_manifest(json.dumps({**body, "title": title}).encode()), StoredSettings(), work)
        for title in ("One", "Another")
    )
    assert first.settled is second.settled


def inputs(*entries: str, source: str = PLAIN, **members: Any) -> list[dict[str, Any]]:
    """The same manifest with one input or another."""
    return [manifest(source, args={"input": [entry]}, **members) for entry in entries]


OF_INPUT = FILLED.replace("goal", "inputs.a")
REFERRING = PLAIN.replace("Do it", "@one.md")


@pytest.mark.parametrize(
    "bodies",
    {
        "source": [manifest(), manifest(PLAIN.replace("Do it", "Do more"))],
        "goal": [manifest(), manifest(goal=goal("")), manifest(goal=goal("One")), manifest(goal=goal("Another"))],
        "goal in a prompt": [manifest(FILLED, goal=goal(text)) for text in ("One", "Another")],
        "input in a prompt": inputs("a=1", "a=2", source=OF_INPUT),
        "input in a goal": inputs("a=1", "a=2", goal=goal("{{ inputs.a }}")),
        "type of an input": inputs("a=1", "a=1.0", "a='1'", "a=true"),
        "label": [manifest(args={"label": [label]}) for label in ("a=1", "a=2")],
        "file of a goal": [manifest(goal=goal("@one.md"), workflow=files(one=text)) for text in ("One", "Another")],
        "file of a prompt": [manifest(REFERRING, workflow=files(one=text)) for text in ("One", "Another")],
        "name of a file": [manifest(REFERRING, workflow=files(**{name: "One"})) for name in ("one", "other")],
        "path": [
            {**manifest(), "target": {"path": path}, "workflows": {path: {"source": OF_INPUT}}} for path in ("a", "b")
        ],
        "fault": [manifest("no graph"), manifest("digraph"), manifest(args={"input": ["none"]})],
    }.items(),
    ids=lambda each: each[0],
)
def test_whatever_differs_in_manifests_makes_the_difference(bodies: tuple[str, list[dict[str, Any]]]) -> None:
    work = PlanningWork()
    expected = [outcome(PlanningWork(), body) for body in bodies[1]]
    assert len(set(map(str, expected))) == len(bodies[1])
    for _ in range(2):
        assert [outcome(work, body) for body in bodies[1]] == expected


@pytest.mark.parametrize(
    "body",
    [
        manifest(goal=goal("{{ vars.REGION }}")),
        manifest(PLAIN.replace("Do it", "{{ vars.REGION }}")),
        manifest(workflow={"config": {"path": "workflow.toml", "source": "[run.metadata]\na = '{{ vars.REGION }}'"}}),
    ],
    ids=["goal", "prompt", "settings"],
)
def test_a_variable_that_was_changed_is_not_remembered(body: dict[str, Any]) -> None:
    work = PlanningWork()
    for region in ("north", "south"):
        told = outcome(work, body, {"REGION": region})
        assert isinstance(told, bytes)
        assert region.encode() in told
    assert outcome(work, body) == outcome(PlanningWork(), body)


PIECES = st.sampled_from(
    ["", "Do it", "@one.md", "@gone.md", "{{ goal }}", "{{ inputs.a }}", "{{ vars.V }}", "{{ nope", "{"]
)
TEXTS = st.lists(PIECES, max_size=3).map(" ".join) | PIECES
SHARED = PlanningWork()


@given(
    prompt=TEXTS,
    script=TEXTS,
    own=st.none() | TEXTS,
    asked=st.none() | TEXTS,
    file=PIECES,
    entries=st.lists(st.sampled_from(["a=1", "a=2", "b=1"]), max_size=1),
    value=st.sampled_from(["", "one", "two"]),
)
def test_whatever_runs_were_planned_before_a_plan_is_the_same(
    prompt: str, script: str, own: str | None, asked: str | None, file: str, entries: list[str], value: str
) -> None:
    states = "" if own is None else f"goal={json.dumps(own)}"
    nodes = f"a [prompt={json.dumps(prompt)}] b [shape=parallelogram, script={json.dumps(script)}]"
    source = f"digraph D {{ {states} start {nodes} exit start -> a -> b -> exit }}"
    body = manifest(source, args={"input": entries}, workflow=files(one=file))
    if asked is not None:
        body["goal"] = goal(asked)
    assert outcome(SHARED, body, {"V": value}) == outcome(PlanningWork(), body, {"V": value})


@pytest.mark.parametrize("case", [*cases("language"), *cases("settings")])
def test_a_case_of_the_corpus_comes_out_alike_after_all_others(case: Case) -> None:
    for told in (case.manifest(), *({**case.manifest(), "goal": goal(text)} for text in ("One", "{{ goal }}", "Two"))):
        assert outcome(SHARED, told) == outcome(PlanningWork(), told)
