"""The table of HTTP operations, from the API document of a server."""

from __future__ import annotations

import asyncio
import json
import tempfile
from typing import Any

from docs.generate.markdown import code, page, table
from fabro_core import create_app

_SETTINGS = {"server": {"auth": {"methods": ["dev-token"]}, "store": {"kind": "memory"}}}

_NAMES = {"application/json": "JSON", "application/octet-stream": "bytes", "multipart/form-data": "multipart"}


def write() -> str:
    """The page."""
    document = asyncio.run(api_document())
    introduction = (
        "What the API document at `/api/v1/openapi.json` lists: every operation of a server without extensions, with"
        " its parameters in the path and the query. Operations without credentials say so; all others ask for them."
        " [HTTP API](../http-api.md) says what is common to them, [Coverage](coverage.md) which of them do what."
    )
    sections = [_section(tag["name"], document["paths"]) for tag in document["tags"]]
    return page("HTTP operations", introduction, *sections)


async def api_document() -> dict[str, Any]:
    """The API document as a client gets it."""
    import httpx

    with tempfile.TemporaryDirectory() as home:
        secrets = {"FABRO_DEV_TOKEN": f"fabro_dev_{'0' * 64}", "SESSION_SECRET": "0" * 64}
        fabro = create_app(_SETTINGS, environ={"FABRO_HOME": home, **secrets})
        client = httpx.AsyncClient(transport=httpx.ASGITransport(fabro), base_url="http://fabro.test")
        async with fabro.lifespan(), client:
            document: dict[str, Any] = json.loads((await client.get("/api/v1/openapi.json")).content)
            return document


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
