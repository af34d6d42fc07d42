"""Cookies of this server: how they are set, cleared and read (auth.md A14, RFC 6265)."""

from __future__ import annotations

from collections.abc import Iterable


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


def cookie_value(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """The value of a cookie in a request; the last one counts if it is there several times, None if never."""
    wanted = name.encode("ascii")
    found = None
    for header, line in headers:
        if header == b"cookie":
            for pair in line.split(b";"):
                key, _, value = pair.strip().partition(b"=")
                if key == wanted:
                    found = value
    return None if found is None else found.decode("latin-1")
