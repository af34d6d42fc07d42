"""What leaves this machine: nothing that belongs to a server on it (auth.md A26). A proxy sees all that would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.terminal import Home
from tests.client.sites import DEV_TOKEN
from tests.ports import free_port


class Proxy(ThreadingHTTPServer):
    """Answers for every server there is, that nobody can sign in there."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        """URL and credential of each request."""
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def variables(self) -> dict[str, str]:
        return {"HTTP_PROXY": f"http://127.0.0.1:{self.server_address[1]}", "NO_PROXY": ""}


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["authorization"]))
        content = json.dumps({"methods": [], "options": []}).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as it:
        serving = threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield it
        finally:
            it.shutdown()
            serving.join()


def test_the_dev_token_of_the_environment_is_for_this_machine(proxy: Proxy, tmp_path: Path) -> None:
    server = "http://fabro.example.com"
    done = Home(tmp_path / "home").run(
        "auth", "login", FABRO_SERVER=server, FABRO_DEV_TOKEN=DEV_TOKEN, **proxy.variables
    )
    assert (done.returncode, done.stderr) == (1, f"{server} has no login with the browser; use --dev-token\n")
    assert proxy.seen == [(f"{server}/api/v1/auth/config", None)]


def test_a_dev_token_that_is_given_for_a_server_is_sent_there(proxy: Proxy, tmp_path: Path) -> None:
    server = "http://fabro.example.com"
    done = Home(tmp_path / "home").run("auth", "login", "--server", server, "--dev-token", DEV_TOKEN, **proxy.variables)
    assert (done.returncode, done.stderr) == (1, f"{server} does not answer as a Fabro server does\n")
    assert proxy.seen == [(f"{server}/api/v1/user", f"Bearer {DEV_TOKEN}")]


def test_no_proxy_is_asked_for_a_server_of_this_machine(proxy: Proxy, tmp_path: Path) -> None:
    server = f"http://127.0.0.1:{free_port()}"
    done = Home(tmp_path / "home").run(
        "auth", "login", FABRO_SERVER=server, FABRO_DEV_TOKEN=DEV_TOKEN, **proxy.variables
    )
    assert done.stderr.startswith(f"cannot reach {server}: ")
    assert proxy.seen == []
