"""Finds the files of a workflow by what people type: a graph file, its settings file, a directory or a name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fabro_core.client.faults import ClientFailed
from fabro_core.client.project_files import ProjectFiles
from fabro_core.client.toml_tables import table_in

SETTINGS: Final = "workflow.toml"
DEFAULT_GRAPH: Final = "workflow.fabro"
PROJECT_SETTINGS: Final = ".fabro/project.toml"
WORKFLOWS: Final = ".fabro/workflows"
"""Where a project keeps workflows that are called by name."""


@dataclass(frozen=True, slots=True)
class WorkflowLocation:
    """The files that a workflow begins with, by their names in the manifest."""

    graph: str
    settings: str | None
    """None: it has no settings file."""


def locate(files: ProjectFiles, typed: str) -> WorkflowLocation:
    """The workflow that `typed` means. Raises `ClientFailed` when there is none.

    A path to a graph file or to a settings file; a directory with a `workflow.toml`; or, without a suffix, the name of
    a workflow that the project keeps.
    """
    path = files.directory / typed
    if path.is_dir():
        path = path / SETTINGS if (path / SETTINGS).is_file() else path / DEFAULT_GRAPH
    elif not path.suffix and not path.exists():
        path = _named(files, typed)
    name = files.name_of(path)
    if files.read(name) is None:
        raise ClientFailed(f"{path}: there is no such file")
    return located(files, name)


def located(files: ProjectFiles, name: str) -> WorkflowLocation:
    """The workflow of a graph file or a settings file that is there."""
    return _of_settings(files, name) if name.endswith(".toml") else _of_graph(files, name)


def project_settings(files: ProjectFiles, graph: str) -> str | None:
    """The name of the project's settings file: the nearest one in or above the directory of a workflow."""
    for directory in files.path_of(graph).parents:
        name = files.name_of(directory / PROJECT_SETTINGS)
        if files.read(name) is not None:
            return name
    return None


def _of_settings(files: ProjectFiles, settings: str) -> WorkflowLocation:
    graph = _graph_of(files, settings)
    if files.read(graph) is None:
        raise ClientFailed(f"{files.path_of(settings)}: its workflow {files.path_of(graph)} is not there")
    return WorkflowLocation(graph, settings)


def _of_graph(files: ProjectFiles, graph: str) -> WorkflowLocation:
    """With the settings beside it, unless they are those of another workflow."""
    settings = files.name_of(files.path_of(graph).parent / SETTINGS)
    belongs = files.read(settings) is not None and _graph_of(files, settings) == graph
    return WorkflowLocation(graph, settings if belongs else None)


def _graph_of(files: ProjectFiles, settings: str) -> str:
    """The graph file that a settings file names (run-settings.md T3.1)."""
    graph = table_in(files.read(settings), "workflow").get("graph")
    directory = files.path_of(settings).parent
    return files.name_of(directory / (graph if isinstance(graph, str) else DEFAULT_GRAPH))


def _named(files: ProjectFiles, name: str) -> Path:
    """The settings file of the workflow of that name in the nearest project."""
    known: list[str] = []
    for directory in (files.directory, *files.directory.parents):
        workflows = directory / WORKFLOWS
        if (workflows / name / SETTINGS).is_file():
            return workflows / name / SETTINGS
        if workflows.is_dir() and not known:
            known = sorted(path.parent.name for path in workflows.glob(f"*/{SETTINGS}"))
    there_are = f"; the project has {', '.join(known)}" if known else ""
    raise ClientFailed(f'there is no file and no workflow "{name}"{there_are}')
