"""The limits: the least that can answer the same bytes, under the same ASGI server with the same options.

python -m benchmarks.reference litestar-get BODY PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from litestar import Litestar, Response, get
from litestar.types import ASGIApp, Receive, Scope, Send


def litestar_get(body: bytes) -> ASGIApp:
    """A Litestar `@get` handler that returns prepared bytes: the reference of our ratios."""

    @get("/api/v1/runs")
    async def list_runs() -> Response[bytes]:
        return Response(body, media_type="application/json")

    return Litestar([list_runs], openapi_config=None, logging_config=None)


def bare_asgi(body: bytes) -> ASGIApp:
    """No framework at all."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app


APPLICATIONS = {"litestar-get": litestar_get, "bare-asgi": bare_asgi}


def main() -> None:
    name, body, port = sys.argv[1:]
    app = APPLICATIONS[name](Path(body).read_bytes())
    uvicorn.run(
        app,
        port=int(port),
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
