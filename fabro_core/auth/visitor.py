"""Where a sign-in comes from, before anybody knows whose it is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fabro_core.auth.cookies import cookie_values


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """A browser or a program, as its request tells. Not shown, as cookies are secret."""

    client: str
    """The peer's address, `unix` for a socket peer (server.md S13)."""
    request_id: str
    headers: Sequence[tuple[bytes, bytes]]
    """Names in lower case."""

    def cookies(self, name: str) -> tuple[str, ...]:
        """What came along under the name of a cookie: the first that proves good counts (auth.md A4)."""
        return cookie_values(self.headers, name)

    @property
    def user_agent(self) -> str | None:
        """What the client says that it is."""
        return next((value.decode("latin-1") for name, value in self.headers if name == b"user-agent"), None)

    def __repr__(self) -> str:
        return f"Visitor(client={self.client!r}, request_id={self.request_id!r})"
