"""Cookies of this server: how they are set, cleared and read (auth.md A14, RFC 6265)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_OF_ONE_NAME: Final = 4
"""How many cookies of one name are looked at: each may cost a look into the store."""


class Cookies:
    """Sets cookies for one public URL. Nothing in them depends on a request."""

    def __init__(self, *, prefix: str, secure: bool) -> None:
        """`prefix` is the path of the public URL, `secure` whether its scheme is https."""
        self._prefix = prefix
        self._secure = "; Secure" if secure else ""

    def set(self, name: str, value: str, *, max_age_seconds: int, path: str = "/") -> tuple[bytes, bytes]:
        """The header that sets a cookie below `path`, a path of this server without the public prefix."""
        below = (self._prefix + path).rstrip("/") or "/"
        attributes = f"Path={below}; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{self._secure}"
        return (b"set-cookie", f"{name}={value}; {attributes}".encode("ascii"))

    def clear(self, name: str, *, path: str = "/") -> tuple[bytes, bytes]:
        """The header that makes the browser forget a cookie that was set with this path."""
        return self.set(name, "", max_age_seconds=0, path=path)


def cookie_values(headers: Iterable[tuple[bytes, bytes]], name: str) -> tuple[str, ...]:
    """What a request has under the name of a cookie, in its order, at most `MAX_OF_ONE_NAME` of them.

    A browser sends all that apply, those of longer paths first (RFC 6265 §5.4), and cookies of another port of the host
    are among them. Which one is meant only shows when one proves good.
    """
    wanted = name.encode("ascii")
    found: list[str] = []
    for header, line in headers:
        if header == b"cookie":
            for pair in line.split(b";"):
                key, _, value = pair.strip().partition(b"=")
                if key == wanted:
                    found.append(value.decode("latin-1"))
                    if len(found) == MAX_OF_ONE_NAME:
                        return tuple(found)
    return tuple(found)
