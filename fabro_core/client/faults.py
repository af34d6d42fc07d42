"""How talking to a server fails. The texts are for the person at the terminal, and never repeat a credential."""

from __future__ import annotations

from shlex import quote

from fabro_core.errors import FabroError
from fabro_core.unseen import escaped


class ClientFailed(FabroError):
    """The server cannot be asked, or what it answers is of no use."""


class Refused(ClientFailed):
    """The server answered with an error. What it says is shown with unseen characters spelled out."""

    def __init__(self, status: int, code: str | None, detail: str, *, server: str) -> None:
        self.status, self.code = status, code
        self.detail = detail
        """In full, as the server wrote it."""
        super().__init__(escaped(f"{server}: {detail}"))


class LoginRequired(ClientFailed):
    """There is no login that the server accepts: exit code 4 (auth.md A28)."""

    def __init__(self, server: str) -> None:
        super().__init__(f"Not logged in to {server}; run: fabro auth login --server {quote(server)}")
