"""The resources of one server, put together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fabro_core.clock import Clock
from fabro_core.documents.collection import Documents
from fabro_core.documents.sealing import Seal
from fabro_core.resources.automations import Automations
from fabro_core.resources.environments import Environments, environment_settings
from fabro_core.resources.mcp_servers import KeptMcpServer, McpServers, server_settings
from fabro_core.resources.secret_model import KeptSecret
from fabro_core.resources.secrets import Secrets
from fabro_core.resources.variables import Variables
from fabro_core.resources.workflow_versions import WorkflowVersions
from fabro_core.runs.settings.stored import StoredSettings
from fabro_core.store.base import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that is kept besides runs and sign-ins."""

    variables: Variables
    environments: Environments
    mcp_servers: McpServers
    secrets: Secrets
    workflow_versions: WorkflowVersions
    automations: Automations

    @property
    def sealed(self) -> tuple[Documents[KeptSecret] | Documents[KeptMcpServer], ...]:
        """Everything of it that has sealed fields."""
        return tuple(each for each in (self.mcp_servers.sealed, self.secrets.sealed) if each is not None)

    async def stored_settings(self) -> StoredSettings:
        """What manifests refer to, read anew. Raises `StoreUnavailable`."""
        return StoredSettings(
            variables={each.name: each.value for each in await self.variables.all()},
            environments={each.id: environment_settings(each) for each in await self.environments.stored()},
            mcp_servers={each.id: server_settings(each) for each in await self.mcp_servers.all()},
        )


def resources(store: RunStore, clock: Clock, *, seal: Seal | None, reserved: Collection[str]) -> Resources:
    """The resources that a store keeps. `seal` seals what must not be read there; None: nothing that would have to be
    is kept. `reserved` are the names of secrets that the server has from elsewhere."""
    return Resources(
        variables=Variables(store, clock),
        environments=Environments(store, clock),
        mcp_servers=McpServers(store, clock, seal),
        secrets=Secrets(store, clock, seal, reserved=frozenset(reserved)),
        workflow_versions=WorkflowVersions(store, clock),
        automations=Automations(store, clock),
    )
