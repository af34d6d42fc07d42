"""From a manifest to the run created of it: goal, title, labels, directory, sandbox (runs.md R5, R8.2, R8.3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabro_core.errors import InvalidRequest
from fabro_core.models.events import RunCreated
from fabro_core.models.principal import RunProvenance
from fabro_core.models.run import RepositoryRef, RunSandboxPlan, WorkflowRef
from fabro_core.models.run_settings import EnvironmentImageSettings, EnvironmentSettings, WorkflowSettings
from fabro_core.runs.create.manifest import read_manifest
from fabro_core.runs.create.plan import RunDraft, judge, plan_run, settle
from fabro_core.runs.create.work import PlanningWork
from fabro_core.runs.fold.projection import Projection
from fabro_core.runs.fold.title import inferred_title, valid_title
from fabro_core.runs.log.origin import read_created
from fabro_core.runs.service import Runs
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.store.memory import MemoryData, MemoryRunStore
from fabro_core.store.records import EventQuery
from fabro_core.testing.clock import ManualClock
from tests.api.seeding import Seed, put
from tests.runs.conftest import ANN
from tests.runs.settings.samples import stored_environment

GRAPH = 'digraph Deploy { graph [goal="Graph goal"] start exit start -> exit }'
PARENT = Seed(entropy=10**20)
ENTRY = {"content": "File goal", "ref": {"type": "file_inline", "original": "@goal.md"}}


def manifest(
    *, source: str = GRAPH, config: str = "", files: Mapping[str, Any] | None = None, **members: Any
) -> dict[str, Any]:
    return {
        "version": 1,
        "cwd": "/projects/shop",
        "target": {"path": "flows/deploy/workflow.fabro"},
        "workflows": {
            "./flows/deploy/workflow.fabro": {
                "source": source,
                "config": {"path": "flows/deploy/workflow.toml", "source": config},
                "files": files or {},
            }
        },
        **members,
    }


@dataclass(frozen=True)
class Created:
    """A run as its first event says it was created, and what the log makes of that."""

    event: RunCreated
    run: Projection
    manifest: bytes
    definition: dict[str, Any]

    @property
    def settings(self) -> WorkflowSettings:
        return msgspec.json.decode(self.event.settings, type=WorkflowSettings)

    @property
    def graph_attrs(self) -> Any:
        return msgspec.json.decode(self.event.graph)["attrs"]


def drafted(body: Mapping[str, Any]) -> RunDraft:
    return settle(read_manifest(json.dumps(body).encode()), StoredSettings(), PlanningWork())


def created(body: Mapping[str, Any], *, environments: Mapping[str, EnvironmentSettings] = {}) -> Created:
    """The run of a manifest, on a store that has `PARENT`."""
    return asyncio.run(_created(body, StoredSettings(environments=environments)))


async def _created(body: Mapping[str, Any], stored: StoredSettings) -> Created:
    async def read_stored() -> StoredSettings:
        return stored

    async def blob(digest: str | None) -> bytes:
        return await store.get_blob(digest or "") or b""

    store = MemoryRunStore(MemoryData())
    async with store.lifespan():
        runs = Runs(store, ManualClock(), web_url=None, read_stored=read_stored)
        await put(store, PARENT)
        hit = await runs.create(json.dumps(body).encode(), provenance=RunProvenance(subject=ANN))
        event = await read_created(store, hit.id)
        submitted = (await store.read(EventQuery(run_id=hit.id, limit=2))).events[1]
        definition = json.loads(submitted.body)["properties"]["definition_blob"]
        return Created(
            event=event,
            run=msgspec.json.decode(hit.state, type=Projection),
            manifest=await blob(event.manifest_blob),
            definition=json.loads(await blob(definition)),
        )


def refusal(body: Mapping[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as caught:
        created(body)
    return caught.value.detail


def test_a_run_holds_what_the_manifest_says() -> None:
    body = manifest(
        config='[workflow]\nname = "Deploy to production"',
        title=" Ship it ",
        parent_id=PARENT.id.lower(),
        git={"origin_url": "https://github.com/acme/shop.git", "branch": "main", "dirty": "clean"},
    )
    made = created(body)
    assert (made.run.title, drafted(body).title) == ("Ship it", "Ship it")
    assert made.run.goal == "Graph goal"
    assert made.run.parent_id == PARENT.id
    assert made.run.workflow == WorkflowRef(
        slug="deploy", name="Deploy to production", graph_name="Deploy", node_count=2, edge_count=1
    )
    assert made.run.repository == RepositoryRef(
        name="acme/shop", origin_url="https://github.com/acme/shop.git", provider="github"
    )
    assert made.event.git is not None
    assert made.event.git.branch == "main"
    assert made.event.workflow_source == GRAPH
    assert made.manifest == json.dumps(body).encode()


def test_a_manifest_without_optional_members_is_enough() -> None:
    made = created(manifest())
    assert (made.run.title, drafted(manifest()).title) == ("Graph goal", None)
    assert made.run.parent_id is None
    assert made.event.git is None
    assert made.run.repository == RepositoryRef(name="shop", origin_url=None, provider="unknown")
    assert made.run.sandbox is not None
    assert made.run.sandbox.plan == RunSandboxPlan(provider="local", image=None, snapshot=None)


def test_the_definition_names_the_workflow_under_its_normal_path() -> None:
    definition = created(manifest(files={"flows/deploy/../goal.md": ENTRY})).definition
    assert definition["workflow_path"] == "flows/deploy/workflow.fabro"
    assert definition["workflows"]["flows/deploy/workflow.fabro"]["source"] == GRAPH
    assert list(definition["workflows"]["flows/deploy/workflow.fabro"]["files"]) == ["flows/goal.md"]


# -- goal -------------------------------------------------------------------------------------------------------

INLINE = '[run]\ngoal = "Configured goal"'
FILE = '[run.goal]\nfile = "{}"'


@pytest.mark.parametrize(
    ("goal", "config", "expected"),
    [
        (None, "", "Graph goal"),
        ({"type": "graph", "text": "ignored"}, "", "Graph goal"),
        (None, INLINE, "Configured goal"),
        ({"type": "graph", "text": "ignored"}, INLINE, "Configured goal"),
        ({"type": "value", "text": "Own goal"}, INLINE, "Own goal"),
        ({"type": "file", "text": "Own goal"}, INLINE, "Own goal"),
        ({"type": "value", "text": ""}, INLINE, ""),
        (None, FILE.format("../deploy/goal.md"), "File goal"),
        (None, FILE.format("goal.md"), "File goal"),
        (None, FILE.format("./goal.md"), "File goal"),
        ({"type": "value", "text": "Own goal"}, FILE.format("missing.md"), "Own goal"),
    ],
)
def test_the_goal_of_the_manifest_beats_the_settings_and_they_beat_the_graph(
    goal: dict[str, str] | None, config: str, expected: str
) -> None:
    made = created(manifest(config=config, files={"flows/deploy/goal.md": ENTRY}, **_given(goal=goal)))
    assert made.run.goal == expected
    assert made.graph_attrs["goal"] == {"String": expected}


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def test_a_graph_without_a_goal_gets_the_one_that_overrides() -> None:
    made = created(manifest(source="digraph D { start exit start -> exit }", config=INLINE))
    assert made.graph_attrs == {"goal": {"String": "Configured goal"}}


def test_a_goal_file_that_the_manifest_does_not_hold_is_refused() -> None:
    place = "flows/deploy/workflow.toml:2:1: run.goal.file"
    reason = 'the manifest has no file "goal.md" beside the settings file.'
    assert refusal(manifest(config=FILE.format("goal.md"))) == f"{place}: {reason}"


# -- title ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("goal", "title"),
    [
        ("Ship it", "Ship it"),
        ("Ship the notes\nfor version 4.2", "Ship the notes"),
        ("# Ship it\r\nsoon", "Ship it"),
        ("## \t Plan: Ship it ", "Ship it"),
        ("Plan:Ship it", "Ship it"),
        ("plan: Ship it", "plan: Ship it"),
        ("Plan: # Ship it", "# Ship it"),
        ("", "Untitled run"),
        ("  ##  ", "Untitled run"),
        ("# Plan:", "Untitled run"),
        ("\nSecond line", "Untitled run"),
        ("a\x00b\tc\x85", "a b c"),
        ("\x00\u200b", "Untitled run"),
        ("\u200b\u2060\ufeff", "Untitled run"),
        ("\u200bShip it", "\u200bShip it"),
        ("é" * 100, "é" * 100),
        ("é" * 101, "é" * 97 + "..."),
    ],
)
def test_a_title_is_inferred_from_the_first_line_of_the_goal(goal: str, title: str) -> None:
    assert inferred_title(goal) == title
    body = manifest(goal={"type": "value", "text": goal})
    assert (created(body).run.title, drafted(body).title) == (title, None)


@pytest.mark.parametrize(
    ("text", "title"),
    [("Ship it", "Ship it"), ("\t Ship it \n", "Ship it"), ("ü" * 100, "ü" * 100), (" " * 200 + "x", "x")],
)
def test_a_title_is_trimmed(text: str, title: str) -> None:
    assert valid_title(text) == title


@pytest.mark.parametrize(
    "text", ["", "  \n", "\u200b", "\u200b \u2060\ufeff", "a\nb", "a\tb", "a\x00b", "a\x7fb", "a\x85b", "ü" * 101]
)
def test_a_title_that_is_blank_too_long_or_has_control_characters_is_refused(text: str) -> None:
    assert refusal(manifest(title=text)).startswith("title: must not ")


# -- labels, directory, sandbox ---------------------------------------------------------------------------------


def test_labels_overlay_project_workflow_and_run_metadata() -> None:
    config = """
    [project.metadata]
    a = "project"
    b = "project"
    c = "project"
    d = "project"
    [workflow.metadata]
    b = "workflow"
    c = "workflow"
    d = "workflow"
    [run.metadata]
    c = "run"
    d = "run"
    """
    made = created(manifest(config=config))
    assert made.run.labels == {"a": "project", "b": "workflow", "c": "run", "d": "run"}
    assert made.settings.run.metadata == {"c": "run", "d": "run"}


def test_labels_of_the_arguments_stand_for_those_of_the_run() -> None:
    config = "[workflow.metadata]\nb = 'workflow'\n[run.metadata]\nc = 'run'"
    made = created(manifest(config=config, args={"label": ["d=args", "e=x=y", "dropped"]}))
    assert made.run.labels == {"b": "workflow", "d": "args", "e": "x=y"}
    assert made.settings.run.metadata == {"d": "args", "e": "x=y"}


@pytest.mark.parametrize(
    ("cwd", "working_dir", "expected"),
    [
        ("/projects/shop", None, "/projects/shop"),
        ("/projects/shop", "web", "/projects/shop/web"),
        ("/projects/shop/", "web", "/projects/shop/web"),
        ("/projects/shop", "/elsewhere", "/elsewhere"),
        ("", None, None),
    ],
)
def test_the_source_directory_is_the_cwd_joined_with_the_working_directory(
    cwd: str, working_dir: str | None, expected: str | None
) -> None:
    config = f"[run]\nworking_dir = '{working_dir}'" if working_dir else ""
    assert created(manifest(config=config, cwd=cwd)).run.source_directory == expected


@pytest.mark.parametrize(
    ("environment", "plan"),
    [
        (stored_environment(provider="local"), RunSandboxPlan(provider="local", image=None, snapshot=None)),
        (
            stored_environment(image=EnvironmentImageSettings(docker="python:3.12", dockerfile=None)),
            RunSandboxPlan(provider="docker", image="python:3.12", snapshot=None),
        ),
        (stored_environment(provider="docker"), RunSandboxPlan(provider="docker", image=None, snapshot=None)),
        (stored_environment(provider="daytona"), RunSandboxPlan(provider="daytona", image=None, snapshot=None)),
    ],
)
def test_the_sandbox_plan_shows_an_image_for_docker_only(
    environment: EnvironmentSettings, plan: RunSandboxPlan
) -> None:
    sandbox = created(manifest(args={"environment": "e"}), environments={"e": environment}).run.sandbox
    assert sandbox is not None
    assert sandbox.plan == plan


def test_the_target_alone_is_compiled() -> None:
    body = manifest()
    body["workflows"]["other.fabro"] = {"source": "no graph", "config": {"path": "x.toml", "source": "no toml"}}
    assert created(body).run.workflow.graph_name == "Deploy"


# -- refusals and their order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("parent_id", ["", "x", "01KJPZQH2RK3M5N7P9Q1R2S4TI", "81KJPZQH2RK3M5N7P9Q1R2S4T6"])
def test_a_parent_that_is_no_run_id_is_refused(parent_id: str) -> None:
    assert refusal(manifest(parent_id=parent_id)) == "parent_id: must be a run id."


def test_the_settings_are_settled_before_title_and_parent_are_looked_at() -> None:
    config = "[run.metadata]\nteam = '{{ vars.NOPE }}'"
    assert "there is no variable" in refusal(manifest(config=config, title="", parent_id="x"))


def test_the_title_is_looked_at_before_the_parent() -> None:
    assert refusal(manifest(title="", parent_id="x")).startswith("title")


def test_a_graph_is_looked_at_only_when_the_run_is_compiled() -> None:
    draft = drafted(manifest(source="no graph"))
    with pytest.raises(InvalidRequest, match=r"^flows/deploy/workflow\.fabro:1:1: "):
        plan_run(draft, PlanningWork())


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("digraph D { start s [shape=Mdiamond] exit start -> exit s -> exit }", "start_node"),
        ("digraph D { start a start -> a }", "terminal_node"),
        ("digraph D { start exit start -> exit start -> gone }", "edge_target_exists"),
        ("digraph D { start exit start -> exit [condition=x] }", "all_conditional_edges"),
    ],
)
def test_a_graph_that_breaks_a_rule_is_refused_with_the_rule(source: str, rule: str) -> None:
    assert refusal(manifest(source=source)).startswith(f"flows/deploy/workflow.fabro: {rule}: ")


def test_of_many_broken_rules_five_are_shown() -> None:
    source = "digraph D { start exit start -> exit node [join_policy=x] a b c d e f g }"
    detail = refusal(manifest(source=source))
    assert detail.count("join_policy_removed: ") == 5
    assert detail.endswith(" (and 2 more)")


def test_a_warning_does_not_stop_a_run() -> None:
    source = "digraph D { start a [type=robot] exit start -> a -> exit }"
    assert created(manifest(source=source)).run.workflow.node_count == 3


def test_a_broken_graph_can_be_compiled_to_be_diagnosed() -> None:
    judgement = judge(drafted(manifest(source="digraph D { a [prompt=p] }", config=INLINE)), PlanningWork())
    assert judgement.workflow.graph.goal == "Configured goal"
    assert {item.rule for item in judgement.diagnostics} == {"start_node", "terminal_node"}


@given(source=st.text(), config=st.text(max_size=20), title=st.none() | st.text(), goal=st.text())
def test_a_run_or_an_invalid_request(source: str, config: str, title: str | None, goal: str) -> None:
    body = manifest(source=source, config=config, title=title, goal={"type": "value", "text": goal})
    with suppress(InvalidRequest):
        created(body)
    with suppress(InvalidRequest):
        assert len(created({**body, "workflows": manifest()["workflows"]}).run.title) in range(1, 101)
