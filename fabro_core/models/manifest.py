"""The body of `POST /runs`: a workflow with everything that a run needs of it (runs.md R8.1).

Unknown keys are ignored. What the types cannot say is checked in `fabro_core.runs.create.manifest`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from fabro_core.models.events import GitContext


class ManifestTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Which of the workflows is to be run."""

    path: str


class ManifestGoal(msgspec.Struct, frozen=True, kw_only=True):
    """What the run is to reach. `graph` repeats the graph's own goal and overrides nothing."""

    type: Literal["value", "file", "graph"]
    text: str


class ManifestArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the client's command line, which win over every configuration file."""

    model: str | msgspec.UnsetType = msgspec.UNSET
    provider: str | msgspec.UnsetType = msgspec.UNSET
    environment: str | msgspec.UnsetType = msgspec.UNSET
    in_place: bool | msgspec.UnsetType = msgspec.UNSET
    """Work where the files are, not in a copy of them (execution.md N12.2)."""
    verbose: bool = False
    dry_run: bool | msgspec.UnsetType = msgspec.UNSET
    """False asks for the opposite of true, and wins as well (run-settings.md T5)."""
    auto_approve: bool | msgspec.UnsetType = msgspec.UNSET
    """As `dry_run`."""
    preserve_sandbox: bool | msgspec.UnsetType = msgspec.UNSET
    """As `dry_run`."""
    label: tuple[str, ...] = ()
    """`KEY=VALUE`."""
    input: tuple[str, ...] = ()
    """`KEY=VALUE`, where the value is a TOML scalar or bare text."""


class ManifestConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration file of the project or the user."""

    type: Literal["project", "user"]
    path: str | None = None
    source: str | None = None
    """TOML; None when the file does not exist."""


class ManifestWorkflowConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration file beside a workflow."""

    path: str
    source: str
    """TOML."""


FileRefType = Literal["file_inline", "import", "dockerfile"]


class ManifestFileRef(msgspec.Struct, frozen=True, kw_only=True):
    """How a file came to be part of the manifest."""

    type: FileRefType
    original: str
    """The reference as the author wrote it."""
    from_: str | None = msgspec.field(name="from", default=None)
    """The file that holds the reference."""


class ManifestFileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a workflow refers to."""

    content: str
    ref: ManifestFileRef


class ManifestWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow file with what belongs to it."""

    source: str
    """DOT."""
    config: ManifestWorkflowConfig | msgspec.UnsetType = msgspec.UNSET
    files: dict[str, ManifestFileEntry] | msgspec.UnsetType = msgspec.UNSET
    """By path."""


class RunManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run is created from. A `run_id` is not a member: the server makes ids (runs.md R3)."""

    version: int
    cwd: str
    """The client's working directory."""
    target: ManifestTarget
    workflows: dict[str, ManifestWorkflow]
    """By path."""
    parent_id: str | None = None
    title: str | None = None
    git: GitContext | msgspec.UnsetType = msgspec.UNSET
    goal: ManifestGoal | msgspec.UnsetType = msgspec.UNSET
    args: ManifestArgs = ManifestArgs()
    configs: tuple[ManifestConfig, ...] = ()
