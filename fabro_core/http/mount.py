"""Paths as an application sees them that a host or a proxy serves below a prefix (server.md S13).

Servers and frameworks differ in whether `root_path` is part of `path`, so it is removed only where the path really
starts with it. Says nothing about links: the public prefix comes from the public URL.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from fabro_core.http.asgi import Scope

_LEADING_SLASHES = re.compile(rb"(?:/|%2[Ff])*")


def below_root_path(scope: Scope) -> Scope:
    """`scope` as seen below its own `root_path`; the same object when its path is not below that."""
    root_path = scope.get("root_path") or ""
    if not root_path:
        return scope
    inner = below(scope, root_path)
    if inner is None and (proxied := scope.get("app_root_path")):
        # Starlette adds the path of a mount to a root path that a proxy has removed from `path` already.
        inner = below(scope, root_path.removeprefix(proxied))
    return scope if inner is None else inner


def below(scope: Scope, prefix: str) -> Scope | None:
    """`scope` as seen below `prefix`, with an empty `root_path`; None when its path is not below that."""
    path: str = scope["path"]
    prefix = prefix.rstrip("/")
    if path != prefix and not path.startswith(f"{prefix}/"):
        return None
    inner: Scope = {**scope, "root_path": "", "path": "/" + path[len(prefix) :].lstrip("/")}
    raw_path = scope.get("raw_path")
    if raw_path is not None:
        inner["raw_path"] = _raw_below(raw_path, prefix.encode("utf-8", "replace"))
    return inner


def _raw_below(raw_path: bytes, prefix: bytes) -> bytes:
    """The percent-encoded path without `prefix`, which is decoded; unchanged when somebody removed it already."""
    longest = min(len(raw_path), 3 * len(prefix))
    # Longest first: cut inside of `%25` it would decode to the same bytes, because a broken escape stands for itself.
    for end in range(longest, len(prefix) - 1, -1):
        if unquote_to_bytes(raw_path[:end]) == prefix:
            return b"/" + _LEADING_SLASHES.sub(b"", raw_path[end:], count=1)
    return raw_path
