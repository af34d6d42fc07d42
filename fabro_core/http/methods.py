"""Which methods a path has, and what is said where there is no such path or method (server.md S3)."""

from __future__ import annotations

from collections.abc import Iterable

from fabro_core.errors import Refusal


class RouteNotFound(Refusal):
    """404: nothing is served under the path."""

    def __init__(self) -> None:
        super().__init__("No such route.", code="route_not_found")


class MethodNotAllowed(Refusal):
    """405; `allow` lists the methods that there are."""

    def __init__(self, allow: bytes) -> None:
        self.allow = allow
        super().__init__("The method is not allowed for this route.", code="method_not_allowed")


def listed(methods: Iterable[str]) -> bytes:
    """The value of `Allow`."""
    return ", ".join(sorted(methods)).encode("ascii")
