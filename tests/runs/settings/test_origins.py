"""Which layer each setting came from (run-settings.md T9)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fabro_core.models.manifest import ManifestArgs
from fabro_core.models.run_settings import EnvironmentImageSettings
from fabro_core.runs.settings.origins import MAX_SHOWN
from tests.runs.settings.samples import (
    PROJECT,
    USER,
    WORKFLOW,
    project,
    settled,
    shown,
    stored_environment,
    user,
    workflow,
)


def origins(*sources: Any, **surroundings: Any) -> Any:
    return json.loads(msgspec.json.encode(settled(*sources, **surroundings).origins))


def origin(layer: str, path: str | None = None, *overruled: tuple[str, str | None, Any]) -> dict[str, Any]:
    return {
        "layer": layer,
        "path": path,
        "overruled": [{"layer": each, "path": file, "value": value} for each, file, value in overruled],
    }


def names(table: Any, path: str = "") -> set[str]:
    """The paths of everything in a snapshot that is no table."""
    if not isinstance(table, dict) or not table:
        return {path}
    return {found for key, value in table.items() for found in names(value, f"{path}.{key}".removeprefix("."))}


def test_without_files_every_setting_is_a_default() -> None:
    found = origins()
    kept = {"environments.default.provider", "run.environment.provider"}
    assert {name for name, each in found.items() if each == origin("default")} == set(found)
    assert kept <= set(found)


def test_every_setting_of_the_snapshot_has_an_origin() -> None:
    found = set(origins())
    unlike = {
        "environments.default.cwd", "run.environment.cwd",  # no layer can set them
        "run.prepare.steps", "run.prepare.timeout_ms",  # one value
        "run.artifacts.include",  # one value
        "run.checkpoint.commit_timeout_ms", "run.git.author", "run.pull_request",  # shown in another form
    }  # fmt: skip
    assert names(shown()) - found == unlike
    assert {"run.prepare", "run.artifacts", "run.checkpoint.commit_timeout", "run.git.author.name"} <= found
    assert {"run.pull_request.enabled", "run.model.controls.speed"} <= found


def test_a_layer_that_has_the_last_word_tells_what_it_overruled() -> None:
    found = origins(
        user("run.model.name = 'u'\nrun.clone.depth = 1"),
        project("run.model.name = 'p'"),
        workflow("run.model.name = 'w'"),
        args=ManifestArgs(model="a"),
    )
    below = [("workflow", WORKFLOW, "w"), ("project", PROJECT, "p"), ("user", USER, "u")]
    assert found["run.model.name"] == origin("argument", None, *below)
    assert found["run.clone.depth"] == origin("user", USER)
    assert found["run.model.provider"] == origin("default")


def test_values_are_told_as_they_are_written() -> None:
    found = origins(project("run.prepare.timeout = '90s'"), workflow("run.prepare = {}"))
    assert found["run.prepare"] == origin("workflow", WORKFLOW, ("project", PROJECT, {"timeout": "90s"}))


def test_entries_that_are_merged_by_key_have_origins_of_their_own() -> None:
    found = origins(project("run.environment.env = { A = '1', B = '1' }"), workflow("run.environment.env.B = '2'"))
    assert found["run.environment.env.A"] == origin("project", PROJECT)
    assert found["run.environment.env.B"] == origin("workflow", WORKFLOW, ("project", PROJECT, "1"))
    assert "run.environment.env" not in found


def test_fields_of_entries_that_are_merged_deeply_have_origins_of_their_own() -> None:
    found = origins(
        project("run.notifications.ops.provider = 'slack'"), workflow("run.notifications.ops.enabled = true")
    )
    assert found["run.notifications.ops.provider"] == origin("project", PROJECT)
    assert found["run.notifications.ops.enabled"] == origin("workflow", WORKFLOW)
    assert found["run.notifications.ops.events"] == origin("default")


def test_each_hook_has_an_origin() -> None:
    hook = "event = 'run_start', script"
    found = origins(
        project(f"run.hooks = [{{ id = 'a', {hook} = 'p' }}, {{ {hook} = 'q' }}]"),
        workflow(f"run.hooks = [{{ {hook} = 'x' }}, {{ id = 'a', {hook} = 'w' }}]"),
    )
    replaced = {"id": "a", "event": "run_start", "script": "p"}
    assert found["run.hooks[0]"] == origin("workflow", WORKFLOW, ("project", PROJECT, replaced))
    assert found["run.hooks[1]"] == origin("project", PROJECT)
    assert found["run.hooks[2]"] == origin("workflow", WORKFLOW)


def test_an_empty_value_that_inherits_says_nothing() -> None:
    found = origins(project("run.metadata.a = '1'"), workflow("run.metadata = {}\nrun.inputs = {}"))
    assert found["run.metadata"] == origin("project", PROJECT)
    assert found["run.inputs"] == origin("workflow", WORKFLOW)


def test_inputs_of_the_arguments_are_told_one_by_one() -> None:
    found = origins(workflow("run.inputs = { a = 1, b = 2 }"), args=ManifestArgs(input=("a=5", "c=6")))
    assert found["run.inputs"] == origin("workflow", WORKFLOW)
    assert found["run.inputs.a"] == origin("argument", None, ("workflow", WORKFLOW, 1))
    assert found["run.inputs.c"] == origin("argument")


def test_the_selected_environment_tells_where_its_values_are_from() -> None:
    ci = stored_environment(image=EnvironmentImageSettings(docker="kept", dockerfile=None))
    found = origins(
        project("environments.ci.image.docker = 'p'\nenvironments.ci.env.A = '1'"),
        workflow("run.environment = { id = 'ci', image = { docker = 'w' } }"),
        environments={"ci": ci},
    )
    kept = ("server", None, "kept")
    assert found["environments.ci.image.docker"] == origin("project", PROJECT, kept)
    assert found["run.environment.image.docker"] == origin("workflow", WORKFLOW, ("project", PROJECT, "p"), kept)
    assert found["run.environment.env.A"] == origin("project", PROJECT)
    assert found["run.environment.provider"] == origin("server")
    assert found["run.environment.resources.cpu"] == origin("default")


def test_the_goal_of_a_graph_is_from_its_file() -> None:
    def goal(*sources: Any, finished: str = "x", needs_goal: bool = True) -> Any:
        whole = settled(*sources, needs_goal=needs_goal).with_goal(finished, graph_path="w.fabro")
        return json.loads(msgspec.json.encode(whole.origins["run.goal"]))

    file = workflow("run.goal = 'w'")
    assert goal() == origin("workflow", "w.fabro")
    assert goal(finished="") == origin("default")
    assert goal(file) == origin("workflow", WORKFLOW)
    assert goal(file, needs_goal=False) == origin("argument", None, ("workflow", WORKFLOW, "w"))


def test_of_very_many_settings_single_ones_are_not_told_apart() -> None:
    many = "\n".join(f"run.environment.env.K{number} = ''" for number in range(MAX_SHOWN))
    found = origins(project(many), workflow("run.environment.env.K0 = 'w'\nrun.model.name = 'w'"))
    assert len(found) < 200
    assert found["run.environment.env"] == origin("workflow", WORKFLOW)
    assert found["run.model.name"] == origin("workflow", WORKFLOW)
    assert found["run.clone.depth"] == origin("default")
