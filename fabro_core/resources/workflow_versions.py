"""Versions of workflows: a graph with its files, kept for good under the digest of what it says (resources.md X11)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Final

import msgspec
from msgspec.structs import replace

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import Unprocessable
from fabro_core.resources.revisioned import Closed, revision_of
from fabro_core.runs.paths import directory_of, is_within
from fabro_core.store.base import RunStore
from fabro_core.store.records import ABSENT

MAX_BYTES: Final = 2 * 1024 * 1024
"""Of a definition as it is sent."""

MAX_ENTRIES: Final = 512
"""Files of a version, and dependencies."""

MAX_FILE_BYTES: Final = 512 * 1024

MAX_PATH_BYTES: Final = 240
MAX_PATH_SEGMENTS: Final = 16

MAX_COMPILED_BYTES: Final = 8 * 1024 * 1024
"""Of a version with everything that it depends on."""

WorkflowPath = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PATH_BYTES)]
WorkflowVersionId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{64}\Z")]


class InvalidVersion(Unprocessable):
    """A definition breaks a rule: 422 `workflow_version_invalid`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="workflow_version_invalid")


class DependencyNotFound(Unprocessable):
    """A definition names a version that is not kept: 422 `workflow_version_dependency_not_found`."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"The version that {path} is to be is not known.", code="workflow_version_dependency_not_found"
        )


class WorkflowVersion(Closed, frozen=True, kw_only=True):
    """A definition. It never changes, and neither does what it depends on."""

    entrypoint: WorkflowPath
    """Which of the files is the workflow."""
    files: Annotated[dict[WorkflowPath, str], msgspec.Meta(max_length=MAX_ENTRIES)]
    """Texts by path."""
    workflow_dependencies: Annotated[dict[WorkflowPath, WorkflowVersionId], msgspec.Meta(max_length=MAX_ENTRIES)]
    """The versions that stand at further paths."""

    def __post_init__(self) -> None:
        for path in (*self.files, *self.workflow_dependencies):
            fault = _path_fault(path)
            if fault is not None:
                raise ValueError(f"the path {msgspec.json.encode(path).decode()} {fault}")
        both = self.files.keys() & self.workflow_dependencies.keys()
        if both:
            raise ValueError(f"{min(both)} is both a file and a dependency")
        if self.entrypoint not in self.files:
            raise ValueError("entrypoint must be one of the files")
        for path, text in self.files.items():
            if len(text.encode()) > MAX_FILE_BYTES:
                raise ValueError(f"{path} must have at most {MAX_FILE_BYTES} bytes")


class WorkflowVersions:
    """The versions that one store keeps. Every method raises `StoreUnavailable`."""

    def __init__(self, store: RunStore, clock: Clock) -> None:
        self._kept = Documents(store, clock, "workflow-versions", WorkflowVersion)

    async def keep(self, version: WorkflowVersion) -> str:
        """Keep a version, and return its id: the same for the same content, which is kept once."""
        canonical = _canonical(version)
        id_ = revision_of(canonical)
        await self._kept.put(id_, canonical, if_revision=ABSENT)
        return id_

    async def get(self, id_: str) -> WorkflowVersion | None:
        """The version with an id, in lower case; None when there is none."""
        stored = await self._kept.get(id_)
        return None if stored is None else stored.body

    async def texts(self, version: WorkflowVersion) -> dict[str, str]:
        """The files of a version and of all that it depends on, by their paths as the version sees them. A file of its
        own comes before one of what it depends on.

        Raises `DependencyNotFound` for what it names itself, and `InvalidVersion` when it is too much together.
        """
        texts = dict(version.files)
        size = sum(map(len, texts.values()))
        async for placed in self._dependencies(version):
            new = {path: text for path, text in placed.items() if path not in texts}
            size += sum(map(len, new.values()))
            if size > MAX_COMPILED_BYTES:
                raise InvalidVersion(f"With all that it depends on it has more than {MAX_COMPILED_BYTES} characters.")
            texts |= new
        return texts

    async def _dependencies(self, version: WorkflowVersion) -> AsyncIterator[dict[str, str]]:
        """What stands at the paths of dependencies, those of the version first and then what they depend on."""
        waiting = [(path, id_.lower()) for path, id_ in version.workflow_dependencies.items()]
        for number, (path, id_) in enumerate(_growing(waiting)):
            found = await self.get(id_)
            if found is None:
                raise DependencyNotFound(path)
            if number >= MAX_ENTRIES:
                raise InvalidVersion(f"It depends on more than {MAX_ENTRIES} versions, those of others included.")
            yield _placed(found.files, found.entrypoint, path)
            waiting += _placed(found.workflow_dependencies, found.entrypoint, path).items()


def _growing(waiting: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The items of a list that grows meanwhile."""
    yield from waiting


def _canonical(version: WorkflowVersion) -> WorkflowVersion:
    dependencies = {path: id_.lower() for path, id_ in version.workflow_dependencies.items()}
    return replace(version, workflow_dependencies=dependencies)


def _placed(entries: Mapping[str, str], entrypoint: str, at: str) -> dict[str, str]:
    """The entries of a version whose entrypoint stands at another path; those that are not below its directory stay
    out of sight."""
    home, place = directory_of(entrypoint), directory_of(at)
    below = {path.removeprefix(f"{home}/"): entry for path, entry in entries.items() if is_within(home, path)}
    name = entrypoint.removeprefix(f"{home}/")
    return {at if path == name else f"{place}/{path}".removeprefix("/"): entry for path, entry in below.items()}


def _path_fault(path: str) -> str | None:
    """Why a file cannot stand at a path, as the rest of a sentence; None when it can."""
    segments = path.split("/")
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"must have at most {MAX_PATH_BYTES} bytes"
    if len(segments) > MAX_PATH_SEGMENTS:
        return f"must have at most {MAX_PATH_SEGMENTS} segments"
    if "\\" in path or not {"", ".", ".."}.isdisjoint(segments):
        return "must be relative, with / between names that are not empty, . or .."
    return None
