"""A server that refuses to refresh, for what a real one cannot be brought to do on one machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from fabro_core.client.address import ServerAddress
from fabro_core.client.authenticated import AuthenticatedClient
from fabro_core.client.credentials_file import CredentialsFile
from fabro_core.client.logins import OAuthLogin
from fabro_core.secret import Secret

EXPIRY: Final = datetime(2026, 8, 2, 8, 10, tzinfo=UTC)


def login(number: int) -> OAuthLogin:
    """The nth login of a person."""
    return OAuthLogin(
        login="mona",
        access_token=Secret(f"access-{number}"),
        access_token_expires_at=EXPIRY,
        refresh_token=Secret(f"fabro_refresh_{number}"),
        refresh_token_expires_at=EXPIRY,
    )


@dataclass
class ScriptedServer:
    """Takes the second login's access token for good, and all others for expired. Its file begins with the first."""

    directory: Path
    url: str
    status: int
    """Of the answer to a refresh."""
    code: str
    before_refusal: Callable[[ScriptedServer], None]
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and credential."""

    @property
    def credentials(self) -> CredentialsFile:
        return CredentialsFile(self.directory / "auth.json")

    def ask(self) -> int:
        """The status that the client gets in the end."""
        with AuthenticatedClient(ServerAddress.parse(self.url), self.credentials) as client:
            return client.request("GET", "/api/v1/user").status_code

    def answer(self, path: str, credential: str) -> tuple[int, dict[str, Any]]:
        self.requests.append((path, credential))
        if path == "/auth/cli/refresh":
            self.before_refusal(self)
            return self.status, _refusal(self.code)
        return (200, {}) if credential == "access-2" else (401, _refusal("access_token_expired"))


def another_machine_wins(server: ScriptedServer) -> None:
    """The second login appears in the file, past the lock, which does not reach that far."""
    elsewhere = server.directory / "elsewhere.json"
    with CredentialsFile(elsewhere).changing() as logins:
        logins[server.url] = login(2)
    elsewhere.replace(server.directory / "auth.json")


def nothing_happens(server: ScriptedServer) -> None:
    """The file stays as it is."""


@contextmanager
def refusing(
    directory: Path, status: int, code: str, before_refusal: Callable[[ScriptedServer], None] = nothing_happens
) -> Iterator[ScriptedServer]:
    """Serve on a free port, with the first login in the file."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            credential = self.headers["authorization"].removeprefix("Bearer ")
            answered, body = scripted.answer(self.path, credential)
            content = json.dumps(body).encode()
            self.send_response_only(answered)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        url = f"http://127.0.0.1:{http.server_address[1]}"
        scripted = ScriptedServer(directory, url, status, code, before_refusal)
        with scripted.credentials.changing() as logins:
            logins[url] = login(1)
        serving = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield scripted
        finally:
            http.shutdown()
            serving.join()


def _refusal(code: str) -> dict[str, Any]:
    return {"error": code, "error_description": "No", "errors": [{"status": "0", "detail": "No", "code": code}]}
