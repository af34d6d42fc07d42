"""Other services that a server may work with (resources.md X12): none of them has a part here."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

from fabro_core.http.call import Call
from fabro_core.http.operation import operation
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.instant import Instant

IntegrationProvider = Literal["github", "slack"]


class IntegrationConnectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["socket_mode"]
    status: Literal["connecting", "connected", "error"]
    last_connected_at: Instant | None
    last_error: str | None


class SystemIntegrationStatus(msgspec.Struct, frozen=True, kw_only=True):
    provider: IntegrationProvider
    enabled: bool
    configured: bool
    status: Literal["disabled", "missing_credentials", "configured", "connecting", "connected", "error"]
    missing_credentials: list[str]
    """Names of secrets."""
    connection: IntegrationConnectionStatus | None
    metadata: dict[str, str]


class SystemIntegrationsResponse(msgspec.Struct, frozen=True):
    data: list[SystemIntegrationStatus]


@operation(
    "GET",
    "/system/integrations",
    id="getSystemIntegrations",
    tag="System",
    summary="Which other services it works with",
    answers={200: SystemIntegrationsResponse},
)
async def get_system_integrations(_: Call) -> Reply:
    return json_reply(SystemIntegrationsResponse([_without(each) for each in get_args(IntegrationProvider)]))


def _without(provider: IntegrationProvider) -> SystemIntegrationStatus:
    return SystemIntegrationStatus(
        provider=provider,
        enabled=False,
        configured=False,
        status="disabled",
        missing_credentials=[],
        connection=None,
        metadata={},
    )


ROUTES: Final = (get_system_integrations,)
