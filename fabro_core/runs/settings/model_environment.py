"""Environments in settings files: where a run's work is done (run-settings.md T3.7, T3.8)."""

from __future__ import annotations

from typing import Annotated, Final

from fabro_core.runs.settings.kinds import (
    Count,
    Duration,
    FileTable,
    Flag,
    LowerCaseKind,
    Size,
    Text,
    VariableText,
)
from fabro_core.runs.settings.table import Default, Rule

PROVIDERS: Final = ("local", "docker", "daytona")
NETWORK_MODES: Final = ("allow_all", "block", "cidr_allow_list")

Provider = Annotated[str, LowerCaseKind(PROVIDERS)]
NetworkMode = Annotated[str, LowerCaseKind(NETWORK_MODES)]


class DockerfilePath(FileTable, frozen=True, kw_only=True):
    """A Dockerfile that is sent along."""

    path: Annotated[Text, Rule.SET]
    """Path of the file, seen from the directory of the settings file."""


class Image(FileTable, frozen=True, kw_only=True):
    """What a sandbox is made from."""

    docker: Annotated[VariableText | None, Rule.SET] = None
    """Name of an image."""
    dockerfile: Annotated[VariableText | DockerfilePath | None, Rule.SET] = None
    """The content of a Dockerfile. A table with `path` names a file that holds it; not in the user's file."""


class Resources(FileTable, frozen=True, kw_only=True):
    """What a sandbox may use."""

    cpu: Annotated[Count | None, Rule.SET] = None
    """Processors."""
    memory: Annotated[Size | None, Rule.SET] = None
    """Memory; a number alone counts GB."""
    disk: Annotated[Size | None, Rule.SET] = None
    """Disk; a number alone counts GB."""


class Network(FileTable, frozen=True, kw_only=True):
    """Whom a sandbox may talk to."""

    mode: Annotated[NetworkMode | None, Rule.SET] = None
    """In any letter case. Without it: `cidr_allow_list` when `allow` has entries, else `allow_all`."""
    allow: Annotated[tuple[Text, ...] | None, Rule.LIST, Default([])] = None
    """Networks as address and prefix length, such as `10.0.0.0/8`."""


class Lifecycle(FileTable, frozen=True, kw_only=True):
    """How long a sandbox lives."""

    preserve: Annotated[Flag | None, Rule.SET, Default(False)] = None
    """Whether it outlives the run."""
    stop_on_terminal: Annotated[Flag | None, Rule.SET, Default(True)] = None
    """Whether it stops when the run has ended."""
    auto_stop: Annotated[Duration | None, Rule.SET] = None
    """After how much idle time it stops."""


class Environment(FileTable, frozen=True, kw_only=True):
    """An environment that runs can select."""

    provider: Annotated[Provider | None, Rule.SET] = None
    """`local`, `docker` or `daytona`, in any letter case; the selected environment needs it."""
    image: Annotated[Image, Rule.FIELDS] = Image()
    """See its own table."""
    resources: Annotated[Resources, Rule.FIELDS] = Resources()
    """See its own table."""
    network: Annotated[Network, Rule.FIELDS] = Network()
    """See its own table."""
    lifecycle: Annotated[Lifecycle, Rule.FIELDS] = Lifecycle()
    """See its own table."""
    labels: Annotated[dict[str, VariableText] | None, Rule.BY_KEY, Default({})] = None
    """Labels of the sandbox."""
    env: Annotated[dict[str, VariableText] | None, Rule.BY_KEY, Default({})] = None
    """Environment variables of everything that is executed."""


class RunEnvironment(FileTable, frozen=True, kw_only=True):
    """Which environment the run selects, and what it wants differently there."""

    id: Annotated[Text | None, Rule.SET, Default("default")] = None
    """The environment."""
    image: Annotated[Image, Rule.FIELDS] = Image()
    """As in `[environments.<id>]`, and laid over it."""
    resources: Annotated[Resources, Rule.FIELDS] = Resources()
    """As in `[environments.<id>]`, and laid over it."""
    network: Annotated[Network, Rule.FIELDS] = Network()
    """As in `[environments.<id>]`, and laid over it."""
    lifecycle: Annotated[Lifecycle, Rule.FIELDS] = Lifecycle()
    """As in `[environments.<id>]`, and laid over it."""
    labels: Annotated[dict[str, VariableText] | None, Rule.BY_KEY] = None
    """As in `[environments.<id>]`, and laid over it."""
    env: Annotated[dict[str, VariableText] | None, Rule.BY_KEY] = None
    """As in `[environments.<id>]`, and laid over it."""
