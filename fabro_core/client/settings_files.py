"""The settings files of a run, and what they refer to (run-settings.md T1, T6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fabro_core.client.project_files import ProjectFiles
from fabro_core.client.toml_tables import table_in
from fabro_core.client.workflow_location import WorkflowLocation, project_settings
from fabro_core.errors import InvalidRequest
from fabro_core.models.manifest import FileRefType, ManifestArgs, ManifestConfig
from fabro_core.runs.paths import directory_of, resolved
from fabro_core.runs.settings.arguments import read_arguments
from fabro_core.runs.workflow.files import FileReference
from fabro_core.text import without_mark


@dataclass(frozen=True, slots=True)
class SettingsFiles:
    """Their names in the manifest; None for one that there is not."""

    files: ProjectFiles
    user: str | None
    project: str | None
    workflow: str | None

    @classmethod
    def found(cls, files: ProjectFiles, location: WorkflowLocation, user_settings: Path | None) -> Self:
        """Those of a workflow, of the project around it, and of the user if they are named. Raises `ClientFailed`."""
        user = None if user_settings is None else files.name_of(user_settings)
        if user_settings is not None:
            files.require(user_settings)
        return cls(files, user, project_settings(files, location.graph), location.settings)

    def inputs(self, arguments: Sequence[str]) -> Mapping[str, Any]:
        """`run.inputs` as the server will see them: those of the topmost file that has some, under the arguments."""
        layers = (table_in(text, "run").get("inputs") for _, text in self._topmost_first())
        inputs: Mapping[str, Any] = next((layer for layer in layers if isinstance(layer, dict)), {})
        try:
            return {**inputs, **read_arguments(ManifestArgs(input=tuple(arguments))).inputs}
        except InvalidRequest:  # told by the server
            return inputs

    @property
    def goal(self) -> str | None:
        """The goal that the topmost file states, or its content when it is in a file; None: none states one."""
        for name, text in self._topmost_first():
            match table_in(text, "run").get("goal"):
                case str(goal):
                    return goal
                case {"file": str(path)}:
                    reference = self._reference(name, path, "file_inline")
                    content = None if reference is None else self.files.read(reference.path)
                    return None if content is None else without_mark(content)
        return None

    def references(self) -> Iterator[FileReference]:
        """The files that settings refer to: goals and Dockerfiles."""
        for name, text in self._topmost_first():
            goal = table_in(text, "run", "goal").get("file")
            tables = [*table_in(text, "environments").values(), table_in(text, "run", "environment")]
            dockerfiles = [] if name == self.user else [_dockerfile(table) for table in tables]
            found = [self._reference(name, each, "dockerfile") for each in dockerfiles if each is not None]
            if isinstance(goal, str):
                found.append(self._reference(name, goal, "file_inline"))
            yield from (reference for reference in found if reference is not None)

    def configs(self) -> Iterator[ManifestConfig]:
        """Those that are not of the workflow, as the manifest has them."""
        if self.user is not None:
            yield ManifestConfig(type="user", path=self.user, source=self.files.read(self.user))
        if self.project is not None:
            yield ManifestConfig(type="project", path=self.project, source=self.files.read(self.project))

    def _topmost_first(self) -> Iterator[tuple[str, str | None]]:
        for name in (self.workflow, self.project, self.user):
            if name is not None:
                yield name, self.files.read(name)

    def _reference(self, name: str, path: str, kind: FileRefType) -> FileReference | None:
        """A path as seen from the settings file that has it; from `cwd` when that is the user's."""
        target = resolved("" if name == self.user else directory_of(name), path)
        return None if target is None else FileReference(target, kind, path, name)


def _dockerfile(environment: Any) -> str | None:
    match environment:
        case {"image": {"dockerfile": {"path": str(path)}}}:
            return path
        case _:
            return None
