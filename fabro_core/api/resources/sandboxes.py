"""Sandboxes over HTTP (resources.md X15). Nothing here drives any, so there are none."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, Literal

import msgspec

from fabro_core.errors import NotFound
from fabro_core.http.call import Call
from fabro_core.http.guards import Guard
from fabro_core.http.operation import operation
from fabro_core.http.path import PathParams
from fabro_core.http.reply import Reply, json_reply
from fabro_core.models.instant import Instant

sandboxes = partial(operation, tag="Sandboxes", guard=Guard.MANAGEMENT)
_NO_ANSWERS: Final[dict[int, Any]] = {}

ProviderKind = Literal["local", "docker", "daytona"]
State = Literal[
    "unknown",
    "provisioning",
    "starting",
    "running",
    "stopping",
    "stopped",
    "paused",
    "deleting",
    "deleted",
    "archived",
    "restoring",
    "resizing",
    "error",
]


class SandboxPath(PathParams, frozen=True, kw_only=True):
    id: str


class SandboxResources(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    cpu_cores: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None


class SandboxNetworkPolicy(msgspec.Struct, frozen=True, kw_only=True):
    mode: Literal["unknown", "open", "blocked", "cidr_allow_list", "essentials_only"]
    cidrs: list[str]


class SandboxNetwork(msgspec.Struct, frozen=True, kw_only=True):
    egress: SandboxNetworkPolicy
    ingress: SandboxNetworkPolicy


class SandboxTimestamps(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    created_at: Instant | None = None
    last_activity_at: Instant | None = None


class SandboxInfo(msgspec.Struct, frozen=True, kw_only=True):
    provider: ProviderKind
    id: str
    display_name: str | None = None
    state: State
    native_state: str | None = None
    """In the provider's own words."""
    image: str | None = None
    snapshot: str | None = None
    region: str | None = None
    web_url: str | None = None
    working_directory: str | None = None
    resources: SandboxResources
    network: SandboxNetwork
    labels: dict[str, str]
    timestamps: SandboxTimestamps


class SandboxProviderLookupError(msgspec.Struct, frozen=True, kw_only=True):
    provider: ProviderKind
    message: str


class SandboxListMeta(msgspec.Struct, frozen=True):
    provider_errors: list[SandboxProviderLookupError]


class SandboxListResponse(msgspec.Struct, frozen=True):
    data: list[SandboxInfo]
    meta: SandboxListMeta


@sandboxes("GET", "/sandboxes", id="listSandboxes", summary="List sandboxes", answers={200: SandboxListResponse})
async def list_sandboxes(_: Call) -> Reply:
    return json_reply(SandboxListResponse(data=[], meta=SandboxListMeta([])))


@sandboxes("GET", "/sandboxes/{id}", id="retrieveSandbox", summary="Get a sandbox", answers=_NO_ANSWERS, errors=(404,))
async def get_sandbox(_: Call[SandboxPath]) -> Reply:
    raise NotFound("Sandbox not found.")


ROUTES: Final = (list_sandboxes, get_sandbox)
