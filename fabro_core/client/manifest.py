"""Makes manifests (runs.md R8.1): a workflow with every file that it refers to, so that the server reads none itself.

What a workflow refers to, its compiler knows: it is compiled here as the server does it, on files that note which of
them it asks for. What is wrong with the workflow is not judged here; the server says it, and better.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from fabro_core.client.faults import ClientFailed
from fabro_core.client.git_context import git_context
from fabro_core.client.project_files import ProjectFiles
from fabro_core.client.run_options import RunOptions
from fabro_core.client.settings_files import SettingsFiles
from fabro_core.client.workflow_location import WorkflowLocation, locate, located
from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import (
    ManifestArgs,
    ManifestFileEntry,
    ManifestFileRef,
    ManifestGoal,
    ManifestTarget,
    ManifestWorkflow,
    ManifestWorkflowConfig,
    RunManifest,
)
from fabro_core.runs.paths import directory_of, resolved
from fabro_core.runs.workflow.attributes import text_of
from fabro_core.runs.workflow.compile import compile_workflow
from fabro_core.runs.workflow.files import FileReference, WorkflowFiles
from fabro_core.runs.workflow.texts import Names
from fabro_core.text import without_mark

VERSION: Final = 1

_DEFAULTS: Final = RunOptions()


def build_manifest(
    workflow: str | Path,
    *,
    cwd: Path | None = None,
    options: RunOptions = _DEFAULTS,
    user_settings: Path | None = None,
) -> RunManifest:
    """The manifest of a run of `workflow`: a graph file, a `workflow.toml`, a directory with one, or a workflow's name.

    `cwd` is the directory that the run is about, None: the present one. The settings files of workflow and project are
    found; one of the user is sent only when it is named. Raises `ClientFailed` for files that cannot be read.
    """
    files = ProjectFiles(cwd or Path())
    location = locate(files, str(workflow))
    settings = SettingsFiles.found(files, location, user_settings)
    workflows = _Workflows(files, settings.inputs(options.inputs))
    workflows.add(location, goal=settings.goal if options.goal is None else options.goal, more=settings.references())
    return RunManifest(
        version=VERSION,
        cwd=str(files.directory),
        title=options.title,
        parent_id=options.parent_id,
        target=ManifestTarget(path=location.graph),
        git=git_context(files.directory) or msgspec.UNSET,
        goal=msgspec.UNSET if options.goal is None else ManifestGoal(type="value", text=options.goal),
        args=options.args(),
        configs=tuple(settings.configs()),
        workflows=workflows.found,
    )


def encode_manifest(manifest: RunManifest, *, indent: int | None = None) -> str:
    """JSON, without what is not said. Raises `ClientFailed` for names and options that are no texts."""
    document: dict[str, Any] = msgspec.to_builtins(manifest)
    unsaid = msgspec.to_builtins(ManifestArgs())
    document["args"] = {key: value for key, value in document["args"].items() if unsaid.get(key) != value}
    said = {key: value for key, value in document.items() if value or key == "version"}
    text = json.dumps(said, ensure_ascii=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ClientFailed("a file name or an option has characters that are not UTF-8") from None
    return text


class _Workflows:
    """The workflows of a manifest: the target, and those that its nodes start."""

    def __init__(self, files: ProjectFiles, inputs: Mapping[str, Any]) -> None:
        self._files = files
        self._inputs = inputs
        self.found: dict[str, ManifestWorkflow] = {}

    def add(self, location: WorkflowLocation, *, goal: str | None = None, more: Iterable[FileReference] = ()) -> None:
        """Take a workflow up with its files, and after it the workflows that it starts."""
        ahead = [(location, goal, more)]
        while ahead:
            location, goal, more = ahead.pop()
            if location.graph in self.found:
                continue
            source = self._files.read(location.graph) or ""
            asked = _AskedFiles(self._files)
            for reference in more:
                asked.find(reference)
            workflow = WorkflowFiles(location.graph, source, asked.find)
            children = list(self._children(workflow, goal))  # compiled before it is seen what was asked for
            config = None
            if location.settings is not None:
                config = ManifestWorkflowConfig(
                    path=location.settings, source=self._files.read(location.settings) or ""
                )
            self.found[location.graph] = ManifestWorkflow(
                source=source, config=config or msgspec.UNSET, files=asked.entries or msgspec.UNSET
            )
            ahead += [(child, None, ()) for child in children]

    def _children(self, workflow: WorkflowFiles, goal: str | None) -> Iterator[WorkflowLocation]:
        """The workflows that nodes start, as far as their files are there."""
        try:
            compiled = compile_workflow(workflow, Names(inputs=self._inputs), goal)
        except InvalidRequest:
            return  # whatever it is, the server finds it at the same place
        for node in compiled.graph.nodes.values():
            reference = text_of(node.attrs, "stack.child_workflow")
            name = None if reference is None else resolved(directory_of(workflow.path), reference)
            if name is not None and self._files.read(name) is not None:
                yield located(self._files, name)


class _AskedFiles:
    """Finds files for a compiler, and keeps those that it asked for."""

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files
        self.entries: dict[str, ManifestFileEntry] = {}

    def find(self, reference: FileReference) -> str | None:
        """The content of a file that something refers to."""
        content = self._files.read(reference.path)
        if content is not None and reference.path not in self.entries:
            ref = ManifestFileRef(type=reference.type, original=reference.original, from_=reference.base)
            self.entries[reference.path] = ManifestFileEntry(content=content, ref=ref)
        return None if content is None else without_mark(content)
