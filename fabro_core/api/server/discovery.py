"""What a client that knows nothing asks first: the root, health, the API document (server.md S6, S7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from fabro_core.http.accept import prefers_html
from fabro_core.http.call import Call
from fabro_core.http.failures import draining, envelope, store_down
from fabro_core.http.operation import operation
from fabro_core.http.reply import JSON_TYPE, Reply, json_bytes, json_reply

_VARY_ACCEPT = (b"vary", b"Accept")


class RootResponseUrls(msgspec.Struct, frozen=True, kw_only=True):
    openapi_url: str
    current_user_url: str
    health_url: str


class RootResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Plugins add members to `urls`, named `<plugin>.<rel>`."""

    urls: RootResponseUrls


class HealthResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    status: str
    store: Literal["unavailable"] | None = None


class ReadyResponse(msgspec.Struct, frozen=True):
    status: str


CORE_LINKS = frozenset(RootResponseUrls.__struct_fields__)


def discovery_document(*, prefix: str, api_url: str | None, links: Mapping[str, str]) -> bytes:
    """The body of `GET /` for API clients: core's links, then those of plugins."""
    base = f"{prefix}/api/v1" if api_url is None else api_url
    health = f"{prefix}/health" if api_url is None else f"{api_url}/health"
    core = {"openapi_url": f"{base}/openapi.json", "current_user_url": f"{base}/user", "health_url": health}
    extra = {key: f"{prefix}{href}" if href.startswith("/") else href for key, href in links.items()}
    return msgspec.json.encode({"urls": {**core, **extra}})


@operation(
    "GET", "/", id="getRoot", tag="Discovery", summary="Where things are", answers={200: RootResponse}, guard=None
)
async def get_root(call: Call) -> Reply:
    services = call.services
    if services.web_enabled and prefers_html(call.headers):
        location = f"{services.public_prefix}/runs".encode("ascii")
        return Reply(303, headers=((b"location", location), _VARY_ACCEPT))
    return Reply(200, services.discovery, (JSON_TYPE, _VARY_ACCEPT))


async def _health(call: Call[Any, Any, Any]) -> Reply:
    if call.services.health.available:
        return json_reply(HealthResponse(status="ok"))
    return json_reply(HealthResponse(status="degraded", store="unavailable"))


@operation(
    "GET",
    "/health",
    id="getHealth",
    tag="Discovery",
    summary="Whether the server serves",
    answers={200: HealthResponse},
    guard=None,
)
async def get_health(call: Call) -> Reply:
    return await _health(call)


@operation(
    "GET",
    "/api/v1/health",
    id="getApiHealth",
    tag="Discovery",
    summary="Whether the server serves",
    answers={200: HealthResponse},
    guard=None,
)
async def get_api_health(call: Call) -> Reply:
    return await _health(call)


@operation(
    "GET",
    "/health/ready",
    id="getReady",
    tag="Discovery",
    summary="Whether the server takes requests",
    answers={200: ReadyResponse},
    errors=(503,),
    guard=None,
)
async def get_ready(call: Call) -> Reply:
    services = call.services
    request_id = call.trace.request_id
    if services.is_draining():
        return envelope(draining(), request_id)
    if not services.health.available:
        return envelope(store_down(), request_id)
    return json_reply(ReadyResponse(status="ready"))


@operation(
    "GET",
    "/api/v1/openapi.json",
    id="getOpenApiSpec",
    tag="Discovery",
    summary="This document",
    answers={200: dict[str, Any]},
    guard=None,
)
async def get_openapi(call: Call) -> Reply:
    return json_bytes(call.services.api_document())


ROUTES: Final = (
    get_root,
    get_health,
    get_api_health,
    get_ready,
    get_openapi,
)
