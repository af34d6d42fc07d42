"""Environments: where the work of runs is done, kept for manifests that name them (resources.md X8)."""

from __future__ import annotations

from typing import Final

import msgspec

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.errors import Conflict
from fabro_core.models.ids import ResourceId
from fabro_core.models.run import SandboxProvider
from fabro_core.models.run_settings import (
    DEFAULT_ENVIRONMENT,
    Count32,
    DockerfileSourceInline,
    EnvironmentImageSettings,
    EnvironmentLifecycleSettings,
    EnvironmentNetworkSettings,
    EnvironmentResourcesSettings,
    EnvironmentSettings,
    NetworkMode,
    StringMap,
)
from fabro_core.resources.revisioned import Closed, Kept, RevisionedDocuments, defined
from fabro_core.runs.settings.networks import is_cidr
from fabro_core.runs.settings.units import milliseconds, size_in_bytes
from fabro_core.store.base import RunStore

RESERVED: Final = "local"
"""The environment that is this machine. Nobody defines it, and it is shown where something offers it, which nothing
does yet."""


class InlineDockerfile(Closed, frozen=True, kw_only=True, tag="inline", tag_field="type"):
    value: str


class EnvironmentImage(Closed, frozen=True, kw_only=True):
    docker: str | None
    dockerfile: InlineDockerfile | None


class EnvironmentResources(Closed, frozen=True, kw_only=True):
    cpu: Count32 | None
    memory: str | None
    disk: str | None

    def __post_init__(self) -> None:
        for name, size in (("memory", self.memory), ("disk", self.disk)):
            if size is not None and size_in_bytes(size) is None:
                raise ValueError(f'{name} must be a size, as in "8GB" or "512MiB"')


class EnvironmentNetwork(Closed, frozen=True, kw_only=True):
    mode: NetworkMode
    allow: tuple[str, ...]

    def __post_init__(self) -> None:
        for index, cidr in enumerate(self.allow):
            if not is_cidr(cidr):
                raise ValueError(f"allow[{index}] must be an address and a prefix length, as in 10.0.0.0/8")


class EnvironmentLifecycle(Closed, frozen=True, kw_only=True):
    preserve: bool
    stop_on_terminal: bool
    auto_stop: str | None

    def __post_init__(self) -> None:
        if self.auto_stop is not None and milliseconds(self.auto_stop) is None:
            raise ValueError('auto_stop must be a duration, as in "60m"')


class EnvironmentDefinition(Closed, frozen=True, kw_only=True):
    """What somebody sets."""

    provider: SandboxProvider
    cwd: str | None = None
    """None: the provider's own."""
    image: EnvironmentImage
    resources: EnvironmentResources
    network: EnvironmentNetwork
    lifecycle: EnvironmentLifecycle
    labels: StringMap
    env: StringMap


class Environment(EnvironmentDefinition, frozen=True, kw_only=True):
    """As it is kept and shown."""

    id: ResourceId
    revision: str


class Environments:
    """The environments of a server. Every method raises `StoreUnavailable`.

    There is always a default one: what is built in until somebody replaces it.
    """

    def __init__(self, store: RunStore, clock: Clock) -> None:
        kept = Documents(store, clock, "environments", Kept[Environment])
        built_in = (_environment(DEFAULT_ENVIRONMENT, DEFAULTS),)
        self._kept: RevisionedDocuments[Environment] = RevisionedDocuments(kept, "Environment", built_in=built_in)

    async def all(self) -> list[Environment]:
        """All of them, by id."""
        return await self._kept.all()

    async def stored(self) -> list[Environment]:
        """Those that somebody has set, by id."""
        return await self._kept.stored()

    async def get(self, id_: str) -> Environment:
        """Raises `NotFound`."""
        return await self._kept.get(id_)

    async def create(self, id_: str, definition: EnvironmentDefinition) -> Environment:
        """Raises `Conflict` when there is one with this id, or must not be."""
        _refuse_reserved(id_)
        return await self._kept.create(Kept(shown=_environment(id_, definition)))

    async def replace(self, id_: str, definition: EnvironmentDefinition, revision: str) -> Environment:
        """Replace the one with this revision. Raises `NotFound` or `Conflict`."""
        _refuse_reserved(id_)
        return await self._kept.replace(Kept(shown=_environment(id_, definition)), revision)

    async def delete(self, id_: str, revision: str) -> None:
        """Delete the one with this revision. Raises `NotFound` or `Conflict`."""
        _refuse_reserved(id_)
        await self._kept.delete(id_, revision)


DEFAULTS: Final = EnvironmentDefinition(
    provider="local",
    image=EnvironmentImage(docker=None, dockerfile=None),
    resources=EnvironmentResources(cpu=None, memory=None, disk=None),
    network=EnvironmentNetwork(mode="allow_all", allow=()),
    lifecycle=EnvironmentLifecycle(preserve=False, stop_on_terminal=True, auto_stop=None),
    labels={},
    env={},
)
"""Of runs.md R8.3."""


def environment_settings(environment: Environment) -> EnvironmentSettings:
    """As settings of runs are laid over it."""
    dockerfile = environment.image.dockerfile
    return EnvironmentSettings(
        provider=environment.provider,
        cwd=environment.cwd,
        image=EnvironmentImageSettings(
            docker=environment.image.docker,
            dockerfile=None if dockerfile is None else DockerfileSourceInline(value=dockerfile.value),
        ),
        resources=EnvironmentResourcesSettings(**msgspec.structs.asdict(environment.resources)),
        network=EnvironmentNetworkSettings(**msgspec.structs.asdict(environment.network)),
        lifecycle=EnvironmentLifecycleSettings(**msgspec.structs.asdict(environment.lifecycle)),
        labels=environment.labels,
        env=environment.env,
    )


def _environment(id_: str, definition: EnvironmentDefinition) -> Environment:
    return Environment(**defined(EnvironmentDefinition, id_, definition))


def _refuse_reserved(id_: str) -> None:
    if id_ == RESERVED:
        raise Conflict(f"Environment {RESERVED} is reserved: nobody defines it.")
