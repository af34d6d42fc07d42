"""Servers behind proxies. `make proxies` runs these tests."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.certificates import certificate
from tests.cli.terminal import wait_until
from tests.ports import free_port
from tests.proxies.running import nginx, nginx_guide
from tests.races.server_process import TOKEN, on_sqlite, server_process

BROWSER = {"Accept": "text/html"}
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}
PATIENCE_SECONDS = 20
"""Less than it takes until a stream ends by itself, more than it takes until one has something to say."""


@dataclass(frozen=True)
class Proxied:
    """A server behind nginx."""

    prefix: str
    port: int
    upstream: int
    """The server's own port."""
    log: Path
    """The server's."""
    pem: Path

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self, *, address: str | None = None) -> httpx.Client:
        """Somebody without credentials, on the other side of the proxy; `address` is what they connect from."""
        tls = ssl.create_default_context(cafile=str(self.pem))
        transport = httpx.HTTPTransport(verify=tls, local_address=address)
        return httpx.Client(transport=transport, base_url=f"{self.origin}{self.prefix}", timeout=PATIENCE_SECONDS)

    def direct(self) -> httpx.Client:
        """Somebody who asks the server itself."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.upstream}", timeout=PATIENCE_SECONDS, trust_env=False)

    def line_of(self, request_id: str) -> str:
        """The line of the server's log about a request; waits for it."""

        def lines() -> list[str]:
            return [line for line in self.log.read_text().splitlines() if f"request_id={request_id}" in line]

        wait_until(lambda: bool(lines()))
        return lines()[0]


@pytest.fixture(scope="module", params=["", "/fabro"], ids=["at the root", "below a prefix"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """A server behind an nginx that is set up as the guide says."""
    directory, prefix = tmp_path_factory.mktemp("nginx"), request.param
    pem, port = certificate(directory, "localhost"), free_port()
    web = f'[server.web]\nurl = "https://localhost:{port}{prefix}"\n'
    settings = on_sqlite(directory / "fabro.db") + web
    trusted = {"FORWARDED_ALLOW_IPS": "127.0.0.1"}
    with (
        server_process(directory / "home", settings, secrets=trusted) as server,
        nginx(directory, nginx_guide(prefix), port=port, upstream=server.port, certificate=pem),
    ):
        yield Proxied(prefix, port, server.port, directory / "home" / "stdout.log", pem)
