"""The table of HTTP operations, from the API document of a server."""

from __future__ import annotations

import asyncio
import json
import tempfile
from typing import Any

from docs.generate.markdown import code, page, prose, table
from fabro_core import create_app
from fabro_core.api.routes import API_PREFIX
from fabro_core.api.runs.pairs import REFUSED
from fabro_core.api.server.placeholders import PLACEHOLDERS

_SETTINGS = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}, "web": {"enabled": False}}}

_NAMES = {"application/json": "JSON", "application/octet-stream": "bytes", "multipart/form-data": "multipart"}


def write() -> str:
    """The page."""
    document = asyncio.run(api_document())
    introduction = (
        "What the API document at `/api/v1/openapi.json` lists: every operation of a server without extensions, with"
        " its parameters in the path and the query. Operations without credentials say so; all others ask for them."
        " [HTTP API](../http-api.md) says what is common to them."
    )
    sections = [_section(tag["name"], document["paths"]) for tag in document["tags"]]
    return page("HTTP operations", introduction, *sections, _placeholders())


async def api_document() -> dict[str, Any]:
    """The API document as a client gets it."""
    import httpx

    with tempfile.TemporaryDirectory() as home:
        fabro = create_app(_SETTINGS, environ={"FABRO_HOME": home, "FABRO_DEV_TOKEN": f"fabro_dev_{'0' * 64}"})
        client = httpx.AsyncClient(transport=httpx.ASGITransport(fabro), base_url="http://fabro.test")
        async with fabro.lifespan(), client:
            document: dict[str, Any] = json.loads((await client.get("/api/v1/openapi.json")).content)
            return document


def _placeholders() -> str:
    introduction = (
        "Clients that were made from the API's document know further operations. This server names them and answers"
        " 501 to whoever is signed in, without a look at the request."
    )
    rows = [(code(f"{each.method} {API_PREFIX}{each.path}"), each.reason) for each in PLACEHOLDERS]
    checked = (
        "These go through every check, and what has passed is refused with 503 `worker_control_unavailable`: nothing on"
        " this server reaches the worker of a run."
    )
    refused = [(code(f"{each.method} {API_PREFIX}{each.path}"),) for each in REFUSED]
    return "\n\n".join(
        (
            "## Only named",
            prose(introduction),
            table(("Operation", "Why"), rows),
            prose(checked),
            table(("Operation",), refused),
        )
    )


def _section(tag: str, paths: dict[str, Any]) -> str:
    rows = [
        _row(method, path, operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if tag in operation["tags"]
    ]
    return f"## {tag}\n\n" + table(("Operation", "Does", "Query", "Body", "Answers"), rows)


def _row(method: str, path: str, operation: dict[str, Any]) -> tuple[str, ...]:
    query = [code(each["name"]) for each in operation.get("parameters", ()) if each["in"] == "query"]
    public = " No credentials." if operation.get("security") == [] else ""
    return (
        code(f"{method.upper()} {path}"),
        operation["summary"].removesuffix(".") + "." + public,
        ", ".join(query),
        ", ".join(_NAMES.get(name, name) for name in operation.get("requestBody", {}).get("content", ())),
        ", ".join(operation["responses"]),
    )
