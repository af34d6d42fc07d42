"""Paths whose segments hold a slash of their own, which generated clients write as `%2F` (runs.md R3).

ASGI servers decode a path before anybody routes it. Where a slash was encoded, the path is taken as it came, with every
segment decoded but for its slashes and percent signs, so that the router sees the segments that the client meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote, unquote_to_bytes


def has_slash_in_segment(raw_path: bytes | None) -> bool:
    """Whether a percent-encoded path has an encoded slash; None: nobody knows, so it has none."""
    return raw_path is not None and (b"%2F" in raw_path or b"%2f" in raw_path)


def routable(raw_path: bytes) -> str:
    """The path for the router, from a percent-encoded one."""
    return "/".join(_kept(unquote_to_bytes(segment)) for segment in raw_path.split(b"/"))


def decoded(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that a router found in a routable path, as the client meant them."""
    return {name: unquote(text) for name, text in parameters.items()}


def _kept(segment: bytes) -> str:
    return segment.decode("utf-8", "replace").replace("%", "%25").replace("/", "%2F")
